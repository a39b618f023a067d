//! What happens to a hold after it was placed: event, effect, history and commands in one transaction (I5).
//!
//! What is to happen was decided before, on a version of the hold that must still be there.

use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

use super::error::Answer;
use super::{SqliteStore, commands, history, placing};
use crate::domain::command::CommandAction;
use crate::domain::hold::{Hold, Status, Transition};
use crate::domain::ids::{HoldId, IntentId};
use crate::domain::payment::{Payment, PaymentState, Receipt};
use crate::domain::segment::{Allocation, segments_of};
use crate::store::effect::{self, Windows};
use crate::store::{ApplyOutcome, EventRecord, HoldChange, StateChange, StoreError, rows};

pub(super) async fn apply(store: &SqliteStore, change: &HoldChange) -> Answer<ApplyOutcome> {
    let mut tx = store.begin().await?;
    let applied = apply_in(&mut tx, change).await?;
    match applied {
        ApplyOutcome::Done { .. } => tx.commit().await,
        ApplyOutcome::Conflict | ApplyOutcome::Duplicate => tx.rollback().await,
    }?;
    Ok(applied)
}

/// [`apply`] in a transaction of the caller's.
pub(super) async fn apply_in(connection: &mut SqliteConnection, change: &HoldChange) -> Answer<ApplyOutcome> {
    if let Some(event) = &change.event
        && !remember(connection, event, Some(change.hold), change.now).await?
    {
        return Ok(ApplyOutcome::Duplicate);
    }
    let Some(before) = Before::read(connection, change.hold).await? else {
        return Ok(ApplyOutcome::Conflict);
    };
    let Some(step) = &change.step else {
        return Ok(ApplyOutcome::Done { orders: 0 });
    };
    if before.version != change.version {
        return Ok(ApplyOutcome::Conflict);
    }
    let (transition, units) = match step {
        StateChange::Transition(transition) => (transition, None),
        StateChange::Reclaim { transition, units } => (transition, Some(units.as_slice())),
    };
    let windows = effect::windows(before.status()?, transition.next.status);
    if !move_windows(connection, change.hold, windows, units, before.quantity).await? {
        return Ok(ApplyOutcome::Conflict);
    }
    let orders = write_transition(connection, change, &before, transition).await?;
    Ok(ApplyOutcome::Done { orders })
}

/// Writes an event down; `false` where it is known.
async fn remember(
    connection: &mut SqliteConnection,
    event: &EventRecord,
    hold: Option<HoldId>,
    now: DateTime<Utc>,
) -> Answer<bool> {
    let done = sqlx::query(
        "INSERT INTO stripe_events (id, kind, hold_id, payload, applied_at) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(event.id.as_str())
    .bind(&event.kind)
    .bind(hold.map(|id| id.0.hyphenated()))
    .bind(&event.payload)
    .bind(now.timestamp_millis())
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// A hold as a change finds it.
#[derive(sqlx::FromRow)]
struct Before {
    version: i64,
    status: String,
    reason: Option<String>,
    due_at: Option<i64>,
    quantity: u32,
}

impl Before {
    async fn read(connection: &mut SqliteConnection, hold: HoldId) -> Answer<Option<Self>> {
        let question =
            sqlx::query_as("SELECT version, status, reason, due_at, quantity FROM holds WHERE id = ?");
        Ok(question
            .bind(hold.0.hyphenated())
            .fetch_optional(connection)
            .await?)
    }

    fn status(&self) -> Result<Status, StoreError> {
        rows::status(&self.status, self.reason.as_deref())
    }
}

/// Makes the windows follow the state; `false` where someone else has a part of what was to be taken back.
async fn move_windows(
    connection: &mut SqliteConnection,
    hold: HoldId,
    windows: Windows,
    units: Option<&[Allocation]>,
    quantity: u32,
) -> Answer<bool> {
    match windows {
        Windows::AsTheyAre => {}
        Windows::Free => placing::vacate(connection, hold).await?,
        Windows::Take => {
            let units = units.ok_or_else(|| rows::unreadable("step", "a slot without units"))?;
            if !placing::occupy(connection, hold, units, quantity).await? {
                return Ok(false);
            }
            placing::write_segments(connection, hold, &segments_of(units)).await?;
        }
    }
    Ok(true)
}

/// Writes the hold, its payments, its history and its orders; answers how many orders are new.
async fn write_transition(
    connection: &mut SqliteConnection,
    change: &HoldChange,
    before: &Before,
    transition: &Transition,
) -> Answer<usize> {
    let next = &transition.next;
    let due_before = before.due_at.map(rows::instant).transpose()?;
    let due_at = effect::due_at(due_before, next.status, change.check_at);
    update_hold(connection, change, next, due_at).await?;
    for payment in &next.payments {
        upsert_payment(connection, change.hold, payment, change.now).await?;
    }
    let line = history::Line {
        hold: change.hold,
        from: Some(before.status()?),
        to: next.status,
        why: transition.reason.to_string(),
        cause: &change.cause,
    };
    line.write(connection, change.now).await?;
    let mut orders = 0;
    for order in &transition.commands {
        let new = commands::insert(connection, Some(change.hold), order, change.now).await?;
        orders += usize::from(new);
    }
    Ok(orders)
}

async fn update_hold(
    connection: &mut SqliteConnection,
    change: &HoldChange,
    next: &Hold,
    due_at: Option<DateTime<Utc>>,
) -> Answer<()> {
    let (status, reason) = rows::status_texts(next.status);
    sqlx::query(
        "UPDATE holds
            SET status = ?1, reason = ?2, asked_by = ?3, intent_id = ?4, price_mismatch = ?5, due_at = ?6, tries = 0,
                leased_until = iif(status = ?1, leased_until, NULL), version = version + 1, updated_at = ?7
          WHERE id = ?8 AND version = ?9",
    )
    .bind(status)
    .bind(reason)
    .bind(next.requested_by.map(rows::asker_text))
    .bind(next.intent.as_ref().map(IntentId::as_str))
    .bind(next.price_mismatch)
    .bind(due_at.map(|at| at.timestamp_millis()))
    .bind(change.now.timestamp_millis())
    .bind(change.hold.0.hyphenated())
    .bind(change.version)
    .execute(connection)
    .await?;
    Ok(())
}

async fn upsert_payment(
    connection: &mut SqliteConnection,
    hold: HoldId,
    payment: &Payment,
    now: DateTime<Utc>,
) -> Answer<()> {
    sqlx::query(
        "INSERT INTO payments (intent_id, hold_id, amount, currency, refunded, state, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)
         ON CONFLICT (intent_id) DO UPDATE SET
             hold_id = excluded.hold_id, amount = excluded.amount, currency = excluded.currency,
             refunded = excluded.refunded, state = excluded.state, updated_at = excluded.updated_at
          WHERE (hold_id, amount, currency, refunded, state)
                IS NOT (excluded.hold_id, excluded.amount, excluded.currency, excluded.refunded, excluded.state)",
    )
    .bind(payment.intent.as_str())
    .bind(hold.0.hyphenated())
    .bind(payment.money.amount)
    .bind(payment.money.currency.code())
    .bind(payment.refunded)
    .bind(rows::payment_state_text(payment.state))
    .bind(now.timestamp_millis())
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn apply_orphan(
    store: &SqliteStore,
    event: Option<&EventRecord>,
    claimed: Option<HoldId>,
    receipt: &Receipt,
    now: DateTime<Utc>,
) -> Answer<ApplyOutcome> {
    let mut tx = store.begin().await?;
    if let Some(event) = event
        && !remember(&mut tx, event, claimed, now).await?
    {
        return Ok(ApplyOutcome::Duplicate);
    }
    let payment = sqlx::query(
        "INSERT INTO payments (intent_id, claimed_hold, amount, currency, state, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6) ON CONFLICT (intent_id) DO NOTHING",
    )
    .bind(receipt.intent.as_str())
    .bind(claimed.map(|id| id.0.hyphenated()))
    .bind(receipt.money.amount)
    .bind(receipt.money.currency.code())
    .bind(rows::payment_state_text(PaymentState::RefundDue))
    .bind(now.timestamp_millis())
    .execute(&mut *tx)
    .await?;
    let known = payment.rows_affected() == 0;
    let mut orders = 0;
    if !known {
        let order = CommandAction::Refund {
            intent: receipt.intent.clone(),
            money: receipt.money,
        };
        orders += usize::from(commands::insert(&mut tx, None, &order, now).await?);
    }
    // Also where the payment is known: the event is, from now on.
    tx.commit().await?;
    if known {
        return Ok(ApplyOutcome::Duplicate);
    }
    Ok(ApplyOutcome::Done { orders })
}
