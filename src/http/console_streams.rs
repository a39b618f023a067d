//! What the streams to pages of the console share: their bound, and one reading of the database for all of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as SyncMutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::domain::console_session::ConsoleTokenDigest;
use crate::domain::event_out::StreamEnd;
use crate::workflow::{Context, WorkflowError, stream_events};

/// The most streams of a process.
const MAX_STREAMS: usize = 32;
/// The most streams of a session, so that one operator's pages do not take those of the others.
const MAX_STREAMS_OF_SESSION: usize = 6;
/// How long a reading of the database is good for.
const MAX_AGE: Duration = Duration::from_secs(1);

/// The place of an open stream, among those of the process and those of its session.
#[derive(Debug)]
pub(super) struct StreamPermit {
    _of_process: OwnedSemaphorePermit,
    of_sessions: Arc<SyncMutex<HashMap<ConsoleTokenDigest, usize>>>,
    session: ConsoleTokenDigest,
}

impl Drop for StreamPermit {
    fn drop(&mut self) {
        let mut of_sessions = self.of_sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = of_sessions.get_mut(&self.session) {
            *open -= 1;
            if *open == 0 {
                of_sessions.remove(&self.session);
            }
        }
    }
}

/// What the streams of a process share.
#[derive(Debug)]
pub struct ConsoleStreams {
    permits: Arc<Semaphore>,
    of_sessions: Arc<SyncMutex<HashMap<ConsoleTokenDigest, usize>>>,
    last: Mutex<Option<(Instant, StreamEnd)>>,
}

impl Default for ConsoleStreams {
    fn default() -> Self {
        Self {
            permits: Arc::new(Semaphore::new(MAX_STREAMS)),
            of_sessions: Arc::default(),
            last: Mutex::new(None),
        }
    }
}

impl ConsoleStreams {
    /// Admits a stream of a session; `None` if there are too many. The stream keeps the permit.
    pub(super) fn admit(&self, session: ConsoleTokenDigest) -> Option<StreamPermit> {
        let of_process = self.permits.clone().try_acquire_owned().ok()?;
        let mut of_sessions = self.of_sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let open = of_sessions.entry(session).or_default();
        if *open >= MAX_STREAMS_OF_SESSION {
            return None;
        }
        *open += 1;
        drop(of_sessions);
        Some(StreamPermit {
            _of_process: of_process,
            of_sessions: self.of_sessions.clone(),
            session,
        })
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
