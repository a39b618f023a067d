//! Deliveries: events out on their way to endpoints.
//!
//! An endpoint has a position in the stream; what comes after it is queued for the endpoint, some events at a time. An event
//! has one row for each endpoint, whatever becomes of it there, and the row is deleted with the event: so an endpoint that takes
//! nothing has no more rows than one that takes all. Of each hold, at most one event is due at an endpoint: the next one becomes
//! due when it is done or has failed. Queueing and finishing both lock the endpoint first, so that neither
//! misses what the other writes.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::columns::{DbTime, DbUuid};
use super::events_out::decode_kind;
use super::lease_request::LeaseRequest;
use super::{StoreError, encoding, paging};
use crate::domain::event_endpoint::{AttemptVerdict, DeliveryState, EventDelivery};
use crate::domain::event_out::EventOutId;
use crate::domain::ids::{EndpointId, HoldId};
use crate::domain::listing::{Page, PageRequest};

/// How many events are queued for an endpoint at once.
pub(super) const QUEUE_BATCH: i64 = 500;

/// The most events that one replay queues.
pub const MAX_REPLAYED: i64 = 10_000;

/// A delivery that is leased to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct LeasedDelivery {
    /// The event's place in the stream.
    pub position: i64,
    /// How many attempts were made, this one included.
    pub attempts: i32,
    /// How many attempts failed before this one.
    pub failures: i32,
}

/// What an attempt has led to.
#[derive(Clone, Debug)]
pub struct AttemptResult {
    /// The delivery that the attempt was for.
    pub delivery: LeasedDelivery,
    /// The address that was called.
    pub url: String,
    /// What follows from it.
    pub verdict: AttemptVerdict,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// Why it failed, if it did.
    pub fault: Option<String>,
}

impl AttemptResult {
    /// Whether the endpoint has taken the event.
    pub(super) fn is_done(&self) -> bool {
        self.verdict == AttemptVerdict::Done
    }
}

/// What a replay has queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplayedEvents {
    /// How many events are sent again.
    pub count: u64,
    /// When the first event of the range happened that is not among them.
    pub next_from: Option<DateTime<Utc>>,
}

/// Deliveries in the database; one method is one transaction, unless it says otherwise.
#[async_trait]
pub trait Deliveries {
    /// Queues the next events for an endpoint; returns how far it has come in the stream, if it has moved.
    async fn queue_events(&self, id: &EndpointId, now: DateTime<Utc>) -> Result<Option<i64>, StoreError>;
    /// Leases deliveries of an endpoint that are due, oldest first, and counts the attempt.
    async fn lease_deliveries(
        &self,
        id: &EndpointId,
        request: &LeaseRequest,
    ) -> Result<Vec<LeasedDelivery>, StoreError>;
    /// Writes what attempts at an endpoint have led to, together; then leases the `next` deliveries, if any are wanted: on SQLite
    /// in the same transaction, on PostgreSQL in another one. An attempt after which another one of the delivery has begun changes
    /// nothing. If a delivery is over, the next event of its hold becomes due.
    async fn finish_attempts(
        &self,
        id: &EndpointId,
        results: &[AttemptResult],
        now: DateTime<Utc>,
        next: Option<&LeaseRequest>,
    ) -> Result<Vec<LeasedDelivery>, StoreError>;
    /// Lists the deliveries of an endpoint in this state or in all, newest first.
    async fn list_deliveries(
        &self,
        id: &EndpointId,
        state: Option<DeliveryState>,
        page: &PageRequest,
    ) -> Result<Page<EventDelivery>, StoreError>;
    /// Queues events again that happened from `from` to before `to`, oldest first, at most [`MAX_REPLAYED`]. What waits for another
    /// attempt becomes due.
    async fn replay_events(
        &self,
        id: &EndpointId,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<ReplayedEvents, StoreError>;
    /// Makes due at each endpoint what waits for an event that is no longer there; one transaction for each endpoint.
    async fn release_deliveries(&self, now: DateTime<Utc>) -> Result<(), StoreError>;
}

/// Finds the position of the last of `$2` events after position `$1`.
pub(super) const FIND_NEXT: &str = "SELECT max(position) FROM (
         SELECT position FROM events_out WHERE position > $1 ORDER BY position LIMIT $2) AS next";

/// Queues the events after position `$2` up to `$3` for endpoint `$1`, with the engine's condition that it gets their type. The first
/// one of a hold is due at `$4` at once, unless an earlier one waits: most holds have one, and a second write of the row would cost
/// as much as the first.
macro_rules! queue_between {
    ($takes_kind:expr) => {
        concat!(
            "INSERT INTO event_deliveries (endpoint_id, position, hold_id, due_at)
             SELECT q.endpoint_id, q.position, q.hold_id, CASE WHEN (q.hold_id IS NULL OR q.nth = 1)
                 AND NOT EXISTS (SELECT 1 FROM event_deliveries n
                     WHERE n.endpoint_id = q.endpoint_id AND n.hold_id = q.hold_id AND n.state = 'pending' AND n.due_at IS NOT NULL)
                 AND NOT EXISTS (SELECT 1 FROM event_deliveries w
                     WHERE w.endpoint_id = q.endpoint_id AND w.hold_id = q.hold_id AND w.state = 'pending' AND w.due_at IS NULL)
                 THEN $4 END
             FROM (SELECT p.id AS endpoint_id, e.position, e.hold_id,
                       row_number() OVER (PARTITION BY e.hold_id ORDER BY e.position) AS nth
                   FROM events_out e CROSS JOIN event_endpoints p
                   WHERE p.id = $1 AND e.position > $2 AND e.position <= $3 AND ",
            $takes_kind,
            ") q WHERE true ON CONFLICT (endpoint_id, position) DO NOTHING"
        )
    };
}
pub(super) use queue_between;

/// Moves endpoint `$1` to position `$2`.
pub(super) const MOVE: &str = "UPDATE event_endpoints SET position = $2 WHERE id = $1";

/// The condition that a waiting delivery `d` is the next one of its hold.
macro_rules! is_next {
    () => {
        "d.state = 'pending' AND d.due_at IS NULL AND (d.hold_id IS NULL OR
             NOT EXISTS (SELECT 1 FROM event_deliveries n
                 WHERE n.endpoint_id = d.endpoint_id AND n.hold_id = d.hold_id AND n.state = 'pending' AND n.due_at IS NOT NULL)
             AND NOT EXISTS (SELECT 1 FROM event_deliveries w
                 WHERE w.endpoint_id = d.endpoint_id AND w.hold_id = d.hold_id AND w.state = 'pending' AND w.due_at IS NULL
                   AND w.position < d.position))"
    };
}
pub(super) use is_next;

/// Makes due at `$2` what is next at endpoint `$1`.
pub(super) const RELEASE: &str = concat!(
    "UPDATE event_deliveries AS d SET due_at = $2 WHERE d.endpoint_id = $1 AND ",
    is_next!()
);

/// Makes due at `$2` what is next at endpoint `$1` among the events after position `$3` up to `$4`, and is not due
/// yet: that is so if a row of the first one of its hold was there already.
pub(super) const RELEASE_QUEUED: &str = concat!(
    "UPDATE event_deliveries AS d SET due_at = $2
     WHERE d.endpoint_id = $1 AND d.position > $3 AND d.position <= $4 AND ",
    is_next!()
);

/// Makes due at `$2` what is next at endpoint `$1` of the hold of position `$3`.
pub(super) const RELEASE_OF_HOLD: &str = concat!(
    "UPDATE event_deliveries AS d SET due_at = $2
     WHERE d.endpoint_id = $1 AND d.hold_id = (SELECT hold_id FROM event_deliveries WHERE endpoint_id = $1 AND position = $3) AND ",
    is_next!()
);

/// Lists deliveries of endpoint `$1` before position `$2`, in state `$3` if it is not null, at most `$4`.
pub(super) const LIST_DELIVERIES: &str =
    "SELECT d.position, e.seq, e.created_at, e.kind, d.hold_id, d.state, d.attempts, d.due_at,
         d.last_attempt_at, d.last_status, d.last_fault
     FROM event_deliveries d LEFT JOIN events_out e ON e.position = d.position
     WHERE d.endpoint_id = $1 AND d.position < $2 AND d.state = coalesce($3, d.state)
     ORDER BY d.position DESC LIMIT $4";

/// Finds the events that happened from `$1` to before `$2`, at most `$3`: their positions and times.
pub(super) const LIST_RANGE: &str = "SELECT position, created_at FROM events_out
     WHERE position IS NOT NULL AND created_at >= $1 AND created_at < $2 ORDER BY created_at, position LIMIT $3";

/// Makes due at `$2` what waits for another attempt at endpoint `$1`, of the events that happened from `$3` to before `$4`: an
/// operator who has mended the endpoint does not wait for the schedule.
pub(super) const RESUME: &str = "UPDATE event_deliveries SET due_at = $2
     WHERE endpoint_id = $1 AND state = 'pending' AND due_at > $2
       AND position IN (SELECT position FROM events_out
                        WHERE position IS NOT NULL AND created_at >= $3 AND created_at < $4)";

/// Queues the events that happened from `$2` to before `$3` for endpoint `$1` again, with the engine's condition that it gets their
/// type. Those that are pending stay as they are.
macro_rules! replay_between {
    ($takes_kind:expr) => {
        concat!(
            "INSERT INTO event_deliveries (endpoint_id, position, hold_id)
             SELECT p.id, e.position, e.hold_id FROM events_out e CROSS JOIN event_endpoints p
             WHERE p.id = $1 AND e.position IS NOT NULL AND e.created_at >= $2 AND e.created_at < $3
               AND e.position <= p.position AND ",
            $takes_kind,
            " ON CONFLICT (endpoint_id, position) DO UPDATE
                 SET state = 'pending', attempts = 0, failures = 0, due_at = NULL, leased_until = NULL
                 WHERE event_deliveries.state <> 'pending'"
        )
    };
}
pub(super) use replay_between;

#[derive(sqlx::FromRow)]
pub(super) struct DeliveryRow {
    position: i64,
    seq: Option<i64>,
    created_at: Option<DbTime>,
    kind: Option<String>,
    hold_id: Option<DbUuid>,
    state: String,
    attempts: i32,
    due_at: Option<DbTime>,
    last_attempt_at: Option<DbTime>,
    last_status: Option<i32>,
    last_fault: Option<String>,
}

pub(super) fn encode_delivery_state(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Pending => "pending",
        DeliveryState::Done => "done",
        DeliveryState::Failed => "failed",
    }
}

pub(super) fn decode_delivery_state(word: &str) -> Result<DeliveryState, StoreError> {
    Ok(match word {
        "pending" => DeliveryState::Pending,
        "done" => DeliveryState::Done,
        "failed" => DeliveryState::Failed,
        other => return Err(encoding::unreadable_column("state", other)),
    })
}

impl DeliveryRow {
    fn decode(self) -> Result<EventDelivery, StoreError> {
        Ok(EventDelivery {
            position: self.position,
            event: self.seq.zip(self.created_at).map(|(row, at)| EventOutId {
                row,
                created_ms: at.0.timestamp_millis(),
            }),
            kind: self.kind.as_deref().map(decode_kind).transpose()?,
            hold: self.hold_id.map(|id| HoldId(id.0)),
            state: decode_delivery_state(&self.state)?,
            attempts: self.attempts.unsigned_abs(),
            due_at: self.due_at.map(|at| at.0),
            last_attempt_at: self.last_attempt_at.map(|at| at.0),
            last_status: self.last_status.and_then(|status| u16::try_from(status).ok()),
            last_fault: self.last_fault,
        })
    }

    /// A page of deliveries, cut off rows that were read newest first.
    pub(super) fn decode_page(
        rows: Vec<Self>,
        page: &PageRequest,
    ) -> Result<Page<EventDelivery>, StoreError> {
        let rows = paging::cut_page(rows, page, |row| paging::numbered(row.position));
        paging::decode_page(rows, Self::decode)
    }
}

/// Builds the statement that lists deliveries, newest first; `None` after the end of the list.
macro_rules! list_deliveries {
    ($id:expr, $state:expr, $page:expr) => {
        $crate::store::paging::numbered_start($page).map(|before| {
            sqlx::query_as($crate::store::deliveries::LIST_DELIVERIES)
                .bind($id.as_str())
                .bind(before)
                .bind($state.map($crate::store::deliveries::encode_delivery_state))
                .bind($crate::store::paging::rows_wanted($page))
        })
    };
}
pub(super) use list_deliveries;
