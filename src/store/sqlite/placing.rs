//! Who gets a slot (I1): what keeps resources busy, taking units of them, placing a hold with its windows, all or
//! nothing, and moving it.
//!
//! [`OCCUPY`] is the one statement that decides; a hold that is placed, one that gets its slot back and one that moves
//! all come through it.

use chrono::{DateTime, Utc};
use sqlx::types::Json;
use sqlx::{Connection, SqliteConnection};
use uuid::fmt::Hyphenated;

use super::attempts::Standing;
use super::error::Answer;
use super::{SqliteStore, attempts, booking_row, commands, guests, history};
use crate::domain::availability::Calendar;
use crate::domain::booking::{Booking, Cause, Segment, window_of};
use crate::domain::hold::Why;
use crate::domain::ids::{CommandId, HoldId, ResourceId, SessionId};
use crate::domain::time::Window;
use crate::store::{Admission, Move, Moved, Placement, StoreError, calendar_rows, expire_order, rows};

/// How some resources stand (one that nobody wrote down has one unit) and what keeps them busy, as of one moment: units
/// that are alike in one row, since a row each would cost more than all the rest of a checkout where a class is nearly
/// full. Holds are looked up among the unpaid ones, in their small index, which SQLite would not choose by itself: the
/// rest of the live ones are confirmed.
pub(super) const CALENDAR: &str = "SELECT w.value AS resource_id, NULL AS starts_at, NULL AS ends_at,
            (SELECT o.hold_id FROM occupancy o WHERE o.resource_id = w.value
              ORDER BY o.hold_id DESC LIMIT 1) AS hold_id,
            coalesce(r.capacity, 1) AS capacity, NULL AS units, 0 AS unpaid
       FROM json_each(?1) w LEFT JOIN resources r ON r.id = w.value
     UNION ALL
     SELECT o.resource_id, o.starts_at, o.ends_at,
            CASE WHEN h.status = 'held' AND h.expires_at <= ?5 THEN o.hold_id END AS overdue,
            NULL, json_group_array(o.unit), h.status IS NOT NULL AS unpaid
       FROM occupancy o LEFT JOIN holds h INDEXED BY holds_unpaid
              ON h.id = o.hold_id AND h.status IN ('held', 'processing')
      WHERE o.resource_id IN (SELECT value FROM json_each(?1)) AND o.ends_at > ?2 AND o.starts_at < ?3
        AND o.hold_id IS NOT ?4
      GROUP BY o.resource_id, o.starts_at, o.ends_at, overdue, unpaid
     UNION ALL
     SELECT b.resource_id, b.starts_at, b.ends_at, NULL, NULL, NULL, 0
       FROM blocks b
      WHERE b.resource_id IN (SELECT value FROM json_each(?1)) AND b.ends_at > ?2 AND b.starts_at < ?3";

#[derive(sqlx::FromRow)]
struct CalendarRow {
    resource_id: String,
    starts_at: Option<i64>,
    ends_at: Option<i64>,
    hold_id: Option<Hyphenated>,
    capacity: Option<u32>,
    units: Option<Json<Vec<u32>>>,
    unpaid: bool,
}

impl CalendarRow {
    fn read(self) -> Result<calendar_rows::CalendarEntry, StoreError> {
        let starts_at = self.starts_at.map(rows::instant).transpose()?;
        let ends_at = self.ends_at.map(rows::instant).transpose()?;
        calendar_rows::calendar_entry(calendar_rows::CalendarColumns {
            resource: self.resource_id,
            window: starts_at.zip(ends_at),
            hold: self.hold_id.map(Hyphenated::into_uuid),
            capacity: self.capacity,
            units: self.units.map(|units| units.0),
            unpaid: self.unpaid,
        })
    }
}

pub(super) async fn calendar(
    store: &SqliteStore,
    resources: &[ResourceId],
    within: Window,
    moving: Option<HoldId>,
    now: DateTime<Utc>,
) -> Answer<Calendar> {
    let ids: Vec<&str> = resources.iter().map(ResourceId::as_str).collect();
    let question = sqlx::query_as::<_, CalendarRow>(CALENDAR)
        .bind(Json(ids))
        .bind(within.starts_at().timestamp_millis())
        .bind(within.ends_at().timestamp_millis())
        .bind(moving.map(|hold| hold.0.hyphenated()))
        .bind(now.timestamp_millis());
    let found = store.read(question.fetch_all(&store.readers)).await?;
    Ok(calendar_rows::calendar(found.into_iter().map(CalendarRow::read))?)
}

/// Takes for a hold so many units of one window that nobody else has: the one statement that decides who gets a slot.
/// It may find fewer than are wanted.
pub(super) const OCCUPY: &str = "WITH RECURSIVE
         room (capacity) AS (SELECT coalesce((SELECT r.capacity FROM resources r WHERE r.id = ?2), 1)),
         units (unit) AS (SELECT 1 UNION ALL SELECT unit + 1 FROM units, room WHERE unit < capacity)
     INSERT INTO occupancy (hold_id, resource_id, unit, starts_at, ends_at)
     SELECT ?1, ?2, u.unit, ?3, ?4 FROM units u, room
      WHERE u.unit NOT IN (
                SELECT o.unit FROM occupancy o
                 WHERE o.resource_id = ?2 AND o.ends_at > ?3 AND o.starts_at < ?4)
        AND NOT EXISTS (
                SELECT 1 FROM blocks b WHERE b.resource_id = ?2 AND b.ends_at > ?3 AND b.starts_at < ?4)
      ORDER BY (u.unit + ?6) % room.capacity LIMIT ?5";

/// Takes so many units of all the windows for a hold, or none and answers `false`.
pub(super) async fn occupy(
    connection: &mut SqliteConnection,
    hold: HoldId,
    segments: &[Segment],
    quantity: u32,
    spread: u32,
) -> Answer<bool> {
    let mut all = connection.begin().await?;
    for segment in segments {
        let taken = sqlx::query(OCCUPY)
            .bind(hold.0.hyphenated())
            .bind(segment.resource.as_str())
            .bind(segment.busy.starts_at().timestamp_millis())
            .bind(segment.busy.ends_at().timestamp_millis())
            .bind(quantity)
            .bind(spread)
            .execute(&mut *all)
            .await?;
        if taken.rows_affected() != u64::from(quantity) {
            all.rollback().await?;
            return Ok(false);
        }
    }
    all.commit().await?;
    Ok(true)
}

/// Gives up all the windows of a hold.
pub(super) async fn vacate(connection: &mut SqliteConnection, hold: HoldId) -> Answer<()> {
    sqlx::query("DELETE FROM occupancy WHERE hold_id = ?")
        .bind(hold.0.hyphenated())
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn place(
    store: &SqliteStore,
    booking: &Booking,
    admission: &Admission,
) -> Answer<Placement> {
    let mut tx = store.begin().await?;
    let placement = place_in(&mut tx, booking, admission).await?;
    match placement {
        Placement::Placed => tx.commit().await,
        Placement::SlotTaken | Placement::TooMany | Placement::Gone => tx.rollback().await,
    }?;
    Ok(placement)
}

/// [`place`] in a transaction of the caller's, who must roll it back where the hold is not placed.
pub(super) async fn place_in(
    connection: &mut SqliteConnection,
    booking: &Booking,
    admission: &Admission,
) -> Answer<Placement> {
    let (hold, now) = (&booking.hold, booking.created_at);
    match attempts::standing(connection, hold.id).await? {
        Some(Standing::Running) => {}
        // A repeat after a commit whose answer was lost.
        Some(Standing::Placed) => return Ok(Placement::Placed),
        Some(Standing::Lost | Standing::Closed) | None => return Ok(Placement::Gone),
    }
    if !guests::count_in(connection, &booking.guest.key(), admission, now).await? {
        return Ok(Placement::TooMany);
    }
    if !occupy(
        connection,
        hold.id,
        &booking.segments,
        booking.quantity,
        admission.spread,
    )
    .await?
    {
        return Ok(Placement::SlotTaken);
    }
    attempts::decide(connection, hold.id, true, now).await?;
    booking_row::insert(connection, booking, admission.client.as_ref()).await?;
    let line = history::Line {
        hold: hold.id,
        from: None,
        to: hold.status,
        why: Why::Placed.to_string(),
        cause: &Cause::Checkout,
    };
    line.write(connection, now).await?;
    Ok(Placement::Placed)
}

pub(super) async fn lose(
    store: &SqliteStore,
    hold: HoldId,
    session: &SessionId,
    now: DateTime<Utc>,
) -> Answer<Option<CommandId>> {
    let order = expire_order(session);
    let mut tx = store.begin().await?;
    let command = match attempts::standing(&mut tx, hold).await? {
        Some(Standing::Running) => {
            attempts::decide(&mut tx, hold, false, now).await?;
            Some(commands::ordered(&mut tx, hold, &order, now).await?)
        }
        // Perhaps by ourselves, and the answer got lost.
        Some(Standing::Lost) => commands::id_of(&mut tx, &order).await?,
        Some(Standing::Placed | Standing::Closed) | None => None,
    };
    tx.commit().await?;
    Ok(command)
}

/// A hold as a move finds it.
#[derive(sqlx::FromRow)]
struct Before {
    quantity: u32,
    status: String,
    reason: Option<String>,
}

pub(super) async fn move_hold(store: &SqliteStore, order: &Move) -> Answer<Moved> {
    let mut tx = store.begin().await?;
    let before: Option<Before> =
        sqlx::query_as("SELECT quantity, status, reason FROM holds WHERE id = ? AND version = ? AND status IN ('held', 'confirmed')")
            .bind(order.hold.0.hyphenated())
            .bind(order.version)
            .fetch_optional(&mut *tx)
            .await?;
    let Some(before) = before else {
        return Ok(Moved::Lost);
    };
    // Its own old windows first: they are not in its way, and come back where it is rolled back.
    vacate(&mut tx, order.hold).await?;
    if !occupy(
        &mut tx,
        order.hold,
        &order.segments,
        before.quantity,
        order.spread,
    )
    .await?
    {
        tx.rollback().await?;
        return Ok(Moved::SlotTaken);
    }
    write_move(&mut tx, order, &before).await?;
    tx.commit().await?;
    Ok(Moved::Done)
}

async fn write_move(connection: &mut SqliteConnection, order: &Move, before: &Before) -> Answer<()> {
    let shown = window_of(&order.segments);
    sqlx::query(
        "UPDATE holds
            SET resource_id = ?, starts_at = ?, ends_at = ?, segments = ?, version = version + 1, updated_at = ?
          WHERE id = ?",
    )
    .bind(order.segments[0].resource.as_str())
    .bind(shown.starts_at().timestamp_millis())
    .bind(shown.ends_at().timestamp_millis())
    .bind(Json(rows::segments_json(&order.segments)))
    .bind(order.now.timestamp_millis())
    .bind(order.hold.0.hyphenated())
    .execute(&mut *connection)
    .await?;
    let status = rows::status(&before.status, before.reason.as_deref())?;
    let line = history::Line {
        hold: order.hold,
        from: Some(status),
        to: status,
        why: order.why.clone(),
        cause: &order.cause,
    };
    line.write(connection, order.now).await
}
