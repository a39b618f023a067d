//! What is for sale: event types and the resources that they need.

use chrono::{DateTime, Utc};

use super::SqliteStore;
use super::error::Answer;
use crate::domain::books::{Page, PageRequest, Put};
use crate::domain::catalogue::EventType;
use crate::domain::ids::EventTypeId;
use crate::store::{StoreError, cursor, rows};

#[derive(sqlx::FromRow)]
struct EventTypeRow {
    seq: i64,
    id: String,
    name: String,
    resource_id: String,
    duration_minutes: i64,
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
            duration_minutes: self.duration_minutes,
            price: rows::money(self.amount, &self.currency)?,
            payment_methods: rows::methods(&self.payment_methods)?,
        })
    }
}

pub(super) async fn put_event_type(
    store: &SqliteStore,
    event_type: &EventType,
    now: DateTime<Utc>,
) -> Answer<Put> {
    let now = now.timestamp_millis();
    let mut tx = store.begin().await?;
    sqlx::query("INSERT INTO resources (id, created_at) VALUES (?, ?) ON CONFLICT (id) DO NOTHING")
        .bind(event_type.resource.as_str())
        .bind(now)
        .execute(&mut *tx)
        .await?;
    let known: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM event_types WHERE id = ?)")
        .bind(event_type.id.as_str())
        .fetch_one(&mut *tx)
        .await?;
    sqlx::query(
        "INSERT INTO event_types
             (id, name, resource_id, duration_minutes, amount, currency, created_at, updated_at, payment_methods)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8)
         ON CONFLICT (id) DO UPDATE SET
             name = excluded.name, resource_id = excluded.resource_id,
             duration_minutes = excluded.duration_minutes, amount = excluded.amount,
             currency = excluded.currency, updated_at = excluded.updated_at,
             payment_methods = excluded.payment_methods",
    )
    .bind(event_type.id.as_str())
    .bind(&event_type.name)
    .bind(event_type.resource.as_str())
    .bind(event_type.duration_minutes)
    .bind(event_type.price.amount)
    .bind(event_type.price.currency.code())
    .bind(now)
    .bind(rows::methods_text(&event_type.payment_methods))
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(if known { Put::Replaced } else { Put::Created })
}

pub(super) async fn event_type(store: &SqliteStore, id: &EventTypeId) -> Answer<Option<EventType>> {
    let question = sqlx::query_as::<_, EventTypeRow>(
        "SELECT seq, id, name, resource_id, duration_minutes, amount, currency, payment_methods
         FROM event_types WHERE id = ?",
    )
    .bind(id.as_str());
    let row = store.read(question.fetch_optional(&store.readers)).await?;
    Ok(row.map(EventTypeRow::read).transpose()?)
}

pub(super) async fn event_types(store: &SqliteStore, page: &PageRequest) -> Answer<Page<EventType>> {
    let place = match &page.cursor {
        None => Some(i64::MAX),
        Some(cursor) => cursor::read_numbered(cursor),
    };
    let Some(before) = place else {
        return Ok(cursor::end());
    };
    let question = sqlx::query_as::<_, EventTypeRow>(
        "SELECT seq, id, name, resource_id, duration_minutes, amount, currency, payment_methods
         FROM event_types
         WHERE seq < ? ORDER BY seq DESC LIMIT ?",
    )
    .bind(before)
    .bind(cursor::rows_wanted(page));
    let rows = store.read(question.fetch_all(&store.readers)).await?;
    let page = cursor::page(rows, page, |row| cursor::numbered(row.seq));
    Ok(Page {
        entries: page
            .entries
            .into_iter()
            .map(EventTypeRow::read)
            .collect::<Result<_, _>>()?,
        next: page.next,
    })
}

pub(super) async fn delete_event_type(store: &SqliteStore, id: &EventTypeId) -> Answer<bool> {
    let statement = sqlx::query("DELETE FROM event_types WHERE id = ?").bind(id.as_str());
    Ok(store.write(statement).await? > 0)
}
