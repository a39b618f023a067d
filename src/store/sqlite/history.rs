//! A hold's history: a line for each step, in the transaction that takes it.

use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

use super::SqliteStore;
use super::error::Answer;
use crate::domain::booking::{Actor, HistoryLine};
use crate::domain::hold::Status;
use crate::domain::ids::HoldId;
use crate::store::{StoreError, rows};

/// A line of a hold's history to be written.
pub(super) struct Line<'a> {
    pub(super) hold: HoldId,
    pub(super) from: Option<Status>,
    pub(super) to: Status,
    pub(super) why: String,
    pub(super) cause: &'a Actor,
}

impl Line<'_> {
    pub(super) async fn write(self, connection: &mut SqliteConnection, at: DateTime<Utc>) -> Answer<()> {
        let (from, from_reason) = self.from.map(rows::status_texts).unzip();
        let (to, to_reason) = rows::status_texts(self.to);
        let (actor, event) = rows::cause_texts(self.cause);
        sqlx::query(
            "INSERT INTO hold_history
                 (hold_id, at, from_status, from_reason, to_status, to_reason, why, actor, event_id)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(self.hold.0.hyphenated())
        .bind(at.timestamp_millis())
        .bind(from)
        .bind(from_reason.flatten())
        .bind(to)
        .bind(to_reason)
        .bind(self.why)
        .bind(actor)
        .bind(event)
        .execute(connection)
        .await?;
        Ok(())
    }
}

#[derive(sqlx::FromRow)]
struct LineRow {
    at: i64,
    from_status: Option<String>,
    from_reason: Option<String>,
    to_status: String,
    to_reason: Option<String>,
    why: String,
    actor: String,
    event_id: Option<String>,
}

impl LineRow {
    fn read(self) -> Result<HistoryLine, StoreError> {
        let from = self.from_status.as_deref();
        let from = from.map(|text| rows::status(text, self.from_reason.as_deref()));
        Ok(HistoryLine {
            at: rows::instant(self.at)?,
            from: from.transpose()?,
            to: rows::status(&self.to_status, self.to_reason.as_deref())?,
            why: self.why,
            cause: rows::cause(&self.actor, self.event_id)?,
        })
    }
}

pub(super) async fn history(store: &SqliteStore, id: HoldId) -> Answer<Vec<HistoryLine>> {
    let question = sqlx::query_as::<_, LineRow>(
        "SELECT at, from_status, from_reason, to_status, to_reason, why, actor, event_id
           FROM hold_history WHERE hold_id = ? ORDER BY seq",
    )
    .bind(id.0.hyphenated());
    let rows = store.read(question.fetch_all(&store.readers)).await?;
    Ok(rows.into_iter().map(LineRow::read).collect::<Result<_, _>>()?)
}
