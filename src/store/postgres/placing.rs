//! Who gets a slot (I1): taking units of resources, placing a hold with its windows, all or nothing, and moving it.
//!
//! `take_units!` is the one statement that decides; a hold that is placed, one that gets its slot back and one that
//! moves all come through it.

use chrono::{DateTime, Utc};
use sqlx::postgres::{PgConnection, PgExecutor, PgPool};
use uuid::Uuid;

use super::super::{HoldLimits, HoldMove, MoveOutcome, PlaceOutcome, expire_order, rows};
use super::commands;
use super::error::{self, Answer};
use crate::domain::booking::Booking;
use crate::domain::hold::TransitionReason;
use crate::domain::ids::{CommandId, HoldId, ResourceId, SessionId};
use crate::domain::segment::{Allocation, Segment, segments_of, window_of};

/// Units as columns, for `unnest`: which unit of which resource is busy from when to when.
struct UnitColumns<'a> {
    resources: Vec<&'a str>,
    starts: Vec<DateTime<Utc>>,
    ends: Vec<DateTime<Utc>>,
    units: Vec<i32>,
}

fn columns(allocations: &[Allocation]) -> UnitColumns<'_> {
    let each = || {
        allocations
            .iter()
            .flat_map(|one| one.units.iter().map(move |unit| (&one.segment, *unit)))
    };
    UnitColumns {
        resources: each().map(|(segment, _)| segment.resource.as_str()).collect(),
        starts: each().map(|(segment, _)| segment.busy.starts_at()).collect(),
        ends: each().map(|(segment, _)| segment.busy.ends_at()).collect(),
        units: each().map(|(_, unit)| signed(unit)).collect(),
    }
}

/// Takes units for a hold ($1), those that nobody else has: the one statement that decides who gets a slot. They were
/// free when they were looked for; what has changed since is minded here: the guard of I1, capacities, and blocks, which
/// are counted, since for an `EXISTS` the planner reads the table, in the hope to find one soon. It waits for a rival who
/// has not committed yet, and takes units in one order, so that two that want the same ones do not wait for each other.
macro_rules! take_units {
    () => {
        "INSERT INTO occupancy (hold_id, resource_id, unit, during)
         SELECT $1, w.resource_id, w.unit, w.during
         FROM (SELECT resource_id, unit, tstzrange(starts_at, ends_at) AS during
               FROM unnest($2::text[], $3::timestamptz[], $4::timestamptz[], $5::int[])
                   AS u (resource_id, starts_at, ends_at, unit)) w
         WHERE w.unit <= coalesce((SELECT capacity FROM resources r WHERE r.id = w.resource_id), 1)
           AND (SELECT count(*) FROM blocks b
               WHERE b.resource_id = w.resource_id AND tstzrange(b.starts_at, b.ends_at) && w.during) = 0
         ORDER BY w.resource_id, w.unit, w.during
         ON CONFLICT DO NOTHING"
    };
}

/// Takes so many units of each segment for the hold, or fewer where another has the rest: then the caller must roll back.
pub(super) async fn take_units(
    connection: &mut PgConnection,
    hold: HoldId,
    allocations: &[Allocation],
    quantity: u32,
) -> Answer<bool> {
    let units = columns(allocations);
    let wanted = allocations.len() as u64 * u64::from(quantity);
    let done = sqlx::query(take_units!())
        .bind(hold.0)
        .bind(units.resources)
        .bind(units.starts)
        .bind(units.ends)
        .bind(units.units)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == wanted)
}

/// Counts are small; PostgreSQL has no unsigned ones.
fn signed(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// One statement and so one round trip, whose commit is its own.
pub(super) async fn place(
    pool: &PgPool,
    booking: &Booking,
    units: &[Allocation],
    limits: &HoldLimits,
) -> Answer<PlaceOutcome> {
    match insert(pool, booking, units, limits).await {
        Ok(true) => Ok(PlaceOutcome::Placed),
        Ok(false) => why_not(pool, booking, limits).await,
        Err(error) if error::is_window_without_hold(&error) => why_not(pool, booking, limits).await,
        Err(error) => Err(error.into()),
    }
}

/// The hold with all that comes with it, in one statement.
const PLACE: &str = concat!(
        "WITH taken AS (",
        take_units!(),
        " RETURNING 1),
         guest AS (
             INSERT INTO guests AS g (email, held, created_at)
             SELECT $7, 1, $27 WHERE (SELECT count(*) FROM taken) = $6::int * jsonb_array_length($15)
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
                 move_until_minutes, guest_id, client_id, wish)
             SELECT hold_id, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $28, $27,
                 $29, $30, $6, $31, $32, $7, $9, $34
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
    units: &[Allocation],
    limits: &HoldLimits,
) -> sqlx::Result<bool> {
    let hold = &booking.hold;
    let shown = booking.window();
    let (status, reason) = rows::status_texts(hold.status);
    let units = columns(units);
    let done = sqlx::query(PLACE)
        .bind(hold.id.0)
        .bind(units.resources)
        .bind(units.starts)
        .bind(units.ends)
        .bind(units.units)
        .bind(signed(booking.quantity))
        .bind(booking.guest.normalized_email())
        .bind(signed(limits.per_guest))
        .bind(limits.client.as_ref().map(|client| client.0.as_str()))
        .bind(signed(limits.per_client))
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
        .bind(rows::minutes(booking.change_policy.cancel_until_minutes)?)
        .bind(rows::minutes(booking.change_policy.move_until_minutes)?)
        .bind(TransitionReason::Placed.to_string())
        .bind(booking.requested_resource.as_ref().map(ResourceId::as_str))
        .execute(executor)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Why nothing was written. A first try of ours whose answer got lost is answered again.
async fn why_not(pool: &PgPool, booking: &Booking, limits: &HoldLimits) -> Answer<PlaceOutcome> {
    let found: Option<(String, bool)> = sqlx::query_as(
        "SELECT state, EXISTS (SELECT 1 FROM guests WHERE email = $2 AND held >= $3)
                    OR EXISTS (SELECT 1 FROM clients WHERE id = $4 AND held >= $5)
         FROM checkout_attempts WHERE hold_id = $1",
    )
    .bind(booking.hold.id.0)
    .bind(booking.guest.normalized_email())
    .bind(signed(limits.per_guest))
    .bind(limits.client.as_ref().map(|client| client.0.as_str()))
    .bind(signed(limits.per_client))
    .fetch_optional(pool)
    .await?;
    Ok(
        match found.as_ref().map(|(state, full)| (state.as_str(), *full)) {
            Some(("placed", _)) => PlaceOutcome::Placed,
            Some(("running", true)) => PlaceOutcome::LimitReached,
            Some(("running", false)) => PlaceOutcome::SlotTaken,
            _ => PlaceOutcome::AttemptClosed,
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

pub(super) async fn move_hold(pool: &PgPool, order: &HoldMove) -> Answer<MoveOutcome> {
    let mut transaction = pool.begin().await?;
    let quantity: Option<i32> = sqlx::query_scalar(
        "SELECT quantity FROM holds WHERE id = $1 AND version = $2 AND status IN ('held', 'confirmed') FOR UPDATE",
    )
    .bind(order.hold.0)
    .bind(order.version)
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(quantity) = quantity else {
        return Ok(MoveOutcome::Conflict);
    };
    // Its own old windows first: they are not in its way, and come back where it is rolled back.
    give_up(&mut transaction, order.hold).await?;
    if !take_units(&mut transaction, order.hold, &order.to, quantity.unsigned_abs()).await? {
        transaction.rollback().await?;
        return Ok(MoveOutcome::SlotTaken);
    }
    write_segments(&mut transaction, order.hold, &segments_of(&order.to)).await?;
    write_move(&mut transaction, order).await?;
    transaction.commit().await?;
    Ok(MoveOutcome::Done)
}

/// Writes down what a hold has from now on.
pub(super) async fn write_segments(
    connection: &mut PgConnection,
    hold: HoldId,
    segments: &[Segment],
) -> Answer<()> {
    let shown = window_of(segments);
    sqlx::query(
        "UPDATE holds SET resource_id = $2, starts_at = $3, ends_at = $4, segments = $5 WHERE id = $1",
    )
    .bind(hold.0)
    .bind(segments[0].resource.as_str())
    .bind(shown.starts_at())
    .bind(shown.ends_at())
    .bind(rows::segments_json(segments))
    .execute(connection)
    .await?;
    Ok(())
}

async fn write_move(connection: &mut PgConnection, order: &HoldMove) -> Answer<()> {
    let (actor, event) = rows::cause_texts(&order.cause);
    sqlx::query(
        "WITH hold AS (
             UPDATE holds SET wish = $2, version = version + 1, updated_at = $3
             WHERE id = $1 RETURNING id, status, reason)
         INSERT INTO hold_history
             (hold_id, at, from_status, from_reason, to_status, to_reason, why, actor, event_id)
         SELECT id, $3, status, reason, status, reason, $4, $5, $6 FROM hold",
    )
    .bind(order.hold.0)
    .bind(order.requested_resource.as_ref().map(ResourceId::as_str))
    .bind(order.now)
    .bind(&order.why)
    .bind(actor)
    .bind(event)
    .execute(connection)
    .await?;
    Ok(())
}
