//! What the streams to pages of the console share: their bound, and one reading of the database for all of them.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::stream_permits::{StreamPermit, StreamPermits};
use crate::domain::console_session::ConsoleTokenDigest;
use crate::domain::event_out::StreamEnd;
use crate::workflow::{Context, WorkflowError, stream_events};

/// The most streams of a process.
const MAX_STREAMS: usize = 32;
/// The most streams of a session, so that one operator's pages do not take those of the others.
const MAX_STREAMS_OF_SESSION: usize = 6;
/// How long a reading of the database is good for.
const MAX_AGE: Duration = Duration::from_secs(1);

/// What the streams of a process share.
#[derive(Debug)]
pub struct ConsoleStreams {
    permits: StreamPermits<ConsoleTokenDigest>,
    last: Mutex<Option<(Instant, StreamEnd)>>,
}

impl Default for ConsoleStreams {
    fn default() -> Self {
        Self {
            permits: StreamPermits::new(MAX_STREAMS, MAX_STREAMS_OF_SESSION),
            last: Mutex::new(None),
        }
    }
}

impl ConsoleStreams {
    /// Admits a stream of a session; `None` if there are too many. The stream keeps the permit.
    pub(super) fn admit(&self, session: ConsoleTokenDigest) -> Option<StreamPermit<ConsoleTokenDigest>> {
        self.permits.admit(session)
    }

    /// Returns the last reading, or a new one if that is too old. Streams that look meanwhile wait for the same one.
    pub(super) async fn current(&self, context: &Context) -> Result<StreamEnd, WorkflowError> {
        let mut last = self.last.lock().await;
        match *last {
            Some((read_at, end)) if read_at.elapsed() < MAX_AGE => Ok(end),
            _ => {
                let end = stream_events::read_stream_end(context).await?;
                *last = Some((Instant::now(), end));
                Ok(end)
            }
        }
    }
}
