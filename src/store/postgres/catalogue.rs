//! Event types and the resources they need.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgPool;

use super::super::{StoreError, cursor, rows};
use super::error::Answer;
use crate::domain::books::{Page, PageRequest, Put};
use crate::domain::catalogue::EventType;
use crate::domain::ids::EventTypeId;

#[derive(sqlx::FromRow)]
struct EventTypeRow {
    seq: i64,
    id: String,
    name: String,
    resource_id: String,
    duration_minutes: i32,
    amount: i64,
    currency: String,
    payment_methods: String,
}

impl EventTypeRow {
    fn read(self) -> Result<EventType, StoreError> {
        Ok(EventType {
            id: rows::event_type(&self.id)?,
            name: self.name,
            resource: rows::resource(&self.resource_id)?,
            duration_minutes: self.duration_minutes.into(),
            price: rows::money(self.amount, &self.currency)?,
            payment_methods: rows::methods(&self.payment_methods)?,
        })
    }
}

pub(super) async fn put(pool: &PgPool, event_type: &EventType, now: DateTime<Utc>) -> Answer<Put> {
    let minutes = i32::try_from(event_type.duration_minutes)
        .map_err(|_| rows::unreadable("duration", &event_type.duration_minutes.to_string()))?;
    // A row version that an insert made has no xmax; one that replaced another has.
    let created: bool = sqlx::query_scalar(
        "WITH resource AS (INSERT INTO resources (id, created_at) VALUES ($3, $7) ON CONFLICT DO NOTHING)
         INSERT INTO event_types
             (id, name, resource_id, duration_minutes, amount, currency, created_at, updated_at, payment_methods)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8)
         ON CONFLICT (id) DO UPDATE SET
             name = excluded.name, resource_id = excluded.resource_id,
             duration_minutes = excluded.duration_minutes, amount = excluded.amount,
             currency = excluded.currency, updated_at = excluded.updated_at,
             payment_methods = excluded.payment_methods
         RETURNING xmax = 0",
    )
    .bind(event_type.id.as_str())
    .bind(&event_type.name)
    .bind(event_type.resource.as_str())
    .bind(minutes)
    .bind(event_type.price.amount)
    .bind(event_type.price.currency.code())
    .bind(now)
    .bind(rows::methods_text(&event_type.payment_methods))
    .fetch_one(pool)
    .await?;
    Ok(if created { Put::Created } else { Put::Replaced })
}

pub(super) async fn read(pool: &PgPool, id: &EventTypeId) -> Answer<Option<EventType>> {
    let row: Option<EventTypeRow> = sqlx::query_as(
        "SELECT seq, id, name, resource_id, duration_minutes, amount, currency, payment_methods
         FROM event_types WHERE id = $1",
    )
    .bind(id.as_str())
    .fetch_optional(pool)
    .await?;
    Ok(row.map(EventTypeRow::read).transpose()?)
}

pub(super) async fn list(pool: &PgPool, page: &PageRequest) -> Answer<Page<EventType>> {
    let before = match page.cursor.as_deref().map(cursor::read_numbered) {
        None => i64::MAX,
        Some(Some(seq)) => seq,
        Some(None) => return Ok(cursor::end()),
    };
    let found: Vec<EventTypeRow> = sqlx::query_as(
        "SELECT seq, id, name, resource_id, duration_minutes, amount, currency, payment_methods
         FROM event_types
         WHERE seq < $1 ORDER BY seq DESC LIMIT $2",
    )
    .bind(before)
    .bind(cursor::rows_wanted(page))
    .fetch_all(pool)
    .await?;
    let found = cursor::page(found, page, |row| cursor::numbered(row.seq));
    let entries = found.entries.into_iter().map(EventTypeRow::read);
    Ok(Page {
        entries: entries.collect::<Result<_, _>>()?,
        next: found.next,
    })
}

pub(super) async fn delete(pool: &PgPool, id: &EventTypeId) -> Answer<bool> {
    let done = sqlx::query("DELETE FROM event_types WHERE id = $1")
        .bind(id.as_str())
        .execute(pool)
        .await?;
    Ok(done.rows_affected() > 0)
}
