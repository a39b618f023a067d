//! The command `holdfast key`: makes, lists and revokes access keys on the database itself, without a running server.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::domain::access_key::{AccessKey, COMMAND_LINE_NAME, Scope};
use crate::domain::audit::{AuditOutcome, AuditedAct, AuditedChange};
use crate::domain::ids::AccessKeyId;
use crate::domain::listing::PageRequest;
use crate::http;
use crate::store::Store;
use crate::workflow::WorkflowError;
use crate::workflow::access_keys::{CreateKeyError, KeyRegistry, NewKey};
use crate::workflow::audit::AuditTrail;

/// What to do with access keys.
#[derive(Debug, clap::Subcommand)]
pub enum KeyCommand {
    /// Make a key and print it as JSON; this is the only time that the key is shown.
    Create {
        /// The name of its holder, which the history and the audit trail show.
        #[arg(long)]
        name: String,
        /// What the key is for: checkout, read, operate or admin.
        #[arg(long, value_parser = parse_scope)]
        scope: Scope,
        /// When the key stops to be good, such as 2030-12-01T10:00:00Z; without it, when it is revoked.
        #[arg(long)]
        expires_at: Option<DateTime<Utc>>,
    },
    /// Print each key as a line of JSON, newest first, without its text.
    List,
    /// Revoke the key with this id.
    Revoke {
        /// The id of the key.
        id: Uuid,
    },
}

fn parse_scope(text: &str) -> Result<Scope, &'static str> {
    Scope::parse(text).ok_or("must be checkout, read, operate or admin")
}

/// Why a command about keys failed.
#[derive(Debug, thiserror::Error)]
pub enum KeyCommandError {
    /// The name of the key is not acceptable.
    #[error("the name {0}")]
    Name(&'static str),
    /// The key was not made.
    #[error(transparent)]
    Create(#[from] CreateKeyError),
    /// There is no key with this id.
    #[error("there is no such key")]
    Missing,
    /// The database is unreachable.
    #[error(transparent)]
    Workflow(#[from] WorkflowError),
    /// The result cannot be shown.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

/// Runs a command, and returns the lines to print.
///
/// # Errors
/// [`KeyCommandError`] if it failed.
pub async fn run(
    command: KeyCommand,
    store: &dyn Store,
    now: DateTime<Utc>,
) -> Result<Vec<String>, KeyCommandError> {
    let keys = KeyRegistry::new(store, now);
    let audit = AuditTrail::new(store, now);
    match command {
        KeyCommand::Create {
            name,
            scope,
            expires_at,
        } => {
            let name = http::parse_name(&name).map_err(KeyCommandError::Name)?;
            let new = NewKey {
                name,
                scope,
                expires_at,
            };
            Ok(vec![create_key(&keys, &audit, new).await?])
        }
        KeyCommand::List => list_keys(&keys).await,
        KeyCommand::Revoke { id } => Ok(vec![revoke_key(&keys, &audit, AccessKeyId(id)).await?]),
    }
}

fn act_at_command_line(action: &str, target: Option<String>) -> AuditedAct {
    AuditedAct {
        actor: COMMAND_LINE_NAME.to_owned(),
        action: action.to_owned(),
        target,
        request_id: None,
    }
}

async fn create_key(
    keys: &KeyRegistry<'_>,
    audit: &AuditTrail<'_>,
    new: NewKey,
) -> Result<String, KeyCommandError> {
    let number = audit.begin(&act_at_command_line("createKey", None)).await?;
    let created = keys.create_key(new).await;
    let (outcome, change) = match &created {
        Ok((key, _)) => {
            let change = AuditedChange {
                target: Some(format!("keys/{}", key.id)),
                after: serde_json::to_string(&http::access_key_view(key)).ok(),
                ..AuditedChange::default()
            };
            (AuditOutcome::Done, change)
        }
        Err(CreateKeyError::Workflow(_)) => (AuditOutcome::Failed, AuditedChange::default()),
        Err(_) => (AuditOutcome::Refused, AuditedChange::default()),
    };
    audit.finish(number, outcome, &change).await;
    let (key, text) = created?;
    Ok(serde_json::to_string(&http::created_key_view(&key, &text))?)
}

async fn revoke_key(
    keys: &KeyRegistry<'_>,
    audit: &AuditTrail<'_>,
    id: AccessKeyId,
) -> Result<String, KeyCommandError> {
    let act = act_at_command_line("revokeKey", Some(format!("keys/{id}")));
    let number = audit.begin(&act).await?;
    let revoked = keys.revoke_key(id).await;
    let view = |key: &AccessKey| serde_json::to_string(&http::access_key_view(key)).ok();
    let (outcome, before) = match &revoked {
        Ok(Some(key)) => (AuditOutcome::Done, view(key)),
        Ok(None) => (AuditOutcome::Refused, None),
        Err(_) => (AuditOutcome::Failed, None),
    };
    let change = AuditedChange {
        before,
        ..AuditedChange::default()
    };
    audit.finish(number, outcome, &change).await;
    let key = revoked?.ok_or(KeyCommandError::Missing)?;
    Ok(serde_json::to_string(&http::access_key_view(&key))?)
}

async fn list_keys(keys: &KeyRegistry<'_>) -> Result<Vec<String>, KeyCommandError> {
    let mut page = PageRequest {
        limit: 200,
        cursor: None,
    };
    let mut lines = Vec::new();
    loop {
        let found = keys.list_keys(&page).await?;
        for key in &found.entries {
            lines.push(serde_json::to_string(&http::access_key_view(key))?);
        }
        if found.next.is_none() {
            return Ok(lines);
        }
        page.cursor = found.next;
    }
}
