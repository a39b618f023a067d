//! Stripe's events that were applied: listed for operators, read for a replay, cleared of their bodies when they are
//! old, and deleted later.
//! `changes` writes them together with their effect.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::columns::{DbTime, DbUuid};
use super::{StoreError, paging};
use crate::domain::ids::{EventId, HoldId};
use crate::domain::listing::{Page, PageRequest, StoredEvent};

/// A webhook event as it is stored.
#[derive(Clone, Debug)]
pub struct EventRecord {
    /// Stripe's id of the event; an event is applied once.
    pub id: EventId,
    /// The event's type, such as `checkout.session.completed`.
    pub kind: String,
    /// The body as it was received, for a replay.
    pub payload: String,
}

/// Applied events in the database; one method is one transaction.
#[async_trait]
pub trait Events {
    /// Lists applied events, newest first: of one hold, or all.
    async fn list_events(
        &self,
        hold: Option<HoldId>,
        page: &PageRequest,
    ) -> Result<Page<StoredEvent>, StoreError>;
    /// Reads the body of an applied event. `None` if the event is unknown or its body was cleared.
    async fn find_event_payload(&self, id: &EventId) -> Result<Option<String>, StoreError>;
    /// Clears the bodies of at most `limit` events that were applied before `before`; returns how many.
    async fn clear_event_payloads(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError>;
    /// Deletes at most `limit` events that were applied before `before` and whose bodies are cleared; returns how many.
    async fn delete_old_events(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError>;
}

#[derive(sqlx::FromRow)]
pub(super) struct EventRow {
    seq: i64,
    id: String,
    kind: String,
    hold_id: Option<DbUuid>,
    applied_at: DbTime,
    has_payload: bool,
}

/// Lists events before number `$1`, at most `$2`.
pub(super) const LIST_ALL: &str =
    "SELECT seq, id, kind, hold_id, applied_at, payload IS NOT NULL AS has_payload
     FROM stripe_events WHERE seq < $1 ORDER BY seq DESC LIMIT $2";

/// Lists events of hold `$3` before number `$1`, at most `$2`.
pub(super) const LIST_OF_HOLD: &str =
    "SELECT seq, id, kind, hold_id, applied_at, payload IS NOT NULL AS has_payload
     FROM stripe_events WHERE seq < $1 AND hold_id = $3 ORDER BY seq DESC LIMIT $2";

/// Builds the statement that lists the events of a hold, or all, newest first; `None` after the end of the list.
macro_rules! list_query {
    ($hold:expr, $page:expr) => {
        $crate::store::paging::numbered_start($page).map(|start| {
            let limit = $crate::store::paging::rows_wanted($page);
            match $hold {
                Some(hold) => sqlx::query_as($crate::store::events::LIST_OF_HOLD)
                    .bind(start)
                    .bind(limit)
                    .bind($crate::store::columns::DbUuid(hold.0)),
                None => sqlx::query_as($crate::store::events::LIST_ALL)
                    .bind(start)
                    .bind(limit),
            }
        })
    };
}
pub(super) use list_query;

/// Finds the body of event `$1`.
pub(super) const FIND_PAYLOAD: &str =
    "SELECT payload FROM stripe_events WHERE id = $1 AND payload IS NOT NULL";

/// Builds the statement that writes an event for a hold, applied at `now`, unless it is known.
macro_rules! insert_event {
    ($event:expr, $hold:expr, $now:expr) => {
        sqlx::query(
            "INSERT INTO stripe_events (id, kind, hold_id, payload, applied_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT DO NOTHING",
        )
        .bind($event.id.as_str())
        .bind(&$event.kind)
        .bind($hold.map(|hold: $crate::domain::ids::HoldId| $crate::store::columns::DbUuid(hold.0)))
        .bind(&$event.payload)
        .bind($crate::store::columns::DbTime($now))
    };
}
pub(super) use insert_event;

impl EventRow {
    fn decode(self) -> Result<StoredEvent, StoreError> {
        Ok(StoredEvent {
            id: EventId::new(self.id),
            kind: self.kind,
            hold: self.hold_id.map(|id| HoldId(id.0)),
            applied_at: self.applied_at.0,
            has_payload: self.has_payload,
        })
    }

    /// A page of events, cut off rows that were read with one of the lists above.
    pub(super) fn decode_page(rows: Vec<Self>, page: &PageRequest) -> Result<Page<StoredEvent>, StoreError> {
        let rows = paging::cut_page(rows, page, |row| paging::numbered(row.seq));
        paging::decode_page(rows, Self::decode)
    }
}
