//! Calendar feeds on SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::SqliteConnection;
use sqlx::types::Json;

use super::error::SqliteResult;
use super::{SqliteStore, database_now, resources};
use crate::domain::calendar_feed::Feed;
use crate::domain::catalogue::Block;
use crate::domain::ids::ResourceId;
use crate::domain::listing::{Page, PageRequest};
use crate::store::columns::DbTime;
use crate::store::feeds::{self, FeedRead, FeedRow, Feeds, KEPT_PREFIX, NewFeed, feed_columns, list_feeds};
use crate::store::lease_request::LeaseRequest;
use crate::store::{StoreError, blocks, paging};

#[async_trait]
impl Feeds for SqliteStore {
    async fn set_feed(
        &self,
        resource: &ResourceId,
        feed: Option<&NewFeed<'_>>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let is_set = set_in(&mut transaction, resource, feed, now).await?;
        self.commit(transaction).await?;
        Ok(is_set)
    }

    async fn find_feed(&self, resource: &ResourceId) -> Result<Option<Feed>, StoreError> {
        let query = sqlx::query_as(feeds::FIND).bind(resource.as_str());
        FeedRow::decode_optional(self.read(query.fetch_optional(&self.readers)).await?)
    }

    async fn list_faulty_feeds(&self, limit: u32) -> Result<Vec<Feed>, StoreError> {
        let query = sqlx::query_as(feeds::LIST_FAULTY).bind(limit);
        FeedRow::decode_all(self.read(query.fetch_all(&self.readers)).await?)
    }

    async fn list_feeds(&self, page: &PageRequest) -> Result<Page<Feed>, StoreError> {
        let Some(query) = list_feeds!(page) else {
            return Ok(paging::end_of_list());
        };
        FeedRow::decode_page(self.read(query.fetch_all(&self.readers)).await?, page)
    }

    async fn lease_due_feeds(&self, request: &LeaseRequest) -> Result<Vec<Feed>, StoreError> {
        FeedRow::decode_leased(self.lease_rows(LEASE_DUE, request).await?)
    }

    async fn make_feed_due(&self, resource: &ResourceId, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.write(feeds::make_due!(resource, now)).await?;
        Ok(())
    }

    async fn save_feed_blocks(&self, feed: &Feed, read: &FeedRead) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let save = feeds::save_read!(feed, read);
        let saved = self.in_transaction(save.execute(&mut *transaction)).await?;
        if saved.rows_affected() == 1 {
            delete_replaced_blocks(&mut transaction, &feed.resource, &read.kept).await?;
            insert_feed_blocks(&mut transaction, &feed.resource, &read.blocks, read.read_at).await?;
            let count = sqlx::query_scalar(feeds::COUNT_BLOCKS).bind(feed.resource.as_str());
            feeds::check_size(self.in_transaction(count.fetch_one(&mut *transaction)).await?)?;
        }
        self.commit(transaction).await
    }

    async fn save_feed_failure(
        &self,
        feed: &Feed,
        fault: &str,
        next: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.write(feeds::save_failure!(feed, fault, next)).await?;
        Ok(())
    }
}

/// Sets or ends a feed in the caller's transaction; `false` if there is no such resource.
pub(super) async fn set_in(
    connection: &mut SqliteConnection,
    resource: &ResourceId,
    feed: Option<&NewFeed<'_>>,
    now: DateTime<Utc>,
) -> SqliteResult<bool> {
    let unknown = resources::list_unknown(connection, std::slice::from_ref(resource)).await?;
    if !unknown.is_empty() {
        return Ok(false);
    }
    let query = match feed {
        Some(feed) => feeds::upsert_feed!(resource, feed, now),
        None => {
            delete_feed_blocks(connection, resource).await?;
            sqlx::query(feeds::DELETE).bind(resource.as_str())
        }
    };
    query.execute(connection).await?;
    Ok(true)
}

/// Leases feeds that are due at `$1` for `$2` milliseconds, at most `$3`.
pub(super) const LEASE_DUE: &str = concat!(
    "UPDATE calendar_feeds SET leased_until = ",
    database_now!(),
    " + $2
     WHERE resource_id IN (
         SELECT resource_id FROM calendar_feeds
         WHERE due_at <= $1 AND coalesce(leased_until, 0) <= ",
    database_now!(),
    " ORDER BY due_at LIMIT $3)
     RETURNING ",
    feed_columns!()
);

async fn delete_feed_blocks(connection: &mut SqliteConnection, resource: &ResourceId) -> SqliteResult<()> {
    let query = sqlx::query(blocks::DELETE_OF_FEED).bind(resource.as_str());
    query.execute(connection).await?;
    Ok(())
}

/// Deletes the blocks of a feed, except those whose ids begin with one of `kept`.
async fn delete_replaced_blocks(
    connection: &mut SqliteConnection,
    resource: &ResourceId,
    kept: &[String],
) -> SqliteResult<()> {
    let query = sqlx::query(
        "DELETE FROM blocks WHERE resource_id = $1 AND from_feed = true
           AND substr(id, 1, $3) NOT IN (SELECT value FROM json_each($2))
           AND rtrim(id, '-0123456789') NOT IN (SELECT value FROM json_each($2))",
    );
    let query = query
        .bind(resource.as_str())
        .bind(Json(kept))
        .bind(KEPT_PREFIX as i64);
    query.execute(connection).await?;
    Ok(())
}

async fn insert_feed_blocks(
    connection: &mut SqliteConnection,
    resource: &ResourceId,
    blocks: &[Block],
    now: DateTime<Utc>,
) -> SqliteResult<()> {
    let to_json = |block: &Block| {
        json!({
            "id": block.id,
            "starts_at": block.window.starts_at().timestamp_millis(),
            "ends_at": block.window.ends_at().timestamp_millis(),
            "note": block.note,
        })
    };
    sqlx::query(
        "INSERT INTO blocks (resource_id, id, from_feed, starts_at, ends_at, note, created_at)
         SELECT $1, value ->> 'id', true, value ->> 'starts_at', value ->> 'ends_at', value ->> 'note', $3
         FROM jsonb_each($2) WHERE true
         ON CONFLICT (resource_id, from_feed, id) DO UPDATE SET starts_at = excluded.starts_at, ends_at = excluded.ends_at",
    )
    .bind(resource.as_str())
    .bind(Json(blocks.iter().map(to_json).collect::<Vec<_>>()))
    .bind(DbTime(now))
    .execute(connection)
    .await?;
    Ok(())
}
