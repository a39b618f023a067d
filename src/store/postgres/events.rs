//! Applied events, read again: by an operator who looks, and for a replay. Writing them is left to `changes`.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgPool;
use uuid::Uuid;

use super::super::cursor;
use super::error::Answer;
use crate::domain::ids::{EventId, HoldId};
use crate::domain::listing::{Page, PageRequest, StoredEvent};

#[derive(sqlx::FromRow)]
struct EventRow {
    seq: i64,
    id: String,
    kind: String,
    hold_id: Option<Uuid>,
    applied_at: DateTime<Utc>,
    has_payload: bool,
}

impl EventRow {
    fn read(self) -> StoredEvent {
        StoredEvent {
            id: EventId::new(self.id),
            kind: self.kind,
            hold: self.hold_id.map(HoldId),
            applied_at: self.applied_at,
            has_payload: self.has_payload,
        }
    }
}

const OF_ALL: &str = "SELECT seq, id, kind, hold_id, applied_at, payload IS NOT NULL AS has_payload
     FROM stripe_events WHERE seq < $1 ORDER BY seq DESC LIMIT $2";
const OF_ONE: &str = "SELECT seq, id, kind, hold_id, applied_at, payload IS NOT NULL AS has_payload
     FROM stripe_events WHERE seq < $1 AND hold_id = $3 ORDER BY seq DESC LIMIT $2";

pub(super) async fn list(
    pool: &PgPool,
    hold: Option<HoldId>,
    page: &PageRequest,
) -> Answer<Page<StoredEvent>> {
    let before = match page.cursor.as_deref().map(cursor::read_numbered) {
        None => i64::MAX,
        Some(Some(seq)) => seq,
        Some(None) => return Ok(cursor::end()),
    };
    let question = sqlx::query_as::<_, EventRow>(if hold.is_some() { OF_ONE } else { OF_ALL })
        .bind(before)
        .bind(cursor::rows_wanted(page));
    let question = match hold {
        Some(hold) => question.bind(hold.0),
        None => question,
    };
    let found = cursor::page(question.fetch_all(pool).await?, page, |row| {
        cursor::numbered(row.seq)
    });
    Ok(Page {
        entries: found.entries.into_iter().map(EventRow::read).collect(),
        next: found.next,
    })
}

pub(super) async fn payload(pool: &PgPool, id: &EventId) -> Answer<Option<String>> {
    Ok(
        sqlx::query_scalar("SELECT payload FROM stripe_events WHERE id = $1 AND payload IS NOT NULL")
            .bind(id.as_str())
            .fetch_optional(pool)
            .await?,
    )
}
