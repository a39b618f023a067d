//! Placing and moving holds on PostgreSQL. The statement that places holds is in `new_holds.rs`.

use async_trait::async_trait;
use futures::FutureExt as _;
use sqlx::postgres::PgConnection;

use super::error::{PostgresResult, is_row_without_hold};
use super::new_holds::insert_holds;
use super::{GROUP_LOCK_TIMEOUT, PostgresStore, occupancy};
use crate::domain::booking::Booking;
use crate::domain::ids::ResourceId;
use crate::domain::segment::{Allocation, allocated_segments};
use crate::store::allowances::encode_offers;
use crate::store::changes::insert_note;
use crate::store::placements::{
    EXTENDED, HoldExtension, HoldLimits, HoldMove, HoldToPlace, MOVED, MoveOutcome, PlaceItem, PlaceOutcome,
    Placements, extend_hold, update_moved_hold,
};
use crate::store::{StoreError, encoding};

#[async_trait]
impl Placements for PostgresStore {
    async fn place_hold(
        &self,
        booking: &Booking,
        units: &[Allocation],
        limits: &HoldLimits,
    ) -> Result<PlaceOutcome, StoreError> {
        self.grouped(
            &self.groups.places,
            PlaceItem::new(booking, units, limits),
            |connection, items| place_group(connection, items).boxed(),
            || self.place_alone(booking, units, limits),
        )
        .await
    }

    async fn move_hold(&self, order: &HoldMove) -> Result<MoveOutcome, StoreError> {
        self.retrying(|| async {
            let mut transaction = self.begin().await?;
            let quantity: Option<i32> = sqlx::query_scalar(
                "SELECT quantity FROM holds
                 WHERE id = $1 AND version = $2 AND status IN ('held', 'confirmed') FOR UPDATE",
            )
            .bind(order.hold.0)
            .bind(order.version)
            .fetch_optional(&mut *transaction)
            .await?;
            let Some(quantity) = quantity else {
                return Ok(MoveOutcome::Conflict);
            };
            // The old windows go first, because the new ones may overlap them; a rollback brings them back.
            occupancy::delete_occupancy(&mut transaction, order.hold).await?;
            if !occupancy::take_units(&mut transaction, order.hold, &order.to, quantity.unsigned_abs())
                .await?
            {
                transaction.rollback().await?;
                return Ok(MoveOutcome::SlotTaken);
            }
            occupancy::update_segments(&mut transaction, order.hold, &allocated_segments(&order.to)).await?;
            write_move(&mut transaction, order).await?;
            transaction.commit().await?;
            Ok(MoveOutcome::Done)
        })
        .await
    }

    async fn extend_hold(&self, extension: &HoldExtension) -> Result<bool, StoreError> {
        self.retrying(|| async {
            let mut transaction = self.begin().await?;
            let extended = extend_hold!(extension).execute(&mut *transaction).await?;
            if extended.rows_affected() == 0 {
                transaction.rollback().await?;
                return Ok(false);
            }
            let line = insert_note!(extension.hold, extension.now, EXTENDED, &extension.message);
            line.execute(&mut *transaction).await?;
            transaction.commit().await?;
            Ok(true)
        })
        .await
    }
}

impl PostgresStore {
    async fn place_alone(
        &self,
        booking: &Booking,
        units: &[Allocation],
        limits: &HoldLimits,
    ) -> Result<PlaceOutcome, StoreError> {
        self.retrying(|| async {
            let hold = [HoldToPlace::alone(booking, units, limits)];
            match insert_holds(&self.pool, &hold, None).await {
                Ok(placed) => match placed.get(&booking.hold.id) {
                    Some(outcome) => Ok(*outcome),
                    None => self.find_refusal(booking, limits).await,
                },
                Err(error) if is_row_without_hold(&error) => self.find_refusal(booking, limits).await,
                Err(error) => Err(error.into()),
            }
        })
        .await
    }

    /// Finds out why nothing was written. If a first call of ours wrote it and its answer was lost, the hold is placed.
    pub(super) async fn find_refusal(
        &self,
        booking: &Booking,
        limits: &HoldLimits,
    ) -> PostgresResult<PlaceOutcome> {
        let found: Option<(String, bool, bool)> = sqlx::query_as(
            "SELECT state, is_paid, EXISTS (
                 SELECT 1 FROM jsonb_to_recordset($2) AS l (scope text, subject text, numbers jsonb)
                 WHERE NOT EXISTS (
                     SELECT 1 FROM jsonb_array_elements_text(l.numbers) AS n (number)
                     WHERE NOT EXISTS (
                         SELECT 1 FROM allowances a
                         WHERE a.scope = l.scope AND a.subject = l.subject AND a.number = n.number::integer)))
             FROM checkout_attempts WHERE hold_id = $1",
        )
        .bind(booking.hold.id.0)
        .bind(encode_offers(&limits.allowances))
        .fetch_optional(&self.pool)
        .await?;
        let Some((state, is_paid, is_full)) = &found else {
            return Ok(PlaceOutcome::AttemptClosed);
        };
        Ok(match (state.as_str(), is_full) {
            ("placed", _) => PlaceOutcome::placed(*is_paid),
            ("running", true) => PlaceOutcome::LimitReached,
            ("running", false) => PlaceOutcome::SlotTaken,
            _ => PlaceOutcome::AttemptClosed,
        })
    }
}

/// Places the holds of a group. A hold that is not placed has no verdict, so that its caller finds out why, alone and with all
/// that it was offered.
async fn place_group(
    connection: &mut PgConnection,
    items: &[PlaceItem],
) -> PostgresResult<Vec<Option<PlaceOutcome>>> {
    let holds: Vec<HoldToPlace<'_>> = items.iter().map(PlaceItem::in_group).collect();
    let placed = insert_holds(&mut *connection, &holds, Some(GROUP_LOCK_TIMEOUT)).await?;
    let verdict = |hold: &HoldToPlace<'_>| placed.get(&hold.booking.hold.id).copied();
    Ok(holds.iter().map(verdict).collect())
}

/// Writes a moved hold's new version and its history line.
async fn write_move(connection: &mut PgConnection, order: &HoldMove) -> PostgresResult<()> {
    let (actor, event, name) = encoding::encode_actor(&order.actor);
    sqlx::query(concat!(
        "WITH hold AS (",
        update_moved_hold!(),
        " RETURNING id, status, reason)
         INSERT INTO hold_history
             (hold_id, at, from_status, from_reason, to_status, to_reason, transition, message, actor, event_id,
              actor_name)
         SELECT id, $5, status, reason, status, reason, $6, $7, $8, $9, $10 FROM hold"
    ))
    .bind(order.hold.0) // $1
    .bind(order.requested_resource.as_ref().map(ResourceId::as_str)) // $2
    .bind(order.cancel_right_passed) // $3
    .bind(order.starts_at()) // $4
    .bind(order.now) // $5
    .bind(MOVED) // $6
    .bind(&order.message) // $7
    .bind(actor) // $8
    .bind(event) // $9
    .bind(name) // $10
    .execute(connection)
    .await?;
    Ok(())
}
