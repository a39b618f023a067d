//! The background work: the sweep on its schedule, the outbox worker, the reader of calendar feeds, the comparison with
//! Stripe, the events for the shop's endpoints, and the count of units that are sold twice.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};
use tokio_util::sync::CancellationToken;

use crate::workflow::deliver_events::{self, RenderEvent};
use crate::workflow::worker_panics::record_panic;
use crate::workflow::{Context, outbox, read_feeds, reconcile, sold_twice, sweep};

/// The pause before a worker that panicked starts again. What it had leased is due again when the lease ends.
const RESTART_PAUSE: Duration = Duration::from_secs(10);

/// The running background work.
pub struct Jobs {
    scheduler: JobScheduler,
    workers: [JoinHandle<()>; 5],
}

impl Jobs {
    /// Starts the background jobs; `render` writes an event for its endpoint. Cancelling `stop` ends the workers between two of their tasks.
    ///
    /// # Errors
    /// [`JobSchedulerError`] if the schedule is not valid.
    pub async fn start(
        context: Arc<Context>,
        sweep_cron: &str,
        render: RenderEvent,
        stop: CancellationToken,
    ) -> Result<Self, JobSchedulerError> {
        let scheduler = JobScheduler::new().await?;
        let sweep_context = context.clone();
        let job = Job::new_async(sweep_cron, move |_, _| {
            let context = sweep_context.clone();
            Box::pin(async move { sweep_unless_running(&context).await })
        })?;
        scheduler.add(job).await?;
        scheduler.start().await?;
        let send_events = move |context, stop| deliver_events::run_worker(context, render, stop);
        Ok(Self {
            scheduler,
            workers: [
                supervise("outbox", &context, &stop, outbox::run_worker),
                supervise("calendar_feeds", &context, &stop, read_feeds::run_worker),
                supervise("comparison", &context, &stop, reconcile::run_worker),
                supervise("events_out", &context, &stop, send_events),
                supervise("sold_twice", &context, &stop, sold_twice::run_worker),
            ],
        })
    }

    /// Stops the background jobs. A running sweep continues to its end; its leases keep its work safe if it
    /// does not.
    pub async fn shut_down(mut self) {
        if let Err(error) = self.scheduler.shutdown().await {
            tracing::warn!(%error, "the scheduler did not stop");
        }
        for worker in self.workers {
            if let Err(error) = worker.await {
                tracing::error!(%error, "a worker did not stop");
            }
        }
    }
}

/// Runs a worker until it ends, and starts it again after a pause if it panics: nothing else would, and what it does for the
/// shop would stand still until the process ends.
fn supervise<C, W>(
    worker: &'static str,
    context: &C,
    stop: &CancellationToken,
    run: impl Fn(C, CancellationToken) -> W + Send + 'static,
) -> JoinHandle<()>
where
    C: Clone + Send + 'static,
    W: Future<Output = ()> + Send + 'static,
{
    let (context, stop) = (context.clone(), stop.clone());
    tokio::spawn(async move {
        while let Err(error) = tokio::spawn(run(context.clone(), stop.clone())).await {
            record_panic(worker, &error);
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(RESTART_PAUSE) => {}
            }
        }
    })
}

async fn sweep_unless_running(context: &Context) {
    match sweep::sweep_unless_running(context).await {
        Ok(Some(_)) => {}
        Ok(None) => tracing::debug!("the previous sweep is still running"),
        Err(error) => tracing::warn!(%error, "the sweep failed: the database is unavailable"),
    }
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;
    use tokio::sync::watch;
    use tokio::time::{Instant, timeout};

    use super::*;

    /// Panics as often as `panics` says, then runs until it is stopped.
    async fn panic_at_first(starts: watch::Sender<u32>, panics: u32, stop: CancellationToken) {
        starts.send_modify(|count| *count += 1);
        assert!(*starts.borrow() > panics, "the worker panics");
        stop.cancelled().await;
    }

    #[tokio::test(start_paused = true)]
    async fn worker_that_panics_is_counted_and_starts_again() {
        let metrics = PrometheusBuilder::new().build_recorder();
        let _of_this_thread = metrics::set_default_local_recorder(&metrics);
        let (starts, mut seen) = watch::channel(0);
        let (stop, began) = (CancellationToken::new(), Instant::now());
        let worker = supervise("outbox", &starts, &stop, |starts, stop| {
            panic_at_first(starts, 2, stop)
        });
        let third = seen.wait_for(|count| *count == 3);
        timeout(RESTART_PAUSE * 9, third).await.unwrap().unwrap();
        assert_eq!(began.elapsed(), RESTART_PAUSE * 2);
        let shown = metrics.handle().render();
        let counted = "holdfast_worker_restarts_total{worker=\"outbox\"} 2\n";
        assert!(shown.contains(counted), "{shown}");
        stop.cancel();
        worker.await.unwrap();
        assert_eq!(*seen.borrow(), 3, "a worker that ends does not start again");
    }

    #[tokio::test(start_paused = true)]
    async fn worker_that_panics_does_not_delay_the_stop() {
        let (starts, mut seen) = watch::channel(0);
        let (stop, began) = (CancellationToken::new(), Instant::now());
        let worker = supervise("outbox", &starts, &stop, |starts, stop| {
            panic_at_first(starts, 9, stop)
        });
        seen.wait_for(|count| *count == 1).await.unwrap();
        stop.cancel();
        worker.await.unwrap();
        assert_eq!((began.elapsed(), *seen.borrow()), (Duration::ZERO, 1));
    }
}
