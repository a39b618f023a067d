//! Events out: triggers write them in the transaction of the change; this reads them in the order of their commits.
//!
//! A reader must not skip an event whose transaction commits late. So an event gets its position in the stream only when it
//! is seen to be committed, and one instance numbers at a time: who sees a position sees all before it. On SQLite the one
//! writer gives both numbers at once.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use uuid::Uuid;

use super::columns::{DbJson, DbTime, DbUuid};
use super::{StoreError, encoding};
use crate::domain::event_out::{
    EventOut, EventOutId, EventOutKind, EventSubject, HoldAtEvent, MoneyObject, StreamEnd,
};
use crate::domain::ids::HoldId;
use crate::domain::time::Window;

/// Events out in the database; one method is one transaction.
#[async_trait]
pub trait EventsOut {
    /// Gives at most `limit` committed events their position; returns how many.
    async fn number_events_out(&self, limit: u32) -> Result<u64, StoreError>;
    /// Lists at most `limit` events after this one, in the order of the stream. After an event that is deleted already, it
    /// begins with the oldest.
    async fn list_events_out(
        &self,
        after: Option<EventOutId>,
        limit: u32,
    ) -> Result<Vec<EventOut>, StoreError>;
    /// Lists at most `limit` events after this position, in the order of the stream.
    async fn list_events_after(&self, position: i64, limit: u32) -> Result<Vec<EventOut>, StoreError>;
    /// Reads the position of the last event that has one; 0 before the first.
    async fn read_last_position(&self) -> Result<i64, StoreError>;
    /// Reads how far events have been written.
    async fn read_stream_end(&self) -> Result<StreamEnd, StoreError>;
    /// Reads the events at these positions; an event that is deleted is missing.
    async fn find_events_out(&self, positions: &[i64]) -> Result<Vec<EventOut>, StoreError>;
    /// Deletes at most `limit` events that happened before `before`, with their deliveries; returns how many. The numbers of
    /// their holds go on.
    async fn delete_old_events_out(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError>;
}

/// The columns of [`EventOutRow`].
macro_rules! event_out_columns {
    () => {
        "seq, position, sequence, kind, hold_id, previous_status, status, reason, segments, subject, created_at"
    };
}
pub(super) use event_out_columns;

/// Reads how far events have been written. The maximum alone is read from the end of its index.
pub(super) const READ_END: &str = "SELECT coalesce((SELECT max(seq) FROM events_out), 0)";

/// Reads the position of the last event that has one. The maximum alone is read from the end of its index.
pub(super) const READ_LAST_POSITION: &str =
    "SELECT coalesce((SELECT max(position) FROM events_out WHERE position IS NOT NULL), 0)";

/// Lists events after position `$1`, at most `$2`.
pub(super) const LIST_AFTER: &str = concat!(
    "SELECT ",
    event_out_columns!(),
    " FROM events_out WHERE position > $1 ORDER BY position LIMIT $2"
);

/// The statement that finds the events whose position fulfils the engine's condition.
macro_rules! find_events_out {
    ($condition:literal) => {
        concat!(
            "SELECT ",
            $crate::store::events_out::event_out_columns!(),
            " FROM events_out WHERE position ",
            $condition
        )
    };
}
pub(super) use find_events_out;

/// Lists events after the event of row `$1` that happened from `$3` to before `$4`, at most `$2`.
pub(super) const LIST: &str = concat!(
    "SELECT ",
    event_out_columns!(),
    " FROM events_out WHERE position > coalesce((SELECT a.position FROM events_out a WHERE a.seq = $1 AND a.created_at >= $3 AND a.created_at < $4), 0)
     ORDER BY position LIMIT $2"
);

/// Builds the statement that lists events after one, or from the beginning of the stream.
macro_rules! list_events_out {
    ($after:expr, $limit:expr) => {{
        let happened_at = |ms: i64| {
            let at = chrono::DateTime::from_timestamp_millis(ms).unwrap_or_default();
            $crate::store::columns::DbTime(at)
        };
        sqlx::query_as($crate::store::events_out::LIST)
            .bind($after.map(|id: EventOutId| id.row))
            .bind(i64::from($limit))
            .bind($after.map(|id: EventOutId| happened_at(id.created_ms)))
            .bind($after.map(|id: EventOutId| happened_at(id.created_ms.saturating_add(1))))
    }};
}
pub(super) use list_events_out;

#[derive(sqlx::FromRow)]
pub(super) struct EventOutRow {
    seq: i64,
    position: i64,
    sequence: Option<i64>,
    kind: String,
    hold_id: Option<DbUuid>,
    previous_status: Option<String>,
    status: Option<String>,
    reason: Option<String>,
    segments: Option<DbJson>,
    subject: Option<DbJson>,
    created_at: DbTime,
}

impl EventOutRow {
    fn decode(self) -> Result<EventOut, StoreError> {
        let previous = self.previous_status.as_deref();
        let left = match (self.status, self.segments) {
            (Some(status), Some(segments)) => Some(HoldAtEvent {
                status: encoding::decode_status(&status, self.reason.as_deref())?,
                segments: encoding::decode_segments(segments.0)?,
            }),
            _ => None,
        };
        Ok(EventOut {
            id: EventOutId {
                row: self.seq,
                created_ms: self.created_at.0.timestamp_millis(),
            },
            position: self.position,
            sequence: self.sequence,
            kind: decode_kind(&self.kind)?,
            hold: self.hold_id.map(|id| HoldId(id.0)),
            previous: previous.map(encoding::decode_status_kind).transpose()?,
            left,
            subject: self.subject.map(decode_subject).transpose()?,
            created_at: self.created_at.0,
        })
    }

    /// All events, in the order of the rows.
    pub(super) fn decode_all(rows: Vec<Self>) -> Result<Vec<EventOut>, StoreError> {
        rows.into_iter().map(Self::decode).collect()
    }
}

pub(super) fn decode_kind(word: &str) -> Result<EventOutKind, StoreError> {
    EventOutKind::parse(word).ok_or_else(|| encoding::unreadable_column("kind", word))
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum SubjectJson {
    Refund(MoneyObjectJson),
    Dispute(MoneyObjectJson),
    Payment(OrphanJson),
    Closed(ClosedJson),
}

#[derive(Deserialize)]
struct MoneyObjectJson {
    id: String,
    intent: String,
    amount: i64,
    currency: String,
    status: String,
    reason: Option<String>,
}

#[derive(Deserialize)]
struct OrphanJson {
    intent: String,
    amount: i64,
    currency: String,
    claimed_hold: Option<Uuid>,
}

#[derive(Deserialize)]
struct ClosedJson {
    resource: Option<String>,
    id: String,
    starts_at_ms: i64,
    ends_at_ms: i64,
}

fn decode_subject(json: DbJson) -> Result<EventSubject, StoreError> {
    let subject = serde_json::from_value(json.0);
    let subject = subject.map_err(|_| encoding::unreadable_column("subject", "no subject of an event"))?;
    Ok(match subject {
        SubjectJson::Refund(object) => EventSubject::Refund(object.decode()?),
        SubjectJson::Dispute(object) => EventSubject::Dispute(object.decode()?),
        SubjectJson::Payment(orphan) => EventSubject::Payment {
            money: encoding::decode_money(orphan.amount, &orphan.currency)?,
            intent: orphan.intent,
            claimed_hold: orphan.claimed_hold.map(HoldId),
        },
        SubjectJson::Closed(closed) => closed.decode()?,
    })
}

impl MoneyObjectJson {
    fn decode(self) -> Result<MoneyObject, StoreError> {
        Ok(MoneyObject {
            money: encoding::decode_money(self.amount, &self.currency)?,
            id: self.id,
            intent: self.intent,
            status: self.status,
            reason: self.reason,
        })
    }
}

impl ClosedJson {
    fn decode(self) -> Result<EventSubject, StoreError> {
        let resource = self.resource.as_deref().map(encoding::decode_resource_id);
        let at = DateTime::from_timestamp_millis;
        let window = at(self.starts_at_ms).zip(at(self.ends_at_ms));
        let window = window.and_then(|(from, to)| Window::new(from, to));
        Ok(EventSubject::Closed {
            resource: resource.transpose()?,
            id: self.id,
            window: window.ok_or_else(|| encoding::unreadable_column("subject", "an empty window"))?,
        })
    }
}
