//! Placing and moving holds on PostgreSQL. The statement that takes a slot is `take_units_statement!` in `occupancy.rs`,
//! the one that keeps the limits `take_allowances_statement!` in `allowances.rs`.

use async_trait::async_trait;
use sqlx::postgres::{PgConnection, PgExecutor};

use super::allowances::take_allowances_statement;
use super::error::{PostgresResult, is_row_without_hold};
use super::occupancy::{UnitColumns, signed, take_units_statement};
use super::{PostgresStore, occupancy};
use crate::domain::booking::Booking;
use crate::domain::hold::TransitionReason;
use crate::domain::ids::ResourceId;
use crate::domain::segment::{Allocation, allocated_segments};
use crate::store::allowances::encode_offers;
use crate::store::placements::{
    HoldLimits, HoldMove, MOVED, MoveOutcome, PlaceOutcome, Placements, update_moved_hold,
};
use crate::store::{StoreError, encoding};

/// Places a hold with its occupancy, allowances, attempt and first history line: one statement, so one round trip. Each
/// step reads the rows of the step before. If a step writes nothing, no hold is written, and occupancy or allowances without
/// a hold violate their foreign keys, so that the whole statement fails.
const PLACE: &str = concat!(
    "WITH taken AS (",
    take_units_statement!(),
    " RETURNING 1),
     allowed AS (",
    take_allowances_statement!("(SELECT count(*) FROM taken) = $6::int * jsonb_array_length($15)"),
    " RETURNING 1),
     attempt AS (
         UPDATE checkout_attempts SET state = 'placed', terms = NULL, leased_until = NULL, ended_at = $27
         WHERE hold_id = $1 AND state = 'running'
           AND (SELECT count(*) FROM taken) = $6::int * jsonb_array_length($15)
           AND (SELECT count(*) FROM allowed) = jsonb_array_length($8)
         RETURNING hold_id, is_paid),
     hold AS (
         INSERT INTO holds (
             id, quantity, guest_id, client_id,
             event_type_id, resource_id, starts_at, ends_at, segments,
             status, reason, amount, currency, session_id,
             checkout_url, guest_email, guest_name, metadata,
             expires_at, session_expires_at, created_at, due_at, updated_at,
             version, cancel_until_minutes, move_until_minutes, requested_resource_id, token_key,
             allowances_taken)
         SELECT
             hold_id, $6, $7, $10,
             $11, $12, $13, $14, $15,
             $16, $17, $18, $19, $20,
             $21, $22, $23, $24,
             $25, $26, $27, $28, $29,
             $30, $31, $32, $33, $36, true
         FROM attempt RETURNING id)
     INSERT INTO hold_history (hold_id, at, to_status, to_reason, transition, message, actor)
     SELECT id, $27, $16, $17, $34, $35, 'checkout' FROM hold
     RETURNING (SELECT is_paid FROM attempt)",
);

#[async_trait]
impl Placements for PostgresStore {
    async fn place_hold(
        &self,
        booking: &Booking,
        units: &[Allocation],
        limits: &HoldLimits,
    ) -> Result<PlaceOutcome, StoreError> {
        self.retrying(|| async {
            match insert_hold(&self.pool, booking, units, limits).await {
                Ok(Some(is_paid)) => Ok(PlaceOutcome::placed(is_paid)),
                Ok(None) => self.find_refusal(booking, limits).await,
                Err(error) if is_row_without_hold(&error) => self.find_refusal(booking, limits).await,
                Err(error) => Err(error.into()),
            }
        })
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
}

impl PostgresStore {
    /// Finds out why nothing was written. If a first call of ours wrote it and its answer was lost, the hold is placed.
    async fn find_refusal(&self, booking: &Booking, limits: &HoldLimits) -> PostgresResult<PlaceOutcome> {
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

/// Runs [`PLACE`]; `None` if it wrote no hold, else whether money for the hold came before.
pub(super) async fn insert_hold(
    executor: impl PgExecutor<'_>,
    booking: &Booking,
    units: &[Allocation],
    limits: &HoldLimits,
) -> sqlx::Result<Option<bool>> {
    let hold = &booking.hold;
    let shown = booking.window();
    let (status, reason) = encoding::encode_status(hold.status);
    let units = UnitColumns::new(units);
    sqlx::query_scalar(PLACE)
        .bind(hold.id.0) // $1
        .bind(units.resources) // $2
        .bind(units.starts) // $3
        .bind(units.ends) // $4
        .bind(units.units) // $5
        .bind(signed(booking.quantity)) // $6
        .bind(booking.guest.normalized_email()) // $7
        .bind(encode_offers(&limits.allowances)) // $8
        .bind(limits.waits) // $9
        .bind(limits.client.as_ref().map(|client| client.0.as_str())) // $10
        .bind(booking.event_type.as_str()) // $11
        .bind(booking.resource().as_str()) // $12
        .bind(shown.starts_at()) // $13
        .bind(shown.ends_at()) // $14
        .bind(encoding::encode_segments(&booking.segments)) // $15
        .bind(status) // $16
        .bind(reason) // $17
        .bind(hold.price.amount) // $18
        .bind(hold.price.currency.code()) // $19
        .bind(hold.session.as_str()) // $20
        .bind(&booking.checkout_url) // $21
        .bind(&booking.guest.email) // $22
        .bind(&booking.guest.name) // $23
        .bind(encoding::encode_metadata(&booking.metadata)) // $24
        .bind(booking.expires_at) // $25
        .bind(booking.session_expires_at) // $26
        .bind(booking.created_at) // $27
        .bind(booking.due_at) // $28
        .bind(booking.updated_at) // $29
        .bind(booking.version) // $30
        .bind(encoding::encode_minutes(
            booking.change_policy.cancel_until_minutes,
        )?) // $31
        .bind(encoding::encode_minutes(
            booking.change_policy.move_until_minutes,
        )?) // $32
        .bind(booking.requested_resource.as_ref().map(ResourceId::as_str)) // $33
        .bind(TransitionReason::Placed.code()) // $34
        .bind(TransitionReason::Placed.to_string()) // $35
        .bind(booking.token_key.as_ref().map(|key| key.0.as_str())) // $36
        .fetch_optional(executor)
        .await
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
