//! Applied events, read again: by an operator who looks, and for a replay. Writing them is left to `changes`.

use sqlx::Sqlite;
use sqlx::query::QueryAs;
use sqlx::sqlite::SqliteArguments;
use uuid::fmt::Hyphenated;

use super::SqliteStore;
use super::error::Answer;
use crate::domain::ids::{EventId, HoldId};
use crate::domain::listing::{Page, PageRequest, StoredEvent};
use crate::store::{StoreError, cursor, rows};

#[derive(sqlx::FromRow)]
struct EventRow {
    seq: i64,
    id: String,
    kind: String,
    hold_id: Option<Hyphenated>,
    applied_at: i64,
    has_payload: bool,
}

impl EventRow {
    fn read(self) -> Result<StoredEvent, StoreError> {
        Ok(StoredEvent {
            id: EventId::new(self.id),
            kind: self.kind,
            hold: self.hold_id.map(|id| HoldId(id.into_uuid())),
            applied_at: rows::instant(self.applied_at)?,
            has_payload: self.has_payload,
        })
    }
}

pub(super) const OF_ALL: &str =
    "SELECT seq, id, kind, hold_id, applied_at, payload IS NOT NULL AS has_payload
       FROM stripe_events WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2";
pub(super) const OF_ONE: &str =
    "SELECT seq, id, kind, hold_id, applied_at, payload IS NOT NULL AS has_payload
       FROM stripe_events WHERE seq < ?1 AND hold_id = ?3 ORDER BY seq DESC LIMIT ?2";

pub(super) async fn events(
    store: &SqliteStore,
    hold: Option<HoldId>,
    page: &PageRequest,
) -> Answer<Page<StoredEvent>> {
    let before = match page.cursor.as_deref().map(cursor::read_numbered) {
        None => i64::MAX,
        Some(Some(seq)) => seq,
        Some(None) => return Ok(cursor::end()),
    };
    let question: QueryAs<'_, Sqlite, EventRow, SqliteArguments> =
        sqlx::query_as(if hold.is_some() { OF_ONE } else { OF_ALL });
    let question = question.bind(before).bind(cursor::rows_wanted(page));
    let question = match hold {
        Some(hold) => question.bind(hold.0.hyphenated()),
        None => question,
    };
    let found = store.read(question.fetch_all(&store.readers)).await?;
    let found = cursor::page(found, page, |row| cursor::numbered(row.seq));
    let entries = found.entries.into_iter().map(EventRow::read);
    Ok(Page {
        entries: entries.collect::<Result<_, _>>()?,
        next: found.next,
    })
}

pub(super) async fn event_payload(store: &SqliteStore, id: &EventId) -> Answer<Option<String>> {
    let question =
        sqlx::query_scalar("SELECT payload FROM stripe_events WHERE id = ? AND payload IS NOT NULL");
    let question = question.bind(id.as_str());
    store.read(question.fetch_optional(&store.readers)).await
}
