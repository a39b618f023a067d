//! Console sessions: begins them, finds the key of one, and ends them.
//!
//! Every request asks the database for the session and for its key, so that a session ends on all instances at once when it
//! is signed out, when its key is revoked, or when its time is over.

use chrono::{DateTime, Duration, Utc};

use super::context::Context;
use super::error::WorkflowError;
use crate::domain::console_session::{ConsoleKey, ConsoleSession, ConsoleToken, SessionKey};

/// How exactly it is known when a browser was last seen. A request within this time after a recorded one writes nothing.
const LAST_SEEN_PRECISION: Duration = Duration::minutes(1);

/// The key of a console session, and when its request came.
#[derive(Clone, Debug)]
pub struct SignedInKey {
    /// The key that the operator is signed in with.
    pub key: ConsoleKey,
    /// The present time, by the database's clock.
    pub now: DateTime<Utc>,
}

/// Begins a session with a good key. Its token is always a new one, so that nobody can know it before. The session that the
/// browser had before ends. `bootstrap` is the key of the environment, if the operator has that one.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn begin_session(
    context: &Context,
    key: &ConsoleKey,
    bootstrap: Option<&str>,
    previous: Option<&ConsoleToken>,
) -> Result<ConsoleToken, WorkflowError> {
    let now = context.database_now().await?;
    let token = ConsoleToken::from_random(rand::random());
    let session = ConsoleSession {
        digest: token.digest(),
        key: match key {
            ConsoleKey::Access(key) => SessionKey::Access(key.id),
            ConsoleKey::Bootstrap => {
                SessionKey::Bootstrap(token.prove_bootstrap(bootstrap.unwrap_or_default()))
            }
        },
        created_at: now,
        last_seen_at: now,
    };
    context.store.insert_console_session(&session).await?;
    if let Some(previous) = previous {
        end_session(context, previous).await?;
    }
    Ok(token)
}

/// Finds the key of a session that has not ended, and records that its browser was seen. `bootstrap` is the key of the
/// environment today.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable: whether the session is good is unknown.
pub async fn use_session(
    context: &Context,
    token: &ConsoleToken,
    bootstrap: Option<&str>,
) -> Result<Option<SignedInKey>, WorkflowError> {
    let Some((session, found)) = find_session(context, token, bootstrap).await? else {
        return Ok(None);
    };
    if let ConsoleKey::Access(key) = &found.key {
        context.keys().record_use(key).await;
    }
    if found.now - session.last_seen_at >= LAST_SEEN_PRECISION {
        // An operator must be able to read while the database takes no writes; the next request records the use.
        if let Err(error) = context.store.record_console_use(&session.digest, found.now).await {
            tracing::warn!(%error, "the use of a console session was not recorded");
        }
    }
    Ok(Some(found))
}

/// Finds the key of a session that has not ended, without using it: a page that only stays open does not keep its session
/// alive.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable: whether the session is good is unknown.
pub async fn find_session_key(
    context: &Context,
    token: &ConsoleToken,
    bootstrap: Option<&str>,
) -> Result<Option<SignedInKey>, WorkflowError> {
    let found = find_session(context, token, bootstrap).await?;
    Ok(found.map(|(_, found)| found))
}

/// Ends a session, if there is one.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn end_session(context: &Context, token: &ConsoleToken) -> Result<(), WorkflowError> {
    Ok(context.store.delete_console_session(&token.digest()).await?)
}

async fn find_session(
    context: &Context,
    token: &ConsoleToken,
    bootstrap: Option<&str>,
) -> Result<Option<(ConsoleSession, SignedInKey)>, WorkflowError> {
    let Some(session) = context.store.find_console_session(&token.digest()).await? else {
        return Ok(None);
    };
    let now = context.database_now().await?;
    if session.has_ended(now) {
        return Ok(None);
    }
    let key = match session.key {
        SessionKey::Access(id) => {
            let key = context.store.find_key_by_id(id).await?;
            key.filter(|key| !key.is_expired(now)).map(ConsoleKey::Access)
        }
        SessionKey::Bootstrap(proof) => bootstrap
            .filter(|key| token.prove_bootstrap(key) == proof)
            .map(|_| ConsoleKey::Bootstrap),
    };
    Ok(key.map(|key| (session, SignedInKey { key, now })))
}
