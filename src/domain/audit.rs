//! The audit trail: who did what to what, when, and what changed. It has no data of guests.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::access_key::COMMAND_LINE_NAME;

/// What an entry says before the act: who does what to what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditedAct {
    /// The name of the key, or of the command line.
    pub actor: String,
    /// The id of the operation in the API description, `read` or `searchByGuest`.
    pub action: String,
    /// What the act is about, such as `event-types/intro-call`.
    pub target: Option<String>,
    /// The request that asked for the act, if it was a request.
    pub request_id: Option<Uuid>,
}

impl AuditedAct {
    /// Makes the act of somebody at the command line.
    pub fn at_command_line(action: &str, target: Option<String>) -> Self {
        Self {
            actor: COMMAND_LINE_NAME.to_owned(),
            action: action.to_owned(),
            target,
            request_id: None,
        }
    }
}

/// How an act ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditOutcome {
    /// The act was carried out.
    Done,
    /// The act was refused and changed nothing, because the request was not acceptable.
    Refused,
    /// The act failed; whether it changed something is for its target to tell.
    Failed,
}

/// What an act changed, with both states as JSON text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditedChange {
    /// The target, where it is known only after the act.
    pub target: Option<String>,
    /// The state before the act.
    pub before: Option<String>,
    /// The state after the act.
    pub after: Option<String>,
}

/// One entry of the audit trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// The number of the entry; later entries have higher ones.
    pub number: i64,
    /// When the act began.
    pub at: DateTime<Utc>,
    /// Who did what to what.
    pub act: AuditedAct,
    /// How the act ended; `None` if the process ended before it could tell.
    pub outcome: Option<AuditOutcome>,
    /// The state before the act, as JSON text.
    pub before: Option<String>,
    /// The state after the act, as JSON text.
    pub after: Option<String>,
}

/// Selects entries of the audit trail. An empty field does not restrict the list.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Only what this actor did.
    pub actor: Option<String>,
    /// Only acts of this kind.
    pub action: Option<String>,
    /// Only what was done to this target.
    pub target: Option<String>,
    /// Only acts that began at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Only acts that began before this time.
    pub to: Option<DateTime<Utc>>,
}
