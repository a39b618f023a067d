//! What is for sale: event types; the resources they need are made where they are new.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::SqliteConnection;
use sqlx::types::Json;

use super::SqliteStore;
use super::error::Answer;
use crate::domain::catalogue::EventType;
use crate::domain::change_policy::ChangePolicy;
use crate::domain::ids::{EventTypeId, ResourceId};
use crate::domain::listing::{Page, PageRequest, PutOutcome};
use crate::store::{StoreError, calendar_rows, cursor, rows};

#[derive(sqlx::FromRow)]
struct EventTypeRow {
    seq: i64,
    id: String,
    name: String,
    needs: Json<Value>,
    buffer_before_minutes: i64,
    buffer_after_minutes: i64,
    schedule: Option<Json<Value>>,
    cancel_until_minutes: Option<i64>,
    move_until_minutes: Option<i64>,
    amount: i64,
    currency: String,
    payment_methods: String,
}

/// Reads [`EventTypeRow`]s.
macro_rules! select_event_types {
    ($rest:literal) => {
        concat!(
            "SELECT seq, id, name, needs, buffer_before_minutes, buffer_after_minutes, schedule,
                    cancel_until_minutes, move_until_minutes, amount, currency, payment_methods
               FROM event_types ",
            $rest
        )
    };
}

impl EventTypeRow {
    fn read(self) -> Result<EventType, StoreError> {
        Ok(EventType {
            id: rows::event_type(&self.id)?,
            name: self.name,
            segments: calendar_rows::needs(self.needs.0)?,
            buffer_before_minutes: self.buffer_before_minutes,
            buffer_after_minutes: self.buffer_after_minutes,
            schedule: self
                .schedule
                .map(|json| calendar_rows::schedule(json.0))
                .transpose()?,
            price: rows::money(self.amount, &self.currency)?,
            payment_methods: rows::methods(&self.payment_methods)?,
            change_policy: ChangePolicy {
                cancel_until_minutes: self.cancel_until_minutes,
                move_until_minutes: self.move_until_minutes,
            },
        })
    }
}

pub(super) async fn put_event_type(
    store: &SqliteStore,
    event_type: &EventType,
    now: DateTime<Utc>,
) -> Answer<PutOutcome> {
    let mut tx = store.begin().await?;
    insert_resources(&mut tx, event_type, now).await?;
    let known: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM event_types WHERE id = ?)")
        .bind(event_type.id.as_str())
        .fetch_one(&mut *tx)
        .await?;
    upsert(&mut tx, event_type, now).await?;
    tx.commit().await?;
    Ok(if known {
        PutOutcome::Replaced
    } else {
        PutOutcome::Created
    })
}

async fn insert_resources(
    connection: &mut SqliteConnection,
    event_type: &EventType,
    now: DateTime<Utc>,
) -> Answer<()> {
    let resources = event_type.list_resources();
    let ids: Vec<&str> = resources.iter().map(ResourceId::as_str).collect();
    sqlx::query(
        "INSERT INTO resources (id, name, created_at)
         SELECT value, value, ?2 FROM json_each(?1) WHERE true ORDER BY value ON CONFLICT (id) DO NOTHING",
    )
    .bind(Json(ids))
    .bind(now.timestamp_millis())
    .execute(connection)
    .await?;
    Ok(())
}

async fn upsert(connection: &mut SqliteConnection, event_type: &EventType, now: DateTime<Utc>) -> Answer<()> {
    let schedule = event_type.schedule.as_ref().map(calendar_rows::schedule_json);
    sqlx::query(
        "INSERT INTO event_types
             (id, name, needs, buffer_before_minutes, buffer_after_minutes, schedule, cancel_until_minutes,
              move_until_minutes, amount, currency, payment_methods, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?12)
         ON CONFLICT (id) DO UPDATE SET
             name = excluded.name, needs = excluded.needs,
             buffer_before_minutes = excluded.buffer_before_minutes,
             buffer_after_minutes = excluded.buffer_after_minutes, schedule = excluded.schedule,
             cancel_until_minutes = excluded.cancel_until_minutes,
             move_until_minutes = excluded.move_until_minutes, amount = excluded.amount,
             currency = excluded.currency, payment_methods = excluded.payment_methods,
             updated_at = excluded.updated_at",
    )
    .bind(event_type.id.as_str())
    .bind(&event_type.name)
    .bind(Json(calendar_rows::needs_json(&event_type.segments)))
    .bind(event_type.buffer_before_minutes)
    .bind(event_type.buffer_after_minutes)
    .bind(schedule.transpose()?.map(Json))
    .bind(event_type.change_policy.cancel_until_minutes)
    .bind(event_type.change_policy.move_until_minutes)
    .bind(event_type.price.amount)
    .bind(event_type.price.currency.code())
    .bind(rows::methods_text(&event_type.payment_methods))
    .bind(now.timestamp_millis())
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn event_type(store: &SqliteStore, id: &EventTypeId) -> Answer<Option<EventType>> {
    let question = sqlx::query_as::<_, EventTypeRow>(select_event_types!("WHERE id = ?")).bind(id.as_str());
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
    let question =
        sqlx::query_as::<_, EventTypeRow>(select_event_types!("WHERE seq < ? ORDER BY seq DESC LIMIT ?"))
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
