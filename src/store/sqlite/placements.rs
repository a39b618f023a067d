//! Placing and moving holds on SQLite. The statement that takes a slot is `TAKE_UNITS` in `occupancy.rs`.

use async_trait::async_trait;
use sqlx::SqliteConnection;

use super::changes::{HistoryEntry, find_current};
use super::error::SqliteResult;
use super::{SqliteStore, allowances, attempts, occupancy};
use crate::domain::booking::{Actor, Booking, ClientId};
use crate::domain::hold::{Status, TransitionReason};
use crate::domain::ids::{IntentId, ResourceId};
use crate::domain::segment::{Allocation, allocated_segments};
use crate::store::columns::{DbJson, DbTime, DbUuid};
use crate::store::placements::{
    HoldLimits, HoldMove, MOVED, MoveOutcome, PlaceOutcome, Placements, update_moved_hold,
};
use crate::store::{StoreError, encoding};

#[async_trait]
impl Placements for SqliteStore {
    async fn place_hold(
        &self,
        booking: &Booking,
        units: &[Allocation],
        limits: &HoldLimits,
    ) -> Result<PlaceOutcome, StoreError> {
        let mut transaction = self.begin().await?;
        let outcome = place_in(&mut transaction, booking, units, limits).await?;
        match outcome {
            PlaceOutcome::Placed | PlaceOutcome::PlacedWithMoney => self.commit(transaction).await?,
            PlaceOutcome::SlotTaken | PlaceOutcome::LimitReached | PlaceOutcome::AttemptClosed => {
                self.roll_back(transaction).await?;
            }
        }
        Ok(outcome)
    }

    async fn move_hold(&self, order: &HoldMove) -> Result<MoveOutcome, StoreError> {
        let mut transaction = self.begin().await?;
        let outcome = move_in(&mut transaction, order).await?;
        match outcome {
            MoveOutcome::Done => self.commit(transaction).await?,
            MoveOutcome::SlotTaken | MoveOutcome::Conflict => self.roll_back(transaction).await?,
        }
        Ok(outcome)
    }
}

/// Places a hold in the caller's transaction, which the caller must roll back unless the hold is placed.
pub(super) async fn place_in(
    connection: &mut SqliteConnection,
    booking: &Booking,
    units: &[Allocation],
    limits: &HoldLimits,
) -> SqliteResult<PlaceOutcome> {
    let (hold, now) = (&booking.hold, booking.created_at);
    let found: Option<(String, bool)> =
        sqlx::query_as("SELECT state, is_paid FROM checkout_attempts WHERE hold_id = $1")
            .bind(DbUuid(hold.id.0))
            .fetch_optional(&mut *connection)
            .await?;
    let is_paid = match found.as_ref().map(|(state, is_paid)| (state.as_str(), *is_paid)) {
        Some(("running", is_paid)) => is_paid,
        // A first call of ours placed it, and its answer was lost.
        Some(("placed", is_paid)) => return Ok(PlaceOutcome::placed(is_paid)),
        _ => return Ok(PlaceOutcome::AttemptClosed),
    };
    if !allowances::take_allowances(connection, hold.id, &limits.allowances).await? {
        return Ok(PlaceOutcome::LimitReached);
    }
    if !occupancy::take_units(connection, hold.id, units, booking.quantity).await? {
        return Ok(PlaceOutcome::SlotTaken);
    }
    attempts::close_attempt(connection, attempts::CLOSE_AS_PLACED, hold.id, now).await?;
    insert_hold(connection, booking, limits.client.as_ref()).await?;
    let entry = HistoryEntry {
        hold: hold.id,
        from: None,
        to: hold.status,
        transition: TransitionReason::Placed.code(),
        message: &TransitionReason::Placed.to_string(),
        actor: &Actor::Checkout,
    };
    entry.insert(connection, now).await?;
    Ok(PlaceOutcome::placed(is_paid))
}

/// Writes the row of a new hold.
async fn insert_hold(
    connection: &mut SqliteConnection,
    booking: &Booking,
    client: Option<&ClientId>,
) -> SqliteResult<()> {
    let hold = &booking.hold;
    let shown = booking.window();
    let (status, reason) = encoding::encode_status(hold.status);
    sqlx::query(
        "INSERT INTO holds (
             id, event_type_id, resource_id, starts_at, ends_at, segments,
             status, reason, requested_by, amount, currency, session_id, intent_id,
             checkout_url, price_mismatch, guest_email, guest_name, metadata,
             expires_at, session_expires_at, due_at, tries, version, created_at, updated_at,
             quantity, cancel_until_minutes, move_until_minutes, guest_id, client_id, requested_resource_id,
             token_key, allowances_taken)
         VALUES (
             $1, $2, $3, $4, $5, $6,
             $7, $8, $9, $10, $11, $12, $13,
             $14, $15, $16, $17, $18,
             $19, $20, $21, $22, $23, $24, $25,
             $26, $27, $28, $29, $30, $31, $32, TRUE)",
    )
    .bind(DbUuid(hold.id.0)) // $1
    .bind(booking.event_type.as_str()) // $2
    .bind(booking.resource().as_str()) // $3
    .bind(DbTime(shown.starts_at())) // $4
    .bind(DbTime(shown.ends_at())) // $5
    .bind(DbJson(encoding::encode_segments(&booking.segments))) // $6
    .bind(status) // $7
    .bind(reason) // $8
    .bind(hold.requested_by.map(encoding::encode_requester)) // $9
    .bind(hold.price.amount) // $10
    .bind(hold.price.currency.code()) // $11
    .bind(hold.session.as_str()) // $12
    .bind(hold.intent.as_ref().map(IntentId::as_str)) // $13
    .bind(&booking.checkout_url) // $14
    .bind(hold.price_mismatch) // $15
    .bind(&booking.guest.email) // $16
    .bind(booking.guest.name.as_deref()) // $17
    .bind(DbJson(encoding::encode_metadata(&booking.metadata))) // $18
    .bind(DbTime(booking.expires_at)) // $19
    .bind(DbTime(booking.session_expires_at)) // $20
    .bind(booking.due_at.map(DbTime)) // $21
    .bind(booking.tries) // $22
    .bind(booking.version) // $23
    .bind(DbTime(booking.created_at)) // $24
    .bind(DbTime(booking.updated_at)) // $25
    .bind(booking.quantity) // $26
    .bind(booking.change_policy.cancel_until_minutes) // $27
    .bind(booking.change_policy.move_until_minutes) // $28
    .bind(booking.guest.normalized_email()) // $29
    .bind(client.map(|client| client.0.as_str())) // $30
    .bind(booking.requested_resource.as_ref().map(ResourceId::as_str)) // $31
    .bind(booking.token_key.as_ref().map(|key| key.0.as_str())) // $32
    .execute(connection)
    .await?;
    Ok(())
}

/// Moves a hold in the caller's transaction, which the caller must roll back unless the move is done.
async fn move_in(connection: &mut SqliteConnection, order: &HoldMove) -> SqliteResult<MoveOutcome> {
    let Some(current) = find_current(connection, order.hold).await? else {
        return Ok(MoveOutcome::Conflict);
    };
    let status = current.status()?;
    if current.version != order.version || !matches!(status, Status::Held | Status::Confirmed) {
        return Ok(MoveOutcome::Conflict);
    }
    // The old windows go first, because the new ones may overlap them; a rollback brings them back.
    occupancy::delete_occupancy(connection, order.hold).await?;
    if !occupancy::take_units(connection, order.hold, &order.to, current.quantity()).await? {
        return Ok(MoveOutcome::SlotTaken);
    }
    occupancy::update_segments(connection, order.hold, &allocated_segments(&order.to)).await?;
    sqlx::query(update_moved_hold!())
        .bind(DbUuid(order.hold.0))
        .bind(order.requested_resource.as_ref().map(ResourceId::as_str))
        .bind(order.cancel_right_passed)
        .bind(DbTime(order.starts_at()))
        .bind(DbTime(order.now))
        .execute(&mut *connection)
        .await?;
    let entry = HistoryEntry {
        hold: order.hold,
        from: Some(status),
        to: status,
        transition: MOVED,
        message: &order.message,
        actor: &order.actor,
    };
    entry.insert(connection, order.now).await?;
    Ok(MoveOutcome::Done)
}
