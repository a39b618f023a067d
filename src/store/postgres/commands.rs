//! The outbox: orders to Stripe, written with what caused them and leased to whoever carries them out.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::postgres::{PgExecutor, PgPool};
use uuid::Uuid;

use super::super::{StoreError, cursor, rows};
use super::error::Answer;
use crate::domain::command::{Command, CommandAction, STUCK_AFTER};
use crate::domain::ids::{CommandId, HoldId};
use crate::domain::listing::{CommandFilter, Page, PageRequest};

#[derive(sqlx::FromRow)]
struct CommandRow {
    id: Uuid,
    kind: String,
    hold_id: Option<Uuid>,
    session_id: Option<String>,
    intent_id: Option<String>,
    amount: Option<i64>,
    currency: Option<String>,
    tries: i32,
    due_at: DateTime<Utc>,
    last_error: Option<String>,
    created_at: DateTime<Utc>,
    done_at: Option<DateTime<Utc>>,
}

/// The columns of [`CommandRow`], of a table or alias `c`.
macro_rules! columns {
    () => {
        "c.id, c.kind, c.hold_id, c.session_id, c.intent_id, c.amount, c.currency, c.tries, c.due_at, c.last_error,
         c.created_at, c.done_at"
    };
}

impl CommandRow {
    fn read(self) -> Result<Command, StoreError> {
        let money = match (self.amount, &self.currency) {
            (Some(amount), Some(currency)) => Some(rows::money(amount, currency)?),
            _ => None,
        };
        Ok(Command {
            id: CommandId(self.id),
            hold: self.hold_id.map(HoldId),
            action: rows::order(&self.kind, self.session_id, self.intent_id, money)?,
            tries: self.tries.unsigned_abs(),
            due_at: self.due_at,
            last_error: self.last_error,
            created_at: self.created_at,
            done_at: self.done_at,
        })
    }
}

/// An order that is in the books.
pub(super) struct Ordered {
    pub(super) id: CommandId,
    /// Whether it was not there before.
    pub(super) is_new: bool,
}

/// Writes an order, due at once; where the same one is there, that one stays as it is.
pub(super) async fn order(
    executor: impl PgExecutor<'_>,
    hold: Option<HoldId>,
    order: &CommandAction,
    now: DateTime<Utc>,
) -> Answer<Ordered> {
    let columns = rows::order_columns(order);
    // The update changes nothing; it is there because a conflict that does nothing returns nothing.
    // A row version that an insert made has no xmax; one that replaced another has.
    let (id, is_new): (Uuid, bool) = sqlx::query_as(
        "INSERT INTO commands
             (id, order_key, kind, hold_id, session_id, intent_id, amount, currency, due_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)
         ON CONFLICT (order_key) DO UPDATE SET order_key = excluded.order_key
         RETURNING id, xmax = 0 AS is_new",
    )
    .bind(Uuid::new_v4())
    .bind(order.key())
    .bind(columns.kind)
    .bind(hold.map(|hold| hold.0))
    .bind(columns.session)
    .bind(columns.intent)
    .bind(columns.money.map(|money| money.amount))
    .bind(columns.money.as_ref().map(|money| money.currency.code()))
    .bind(now)
    .fetch_one(executor)
    .await?;
    let id = CommandId(id);
    Ok(Ordered { id, is_new })
}

pub(super) async fn lease_due(
    pool: &PgPool,
    now: DateTime<Utc>,
    lease: Duration,
    limit: u32,
) -> Answer<Vec<Command>> {
    let mut leased: Vec<CommandRow> = sqlx::query_as(concat!(
        "UPDATE commands c SET leased_until = clock_timestamp() + make_interval(secs => $2)
         WHERE id = ANY (ARRAY(
             SELECT id FROM commands
             WHERE done_at IS NULL AND due_at <= $1
               AND (leased_until IS NULL OR leased_until <= clock_timestamp())
             ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED))
         RETURNING ",
        columns!()
    ))
    .bind(now)
    .bind(lease.as_secs_f64())
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await?;
    leased.sort_by_key(|row| row.due_at);
    Ok(leased
        .into_iter()
        .map(CommandRow::read)
        .collect::<Result<_, _>>()?)
}

pub(super) async fn lease_one(pool: &PgPool, id: CommandId, lease: Duration) -> Answer<Option<Command>> {
    let leased: Option<CommandRow> = sqlx::query_as(concat!(
        "UPDATE commands c SET leased_until = clock_timestamp() + make_interval(secs => $2)
         WHERE id = $1 AND done_at IS NULL AND (leased_until IS NULL OR leased_until <= clock_timestamp())
         RETURNING ",
        columns!()
    ))
    .bind(id.0)
    .bind(lease.as_secs_f64())
    .fetch_optional(pool)
    .await?;
    Ok(leased.map(CommandRow::read).transpose()?)
}

pub(super) async fn read(pool: &PgPool, id: CommandId) -> Answer<Option<Command>> {
    let row: Option<CommandRow> =
        sqlx::query_as(concat!("SELECT ", columns!(), " FROM commands c WHERE c.id = $1"))
            .bind(id.0)
            .fetch_optional(pool)
            .await?;
    Ok(row.map(CommandRow::read).transpose()?)
}

pub(super) async fn finish(pool: &PgPool, command: &Command, now: DateTime<Utc>) -> Answer<()> {
    // A refund for a hold is settled by the transition that Stripe's answer brings; one without has only its payment.
    let orphaned = match (&command.action, command.hold) {
        (CommandAction::Refund { intent, .. }, None) => Some(intent.as_str()),
        _ => None,
    };
    sqlx::query(
        "WITH payment AS (
             UPDATE payments SET state = 'refunded', refunded = amount, updated_at = $2
             WHERE intent_id = $3 AND state = 'refund_due')
         UPDATE commands SET done_at = $2, leased_until = NULL WHERE id = $1 AND done_at IS NULL",
    )
    .bind(command.id.0)
    .bind(now)
    .bind(orphaned)
    .execute(pool)
    .await?;
    Ok(())
}

pub(super) async fn fail(pool: &PgPool, id: CommandId, error: &str, due_at: DateTime<Utc>) -> Answer<()> {
    sqlx::query(
        "UPDATE commands SET tries = tries + 1, last_error = $2, due_at = $3, leased_until = NULL
         WHERE id = $1 AND done_at IS NULL",
    )
    .bind(id.0)
    .bind(error)
    .bind(due_at)
    .execute(pool)
    .await?;
    Ok(())
}

pub(super) async fn list(pool: &PgPool, filter: CommandFilter, page: &PageRequest) -> Answer<Page<Command>> {
    let before = match page.cursor.as_deref().map(cursor::read_timed) {
        None => None,
        Some(Some(place)) => Some(place),
        Some(None) => return Ok(cursor::end()),
    };
    let (done, tries) = match filter {
        CommandFilter::Pending => (false, 0),
        CommandFilter::Stuck => (false, STUCK_AFTER),
        CommandFilter::Done => (true, 0),
    };
    let found: Vec<CommandRow> = sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM commands c
         WHERE (done_at IS NOT NULL) = $1 AND tries >= $2
           AND (created_at, id) < (coalesce($3, 'infinity'), coalesce($4, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
         ORDER BY created_at DESC, id DESC LIMIT $5"
    ))
    .bind(done)
    .bind(i64::from(tries))
    .bind(before.map(|(at, _)| at))
    .bind(before.map(|(_, id)| id))
    .bind(cursor::rows_wanted(page))
    .fetch_all(pool)
    .await?;
    let found = cursor::page(found, page, |row| cursor::timed(row.created_at, row.id));
    let entries = found.entries.into_iter().map(CommandRow::read);
    Ok(Page {
        entries: entries.collect::<Result<_, _>>()?,
        next: found.next,
    })
}

pub(super) async fn retry(pool: &PgPool, id: CommandId, now: DateTime<Utc>) -> Answer<Option<Command>> {
    let row: Option<CommandRow> = sqlx::query_as(concat!(
        "UPDATE commands c SET due_at = $2 WHERE id = $1 AND done_at IS NULL RETURNING ",
        columns!()
    ))
    .bind(id.0)
    .bind(now)
    .fetch_optional(pool)
    .await?;
    Ok(row.map(CommandRow::read).transpose()?)
}
