//! The first read of a request, on SQLite.

use async_trait::async_trait;
use futures::FutureExt as _;
use sqlx::SqliteConnection;
use sqlx::types::Json;

use super::allowances::load_usages;
use super::availability::load_all;
use super::error::SqliteResult;
use super::{SqliteStore, database_now};
use crate::store::StoreError;
use crate::store::lookups::{self, Lookup, LookupQuery, LookupRow, Lookups, SlotReads};

/// Reads the clock, the event types in JSON `$1` with the names of the resources of their first segments, and the attempts with the keys in JSON `$2`.
pub(super) const LOOK_UP: &str = concat!(
    "SELECT ",
    database_now!(),
    " AS now,
    (SELECT json_group_array(json_object(
            'seq', e.seq, 'id', e.id, 'name', e.name, 'description', e.description, 'segments', json(e.segments),
            'buffer_before_minutes', e.buffer_before_minutes, 'buffer_after_minutes', e.buffer_after_minutes,
            'schedule', json(e.schedule), 'cancel_until_minutes', e.cancel_until_minutes,
            'move_until_minutes', e.move_until_minutes, 'amount', e.amount, 'currency', e.currency,
            'payment_methods', e.payment_methods, 'checkout', json(e.checkout)))
     FROM event_types e WHERE e.id IN (SELECT value FROM json_each($1))) AS event_types,
    (SELECT json_group_array(json_object(
            'hold_id', a.hold_id, 'idempotency_key', a.idempotency_key, 'fingerprint', a.fingerprint, 'state', a.state,
            'is_live', json(CASE WHEN h.status IN ('held', 'processing', 'confirmed') THEN 'true' ELSE 'false' END)))
     FROM checkout_attempts a LEFT JOIN holds h ON h.id = a.hold_id
     WHERE a.idempotency_key IN (SELECT value FROM json_each($2))) AS attempts,
    (SELECT json_group_object(r.id, r.name)
     FROM event_types e CROSS JOIN json_each(e.segments, '$[0].any_of') served CROSS JOIN resources r INDEXED BY sqlite_autoindex_resources_1
     WHERE e.id IN (SELECT value FROM json_each($1)) AND r.id = served.value) AS resource_names"
);

#[async_trait]
impl Lookups for SqliteStore {
    async fn look_up(&self, query: &LookupQuery) -> Result<Lookup, StoreError> {
        self.read_in_group(
            &self.groups.reads.lookups,
            query.clone(),
            |connection, queries| look_up_all(connection, queries).boxed(),
        )
        .await
    }
}

async fn look_up_all(
    connection: &mut SqliteConnection,
    queries: &[LookupQuery],
) -> SqliteResult<Vec<Lookup>> {
    let row: LookupRow = sqlx::query_as(LOOK_UP)
        .bind(Json(lookups::list_event_types(queries)))
        .bind(Json(lookups::list_keys(queries)))
        .fetch_one(&mut *connection)
        .await?;
    let mut answers = row.decode(queries)?;
    let slots = SlotReads::plan(queries, &answers);
    if !slots.is_empty() {
        let found = load_all(connection, &slots.occupancies).await?;
        let usages = load_usages(connection, &slots.list_usages(queries)).await?;
        slots.add_to(&mut answers, found, usages);
    }
    Ok(answers)
}
