//! The sweep: clears what nobody finished, and gets to the truth without webhooks.
//!
//! Takes no input, is bounded by what is due, and may run anywhere and any number of times: what it works on is leased,
//! so that instances share it. It asks Stripe about holds whose time is over and payments that take long, carries out
//! commands, recovers attempts and forgets what is no longer needed.

use futures::StreamExt;

use super::{Context, WorkflowError, commands, recover, release, retention};
use crate::domain::booking::{Actor, Booking};
use crate::domain::hold::Status;

/// Holds leased at a time; as many are asked about at once as Stripe takes comfortably.
const BATCH: u32 = 50;
const AT_ONCE: usize = 8;

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SweepReport {
    /// Holds that Stripe was asked about.
    pub examined: u64,
    /// Of them, released.
    pub released: u64,
    /// Of them, found paid.
    pub confirmed: u64,
    /// Holds and attempts without an answer; they come again.
    pub failed: u64,
    /// How long the oldest overdue hold had been over when the sweep began, in milliseconds.
    pub oldest_overdue_ms: i64,
}

/// Sweeps once. A second sweep in this process waits for the first.
///
/// # Errors
/// [`WorkflowError::Store`] where the database is away.
pub async fn run_once(context: &Context) -> Result<SweepReport, WorkflowError> {
    let _alone = context.sweeping.lock().await;
    sweep(context).await
}

/// Sweeps once, unless this process is still at the last one: `None` then.
///
/// # Errors
/// [`WorkflowError::Store`] where the database is away.
pub async fn run_unless_running(context: &Context) -> Result<Option<SweepReport>, WorkflowError> {
    match context.sweeping.try_lock() {
        Ok(_alone) => sweep(context).await.map(Some),
        Err(_) => Ok(None),
    }
}

async fn sweep(context: &Context) -> Result<SweepReport, WorkflowError> {
    let oldest_overdue_ms = context
        .store
        .count_figures(context.now())
        .await?
        .oldest_overdue_ms;
    let mut report = SweepReport {
        oldest_overdue_ms,
        ..SweepReport::default()
    };
    sweep_holds(context, &mut report).await?;
    report.failed += recover::run(context).await?;
    commands::run_due(context).await?;
    retention::run(context).await?;
    metrics::counter!("holdfast_sweeps_total").increment(1);
    if report.examined + report.failed > 0 {
        tracing::info!(?report, "swept");
    }
    Ok(report)
}

async fn sweep_holds(context: &Context, report: &mut SweepReport) -> Result<(), WorkflowError> {
    loop {
        let batch = context
            .store
            .lease_due_holds(context.now(), context.settings.lease, BATCH)
            .await?;
        let full = batch.len() == BATCH as usize;
        let results: Vec<(Status, Result<Booking, WorkflowError>)> = futures::stream::iter(batch)
            .map(|booking| async move {
                (
                    booking.hold.status,
                    release::end(context, booking, Actor::Sweep).await,
                )
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        for (before, result) in results {
            count(report, before, result);
        }
        if !full {
            return Ok(());
        }
    }
}

fn count(report: &mut SweepReport, before: Status, result: Result<Booking, WorkflowError>) {
    report.examined += 1;
    match result.map(|booking| booking.hold.status) {
        Ok(Status::Released(_)) => report.released += 1,
        Ok(Status::Confirmed) => report.confirmed += 1,
        Ok(Status::Held) if before == Status::Held => report.failed += 1,
        Ok(Status::Held | Status::Processing | Status::Cancelled(_)) => {}
        Err(error) => {
            tracing::debug!(%error, "hold left to the next sweep");
            report.failed += 1;
        }
    }
}
