//! Holds: finding them, and taking turns at them.
//!
//! Placing them is left to `placing`, changing them to `changes`.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::types::Json;

use super::booking_row::{BookingRow, select_booking};
use super::error::Answer;
use super::{SqliteStore, db_now, millis, timed_place};
use crate::domain::booking::{Booking, normalize_email};
use crate::domain::hold::{ReleaseRequester, Status};
use crate::domain::ids::{HoldId, IntentId, SessionId};
use crate::domain::listing::{HoldFilter, Page, PageRequest};
use crate::store::{HoldRefs, ReleaseLease, StoreError, cursor, rows};

pub(super) const BY_ID: &str = select_booking!("WHERE h.id = ?");
pub(super) const BY_SESSION: &str = select_booking!("WHERE h.session_id = ?");
pub(super) const BY_PAYMENT: &str =
    select_booking!("WHERE h.id = (SELECT hold_id FROM payments WHERE intent_id = ?)");
pub(super) const BY_INTENT: &str =
    select_booking!("WHERE h.intent_id = ? ORDER BY h.created_at DESC, h.id DESC LIMIT 1");

pub(super) async fn booking(store: &SqliteStore, id: HoldId) -> Answer<Option<Booking>> {
    one(store, BY_ID, Some(&id.to_string())).await
}

pub(super) async fn find_booking(store: &SqliteStore, refs: &HoldRefs) -> Answer<Option<Booking>> {
    let hold = refs.hold.map(|id| id.to_string());
    let session = refs.session.as_ref().map(SessionId::as_str);
    let intent = refs.intent.as_ref().map(IntentId::as_str);
    let ways = [
        (BY_ID, hold.as_deref()),
        (BY_SESSION, session),
        (BY_INTENT, intent),
        (BY_PAYMENT, intent),
    ];
    for (question, key) in ways {
        if let Some(found) = one(store, question, key).await? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

async fn one(store: &SqliteStore, question: &'static str, key: Option<&str>) -> Answer<Option<Booking>> {
    let Some(key) = key else { return Ok(None) };
    let question = sqlx::query_as::<_, BookingRow>(question).bind(key);
    let row = store.read(question.fetch_optional(&store.readers)).await?;
    Ok(row.map(BookingRow::read).transpose()?)
}

pub(super) async fn bookings(
    store: &SqliteStore,
    filter: &HoldFilter,
    page: &PageRequest,
) -> Answer<Page<Booking>> {
    let Some((at, id)) = timed_place(page) else {
        return Ok(cursor::end());
    };
    let question = sqlx::query_as::<_, BookingRow>(select_booking!(
        "WHERE (h.created_at, h.id) < (?1, ?2)
           AND (?3 IS NULL OR h.status = ?3)
           AND (?4 IS NULL OR h.event_type_id = ?4)
           AND (?5 IS NULL OR EXISTS (
                   SELECT 1 FROM json_each(h.segments) s WHERE s.value ->> 'resource' = ?5))
           AND (?6 IS NULL OR h.starts_at >= ?6)
           AND (?7 IS NULL OR h.starts_at < ?7)
           AND (?9 IS NULL OR h.guest_id = ?9)
         ORDER BY h.created_at DESC, h.id DESC LIMIT ?8"
    ))
    .bind(at)
    .bind(id)
    .bind(filter.status.map(rows::status_kind_text))
    .bind(filter.event_type.as_ref().map(|id| id.as_str()))
    .bind(filter.resource.as_ref().map(|id| id.as_str()))
    .bind(filter.from.map(|at| at.timestamp_millis()))
    .bind(filter.to.map(|at| at.timestamp_millis()))
    .bind(cursor::rows_wanted(page))
    .bind(filter.guest.as_deref().map(normalize_email));
    let found = read_all(store.read(question.fetch_all(&store.readers)).await?)?;
    Ok(cursor::page(found, page, |last| {
        cursor::timed(last.created_at, last.hold.id.0)
    }))
}

pub(super) async fn lease_release(
    store: &SqliteStore,
    id: HoldId,
    asker: Option<ReleaseRequester>,
    lease: Duration,
) -> Answer<ReleaseLease> {
    let mut tx = store.begin().await?;
    let leased = sqlx::query(concat!(
        "UPDATE holds SET asked_by = coalesce(?1, asked_by), version = version + (?1 IS NOT NULL), leased_until = ",
        db_now!(),
        " + ?2 WHERE id = ?3 AND status = 'held' AND coalesce(leased_until, 0) <= ",
        db_now!()
    ))
    .bind(asker.map(rows::asker_text))
    .bind(millis(lease))
    .bind(id.0.hyphenated())
    .execute(&mut *tx)
    .await?;
    let row: Option<BookingRow> = sqlx::query_as(BY_ID)
        .bind(id.0.hyphenated())
        .fetch_optional(&mut *tx)
        .await?;
    tx.commit().await?;
    let Some(row) = row else {
        return Ok(ReleaseLease::Missing);
    };
    let booking = row.read()?;
    Ok(match booking.hold.status {
        _ if leased.rows_affected() > 0 => ReleaseLease::Leased(booking),
        Status::Held => ReleaseLease::LeasedElsewhere,
        _ => ReleaseLease::NotHeld(booking),
    })
}

pub(super) const LEASE_DUE: &str = concat!(
    "UPDATE holds SET leased_until = ",
    db_now!(),
    " + ?2
          WHERE id IN (
                SELECT id FROM holds
                 WHERE status IN ('held', 'processing') AND due_at <= ?1 AND coalesce(leased_until, 0) <= ",
    db_now!(),
    "        ORDER BY due_at LIMIT ?3)
         RETURNING id"
);

pub(super) async fn lease_due_holds(
    store: &SqliteStore,
    now: DateTime<Utc>,
    lease: Duration,
    limit: u32,
) -> Answer<Vec<Booking>> {
    let mut tx = store.begin().await?;
    let due: Vec<String> = sqlx::query_scalar(LEASE_DUE)
        .bind(now.timestamp_millis())
        .bind(millis(lease))
        .bind(limit)
        .fetch_all(&mut *tx)
        .await?;
    let rows: Vec<BookingRow> = sqlx::query_as(select_booking!(
        "WHERE h.id IN (SELECT value FROM json_each(?)) ORDER BY h.due_at, h.id"
    ))
    .bind(Json(due))
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(read_all(rows)?)
}

pub(super) async fn defer_hold(
    store: &SqliteStore,
    id: HoldId,
    due_at: DateTime<Utc>,
    forget_requester: bool,
) -> Answer<()> {
    let statement = sqlx::query(
        "UPDATE holds
            SET due_at = ?, tries = tries + 1, leased_until = NULL, asked_by = iif(?, NULL, asked_by)
          WHERE id = ? AND status IN ('held', 'processing')",
    )
    .bind(due_at.timestamp_millis())
    .bind(forget_requester)
    .bind(id.0.hyphenated());
    store.write(statement).await.map(drop)
}

fn read_all(rows: Vec<BookingRow>) -> Result<Vec<Booking>, StoreError> {
    rows.into_iter().map(BookingRow::read).collect()
}
