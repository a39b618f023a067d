//! Changes to a hold on PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::FutureExt as _;
use sqlx::postgres::PgConnection;

use super::error::PostgresResult;
use super::{PostgresStore, commands, event_changes, occupancy, payments, waiting_payments};
use crate::domain::booking::HistoryLine;
use crate::domain::hold::{Hold, Transition};
use crate::domain::ids::{HoldId, IntentId, SessionId};
use crate::domain::segment::allocated_segments;
use crate::store::changes::{
    self, ApplyOutcome, Changes, CurrentHoldRow, HistoryRow, HoldChange, OrphanPayment, StateChange,
};
use crate::store::columns::DbUuid;
use crate::store::event_changes::EventChange;
use crate::store::events::{self, EventRecord};
use crate::store::transition_effect::{self, OccupancyEffect};
use crate::store::waiting_payments::OrphanFate;
use crate::store::{StoreError, encoding};

#[async_trait]
impl Changes for PostgresStore {
    async fn apply_change(&self, change: &HoldChange) -> Result<ApplyOutcome, StoreError> {
        let Some(item) = EventChange::new(change) else {
            return self.apply_in_transaction(change).await;
        };
        let alone = || self.apply_alone(change);
        self.grouped(
            &self.groups.events,
            item,
            |connection, changes| event_changes::apply_group(connection, changes).boxed(),
            alone,
        )
        .await
    }

    async fn record_orphan_payment(&self, orphan: &OrphanPayment) -> Result<ApplyOutcome, StoreError> {
        self.retrying(|| async {
            let mut transaction = self.begin().await?;
            // First the attempt, as each end of an attempt locks it first.
            let fate = waiting_payments::decide_fate(&mut transaction, orphan.claimed_hold).await?;
            if fate == OrphanFate::HasHold {
                transaction.rollback().await?;
                return Ok(ApplyOutcome::Conflict);
            }
            if let Some(event) = &orphan.event
                && !insert_event(&mut transaction, event, orphan.claimed_hold, orphan.now).await?
            {
                transaction.rollback().await?;
                return Ok(ApplyOutcome::Duplicate);
            }
            // The event is new and the payment may not be: then only the event is stored.
            let outcome = insert_orphan(&mut transaction, orphan, fate).await?;
            transaction.commit().await?;
            Ok(outcome)
        })
        .await
    }

    async fn list_history(&self, id: HoldId) -> Result<Vec<HistoryLine>, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query_as(changes::LIST_HISTORY).bind(DbUuid(id.0));
            Ok(HistoryRow::decode_all(query.fetch_all(&self.pool).await?)?)
        })
        .await
    }
}

impl PostgresStore {
    /// Applies a change that may be one of a group by the statement of groups, and by a transaction of its own if that does not
    /// apply it.
    async fn apply_alone(&self, change: &HoldChange) -> Result<ApplyOutcome, StoreError> {
        let items: Vec<EventChange> = EventChange::new(change).into_iter().collect();
        let applied = self
            .retrying(|| async { Ok(event_changes::apply_all(&self.pool, &items, None).await?) })
            .await?;
        match applied.is_empty() {
            true => self.apply_in_transaction(change).await,
            false => Ok(ApplyOutcome::Done { commands: 0 }),
        }
    }

    async fn apply_in_transaction(&self, change: &HoldChange) -> Result<ApplyOutcome, StoreError> {
        self.retrying(|| async {
            let mut transaction = self.begin().await?;
            let outcome = apply_in(&mut transaction, change).await?;
            match outcome {
                ApplyOutcome::Done { .. } => transaction.commit().await,
                ApplyOutcome::Conflict | ApplyOutcome::Duplicate => transaction.rollback().await,
            }?;
            Ok(outcome)
        })
        .await
    }
}

/// Applies a change in the caller's transaction, which the caller commits only if it is done.
pub(super) async fn apply_in(
    connection: &mut PgConnection,
    change: &HoldChange,
) -> PostgresResult<ApplyOutcome> {
    let current = lock_hold(connection, change.hold).await?;
    if let Some(event) = &change.event
        && !insert_event(connection, event, Some(change.hold), change.now).await?
    {
        return Ok(ApplyOutcome::Duplicate);
    }
    let needs_version = change.step.is_some() || change.noted.is_some();
    let Some(current) = current.filter(|hold| !needs_version || hold.version == change.version) else {
        return Ok(ApplyOutcome::Conflict);
    };
    if let Some(intent) = &change.noted {
        payments::mark_noted(connection, intent).await?;
    }
    match &change.step {
        None => Ok(ApplyOutcome::Done { commands: 0 }),
        Some(step) => apply_step(connection, change, &current, step).await,
    }
}

/// Writes the event; `false` if it was applied before. Waits for an instance that is applying the same event.
pub(super) async fn insert_event(
    connection: &mut PgConnection,
    event: &EventRecord,
    hold: Option<HoldId>,
    now: DateTime<Utc>,
) -> PostgresResult<bool> {
    let done = events::insert_event!(event, hold, now)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Locks the hold; first, as the statement of groups does.
async fn lock_hold(connection: &mut PgConnection, hold: HoldId) -> PostgresResult<Option<CurrentHoldRow>> {
    let query = sqlx::query_as(
        "SELECT version, status, reason, due_at, quantity FROM holds WHERE id = $1 FOR UPDATE",
    );
    Ok(query.bind(hold.0).fetch_optional(connection).await?)
}

async fn apply_step(
    connection: &mut PgConnection,
    change: &HoldChange,
    current: &CurrentHoldRow,
    step: &StateChange,
) -> PostgresResult<ApplyOutcome> {
    let (transition, units) = match step {
        StateChange::Transition(transition) => (transition, None),
        StateChange::Reclaim { transition, units } => (transition, Some(units)),
    };
    match transition_effect::occupancy_effect(current.status()?, transition.next.status) {
        OccupancyEffect::Keep => {}
        OccupancyEffect::Delete => occupancy::delete_occupancy(connection, change.hold).await?,
        OccupancyEffect::Take => {
            let units = units.ok_or_else(|| encoding::unreadable_column("step", "a slot without units"))?;
            if !occupancy::take_units(connection, change.hold, units, current.quantity()).await? {
                return Ok(ApplyOutcome::Conflict);
            }
            occupancy::update_segments(connection, change.hold, &allocated_segments(units)).await?;
        }
    }
    lock_intents(connection, &transition.next).await?;
    update_hold(connection, change, current, transition).await?;
    for payment in &transition.next.payments {
        payments::upsert(connection, Some(change.hold), payment, change.now).await?;
    }
    let mut commands = 0;
    for action in &transition.commands {
        let (hold, by) = (Some(change.hold), encoding::encode_ordered_by(&change.actor));
        let enqueued = commands::enqueue(&mut *connection, hold, action, Some(by), change.now).await?;
        commands += usize::from(enqueued.is_new);
    }
    Ok(ApplyOutcome::Done { commands })
}

/// Locks what is known of the hold's payments before their rows, as the statement of groups does.
async fn lock_intents(connection: &mut PgConnection, hold: &Hold) -> PostgresResult<()> {
    let paid = hold.payments.iter().map(|payment| &payment.intent);
    let intents: Vec<&str> = paid.chain(&hold.intent).map(IntentId::as_str).collect();
    match intents.is_empty() {
        true => Ok(()),
        false => payments::lock_all(connection, &intents).await,
    }
}

/// Writes the hold as the transition leaves it, and the history line: one statement, so one round trip.
async fn update_hold(
    connection: &mut PgConnection,
    change: &HoldChange,
    current: &CurrentHoldRow,
    transition: &Transition,
) -> PostgresResult<()> {
    let next = &transition.next;
    let (from_status, from_reason) = encoding::encode_status(current.status()?);
    let (status, reason) = encoding::encode_status(next.status);
    let (actor, event, name) = encoding::encode_actor(&change.actor);
    let due_at = transition_effect::next_due_at(current.due_at(), next.status, change.check_at);
    sqlx::query(
        "WITH hold AS (
             UPDATE holds SET status = $2, reason = $3, requested_by = $4, intent_id = $5, price_mismatch = $6,
                 due_at = $7, tries = 0, leased_until = CASE WHEN status = $2 THEN leased_until END,
                 version = version + 1, updated_at = $8, paid_elsewhere = $16,
                 owes_nothing = $17
             WHERE id = $1)
         INSERT INTO hold_history
             (hold_id, at, from_status, from_reason, to_status, to_reason, transition, message, actor, event_id,
              actor_name)
         VALUES ($1, $8, $9, $10, $2, $3, $11, $12, $13, $14, $15)",
    )
    .bind(change.hold.0) // $1
    .bind(status) // $2
    .bind(reason) // $3
    .bind(next.requested_by.map(encoding::encode_requester)) // $4
    .bind(next.intent.as_ref().map(IntentId::as_str)) // $5
    .bind(next.price_mismatch) // $6
    .bind(due_at) // $7
    .bind(change.now) // $8
    .bind(from_status) // $9
    .bind(from_reason) // $10
    .bind(transition.reason.code()) // $11
    .bind(transition.reason.to_string()) // $12
    .bind(actor) // $13
    .bind(event) // $14
    .bind(name) // $15
    .bind(next.paid_elsewhere) // $16
    .bind(next.owes_nothing) // $17
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes a payment that belongs to no hold, and the command that refunds it, unless it waits for its hold.
async fn insert_orphan(
    connection: &mut PgConnection,
    orphan: &OrphanPayment,
    fate: OrphanFate,
) -> PostgresResult<ApplyOutcome> {
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
