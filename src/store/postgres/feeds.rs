//! Calendar feeds on PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;

use super::error::PostgresResult;
use super::{PostgresStore, resources};
use crate::domain::calendar_feed::Feed;
use crate::domain::catalogue::Block;
use crate::domain::ids::ResourceId;
use crate::domain::listing::{Page, PageRequest};
use crate::store::feeds::{self, FeedRead, FeedRow, Feeds, KEPT_PREFIX, NewFeed, feed_columns, list_feeds};
use crate::store::lease_request::LeaseRequest;
use crate::store::{StoreError, blocks, paging};

#[async_trait]
impl Feeds for PostgresStore {
    async fn set_feed(
        &self,
        resource: &ResourceId,
        feed: Option<&NewFeed<'_>>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        self.retrying(|| async {
            let mut transaction = self.begin().await?;
            let is_set = set_in(&mut transaction, resource, feed, now).await?;
            transaction.commit().await?;
            Ok(is_set)
        })
        .await
    }

    async fn find_feed(&self, resource: &ResourceId) -> Result<Option<Feed>, StoreError> {
        fetch_row!(self, FeedRow, sqlx::query_as(feeds::FIND).bind(resource.as_str()))
    }

    async fn list_faulty_feeds(&self, limit: u32) -> Result<Vec<Feed>, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query_as(feeds::LIST_FAULTY).bind(i64::from(limit));
            Ok(FeedRow::decode_all(query.fetch_all(&self.pool).await?)?)
        })
        .await
    }

    async fn list_feeds(&self, page: &PageRequest) -> Result<Page<Feed>, StoreError> {
        self.retrying(|| async {
            let Some(query) = list_feeds!(page) else {
                return Ok(paging::end_of_list());
            };
            Ok(FeedRow::decode_page(query.fetch_all(&self.pool).await?, page)?)
        })
        .await
    }

    async fn lease_due_feeds(&self, request: &LeaseRequest) -> Result<Vec<Feed>, StoreError> {
        FeedRow::decode_leased(self.lease_rows(LEASE_DUE, request).await?)
    }

    async fn make_feed_due(&self, resource: &ResourceId, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.retrying(|| async {
            feeds::make_due!(resource, now).execute(&self.pool).await?;
            Ok(())
        })
        .await
    }

    async fn save_feed_blocks(&self, feed: &Feed, read: &FeedRead) -> Result<(), StoreError> {
        self.retrying(|| async {
            let mut transaction = self.begin().await?;
            let saved = feeds::save_read!(feed, read).execute(&mut *transaction).await?;
            if saved.rows_affected() == 1 {
                delete_replaced_blocks(&mut transaction, &feed.resource, &read.kept).await?;
                insert_feed_blocks(&mut transaction, &feed.resource, &read.blocks, read.read_at).await?;
                let count = sqlx::query_scalar(feeds::COUNT_BLOCKS).bind(feed.resource.as_str());
                feeds::check_size(count.fetch_one(&mut *transaction).await?)?;
            }
            Ok(transaction.commit().await?)
        })
        .await
    }

    async fn save_feed_failure(
        &self,
        feed: &Feed,
        fault: &str,
        next: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.retrying(|| async {
            feeds::save_failure!(feed, fault, next)
                .execute(&self.pool)
                .await?;
            Ok(())
        })
        .await
    }
}

/// Sets or ends a feed in the caller's transaction; `false` if there is no such resource.
pub(super) async fn set_in(
    connection: &mut PgConnection,
    resource: &ResourceId,
    feed: Option<&NewFeed<'_>>,
    now: DateTime<Utc>,
) -> PostgresResult<bool> {
    let unknown = resources::lock_resources(connection, std::slice::from_ref(resource)).await?;
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

/// Leases feeds that are due at `$1` for `$2` seconds, at most `$3`. Several instances lease at once, so it skips locked
/// rows.
const LEASE_DUE: &str = concat!(
    "UPDATE calendar_feeds SET leased_until = clock_timestamp() + make_interval(secs => $2)
     WHERE resource_id = ANY (ARRAY(
         SELECT resource_id FROM calendar_feeds
         WHERE due_at <= $1 AND (leased_until IS NULL OR leased_until <= clock_timestamp())
         ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED))
     RETURNING ",
    feed_columns!()
);

async fn delete_feed_blocks(connection: &mut PgConnection, resource: &ResourceId) -> PostgresResult<()> {
    let query = sqlx::query(blocks::DELETE_OF_FEED).bind(resource.as_str());
    query.execute(connection).await?;
    Ok(())
}

/// Deletes the blocks of a feed, except those whose ids begin with one of `kept`.
async fn delete_replaced_blocks(
    connection: &mut PgConnection,
    resource: &ResourceId,
    kept: &[String],
) -> PostgresResult<()> {
    let query = sqlx::query(
        "DELETE FROM blocks WHERE resource_id = $1 AND from_feed = true
           AND left(id, $3) NOT IN (SELECT unnest($2)) AND rtrim(id, '-0123456789') NOT IN (SELECT unnest($2))",
    );
    let query = query.bind(resource.as_str()).bind(kept).bind(KEPT_PREFIX as i32);
    query.execute(connection).await?;
    Ok(())
}

async fn insert_feed_blocks(
    connection: &mut PgConnection,
    resource: &ResourceId,
    blocks: &[Block],
    now: DateTime<Utc>,
) -> PostgresResult<()> {
    let ids: Vec<&str> = blocks.iter().map(|block| block.id.as_str()).collect();
    let starts: Vec<_> = blocks.iter().map(|block| block.window.starts_at()).collect();
    let ends: Vec<_> = blocks.iter().map(|block| block.window.ends_at()).collect();
    let notes: Vec<&str> = blocks.iter().map(|block| block.note.as_str()).collect();
    sqlx::query(
        "INSERT INTO blocks (resource_id, id, from_feed, starts_at, ends_at, note, created_at)
         SELECT $1, id, true, starts_at, ends_at, note, $6 FROM unnest($2, $3, $4, $5) AS u (id, starts_at, ends_at, note)
         ON CONFLICT (resource_id, from_feed, id) DO UPDATE SET starts_at = excluded.starts_at, ends_at = excluded.ends_at",
    )
    .bind(resource.as_str())
    .bind(ids)
    .bind(starts)
    .bind(ends)
    .bind(notes)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}
