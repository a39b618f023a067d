//! The sweep: finishes what was left unfinished, and learns from Stripe what webhooks did not bring.
//!
//! It asks Stripe about overdue holds, slow payments and guests who came back from the payment page, recovers attempts, carries out commands and deletes expired
//! data. Its work is bounded by what is due, and its time by a limit. It leases what it works on, so it can run on every
//! instance and at any time.

use chrono::{DateTime, Utc};
use futures::StreamExt;
use tokio::time::Instant;

use super::check_hold::check_returned_holds;
use super::closures::date_closures;
use super::context::Context;
use super::error::WorkflowError;
use super::{outbox, record_money, recover_attempts, release_hold, retention, waiting_payments};
use crate::domain::booking::{Actor, Booking};
use crate::domain::hold::Status;
use crate::store::LeaseRequest;

/// How many holds are leased and asked about at the same time; stays well below Stripe's rate limit. All of a batch are
/// asked about side by side, so that the lease outlasts the calls of each, however slow Stripe is.
const BATCH: u32 = 8;

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SweepReport {
    /// Holds about which Stripe was asked.
    pub examined: u64,
    /// Holds that were released.
    pub released: u64,
    /// Holds that turned out to be paid.
    pub confirmed: u64,
    /// Holds and attempts without an answer from Stripe; they are tried again.
    pub failed: u64,
    /// How long the oldest overdue hold had been overdue when the sweep started, in milliseconds.
    pub oldest_overdue_ms: i64,
}

/// Sweeps once, after any running sweep. A second sweep in this process waits for the first.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn sweep_once(context: &Context) -> Result<SweepReport, WorkflowError> {
    let _guard = context.sweeping.lock().await;
    sweep(context).await
}

/// Sweeps once; returns `None` without a sweep if one is still running in this process.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn sweep_unless_running(context: &Context) -> Result<Option<SweepReport>, WorkflowError> {
    match context.sweeping.try_lock() {
        Ok(_guard) => sweep(context).await.map(Some),
        Err(_) => Ok(None),
    }
}

async fn sweep(context: &Context) -> Result<SweepReport, WorkflowError> {
    let now = context.database_now().await?;
    let oldest_overdue_ms = context.store.count_figures(now).await?.oldest_overdue_ms;
    let mut report = SweepReport {
        oldest_overdue_ms,
        ..SweepReport::default()
    };
    let until = || Instant::now() + context.settings.sweep_time;
    sweep_holds(context, now, until(), &mut report).await?;
    sweep_returned_holds(context, until(), &mut report).await?;
    report.failed += recover_attempts::recover_attempts(context, until()).await?;
    waiting_payments::settle_waits(context).await?;
    record_money::settle_unnoted(context).await;
    outbox::run_due_commands_until(context, until()).await?;
    // Money first: what fails here keeps nothing else from being done.
    if let Err(error) = date_closures(context.store.as_ref(), context.settings.closure_zones()).await {
        report.failed += 1;
        tracing::warn!(%error, "closures not dated: the sweep tries again");
    }
    retention::delete_expired_data(context).await?;
    metrics::counter!("holdfast_sweeps_total").increment(1);
    if report.examined + report.failed > 0 {
        tracing::info!(?report, "sweep finished");
    }
    Ok(report)
}

/// Asks Stripe about the holds that are due at `now`, by the database's clock; leases none after `until`.
async fn sweep_holds(
    context: &Context,
    now: DateTime<Utc>,
    until: Instant,
    report: &mut SweepReport,
) -> Result<(), WorkflowError> {
    loop {
        let batch = context
            .store
            .lease_due_holds(&LeaseRequest::new(now, context.settings.lease, BATCH))
            .await?;
        let is_full = batch.len() == BATCH as usize;
        let results: Vec<(Status, Result<Booking, WorkflowError>)> = futures::stream::iter(batch)
            .map(|booking| async move {
                (
                    booking.hold.status,
                    release_hold::release_leased_hold(context, booking, Actor::Sweep).await,
                )
            })
            .buffer_unordered(BATCH as usize)
            .collect()
            .await;
        for (before, result) in results {
            count_result(report, before, result);
        }
        if !is_full || Instant::now() >= until {
            return Ok(());
        }
    }
}

/// Asks Stripe about holds whose guests came back from the payment page; begins no batch after `until`.
async fn sweep_returned_holds(
    context: &Context,
    until: Instant,
    report: &mut SweepReport,
) -> Result<(), WorkflowError> {
    loop {
        let (results, is_full) = check_returned_holds(context).await?;
        for result in results {
            match &result {
                // An open session is an answer: the guest can still pay.
                Ok(booking) if booking.hold.status == Status::Held => report.examined += 1,
                _ => count_result(report, Status::Held, result),
            }
        }
        if !is_full || Instant::now() >= until {
            return Ok(());
        }
    }
}

fn count_result(report: &mut SweepReport, before: Status, result: Result<Booking, WorkflowError>) {
    report.examined += 1;
    match result.map(|booking| booking.hold.status) {
        Ok(Status::Released(_)) => report.released += 1,
        Ok(Status::Confirmed) => report.confirmed += 1,
        Ok(Status::Held) if before == Status::Held => report.failed += 1,
        Ok(Status::Held | Status::Processing | Status::Cancelled(_)) => {}
        Err(error) => {
            tracing::debug!(%error, "hold is tried again by the next sweep");
            report.failed += 1;
        }
    }
}
