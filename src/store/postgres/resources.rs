//! Resources, the blocks that keep them busy for other reasons, and the calendar feeds that bring some of these.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::postgres::{PgConnection, PgPool};
use uuid::Uuid;

use super::super::{StoreError, calendar_rows, cursor, rows};
use super::error::Answer;
use crate::domain::catalogue::{Block, BlockConflict, Feed, Resource};
use crate::domain::ids::ResourceId;
use crate::domain::listing::{Page, PageRequest, PutOutcome};

#[derive(sqlx::FromRow)]
struct ResourceRow {
    seq: i64,
    id: String,
    name: String,
    capacity: i32,
}

impl ResourceRow {
    fn read(self) -> Result<Resource, StoreError> {
        Ok(Resource {
            id: rows::resource(&self.id)?,
            name: self.name,
            capacity: self.capacity.unsigned_abs(),
        })
    }
}

fn put(created: bool) -> PutOutcome {
    if created {
        PutOutcome::Created
    } else {
        PutOutcome::Replaced
    }
}

pub(super) async fn write(pool: &PgPool, resource: &Resource, now: DateTime<Utc>) -> Answer<PutOutcome> {
    let created: bool = sqlx::query_scalar(
        "INSERT INTO resources (id, name, capacity, created_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, capacity = excluded.capacity
         RETURNING xmax = 0",
    )
    .bind(resource.id.as_str())
    .bind(&resource.name)
    .bind(rows::minutes(Some(resource.capacity.into()))?)
    .bind(now)
    .fetch_one(pool)
    .await?;
    Ok(put(created))
}

pub(super) async fn read(pool: &PgPool, id: &ResourceId) -> Answer<Option<Resource>> {
    let row: Option<ResourceRow> =
        sqlx::query_as("SELECT seq, id, name, capacity FROM resources WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(pool)
            .await?;
    Ok(row.map(ResourceRow::read).transpose()?)
}

pub(super) async fn list(pool: &PgPool, page: &PageRequest) -> Answer<Page<Resource>> {
    let before = match page.cursor.as_deref().map(cursor::read_numbered) {
        None => i64::MAX,
        Some(Some(seq)) => seq,
        Some(None) => return Ok(cursor::end()),
    };
    let found: Vec<ResourceRow> = sqlx::query_as(
        "SELECT seq, id, name, capacity FROM resources WHERE seq < $1 ORDER BY seq DESC LIMIT $2",
    )
    .bind(before)
    .bind(cursor::rows_wanted(page))
    .fetch_all(pool)
    .await?;
    let found = cursor::page(found, page, |row| cursor::numbered(row.seq));
    let entries = found.entries.into_iter().map(ResourceRow::read);
    Ok(Page {
        entries: entries.collect::<Result<_, _>>()?,
        next: found.next,
    })
}

/// Writes the block first, and then waits for the checkouts that may not have seen it: they are in the conflicts, and
/// later ones do see it.
pub(super) async fn put_block(
    pool: &PgPool,
    resource: &ResourceId,
    block: &Block,
    now: DateTime<Utc>,
) -> Answer<(PutOutcome, Vec<BlockConflict>)> {
    let created: bool = sqlx::query_scalar(
        "INSERT INTO blocks (resource_id, id, from_feed, starts_at, ends_at, note, created_at)
         VALUES ($1, $2, false, $3, $4, $5, $6)
         ON CONFLICT (resource_id, from_feed, id) DO UPDATE SET
             starts_at = excluded.starts_at, ends_at = excluded.ends_at, note = excluded.note
         RETURNING xmax = 0",
    )
    .bind(resource.as_str())
    .bind(&block.id)
    .bind(block.window.starts_at())
    .bind(block.window.ends_at())
    .bind(&block.note)
    .bind(now)
    .fetch_one(pool)
    .await?;
    let mut transaction = pool.begin().await?;
    sqlx::query("LOCK TABLE occupancy IN SHARE MODE")
        .execute(&mut *transaction)
        .await?;
    let conflicts = conflicts(&mut transaction, resource, block).await?;
    transaction.rollback().await?;
    Ok((put(created), conflicts))
}

#[derive(sqlx::FromRow)]
struct BlockConflictRow {
    hold_id: Uuid,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    status: String,
}

async fn conflicts(
    connection: &mut PgConnection,
    resource: &ResourceId,
    block: &Block,
) -> Answer<Vec<BlockConflict>> {
    let found: Vec<BlockConflictRow> = sqlx::query_as(
        "SELECT DISTINCT ON (h.starts_at, h.id) h.id AS hold_id, lower(o.during) AS starts_at, upper(o.during) AS ends_at, h.status
         FROM occupancy o JOIN holds h ON h.id = o.hold_id
         WHERE o.resource_id = $1 AND o.during && tstzrange($2, $3) ORDER BY h.starts_at, h.id",
    )
    .bind(resource.as_str())
    .bind(block.window.starts_at())
    .bind(block.window.ends_at())
    .fetch_all(connection)
    .await?;
    let conflicts = found
        .into_iter()
        .map(|row| calendar_rows::conflict(row.hold_id, (row.starts_at, row.ends_at), &row.status));
    Ok(conflicts.collect::<Result<_, StoreError>>()?)
}

pub(super) async fn delete_block(pool: &PgPool, resource: &ResourceId, id: &str) -> Answer<bool> {
    let done = sqlx::query("DELETE FROM blocks WHERE resource_id = $1 AND id = $2 AND NOT from_feed")
        .bind(resource.as_str())
        .bind(id)
        .execute(pool)
        .await?;
    Ok(done.rows_affected() > 0)
}

pub(super) async fn set_feed(
    pool: &PgPool,
    resource: &ResourceId,
    url: Option<&str>,
    now: DateTime<Utc>,
) -> Answer<()> {
    let mut transaction = pool.begin().await?;
    let done =
        match url {
            Some(url) => sqlx::query(
                "INSERT INTO calendar_feeds (resource_id, url, due_at, created_at) VALUES ($1, $2, $3, $3)
                 ON CONFLICT (resource_id) DO UPDATE SET url = excluded.url, due_at = excluded.due_at,
                     leased_until = NULL, read_at = NULL, fault = NULL",
            )
            .bind(resource.as_str())
            .bind(url)
            .bind(now)
            .execute(&mut *transaction)
            .await,
            None => {
                remove_feed_blocks(&mut transaction, resource).await?;
                sqlx::query("DELETE FROM calendar_feeds WHERE resource_id = $1")
                    .bind(resource.as_str())
                    .execute(&mut *transaction)
                    .await
            }
        };
    done?;
    Ok(transaction.commit().await?)
}

async fn remove_feed_blocks(connection: &mut PgConnection, resource: &ResourceId) -> Answer<()> {
    sqlx::query("DELETE FROM blocks WHERE resource_id = $1 AND from_feed")
        .bind(resource.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct FeedRow {
    resource_id: String,
    url: String,
    read_at: Option<DateTime<Utc>>,
    fault: Option<String>,
}

impl FeedRow {
    fn read(self) -> Result<Feed, StoreError> {
        Ok(Feed {
            resource: rows::resource(&self.resource_id)?,
            url: self.url,
            read_at: self.read_at,
            fault: self.fault,
        })
    }
}

pub(super) async fn feed(pool: &PgPool, resource: &ResourceId) -> Answer<Option<Feed>> {
    let row: Option<FeedRow> =
        sqlx::query_as("SELECT resource_id, url, read_at, fault FROM calendar_feeds WHERE resource_id = $1")
            .bind(resource.as_str())
            .fetch_optional(pool)
            .await?;
    Ok(row.map(FeedRow::read).transpose()?)
}

pub(super) async fn lease_due_feeds(
    pool: &PgPool,
    now: DateTime<Utc>,
    lease: Duration,
    limit: u32,
) -> Answer<Vec<Feed>> {
    let found: Vec<FeedRow> = sqlx::query_as(
        "UPDATE calendar_feeds SET leased_until = clock_timestamp() + make_interval(secs => $2)
         WHERE resource_id = ANY (ARRAY(
             SELECT resource_id FROM calendar_feeds
             WHERE due_at <= $1 AND (leased_until IS NULL OR leased_until <= clock_timestamp())
             ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED))
         RETURNING resource_id, url, read_at, fault",
    )
    .bind(now)
    .bind(lease.as_secs_f64())
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await?;
    Ok(found.into_iter().map(FeedRow::read).collect::<Result<_, _>>()?)
}

pub(super) async fn feed_read(
    pool: &PgPool,
    feed: &Feed,
    blocks: &[Block],
    fault: Option<&str>,
    now: DateTime<Utc>,
    next: DateTime<Utc>,
) -> Answer<()> {
    let mut transaction = pool.begin().await?;
    let ours = sqlx::query(
        "UPDATE calendar_feeds SET due_at = $3, leased_until = NULL, read_at = $4, fault = $5
         WHERE resource_id = $1 AND url = $2",
    )
    .bind(feed.resource.as_str())
    .bind(&feed.url)
    .bind(next)
    .bind(now)
    .bind(fault)
    .execute(&mut *transaction)
    .await?;
    if ours.rows_affected() == 1 {
        remove_feed_blocks(&mut transaction, &feed.resource).await?;
        insert_feed_blocks(&mut transaction, &feed.resource, blocks, now).await?;
    }
    Ok(transaction.commit().await?)
}

async fn insert_feed_blocks(
    connection: &mut PgConnection,
    resource: &ResourceId,
    blocks: &[Block],
    now: DateTime<Utc>,
) -> Answer<()> {
    let ids: Vec<&str> = blocks.iter().map(|block| block.id.as_str()).collect();
    let starts: Vec<_> = blocks.iter().map(|block| block.window.starts_at()).collect();
    let ends: Vec<_> = blocks.iter().map(|block| block.window.ends_at()).collect();
    let notes: Vec<&str> = blocks.iter().map(|block| block.note.as_str()).collect();
    sqlx::query(
        "INSERT INTO blocks (resource_id, id, from_feed, starts_at, ends_at, note, created_at)
         SELECT $1, id, true, starts_at, ends_at, note, $6 FROM unnest($2, $3, $4, $5) AS u (id, starts_at, ends_at, note)
         ON CONFLICT DO NOTHING",
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

pub(super) async fn feed_failed(pool: &PgPool, feed: &Feed, fault: &str, next: DateTime<Utc>) -> Answer<()> {
    sqlx::query(
        "UPDATE calendar_feeds SET due_at = $3, leased_until = NULL, fault = $4 WHERE resource_id = $1 AND url = $2",
    )
    .bind(feed.resource.as_str())
    .bind(&feed.url)
    .bind(next)
    .bind(fault)
    .execute(pool)
    .await?;
    Ok(())
}
