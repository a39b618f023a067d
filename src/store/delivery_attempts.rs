//! What attempts of deliveries have led to: how it is written.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::deliveries::{AttemptResult, LeasedDelivery};
use crate::domain::event_endpoint::AttemptVerdict;

/// Builds the statement that writes what an attempt has led to.
macro_rules! finish_attempt {
    ($id:expr, $result:expr) => {{
        let columns = $crate::store::delivery_attempts::AttemptColumns::new($result);
        sqlx::query($crate::store::delivery_attempts::FINISH)
            .bind($id.as_str())
            .bind($result.delivery.position)
            .bind($result.delivery.attempts)
            .bind(columns.state)
            .bind(columns.due_at.map($crate::store::columns::DbTime))
            .bind(columns.counts)
            .bind($result.status.map(i32::from))
            .bind($result.fault.as_deref())
    }};
}
pub(super) use finish_attempt;

/// Writes the result of attempt `$3` at position `$2` of endpoint `$1`: state `$4`, due again at `$5`, whether it counts
/// `$6`, status `$7`, fault `$8`.
pub(super) const FINISH: &str = "UPDATE event_deliveries
     SET state = $4, due_at = $5, failures = failures + CASE WHEN $6 THEN 1 ELSE 0 END, last_status = $7, last_fault = $8,
         leased_until = NULL
     WHERE endpoint_id = $1 AND position = $2 AND attempts = $3 AND state = 'pending'";

/// Writes that the attempts in `$rows`, from JSON `$2`, at endpoint `$1` succeeded. `$among` and `$end` are the engine's condition that a
/// value is one of a query's, which it looks up: a join could read all deliveries of the endpoint.
macro_rules! finish_done {
    ($rows:literal, $among:literal, $end:literal) => {
        concat!(
            "UPDATE event_deliveries AS d SET state = 'done', due_at = NULL, last_fault = NULL, leased_until = NULL,
                 last_status = (SELECT r.answer FROM ",
            $rows,
            " WHERE r.at = d.position)
             WHERE d.endpoint_id = $1 AND d.position ",
            $among,
            "SELECT r.at FROM ",
            $rows,
            $end,
            " AND d.attempts = (SELECT r.attempt FROM ",
            $rows,
            " WHERE r.at = d.position) AND d.state = 'pending'"
        )
    };
}
pub(super) use finish_done;

/// Makes due at `$3` what is next at endpoint `$1` of the holds of the deliveries in `$rows`, from JSON `$2`, that are done.
macro_rules! release_of_done {
    ($rows:literal, $among:literal, $end:literal) => {
        concat!(
            "UPDATE event_deliveries AS d SET due_at = $3
             WHERE d.endpoint_id = $1 AND d.hold_id ",
            $among,
            "SELECT o.hold_id FROM event_deliveries o
                 WHERE o.endpoint_id = $1 AND o.state = 'done' AND o.position ",
            $among,
            "SELECT r.at FROM ",
            $rows,
            $end,
            $end,
            " AND ",
            $crate::store::deliveries::is_next!()
        )
    };
}
pub(super) use release_of_done;

/// The attempts that succeeded, as the JSON of `$rows`.
pub(super) fn encode_done<'a>(done: impl Iterator<Item = &'a AttemptResult>) -> Value {
    let encode = |result: &AttemptResult| {
        let LeasedDelivery {
            position, attempts, ..
        } = result.delivery;
        json!({ "at": position, "attempt": attempts, "answer": result.status })
    };
    done.map(encode).collect()
}

/// Notes at endpoint `$1` that an attempt succeeded with status `$2`.
pub(super) const NOTE_SUCCESS: &str =
    "UPDATE event_endpoints SET failing_since = NULL, last_status = $2, last_fault = NULL
     WHERE id = $1 AND (failing_since IS NOT NULL OR last_status IS NULL OR last_status <> $2)";

/// Notes at endpoint `$1` that an attempt failed at `$2` with status `$3` and fault `$4`, that it is left alone until `$5` at least,
/// and whether it is gone (`$6`), unless its address is no longer `$7`: then the answer is not that of the endpoint.
pub(super) const NOTE_FAILURE: &str = "UPDATE event_endpoints
     SET failing_since = coalesce(failing_since, $2), last_status = $3, last_fault = $4,
         paused_until = CASE WHEN paused_until IS NULL OR $5 > paused_until THEN coalesce($5, paused_until)
             ELSE paused_until END,
         is_gone = CASE WHEN $6 THEN true ELSE is_gone END, is_enabled = CASE WHEN $6 THEN false ELSE is_enabled END
     WHERE id = $1 AND url = $7";

/// Builds the statement that notes at an endpoint that an attempt failed.
macro_rules! note_failure {
    ($id:expr, $result:expr, $now:expr) => {{
        let columns = $crate::store::delivery_attempts::AttemptColumns::new($result);
        sqlx::query($crate::store::delivery_attempts::NOTE_FAILURE)
            .bind($id.as_str())
            .bind($crate::store::columns::DbTime($now))
            .bind($result.status.map(i32::from))
            .bind($result.fault.as_deref())
            .bind(columns.paused_until.map($crate::store::columns::DbTime))
            .bind(columns.is_gone)
            .bind($result.url.as_str())
    }};
}
pub(super) use note_failure;

/// What an attempt has led to, as columns.
pub(super) struct AttemptColumns {
    pub(super) state: &'static str,
    pub(super) due_at: Option<DateTime<Utc>>,
    pub(super) counts: bool,
    pub(super) paused_until: Option<DateTime<Utc>>,
    pub(super) is_gone: bool,
}

impl AttemptColumns {
    pub(super) fn new(result: &AttemptResult) -> Self {
        let over = |state| Self {
            state,
            due_at: None,
            counts: state == "failed",
            paused_until: None,
            is_gone: false,
        };
        match result.verdict {
            // Written by `finish_done!`, with the same columns.
            AttemptVerdict::Done => over("done"),
            AttemptVerdict::Failed => over("failed"),
            // It goes on at once if somebody enables the endpoint again.
            AttemptVerdict::Disable { due_at } => Self {
                due_at: Some(due_at),
                is_gone: true,
                ..over("pending")
            },
            AttemptVerdict::Again {
                due_at,
                paused_until,
                counts,
            } => Self {
                due_at: Some(due_at),
                counts,
                paused_until,
                ..over("pending")
            },
        }
    }

    /// Whether the delivery is over, so that the next one of its hold may follow.
    pub(super) fn is_over(&self) -> bool {
        self.state != "pending"
    }
}
