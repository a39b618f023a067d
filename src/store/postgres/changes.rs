//! Changes to a hold, each with its event, windows, payments, history and orders in one transaction (I5).

use chrono::{DateTime, Utc};
use sqlx::postgres::{PgConnection, PgPool};

use super::super::effect::{self, Windows};
use super::super::{ApplyOutcome, EventRecord, HoldChange, StateChange, StoreError, rows};
use super::error::Answer;
use super::{commands, placing};
use crate::domain::booking::HistoryLine;
use crate::domain::command::CommandAction;
use crate::domain::hold::{Status, Transition};
use crate::domain::ids::{HoldId, IntentId};
use crate::domain::payment::{Payment, PaymentState, Receipt};
use crate::domain::segment::segments_of;

pub(super) async fn apply(pool: &PgPool, change: &HoldChange) -> Answer<ApplyOutcome> {
    let mut transaction = pool.begin().await?;
    let applied = apply_in(&mut transaction, change).await?;
    match applied {
        ApplyOutcome::Done { .. } => transaction.commit().await,
        ApplyOutcome::Conflict | ApplyOutcome::Duplicate => transaction.rollback().await,
    }?;
    Ok(applied)
}

/// [`apply`] in a transaction of the caller's.
pub(super) async fn apply_in(connection: &mut PgConnection, change: &HoldChange) -> Answer<ApplyOutcome> {
    if let Some(event) = &change.event
        && !remember(connection, event, Some(change.hold), change.now).await?
    {
        return Ok(ApplyOutcome::Duplicate);
    }
    let Some(before) = lock(connection, change).await? else {
        return Ok(ApplyOutcome::Conflict);
    };
    match &change.step {
        None => Ok(ApplyOutcome::Done { orders: 0 }),
        Some(step) => take_step(connection, change, &before, step).await,
    }
}

/// Writes the event; `false` where it was applied before. Waits for another who is just applying it.
async fn remember(
    connection: &mut PgConnection,
    event: &EventRecord,
    hold: Option<HoldId>,
    now: DateTime<Utc>,
) -> Answer<bool> {
    let done = sqlx::query(
        "INSERT INTO stripe_events (id, kind, hold_id, payload, applied_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT DO NOTHING",
    )
    .bind(event.id.as_str())
    .bind(&event.kind)
    .bind(hold.map(|hold| hold.0))
    .bind(&event.payload)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// What a change needs to know of the hold before it.
struct Before {
    status: Status,
    due_at: Option<DateTime<Utc>>,
    quantity: u32,
}

#[derive(sqlx::FromRow)]
struct BeforeRow {
    status: String,
    reason: Option<String>,
    due_at: Option<DateTime<Utc>>,
    quantity: i32,
}

/// Locks the hold on the version that was decided on; `None` where it has another by now, or there is none. A change
/// without a step only needs the hold to be there.
async fn lock(connection: &mut PgConnection, change: &HoldChange) -> Answer<Option<Before>> {
    let row: Option<BeforeRow> = sqlx::query_as(
        "SELECT status, reason, due_at, quantity FROM holds WHERE id = $1 AND (version = $2 OR NOT $3) FOR UPDATE",
    )
    .bind(change.hold.0)
    .bind(change.version)
    .bind(change.step.is_some())
    .fetch_optional(connection)
    .await?;
    Ok(row.map(BeforeRow::read).transpose()?)
}

impl BeforeRow {
    fn read(self) -> Result<Before, StoreError> {
        Ok(Before {
            status: rows::status(&self.status, self.reason.as_deref())?,
            due_at: self.due_at,
            quantity: self.quantity.unsigned_abs(),
        })
    }
}

async fn take_step(
    connection: &mut PgConnection,
    change: &HoldChange,
    before: &Before,
    step: &StateChange,
) -> Answer<ApplyOutcome> {
    let (transition, units) = match step {
        StateChange::Transition(transition) => (transition, None),
        StateChange::Reclaim { transition, units } => (transition, Some(units)),
    };
    match effect::windows(before.status, transition.next.status) {
        Windows::AsTheyAre => {}
        Windows::Free => placing::give_up(connection, change.hold).await?,
        Windows::Take => {
            let units = units.ok_or_else(|| rows::unreadable("step", "a slot without units"))?;
            if !placing::take_units(connection, change.hold, units, before.quantity).await? {
                return Ok(ApplyOutcome::Conflict);
            }
            placing::write_segments(connection, change.hold, &segments_of(units)).await?;
        }
    }
    write_hold(connection, change, before, transition).await?;
    write_payments(connection, change, &transition.next.payments).await?;
    let mut orders = 0;
    for order in &transition.commands {
        let ordered = commands::order(&mut *connection, Some(change.hold), order, change.now).await?;
        orders += usize::from(ordered.is_new);
    }
    Ok(ApplyOutcome::Done { orders })
}

/// Writes the hold as it is afterwards, and the history line.
async fn write_hold(
    connection: &mut PgConnection,
    change: &HoldChange,
    before: &Before,
    transition: &Transition,
) -> Answer<()> {
    let next = &transition.next;
    let (from_status, from_reason) = rows::status_texts(before.status);
    let (status, reason) = rows::status_texts(next.status);
    let (actor, event) = rows::cause_texts(&change.cause);
    sqlx::query(
        "WITH hold AS (
             UPDATE holds SET status = $2, reason = $3, asked_by = $4, intent_id = $5, price_mismatch = $6,
                 due_at = $7, tries = 0, leased_until = CASE WHEN status = $2 THEN leased_until END,
                 version = version + 1, updated_at = $8
             WHERE id = $1)
         INSERT INTO hold_history
             (hold_id, at, from_status, from_reason, to_status, to_reason, why, actor, event_id)
         VALUES ($1, $8, $9, $10, $2, $3, $11, $12, $13)",
    )
    .bind(change.hold.0)
    .bind(status)
    .bind(reason)
    .bind(next.requested_by.map(rows::asker_text))
    .bind(next.intent.as_ref().map(IntentId::as_str))
    .bind(next.price_mismatch)
    .bind(effect::due_at(before.due_at, next.status, change.check_at))
    .bind(change.now)
    .bind(from_status)
    .bind(from_reason)
    .bind(transition.reason.to_string())
    .bind(actor)
    .bind(event)
    .execute(connection)
    .await?;
    Ok(())
}

async fn write_payments(
    connection: &mut PgConnection,
    change: &HoldChange,
    payments: &[Payment],
) -> Answer<()> {
    for payment in payments {
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
        .bind(payment.intent.as_str())
        .bind(change.hold.0)
        .bind(payment.money.amount)
        .bind(payment.money.currency.code())
        .bind(payment.refunded)
        .bind(rows::payment_state_text(payment.state))
        .bind(change.now)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

pub(super) async fn apply_orphan(
    pool: &PgPool,
    event: Option<&EventRecord>,
    claimed: Option<HoldId>,
    receipt: &Receipt,
    now: DateTime<Utc>,
) -> Answer<ApplyOutcome> {
    let mut transaction = pool.begin().await?;
    if let Some(event) = event
        && !remember(&mut transaction, event, claimed, now).await?
    {
        transaction.rollback().await?;
        return Ok(ApplyOutcome::Duplicate);
    }
    let applied = if write_orphan(&mut transaction, claimed, receipt, now).await? {
        let order = CommandAction::Refund {
            intent: receipt.intent.clone(),
            money: receipt.money,
        };
        let ordered = commands::order(&mut *transaction, None, &order, now).await?;
        ApplyOutcome::Done {
            orders: usize::from(ordered.is_new),
        }
    } else {
        // The event is new, the payment is not: it is remembered, and there is nothing more to do.
        ApplyOutcome::Duplicate
    };
    transaction.commit().await?;
    Ok(applied)
}

/// Writes a payment that belongs to no hold; `false` where it is known.
async fn write_orphan(
    connection: &mut PgConnection,
    claimed: Option<HoldId>,
    receipt: &Receipt,
    now: DateTime<Utc>,
) -> Answer<bool> {
    let done = sqlx::query(
        "INSERT INTO payments (intent_id, claimed_hold, amount, currency, state, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT DO NOTHING",
    )
    .bind(receipt.intent.as_str())
    .bind(claimed.map(|hold| hold.0))
    .bind(receipt.money.amount)
    .bind(receipt.money.currency.code())
    .bind(rows::payment_state_text(PaymentState::RefundDue))
    .bind(now)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

#[derive(sqlx::FromRow)]
struct HistoryRow {
    at: DateTime<Utc>,
    from_status: Option<String>,
    from_reason: Option<String>,
    to_status: String,
    to_reason: Option<String>,
    why: String,
    actor: String,
    event_id: Option<String>,
}

impl HistoryRow {
    fn read(self) -> Result<HistoryLine, StoreError> {
        let from = self.from_status.as_deref();
        let from = from.map(|text| rows::status(text, self.from_reason.as_deref()));
        Ok(HistoryLine {
            at: self.at,
            from: from.transpose()?,
            to: rows::status(&self.to_status, self.to_reason.as_deref())?,
            why: self.why,
            cause: rows::cause(&self.actor, self.event_id)?,
        })
    }
}

pub(super) async fn history(pool: &PgPool, id: HoldId) -> Answer<Vec<HistoryLine>> {
    let found: Vec<HistoryRow> = sqlx::query_as(
        "SELECT at, from_status, from_reason, to_status, to_reason, why, actor, event_id
         FROM hold_history WHERE hold_id = $1 ORDER BY seq",
    )
    .bind(id.0)
    .fetch_all(pool)
    .await?;
    Ok(found
        .into_iter()
        .map(HistoryRow::read)
        .collect::<Result<_, _>>()?)
}
