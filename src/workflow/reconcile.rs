//! Compares the ledger with Stripe: reads refunds and disputes, and merges them as events do. What an event reported
//! already changes nothing.
//!
//! `serve` does it in the background, with one call at a time so that other work goes first: for payments that only an earlier
//! version's counter tells of, and once a day for what was made in the last 35 days. An operator does it for any time.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::error::{WorkflowError, format_error_chain};
use super::record_money::{self, ListedMoney, unless_forbidden};
use crate::domain::ids::IntentId;
use crate::domain::ledger::snapshots::{DisputeStatus, PaymentFacts, RefundStatus};
use crate::gateway::ListFilter;
use crate::store::LeaseRequest;

/// How far back the daily reading goes.
const DAYS_BACK: chrono::Duration = chrono::Duration::days(35);
/// How often `serve` reads the last days.
const INTERVAL: chrono::Duration = chrono::Duration::days(1);
/// When a reading that failed is tried again.
const RETRY_AFTER: chrono::Duration = chrono::Duration::hours(1);
/// How long one instance has the daily reading to itself. If it takes longer, another one may read the same, which is harmless.
const READING_LEASE: Duration = Duration::from_mins(15);
/// How long a payment whose lists could not be read waits for the next try; all of them, if the key may not read them.
const REREAD_AFTER: chrono::Duration = chrono::Duration::hours(6);
/// How many payments with a counter are read in one round of the background work.
const BATCH: u32 = 4;
/// The pause between two rounds while there is more to read.
const PAUSE: Duration = Duration::from_secs(2);
/// How often the worker looks for due work.
const POLL: Duration = Duration::from_secs(30);
/// How many payments and objects a report names.
const NAMED: usize = 50;

/// The time in which the refunds and disputes that are read were made, on Stripe's clock; both ends are included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReconcileRange {
    /// The earliest time of creation.
    pub from: DateTime<Utc>,
    /// The latest time of creation.
    pub to: DateTime<Utc>,
}

impl ReconcileRange {
    /// Returns the last days before `now` that are read by default.
    pub fn last_days(now: DateTime<Utc>) -> Self {
        Self {
            from: now - DAYS_BACK,
            to: now,
        }
    }
}

/// What a comparison with Stripe found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReconcileReport {
    /// Refunds of our payments that were read.
    pub refunds: usize,
    /// Disputes of our payments that were read.
    pub disputes: usize,
    /// Payments of which only an earlier version's counter was known, and whose lists were read.
    pub verified: usize,
    /// Payments of which that is still so, because Stripe gave no list.
    pub unverified: i64,
    /// Payments about which Stripe says something new.
    pub changed: Vec<IntentId>,
    /// Refunds and disputes whose status this version does not know.
    pub unknown_statuses: Vec<String>,
    /// Payments whose refunds, disputes and decisions do not add up to what was paid.
    pub not_adding_up: i64,
    /// What the key may not read.
    pub forbidden: Vec<&'static str>,
}

impl ReconcileReport {
    /// Tells whether everything was read, is known and adds up.
    pub fn is_clean(&self) -> bool {
        self.unverified == 0
            && self.unknown_statuses.is_empty()
            && self.not_adding_up == 0
            && self.forbidden.is_empty()
    }
}

impl fmt::Display for ReconcileReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "read: {} refunds, {} disputes", self.refunds, self.disputes)?;
        writeln!(
            f,
            "counters replaced: {}, left: {}",
            self.verified, self.unverified
        )?;
        write!(f, "changed: {}", self.changed.len())?;
        for intent in self.changed.iter().take(NAMED) {
            write!(f, "\n  {intent}")?;
        }
        write!(f, "\nunknown status: {}", self.unknown_statuses.len())?;
        for object in self.unknown_statuses.iter().take(NAMED) {
            write!(f, "\n  {object}")?;
        }
        write!(f, "\nnot adding up: {}", self.not_adding_up)?;
        for list in &self.forbidden {
            write!(f, "\nnot read: the key may not read {list}")?;
        }
        Ok(())
    }
}

/// How a round of reading the lists of counted payments ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountedRound {
    /// There may be more payments.
    Unfinished,
    /// No other payment is due.
    Finished,
    /// The key may not read refunds: nothing else is tried.
    Forbidden,
}

/// Reads what is due until `stop` is cancelled.
pub async fn run_worker(context: Arc<Context>, stop: CancellationToken) {
    let mut forbidden_until = context.now();
    loop {
        let work = async {
            let mut is_more = false;
            if context.now() >= forbidden_until {
                match read_counted(&context).await? {
                    CountedRound::Unfinished => is_more = true,
                    CountedRound::Finished => {}
                    CountedRound::Forbidden => forbidden_until = context.now() + REREAD_AFTER,
                }
            }
            reconcile_if_due(&context).await?;
            Ok::<bool, WorkflowError>(is_more)
        };
        // A reading that is cut off is due again when its lease ends.
        let done = tokio::select! {
            () = stop.cancelled() => return,
            done = work => done,
        };
        let is_more = done.unwrap_or_else(|error| {
            let error = format_error_chain(&error);
            tracing::warn!(
                error,
                "refunds and disputes not read from Stripe; it is tried again"
            );
            false
        });
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(if is_more { PAUSE } else { POLL }) => {}
        }
    }
}

/// Reads the lists of a few payments of which only an earlier version's counter is known.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn read_counted(context: &Context) -> Result<CountedRound, WorkflowError> {
    let now = context.now();
    let intents = context
        .store
        .lease_unverified(now, now - REREAD_AFTER, BATCH)
        .await?;
    for intent in &intents {
        if read_or_leave(context, intent).await? == Reading::Forbidden {
            return Ok(CountedRound::Forbidden);
        }
    }
    Ok(match intents.len() == BATCH as usize {
        true => CountedRound::Unfinished,
        false => CountedRound::Finished,
    })
}

/// What became of the lists of a payment.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    Read,
    /// Stripe gave none, so the counter stays.
    Left,
    /// It stays too, and Stripe gives none of another payment either.
    Forbidden,
}

/// Reads the lists of a payment, if Stripe gives them.
async fn read_or_leave(context: &Context, intent: &IntentId) -> Result<Reading, WorkflowError> {
    let error = match record_money::read_and_note(context, intent).await {
        Ok(()) => return Ok(Reading::Read),
        Err(error @ (WorkflowError::Store(_) | WorkflowError::Internal(_))) => return Err(error),
        Err(error) => error,
    };
    tracing::warn!(%intent, %error, "refunds and disputes not read; the counter of an earlier version stays");
    Ok(match error {
        WorkflowError::Refused(refusal) if refusal.is_forbidden() => Reading::Forbidden,
        _ => Reading::Left,
    })
}

/// Reads the last days if no instance has done so for a day; `None` if that is not due, or another instance does it.
///
/// # Errors
/// [`WorkflowError`] if the database or Stripe does not answer; it is due again in an hour.
pub async fn reconcile_if_due(context: &Context) -> Result<Option<ReconcileReport>, WorkflowError> {
    let now = context.now();
    let lease = LeaseRequest::new(now, READING_LEASE, 1);
    if !context.store.lease_reconciliation(&lease).await? {
        return Ok(None);
    }
    let done = read_range(context, ReconcileRange::last_days(now)).await;
    let wait = if done.is_ok() { INTERVAL } else { RETRY_AFTER };
    context.store.finish_reconciliation(now + wait).await?;
    let report = done?;
    tracing::info!(
        refunds = report.refunds,
        disputes = report.disputes,
        changed = report.changed.len(),
        "refunds and disputes of the last days compared with Stripe"
    );
    Ok(Some(report))
}

/// Reads the lists of all payments of which only a counter is known, then what was made in a time.
///
/// # Errors
/// [`WorkflowError`] if the database or Stripe does not answer.
pub async fn reconcile(context: &Context, range: ReconcileRange) -> Result<ReconcileReport, WorkflowError> {
    let now = context.now();
    let mut verified = 0;
    'counted: loop {
        let intents = context.store.lease_unverified(now, now, BATCH).await?;
        for intent in &intents {
            match read_or_leave(context, intent).await? {
                Reading::Read => verified += 1,
                Reading::Left => {}
                Reading::Forbidden => break 'counted,
            }
        }
        if intents.len() < BATCH as usize {
            break;
        }
    }
    let mut report = read_range(context, range).await?;
    report.verified = verified;
    Ok(report)
}

async fn read_range(context: &Context, range: ReconcileRange) -> Result<ReconcileReport, WorkflowError> {
    let filter = ListFilter::Created {
        from: range.from,
        to: range.to,
    };
    let mut report = ReconcileReport::default();
    read_refunds(context, &filter, &mut report).await?;
    read_disputes(context, &filter, &mut report).await?;
    report.changed.sort();
    report.changed.dedup();
    let figures = context.store.count_figures(context.database_now().await?).await?;
    report.not_adding_up = figures.money_not_adding_up;
    report.unverified = figures.money_unverified;
    Ok(report)
}

async fn read_refunds(
    context: &Context,
    filter: &ListFilter,
    report: &mut ReconcileReport,
) -> Result<(), WorkflowError> {
    let mut after = None;
    loop {
        let page = context.gateway.list_refund_page(filter, after.as_ref()).await;
        let Some(page) = unless_forbidden(page)? else {
            report.forbidden.push("refunds");
            return Ok(());
        };
        after = page.items.last().map(|refund| refund.id.clone());
        let mut by_intent: BTreeMap<IntentId, PaymentFacts> = BTreeMap::new();
        for refund in page.items {
            if let Some(intent) = refund.intent.clone() {
                let facts = by_intent.entry(intent).or_default();
                facts.refunds.insert(refund.id.clone(), refund);
            }
        }
        record(context, by_intent, report).await?;
        if !page.has_more {
            return Ok(());
        }
    }
}

async fn read_disputes(
    context: &Context,
    filter: &ListFilter,
    report: &mut ReconcileReport,
) -> Result<(), WorkflowError> {
    let mut after = None;
    loop {
        let page = context.gateway.list_dispute_page(filter, after.as_ref()).await;
        let Some(page) = unless_forbidden(page)? else {
            report.forbidden.push("disputes");
            return Ok(());
        };
        after = page.items.last().map(|dispute| dispute.id.clone());
        let mut by_intent: BTreeMap<IntentId, PaymentFacts> = BTreeMap::new();
        for dispute in page.items {
            if let Some(intent) = dispute.intent.clone() {
                let facts = by_intent.entry(intent).or_default();
                facts.disputes.insert(dispute.id.clone(), dispute);
            }
        }
        record(context, by_intent, report).await?;
        if !page.has_more {
            return Ok(());
        }
    }
}

/// Merges the objects of a page that are of our payments.
async fn record(
    context: &Context,
    by_intent: BTreeMap<IntentId, PaymentFacts>,
    report: &mut ReconcileReport,
) -> Result<(), WorkflowError> {
    for (intent, facts) in by_intent {
        let (refunds, disputes, unknown) = (facts.refunds.len(), facts.disputes.len(), list_unknown(&facts));
        match record_money::record_listed(context, &intent, facts).await? {
            ListedMoney::Foreign => continue,
            ListedMoney::Known => {}
            ListedMoney::Changed => report.changed.push(intent),
        }
        report.refunds += refunds;
        report.disputes += disputes;
        report.unknown_statuses.extend(unknown);
    }
    Ok(())
}

/// Returns the objects whose status we do not know, each with that.
fn list_unknown(facts: &PaymentFacts) -> Vec<String> {
    let refunds = facts.refunds.values().filter_map(|refund| match &refund.status {
        RefundStatus::Unknown(word) => Some(format!("{} {word}", refund.id)),
        _ => None,
    });
    let disputes = facts
        .disputes
        .values()
        .filter_map(|dispute| match &dispute.status {
            DisputeStatus::Unknown(word) => Some(format!("{} {word}", dispute.id)),
            _ => None,
        });
    refunds.chain(disputes).collect()
}
