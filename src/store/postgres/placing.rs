//! Who gets a slot (I1): what keeps resources busy, taking units of them, placing a hold with its windows, all or
//! nothing, and moving it.
//!
//! `take_windows!` is the one statement that decides; a hold that is placed, one that gets its slot back and one that
//! moves all come through it.

use chrono::{DateTime, Utc};
use sqlx::postgres::{PgConnection, PgExecutor, PgPool};
use uuid::Uuid;

use super::super::{Admission, Move, Moved, Placement, StoreError, expire_order};
use super::super::{calendar_rows, rows};
use super::commands;
use super::error::{self, Answer};
use crate::domain::availability::Calendar;
use crate::domain::booking::{Booking, Segment};
use crate::domain::hold::Why;
use crate::domain::ids::{CommandId, HoldId, ResourceId, SessionId};
use crate::domain::time::Window;

/// Windows as three columns, for `unnest`: from when to when each resource is busy.
struct WindowColumns<'a> {
    resources: Vec<&'a str>,
    starts: Vec<DateTime<Utc>>,
    ends: Vec<DateTime<Utc>>,
}

fn columns(segments: &[Segment]) -> WindowColumns<'_> {
    WindowColumns {
        resources: segments.iter().map(|s| s.resource.as_str()).collect(),
        starts: segments.iter().map(|s| s.busy.starts_at()).collect(),
        ends: segments.iter().map(|s| s.busy.ends_at()).collect(),
    }
}

/// How some resources stand (one that nobody wrote down has one unit) and what keeps them busy, as of one moment: units
/// that are alike in one row, since a row each would cost more than all the rest of a checkout where a class is nearly
/// full. Holds are looked up among the unpaid ones: the rest of the live ones are confirmed. Each `OFFSET 0` is a fence: the planner would join whole tables where it expects more rows than there are.
pub(super) const CALENDAR: &str = "SELECT w.id AS resource_id, NULL AS starts_at, NULL AS ends_at,
         (SELECT o.hold_id FROM occupancy o WHERE o.resource_id = w.id
          ORDER BY o.resource_id DESC, o.hold_id DESC LIMIT 1) AS hold_id,
         coalesce(r.capacity, 1) AS capacity, NULL AS units, false AS unpaid
     FROM unnest($1) AS w (id) LEFT JOIN resources r ON r.id = w.id
     UNION ALL
     SELECT w.id, lower(o.during), upper(o.during),
         CASE WHEN h.status = 'held' AND h.expires_at <= $5 THEN o.hold_id END AS overdue,
         NULL, array_agg(o.unit), h.status IS NOT NULL AS unpaid
     FROM unnest($1) AS w (id)
     CROSS JOIN LATERAL (SELECT hold_id, unit, during FROM occupancy
         WHERE resource_id = w.id AND during && tstzrange($2, $3) AND hold_id IS DISTINCT FROM $4 OFFSET 0) o
     LEFT JOIN LATERAL (SELECT status, expires_at FROM holds
         WHERE id = o.hold_id AND status IN ('held', 'processing') OFFSET 0) h ON true
     GROUP BY w.id, o.during, overdue, unpaid
     UNION ALL
     SELECT w.id, b.starts_at, b.ends_at, NULL, NULL, NULL, false
     FROM unnest($1) AS w (id)
     CROSS JOIN LATERAL (SELECT starts_at, ends_at FROM blocks
         WHERE resource_id = w.id AND tstzrange(starts_at, ends_at) && tstzrange($2, $3) OFFSET 0) b";

#[derive(sqlx::FromRow)]
struct CalendarRow {
    resource_id: String,
    starts_at: Option<DateTime<Utc>>,
    ends_at: Option<DateTime<Utc>>,
    hold_id: Option<Uuid>,
    capacity: Option<i32>,
    units: Option<Vec<i32>>,
    unpaid: bool,
}

impl CalendarRow {
    fn read(self) -> Result<calendar_rows::CalendarEntry, StoreError> {
        let units = self
            .units
            .map(|units| units.into_iter().map(i32::unsigned_abs).collect());
        calendar_rows::calendar_entry(calendar_rows::CalendarColumns {
            resource: self.resource_id,
            window: self.starts_at.zip(self.ends_at),
            hold: self.hold_id,
            capacity: self.capacity.map(i32::unsigned_abs),
            units,
            unpaid: self.unpaid,
        })
    }
}

pub(super) async fn calendar(
    pool: &PgPool,
    resources: &[ResourceId],
    within: Window,
    moving: Option<HoldId>,
    now: DateTime<Utc>,
) -> Answer<Calendar> {
    let ids: Vec<&str> = resources.iter().map(ResourceId::as_str).collect();
    let found: Vec<CalendarRow> = sqlx::query_as(CALENDAR)
        .bind(ids)
        .bind(within.starts_at())
        .bind(within.ends_at())
        .bind(moving.map(|hold| hold.0))
        .bind(now)
        .fetch_all(pool)
        .await?;
    Ok(calendar_rows::calendar(found.into_iter().map(CalendarRow::read))?)
}

/// Takes for a hold so many units of each window that nobody else has: the one statement that decides who gets a slot.
/// Blocks are counted: for an `EXISTS` the planner reads the table, since it hopes to find one soon. It waits for a
/// rival who has not committed yet, and takes units in one order, so that two that want the same ones do
/// not wait for each other.
macro_rules! take_windows {
    ($hold:literal, $resources:literal, $starts:literal, $ends:literal, $quantity:literal, $spread:literal) => {
        concat!(
            "INSERT INTO occupancy (hold_id, resource_id, unit, during)
             SELECT ",
            $hold,
            ", w.resource_id, free.unit, w.during
             FROM (SELECT resource_id, tstzrange(starts_at, ends_at) AS during FROM unnest(",
            $resources,
            "::text[], ",
            $starts,
            "::timestamptz[], ",
            $ends,
            "::timestamptz[]) AS u (resource_id, starts_at, ends_at)) w
             LEFT JOIN resources r ON r.id = w.resource_id
             CROSS JOIN LATERAL (
                 SELECT unit FROM (
                     SELECT generate_series(1, coalesce(r.capacity, 1)) AS unit
                     EXCEPT SELECT o.unit FROM occupancy o WHERE o.resource_id = w.resource_id AND o.during && w.during) u
                 WHERE (SELECT count(*) FROM blocks b
                     WHERE b.resource_id = w.resource_id AND tstzrange(b.starts_at, b.ends_at) && w.during) = 0
                 ORDER BY (unit + ",
            $spread,
            "::int) % coalesce(r.capacity, 1) LIMIT ",
            $quantity,
            "::int) free
             ORDER BY w.resource_id, free.unit, w.during
             ON CONFLICT DO NOTHING"
        )
    };
}

/// Takes all windows for the hold, or some where another has the rest: then the caller must give these up.
pub(super) async fn take_windows(
    connection: &mut PgConnection,
    hold: HoldId,
    segments: &[Segment],
    quantity: u32,
    spread: u32,
) -> Answer<bool> {
    let windows = columns(segments);
    let wanted = windows.resources.len() as u64 * u64::from(quantity);
    let done = sqlx::query(take_windows!("$1", "$2", "$3", "$4", "$5", "$6"))
        .bind(hold.0)
        .bind(windows.resources)
        .bind(windows.starts)
        .bind(windows.ends)
        .bind(signed(quantity))
        .bind(signed(spread))
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == wanted)
}

/// Counts are small; PostgreSQL has no unsigned ones.
fn signed(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// One statement and so one round trip, whose commit is its own.
pub(super) async fn place(pool: &PgPool, booking: &Booking, admission: &Admission) -> Answer<Placement> {
    match insert(pool, booking, admission).await {
        Ok(true) => Ok(Placement::Placed),
        Ok(false) => why_not(pool, booking, admission).await,
        Err(error) if error::is_window_without_hold(&error) => why_not(pool, booking, admission).await,
        Err(error) => Err(error.into()),
    }
}

/// The hold with all that comes with it, in one statement.
const PLACE: &str = concat!(
        "WITH taken AS (",
        take_windows!("$1", "$2", "$3", "$4", "$5", "$6"),
        " RETURNING 1),
         guest AS (
             INSERT INTO guests AS g (email, held, created_at)
             SELECT $7, 1, $27 WHERE (SELECT count(*) FROM taken) = cardinality($2) * $5::int
             ON CONFLICT (email) DO UPDATE SET held = g.held + 1 WHERE g.held < $8 RETURNING 1),
         client AS (
             INSERT INTO clients AS c (id, held, updated_at)
             SELECT $9, 1, $27 FROM guest WHERE $9 IS NOT NULL
             ON CONFLICT (id) DO UPDATE SET held = c.held + 1, updated_at = $27 WHERE c.held < $10 RETURNING 1),
         attempt AS (
             UPDATE checkout_attempts SET state = 'placed', terms = NULL, leased_until = NULL, ended_at = $27
             WHERE hold_id = $1 AND state = 'running'
               AND CASE WHEN $9 IS NULL THEN EXISTS (SELECT 1 FROM guest) ELSE EXISTS (SELECT 1 FROM client) END
             RETURNING hold_id),
         hold AS (
             INSERT INTO holds (id, event_type_id, resource_id, starts_at, ends_at, segments, status, reason, amount,
                 currency, session_id, checkout_url, guest_email, guest_name, metadata, expires_at,
                 session_expires_at, due_at, created_at, updated_at, version, quantity, cancel_until_minutes,
                 move_until_minutes, guest_id, client_id)
             SELECT hold_id, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $28, $27,
                 $29, $30, $5, $31, $32, $7, $9
             FROM attempt RETURNING id)
         INSERT INTO hold_history (hold_id, at, to_status, to_reason, why, actor)
         SELECT id, $27, $16, $17, $33, 'checkout' FROM hold",
);

/// Writes the windows, the hold and its first history line, if all windows can be had, the guest may have one more and
/// the attempt is still running. Else no hold is written, and windows that could be had fall with it: they may not stand
/// without a hold, so that the whole statement is refused.
pub(super) async fn insert(
    executor: impl PgExecutor<'_>,
    booking: &Booking,
    admission: &Admission,
) -> sqlx::Result<bool> {
    let hold = &booking.hold;
    let shown = booking.window();
    let (status, reason) = rows::status_texts(hold.status);
    let windows = columns(&booking.segments);
    let done = sqlx::query(PLACE)
        .bind(hold.id.0)
        .bind(windows.resources)
        .bind(windows.starts)
        .bind(windows.ends)
        .bind(signed(booking.quantity))
        .bind(signed(admission.spread))
        .bind(booking.guest.key())
        .bind(signed(admission.per_guest))
        .bind(admission.client.as_ref().map(|client| client.0.as_str()))
        .bind(signed(admission.per_client))
        .bind(booking.event_type.as_str())
        .bind(booking.resource().as_str())
        .bind(shown.starts_at())
        .bind(shown.ends_at())
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
        .bind(booking.created_at)
        .bind(booking.due_at)
        .bind(booking.updated_at)
        .bind(booking.version)
        .bind(rows::minutes(booking.second_thoughts.cancel_until_minutes)?)
        .bind(rows::minutes(booking.second_thoughts.move_until_minutes)?)
        .bind(Why::Placed.to_string())
        .execute(executor)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Why nothing was written. A first try of ours whose answer got lost is answered again.
async fn why_not(pool: &PgPool, booking: &Booking, admission: &Admission) -> Answer<Placement> {
    let found: Option<(String, bool)> = sqlx::query_as(
        "SELECT state, EXISTS (SELECT 1 FROM guests WHERE email = $2 AND held >= $3)
                    OR EXISTS (SELECT 1 FROM clients WHERE id = $4 AND held >= $5)
         FROM checkout_attempts WHERE hold_id = $1",
    )
    .bind(booking.hold.id.0)
    .bind(booking.guest.key())
    .bind(signed(admission.per_guest))
    .bind(admission.client.as_ref().map(|client| client.0.as_str()))
    .bind(signed(admission.per_client))
    .fetch_optional(pool)
    .await?;
    Ok(
        match found.as_ref().map(|(state, full)| (state.as_str(), *full)) {
            Some(("placed", _)) => Placement::Placed,
            Some(("running", true)) => Placement::TooMany,
            Some(("running", false)) => Placement::SlotTaken,
            _ => Placement::Gone,
        },
    )
}

pub(super) async fn lose(
    pool: &PgPool,
    hold: HoldId,
    session: &SessionId,
    now: DateTime<Utc>,
) -> Answer<Option<CommandId>> {
    let order = expire_order(session);
    let mut transaction = pool.begin().await?;
    let lost = sqlx::query(
        "UPDATE checkout_attempts SET state = 'lost', terms = NULL, leased_until = NULL, ended_at = $2
         WHERE hold_id = $1 AND state = 'running'",
    )
    .bind(hold.0)
    .bind(now)
    .execute(&mut *transaction)
    .await?;
    if lost.rows_affected() == 0 {
        // Perhaps by ourselves, and the answer got lost.
        let known: Option<Uuid> = sqlx::query_scalar(
            "SELECT c.id FROM commands c JOIN checkout_attempts a ON a.hold_id = $2 AND a.state = 'lost'
             WHERE c.order_key = $1",
        )
        .bind(order.key())
        .bind(hold.0)
        .fetch_optional(&mut *transaction)
        .await?;
        transaction.rollback().await?;
        return Ok(known.map(CommandId));
    }
    let ordered = commands::order(&mut *transaction, Some(hold), &order, now).await?;
    transaction.commit().await?;
    Ok(Some(ordered.id))
}

/// Gives up all windows of a hold.
pub(super) async fn give_up(connection: &mut PgConnection, hold: HoldId) -> Answer<()> {
    sqlx::query("DELETE FROM occupancy WHERE hold_id = $1")
        .bind(hold.0)
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn move_hold(pool: &PgPool, order: &Move) -> Answer<Moved> {
    let mut transaction = pool.begin().await?;
    let quantity: Option<i32> = sqlx::query_scalar(
        "SELECT quantity FROM holds
             WHERE id = $1 AND version = $2 AND status IN ('held', 'confirmed') FOR UPDATE",
    )
    .bind(order.hold.0)
    .bind(order.version)
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(quantity) = quantity else {
        return Ok(Moved::Lost);
    };
    // Its own old windows first: they are not in its way, and come back where it is rolled back.
    give_up(&mut transaction, order.hold).await?;
    let quantity = quantity.unsigned_abs();
    if !take_windows(
        &mut transaction,
        order.hold,
        &order.segments,
        quantity,
        order.spread,
    )
    .await?
    {
        transaction.rollback().await?;
        return Ok(Moved::SlotTaken);
    }
    write_move(&mut transaction, order).await?;
    transaction.commit().await?;
    Ok(Moved::Done)
}

async fn write_move(connection: &mut PgConnection, order: &Move) -> Answer<()> {
    let shown = crate::domain::booking::window_of(&order.segments);
    let (actor, event) = rows::cause_texts(&order.cause);
    sqlx::query(
        "WITH hold AS (
             UPDATE holds SET resource_id = $2, starts_at = $3, ends_at = $4, segments = $5, version = version + 1,
                 updated_at = $6
             WHERE id = $1 RETURNING id, status, reason)
         INSERT INTO hold_history
             (hold_id, at, from_status, from_reason, to_status, to_reason, why, actor, event_id)
         SELECT id, $6, status, reason, status, reason, $7, $8, $9 FROM hold",
    )
    .bind(order.hold.0)
    .bind(order.segments[0].resource.as_str())
    .bind(shown.starts_at())
    .bind(shown.ends_at())
    .bind(rows::segments_json(&order.segments))
    .bind(order.now)
    .bind(&order.why)
    .bind(actor)
    .bind(event)
    .execute(connection)
    .await?;
    Ok(())
}
