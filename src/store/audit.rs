//! The audit trail: an entry before each act, its outcome after it.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::columns::{DbTime, DbUuid};
use super::{StoreError, encoding, paging};
use crate::domain::audit::{AuditEntry, AuditFilter, AuditOutcome, AuditedAct, AuditedChange};
use crate::domain::listing::{Page, PageRequest};

/// The audit trail in the database; one method is one transaction.
#[async_trait]
pub trait Audit {
    /// Writes an entry for an act that begins at `now`, without an outcome. Returns its number.
    async fn begin_audit(&self, act: &AuditedAct, now: DateTime<Utc>) -> Result<i64, StoreError>;
    /// Adds the outcome of an act, and what it changed, to its entry.
    async fn finish_audit(
        &self,
        number: i64,
        outcome: AuditOutcome,
        change: &AuditedChange,
    ) -> Result<(), StoreError>;
    /// Writes an entry for an act that is done, unless this actor has one with this action after `since`.
    async fn record_act_since(
        &self,
        act: &AuditedAct,
        now: DateTime<Utc>,
        since: DateTime<Utc>,
    ) -> Result<(), StoreError>;
    /// Lists entries, newest first.
    async fn list_audit(
        &self,
        filter: &AuditFilter,
        page: &PageRequest,
    ) -> Result<Page<AuditEntry>, StoreError>;
    /// Deletes at most `limit` entries from before `before`; returns how many.
    async fn delete_old_audit(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError>;
}

#[derive(sqlx::FromRow)]
pub(super) struct AuditRow {
    seq: i64,
    at: DbTime,
    actor: String,
    action: String,
    target: Option<String>,
    outcome: Option<String>,
    state_before: Option<String>,
    state_after: Option<String>,
    request_id: Option<DbUuid>,
}

/// Writes an entry of `$1` for action `$2` on target `$3` in request `$4` at `$5`, and returns its number.
pub(super) const BEGIN: &str = "INSERT INTO audit_entries (actor, action, target, request_id, at) VALUES ($1, $2, $3, $4, $5) RETURNING seq";

/// Writes a finished entry like [`BEGIN`], with outcome `$6`, unless the actor has one with the action after `$7`.
pub(super) const RECORD_SINCE: &str =
    "INSERT INTO audit_entries (actor, action, target, request_id, at, outcome)
     SELECT $1, $2, $3, $4, $5, $6
     WHERE NOT EXISTS (SELECT 1 FROM audit_entries WHERE at > $7 AND actor = $1 AND action = $2)";

/// Adds outcome `$2`, target `$3` and states `$4` and `$5` to entry `$1`.
pub(super) const FINISH: &str = "UPDATE audit_entries SET outcome = $2, target = coalesce($3, target),
         state_before = $4, state_after = $5 WHERE seq = $1";

/// Lists entries before number `$1` of actor `$2`, action `$3`, target `$4`, from `$5` to before `$6`, at most `$7`. A
/// parameter that is null restricts nothing. The list is read by its number: an operator's work is few rows.
pub(super) const LIST: &str =
    "SELECT seq, at, actor, action, target, outcome, state_before, state_after, request_id FROM audit_entries
     WHERE seq < $1 AND ($2 IS NULL OR actor = $2) AND ($3 IS NULL OR action = $3) AND ($4 IS NULL OR target = $4)
       AND ($5 IS NULL OR at >= $5) AND ($6 IS NULL OR at < $6)
     ORDER BY seq DESC LIMIT $7";

/// Binds an act and its time to a statement that begins like [`BEGIN`].
macro_rules! bind_act {
    ($query:expr, $act:expr, $now:expr) => {
        $query
            .bind(&$act.actor)
            .bind(&$act.action)
            .bind($act.target.as_deref())
            .bind($act.request_id.map($crate::store::columns::DbUuid))
            .bind($crate::store::columns::DbTime($now))
    };
}
pub(super) use bind_act;

/// Builds the statement that adds an outcome to an entry.
macro_rules! finish_query {
    ($number:expr, $outcome:expr, $change:expr) => {
        sqlx::query($crate::store::audit::FINISH)
            .bind($number)
            .bind($crate::store::audit::encode_outcome($outcome))
            .bind($change.target.as_deref())
            .bind($change.before.as_deref())
            .bind($change.after.as_deref())
    };
}
pub(super) use finish_query;

/// Builds the statement that lists entries, newest first; `None` after the end of the list.
macro_rules! list_query {
    ($filter:expr, $page:expr) => {
        $crate::store::paging::numbered_start($page).map(|start| {
            sqlx::query_as($crate::store::audit::LIST)
                .bind(start)
                .bind($filter.actor.as_deref())
                .bind($filter.action.as_deref())
                .bind($filter.target.as_deref())
                .bind($filter.from.map($crate::store::columns::DbTime))
                .bind($filter.to.map($crate::store::columns::DbTime))
                .bind($crate::store::paging::rows_wanted($page))
        })
    };
}
pub(super) use list_query;

pub(super) fn encode_outcome(outcome: AuditOutcome) -> &'static str {
    match outcome {
        AuditOutcome::Done => "done",
        AuditOutcome::Refused => "refused",
        AuditOutcome::Failed => "failed",
    }
}

fn decode_outcome(text: &str) -> Result<AuditOutcome, StoreError> {
    match text {
        "done" => Ok(AuditOutcome::Done),
        "refused" => Ok(AuditOutcome::Refused),
        "failed" => Ok(AuditOutcome::Failed),
        other => Err(encoding::unreadable_column("outcome", other)),
    }
}

impl AuditRow {
    fn decode(self) -> Result<AuditEntry, StoreError> {
        Ok(AuditEntry {
            number: self.seq,
            at: self.at.0,
            act: AuditedAct {
                actor: self.actor,
                action: self.action,
                target: self.target,
                request_id: self.request_id.map(|id| id.0),
            },
            outcome: self.outcome.as_deref().map(decode_outcome).transpose()?,
            before: self.state_before,
            after: self.state_after,
        })
    }

    /// A page of entries, cut off rows that were read with [`LIST`].
    pub(super) fn decode_page(rows: Vec<Self>, page: &PageRequest) -> Result<Page<AuditEntry>, StoreError> {
        let rows = paging::cut_page(rows, page, |row| paging::numbered(row.seq));
        paging::decode_page(rows, Self::decode)
    }
}
