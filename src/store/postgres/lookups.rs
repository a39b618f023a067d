//! The first read of a request, on PostgreSQL.

use async_trait::async_trait;
use futures::FutureExt as _;

use sqlx::postgres::PgConnection;
use sqlx::types::Json;

use super::PostgresStore;
use super::allowances::{UsageColumns, select_usage};
use super::availability::load_all;
use super::error::PostgresResult;
use crate::store::StoreError;
use crate::store::allowances::LimitUsageRow;
use crate::store::lookups::{self, Lookup, LookupQuery, LookupRow, Lookups, SlotReads};

/// Reads the clock, event types `$11` with the names of the resources of their first segments, the attempts with keys `$12`, and
/// what is taken of limits (`$1` to `$10`). `OFFSET 0` keeps the planner from joining all resources, which it does because it
/// expects many ids. With `jsonb` in place of `json`, binary JSON would be built first, and then written out as text.
const LOOK_UP: &str = concat!(
    "SELECT date_trunc('milliseconds', clock_timestamp()) AS now,
    (SELECT coalesce(json_agg(row_to_json(e)), '[]') FROM event_types e WHERE e.id = ANY ($11)) AS event_types,
    (SELECT coalesce(json_agg(json_build_object(
            'hold_id', a.hold_id, 'idempotency_key', a.idempotency_key, 'fingerprint', a.fingerprint, 'state', a.state,
            'is_live', coalesce((SELECT h.status IN ('held', 'processing', 'confirmed') FROM holds h
                                 WHERE h.id = a.hold_id), false))), '[]')
     FROM checkout_attempts a WHERE a.idempotency_key = ANY ($12)) AS attempts,
    (SELECT coalesce(json_object_agg(served.id, named.name), '{}')
     FROM event_types e CROSS JOIN LATERAL jsonb_array_elements_text(e.segments -> 0 -> 'any_of') AS served (id)
     CROSS JOIN LATERAL (SELECT name FROM resources WHERE id = served.id OFFSET 0) AS named
     WHERE e.id = ANY ($11)) AS resource_names,
    (SELECT coalesce(json_agg(row_to_json(u)), '[]') FROM (",
    select_usage!(),
    ") u) AS usages"
);

/// The row of [`LOOK_UP`].
#[derive(sqlx::FromRow)]
struct FirstRow {
    #[sqlx(flatten)]
    lookup: LookupRow,
    usages: Json<Vec<LimitUsageRow>>,
}

#[async_trait]
impl Lookups for PostgresStore {
    async fn look_up(&self, query: &LookupQuery) -> Result<Lookup, StoreError> {
        self.read_in_group(
            &self.groups.reads.lookups,
            query.clone(),
            |connection, queries| look_up_all(connection, queries).boxed(),
        )
        .await
    }
}

async fn look_up_all(connection: &mut PgConnection, queries: &[LookupQuery]) -> PostgresResult<Vec<Lookup>> {
    let usages: Vec<_> = queries.iter().map(LookupQuery::usage).collect();
    let usages = UsageColumns::of(&usages);
    let row: FirstRow = usages
        .bind_to(sqlx::query_as(LOOK_UP))
        .bind(lookups::list_event_types(queries))
        .bind(lookups::list_keys(queries))
        .fetch_one(&mut *connection)
        .await?;
    let mut answers = row.lookup.decode(queries)?;
    let slots = SlotReads::plan(queries, &answers);
    if !slots.is_empty() {
        let found = load_all(connection, &slots.occupancies).await?;
        let usages = LimitUsageRow::decode_all(row.usages.0, queries.len())?;
        slots.add_to(&mut answers, found, usages);
    }
    Ok(answers)
}
