//! What runs by itself beside serving: the sweep on its schedule, the outbox worker, the reader of calendar feeds.

use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};
use tokio_util::sync::CancellationToken;

use crate::workflow::{Context, outbox, read_feeds, sweep};

/// The running jobs.
pub struct Jobs {
    scheduler: JobScheduler,
    workers: [JoinHandle<()>; 2],
}

impl Jobs {
    /// Starts them; `stop` ends the workers between two of their tasks.
    ///
    /// # Errors
    /// [`JobSchedulerError`] where the schedule cannot be read.
    pub async fn start(
        context: Arc<Context>,
        sweep_cron: &str,
        stop: CancellationToken,
    ) -> Result<Self, JobSchedulerError> {
        let scheduler = JobScheduler::new().await?;
        let sweeper = context.clone();
        let job = Job::new_async(sweep_cron, move |_, _| {
            let context = sweeper.clone();
            Box::pin(async move { sweep_once(&context).await })
        })?;
        scheduler.add(job).await?;
        scheduler.start().await?;
        Ok(Self {
            scheduler,
            workers: [
                tokio::spawn(outbox::run_worker(context.clone(), stop.clone())),
                tokio::spawn(read_feeds::run_worker(context, stop)),
            ],
        })
    }

    /// Ends them; a sweep that is running goes on to its end by itself, and what it has leased is safe in any case.
    pub async fn end(mut self) {
        if let Err(error) = self.scheduler.shutdown().await {
            tracing::warn!(%error, "the schedule did not end");
        }
        for worker in self.workers {
            if let Err(error) = worker.await {
                tracing::error!(%error, "a worker died");
            }
        }
    }
}

async fn sweep_once(context: &Context) {
    match sweep::sweep_unless_running(context).await {
        Ok(Some(_)) => {}
        Ok(None) => tracing::debug!("the last sweep is still running"),
        Err(error) => tracing::warn!(%error, "the sweep waits for the database"),
    }
}
