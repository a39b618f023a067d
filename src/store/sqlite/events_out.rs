//! Events out on SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;
use sqlx::types::Json;

use super::SqliteStore;
use super::error::SqliteResult;
use crate::domain::event_out::{EventOut, EventOutId, StreamEnd};
use crate::store::StoreError;
use crate::store::columns::DbTime;
use crate::store::events_out::{self, EventOutRow, EventsOut, find_events_out, list_events_out};

#[async_trait]
impl EventsOut for SqliteStore {
    /// The trigger that writes an event numbers it.
    async fn number_events_out(&self, _: u32) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn list_events_out(
        &self,
        after: Option<EventOutId>,
        limit: u32,
    ) -> Result<Vec<EventOut>, StoreError> {
        let query = list_events_out!(after, limit);
        EventOutRow::decode_all(self.read(query.fetch_all(&self.readers)).await?)
    }

    async fn list_events_after(&self, position: i64, limit: u32) -> Result<Vec<EventOut>, StoreError> {
        let query = sqlx::query_as(events_out::LIST_AFTER).bind(position).bind(limit);
        EventOutRow::decode_all(self.read(query.fetch_all(&self.readers)).await?)
    }

    async fn read_last_position(&self) -> Result<i64, StoreError> {
        let query = sqlx::query_scalar(events_out::READ_LAST_POSITION);
        self.read(query.fetch_one(&self.readers)).await
    }

    async fn read_stream_end(&self) -> Result<StreamEnd, StoreError> {
        let query = sqlx::query_scalar(events_out::READ_END);
        Ok(StreamEnd(self.read(query.fetch_one(&self.readers)).await?))
    }

    async fn find_events_out(&self, positions: &[i64]) -> Result<Vec<EventOut>, StoreError> {
        let query = sqlx::query_as(FIND).bind(Json(positions));
        EventOutRow::decode_all(self.read(query.fetch_all(&self.readers)).await?)
    }

    async fn delete_old_events_out(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let deleted = delete_old_in(&mut transaction, before, limit).await?;
        self.commit(transaction).await?;
        Ok(deleted)
    }
}

/// Finds the events at the positions in JSON `$1`.
pub(super) const FIND: &str = find_events_out!("IN (SELECT value FROM json_each($1))");

/// Selects events that happened before `$1`, at most `$2`.
pub(super) const SELECT_OLD: &str = "SELECT position FROM events_out
     WHERE position IS NOT NULL AND created_at < $1 ORDER BY created_at LIMIT $2";

/// Keeps the last sequence of the holds of the events in JSON `$1`.
pub(super) const KEEP_SEQUENCES: &str = "UPDATE holds SET last_sequence = old.sequence
     FROM (SELECT hold_id, max(sequence) AS sequence FROM events_out
           WHERE position IN (SELECT value FROM json_each($1)) AND hold_id IS NOT NULL GROUP BY hold_id) AS old
     WHERE holds.id = old.hold_id AND holds.last_sequence < old.sequence";

/// Deletes the deliveries of the events in JSON `$1`.
pub(super) const DELETE_DELIVERIES: &str =
    "DELETE FROM event_deliveries WHERE position IN (SELECT value FROM json_each($1))";

/// Deletes the events in JSON `$1`.
pub(super) const DELETE: &str = "DELETE FROM events_out WHERE position IN (SELECT value FROM json_each($1))";

async fn delete_old_in(
    connection: &mut SqliteConnection,
    before: DateTime<Utc>,
    limit: u32,
) -> SqliteResult<u64> {
    let old = sqlx::query_scalar(SELECT_OLD).bind(DbTime(before)).bind(limit);
    let old: Json<Vec<i64>> = Json(old.fetch_all(&mut *connection).await?);
    for statement in [KEEP_SEQUENCES, DELETE_DELIVERIES] {
        sqlx::query(statement)
            .bind(&old)
            .execute(&mut *connection)
            .await?;
    }
    let deleted = sqlx::query(DELETE).bind(&old).execute(connection).await?;
    Ok(deleted.rows_affected())
}
