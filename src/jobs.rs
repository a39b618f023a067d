//! What runs by itself beside serving: the sweep on its schedule, and the outbox worker.

use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};
use tokio_util::sync::CancellationToken;

use crate::workflow::{Context, commands, sweep};

/// The running jobs.
pub struct Jobs {
    scheduler: JobScheduler,
    worker: JoinHandle<()>,
}

impl Jobs {
    /// Starts them; `stop` ends the worker between two commands.
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
            worker: tokio::spawn(commands::work(context, stop)),
        })
    }

    /// Ends them; a sweep that is running goes on to its end by itself, and what it has leased is safe in any case.
    pub async fn end(mut self) {
        if let Err(error) = self.scheduler.shutdown().await {
            tracing::warn!(%error, "the schedule did not end");
        }
        if let Err(error) = self.worker.await {
            tracing::error!(%error, "the outbox worker died");
        }
    }
}

async fn sweep_once(context: &Context) {
    match sweep::run_unless_running(context).await {
        Ok(Some(_)) => {}
        Ok(None) => tracing::debug!("the last sweep is still running"),
        Err(error) => tracing::warn!(%error, "the sweep waits for the database"),
    }
}
