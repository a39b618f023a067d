//! Takes and reads allowances on SQLite. There is one writer, so that a free number stays free until the hold is placed.

use async_trait::async_trait;
use futures::FutureExt as _;
use serde_json::{Value, json};
use sqlx::SqliteConnection;
use sqlx::types::Json;

use super::SqliteStore;
use super::error::SqliteResult;
use crate::domain::ids::HoldId;
use crate::store::allowances::{self, Allowances, LimitUsage, LimitUsageQuery, LimitUsageRow};
use crate::store::columns::DbUuid;
use crate::store::placements::HoldToPlace;
use crate::store::{StoreError, encoding};

/// Reads what is taken of the parts of limits in JSON `$1`, and at most `$3` ends of holds of the clients in JSON `$2`.
pub(super) const LOAD_USAGE: &str = "SELECT l.value ->> 'query' AS query, a.scope, a.number, NULL AS status, NULL AS reason,
        NULL AS ended_at
    FROM jsonb_each($1) l CROSS JOIN allowances a
    WHERE a.scope = l.value ->> 'scope' AND a.subject = l.value ->> 'subject'
      AND a.number BETWEEN l.value ->> 'first' AND l.value ->> 'last'
    UNION ALL
    SELECT l.value ->> 'query', a.scope, a.number, NULL, NULL, NULL
    FROM jsonb_each($1) l CROSS JOIN allowances a
    WHERE a.scope = l.value ->> 'scope' AND a.subject = l.value ->> 'subject' AND a.number > l.value ->> 'most'
    UNION ALL
    SELECT c.value ->> 'query', NULL, NULL, h.status, h.reason, h.unpaid_until
    FROM jsonb_each($2) c CROSS JOIN holds h
    WHERE h.id IN (
        SELECT e.id FROM holds e
        WHERE e.client_id = c.value ->> 'client' AND e.unpaid_until > c.value ->> 'since'
          AND (e.status <> 'released' OR e.reason <> 'operator' AND e.replaced_by IS NULL)
        ORDER BY e.unpaid_until DESC LIMIT $3)";

#[async_trait]
impl Allowances for SqliteStore {
    async fn load_limit_usage(&self, query: &LimitUsageQuery<'_>) -> Result<LimitUsage, StoreError> {
        self.read_in_group(&self.groups.reads.usages, query.into(), |connection, queries| {
            let queries: Vec<LimitUsageQuery<'_>> = queries.iter().map(Into::into).collect();
            async move { load_usages(connection, &queries).await }.boxed()
        })
        .await
    }
}

/// Reads what is taken of limits, for each query. Where all limits are turned off there is nothing to read.
pub(super) async fn load_usages(
    connection: &mut SqliteConnection,
    queries: &[LimitUsageQuery<'_>],
) -> SqliteResult<Vec<LimitUsage>> {
    if queries.iter().all(LimitUsageQuery::is_empty) {
        return Ok(vec![LimitUsage::default(); queries.len()]);
    }
    let (mut ranges, mut clients) = (Vec::new(), Vec::new());
    for (number, query) in queries.iter().enumerate() {
        ranges.extend(query.ranges.iter().map(|range| {
            json!({
                "query": number,
                "scope": encoding::encode_limit_scope(range.limit.scope),
                "subject": range.limit.subject,
                "first": range.first,
                "last": range.last,
                "most": range.limit.most,
            })
        }));
        clients.extend(query.lapses.map(|lapses| {
            json!({ "query": number, "client": lapses.client.0, "since": lapses.since.timestamp_millis() })
        }));
    }
    let select = sqlx::query_as(LOAD_USAGE)
        .bind(Json(ranges))
        .bind(Json(clients))
        .bind(allowances::MOST_ENDS);
    let rows = select.fetch_all(connection).await?;
    Ok(LimitUsageRow::decode_all(rows, queries.len())?)
}

/// Takes the first free number that is offered of each limit in JSON `$3`, for holds whose attempt runs. A limit without a free
/// number gets no row: its number is null, which `IGNORE` skips.
pub(super) const TAKE: &str = "INSERT OR IGNORE INTO allowances (scope, subject, number, hold_id)
    SELECT l.value ->> 'scope', l.value ->> 'subject', (
        SELECT n.value FROM jsonb_each(l.value, '$.numbers') n
        WHERE NOT EXISTS (
            SELECT 1 FROM allowances a
            WHERE a.scope = l.value ->> 'scope' AND a.subject = l.value ->> 'subject' AND a.number = n.value)
        LIMIT 1), l.value ->> 'hold'
    FROM jsonb_each($3) l
    WHERE EXISTS (SELECT 1 FROM checkout_attempts c WHERE c.hold_id = l.value ->> 'hold' AND c.state = 'running')
    RETURNING hold_id";

/// What a hold is offered, in the JSON that [`TAKE`] takes.
pub(super) fn encode_offers(new: &HoldToPlace<'_>) -> impl Iterator<Item = Value> {
    let hold = new.booking.hold.id;
    new.offers.iter().map(move |offer| {
        json!({
            "hold": hold.0,
            "scope": encoding::encode_limit_scope(offer.limit.scope),
            "subject": offer.limit.subject,
            "numbers": offer.numbers,
        })
    })
}

/// Gives back the allowances of hold `$1`.
pub(super) const DELETE: &str = "DELETE FROM allowances WHERE hold_id = $1";

/// Gives back the allowances of a hold that is not placed.
pub(super) async fn delete_allowances(connection: &mut SqliteConnection, hold: HoldId) -> SqliteResult<()> {
    let query = sqlx::query(DELETE).bind(DbUuid(hold.0));
    query.execute(connection).await?;
    Ok(())
}
