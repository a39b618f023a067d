//! Runs a load: a number of jobs, some of them concurrently, within a time limit.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

/// The longest time for one load.
const LOAD_TIMEOUT: Duration = Duration::from_secs(90);

/// The result of a load.
pub(crate) struct LoadResult {
    took: Duration,
    /// The time of each job, the shortest first.
    times: Vec<Duration>,
}

impl LoadResult {
    pub(crate) fn new(took: Duration, mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self { took, times }
    }

    /// Returns the number of jobs.
    pub(crate) fn count(&self) -> usize {
        self.times.len()
    }

    /// Returns the jobs per second.
    #[allow(clippy::cast_precision_loss)]
    pub(crate) fn rate(&self) -> f64 {
        self.times.len() as f64 / self.took.as_secs_f64()
    }

    /// Returns the time within which this percentage of the jobs ended.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        percentile(&self.times, percent)
    }
}

/// Returns a percentile of `times`, which must be sorted.
pub(crate) fn percentile(times: &[Duration], percent: usize) -> Duration {
    let last = times.len() - 1;
    times[(times.len() * percent / 100).min(last)]
}

/// Runs `count` jobs, `concurrency` of them at once.
pub(crate) async fn run_load<F, Fut>(count: u64, concurrency: u64, job: F) -> LoadResult
where
    F: Fn() -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send,
{
    let next = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    let mut workers = JoinSet::new();
    for _ in 0..concurrency {
        let (next, job) = (Arc::clone(&next), job.clone());
        workers.spawn(async move {
            let mut times = Vec::new();
            while next.fetch_add(1, Ordering::Relaxed) < count {
                let begun = Instant::now();
                job().await;
                times.push(begun.elapsed());
            }
            times
        });
    }
    let all = tokio::time::timeout(LOAD_TIMEOUT, workers.join_all());
    let times = all.await.expect("the load ends within its time limit").concat();
    LoadResult::new(started.elapsed(), times)
}
