//! Event types; the resources they need are made where they are new.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgPool;

use super::super::{StoreError, calendar_rows, cursor, rows};
use super::error::Answer;
use crate::domain::catalogue::EventType;
use crate::domain::change_policy::ChangePolicy;
use crate::domain::ids::EventTypeId;
use crate::domain::listing::{Page, PageRequest, PutOutcome};

#[derive(sqlx::FromRow)]
struct EventTypeRow {
    seq: i64,
    id: String,
    name: String,
    needs: serde_json::Value,
    buffer_before_minutes: i32,
    buffer_after_minutes: i32,
    schedule: Option<serde_json::Value>,
    cancel_until_minutes: Option<i32>,
    move_until_minutes: Option<i32>,
    amount: i64,
    currency: String,
    payment_methods: String,
}

/// Reads [`EventTypeRow`]s.
macro_rules! select_event_types {
    ($rest:literal) => {
        concat!(
            "SELECT seq, id, name, needs, buffer_before_minutes, buffer_after_minutes, schedule, cancel_until_minutes,
                 move_until_minutes, amount, currency, payment_methods
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
            segments: calendar_rows::needs(self.needs)?,
            buffer_before_minutes: self.buffer_before_minutes.into(),
            buffer_after_minutes: self.buffer_after_minutes.into(),
            schedule: self.schedule.map(calendar_rows::schedule).transpose()?,
            price: rows::money(self.amount, &self.currency)?,
            payment_methods: rows::methods(&self.payment_methods)?,
            change_policy: ChangePolicy {
                cancel_until_minutes: self.cancel_until_minutes.map(i64::from),
                move_until_minutes: self.move_until_minutes.map(i64::from),
            },
        })
    }
}

pub(super) async fn put(pool: &PgPool, event_type: &EventType, now: DateTime<Utc>) -> Answer<PutOutcome> {
    let resources = event_type.list_resources();
    let resources: Vec<&str> = resources.iter().map(|id| id.as_str()).collect();
    let schedule = event_type.schedule.as_ref().map(calendar_rows::schedule_json);
    // A row version that an insert made has no xmax; one that replaced another has.
    let created: bool = sqlx::query_scalar(
        "WITH resource AS (
             INSERT INTO resources (id, name, created_at) SELECT id, id, $4 FROM unnest($3) AS u (id) ORDER BY id
             ON CONFLICT DO NOTHING)
         INSERT INTO event_types
             (id, name, needs, buffer_before_minutes, buffer_after_minutes, schedule, cancel_until_minutes,
              move_until_minutes, amount, currency, payment_methods, created_at, updated_at)
         VALUES ($1, $2, $5, $6, $7, $8, $9, $10, $11, $12, $13, $4, $4)
         ON CONFLICT (id) DO UPDATE SET
             name = excluded.name, needs = excluded.needs, buffer_before_minutes = excluded.buffer_before_minutes,
             buffer_after_minutes = excluded.buffer_after_minutes, schedule = excluded.schedule,
             cancel_until_minutes = excluded.cancel_until_minutes, move_until_minutes = excluded.move_until_minutes,
             amount = excluded.amount, currency = excluded.currency, payment_methods = excluded.payment_methods,
             updated_at = excluded.updated_at
         RETURNING xmax = 0",
    )
    .bind(event_type.id.as_str())
    .bind(&event_type.name)
    .bind(resources)
    .bind(now)
    .bind(calendar_rows::needs_json(&event_type.segments))
    .bind(rows::minutes(Some(event_type.buffer_before_minutes))?)
    .bind(rows::minutes(Some(event_type.buffer_after_minutes))?)
    .bind(schedule.transpose()?)
    .bind(rows::minutes(event_type.change_policy.cancel_until_minutes)?)
    .bind(rows::minutes(event_type.change_policy.move_until_minutes)?)
    .bind(event_type.price.amount)
    .bind(event_type.price.currency.code())
    .bind(rows::methods_text(&event_type.payment_methods))
    .fetch_one(pool)
    .await?;
    Ok(if created {
        PutOutcome::Created
    } else {
        PutOutcome::Replaced
    })
}

pub(super) async fn read(pool: &PgPool, id: &EventTypeId) -> Answer<Option<EventType>> {
    let row: Option<EventTypeRow> = sqlx::query_as(select_event_types!("WHERE id = $1"))
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
    let found: Vec<EventTypeRow> =
        sqlx::query_as(select_event_types!("WHERE seq < $1 ORDER BY seq DESC LIMIT $2"))
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
