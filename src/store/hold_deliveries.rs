//! What the endpoints received about one hold, for an operator who looks at the hold, and sending it again.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::columns::DbTime;
use super::deliveries::decode_delivery_state;
use super::events_out::decode_kind;
use super::{StoreError, encoding};
use crate::domain::event_endpoint::DeliveryState;
use crate::domain::event_out::EventOutKind;
use crate::domain::ids::{EndpointId, HoldId};

/// The most rows that a list of the events of a hold has.
const MOST_EVENTS: i64 = 500;

/// An event of a hold, with its delivery to one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldEvent {
    /// The number of the event among those of its hold; `None` until it has its place in the stream.
    pub sequence: Option<i64>,
    /// The type of the event.
    pub kind: EventOutKind,
    /// When it happened, by the database's clock.
    pub created_at: DateTime<Utc>,
    /// How it was delivered; `None` if no endpoint takes it, or none has been reached in the stream.
    pub delivery: Option<HoldDelivery>,
}

/// The delivery of an event of a hold to one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldDelivery {
    /// The endpoint that gets the event.
    pub endpoint: EndpointId,
    /// Whether it has it.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: u32,
    /// The status that the endpoint answered last.
    pub last_status: Option<u16>,
    /// Why the last attempt failed, if it did.
    pub last_fault: Option<String>,
}

/// Deliveries of the events of one hold; one method is one transaction.
#[async_trait]
pub trait HoldDeliveries {
    /// Lists the events of a hold with their deliveries, the newest event first.
    async fn list_hold_events(&self, hold: HoldId) -> Result<Vec<HoldEvent>, StoreError>;
    /// Queues again, in order, the events of a hold that an endpoint takes and has been reached by. What waits for another
    /// attempt becomes due at `now`. Returns how many.
    async fn resend_hold_events(
        &self,
        endpoint: &EndpointId,
        hold: HoldId,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError>;
}

/// Selects what is listed of the events of hold `$1` that have a place, with their deliveries.
macro_rules! numbered_of_hold {
    () => {
        "SELECT e.seq, e.sequence, e.kind, e.created_at,
             d.endpoint_id, d.state, d.attempts, d.last_status, d.last_fault
         FROM events_out e LEFT JOIN event_deliveries d ON d.position = e.position
         WHERE e.hold_id = $1 AND e.position IS NOT NULL"
    };
}
pub(super) use numbered_of_hold;

/// Builds the engine's statement that lists the events of a hold.
macro_rules! list_hold_events {
    ($list:expr, $hold:expr) => {
        sqlx::query_as($list)
            .bind($crate::store::columns::DbUuid($hold.0))
            .bind($crate::store::hold_deliveries::most_events())
    };
}
pub(super) use list_hold_events;

pub(super) fn most_events() -> i64 {
    MOST_EVENTS
}

/// Makes due at `$2` what waits for another attempt at endpoint `$1`, of the events of hold `$3`.
pub(super) const RESUME: &str = "UPDATE event_deliveries SET due_at = $2
     WHERE endpoint_id = $1 AND hold_id = $3 AND state = 'pending' AND due_at > $2";

/// Queues the events of hold `$2` for endpoint `$1` again, with the engine's condition that it gets their type. Those that are
/// pending stay as they are.
macro_rules! resend_of_hold {
    ($takes_kind:expr) => {
        concat!(
            "INSERT INTO event_deliveries (endpoint_id, position, hold_id)
             SELECT p.id, e.position, e.hold_id FROM events_out e CROSS JOIN event_endpoints p
             WHERE p.id = $1 AND e.hold_id = $2 AND e.position IS NOT NULL AND e.position <= p.position AND ",
            $takes_kind,
            " ON CONFLICT (endpoint_id, position) DO UPDATE
                 SET state = 'pending', attempts = 0, failures = 0, due_at = NULL, leased_until = NULL
                 WHERE event_deliveries.state <> 'pending'"
        )
    };
}
pub(super) use resend_of_hold;

/// Queues the events of a hold again on a connection that has begun a transaction and locked the endpoint. Returns how many
/// are under way.
macro_rules! resend_hold_events {
    ($connection:expr, $resend:expr, $endpoint:expr, $hold:expr, $now:expr) => {{
        let hold = $crate::store::columns::DbUuid($hold.0);
        let resumed = sqlx::query($crate::store::hold_deliveries::RESUME)
            .bind($endpoint.as_str())
            .bind($crate::store::columns::DbTime($now))
            .bind(hold)
            .execute(&mut *$connection)
            .await?;
        let queued = sqlx::query($resend)
            .bind($endpoint.as_str())
            .bind(hold)
            .execute(&mut *$connection)
            .await?;
        release_in(&mut *$connection, $endpoint, $now).await?;
        Ok(queued.rows_affected() + resumed.rows_affected())
    }};
}
pub(super) use resend_hold_events;

fn decode_endpoint_id(text: &str) -> Result<EndpointId, StoreError> {
    EndpointId::parse(text).map_err(|_| encoding::unreadable_column("endpoint", text))
}

#[derive(sqlx::FromRow)]
pub(super) struct HoldEventRow {
    sequence: Option<i64>,
    kind: String,
    created_at: DbTime,
    endpoint_id: Option<String>,
    state: Option<String>,
    attempts: Option<i32>,
    last_status: Option<i32>,
    last_fault: Option<String>,
}

impl HoldEventRow {
    /// All rows, in their order.
    pub(super) fn decode_all(rows: Vec<Self>) -> Result<Vec<HoldEvent>, StoreError> {
        rows.into_iter().map(Self::decode).collect()
    }

    fn decode(self) -> Result<HoldEvent, StoreError> {
        let delivery = match (self.endpoint_id, self.state) {
            (Some(endpoint), Some(state)) => Some(HoldDelivery {
                endpoint: decode_endpoint_id(&endpoint)?,
                state: decode_delivery_state(&state)?,
                attempts: self.attempts.unwrap_or_default().unsigned_abs(),
                last_status: self.last_status.and_then(|status| u16::try_from(status).ok()),
                last_fault: self.last_fault,
            }),
            _ => None,
        };
        Ok(HoldEvent {
            sequence: self.sequence,
            kind: decode_kind(&self.kind)?,
            created_at: self.created_at.0,
            delivery,
        })
    }
}
