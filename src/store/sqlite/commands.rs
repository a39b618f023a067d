//! The outbox on SQLite.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;
use uuid::Uuid;

use super::error::SqliteResult;
use super::{SqliteStore, database_now, payments, to_millis};
use crate::domain::booking::Actor;
use crate::domain::command::{Command, CommandAction, STUCK_AFTER};
use crate::domain::ids::{CommandId, HoldId, IntentId};
use crate::domain::listing::{CommandFilter, Page, PageRequest};
use crate::store::columns::{DbTime, DbUuid};
use crate::store::commands::{self, CommandRow, Commands, command_columns, define_note_orphan};
use crate::store::lease_request::LeaseRequest;
use crate::store::{StoreError, encoding, paging};

#[async_trait]
impl Commands for SqliteStore {
    async fn lease_commands(&self, request: &LeaseRequest) -> Result<Vec<Command>, StoreError> {
        CommandRow::decode_leased(self.lease_rows(LEASE_DUE, request).await?)
    }

    async fn lease_command(&self, id: CommandId, lease: Duration) -> Result<Option<Command>, StoreError> {
        let query = sqlx::query_as(LEASE_ONE)
            .bind(DbUuid(id.0))
            .bind(to_millis(lease));
        CommandRow::decode_optional(self.write_returning(query).await?)
    }

    async fn finish_command(&self, command: &Command, now: DateTime<Utc>) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        finish_in(&mut transaction, command, now).await?;
        self.commit(transaction).await
    }

    async fn fail_command(
        &self,
        command: &Command,
        error: &str,
        due_at: DateTime<Utc>,
        key: Option<&str>,
    ) -> Result<(), StoreError> {
        let query = sqlx::query(commands::FAIL)
            .bind(DbUuid(command.id.0))
            .bind(error)
            .bind(DbTime(due_at))
            .bind(key)
            .bind(command.leased_until.map(DbTime));
        self.write(query).await.map(drop)
    }

    async fn begin_command(&self, id: CommandId, now: DateTime<Utc>) -> Result<(), StoreError> {
        let query = sqlx::query(commands::BEGIN).bind(DbUuid(id.0)).bind(DbTime(now));
        self.write(query).await.map(drop)
    }

    async fn await_decision(
        &self,
        command: &Command,
        error: &str,
        due_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let query = sqlx::query(commands::AWAIT_DECISION)
            .bind(DbUuid(command.id.0))
            .bind(error)
            .bind(DbTime(due_at))
            .bind(STUCK_AFTER)
            .bind(command.leased_until.map(DbTime));
        self.write(query).await.map(drop)
    }

    async fn defer_command(&self, command: &Command, due_at: DateTime<Utc>) -> Result<(), StoreError> {
        let query = sqlx::query(commands::DEFER).bind(DbUuid(command.id.0));
        let query = query.bind(command.leased_until.map(DbTime));
        self.write(query.bind(DbTime(due_at))).await.map(drop)
    }

    async fn order_command(&self, id: CommandId, actor: &Actor) -> Result<(), StoreError> {
        let query = sqlx::query(commands::ORDER).bind(DbUuid(id.0));
        self.write(query.bind(encoding::encode_ordered_by(actor)))
            .await
            .map(drop)
    }

    async fn find_command(&self, id: CommandId) -> Result<Option<Command>, StoreError> {
        let query = sqlx::query_as(commands::FIND).bind(DbUuid(id.0));
        CommandRow::decode_optional(self.read(query.fetch_optional(&self.readers)).await?)
    }

    async fn list_commands(
        &self,
        filter: CommandFilter,
        page: &PageRequest,
    ) -> Result<Page<Command>, StoreError> {
        let Some(query) = commands::list_query!(filter, page) else {
            return Ok(paging::end_of_list());
        };
        CommandRow::decode_page(self.read(query.fetch_all(&self.readers)).await?, page)
    }

    async fn retry_command(&self, id: CommandId, now: DateTime<Utc>) -> Result<Option<Command>, StoreError> {
        let query = sqlx::query_as(commands::RETRY)
            .bind(DbUuid(id.0))
            .bind(DbTime(now));
        CommandRow::decode_optional(self.write_returning(query).await?)
    }

    async fn delete_done_commands(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        self.delete_or_clear(DELETE_DONE, before, limit).await
    }
}

/// Marks a command as done, in the caller's transaction.
async fn finish_in(
    connection: &mut SqliteConnection,
    command: &Command,
    now: DateTime<Utc>,
) -> SqliteResult<()> {
    if let CommandAction::Refund { intent, .. } = &command.action {
        payments::touch_hold(&mut *connection, intent).await?;
    }
    sqlx::query(commands::FINISH)
        .bind(DbUuid(command.id.0))
        .bind(DbTime(now))
        .execute(&mut *connection)
        .await?;
    match (&command.action, command.hold) {
        (CommandAction::Refund { intent, .. }, None) => note_orphan(connection, intent, now).await,
        // A hold takes notice by a decision of its own, which the sweep makes if this process dies.
        (CommandAction::Refund { intent, .. }, Some(_)) => payments::mark_unnoted(connection, intent).await,
        (CommandAction::ExpireSession(_), _) => Ok(()),
    }
}

/// Writes a command, due at once; `false` if the same command is there.
pub(super) async fn enqueue(
    connection: &mut SqliteConnection,
    hold: Option<HoldId>,
    action: &CommandAction,
    ordered_by: Option<&str>,
    now: DateTime<Utc>,
) -> SqliteResult<bool> {
    let columns = encoding::encode_command(action);
    let done = sqlx::query(
        "INSERT INTO commands
             (id, deduplication_key, kind, hold_id, session_id, intent_id, amount, currency, due_at, created_at,
              ordered_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10) ON CONFLICT (deduplication_key) DO NOTHING",
    )
    .bind(DbUuid(Uuid::new_v4()))
    .bind(action.key())
    .bind(columns.kind)
    .bind(hold.map(|hold| DbUuid(hold.0)))
    .bind(columns.session)
    .bind(columns.intent)
    .bind(columns.money.map(|money| money.amount))
    .bind(columns.money.as_ref().map(|money| money.currency.code()))
    .bind(DbTime(now))
    .bind(ordered_by)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Finds the command that carries out an action, if there is one.
pub(super) async fn find_id(
    connection: &mut SqliteConnection,
    action: &CommandAction,
) -> SqliteResult<Option<CommandId>> {
    let query = sqlx::query_scalar("SELECT id FROM commands WHERE deduplication_key = $1").bind(action.key());
    let id: Option<DbUuid> = query.fetch_optional(connection).await?;
    Ok(id.map(|id| CommandId(id.0)))
}

/// Writes a command unless it is there, and returns its id.
pub(super) async fn enqueue_and_find(
    connection: &mut SqliteConnection,
    hold: HoldId,
    action: &CommandAction,
    now: DateTime<Utc>,
) -> SqliteResult<CommandId> {
    enqueue(connection, Some(hold), action, None, now).await?;
    let id = find_id(connection, action).await?;
    Ok(id.ok_or(sqlx::Error::RowNotFound)?)
}

/// Leases commands that are due at `$1` for `$2` milliseconds, at most `$3`.
pub(super) const LEASE_DUE: &str = concat!(
    "UPDATE commands SET leased_until = ",
    database_now!(),
    " + $2
     WHERE id IN (
         SELECT id FROM commands
         WHERE done_at IS NULL AND due_at <= $1 AND coalesce(leased_until, 0) <= ",
    database_now!(),
    " ORDER BY due_at LIMIT $3)
     RETURNING ",
    command_columns!()
);

/// Deletes commands other than refunds that were done before `$1`, at most `$2`.
pub(super) const DELETE_DONE: &str = "DELETE FROM commands WHERE id IN (
         SELECT id FROM commands WHERE done_at IS NOT NULL AND kind = 'expire_session' AND done_at < $1
         ORDER BY done_at LIMIT $2)";

/// Leases command `$1` for `$2` milliseconds.
const LEASE_ONE: &str = concat!(
    "UPDATE commands SET leased_until = ",
    database_now!(),
    " + $2 WHERE id = $1 AND done_at IS NULL AND coalesce(leased_until, 0) <= ",
    database_now!(),
    " RETURNING ",
    command_columns!()
);

define_note_orphan!(SqliteConnection, SqliteResult);
