//! Changes to a hold on SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

use super::error::SqliteResult;
use super::groups::{GroupWrite, WriteVerdict};
use super::{SqliteStore, commands, occupancy, payments, waiting_payments};
use crate::domain::booking::{Actor, HistoryLine};
use crate::domain::hold::{Hold, Status, Transition};
use crate::domain::ids::{HoldId, IntentId, SessionId};
use crate::domain::segment::{Allocation, allocated_segments};
use crate::store::changes::{
    self, ApplyOutcome, Changes, CurrentHoldRow, HistoryRow, HoldChange, OrphanPayment, StateChange,
};
use crate::store::columns::{DbTime, DbUuid};
use crate::store::event_changes::EventChange;
use crate::store::events::{self, EventRecord};
use crate::store::transition_effect::{self, OccupancyEffect};
use crate::store::waiting_payments::OrphanFate;
use crate::store::{StoreError, encoding};

#[async_trait]
impl Changes for SqliteStore {
    async fn apply_change(&self, change: &HoldChange) -> Result<ApplyOutcome, StoreError> {
        let Some(item) = EventChange::new(change) else {
            return self.apply_alone(change).await;
        };
        let alone = || async { self.apply_alone(change).await.map(WriteVerdict::Event) };
        let verdict = self.write_in_group_or(GroupWrite::Event(Box::new(item)), alone);
        verdict.await?.into_applied()
    }

    async fn record_orphan_payment(&self, orphan: &OrphanPayment) -> Result<ApplyOutcome, StoreError> {
        let mut transaction = self.begin().await?;
        let fate = waiting_payments::decide_fate(&mut transaction, orphan.claimed_hold).await?;
        if fate == OrphanFate::HasHold {
            self.roll_back(transaction).await?;
            return Ok(ApplyOutcome::Conflict);
        }
        if let Some(event) = &orphan.event
            && !insert_event(&mut transaction, event, orphan.claimed_hold, orphan.now).await?
        {
            self.roll_back(transaction).await?;
            return Ok(ApplyOutcome::Duplicate);
        }
        let outcome = insert_orphan(&mut transaction, orphan, fate).await?;
        // Also if the payment is known: the event is new and must be stored.
        self.commit(transaction).await?;
        Ok(outcome)
    }

    async fn list_history(&self, id: HoldId) -> Result<Vec<HistoryLine>, StoreError> {
        let query = sqlx::query_as(changes::LIST_HISTORY).bind(DbUuid(id.0));
        HistoryRow::decode_all(self.read(query.fetch_all(&self.readers)).await?)
    }
}

impl SqliteStore {
    async fn apply_alone(&self, change: &HoldChange) -> Result<ApplyOutcome, StoreError> {
        let mut transaction = self.begin().await?;
        let outcome = apply_in(&mut transaction, change).await?;
        match outcome {
            ApplyOutcome::Done { .. } => self.commit(transaction).await?,
            ApplyOutcome::Conflict | ApplyOutcome::Duplicate => self.roll_back(transaction).await?,
        }
        Ok(outcome)
    }
}

/// Applies a change in the caller's transaction, which the caller commits only if it is done.
pub(super) async fn apply_in(
    connection: &mut SqliteConnection,
    change: &HoldChange,
) -> SqliteResult<ApplyOutcome> {
    if let Some(event) = &change.event
        && !insert_event(connection, event, Some(change.hold), change.now).await?
    {
        return Ok(ApplyOutcome::Duplicate);
    }
    let Some(current) = find_current(connection, change.hold).await? else {
        return Ok(ApplyOutcome::Conflict);
    };
    if (change.step.is_some() || change.noted.is_some()) && current.version != change.version {
        return Ok(ApplyOutcome::Conflict);
    }
    if let Some(intent) = &change.noted {
        payments::mark_noted(connection, intent).await?;
    }
    let Some(step) = &change.step else {
        return Ok(ApplyOutcome::Done { commands: 0 });
    };
    let (transition, units) = match step {
        StateChange::Transition(transition) => (transition, None),
        StateChange::Reclaim { transition, units } => (transition, Some(units.as_slice())),
    };
    let effect = transition_effect::occupancy_effect(current.status()?, transition.next.status);
    if !apply_effect(connection, change.hold, effect, units, current.quantity()).await? {
        return Ok(ApplyOutcome::Conflict);
    }
    let commands = write_transition(connection, change, &current, transition).await?;
    Ok(ApplyOutcome::Done { commands })
}

/// Writes the event; `false` if it is known.
pub(super) async fn insert_event(
    connection: &mut SqliteConnection,
    event: &EventRecord,
    hold: Option<HoldId>,
    now: DateTime<Utc>,
) -> SqliteResult<bool> {
    let done = events::insert_event!(event, hold, now)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Finds a hold as it is now. There is one writer, so that no lock on the row is needed.
pub(super) async fn find_current(
    connection: &mut SqliteConnection,
    hold: HoldId,
) -> SqliteResult<Option<CurrentHoldRow>> {
    let query = sqlx::query_as("SELECT version, status, reason, due_at, quantity FROM holds WHERE id = $1");
    Ok(query.bind(DbUuid(hold.0)).fetch_optional(connection).await?)
}

/// Makes the occupancy follow the status; `false` if another hold has a part of the slot to take back.
async fn apply_effect(
    connection: &mut SqliteConnection,
    hold: HoldId,
    effect: OccupancyEffect,
    units: Option<&[Allocation]>,
    quantity: u32,
) -> SqliteResult<bool> {
    match effect {
        OccupancyEffect::Keep => {}
        OccupancyEffect::Delete => occupancy::delete_occupancy(connection, hold).await?,
        OccupancyEffect::Take => {
            let units = units.ok_or_else(|| encoding::unreadable_column("step", "a slot without units"))?;
            if !occupancy::take_units(connection, hold, units, quantity).await? {
                return Ok(false);
            }
            occupancy::update_segments(connection, hold, &allocated_segments(units)).await?;
        }
    }
    Ok(true)
}

/// Writes the hold, its payments, its history line and its commands; returns how many commands are new.
async fn write_transition(
    connection: &mut SqliteConnection,
    change: &HoldChange,
    current: &CurrentHoldRow,
    transition: &Transition,
) -> SqliteResult<usize> {
    let next = &transition.next;
    let due_at = transition_effect::next_due_at(current.due_at(), next.status, change.check_at);
    update_hold(connection, change, next, due_at).await?;
    for payment in &next.payments {
        payments::upsert(connection, Some(change.hold), payment, change.now).await?;
    }
    let entry = HistoryEntry {
        hold: change.hold,
        from: Some(current.status()?),
        to: next.status,
        transition: transition.reason.code(),
        message: &transition.reason.to_string(),
        actor: &change.actor,
    };
    entry.insert(connection, change.now).await?;
    let mut commands = 0;
    for action in &transition.commands {
        let (hold, by) = (Some(change.hold), encoding::encode_ordered_by(&change.actor));
        let is_new = commands::enqueue(connection, hold, action, Some(by), change.now).await?;
        commands += usize::from(is_new);
    }
    Ok(commands)
}

async fn update_hold(
    connection: &mut SqliteConnection,
    change: &HoldChange,
    next: &Hold,
    due_at: Option<DateTime<Utc>>,
) -> SqliteResult<()> {
    let (status, reason) = encoding::encode_status(next.status);
    sqlx::query(
        "UPDATE holds SET status = $2, reason = $3, requested_by = $4, intent_id = $5, price_mismatch = $6,
             due_at = $7, tries = 0, leased_until = CASE WHEN status = $2 THEN leased_until END,
             version = version + 1, updated_at = $8, paid_elsewhere = $10, owes_nothing = $11
         WHERE id = $1 AND version = $9",
    )
    .bind(DbUuid(change.hold.0)) // $1
    .bind(status) // $2
    .bind(reason) // $3
    .bind(next.requested_by.map(encoding::encode_requester)) // $4
    .bind(next.intent.as_ref().map(IntentId::as_str)) // $5
    .bind(next.price_mismatch) // $6
    .bind(due_at.map(DbTime)) // $7
    .bind(DbTime(change.now)) // $8
    .bind(change.version) // $9
    .bind(next.paid_elsewhere) // $10
    .bind(next.owes_nothing) // $11
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes a payment that belongs to no hold, and the command that refunds it, unless it waits for its hold. `Duplicate` if
/// the payment is known.
async fn insert_orphan(
    connection: &mut SqliteConnection,
    orphan: &OrphanPayment,
    fate: OrphanFate,
) -> SqliteResult<ApplyOutcome> {
    let intent = &orphan.payment.intent;
    let is_known = payments::is_known(connection, intent).await?;
    if !is_known {
        payments::upsert(connection, None, &orphan.payment, orphan.now).await?;
    }
    sqlx::query(changes::COMPLETE_ORPHAN)
        .bind(intent.as_str())
        .bind(orphan.claimed_hold.map(|hold| DbUuid(hold.0)))
        .bind(orphan.livemode)
        .bind(orphan.session.as_ref().map(SessionId::as_str))
        .execute(&mut *connection)
        .await?;
    if is_known {
        return Ok(ApplyOutcome::Duplicate);
    }
    if fate == OrphanFate::Waits {
        // A report may have come since the facts were read.
        commands::note_orphan(connection, intent, orphan.now).await?;
        return Ok(ApplyOutcome::Done { commands: 0 });
    }
    let commands = waiting_payments::give_back(connection, orphan.claimed_hold, intent, orphan.now).await?;
    Ok(ApplyOutcome::Done { commands })
}

/// A history line to write.
pub(super) struct HistoryEntry<'a> {
    pub(super) hold: HoldId,
    pub(super) from: Option<Status>,
    pub(super) to: Status,
    pub(super) transition: &'a str,
    pub(super) message: &'a str,
    pub(super) actor: &'a Actor,
}

impl HistoryEntry<'_> {
    pub(super) async fn insert(
        self,
        connection: &mut SqliteConnection,
        at: DateTime<Utc>,
    ) -> SqliteResult<()> {
        let (from, from_reason) = self.from.map(encoding::encode_status).unzip();
        let (to, to_reason) = encoding::encode_status(self.to);
        let (actor, event, name) = encoding::encode_actor(self.actor);
        sqlx::query(changes::INSERT_HISTORY)
            .bind(DbUuid(self.hold.0))
            .bind(DbTime(at))
            .bind(from)
            .bind(from_reason.flatten())
            .bind(to)
            .bind(to_reason)
            .bind(self.transition)
            .bind(self.message)
            .bind(actor)
            .bind(event)
            .bind(name)
            .execute(connection)
            .await?;
        Ok(())
    }
}
