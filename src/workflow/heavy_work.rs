//! Bounds the work that takes a processor for a while: long lists of slots, and searches for alternatives among many.
//!
//! It runs on threads of its own, so that it does not delay other requests, and few of it runs at once, so that it
//! leaves processors to them. What waits too long, or would make the queue too long, is refused.

use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::error::WorkflowError;

/// How much work a request may do by itself, by [`estimate_list_work`]. It takes a few milliseconds at most.
///
/// [`estimate_list_work`]: crate::domain::catalogue::EventType::estimate_list_work
const LIGHT_WORK: u64 = 20_000;
/// How many requests may wait for each that runs.
const WAITING: usize = 8;
/// How long a request may wait.
const WAIT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long one piece of work may take. Only a catalogue with very many combinations takes so long.
const WORK_TIMEOUT: Duration = Duration::from_secs(10);

/// Admits heavy work to its threads.
pub(super) struct HeavyWork {
    running: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
}

/// Where a piece of work may run: light work in the request's own task, heavy work on a thread.
pub(super) enum WorkPermit {
    Light,
    Heavy {
        _running: OwnedSemaphorePermit,
        _admitted: OwnedSemaphorePermit,
    },
}

impl HeavyWork {
    /// Leaves at least half of the processors to all other requests.
    pub(super) fn of_this_machine() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self::with_threads((processors / 2).max(1))
    }

    fn with_threads(threads: usize) -> Self {
        Self {
            running: Arc::new(Semaphore::new(threads)),
            admitted: Arc::new(Semaphore::new(threads * (1 + WAITING))),
        }
    }

    /// Waits until this much work may run. The permit also covers the query that loads its data.
    ///
    /// # Errors
    /// [`WorkflowError::TooBusy`] if too much runs and waits.
    pub(super) async fn admit(&self, estimated_work: u64) -> Result<WorkPermit, WorkflowError> {
        if estimated_work <= LIGHT_WORK {
            return Ok(WorkPermit::Light);
        }
        let admitted = self.admitted.clone().try_acquire_owned();
        let admitted = admitted.map_err(|_| WorkflowError::TooBusy)?;
        match timeout(WAIT_TIMEOUT, self.running.clone().acquire_owned()).await {
            Ok(Ok(running)) => Ok(WorkPermit::Heavy {
                _running: running,
                _admitted: admitted,
            }),
            _ => Err(WorkflowError::TooBusy),
        }
    }
}

impl WorkPermit {
    /// Runs the work where this permit allows it. The work should end early once its token is cancelled, which happens
    /// when nobody waits for the result any more.
    ///
    /// # Errors
    /// [`WorkflowError::TooBusy`] if heavy work takes too long.
    pub(super) async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce(&CancellationToken) -> T + Send + 'static,
    ) -> Result<T, WorkflowError> {
        let cancelled = CancellationToken::new();
        if matches!(self, Self::Light) {
            return Ok(work(&cancelled));
        }
        let _cancel = cancelled.clone().drop_guard();
        let job = tokio::task::spawn_blocking(move || {
            let result = work(&cancelled);
            // The permit ends with the work, not with the request: a request that disconnected may still be running.
            drop(self);
            result
        });
        match timeout(WORK_TIMEOUT, job).await {
            Ok(result) => result.map_err(|panicked| WorkflowError::Internal(Box::new(panicked))),
            Err(_) => Err(WorkflowError::TooBusy),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const HEAVY: u64 = LIGHT_WORK + 1;

    #[tokio::test(start_paused = true)]
    async fn work_beyond_the_queue_is_refused() {
        let heavy_work = HeavyWork::with_threads(1);
        let running = heavy_work.admit(HEAVY).await.unwrap();
        let mut waiting: Vec<_> = (0..WAITING).map(|_| Box::pin(heavy_work.admit(HEAVY))).collect();
        for one in &mut waiting {
            assert!(futures::poll!(one).is_pending());
        }
        assert!(matches!(
            heavy_work.admit(HEAVY).await,
            Err(WorkflowError::TooBusy)
        ));
        assert!(
            heavy_work.admit(LIGHT_WORK).await.is_ok(),
            "light work needs no place"
        );
        drop(running);
        assert!(waiting.remove(0).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_waits_too_long_is_refused() {
        let heavy_work = HeavyWork::with_threads(1);
        let _running = heavy_work.admit(HEAVY).await.unwrap();
        let asked = tokio::time::Instant::now();
        assert!(matches!(
            heavy_work.admit(HEAVY).await,
            Err(WorkflowError::TooBusy)
        ));
        assert_eq!(asked.elapsed(), WAIT_TIMEOUT);
    }

    #[tokio::test]
    async fn abandoned_work_is_cancelled_and_keeps_its_thread_until_then() {
        let heavy_work = HeavyWork::with_threads(1);
        let permit = heavy_work.admit(HEAVY).await.unwrap();
        let (report_start, started) = mpsc::channel();
        let request = tokio::spawn(permit.run(move |cancelled| {
            report_start.send(()).unwrap();
            while !cancelled.is_cancelled() {
                std::thread::yield_now();
            }
        }));
        tokio::task::spawn_blocking(move || started.recv())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(heavy_work.running.available_permits(), 0);
        request.abort();
        // The thread ends only because it sees that it is cancelled.
        let _next = heavy_work.running.acquire().await.unwrap();
    }
}
