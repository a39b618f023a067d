//! The ledger: the newest snapshots of Stripe's refunds and disputes, by the payment's intent.
//!
//! Snapshots are merged by the pure rule of the domain, in a transaction that also changes the version of the payment's
//! hold. So no decision about the hold is written that did not see them. Which snapshots the hold has not taken notice of is
//! marked, so that a crash between the two loses nothing: the sweep finds the marks.

use std::collections::HashSet;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use uuid::Uuid;

use super::StoreError;
use super::encoding;
use super::events::EventRecord;
use super::group_commit::GroupItem;
use super::lease_request::LeaseRequest;
use crate::domain::ids::{ChargeId, CommandId, DisputeId, HoldId, IntentId, RefundId};
use crate::domain::ledger::snapshots::{
    DisputeSnapshot, DisputeStatus, PaymentFacts, RefundSnapshot, RefundStatus, StripeWord,
};
use crate::domain::ledger::unverified::ReadLists;

/// What a source says about the money of one payment.
#[derive(Clone, Debug)]
pub struct MoneyReport {
    /// The event that says it, if an event does.
    pub event: Option<EventRecord>,
    /// The hold that the payment is known to belong to, for the event's row.
    pub hold: Option<HoldId>,
    /// The payment that was refunded or disputed.
    pub intent: IntentId,
    /// Its refunds and disputes, as far as the source shows them.
    pub facts: PaymentFacts,
    /// Which lists were read for it: they replace what only an earlier version's counter says.
    pub read: ReadLists,
    /// The present, by the instance's clock.
    pub now: DateTime<Utc>,
}

/// The result of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergeOutcome {
    /// The report is stored. Whether it said anything new.
    Merged {
        /// Whether a snapshot is newer than the one before.
        is_changed: bool,
    },
    /// The event was stored before.
    Duplicate,
}

/// The ledger in the database; one method is one transaction.
#[async_trait]
pub trait Ledger {
    /// Merges what a source says into the ledger, together with its event. A payment without a hold takes notice at once.
    async fn merge_money(&self, report: &MoneyReport) -> Result<MergeOutcome, StoreError>;
    /// Reads the refunds and disputes of a payment.
    async fn find_money_facts(&self, intent: &IntentId) -> Result<PaymentFacts, StoreError>;
    /// Tells whether a payment is recorded, with or without a hold.
    async fn is_payment_known(&self, intent: &IntentId) -> Result<bool, StoreError>;
    /// Tells whether anything was reported of refunds or disputes of an intent.
    async fn is_money_reported(&self, intent: &IntentId) -> Result<bool, StoreError>;
    /// Lists at most `limit` payments whose hold has not taken notice of all refunds and disputes, oldest first.
    async fn list_unnoted_money(&self, limit: u32) -> Result<Vec<IntentId>, StoreError>;
    /// Leases at most `limit` payments of which only an earlier version's counter is known, and whose lists were not asked for
    /// since `before`; the ones that have waited longest first.
    async fn lease_unverified(
        &self,
        now: DateTime<Utc>,
        before: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<IntentId>, StoreError>;
    /// Leases the daily comparison with Stripe; `false` if it is not due, or leased.
    async fn lease_reconciliation(&self, request: &LeaseRequest) -> Result<bool, StoreError>;
    /// Ends the lease of the comparison, which is due again at `due_at`.
    async fn finish_reconciliation(&self, due_at: DateTime<Utc>) -> Result<(), StoreError>;
    /// Deletes at most `limit` snapshots of payments that are not ours, first seen before `before`; returns how many.
    async fn delete_foreign_money(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError>;
}

/// Writes refund `$1` of intent `$2`: charge `$3`, command `$4`, amount `$5`, currency `$6`, status `$7`, reason `$8`, made at
/// `$9`, seen at `$10`.
pub(super) const UPSERT_REFUND: &str =
    "INSERT INTO refunds (id, intent_id, charge_id, command_id, amount, currency, status, failure_reason, created_at, seen_at,
         is_ours)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, EXISTS (SELECT 1 FROM payments WHERE intent_id = $2))
     ON CONFLICT (id) DO UPDATE SET intent_id = excluded.intent_id, charge_id = excluded.charge_id,
         command_id = excluded.command_id, amount = excluded.amount, currency = excluded.currency,
         status = excluded.status, failure_reason = excluded.failure_reason, created_at = excluded.created_at,
         is_noted = false, is_ours = excluded.is_ours";

/// Writes dispute `$1` of intent `$2`: charge `$3`, amount `$4`, currency `$5`, status `$6`, reason `$7`, due by `$8`, made at
/// `$9`, seen at `$10`.
pub(super) const UPSERT_DISPUTE: &str =
    "INSERT INTO disputes (id, intent_id, charge_id, amount, currency, status, reason, due_by, created_at, seen_at, is_ours)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, EXISTS (SELECT 1 FROM payments WHERE intent_id = $2))
     ON CONFLICT (id) DO UPDATE SET intent_id = excluded.intent_id, charge_id = excluded.charge_id,
         amount = excluded.amount, currency = excluded.currency, status = excluded.status, reason = excluded.reason,
         due_by = excluded.due_by, created_at = excluded.created_at, is_noted = false, is_ours = excluded.is_ours";

/// Changes the version of the hold of payment `$1`, so that a decision that did not see what is written beside it is made again.
pub(super) const TOUCH_HOLD: &str = "UPDATE holds SET version = version + 1
     WHERE id IN (SELECT hold_id FROM payments WHERE intent_id = $1)";

/// Deletes dispute `$1`, for which no object of Stripe stands.
pub(super) const DELETE_DISPUTE: &str = "DELETE FROM disputes WHERE id = $1";

/// Lets the hold of intent `$1` take notice of its refunds again.
pub(super) const UNNOTE_REFUNDS: &str =
    "UPDATE refunds SET is_noted = false WHERE intent_id = $1 AND is_noted";

/// Lets the hold of intent `$1` take notice of its disputes again.
pub(super) const UNNOTE_DISPUTES: &str =
    "UPDATE disputes SET is_noted = false WHERE intent_id = $1 AND is_noted";

/// Finds the hold that payment `$1` claims.
pub(super) const FIND_CLAIMED: &str = "SELECT claimed_hold_id FROM payments WHERE intent_id = $1";

/// Tells whether payment `$1` is recorded.
pub(super) const IS_KNOWN: &str = "SELECT EXISTS (SELECT 1 FROM payments WHERE intent_id = $1)";

/// The condition that something was reported of an intent. Subqueries that return one row are answered from the indexes,
/// whatever the planner expects.
macro_rules! is_money_reported {
    ($intent:literal) => {
        concat!(
            "coalesce((SELECT 1 FROM refunds WHERE intent_id = ",
            $intent,
            " LIMIT 1), (SELECT 1 FROM disputes WHERE intent_id = ",
            $intent,
            " LIMIT 1), (SELECT 1 FROM unowned_facts WHERE intent_id = ",
            $intent,
            " LIMIT 1), 0) = 1"
        )
    };
}
pub(super) use is_money_reported;

impl GroupItem for IntentId {
    type Touched = ();

    fn touch(&mut self, _: &mut ()) -> bool {
        true
    }
}

/// Deletes the counter of intent `$1` that Stripe's list has replaced.
pub(super) const DELETE_REPLACED: &str =
    "DELETE FROM refunds WHERE id = 'unverified_' || $1 AND status = 'canceled'";

/// Marks the refunds of intent `$1` as noted.
pub(super) const NOTE_REFUNDS: &str =
    "UPDATE refunds SET is_noted = true WHERE intent_id = $1 AND NOT is_noted";

/// Marks the disputes of intent `$1` as noted.
pub(super) const NOTE_DISPUTES: &str =
    "UPDATE disputes SET is_noted = true WHERE intent_id = $1 AND NOT is_noted";

/// Lists payments of holds with refunds or disputes that are not noted, at most `$1`.
pub(super) const LIST_UNNOTED: &str = "SELECT intent_id FROM (
         SELECT r.intent_id, r.seen_at FROM refunds r WHERE r.is_ours AND NOT r.is_noted
         UNION ALL
         SELECT d.intent_id, d.seen_at FROM disputes d WHERE d.is_ours AND NOT d.is_noted) unnoted
     WHERE EXISTS (SELECT 1 FROM payments p WHERE p.intent_id = unnoted.intent_id AND p.hold_id IS NOT NULL)
     GROUP BY intent_id ORDER BY min(seen_at) LIMIT $1";

/// Tells of each intent whether it is among those of which something was reported.
pub(super) fn tell_reported(intents: &[IntentId], reported: Vec<String>) -> Vec<bool> {
    let reported: HashSet<String> = reported.into_iter().collect();
    let is_reported = |intent: &IntentId| reported.contains(intent.as_str());
    intents.iter().map(is_reported).collect()
}

/// Makes the comparison with Stripe due at `$1`.
pub(super) const FINISH_RECONCILIATION: &str = "UPDATE reconciliation SET due_at = $1, leased_until = NULL";

/// Builds the statement that writes a refund.
macro_rules! upsert_refund {
    ($report:expr, $refund:expr) => {
        sqlx::query($crate::store::ledger::UPSERT_REFUND)
            .bind($refund.id.as_str())
            .bind($report.intent.as_str())
            .bind($refund.charge.as_ref().map(|charge| charge.as_str()))
            .bind(
                $refund
                    .command
                    .map(|command| $crate::store::columns::DbUuid(command.0)),
            )
            .bind($refund.money.amount)
            .bind($refund.money.currency.code())
            .bind($refund.status.as_word())
            .bind($refund.failure_reason.as_ref().map(|reason| reason.as_str()))
            .bind($crate::store::columns::DbTime($refund.created))
            .bind($crate::store::columns::DbTime($report.now))
    };
}
pub(super) use upsert_refund;

/// Builds the statement that writes a dispute.
macro_rules! upsert_dispute {
    ($report:expr, $dispute:expr) => {
        sqlx::query($crate::store::ledger::UPSERT_DISPUTE)
            .bind($dispute.id.as_str())
            .bind($report.intent.as_str())
            .bind($dispute.charge.as_ref().map(|charge| charge.as_str()))
            .bind($dispute.money.amount)
            .bind($dispute.money.currency.code())
            .bind($dispute.status.as_word())
            .bind($dispute.reason.as_ref().map(|reason| reason.as_str()))
            .bind($dispute.due_by.map($crate::store::columns::DbTime))
            .bind($crate::store::columns::DbTime($dispute.created))
            .bind($crate::store::columns::DbTime($report.now))
    };
}
pub(super) use upsert_dispute;

/// The refunds and disputes of a payment, as the engines select them.
#[derive(Debug, Deserialize)]
pub(super) struct FactsJson {
    refunds: Vec<RefundJson>,
    disputes: Vec<DisputeJson>,
}

#[derive(Debug, Deserialize)]
struct RefundJson {
    id: String,
    intent: String,
    charge: Option<String>,
    command: Option<Uuid>,
    amount: i64,
    currency: String,
    status: String,
    failure_reason: Option<String>,
    created_ms: i64,
}

#[derive(Debug, Deserialize)]
struct DisputeJson {
    id: String,
    intent: String,
    charge: Option<String>,
    amount: i64,
    currency: String,
    status: String,
    reason: Option<String>,
    due_by_ms: Option<i64>,
    created_ms: i64,
}

impl FactsJson {
    pub(super) fn decode(self) -> Result<PaymentFacts, StoreError> {
        let refunds = self.refunds.into_iter().map(RefundJson::decode);
        let disputes = self.disputes.into_iter().map(DisputeJson::decode);
        Ok(PaymentFacts {
            refunds: refunds.collect::<Result<_, StoreError>>()?,
            disputes: disputes.collect::<Result<_, StoreError>>()?,
        })
    }
}

impl RefundJson {
    fn decode(self) -> Result<(RefundId, RefundSnapshot), StoreError> {
        let id = RefundId::new(self.id);
        let snapshot = RefundSnapshot {
            status: RefundStatus::from_word(&self.status),
            money: encoding::decode_money(self.amount, &self.currency)?,
            failure_reason: self.failure_reason.as_deref().map(StripeWord::new),
            command: self.command.map(CommandId),
            intent: Some(IntentId::new(self.intent)),
            charge: self.charge.map(ChargeId::new),
            created: decode_time("refund", self.created_ms)?,
            id: id.clone(),
        };
        Ok((id, snapshot))
    }
}

impl DisputeJson {
    fn decode(self) -> Result<(DisputeId, DisputeSnapshot), StoreError> {
        let id = DisputeId::new(self.id);
        let due_by = self.due_by_ms.map(|at| decode_time("dispute", at));
        let snapshot = DisputeSnapshot {
            status: DisputeStatus::from_word(&self.status),
            money: encoding::decode_money(self.amount, &self.currency)?,
            reason: self.reason.as_deref().map(StripeWord::new),
            due_by: due_by.transpose()?,
            intent: Some(IntentId::new(self.intent)),
            charge: self.charge.map(ChargeId::new),
            created: decode_time("dispute", self.created_ms)?,
            id: id.clone(),
        };
        Ok((id, snapshot))
    }
}

fn decode_time(what: &'static str, milliseconds: i64) -> Result<DateTime<Utc>, StoreError> {
    DateTime::from_timestamp_millis(milliseconds)
        .ok_or_else(|| encoding::unreadable_column(what, "a time that is out of range"))
}
