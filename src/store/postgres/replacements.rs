//! Replacing a guest's unpaid hold by another one, on PostgreSQL. The statement that places the other one is in `new_holds.rs`.

use async_trait::async_trait;
use sqlx::postgres::PgConnection;

use super::PostgresStore;
use super::changes::apply_in;
use super::error::{PostgresResult, is_row_without_hold};
use super::new_holds::insert_holds;
use super::occupancy::occupied;
use crate::domain::hold_limit::HeldAllowance;
use crate::domain::ids::HoldId;
use crate::store::changes::{ApplyOutcome, insert_note};
use crate::store::columns::{DbTime, DbUuid};
use crate::store::placements::{EXTENDED, HoldToPlace, PlaceOutcome};
use crate::store::replacements::{
    self, EarlierFate, HeldAllowanceRow, NewDetails, OwnHoldQuery, ReplaceOutcome, Replacement, Replacements,
    define_earlier_writes, details_line, update_details,
};
use crate::store::{StoreError, encoding};

/// Whether an unpaid hold of guest `$4` from client `$5`, except `$6`, has units of resources `$1` between `$2` and `$3`.
/// `OFFSET 0` keeps the planner from reading all holds.
const IS_KEPT_BY_GUEST: &str = concat!(
    "SELECT EXISTS (
         SELECT 1 FROM unnest($1::text[]) AS r (id)
         CROSS JOIN LATERAL (SELECT hold_id FROM occupancy WHERE ",
    occupied!("", "r.id", "tstzrange($2, $3)"),
    " OFFSET 0) o
         JOIN holds h ON h.id = o.hold_id
         WHERE h.status IN ('held', 'processing') AND h.guest_id = $4 AND h.client_id = $5
           AND h.id IS DISTINCT FROM $6)"
);

#[async_trait]
impl Replacements for PostgresStore {
    async fn replace_hold(&self, replacement: &Replacement<'_>) -> Result<ReplaceOutcome, StoreError> {
        self.retrying(|| async {
            let mut transaction = self.begin().await?;
            let outcome = replace_in(&mut transaction, replacement).await?;
            if let Some(ReplaceOutcome::Decided(placed)) = outcome
                && placed.is_placed()
            {
                transaction.commit().await?;
                return Ok(ReplaceOutcome::Decided(placed));
            }
            transaction.rollback().await?;
            match outcome {
                Some(outcome) => Ok(outcome),
                None => self
                    .find_refusal(replacement.booking, replacement.limits)
                    .await
                    .map(ReplaceOutcome::Decided),
            }
        })
        .await
    }

    async fn update_details(&self, details: &NewDetails<'_>) -> Result<bool, StoreError> {
        self.retrying(|| async {
            let mut transaction = self.begin().await?;
            let done = update_details!(details).execute(&mut *transaction).await?;
            if done.rows_affected() == 0 {
                transaction.rollback().await?;
                return Ok(false);
            }
            details_line!(details).execute(&mut *transaction).await?;
            transaction.commit().await?;
            Ok(true)
        })
        .await
    }

    async fn list_allowances(&self, hold: HoldId) -> Result<Vec<HeldAllowance>, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query_as(replacements::LIST_ALLOWANCES).bind(DbUuid(hold.0));
            Ok(HeldAllowanceRow::decode_all(query.fetch_all(&self.pool).await?)?)
        })
        .await
    }

    async fn is_kept_by_guest(&self, query: &OwnHoldQuery<'_>) -> Result<bool, StoreError> {
        let resources: Vec<&str> = query.resources.iter().map(|resource| resource.as_str()).collect();
        self.retrying(|| async {
            let query = sqlx::query_scalar(IS_KEPT_BY_GUEST)
                .bind(&resources)
                .bind(query.within.starts_at())
                .bind(query.within.ends_at())
                .bind(query.guest)
                .bind(&query.client.0)
                .bind(query.except.map(|hold| hold.0));
            Ok(query.fetch_one(&self.pool).await?)
        })
        .await
    }
}

/// Replaces a hold in the caller's transaction, which the caller commits only if the new hold is placed. `None` if it is refused
/// for a reason that the caller has to find out.
async fn replace_in(
    connection: &mut PgConnection,
    replacement: &Replacement<'_>,
) -> PostgresResult<Option<ReplaceOutcome>> {
    let new = replacement.booking.hold.id;
    // First the attempt, as placing does.
    let attempt: Option<(String, bool)> =
        sqlx::query_as("SELECT state, is_paid FROM checkout_attempts WHERE hold_id = $1 FOR UPDATE")
            .bind(new.0)
            .fetch_optional(&mut *connection)
            .await?;
    match attempt {
        Some((state, _)) if state == "running" => {}
        // A first call of ours placed it, and its answer was lost.
        Some((state, is_paid)) if state == "placed" => {
            return Ok(Some(ReplaceOutcome::Decided(PlaceOutcome::placed(is_paid))));
        }
        _ => return Ok(Some(ReplaceOutcome::Decided(PlaceOutcome::AttemptClosed))),
    }
    if !decide_earlier(connection, replacement).await? {
        return Ok(Some(ReplaceOutcome::Conflict));
    }
    let offers = replacement.offers();
    let hold = HoldToPlace {
        offers: &offers,
        ..HoldToPlace::alone(replacement.booking, replacement.units, replacement.limits)
    };
    let placed = match insert_holds(&mut *connection, &[hold], None).await {
        Ok(placed) => placed.get(&new).copied(),
        Err(error) if is_row_without_hold(&error) => None,
        Err(error) => return Err(error.into()),
    };
    let Some(placed) = placed else {
        return Ok(None);
    };
    note_extension(connection, replacement, placed).await?;
    Ok(Some(ReplaceOutcome::Decided(placed)))
}

define_earlier_writes!(PgConnection, PostgresResult);
