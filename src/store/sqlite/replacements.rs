//! Replacing a guest's unpaid hold by another one, on SQLite.

use async_trait::async_trait;
use futures::FutureExt as _;
use serde_json::{Value, json};
use sqlx::SqliteConnection;
use sqlx::types::Json;

use super::SqliteStore;
use super::availability::last_end_of_overlap;
use super::changes::apply_in;
use super::error::SqliteResult;
use super::group_writes::claim_and_place;
use crate::domain::hold_limit::HeldAllowance;
use crate::domain::ids::{HoldId, ResourceId};
use crate::store::attempts;
use crate::store::changes::{ApplyOutcome, insert_note};
use crate::store::columns::{DbTime, DbUuid};
use crate::store::placements::{EXTENDED, HoldToPlace, PlaceOutcome};
use crate::store::replacements::{
    self, EarlierFate, HeldAllowanceRow, NewDetails, OwnHoldQuery, ReplaceOutcome, Replacement, Replacements,
    define_earlier_writes, details_line, update_details,
};
use crate::store::{StoreError, encoding};

/// The numbers of the queries in JSON `$1` for which an unpaid hold of the guest from the client has units of the resources in the
/// window. It looks holds up among the unpaid ones only, as the query of what occupies a slot does.
pub(super) const FIND_KEPT_BY_GUEST: &str = "SELECT DISTINCT q.key
     FROM jsonb_each($1) q CROSS JOIN jsonb_each(q.value, '$.resources') r CROSS JOIN occupancy o
     CROSS JOIN holds h INDEXED BY holds_unpaid
     WHERE o.resource_id = r.value AND o.ends_at > q.value ->> 'from' AND o.ends_at < q.value ->> 'last_end'
       AND o.starts_at < q.value ->> 'to' AND h.id = o.hold_id
       AND h.status IN ('held', 'processing') AND h.guest_id = q.value ->> 'guest' AND h.client_id = q.value ->> 'client'
       AND h.id IS NOT q.value ->> 'except'";

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

    async fn is_kept_by_guest(&self, query: &OwnHoldQuery) -> Result<bool, StoreError> {
        self.read_in_group(
            &self.groups.reads.own_holds,
            query.clone(),
            |connection, queries| find_all_kept(connection, queries).boxed(),
        )
        .await
    }
}

async fn find_all_kept(
    connection: &mut SqliteConnection,
    queries: &[OwnHoldQuery],
) -> SqliteResult<Vec<bool>> {
    let encode = |query: &OwnHoldQuery| {
        let resources: Vec<&str> = query.resources.iter().map(ResourceId::as_str).collect();
        json!({
            "resources": resources,
            "from": query.within.starts_at().timestamp_millis(),
            "to": query.within.ends_at().timestamp_millis(),
            "last_end": last_end_of_overlap(query.within).timestamp_millis(),
            "guest": query.guest,
            "client": query.client.0,
            "except": query.except.map(|hold| hold.0),
        })
    };
    let encoded: Vec<Value> = queries.iter().map(encode).collect();
    let select = sqlx::query_scalar(FIND_KEPT_BY_GUEST).bind(Json(encoded));
    let kept: Vec<i32> = select.fetch_all(connection).await?;
    Ok(replacements::answer_each(queries.len(), &kept))
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
