//! Holds on SQLite: reading and leasing them.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::FutureExt as _;
use serde_json::{Value, json};
use sqlx::types::Json;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection, SqliteExecutor};

use super::error::SqliteResult;
use super::payments::{facts_json, payment_json};
use super::{SqliteStore, database_now, to_millis};
use crate::domain::booking::Booking;
use crate::domain::hold::ReleaseRequester;
use crate::domain::ids::{HoldId, IntentId, ResourceId, SessionId};
use crate::domain::listing::{HoldFilter, Page, PageRequest};
use crate::domain::session::HoldRefs;
use crate::domain::time::Window;
use crate::store::columns::{DbJson, DbTime, DbUuid};
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
        concat!("SELECT ", columns!(), " FROM holds h ", $rest)
    };
}

/// The columns of holds with their payments as JSON.
macro_rules! columns {
    () => {
        booking_columns!(concat!(
            "json_group_array(",
            payment_json!(),
            " ORDER BY p.created_at, p.intent_id)"
        ))
    };
}

/// Finds the hold with id `$1`.
pub(super) const FIND: &str = select!("WHERE h.id = $1");

/// Finds the holds that the references in JSON `$1` name, with what is known of the payments that they name.
pub(super) const FIND_BY_REFS: &str = concat!(
    "SELECT ",
    columns!(),
    ", j.key AS number, ",
    facts_json!("j.value ->> 'paid'"),
    " AS facts FROM jsonb_each($1) j CROSS JOIN holds h WHERE ",
    is_named_by_refs!(
        "j.value ->> 'hold'",
        "j.value ->> 'session'",
        "j.value ->> 'intent'"
    )
);

/// Lists the confirmed holds that keep resource `$1` busy after `$2`, at most `$3`. It finds them by their occupancy, which
/// only live holds have. `+` keeps SQLite from walking all holds in their order.
pub(super) const LIST_CONFIRMED: &str = select!(
    "WHERE h.id IN (SELECT hold_id FROM occupancy WHERE resource_id = $1 AND ends_at > $2)
       AND h.status = 'confirmed'
     ORDER BY +h.created_at DESC, +h.id DESC LIMIT $3"
);

/// Lists the live holds that keep one of the resources in JSON `$1` busy from `$2` to `$3`, at most `$4`. `+` keeps SQLite from
/// walking all holds in their order.
pub(super) const LIST_LIVE: &str = select!(
    "WHERE h.id IN (
         SELECT o.hold_id FROM json_each($1) j CROSS JOIN occupancy o INDEXED BY occupancy_overlap
         WHERE o.resource_id = j.value AND o.ends_at > $2 AND o.starts_at < $3)
     ORDER BY +h.starts_at, +h.id LIMIT $4"
);

/// Finds the holds with the ids in JSON `$1`.
pub(super) const FIND_ALL: &str = select!("WHERE h.id IN (SELECT value FROM json_each($1))");

#[async_trait]
impl Holds for SqliteStore {
    async fn find_booking(&self, id: HoldId) -> Result<Option<Booking>, StoreError> {
        BookingRow::decode_optional(self.read(find_row(&self.readers, id)).await?)
    }

    async fn find_bookings(&self, ids: &[HoldId]) -> Result<Vec<Booking>, StoreError> {
        let query = sqlx::query_as(FIND_ALL).bind(Json(ids.iter().map(|id| id.0).collect::<Vec<_>>()));
        BookingRow::decode_all(self.read(query.fetch_all(&self.readers)).await?)
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
        let Some(text) = &filter.text else {
            let Some(mut query) = list_query(filter, page) else {
                return Ok(paging::end_of_list());
            };
            let rows = self.read(query.build_query_as().fetch_all(&self.readers)).await?;
            return BookingRow::decode_page(rows, filter, page);
        };
        let Some(start) = ListPlace::start_of(filter, page) else {
            return Ok(paging::end_of_list());
        };
        let mut search = TextSearch::new(text, start, page);
        while let Some((start, most)) = search.next_chunk() {
            let mut query = search_query(filter, start, most);
            search.add(self.read(query.build_query_as().fetch_all(&self.readers)).await?);
        }
        let ids: Vec<String> = search.found().iter().map(ToString::to_string).collect();
        let query = sqlx::query_as(FIND_ALL).bind(Json(ids));
        let rows = self.read(query.fetch_all(&self.readers)).await?;
        BookingRow::decode_found(rows, filter, &search)
    }

    async fn lease_release(
        &self,
        id: HoldId,
        requester: Option<ReleaseRequester>,
        lease: Duration,
    ) -> Result<ReleaseLease, StoreError> {
        let mut transaction = self.begin().await?;
        let is_leased = lease_hold(&mut transaction, id, requester, lease).await?;
        let row = self.in_transaction(find_row(&mut *transaction, id)).await?;
        self.commit(transaction).await?;
        Ok(release_lease(BookingRow::decode_optional(row)?, is_leased))
    }

    async fn lease_due_holds(&self, request: &LeaseRequest) -> Result<Vec<Booking>, StoreError> {
        let mut transaction = self.begin().await?;
        let rows = take_due_rows(&mut transaction, LEASE_DUE, request).await?;
        self.commit(transaction).await?;
        BookingRow::decode_all(rows)
    }

    async fn record_return(
        &self,
        id: HoldId,
        at: DateTime<Utc>,
        read_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let query = sqlx::query(holds::RECORD_RETURN).bind(DbUuid(id.0));
        self.write(query.bind(DbTime(at)).bind(DbTime(read_at))).await?;
        Ok(())
    }

    async fn take_returned_holds(&self, request: &LeaseRequest) -> Result<Vec<Booking>, StoreError> {
        let mut transaction = self.begin().await?;
        let rows = take_due_rows(&mut transaction, TAKE_RETURNED, request).await?;
        self.commit(transaction).await?;
        BookingRow::decode_all(rows)
    }

    async fn finish_read(&self, id: HoldId) -> Result<(), StoreError> {
        self.write(sqlx::query(holds::FINISH_READ).bind(DbUuid(id.0)))
            .await?;
        Ok(())
    }

    async fn defer_hold(
        &self,
        id: HoldId,
        due_at: DateTime<Utc>,
        forget_requester: bool,
    ) -> Result<(), StoreError> {
        let query = sqlx::query(holds::DEFER).bind(DbUuid(id.0));
        self.write(query.bind(DbTime(due_at)).bind(forget_requester))
            .await?;
        Ok(())
    }

    async fn return_lease(
        &self,
        id: HoldId,
        due_at: DateTime<Utc>,
        forget_requester: bool,
    ) -> Result<(), StoreError> {
        let query = sqlx::query(holds::RETURN_LEASE).bind(DbUuid(id.0));
        self.write(query.bind(DbTime(due_at)).bind(forget_requester))
            .await?;
        Ok(())
    }

    async fn list_confirmed_of_resource(
        &self,
        resource: &ResourceId,
        from: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Booking>, StoreError> {
        let query = sqlx::query_as(LIST_CONFIRMED).bind(resource.as_str());
        let query = query.bind(DbTime(from)).bind(limit);
        BookingRow::decode_all(self.read(query.fetch_all(&self.readers)).await?)
    }

    async fn list_live_of_resources(
        &self,
        resources: &[ResourceId],
        within: Window,
        limit: u32,
    ) -> Result<Vec<Booking>, StoreError> {
        let resources: Vec<&str> = resources.iter().map(ResourceId::as_str).collect();
        let query = sqlx::query_as(LIST_LIVE).bind(Json(resources));
        let query = query
            .bind(DbTime(within.starts_at()))
            .bind(DbTime(within.ends_at()))
            .bind(limit);
        BookingRow::decode_all(self.read(query.fetch_all(&self.readers)).await?)
    }

    async fn delete_released_holds(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let deleted = delete_released_in(&mut transaction, before, limit).await?;
        self.commit(transaction).await?;
        Ok(deleted)
    }
}

/// Selects released holds without money that last changed before `$1`, at most `$2`.
pub(super) const SELECT_RELEASED: &str = "SELECT id FROM holds h
     WHERE status = 'released' AND funds = 'none' AND guest_email IS NULL AND updated_at < $1
       AND NOT EXISTS (SELECT 1 FROM payments p WHERE p.hold_id = h.id)
     ORDER BY updated_at LIMIT $2";

/// Deletes the history of the holds in JSON `$1`.
pub(super) const DELETE_HISTORY: &str =
    "DELETE FROM hold_history WHERE hold_id IN (SELECT value FROM json_each($1))";

/// Deletes the holds in JSON `$1`.
pub(super) const DELETE: &str = "DELETE FROM holds WHERE id IN (SELECT value FROM json_each($1))";

async fn delete_released_in(
    connection: &mut SqliteConnection,
    before: DateTime<Utc>,
    limit: u32,
) -> SqliteResult<u64> {
    let due = sqlx::query_scalar(SELECT_RELEASED)
        .bind(DbTime(before))
        .bind(limit);
    let due: Json<Vec<String>> = Json(due.fetch_all(&mut *connection).await?);
    let history = sqlx::query(DELETE_HISTORY).bind(&due);
    history.execute(&mut *connection).await?;
    let done = sqlx::query(DELETE).bind(&due).execute(connection).await?;
    Ok(done.rows_affected())
}

async fn find_all_by_refs(
    connection: &mut SqliteConnection,
    refs: &[HoldRefs],
) -> SqliteResult<Vec<Option<Booking>>> {
    let encode = |refs: &HoldRefs| {
        json!({
            "hold": refs.hold.map(|hold| hold.0),
            "session": refs.session.as_ref().map(SessionId::as_str),
            "intent": refs.intent.as_ref().map(IntentId::as_str),
            "paid": refs.paid.as_ref().map(IntentId::as_str),
        })
    };
    let rows = sqlx::query_as(FIND_BY_REFS)
        .bind(DbJson(Value::Array(refs.iter().map(encode).collect())))
        .fetch_all(&mut *connection)
        .await?;
    Ok(NamedHoldRow::decode_all(rows, refs)?)
}

/// Reads the row of one hold.
pub(super) async fn find_row(
    executor: impl SqliteExecutor<'_>,
    id: HoldId,
) -> sqlx::Result<Option<BookingRow>> {
    sqlx::query_as(FIND)
        .bind(DbUuid(id.0))
        .fetch_optional(executor)
        .await
}

/// Leases one held hold; `false` if it is not held or leased elsewhere.
async fn lease_hold(
    connection: &mut SqliteConnection,
    id: HoldId,
    requester: Option<ReleaseRequester>,
    lease: Duration,
) -> SqliteResult<bool> {
    let leased = sqlx::query(concat!(
        "UPDATE holds SET leased_until = ",
        database_now!(),
        " + $2, requested_by = coalesce($3, requested_by), version = version + ($3 IS NOT NULL)
         WHERE id = $1 AND status = 'held' AND coalesce(leased_until, 0) <= ",
        database_now!()
    ))
    .bind(DbUuid(id.0))
    .bind(to_millis(lease))
    .bind(requester.map(encoding::encode_requester))
    .execute(connection)
    .await?;
    Ok(leased.rows_affected() > 0)
}

/// Leases holds that are due at `$1` for `$2` milliseconds, at most `$3`.
pub(super) const LEASE_DUE: &str = concat!(
    "UPDATE holds SET leased_until = ",
    database_now!(),
    " + $2
     WHERE id IN (
         SELECT id FROM holds
         WHERE status IN ('held', 'processing') AND due_at <= $1 AND coalesce(leased_until, 0) <= ",
    database_now!(),
    " ORDER BY due_at LIMIT $3)
     RETURNING id"
);

/// Finds holds whose session is to be read at `$1`, at most `$3`, and makes them due again after `$2` milliseconds.
pub(super) const TAKE_RETURNED: &str = "UPDATE holds SET read_due_at = $1 + $2
     WHERE id IN (
         SELECT id FROM holds WHERE status = 'held' AND read_due_at <= $1 ORDER BY read_due_at LIMIT $3)
     RETURNING id";

/// Runs a statement that takes due holds, and reads them, oldest first.
async fn take_due_rows(
    connection: &mut SqliteConnection,
    statement: &'static str,
    request: &LeaseRequest,
) -> SqliteResult<Vec<BookingRow>> {
    let taken: Vec<String> = sqlx::query_scalar(statement)
        .bind(DbTime(request.now))
        .bind(to_millis(request.duration))
        .bind(request.limit)
        .fetch_all(&mut *connection)
        .await?;
    let rows = sqlx::query_as(select!(
        "WHERE h.id IN (SELECT value FROM json_each($1)) ORDER BY h.due_at, h.id"
    ))
    .bind(Json(taken))
    .fetch_all(connection)
    .await?;
    Ok(rows)
}

/// One page of the list of holds; `None` after the end of the list. The order of changes is that of commits, so a list in that
/// order needs no horizon.
pub(super) fn list_query(filter: &HoldFilter, page: &PageRequest) -> Option<QueryBuilder<Sqlite>> {
    let start = ListPlace::start_of(filter, page)?;
    let mut query = narrowed(QueryBuilder::new(select!("WHERE true")), filter);
    order_holds!(
        query,
        filter,
        start,
        paging::rows_wanted(page),
        NO_HORIZON,
        "h.changed_at"
    );
    Some(query)
}

/// One chunk of the list of holds that is searched for a text.
pub(super) fn search_query(filter: &HoldFilter, start: ListPlace, most: i64) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new("SELECT ");
    query
        .push(search_columns!(filter.sort, "h.changed_at"))
        .push(" FROM holds h WHERE true");
    let mut query = narrowed(query, filter);
    order_holds!(query, filter, start, most, NO_HORIZON, "h.changed_at");
    query
}

const NO_HORIZON: Option<DateTime<Utc>> = None;

/// Adds the filter's conditions to a list of holds.
fn narrowed(mut query: QueryBuilder<Sqlite>, filter: &HoldFilter) -> QueryBuilder<Sqlite> {
    narrow_holds!(query, filter, "h.changed_at");
    if let Some(resource) = &filter.resource {
        query.push(" AND EXISTS (SELECT 1 FROM json_each(h.segments) s WHERE s.value ->> 'resource' = ");
        query.push_bind(resource.to_string()).push(")");
    }
    query
}
