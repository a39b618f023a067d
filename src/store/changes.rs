//! Changes to a hold: event, transition, history line and commands in one transaction (I5).

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::columns::DbTime;
use super::events::EventRecord;
use super::{StoreError, encoding};
use crate::domain::booking::{Actor, HistoryLine};
use crate::domain::hold::{Status, Transition};
use crate::domain::ids::{HoldId, IntentId, SessionId};
use crate::domain::payment::Payment;
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
    /// The payment whose refunds and disputes the decision took notice of, also if it changes nothing.
    pub noted: Option<IntentId>,
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
    /// The session that took it, if the report names one.
    pub session: Option<SessionId>,
    /// The payment, as if a booking had it.
    pub payment: Payment,
    /// Whether the money is real.
    pub livemode: bool,
    /// The present, by the instance's clock.
    pub now: DateTime<Utc>,
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
    /// Records a payment that carries our metadata but has no hold, with its event. It waits if an attempt may still place the
    /// hold; otherwise the command is written that refunds what is left of it. `Duplicate` if the event or the payment is
    /// known, `Conflict` if the hold was placed since.
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

/// Sets what only a payment without a hold has: the hold `$2` that its metadata names, whether its money is real (`$3`), and
/// the session `$4` that took it, which another report may not name.
pub(super) const COMPLETE_ORPHAN: &str = "UPDATE payments
     SET claimed_hold_id = $2, livemode = $3, session_id = coalesce(session_id, $4)
     WHERE intent_id = $1 AND hold_id IS NULL";

/// Writes a history line of hold `$1` at `$2`: from `$3`, `$4` to `$5`, `$6`, transition `$7`, message `$8`, by `$9` with
/// event `$10` and name `$11`.
pub(super) const INSERT_HISTORY: &str = "INSERT INTO hold_history
         (hold_id, at, from_status, from_reason, to_status, to_reason, transition, message, actor, event_id,
          actor_name)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";

/// Writes a history line of a `held` hold that its guest changed without a transition.
macro_rules! insert_note {
    ($hold:expr, $at:expr, $code:expr, $message:expr) => {{
        let (status, reason) = crate::store::encoding::encode_status(crate::domain::hold::Status::Held);
        let (actor, event, name) =
            crate::store::encoding::encode_actor(&crate::domain::booking::Actor::Guest);
        sqlx::query(crate::store::changes::INSERT_HISTORY)
            .bind(crate::store::columns::DbUuid($hold.0)) // $1
            .bind(crate::store::columns::DbTime($at)) // $2
            .bind(status) // $3
            .bind(reason) // $4
            .bind(status) // $5
            .bind(reason) // $6
            .bind($code) // $7
            .bind($message) // $8
            .bind(actor) // $9
            .bind(event) // $10
            .bind(name) // $11
    }};
}
pub(super) use insert_note;

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
