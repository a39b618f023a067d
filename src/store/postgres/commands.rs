//! The outbox on PostgreSQL.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::postgres::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::error::PostgresResult;
use super::{PostgresStore, payments};
use crate::domain::booking::Actor;
use crate::domain::command::{Command, CommandAction, STUCK_AFTER};
use crate::domain::ids::{CommandId, HoldId, IntentId};
use crate::domain::listing::{CommandFilter, Page, PageRequest};
use crate::store::columns::{DbTime, DbUuid};
use crate::store::commands::{self, CommandRow, Commands, command_columns, define_note_orphan};
use crate::store::lease_request::LeaseRequest;
use crate::store::{StoreError, encoding};

#[async_trait]
impl Commands for PostgresStore {
    async fn lease_commands(&self, request: &LeaseRequest) -> Result<Vec<Command>, StoreError> {
        CommandRow::decode_leased(self.lease_rows(LEASE_DUE, request).await?)
    }

    async fn lease_command(&self, id: CommandId, lease: Duration) -> Result<Option<Command>, StoreError> {
        fetch_row!(
            self,
            CommandRow,
            sqlx::query_as(LEASE_ONE).bind(id.0).bind(lease.as_secs_f64())
        )
    }

    async fn finish_command(&self, command: &Command, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.retrying(|| async {
            let mut transaction = self.begin().await?;
            match (&command.action, command.hold) {
                // Else a report that comes in between would not be seen and would still be marked as noted.
                (CommandAction::Refund { intent, .. }, None) => {
                    payments::lock(&mut transaction, intent).await?;
                }
                // First the hold, as every change of a hold locks it first.
                (CommandAction::Refund { intent, .. }, Some(_)) => {
                    payments::touch_hold(&mut transaction, intent).await?;
                }
                (CommandAction::ExpireSession(_), _) => {}
            }
            sqlx::query(commands::FINISH)
                .bind(DbUuid(command.id.0))
                .bind(DbTime(now))
                .execute(&mut *transaction)
                .await?;
            match (&command.action, command.hold) {
                (CommandAction::Refund { intent, .. }, None) => {
                    note_orphan(&mut transaction, intent, now).await?;
                }
                // A hold takes notice by a decision of its own, which the sweep makes if this process dies.
                (CommandAction::Refund { intent, .. }, Some(_)) => {
                    payments::mark_unnoted(&mut transaction, intent).await?;
                }
                (CommandAction::ExpireSession(_), _) => {}
            }
            transaction.commit().await?;
            Ok(())
        })
        .await
    }

    async fn begin_command(&self, id: CommandId, now: DateTime<Utc>) -> Result<(), StoreError> {
        run_statement!(
            self,
            sqlx::query(commands::BEGIN).bind(DbUuid(id.0)).bind(DbTime(now))
        )
    }

    async fn fail_command(
        &self,
        command: &Command,
        error: &str,
        due_at: DateTime<Utc>,
        key: Option<&str>,
    ) -> Result<(), StoreError> {
        run_statement!(
            self,
            sqlx::query(commands::FAIL)
                .bind(DbUuid(command.id.0))
                .bind(error)
                .bind(DbTime(due_at))
                .bind(key)
                .bind(command.leased_until.map(DbTime))
        )
    }

    async fn await_decision(
        &self,
        command: &Command,
        error: &str,
        due_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        run_statement!(
            self,
            sqlx::query(commands::AWAIT_DECISION)
                .bind(DbUuid(command.id.0))
                .bind(error)
                .bind(DbTime(due_at))
                .bind(i32::try_from(STUCK_AFTER).unwrap_or(i32::MAX))
                .bind(command.leased_until.map(DbTime))
        )
    }

    async fn defer_command(&self, command: &Command, due_at: DateTime<Utc>) -> Result<(), StoreError> {
        run_statement!(
            self,
            sqlx::query(commands::DEFER)
                .bind(DbUuid(command.id.0))
                .bind(command.leased_until.map(DbTime))
                .bind(DbTime(due_at))
        )
    }

    async fn order_command(&self, id: CommandId, actor: &Actor) -> Result<(), StoreError> {
        run_statement!(
            self,
            sqlx::query(commands::ORDER)
                .bind(DbUuid(id.0))
                .bind(encoding::encode_ordered_by(actor))
        )
    }

    async fn find_command(&self, id: CommandId) -> Result<Option<Command>, StoreError> {
        fetch_row!(
            self,
            CommandRow,
            sqlx::query_as(commands::FIND).bind(DbUuid(id.0))
        )
    }

    async fn list_commands(
        &self,
        filter: CommandFilter,
        page: &PageRequest,
    ) -> Result<Page<Command>, StoreError> {
        fetch_page!(self, CommandRow, commands::list_query!(filter, page), page)
    }

    async fn retry_command(&self, id: CommandId, now: DateTime<Utc>) -> Result<Option<Command>, StoreError> {
        fetch_row!(
            self,
            CommandRow,
            sqlx::query_as(commands::RETRY)
                .bind(DbUuid(id.0))
                .bind(DbTime(now))
        )
    }

    async fn delete_done_commands(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        self.delete_or_clear(DELETE_DONE, before, limit).await
    }
}

/// Deletes commands other than refunds that were done before `$1`, at most `$2`.
const DELETE_DONE: &str = "DELETE FROM commands WHERE id = ANY (ARRAY(
         SELECT id FROM commands WHERE done_at IS NOT NULL AND kind = 'expire_session' AND done_at < $1
         ORDER BY done_at LIMIT $2 FOR UPDATE SKIP LOCKED))";

/// A command in the outbox.
pub(super) struct EnqueuedCommand {
    pub(super) id: CommandId,
    /// Whether it was not there before.
    pub(super) is_new: bool,
}

/// Writes a command, due at once. If the same command is there, it stays as it is.
pub(super) async fn enqueue(
    executor: impl PgExecutor<'_>,
    hold: Option<HoldId>,
    action: &CommandAction,
    ordered_by: Option<&str>,
    now: DateTime<Utc>,
) -> PostgresResult<EnqueuedCommand> {
    let columns = encoding::encode_command(action);
    // The update changes nothing. It is needed because `DO NOTHING` returns no row. `xmax` is 0 only in a row version
    // that an insert made.
    let (id, is_new): (Uuid, bool) = sqlx::query_as(
        "INSERT INTO commands
             (id, deduplication_key, kind, hold_id, session_id, intent_id, amount, currency, due_at, created_at,
              ordered_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10)
         ON CONFLICT (deduplication_key) DO UPDATE SET deduplication_key = excluded.deduplication_key
         RETURNING id, xmax = 0 AS is_new",
    )
    .bind(Uuid::new_v4())
    .bind(action.key())
    .bind(columns.kind)
    .bind(hold.map(|hold| hold.0))
    .bind(columns.session)
    .bind(columns.intent)
    .bind(columns.money.map(|money| money.amount))
    .bind(columns.money.as_ref().map(|money| money.currency.code()))
    .bind(now)
    .bind(ordered_by)
    .fetch_one(executor)
    .await?;
    let id = CommandId(id);
    Ok(EnqueuedCommand { id, is_new })
}

/// Leases commands that are due at `$1` for `$2` seconds, at most `$3`. Several instances lease at once, so it skips
/// locked rows.
const LEASE_DUE: &str = concat!(
    "UPDATE commands SET leased_until = clock_timestamp() + make_interval(secs => $2)
     WHERE id = ANY (ARRAY(
         SELECT id FROM commands
         WHERE done_at IS NULL AND due_at <= $1 AND (leased_until IS NULL OR leased_until <= clock_timestamp())
         ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED))
     RETURNING ",
    command_columns!()
);

/// Leases command `$1` for `$2` seconds.
const LEASE_ONE: &str = concat!(
    "UPDATE commands SET leased_until = clock_timestamp() + make_interval(secs => $2)
     WHERE id = $1 AND done_at IS NULL AND (leased_until IS NULL OR leased_until <= clock_timestamp())
     RETURNING ",
    command_columns!()
);

define_note_orphan!(PgConnection, PostgresResult);
