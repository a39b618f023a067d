//! The outbox: orders to Stripe, each written once, leased, answered (I7).

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use super::error::Answer;
use super::{SqliteStore, db_now, millis, timed_place};
use crate::domain::command::{Command, CommandAction, STUCK_AFTER};
use crate::domain::ids::{CommandId, HoldId};
use crate::domain::listing::{CommandFilter, Page, PageRequest};
use crate::store::{StoreError, cursor, rows};

#[derive(sqlx::FromRow)]
struct CommandRow {
    id: Hyphenated,
    kind: String,
    hold_id: Option<Hyphenated>,
    session_id: Option<String>,
    intent_id: Option<String>,
    amount: Option<i64>,
    currency: Option<String>,
    tries: u32,
    due_at: i64,
    last_error: Option<String>,
    created_at: i64,
    done_at: Option<i64>,
}

/// The columns of a [`CommandRow`].
macro_rules! columns {
    () => {
        "id, kind, hold_id, session_id, intent_id, amount, currency, tries, due_at, last_error, created_at, done_at"
    };
}

impl CommandRow {
    fn read(self) -> Result<Command, StoreError> {
        let money = match (self.amount, &self.currency) {
            (Some(amount), Some(currency)) => Some(rows::money(amount, currency)?),
            _ => None,
        };
        Ok(Command {
            id: CommandId(self.id.into_uuid()),
            hold: self.hold_id.map(|id| HoldId(id.into_uuid())),
            action: rows::order(&self.kind, self.session_id, self.intent_id, money)?,
            tries: self.tries,
            due_at: rows::instant(self.due_at)?,
            last_error: self.last_error,
            created_at: rows::instant(self.created_at)?,
            done_at: self.done_at.map(rows::instant).transpose()?,
        })
    }
}

/// Writes an order, due at once; `false` where the same one is known.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    hold: Option<HoldId>,
    order: &CommandAction,
    now: DateTime<Utc>,
) -> Answer<bool> {
    let columns = rows::order_columns(order);
    let done = sqlx::query(
        "INSERT INTO commands
             (id, order_key, kind, hold_id, session_id, intent_id, amount, currency, due_at, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9) ON CONFLICT (order_key) DO NOTHING",
    )
    .bind(Uuid::new_v4().hyphenated())
    .bind(order.key())
    .bind(columns.kind)
    .bind(hold.map(|id| id.0.hyphenated()))
    .bind(columns.session)
    .bind(columns.intent)
    .bind(columns.money.map(|money| money.amount))
    .bind(columns.money.as_ref().map(|money| money.currency.code()))
    .bind(now.timestamp_millis())
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// The command that an order was written as; `None` where it was not.
pub(super) async fn id_of(
    connection: &mut SqliteConnection,
    order: &CommandAction,
) -> Answer<Option<CommandId>> {
    let id: Option<Hyphenated> = sqlx::query_scalar("SELECT id FROM commands WHERE order_key = ?")
        .bind(order.key())
        .fetch_optional(connection)
        .await?;
    Ok(id.map(|id| CommandId(id.into_uuid())))
}

/// Writes an order where it is not known, and answers its command.
pub(super) async fn ordered(
    connection: &mut SqliteConnection,
    hold: HoldId,
    order: &CommandAction,
    now: DateTime<Utc>,
) -> Answer<CommandId> {
    insert(connection, Some(hold), order, now).await?;
    let id = id_of(connection, order).await?;
    Ok(id.ok_or(sqlx::Error::RowNotFound)?)
}

pub(super) const LEASE_DUE: &str = concat!(
    "UPDATE commands SET leased_until = ",
    db_now!(),
    " + ?2
          WHERE id IN (
                SELECT id FROM commands
                 WHERE done_at IS NULL AND due_at <= ?1 AND coalesce(leased_until, 0) <= ",
    db_now!(),
    "        ORDER BY due_at LIMIT ?3)
         RETURNING ",
    columns!()
);

pub(super) async fn lease_commands(
    store: &SqliteStore,
    now: DateTime<Utc>,
    lease: Duration,
    limit: u32,
) -> Answer<Vec<Command>> {
    let mut tx = store.begin().await?;
    let rows: Vec<CommandRow> = sqlx::query_as(LEASE_DUE)
        .bind(now.timestamp_millis())
        .bind(millis(lease))
        .bind(limit)
        .fetch_all(&mut *tx)
        .await?;
    tx.commit().await?;
    let mut commands = read_all(rows)?;
    // RETURNING promises no order.
    commands.sort_by_key(|command| command.due_at);
    Ok(commands)
}

pub(super) async fn lease_command(
    store: &SqliteStore,
    id: CommandId,
    lease: Duration,
) -> Answer<Option<Command>> {
    let mut tx = store.begin().await?;
    let row: Option<CommandRow> = sqlx::query_as(concat!(
        "UPDATE commands SET leased_until = ",
        db_now!(),
        " + ? WHERE id = ? AND done_at IS NULL AND coalesce(leased_until, 0) <= ",
        db_now!(),
        " RETURNING ",
        columns!()
    ))
    .bind(millis(lease))
    .bind(id.0.hyphenated())
    .fetch_optional(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(row.map(CommandRow::read).transpose()?)
}

pub(super) async fn finish_command(store: &SqliteStore, command: &Command, now: DateTime<Utc>) -> Answer<()> {
    let now = now.timestamp_millis();
    let mut tx = store.begin().await?;
    sqlx::query("UPDATE commands SET done_at = ?, leased_until = NULL WHERE id = ? AND done_at IS NULL")
        .bind(now)
        .bind(command.id.0.hyphenated())
        .execute(&mut *tx)
        .await?;
    if let (None, CommandAction::Refund { intent, .. }) = (command.hold, &command.action) {
        // Money without a hold has no state machine that would learn of it.
        sqlx::query(
            "UPDATE payments SET state = 'refunded', refunded = amount, updated_at = ?
              WHERE intent_id = ? AND hold_id IS NULL AND state IN ('refund_due', 'refund_failed')",
        )
        .bind(now)
        .bind(intent.as_str())
        .execute(&mut *tx)
        .await?;
    }
    Ok(tx.commit().await?)
}

pub(super) async fn fail_command(
    store: &SqliteStore,
    id: CommandId,
    error: &str,
    due_at: DateTime<Utc>,
) -> Answer<()> {
    let statement = sqlx::query(
        "UPDATE commands SET tries = tries + 1, last_error = ?, due_at = ?, leased_until = NULL
          WHERE id = ? AND done_at IS NULL",
    )
    .bind(error)
    .bind(due_at.timestamp_millis())
    .bind(id.0.hyphenated());
    store.write(statement).await.map(drop)
}

pub(super) async fn command(store: &SqliteStore, id: CommandId) -> Result<Option<Command>, StoreError> {
    let question =
        sqlx::query_as::<_, CommandRow>(concat!("SELECT ", columns!(), " FROM commands WHERE id = ?"))
            .bind(id.0.hyphenated());
    let row = store.read(question.fetch_optional(&store.readers)).await?;
    row.map(CommandRow::read).transpose()
}

pub(super) async fn commands(
    store: &SqliteStore,
    filter: CommandFilter,
    page: &PageRequest,
) -> Answer<Page<Command>> {
    let Some((at, id)) = timed_place(page) else {
        return Ok(cursor::end());
    };
    let (done, tried) = match filter {
        CommandFilter::Pending => (false, 0),
        CommandFilter::Stuck => (false, STUCK_AFTER),
        CommandFilter::Done => (true, 0),
    };
    let question = sqlx::query_as::<_, CommandRow>(concat!(
        "SELECT ",
        columns!(),
        " FROM commands
          WHERE (created_at, id) < (?, ?) AND (done_at IS NOT NULL) = ? AND tries >= ?
          ORDER BY created_at DESC, id DESC LIMIT ?"
    ))
    .bind(at)
    .bind(id)
    .bind(done)
    .bind(tried)
    .bind(cursor::rows_wanted(page));
    let found = read_all(store.read(question.fetch_all(&store.readers)).await?)?;
    Ok(cursor::page(found, page, |last| {
        cursor::timed(last.created_at, last.id.0)
    }))
}

pub(super) async fn retry_command(
    store: &SqliteStore,
    id: CommandId,
    now: DateTime<Utc>,
) -> Answer<Option<Command>> {
    let mut tx = store.begin().await?;
    let row: Option<CommandRow> = sqlx::query_as(concat!(
        "UPDATE commands SET due_at = ? WHERE id = ? AND done_at IS NULL RETURNING ",
        columns!()
    ))
    .bind(now.timestamp_millis())
    .bind(id.0.hyphenated())
    .fetch_optional(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(row.map(CommandRow::read).transpose()?)
}

fn read_all(rows: Vec<CommandRow>) -> Result<Vec<Command>, StoreError> {
    rows.into_iter().map(CommandRow::read).collect()
}
