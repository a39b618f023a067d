//! Who gets a slot (I1): taking units of resources, placing a hold with its windows, all or nothing, and moving it.
//!
//! [`OCCUPY`] is the one statement that decides; a hold that is placed, one that gets its slot back and one that moves
//! all come through it.

use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;
use sqlx::types::Json;

use super::attempts::Standing;
use super::error::Answer;
use super::{SqliteStore, attempts, booking_row, commands, guests, history};
use crate::domain::booking::{Actor, Booking};
use crate::domain::hold::TransitionReason;
use crate::domain::ids::{CommandId, HoldId, ResourceId, SessionId};
use crate::domain::segment::{Allocation, Segment, segments_of, window_of};
use crate::store::{HoldLimits, HoldMove, MoveOutcome, PlaceOutcome, expire_order, rows};

/// Takes units of one window for a hold, those that nobody else has: the one statement that decides who gets a slot.
/// They were free when they were looked for; what has changed since is minded here.
pub(super) const OCCUPY: &str = "INSERT INTO occupancy (hold_id, resource_id, unit, starts_at, ends_at)
     SELECT ?1, ?2, u.value, ?3, ?4 FROM json_each(?5) u
      WHERE u.value <= coalesce((SELECT r.capacity FROM resources r WHERE r.id = ?2), 1)
        AND NOT EXISTS (
                SELECT 1 FROM occupancy o
                 WHERE o.resource_id = ?2 AND o.unit = u.value AND o.ends_at > ?3 AND o.starts_at < ?4)
        AND NOT EXISTS (
                SELECT 1 FROM blocks b WHERE b.resource_id = ?2 AND b.ends_at > ?3 AND b.starts_at < ?4)";

/// Takes so many units of each segment for a hold, or fewer where another has the rest: then the caller must roll back.
pub(super) async fn occupy(
    connection: &mut SqliteConnection,
    hold: HoldId,
    allocations: &[Allocation],
    quantity: u32,
) -> Answer<bool> {
    for Allocation { segment, units } in allocations {
        let taken = sqlx::query(OCCUPY)
            .bind(hold.0.hyphenated())
            .bind(segment.resource.as_str())
            .bind(segment.busy.starts_at().timestamp_millis())
            .bind(segment.busy.ends_at().timestamp_millis())
            .bind(Json(units))
            .execute(&mut *connection)
            .await?;
        if taken.rows_affected() != u64::from(quantity) {
            return Ok(false);
        }
    }
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
    units: &[Allocation],
    limits: &HoldLimits,
) -> Answer<PlaceOutcome> {
    let mut tx = store.begin().await?;
    let placement = place_in(&mut tx, booking, units, limits).await?;
    match placement {
        PlaceOutcome::Placed => tx.commit().await,
        PlaceOutcome::SlotTaken | PlaceOutcome::LimitReached | PlaceOutcome::AttemptClosed => {
            tx.rollback().await
        }
    }?;
    Ok(placement)
}

/// [`place`] in a transaction of the caller's, who must roll it back where the hold is not placed.
pub(super) async fn place_in(
    connection: &mut SqliteConnection,
    booking: &Booking,
    units: &[Allocation],
    limits: &HoldLimits,
) -> Answer<PlaceOutcome> {
    let (hold, now) = (&booking.hold, booking.created_at);
    match attempts::standing(connection, hold.id).await? {
        Some(Standing::Running) => {}
        // A repeat after a commit whose answer was lost.
        Some(Standing::Placed) => return Ok(PlaceOutcome::Placed),
        Some(Standing::Lost | Standing::Closed) | None => return Ok(PlaceOutcome::AttemptClosed),
    }
    if !guests::count_in(connection, &booking.guest.normalized_email(), limits, now).await? {
        return Ok(PlaceOutcome::LimitReached);
    }
    if !occupy(connection, hold.id, units, booking.quantity).await? {
        return Ok(PlaceOutcome::SlotTaken);
    }
    attempts::decide(connection, hold.id, true, now).await?;
    booking_row::insert(connection, booking, limits.client.as_ref()).await?;
    let line = history::Line {
        hold: hold.id,
        from: None,
        to: hold.status,
        why: TransitionReason::Placed.to_string(),
        cause: &Actor::Checkout,
    };
    line.write(connection, now).await?;
    Ok(PlaceOutcome::Placed)
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

pub(super) async fn move_hold(store: &SqliteStore, order: &HoldMove) -> Answer<MoveOutcome> {
    let mut tx = store.begin().await?;
    let before: Option<Before> = sqlx::query_as(
        "SELECT quantity, status, reason FROM holds WHERE id = ? AND version = ? AND status IN ('held', 'confirmed')",
    )
    .bind(order.hold.0.hyphenated())
    .bind(order.version)
    .fetch_optional(&mut *tx)
    .await?;
    let Some(before) = before else {
        return Ok(MoveOutcome::Conflict);
    };
    // Its own old windows first: they are not in its way, and come back where it is rolled back.
    vacate(&mut tx, order.hold).await?;
    if !occupy(&mut tx, order.hold, &order.to, before.quantity).await? {
        tx.rollback().await?;
        return Ok(MoveOutcome::SlotTaken);
    }
    write_segments(&mut tx, order.hold, &segments_of(&order.to)).await?;
    write_move(&mut tx, order, &before).await?;
    tx.commit().await?;
    Ok(MoveOutcome::Done)
}

/// Writes down what a hold has from now on.
pub(super) async fn write_segments(
    connection: &mut SqliteConnection,
    hold: HoldId,
    segments: &[Segment],
) -> Answer<()> {
    let shown = window_of(segments);
    sqlx::query("UPDATE holds SET resource_id = ?, starts_at = ?, ends_at = ?, segments = ? WHERE id = ?")
        .bind(segments[0].resource.as_str())
        .bind(shown.starts_at().timestamp_millis())
        .bind(shown.ends_at().timestamp_millis())
        .bind(Json(rows::segments_json(segments)))
        .bind(hold.0.hyphenated())
        .execute(connection)
        .await?;
    Ok(())
}

async fn write_move(connection: &mut SqliteConnection, order: &HoldMove, before: &Before) -> Answer<()> {
    sqlx::query("UPDATE holds SET wish = ?, version = version + 1, updated_at = ? WHERE id = ?")
        .bind(order.requested_resource.as_ref().map(ResourceId::as_str))
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
