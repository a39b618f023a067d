//! What the streams to pages that show slots share: their bound, and one reading of the stream of events out, once a second,
//! however many they are.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::stream_permits::{StreamPermit, StreamPermits};
use crate::workflow::slot_changes::{self, ChangedTimes, SlotChange, StreamPlace};
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
    /// The place after which every change is remembered.
    since: StreamPlace,
    changes: VecDeque<SlotChange>,
}

/// Up to where a stream knows the changes.
#[derive(Clone, Copy)]
pub(super) enum Seen<'a> {
    /// It begins: nothing has changed yet.
    Now,
    /// It goes on after an earlier one, which ended at the place with this mark.
    Mark(&'a str),
    /// It has said what is up to this position.
    Position(i64),
}

/// What a stream has not said yet.
pub(super) struct UnsaidChanges {
    /// The place of the last event that was read.
    pub(super) last: StreamPlace,
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

    /// Returns what has changed since, as far as the last reading knows. Streams that look meanwhile wait for the same one.
    pub(super) async fn changes_after(
        &self,
        context: &Context,
        seen: Seen<'_>,
    ) -> Result<UnsaidChanges, WorkflowError> {
        let mut recent = self.recent.lock().await;
        // What is known stays known if the reading fails, or if the stream that reads goes away meanwhile.
        if let Some(known) = recent.as_mut()
            && known.catch_up(context).await?
        {
            return Ok(known.after(seen));
        }
        let known = recent.insert(RecentChanges::begin(context).await?);
        Ok(known.after(seen))
    }
}

impl RecentChanges {
    async fn begin(context: &Context) -> Result<Self, WorkflowError> {
        Ok(Self {
            since: slot_changes::find_last_place(context).await?,
            read_at: Instant::now(),
            changes: VecDeque::new(),
        })
    }

    /// The place of the last event that was read.
    fn last(&self) -> &StreamPlace {
        self.changes.back().map_or(&self.since, |change| &change.place)
    }

    /// Finds the position that a stream has seen; `None` if what came after it is not known any more.
    fn find_position(&self, seen: Seen<'_>) -> Option<i64> {
        let positions = self.since.position..=self.last().position;
        match seen {
            Seen::Now => Some(self.last().position),
            Seen::Position(position) => positions.contains(&position).then_some(position),
            Seen::Mark(mark) => {
                let mut places = [&self.since]
                    .into_iter()
                    .chain(self.changes.iter().map(|change| &change.place));
                places
                    .find(|place| place.mark == mark)
                    .map(|place| place.position)
            }
        }
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
        let read = slot_changes::read_slot_changes(context, self.last().position).await?;
        if read.has_more {
            return Ok(false);
        }
        self.read_at = Instant::now();
        self.changes.extend(read.changes);
        while self.changes.len() > MOST_REMEMBERED {
            if let Some(oldest) = self.changes.pop_front() {
                self.since = oldest.place;
            }
        }
        Ok(true)
    }

    fn after(&self, seen: Seen<'_>) -> UnsaidChanges {
        let times = self
            .find_position(seen)
            .map(|position| self.collect_after(position));
        UnsaidChanges {
            last: self.last().clone(),
            times: times.unwrap_or(ChangedTimes::Unknown),
        }
    }

    fn collect_after(&self, seen: i64) -> ChangedTimes {
        let mut all = Vec::new();
        for change in self.changes.iter().filter(|change| change.place.position > seen) {
            match &change.times {
                ChangedTimes::Some(times) => all.extend(times.iter().cloned()),
                ChangedTimes::Unknown => return ChangedTimes::Unknown,
            }
        }
        ChangedTimes::Some(all)
    }
}
