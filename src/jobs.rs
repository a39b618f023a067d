//! The background work: the sweep on its schedule, the outbox worker, the reader of calendar feeds, the comparison with
//! Stripe, the events for the shop's endpoints, and the count of units that are sold twice.

use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};
use tokio_util::sync::CancellationToken;

use crate::workflow::deliver_events::{self, RenderEvent};
use crate::workflow::{Context, outbox, read_feeds, reconcile, sold_twice, sweep};

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
        Ok(Self {
            scheduler,
            workers: [
                tokio::spawn(outbox::run_worker(context.clone(), stop.clone())),
                tokio::spawn(read_feeds::run_worker(context.clone(), stop.clone())),
                tokio::spawn(reconcile::run_worker(context.clone(), stop.clone())),
                tokio::spawn(deliver_events::run_worker(context.clone(), render, stop.clone())),
                tokio::spawn(sold_twice::run_worker(context, stop)),
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
                tracing::error!(%error, "a worker panicked");
            }
        }
    }
}

async fn sweep_unless_running(context: &Context) {
    match sweep::sweep_unless_running(context).await {
        Ok(Some(_)) => {}
        Ok(None) => tracing::debug!("the previous sweep is still running"),
        Err(error) => tracing::warn!(%error, "the sweep failed: the database is unavailable"),
    }
}
