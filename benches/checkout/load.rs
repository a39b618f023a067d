//! A bounded load: so many jobs, so many at once, within a time.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

/// No load may take longer.
const BOUND: Duration = Duration::from_secs(90);

/// How a load went.
pub(crate) struct Load {
    took: Duration,
    /// Of each job, the shortest first.
    times: Vec<Duration>,
}

impl Load {
    /// Jobs a second.
    #[allow(clippy::cast_precision_loss)]
    pub(crate) fn rate(&self) -> f64 {
        self.times.len() as f64 / self.took.as_secs_f64()
    }

    /// The time that this share of the jobs stayed within.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        percentile(&self.times, percent)
    }
}

/// The time that this share of `times`, sorted, stays within.
pub(crate) fn percentile(times: &[Duration], percent: usize) -> Duration {
    let last = times.len() - 1;
    times[(times.len() * percent / 100).min(last)]
}

/// Does `count` jobs, `width` at once.
pub(crate) async fn run<F, Fut>(count: u64, width: u64, job: F) -> Load
where
    F: Fn() -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send,
{
    let next = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    let mut workers = JoinSet::new();
    for _ in 0..width {
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
    let all = tokio::time::timeout(BOUND, workers.join_all());
    let mut times = all.await.expect("the load is done within its bound").concat();
    let took = started.elapsed();
    times.sort_unstable();
    Load { took, times }
}
