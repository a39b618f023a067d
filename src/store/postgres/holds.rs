//! Holds on PostgreSQL: reading and leasing them.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::FutureExt as _;
use sqlx::postgres::{PgConnection, PgExecutor};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::PostgresStore;
use super::error::PostgresResult;
use super::occupancy::occupied;
use super::payments::{facts_json, payment_json};
use crate::domain::booking::Booking;
use crate::domain::hold::ReleaseRequester;
use crate::domain::ids::{HoldId, IntentId, ResourceId, SessionId};
use crate::domain::listing::{HoldFilter, HoldSort, Page, PageRequest};
use crate::domain::session::HoldRefs;
use crate::domain::time::Window;
use crate::store::columns::{DbTime, DbUuid};
use crate::store::hold_list::{ListPlace, narrow_holds, order_holds};
use crate::store::hold_search::{TextSearch, search_columns};
use crate::store::holds::{
    self, BookingRow, Holds, NamedHoldRow, ReleaseLease, booking_columns, is_named_by_refs, release_lease,
};
use crate::store::lease_request::LeaseRequest;
use crate::store::{StoreError, encoding, paging};

/// Selects holds with their payments as JSON.
macro_rules! select {
    ($rest:expr) => {
        concat!(
            "SELECT ",
            booking_columns!(concat!(
                "coalesce(jsonb_agg(",
                payment_json!(),
                " ORDER BY p.created_at, p.intent_id), '[]')"
            )),
            " FROM holds h ",
            $rest
        )
    };
}

const FIND: &str = select!("WHERE h.id = $1");

/// Finds the holds that references name: holds `$1`, sessions `$2`, intents `$3`, and intents `$4` of which it reads what is
/// known. `OFFSET 0` keeps the planner from reading all holds.
const FIND_BY_REFS: &str = concat!(
    "SELECT named.*, refs.number - 1 AS number, ",
    facts_json!("refs.paid"),
    " AS facts
     FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) WITH ORDINALITY AS refs (hold, session, intent, paid, number)
     CROSS JOIN LATERAL (",
    select!(concat!(
        "WHERE ",
        is_named_by_refs!("refs.hold", "refs.session", "refs.intent"),
        " OFFSET 0"
    )),
    ") named"
);

/// Lists the confirmed holds that keep resource `$1` busy after `$2`, at most `$3`. It finds them by their occupancy, which
/// only live holds have; their status is compared as an expression, because the planner could else read an index of all bookings.
const LIST_CONFIRMED: &str = select!(concat!(
    "WHERE h.id = ANY (ARRAY(
         SELECT hold_id FROM occupancy WHERE ",
    occupied!("", "$1", "tstzrange($2, NULL)"),
    "))
       AND h.status || '' = 'confirmed'
     ORDER BY h.created_at DESC, h.id DESC LIMIT $3"
));

/// Lists the live holds that keep one of the resources `$1` busy from `$2` to `$3`, at most `$4`. `OFFSET 0` keeps the planner from
/// joining whole tables.
const LIST_LIVE: &str = select!(concat!(
    "WHERE h.id = ANY (ARRAY(
         SELECT o.hold_id FROM unnest($1::text[]) AS wanted (id) CROSS JOIN LATERAL (
             SELECT hold_id FROM occupancy WHERE ",
    occupied!("", "wanted.id", "tstzrange($2, $3)"),
    " OFFSET 0) o))
     ORDER BY h.starts_at, h.id LIMIT $4"
));

#[async_trait]
impl Holds for PostgresStore {
    async fn find_booking(&self, id: HoldId) -> Result<Option<Booking>, StoreError> {
        self.retrying(|| async { Ok(BookingRow::decode_optional(find_row(&self.pool, id).await?)?) })
            .await
    }

    async fn find_bookings(&self, ids: &[HoldId]) -> Result<Vec<Booking>, StoreError> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        self.retrying(|| async {
            let query = sqlx::query_as(FIND_ALL).bind(&ids);
            Ok(BookingRow::decode_all(query.fetch_all(&self.pool).await?)?)
        })
        .await
    }

    async fn find_booking_by_refs(&self, refs: &HoldRefs) -> Result<Option<Booking>, StoreError> {
        self.read_in_group(
            &self.groups.reads.named_holds,
            refs.clone(),
            |connection, queries| find_all_by_refs(connection, queries).boxed(),
        )
        .await
    }

    async fn list_bookings(
        &self,
        filter: &HoldFilter,
        page: &PageRequest,
    ) -> Result<Page<Booking>, StoreError> {
        let Some(start) = ListPlace::start_of(filter, page) else {
            return Ok(paging::end_of_list());
        };
        self.retrying(|| async {
            let horizon = self.find_horizon(filter.sort).await?;
            let Some(text) = &filter.text else {
                let mut query = narrowed(QueryBuilder::new(select!("WHERE true")), filter);
                order_holds!(
                    query,
                    filter,
                    start,
                    paging::rows_wanted(page),
                    horizon,
                    "coalesce(h.changed_at, h.updated_at)"
                );
                let rows = query.build_query_as().fetch_all(&self.pool).await?;
                return Ok(BookingRow::decode_page(rows, filter, page)?);
            };
            let mut search = TextSearch::new(text, start, page);
            while let Some((start, most)) = search.next_chunk() {
                let columns = search_columns!(filter.sort, "coalesce(h.changed_at, h.updated_at)");
                let mut query = QueryBuilder::new("SELECT ");
                query.push(columns).push(" FROM holds h WHERE true");
                let mut query = narrowed(query, filter);
                order_holds!(
                    query,
                    filter,
                    start,
                    most,
                    horizon,
                    "coalesce(h.changed_at, h.updated_at)"
                );
                search.add(query.build_query_as().fetch_all(&self.pool).await?);
            }
            let query = sqlx::query_as(FIND_ALL).bind(search.found());
            Ok(BookingRow::decode_found(
                query.fetch_all(&self.pool).await?,
                filter,
                &search,
            )?)
        })
        .await
    }

    async fn lease_release(
        &self,
        id: HoldId,
        requester: Option<ReleaseRequester>,
        lease: Duration,
    ) -> Result<ReleaseLease, StoreError> {
        self.retrying(|| async {
            let mut transaction = self.begin().await?;
            let leased = sqlx::query(
                "UPDATE holds SET leased_until = clock_timestamp() + make_interval(secs => $2),
                     requested_by = coalesce($3, requested_by), version = version + ($3 IS NOT NULL)::int
                 WHERE id = $1 AND status = 'held' AND (leased_until IS NULL OR leased_until <= clock_timestamp())",
            )
            .bind(id.0)
            .bind(lease.as_secs_f64())
            .bind(requester.map(encoding::encode_requester))
            .execute(&mut *transaction)
            .await?;
            // Read under the lease's row lock: hold and payments as they are, not as they were before the wait for it.
            let row = find_row(&mut *transaction, id).await?;
            transaction.commit().await?;
            Ok(release_lease(BookingRow::decode_optional(row)?, leased.rows_affected() == 1))
        })
        .await
    }

    async fn lease_due_holds(&self, request: &LeaseRequest) -> Result<Vec<Booking>, StoreError> {
        self.retrying(|| async {
            let mut transaction = self.begin().await?;
            let rows = take_due_rows(&mut transaction, LEASE_DUE, request).await?;
            transaction.commit().await?;
            Ok(BookingRow::decode_all(rows)?)
        })
        .await
    }

    async fn record_return(
        &self,
        id: HoldId,
        at: DateTime<Utc>,
        read_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        run_statement!(
            self,
            sqlx::query(holds::RECORD_RETURN)
                .bind(DbUuid(id.0))
                .bind(DbTime(at))
                .bind(DbTime(read_at))
        )
    }

    async fn take_returned_holds(&self, request: &LeaseRequest) -> Result<Vec<Booking>, StoreError> {
        self.retrying(|| async {
            let mut transaction = self.begin().await?;
            let rows = take_due_rows(&mut transaction, TAKE_RETURNED, request).await?;
            transaction.commit().await?;
            Ok(BookingRow::decode_all(rows)?)
        })
        .await
    }

    async fn finish_read(&self, id: HoldId) -> Result<(), StoreError> {
        run_statement!(self, sqlx::query(holds::FINISH_READ).bind(DbUuid(id.0)))
    }

    async fn defer_hold(
        &self,
        id: HoldId,
        due_at: DateTime<Utc>,
        forget_requester: bool,
    ) -> Result<(), StoreError> {
        run_statement!(
            self,
            sqlx::query(holds::DEFER)
                .bind(DbUuid(id.0))
                .bind(DbTime(due_at))
                .bind(forget_requester)
        )
    }

    async fn return_lease(
        &self,
        id: HoldId,
        due_at: DateTime<Utc>,
        forget_requester: bool,
    ) -> Result<(), StoreError> {
        run_statement!(
            self,
            sqlx::query(holds::RETURN_LEASE)
                .bind(DbUuid(id.0))
                .bind(DbTime(due_at))
                .bind(forget_requester)
        )
    }

    async fn list_confirmed_of_resource(
        &self,
        resource: &ResourceId,
        from: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Booking>, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query_as(LIST_CONFIRMED).bind(resource.as_str());
            let query = query.bind(from).bind(i64::from(limit));
            Ok(BookingRow::decode_all(query.fetch_all(&self.pool).await?)?)
        })
        .await
    }

    async fn list_live_of_resources(
        &self,
        resources: &[ResourceId],
        within: Window,
        limit: u32,
    ) -> Result<Vec<Booking>, StoreError> {
        let resources: Vec<&str> = resources.iter().map(ResourceId::as_str).collect();
        self.retrying(|| async {
            let query = sqlx::query_as(LIST_LIVE).bind(&resources);
            let query = query.bind(within.starts_at()).bind(within.ends_at());
            let rows = query.bind(i64::from(limit)).fetch_all(&self.pool).await?;
            Ok(BookingRow::decode_all(rows)?)
        })
        .await
    }

    async fn delete_released_holds(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        self.delete_or_clear(DELETE_RELEASED, before, limit).await
    }
}

/// Deletes released holds without money that last changed before `$1`, at most `$2`, and their history.
const DELETE_RELEASED: &str = "WITH due AS (
         SELECT id FROM holds h
         WHERE status = 'released' AND funds = 'none' AND guest_email IS NULL AND updated_at < $1
           AND NOT EXISTS (SELECT 1 FROM payments p WHERE p.hold_id = h.id)
         ORDER BY updated_at LIMIT $2 FOR UPDATE SKIP LOCKED),
     history AS (DELETE FROM hold_history WHERE hold_id = ANY (ARRAY(SELECT id FROM due)))
     DELETE FROM holds WHERE id = ANY (ARRAY(SELECT id FROM due))";

/// Reads the row of one hold.
async fn find_all_by_refs(
    connection: &mut PgConnection,
    refs: &[HoldRefs],
) -> PostgresResult<Vec<Option<Booking>>> {
    let holds: Vec<Option<Uuid>> = refs.iter().map(|one| one.hold.map(|hold| hold.0)).collect();
    let sessions = refs.iter().map(|one| one.session.as_ref().map(SessionId::as_str));
    let intents = refs.iter().map(|one| one.intent.as_ref().map(IntentId::as_str));
    let paid = refs.iter().map(|one| one.paid.as_ref().map(IntentId::as_str));
    let rows = sqlx::query_as(FIND_BY_REFS)
        .bind(holds)
        .bind(sessions.collect::<Vec<_>>())
        .bind(intents.collect::<Vec<_>>())
        .bind(paid.collect::<Vec<_>>())
        .fetch_all(&mut *connection)
        .await?;
    Ok(NamedHoldRow::decode_all(rows, refs)?)
}

/// Finds the holds `$1`.
const FIND_ALL: &str = select!("WHERE h.id = ANY ($1)");

pub(super) async fn find_row(executor: impl PgExecutor<'_>, id: HoldId) -> sqlx::Result<Option<BookingRow>> {
    sqlx::query_as(FIND).bind(id.0).fetch_optional(executor).await
}

/// Leases holds that are due at `$1` for `$2` seconds, at most `$3`. Several instances lease at once, so it skips locked
/// rows.
const LEASE_DUE: &str = "UPDATE holds SET leased_until = clock_timestamp() + make_interval(secs => $2)
     WHERE id = ANY (ARRAY(
         SELECT id FROM holds
         WHERE status IN ('held', 'processing') AND due_at <= $1
           AND (leased_until IS NULL OR leased_until <= clock_timestamp())
         ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED))
     RETURNING id";

/// Finds holds whose session is to be read at `$1`, at most `$3`, and makes them due again after `$2` seconds. Several instances
/// ask at once, so it skips locked rows.
const TAKE_RETURNED: &str = "UPDATE holds SET read_due_at = $1::timestamptz + make_interval(secs => $2)
     WHERE id = ANY (ARRAY(
         SELECT id FROM holds WHERE status = 'held' AND read_due_at <= $1
         ORDER BY read_due_at LIMIT $3 FOR UPDATE SKIP LOCKED))
     RETURNING id";

/// Runs a statement that takes due holds, and reads them, oldest first.
async fn take_due_rows(
    connection: &mut PgConnection,
    statement: &'static str,
    request: &LeaseRequest,
) -> sqlx::Result<Vec<BookingRow>> {
    let taken: Vec<Uuid> = sqlx::query_scalar(statement)
        .bind(request.now)
        .bind(request.duration.as_secs_f64())
        .bind(i64::from(request.limit))
        .fetch_all(&mut *connection)
        .await?;
    let rows = sqlx::query_as(select!("WHERE h.id = ANY ($1) ORDER BY h.due_at, h.id"));
    rows.bind(taken).fetch_all(connection).await
}

/// Adds the filter's conditions to a list of holds.
fn narrowed(mut query: QueryBuilder<Postgres>, filter: &HoldFilter) -> QueryBuilder<Postgres> {
    narrow_holds!(query, filter, "coalesce(h.changed_at, h.updated_at)");
    if let Some(resource) = &filter.resource {
        query.push(" AND h.segments @> jsonb_build_array(jsonb_build_object('resource', ");
        query.push_bind(resource.to_string()).push("::text))");
    }
    query
}

/// Finds when the oldest transaction began that may have changed a hold and has not ended; `$1`, if there is none. Who began
/// cannot be seen of sessions of other users: their transactions count as if they had always been open. Locks are read after
/// `$1`, so a transaction that is not among them changes holds only later.
const FIND_OLDEST_CHANGE: &str =
    "SELECT least($1, min(CASE WHEN a.state IS NULL THEN 'epoch' ELSE a.xact_start END))
     FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
     WHERE l.locktype = 'relation' AND l.relation = 'holds'::regclass AND a.datname = current_database()
       AND l.mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
       AND l.pid <> pg_backend_pid()";

impl PostgresStore {
    /// Finds the time before which no change of a hold can still be committed, for a list in the order of changes: a change
    /// that is committed later has a later time, so who reads up to this time misses none.
    async fn find_horizon(&self, sort: HoldSort) -> PostgresResult<Option<DateTime<Utc>>> {
        if sort != HoldSort::Change {
            return Ok(None);
        }
        let now: DateTime<Utc> = sqlx::query_scalar("SELECT clock_timestamp()")
            .fetch_one(&self.pool)
            .await?;
        let oldest = sqlx::query_scalar(FIND_OLDEST_CHANGE).bind(now);
        Ok(Some(oldest.fetch_one(&self.pool).await?))
    }
}
