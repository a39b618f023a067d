//! Replacing a guest's unpaid hold by another one, on SQLite.

use async_trait::async_trait;
use serde_json::Value;
use sqlx::SqliteConnection;
use sqlx::types::Json;

use super::SqliteStore;
use super::changes::apply_in;
use super::error::SqliteResult;
use super::group_writes::claim_and_place;
use crate::domain::hold_limit::HeldAllowance;
use crate::domain::ids::HoldId;
use crate::store::attempts;
use crate::store::changes::{ApplyOutcome, insert_note};
use crate::store::columns::{DbTime, DbUuid};
use crate::store::placements::{EXTENDED, HoldToPlace, PlaceOutcome};
use crate::store::replacements::{
    self, EarlierFate, HeldAllowanceRow, NewDetails, OwnHoldQuery, ReplaceOutcome, Replacement, Replacements,
    define_earlier_writes, details_line, update_details,
};
use crate::store::{StoreError, encoding};

/// Whether an unpaid hold of guest `$4` from client `$5`, except `$6`, has units of the resources in JSON `$1` between `$2` and
/// `$3`.
pub(super) const IS_KEPT_BY_GUEST: &str = "SELECT EXISTS (
         SELECT 1 FROM json_each($1) r CROSS JOIN occupancy o CROSS JOIN holds h
         WHERE o.resource_id = r.value AND o.ends_at > $2 AND o.starts_at < $3 AND h.id = o.hold_id
           AND h.status IN ('held', 'processing') AND h.guest_id = $4 AND h.client_id = $5 AND h.id IS NOT $6)";

#[async_trait]
impl Replacements for SqliteStore {
    async fn replace_hold(&self, replacement: &Replacement<'_>) -> Result<ReplaceOutcome, StoreError> {
        let mut transaction = self.begin().await?;
        let outcome = replace_in(&mut transaction, replacement).await?;
        match outcome {
            ReplaceOutcome::Decided(placed) if placed.is_placed() => self.commit(transaction).await?,
            ReplaceOutcome::Decided(_) | ReplaceOutcome::Conflict => self.roll_back(transaction).await?,
        }
        Ok(outcome)
    }

    async fn update_details(&self, details: &NewDetails<'_>) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let updated = self
            .in_transaction(update_details!(details).execute(&mut *transaction))
            .await?;
        if updated.rows_affected() == 0 {
            self.roll_back(transaction).await?;
            return Ok(false);
        }
        self.in_transaction(details_line!(details).execute(&mut *transaction))
            .await?;
        self.commit(transaction).await?;
        Ok(true)
    }

    async fn list_allowances(&self, hold: HoldId) -> Result<Vec<HeldAllowance>, StoreError> {
        let query = sqlx::query_as(replacements::LIST_ALLOWANCES).bind(DbUuid(hold.0));
        HeldAllowanceRow::decode_all(self.read(query.fetch_all(&self.readers)).await?)
    }

    async fn is_kept_by_guest(&self, query: &OwnHoldQuery<'_>) -> Result<bool, StoreError> {
        let resources = query
            .resources
            .iter()
            .map(|resource| Value::from(resource.as_str()));
        let query = sqlx::query_scalar(IS_KEPT_BY_GUEST)
            .bind(Json(resources.collect::<Vec<_>>()))
            .bind(DbTime(query.within.starts_at()))
            .bind(DbTime(query.within.ends_at()))
            .bind(query.guest)
            .bind(&query.client.0)
            .bind(query.except.map(|hold| DbUuid(hold.0)));
        self.read(query.fetch_one(&self.readers)).await
    }
}

/// Replaces a hold in the caller's transaction, which the caller commits only if the new hold is placed.
async fn replace_in(
    connection: &mut SqliteConnection,
    replacement: &Replacement<'_>,
) -> SqliteResult<ReplaceOutcome> {
    let new = replacement.booking.hold.id;
    let state: Option<String> = sqlx::query_scalar(attempts::FIND_STATE)
        .bind(DbUuid(new.0))
        .fetch_optional(&mut *connection)
        .await?;
    // If the attempt does not run any more, the statement that places says why.
    if state.as_deref() == Some("running") && !decide_earlier(connection, replacement).await? {
        return Ok(ReplaceOutcome::Conflict);
    }
    let offers = replacement.offers();
    let hold = HoldToPlace {
        offers: &offers,
        ..HoldToPlace::alone(replacement.booking, replacement.units, replacement.limits)
    };
    let (_, placed) = claim_and_place(&mut *connection, &[], &[hold]).await?;
    let placed = placed.first().copied().unwrap_or(PlaceOutcome::AttemptClosed);
    if state.as_deref() == Some("running") {
        note_extension(connection, replacement, placed).await?;
    }
    Ok(ReplaceOutcome::Decided(placed))
}

define_earlier_writes!(SqliteConnection, SqliteResult);
