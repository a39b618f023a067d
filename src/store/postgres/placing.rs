//! Who gets a slot (I1): what stands in the way, taking windows, and placing a hold with them, all or nothing.
//!
//! `take_windows!` is the one statement that decides; a hold that is placed and one that gets its slot back both come
//! through it.

use chrono::{DateTime, Utc};
use sqlx::postgres::{PgConnection, PgExecutor, PgPool};
use uuid::Uuid;

use super::super::{Placement, expire_order, rows};
use super::commands;
use super::error::{self, Answer};
use crate::domain::booking::{Blocker, Booking, Segment};
use crate::domain::hold::{Status, Why};
use crate::domain::ids::{CommandId, HoldId, ResourceId};
use crate::domain::time::Window;

/// Windows as three columns, for `unnest`.
struct WindowColumns<'a> {
    resources: Vec<&'a str>,
    starts: Vec<DateTime<Utc>>,
    ends: Vec<DateTime<Utc>>,
}

fn columns(segments: &[Segment]) -> WindowColumns<'_> {
    WindowColumns {
        resources: segments.iter().map(|s| s.resource.as_str()).collect(),
        starts: segments.iter().map(|s| s.window.starts_at()).collect(),
        ends: segments.iter().map(|s| s.window.ends_at()).collect(),
    }
}

pub(super) async fn blockers(
    pool: &PgPool,
    segments: &[Segment],
    now: DateTime<Utc>,
) -> Answer<Vec<Blocker>> {
    let windows = columns(segments);
    let found: Vec<(Uuid, bool)> = sqlx::query_as(
        "SELECT DISTINCT h.id, h.status = 'held' AND h.expires_at <= $4
         FROM unnest($1, $2, $3) AS w (resource_id, starts_at, ends_at)
         JOIN occupancy o ON o.resource_id = w.resource_id AND o.during && tstzrange(w.starts_at, w.ends_at)
         JOIN holds h ON h.id = o.hold_id
         LIMIT 20",
    )
    .bind(windows.resources)
    .bind(windows.starts)
    .bind(windows.ends)
    .bind(now)
    .fetch_all(pool)
    .await?;
    let blocker = |(id, overdue)| Blocker {
        hold: HoldId(id),
        overdue,
    };
    Ok(found.into_iter().map(blocker).collect())
}

pub(super) async fn occupied(
    pool: &PgPool,
    resource: &ResourceId,
    within: Window,
) -> Answer<Vec<(Window, Status)>> {
    let found: Vec<(DateTime<Utc>, DateTime<Utc>, String)> = sqlx::query_as(
        "SELECT lower(o.during) AS starts_at, upper(o.during), h.status
         FROM occupancy o JOIN holds h ON h.id = o.hold_id
         WHERE o.resource_id = $1 AND o.during && tstzrange($2, $3)
         ORDER BY starts_at",
    )
    .bind(resource.as_str())
    .bind(within.starts_at())
    .bind(within.ends_at())
    .fetch_all(pool)
    .await?;
    let found = found.into_iter();
    let found = found.map(|(starts_at, ends_at, status)| rows::occupied(starts_at, ends_at, &status));
    Ok(found.collect::<Result<_, _>>()?)
}

/// Takes for a hold all windows that nobody else has: the one statement that decides who gets a slot. It waits for a
/// rival who has not committed yet, and takes the windows in one order, so that two that want the same ones do not wait
/// for each other.
macro_rules! take_windows {
    ($hold:literal, $resources:literal, $starts:literal, $ends:literal) => {
        concat!(
            "INSERT INTO occupancy (hold_id, resource_id, during)
             SELECT ",
            $hold,
            ", resource_id, tstzrange(starts_at, ends_at)
             FROM unnest(",
            $resources,
            "::text[], ",
            $starts,
            "::timestamptz[], ",
            $ends,
            "::timestamptz[])
                 AS w (resource_id, starts_at, ends_at)
             ORDER BY resource_id, starts_at
             ON CONFLICT DO NOTHING"
        )
    };
}

/// Takes all windows for the hold, or some where another has the rest: then the caller must give these up.
pub(super) async fn take_windows(
    connection: &mut PgConnection,
    hold: HoldId,
    segments: &[Segment],
) -> Answer<bool> {
    let windows = columns(segments);
    let wanted = windows.resources.len() as u64;
    let done = sqlx::query(take_windows!("$1", "$2", "$3", "$4"))
        .bind(hold.0)
        .bind(windows.resources)
        .bind(windows.starts)
        .bind(windows.ends)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == wanted)
}

/// One statement and so one round trip, whose commit is its own.
pub(super) async fn place(pool: &PgPool, booking: &Booking) -> Answer<Placement> {
    match insert(pool, booking).await {
        Ok(true) => Ok(Placement::Placed),
        Ok(false) => lose(pool, booking).await,
        Err(error) if error::is_window_without_hold(&error) => lose(pool, booking).await,
        Err(error) => Err(error.into()),
    }
}

/// Writes the windows, the hold and its first history line, if all windows can be had and the attempt is still running.
/// Else no hold is written, and windows that could be had fall with it: they may not stand without a hold, so that the
/// whole statement is refused.
pub(super) async fn insert(executor: impl PgExecutor<'_>, booking: &Booking) -> sqlx::Result<bool> {
    let hold = &booking.hold;
    let first = booking.first();
    let (status, reason) = rows::status_texts(hold.status);
    let windows = columns(&booking.segments);
    let done = sqlx::query(concat!(
        "WITH taken AS (",
        take_windows!("$1", "$2", "$3", "$4"),
        " RETURNING 1),
         attempt AS (
             UPDATE checkout_attempts SET state = 'placed', terms = NULL, leased_until = NULL, ended_at = $22
             WHERE hold_id = $1 AND state = 'running' AND (SELECT count(*) FROM taken) = cardinality($2)
             RETURNING hold_id),
         hold AS (
             INSERT INTO holds (id, event_type_id, resource_id, starts_at, ends_at, segments, status, reason, amount,
                 currency, session_id, checkout_url, guest_email, guest_name, metadata, expires_at,
                 session_expires_at, due_at, created_at, updated_at, version)
             SELECT hold_id, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23,
                 $24
             FROM attempt RETURNING id)
         INSERT INTO hold_history (hold_id, at, to_status, to_reason, why, actor)
         SELECT id, $22, $10, $11, $25, 'checkout' FROM hold",
    ))
    .bind(hold.id.0)
    .bind(windows.resources)
    .bind(windows.starts)
    .bind(windows.ends)
    .bind(booking.event_type.as_str())
    .bind(first.resource.as_str())
    .bind(first.window.starts_at())
    .bind(first.window.ends_at())
    .bind(rows::segments_json(&booking.segments))
    .bind(status)
    .bind(reason)
    .bind(hold.price.amount)
    .bind(hold.price.currency.code())
    .bind(hold.session.as_str())
    .bind(&booking.checkout_url)
    .bind(&booking.guest.email)
    .bind(&booking.guest.name)
    .bind(rows::metadata_json(&booking.metadata))
    .bind(booking.expires_at)
    .bind(booking.session_expires_at)
    .bind(booking.due_at)
    .bind(booking.created_at)
    .bind(booking.updated_at)
    .bind(booking.version)
    .bind(Why::Placed.to_string())
    .execute(executor)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The attempt is no longer running: a first try of ours whose answer got lost is answered again.
async fn closed(pool: &PgPool, booking: &Booking) -> Answer<Placement> {
    let attempt: Option<(String, Option<Uuid>)> = sqlx::query_as(
        "SELECT state, (SELECT id FROM commands WHERE order_key = $2) FROM checkout_attempts WHERE hold_id = $1",
    )
    .bind(booking.hold.id.0)
    .bind(expire_order(&booking.hold.session).key())
    .fetch_optional(pool)
    .await?;
    Ok(
        match attempt.as_ref().map(|(state, command)| (state.as_str(), command)) {
            Some(("placed", _)) => Placement::Placed,
            Some(("lost", Some(command))) => Placement::SlotTaken(CommandId(*command)),
            _ => Placement::Gone,
        },
    )
}

/// Closes the attempt and orders the end of its session, if it is still running.
async fn lose(pool: &PgPool, booking: &Booking) -> Answer<Placement> {
    let mut transaction = pool.begin().await?;
    let lost = sqlx::query(
        "UPDATE checkout_attempts SET state = 'lost', terms = NULL, leased_until = NULL, ended_at = $2
         WHERE hold_id = $1 AND state = 'running'",
    )
    .bind(booking.hold.id.0)
    .bind(booking.created_at)
    .execute(&mut *transaction)
    .await?;
    if lost.rows_affected() == 0 {
        transaction.rollback().await?;
        return closed(pool, booking).await;
    }
    let order = expire_order(&booking.hold.session);
    let ordered = commands::order(
        &mut *transaction,
        Some(booking.hold.id),
        &order,
        booking.created_at,
    )
    .await?;
    transaction.commit().await?;
    Ok(Placement::SlotTaken(ordered.id))
}
