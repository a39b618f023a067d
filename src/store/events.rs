//! Stripe's events that were applied: listed for operators, read for a replay, cleared of their bodies when they are
//! old, and deleted later.
//! `changes` writes them together with their effect.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::columns::{DbTime, DbUuid};
use super::{StoreError, paging};
use crate::domain::booking::normalize_email;
use crate::domain::ids::{EventId, HoldId};
use crate::domain::listing::{EventCopy, Page, PageRequest, StoredEvent};

/// A webhook event as it is stored.
#[derive(Clone, Debug)]
pub struct EventRecord {
    /// Stripe's id of the event; an event is applied once.
    pub id: EventId,
    /// The event's type, such as `checkout.session.completed`.
    pub kind: String,
    /// The body as it was received, for a replay. `None` for an event that waited for its owner without its body.
    pub payload: Option<String>,
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
    /// Finds an applied event, without its body.
    async fn find_event(&self, id: &EventId) -> Result<Option<StoredEvent>, StoreError>;
    /// Reads the body of an applied event. `None` if the event is unknown or its body was cleared.
    async fn find_event_payload(&self, id: &EventId) -> Result<Option<String>, StoreError>;
    /// Clears the bodies of at most `limit` events that were applied before `before`; returns how many.
    async fn clear_event_payloads(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError>;
    /// Deletes at most `limit` events that were applied before `before` and whose bodies are cleared; returns how many.
    async fn delete_old_events(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError>;
    /// Reads the events of a hold with their bodies, oldest first.
    async fn copy_events(&self, hold: HoldId) -> Result<Vec<EventCopy>, StoreError>;
    /// Reads the events of payments without a hold whose bodies name this guest (by normalized e-mail), oldest first.
    async fn copy_orphan_events(&self, guest: &str) -> Result<Vec<EventCopy>, StoreError>;
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

/// Finds the event with id `$1`.
pub(super) const FIND: &str = "SELECT seq, id, kind, hold_id, applied_at, payload IS NOT NULL AS has_payload
     FROM stripe_events WHERE id = $1";

/// Finds the body of event `$1`.
pub(super) const FIND_PAYLOAD: &str =
    "SELECT payload FROM stripe_events WHERE id = $1 AND payload IS NOT NULL";

/// Selects the events of hold `$1` with their bodies.
pub(super) const COPY_OF_HOLD: &str =
    "SELECT seq, id, kind, hold_id, applied_at, payload IS NOT NULL AS has_payload, payload
     FROM stripe_events WHERE hold_id = $1 ORDER BY seq";

/// Selects the events that have a body and are about a hold that a payment without a hold names.
pub(super) const COPY_OF_ORPHANS: &str =
    "SELECT seq, id, kind, hold_id, applied_at, payload IS NOT NULL AS has_payload, payload
     FROM stripe_events
     WHERE hold_id IN (SELECT claimed_hold_id FROM payments WHERE hold_id IS NULL) AND payload IS NOT NULL
     ORDER BY seq";

/// Builds the statement that writes an event for a hold, applied at `now`, unless it is known. An event of a hold whose
/// guest is erased is written without its body, which may name the guest again.
macro_rules! insert_event {
    ($event:expr, $hold:expr, $now:expr) => {
        sqlx::query(
            "INSERT INTO stripe_events (id, kind, hold_id, payload, applied_at)
             VALUES ($1, $2, $3,
                 CASE WHEN EXISTS (SELECT 1 FROM holds WHERE id = $3 AND guest_email IS NULL) THEN NULL ELSE $4 END, $5)
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
    /// The event, if there is one.
    pub(super) fn decode_optional(row: Option<Self>) -> Result<Option<StoredEvent>, StoreError> {
        row.map(Self::decode).transpose()
    }

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

#[derive(sqlx::FromRow)]
pub(super) struct EventCopyRow {
    #[sqlx(flatten)]
    event: EventRow,
    payload: Option<String>,
}

impl EventCopyRow {
    fn decode(self) -> Result<EventCopy, StoreError> {
        Ok(EventCopy {
            event: self.event.decode()?,
            body: self.payload,
        })
    }

    /// All events, in the order of the rows.
    pub(super) fn decode_all(rows: Vec<Self>) -> Result<Vec<EventCopy>, StoreError> {
        rows.into_iter().map(Self::decode).collect()
    }

    /// The events whose bodies name a guest.
    pub(super) fn decode_of_guest(rows: Vec<Self>, guest: &str) -> Result<Vec<EventCopy>, StoreError> {
        let names_guest = |row: &Self| row.payload.as_deref().is_some_and(|body| has_email(body, guest));
        rows.into_iter().filter(names_guest).map(Self::decode).collect()
    }
}

/// Tells whether a JSON text has a string that is this normalized e-mail address.
fn has_email(json: &str, email: &str) -> bool {
    let mut values: Vec<serde_json::Value> = vec![serde_json::from_str(json).unwrap_or_default()];
    while let Some(value) = values.pop() {
        match value {
            serde_json::Value::String(text) if normalize_email(&text) == email => return true,
            serde_json::Value::Array(items) => values.extend(items),
            serde_json::Value::Object(members) => values.extend(members.into_iter().map(|(_, value)| value)),
            _ => {}
        }
    }
    false
}
