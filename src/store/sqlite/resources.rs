//! Resources, the blocks that keep them busy for other reasons, and the calendar feeds that bring some of these.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::SqliteConnection;
use sqlx::types::Json;
use uuid::fmt::Hyphenated;

use super::error::Answer;
use super::{SqliteStore, db_now, millis};
use crate::domain::catalogue::{Block, BlockConflict, Feed, Resource};
use crate::domain::ids::ResourceId;
use crate::domain::listing::{Page, PageRequest, PutOutcome};
use crate::store::{StoreError, calendar_rows, cursor, rows};

#[derive(sqlx::FromRow)]
struct ResourceRow {
    seq: i64,
    id: String,
    name: String,
    capacity: u32,
}

impl ResourceRow {
    fn read(self) -> Result<Resource, StoreError> {
        Ok(Resource {
            id: rows::resource(&self.id)?,
            name: self.name,
            capacity: self.capacity,
        })
    }
}

fn put(known: bool) -> PutOutcome {
    if known {
        PutOutcome::Replaced
    } else {
        PutOutcome::Created
    }
}

pub(super) async fn write(
    store: &SqliteStore,
    resource: &Resource,
    now: DateTime<Utc>,
) -> Answer<PutOutcome> {
    let mut tx = store.begin().await?;
    let known: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM resources WHERE id = ?)")
        .bind(resource.id.as_str())
        .fetch_one(&mut *tx)
        .await?;
    sqlx::query(
        "INSERT INTO resources (id, name, capacity, created_at) VALUES (?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, capacity = excluded.capacity",
    )
    .bind(resource.id.as_str())
    .bind(&resource.name)
    .bind(resource.capacity)
    .bind(now.timestamp_millis())
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(put(known))
}

pub(super) async fn read(store: &SqliteStore, id: &ResourceId) -> Answer<Option<Resource>> {
    let question =
        sqlx::query_as::<_, ResourceRow>("SELECT seq, id, name, capacity FROM resources WHERE id = ?")
            .bind(id.as_str());
    let row = store.read(question.fetch_optional(&store.readers)).await?;
    Ok(row.map(ResourceRow::read).transpose()?)
}

pub(super) async fn list(store: &SqliteStore, page: &PageRequest) -> Answer<Page<Resource>> {
    let place = match &page.cursor {
        None => Some(i64::MAX),
        Some(cursor) => cursor::read_numbered(cursor),
    };
    let Some(before) = place else {
        return Ok(cursor::end());
    };
    let question = sqlx::query_as::<_, ResourceRow>(
        "SELECT seq, id, name, capacity FROM resources WHERE seq < ? ORDER BY seq DESC LIMIT ?",
    )
    .bind(before)
    .bind(cursor::rows_wanted(page));
    let found = store.read(question.fetch_all(&store.readers)).await?;
    let found = cursor::page(found, page, |row| cursor::numbered(row.seq));
    let entries = found.entries.into_iter().map(ResourceRow::read);
    Ok(Page {
        entries: entries.collect::<Result<_, _>>()?,
        next: found.next,
    })
}

/// There is one writer: whoever wrote before is in the conflicts, and whoever writes later sees the block.
pub(super) async fn put_block(
    store: &SqliteStore,
    resource: &ResourceId,
    block: &Block,
    now: DateTime<Utc>,
) -> Answer<(PutOutcome, Vec<BlockConflict>)> {
    let mut tx = store.begin().await?;
    let known: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM blocks WHERE resource_id = ? AND id = ? AND from_feed = 0)",
    )
    .bind(resource.as_str())
    .bind(&block.id)
    .fetch_one(&mut *tx)
    .await?;
    sqlx::query(
        "INSERT INTO blocks (resource_id, id, from_feed, starts_at, ends_at, note, created_at)
         VALUES (?, ?, 0, ?, ?, ?, ?)
         ON CONFLICT (resource_id, from_feed, id) DO UPDATE SET
             starts_at = excluded.starts_at, ends_at = excluded.ends_at, note = excluded.note",
    )
    .bind(resource.as_str())
    .bind(&block.id)
    .bind(block.window.starts_at().timestamp_millis())
    .bind(block.window.ends_at().timestamp_millis())
    .bind(&block.note)
    .bind(now.timestamp_millis())
    .execute(&mut *tx)
    .await?;
    let conflicts = conflicts(&mut tx, resource, block).await?;
    tx.commit().await?;
    Ok((put(known), conflicts))
}

#[derive(sqlx::FromRow)]
struct BlockConflictRow {
    hold_id: Hyphenated,
    starts_at: i64,
    ends_at: i64,
    status: String,
}

impl BlockConflictRow {
    fn read(self) -> Result<BlockConflict, StoreError> {
        let ends = (rows::instant(self.starts_at)?, rows::instant(self.ends_at)?);
        calendar_rows::conflict(self.hold_id.into_uuid(), ends, &self.status)
    }
}

/// Each hold once, with the first of its units: beside `min`, SQLite takes the other columns from the row that has it.
pub(super) const CONFLICTS: &str = "SELECT o.hold_id, o.starts_at, o.ends_at, min(o.unit) AS unit, h.status
       FROM occupancy o CROSS JOIN holds h ON h.id = o.hold_id
      WHERE o.resource_id = ?1 AND o.ends_at > ?2 AND o.starts_at < ?3
      GROUP BY o.hold_id ORDER BY h.starts_at, o.hold_id";

async fn conflicts(
    connection: &mut SqliteConnection,
    resource: &ResourceId,
    block: &Block,
) -> Answer<Vec<BlockConflict>> {
    let found: Vec<BlockConflictRow> = sqlx::query_as(CONFLICTS)
        .bind(resource.as_str())
        .bind(block.window.starts_at().timestamp_millis())
        .bind(block.window.ends_at().timestamp_millis())
        .fetch_all(connection)
        .await?;
    Ok(found
        .into_iter()
        .map(BlockConflictRow::read)
        .collect::<Result<_, _>>()?)
}

pub(super) async fn delete_block(store: &SqliteStore, resource: &ResourceId, id: &str) -> Answer<bool> {
    let statement = sqlx::query("DELETE FROM blocks WHERE resource_id = ? AND id = ? AND from_feed = 0")
        .bind(resource.as_str())
        .bind(id);
    Ok(store.write(statement).await? > 0)
}

pub(super) async fn set_feed(
    store: &SqliteStore,
    resource: &ResourceId,
    url: Option<&str>,
    now: DateTime<Utc>,
) -> Answer<()> {
    let mut tx = store.begin().await?;
    let statement = if let Some(url) = url {
        sqlx::query(
            "INSERT INTO calendar_feeds (resource_id, url, due_at, created_at) VALUES (?1, ?2, ?3, ?3)
             ON CONFLICT (resource_id) DO UPDATE SET url = excluded.url, due_at = excluded.due_at,
                 leased_until = NULL, read_at = NULL, fault = NULL",
        )
        .bind(resource.as_str())
        .bind(url)
        .bind(now.timestamp_millis())
    } else {
        remove_feed_blocks(&mut tx, resource).await?;
        sqlx::query("DELETE FROM calendar_feeds WHERE resource_id = ?").bind(resource.as_str())
    };
    statement.execute(&mut *tx).await?;
    Ok(tx.commit().await?)
}

async fn remove_feed_blocks(connection: &mut SqliteConnection, resource: &ResourceId) -> Answer<()> {
    sqlx::query("DELETE FROM blocks WHERE resource_id = ? AND from_feed = 1")
        .bind(resource.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct FeedRow {
    resource_id: String,
    url: String,
    read_at: Option<i64>,
    fault: Option<String>,
    due_at: i64,
}

impl FeedRow {
    fn read(self) -> Result<Feed, StoreError> {
        Ok(Feed {
            resource: rows::resource(&self.resource_id)?,
            url: self.url,
            read_at: self.read_at.map(rows::instant).transpose()?,
            fault: self.fault,
        })
    }
}

pub(super) async fn feed(store: &SqliteStore, resource: &ResourceId) -> Answer<Option<Feed>> {
    let question = sqlx::query_as::<_, FeedRow>(
        "SELECT resource_id, url, read_at, fault, due_at FROM calendar_feeds WHERE resource_id = ?",
    )
    .bind(resource.as_str());
    let row = store.read(question.fetch_optional(&store.readers)).await?;
    Ok(row.map(FeedRow::read).transpose()?)
}

pub(super) const LEASE_DUE_FEEDS: &str = concat!(
    "UPDATE calendar_feeds SET leased_until = ",
    db_now!(),
    " + ?2
          WHERE resource_id IN (
                SELECT resource_id FROM calendar_feeds
                 WHERE due_at <= ?1 AND coalesce(leased_until, 0) <= ",
    db_now!(),
    "        ORDER BY due_at LIMIT ?3)
         RETURNING resource_id, url, read_at, fault, due_at"
);

pub(super) async fn lease_due_feeds(
    store: &SqliteStore,
    now: DateTime<Utc>,
    lease: Duration,
    limit: u32,
) -> Answer<Vec<Feed>> {
    let mut tx = store.begin().await?;
    let mut leased: Vec<FeedRow> = sqlx::query_as(LEASE_DUE_FEEDS)
        .bind(now.timestamp_millis())
        .bind(millis(lease))
        .bind(limit)
        .fetch_all(&mut *tx)
        .await?;
    tx.commit().await?;
    // RETURNING promises no order.
    leased.sort_by_key(|row| row.due_at);
    Ok(leased.into_iter().map(FeedRow::read).collect::<Result<_, _>>()?)
}

pub(super) async fn feed_read(
    store: &SqliteStore,
    feed: &Feed,
    blocks: &[Block],
    fault: Option<&str>,
    now: DateTime<Utc>,
    next: DateTime<Utc>,
) -> Answer<()> {
    let mut tx = store.begin().await?;
    let ours = sqlx::query(
        "UPDATE calendar_feeds SET due_at = ?, leased_until = NULL, read_at = ?, fault = ?
          WHERE resource_id = ? AND url = ?",
    )
    .bind(next.timestamp_millis())
    .bind(now.timestamp_millis())
    .bind(fault)
    .bind(feed.resource.as_str())
    .bind(&feed.url)
    .execute(&mut *tx)
    .await?;
    if ours.rows_affected() == 1 {
        remove_feed_blocks(&mut tx, &feed.resource).await?;
        insert_feed_blocks(&mut tx, &feed.resource, blocks, now).await?;
    }
    Ok(tx.commit().await?)
}

async fn insert_feed_blocks(
    connection: &mut SqliteConnection,
    resource: &ResourceId,
    blocks: &[Block],
    now: DateTime<Utc>,
) -> Answer<()> {
    let row = |block: &Block| {
        json!({
            "id": block.id,
            "starts_at": block.window.starts_at().timestamp_millis(),
            "ends_at": block.window.ends_at().timestamp_millis(),
            "note": block.note,
        })
    };
    sqlx::query(
        "INSERT INTO blocks (resource_id, id, from_feed, starts_at, ends_at, note, created_at)
         SELECT ?1, value ->> 'id', 1, value ->> 'starts_at', value ->> 'ends_at', value ->> 'note', ?3
           FROM json_each(?2) WHERE true
         ON CONFLICT DO NOTHING",
    )
    .bind(resource.as_str())
    .bind(Json(blocks.iter().map(row).collect::<Vec<_>>()))
    .bind(now.timestamp_millis())
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn feed_failed(
    store: &SqliteStore,
    feed: &Feed,
    fault: &str,
    next: DateTime<Utc>,
) -> Answer<()> {
    let statement = sqlx::query(
        "UPDATE calendar_feeds SET due_at = ?, leased_until = NULL, fault = ? WHERE resource_id = ? AND url = ?",
    )
    .bind(next.timestamp_millis())
    .bind(fault)
    .bind(feed.resource.as_str())
    .bind(&feed.url);
    store.write(statement).await.map(drop)
}
