//! Replacing a guest's unpaid hold by another one, on PostgreSQL. The statement that places the other one is in `new_holds.rs`.

use async_trait::async_trait;
use futures::FutureExt as _;
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

/// The numbers of the queries `$1` for which an unpaid hold of guest `$5` from client `$6`, except `$7`, has units of resource `$2`
/// between `$3` and `$4`. `OFFSET 0` keeps the planner from reading all holds.
const FIND_KEPT_BY_GUEST: &str = concat!(
    "SELECT DISTINCT q.query
     FROM unnest($1::int[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::text[], $6::text[], $7::uuid[])
         AS q (query, resource, starts_at, ends_at, guest, client, except_hold)
     CROSS JOIN LATERAL (SELECT hold_id FROM occupancy WHERE ",
    occupied!("", "q.resource", "tstzrange(q.starts_at, q.ends_at)"),
    " OFFSET 0) o
     CROSS JOIN LATERAL (SELECT 1 FROM holds
         WHERE id = o.hold_id AND status IN ('held', 'processing') AND guest_id = q.guest AND client_id = q.client
           AND id IS DISTINCT FROM q.except_hold OFFSET 0) h"
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

    async fn is_kept_by_guest(&self, query: &OwnHoldQuery) -> Result<bool, StoreError> {
        self.read_in_group(
            &self.groups.reads.own_holds,
            query.clone(),
            |connection, queries| find_all_kept(connection, queries).boxed(),
        )
        .await
    }
}

async fn find_all_kept(connection: &mut PgConnection, queries: &[OwnHoldQuery]) -> PostgresResult<Vec<bool>> {
    let (mut numbers, mut resources, mut starts, mut ends) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut guests, mut clients, mut exceptions) = (Vec::new(), Vec::new(), Vec::new());
    for (number, query) in (0_i32..).zip(queries) {
        for resource in &query.resources {
            numbers.push(number);
            resources.push(resource.as_str());
            starts.push(query.within.starts_at());
            ends.push(query.within.ends_at());
            guests.push(query.guest.as_str());
            clients.push(query.client.0.as_str());
            exceptions.push(query.except.map(|hold| hold.0));
        }
    }
    let kept: Vec<i32> = sqlx::query_scalar(FIND_KEPT_BY_GUEST)
        .bind(numbers)
        .bind(resources)
        .bind(starts)
        .bind(ends)
        .bind(guests)
        .bind(clients)
        .bind(exceptions)
        .fetch_all(connection)
        .await?;
    Ok(replacements::answer_each(queries.len(), &kept))
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
