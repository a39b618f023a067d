//! What the streams to pages that show slots share: their bound, and one reading of the stream of events out, once a second,
//! however many they are.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::stream_permits::{StreamPermit, StreamPermits};
use crate::workflow::slot_changes::{self, ChangedTimes};
use crate::workflow::{Context, WorkflowError};

/// The part of the connections that streams may take.
const PART_OF_CONNECTIONS: u32 = 4;
/// The most streams of one client address.
const MOST_OF_ADDRESS: usize = 16;
/// How long a reading is good for.
const MAX_AGE: Duration = Duration::from_secs(1);
/// How long a reading is continued. If nobody has looked for longer, the events in between are of no use to anybody.
const MAX_GAP: Duration = Duration::from_secs(60);
/// How many changes are remembered for streams that resume.
const MOST_REMEMBERED: usize = 1_000;

/// The hints of a process, for all its streams.
pub struct SlotStreams {
    permits: StreamPermits<IpAddr>,
    recent: Mutex<Option<RecentChanges>>,
}

/// The last changes, without a gap after `since`.
struct RecentChanges {
    read_at: Instant,
    /// The position after which every change is remembered.
    since: i64,
    /// The position of the last event that was read.
    last: i64,
    changes: VecDeque<(i64, ChangedTimes)>,
}

/// What a stream has not said yet.
pub(super) struct UnsaidChanges {
    /// The position of the last event that was read.
    pub(super) last: i64,
    /// What may have changed.
    pub(super) times: ChangedTimes,
}

impl SlotStreams {
    /// Allows streams a quarter of the connections.
    pub fn new(max_connections: u32) -> Self {
        let most = usize::try_from(max_connections / PART_OF_CONNECTIONS).unwrap_or(usize::MAX);
        Self {
            permits: StreamPermits::new(most.max(1), MOST_OF_ADDRESS),
            recent: Mutex::new(None),
        }
    }

    /// Admits a stream of an address; `None` if there are too many. The stream keeps the permit.
    pub(super) fn admit(&self, address: IpAddr) -> Option<StreamPermit<IpAddr>> {
        self.permits.admit(address)
    }

    /// Returns what has changed after a position, as far as the last reading knows. Streams that look meanwhile wait for the same
    /// one. Without a position, nothing has.
    pub(super) async fn changes_after(
        &self,
        context: &Context,
        seen: Option<i64>,
    ) -> Result<UnsaidChanges, WorkflowError> {
        let mut recent = self.recent.lock().await;
        // What is known stays known if the reading fails, or if the stream that reads goes away meanwhile.
        if let Some(known) = recent.as_mut()
            && known.catch_up(context).await?
        {
            return Ok(known.after(seen.unwrap_or(known.last)));
        }
        let known = recent.insert(RecentChanges::begin(context).await?);
        Ok(known.after(seen.unwrap_or(known.last)))
    }
}

impl RecentChanges {
    async fn begin(context: &Context) -> Result<Self, WorkflowError> {
        let last = slot_changes::read_last_position(context).await?;
        Ok(Self {
            read_at: Instant::now(),
            since: last,
            last,
            changes: VecDeque::new(),
        })
    }

    /// Adds what has changed since the last reading, if that is over; `false` if it is more than is worth reading.
    async fn catch_up(&mut self, context: &Context) -> Result<bool, WorkflowError> {
        let age = self.read_at.elapsed();
        if age < MAX_AGE {
            return Ok(true);
        }
        if age >= MAX_GAP {
            return Ok(false);
        }
        let read = slot_changes::read_slot_changes(context, self.last).await?;
        if read.has_more {
            return Ok(false);
        }
        self.read_at = Instant::now();
        for (position, times) in read.changes {
            self.last = position;
            self.changes.push_back((position, times));
        }
        while self.changes.len() > MOST_REMEMBERED {
            if let Some((position, _)) = self.changes.pop_front() {
                self.since = position;
            }
        }
        Ok(true)
    }

    fn after(&self, seen: i64) -> UnsaidChanges {
        let mut all = Vec::new();
        let mut is_known = (self.since..=self.last).contains(&seen);
        for (_, times) in self.changes.iter().filter(|(position, _)| *position > seen) {
            match times {
                ChangedTimes::Some(times) => all.extend(times.iter().cloned()),
                ChangedTimes::Unknown => is_known = false,
            }
        }
        UnsaidChanges {
            last: self.last,
            times: if is_known {
                ChangedTimes::Some(all)
            } else {
                ChangedTimes::Unknown
            },
        }
    }
}
