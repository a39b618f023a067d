//! Placing and moving holds on SQLite. The statements that place holds are in `new_holds.rs`.

use async_trait::async_trait;
use sqlx::SqliteConnection;

use super::changes::{HistoryEntry, find_current};
use super::error::SqliteResult;
use super::groups::GroupWrite;
use super::{SqliteStore, occupancy};
use crate::domain::booking::Booking;
use crate::domain::hold::Status;
use crate::domain::ids::ResourceId;
use crate::domain::segment::{Allocation, allocated_segments};
use crate::store::StoreError;
use crate::store::changes::insert_note;
use crate::store::columns::{DbTime, DbUuid};
use crate::store::placements::{
    EXTENDED, HoldExtension, HoldLimits, HoldMove, MOVED, MoveOutcome, PlaceItem, PlaceOutcome, Placements,
    extend_hold, update_moved_hold,
};

#[async_trait]
impl Placements for SqliteStore {
    async fn place_hold(
        &self,
        booking: &Booking,
        units: &[Allocation],
        limits: &HoldLimits,
    ) -> Result<PlaceOutcome, StoreError> {
        let verdict =
            self.write_in_group(|| GroupWrite::Place(Box::new(PlaceItem::new(booking, units, limits))));
        verdict.await?.into_outcome()
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

    async fn extend_hold(&self, extension: &HoldExtension) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let extended = extend_hold!(extension).execute(&mut *transaction);
        if self.in_transaction(extended).await?.rows_affected() == 0 {
            self.roll_back(transaction).await?;
            return Ok(false);
        }
        let line = insert_note!(extension.hold, extension.now, EXTENDED, &extension.message);
        self.in_transaction(line.execute(&mut *transaction)).await?;
        self.commit(transaction).await?;
        Ok(true)
    }
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
