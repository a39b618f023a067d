//! Changes to a hold: event, transition, history line and commands in one transaction (I5).

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::columns::DbTime;
use super::events::EventRecord;
use super::{StoreError, encoding};
use crate::domain::booking::{Actor, HistoryLine};
use crate::domain::command::CommandAction;
use crate::domain::hold::{Status, Transition};
use crate::domain::ids::HoldId;
use crate::domain::payment::Receipt;
use crate::domain::segment::Allocation;

/// A change to commit: an event, its transition, the history line and the commands together (I5).
#[derive(Clone, Debug)]
pub struct HoldChange {
    /// The event that causes the change, if an event does.
    pub event: Option<EventRecord>,
    /// The hold that changes.
    pub hold: HoldId,
    /// The version on which the change was decided; the change applies only if the row still has it.
    pub version: i64,
    /// What happens to the hold. `None` if only the event is to be stored.
    pub step: Option<StateChange>,
    /// Who or what causes the change.
    pub actor: Actor,
    /// The present, by the instance's clock.
    pub now: DateTime<Utc>,
    /// When the sweep asks Stripe about the hold next, if the change sets that: for `processing`. A hold that is neither
    /// `held` nor `processing` afterwards is never due.
    pub check_at: Option<DateTime<Utc>>,
}

/// What happens to a hold.
#[derive(Clone, Debug)]
pub enum StateChange {
    /// The hold takes this transition, which needs no slot that the hold does not have.
    Transition(Transition),
    /// The hold gets its slot back.
    Reclaim {
        /// The transition that the hold takes.
        transition: Transition,
        /// The units that it takes; their segments become the hold's.
        units: Vec<Allocation>,
    },
}

/// A payment that carries our metadata but has no hold.
#[derive(Clone, Debug)]
pub struct OrphanPayment {
    /// The event that reports it, if an event does.
    pub event: Option<EventRecord>,
    /// The hold that its metadata names.
    pub claimed_hold: Option<HoldId>,
    /// What was paid, to refund.
    pub receipt: Receipt,
    /// Whether the money is real.
    pub livemode: bool,
    /// The present, by the instance's clock.
    pub now: DateTime<Utc>,
}

impl OrphanPayment {
    /// The command that refunds the payment in full.
    pub(super) fn refund(&self) -> CommandAction {
        CommandAction::Refund {
            intent: self.receipt.intent.clone(),
            money: self.receipt.money,
        }
    }
}

/// The result of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApplyOutcome {
    /// The change is committed.
    Done {
        /// How many commands were enqueued.
        commands: usize,
    },
    /// The hold has changed since the decision, or another hold has a part of the slot to take back: decide again.
    Conflict,
    /// The event was applied before.
    Duplicate,
}

/// Changes in the database; one method is one transaction.
#[async_trait]
pub trait Changes {
    /// Commits a change and resets the hold's tries. A lease on the hold stays while its status is the same:
    /// a report of a pending payment must not send a second caller to ask Stripe.
    async fn apply_change(&self, change: &HoldChange) -> Result<ApplyOutcome, StoreError>;
    /// Records a payment that carries our metadata but has no hold: the event, the payment as `refund_due` and the refund
    /// command. `Duplicate` if the event or the payment is known.
    async fn record_orphan_payment(&self, orphan: &OrphanPayment) -> Result<ApplyOutcome, StoreError>;
    /// Lists a hold's history, oldest line first.
    async fn list_history(&self, id: HoldId) -> Result<Vec<HistoryLine>, StoreError>;
}

/// A hold as a change or a move finds it.
#[derive(sqlx::FromRow)]
pub(super) struct CurrentHoldRow {
    pub(super) version: i64,
    status: String,
    reason: Option<String>,
    due_at: Option<DbTime>,
    quantity: i32,
}

impl CurrentHoldRow {
    pub(super) fn status(&self) -> Result<Status, StoreError> {
        encoding::decode_status(&self.status, self.reason.as_deref())
    }

    pub(super) fn due_at(&self) -> Option<DateTime<Utc>> {
        self.due_at.map(|at| at.0)
    }

    pub(super) fn quantity(&self) -> u32 {
        self.quantity.unsigned_abs()
    }
}

/// Builds the statement that writes a payment of a hold. A row that says the same stays untouched, so that `updated_at`
/// tells of changes only.
macro_rules! upsert_payment {
    ($hold:expr, $payment:expr, $now:expr) => {
        sqlx::query(
            "INSERT INTO payments AS p
                 (intent_id, hold_id, amount, currency, refunded, state, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
             ON CONFLICT (intent_id) DO UPDATE SET hold_id = excluded.hold_id, amount = excluded.amount,
                 currency = excluded.currency, refunded = excluded.refunded, state = excluded.state,
                 updated_at = excluded.updated_at
             WHERE (p.hold_id, p.amount, p.currency, p.refunded, p.state) IS DISTINCT FROM
                 (excluded.hold_id, excluded.amount, excluded.currency, excluded.refunded, excluded.state)",
        )
        .bind($payment.intent.as_str())
        .bind($crate::store::columns::DbUuid($hold.0))
        .bind($payment.money.amount)
        .bind($payment.money.currency.code())
        .bind($payment.refunded)
        .bind($crate::store::encoding::encode_payment_state($payment.state))
        .bind($crate::store::columns::DbTime($now))
    };
}
pub(super) use upsert_payment;

/// Builds the statement that writes a payment to refund that has no hold, unless the payment is known.
macro_rules! insert_orphan {
    ($orphan:expr) => {
        sqlx::query(
            "INSERT INTO payments (intent_id, claimed_hold_id, amount, currency, state, livemode, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $7) ON CONFLICT DO NOTHING",
        )
        .bind($orphan.receipt.intent.as_str())
        .bind($orphan.claimed_hold.map(|hold| $crate::store::columns::DbUuid(hold.0)))
        .bind($orphan.receipt.money.amount)
        .bind($orphan.receipt.money.currency.code())
        .bind($crate::store::encoding::encode_payment_state(
            $crate::domain::payment::PaymentState::RefundDue,
        ))
        .bind($orphan.livemode)
        .bind($crate::store::columns::DbTime($orphan.now))
    };
}
pub(super) use insert_orphan;

/// Writes a history line of hold `$1` at `$2`: from `$3`, `$4` to `$5`, `$6`, transition `$7`, message `$8`, by `$9` with
/// event `$10` and name `$11`.
pub(super) const INSERT_HISTORY: &str = "INSERT INTO hold_history
         (hold_id, at, from_status, from_reason, to_status, to_reason, transition, message, actor, event_id,
          actor_name)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";

/// Lists the history of hold `$1`, oldest line first.
pub(super) const LIST_HISTORY: &str =
    "SELECT at, from_status, from_reason, to_status, to_reason, transition, message, actor, event_id, actor_name
     FROM hold_history WHERE hold_id = $1 ORDER BY seq";

#[derive(sqlx::FromRow)]
pub(super) struct HistoryRow {
    at: DbTime,
    from_status: Option<String>,
    from_reason: Option<String>,
    to_status: String,
    to_reason: Option<String>,
    transition: String,
    message: String,
    actor: String,
    event_id: Option<String>,
    actor_name: Option<String>,
}

impl HistoryRow {
    fn decode(self) -> Result<HistoryLine, StoreError> {
        let from = self.from_status.as_deref();
        let from = from.map(|text| encoding::decode_status(text, self.from_reason.as_deref()));
        Ok(HistoryLine {
            at: self.at.0,
            from: from.transpose()?,
            to: encoding::decode_status(&self.to_status, self.to_reason.as_deref())?,
            transition: self.transition,
            message: self.message,
            actor: encoding::decode_actor(&self.actor, self.event_id, self.actor_name)?,
        })
    }

    /// All lines, in the order of the rows.
    pub(super) fn decode_all(rows: Vec<Self>) -> Result<Vec<HistoryLine>, StoreError> {
        rows.into_iter().map(Self::decode).collect()
    }
}
