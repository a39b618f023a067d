//! Recovering attempts: what a checkout left behind whose process died, or whose call to Stripe had no clear end (I4).
//!
//! The creation is repeated with the same key and the same parameters: Stripe answers with the session that it may have
//! made, or makes it now. Either way its id is known then, and it is ended by a command. Nobody was ever given its URL.

use super::{Context, WorkflowError, commands, spread};
use crate::domain::booking::Actor;
use crate::domain::command::backoff;
use crate::gateway::{GatewayError, Refusal};
use crate::store::{AttemptEnd, StaleAttempt};

const BATCH: u32 = 20;

/// Recovers the attempts that are due; how many of them are still open.
///
/// # Errors
/// [`WorkflowError::Store`].
pub(super) async fn run(context: &Context) -> Result<u64, WorkflowError> {
    let now = context.now();
    let batch = context
        .store
        .lease_stale_attempts(now, context.settings.lease, BATCH)
        .await?;
    let mut open = 0;
    for attempt in batch {
        if !recover(context, &attempt).await? {
            open += 1;
        }
    }
    Ok(open)
}

/// Whether the attempt is closed now.
async fn recover(context: &Context, attempt: &StaleAttempt) -> Result<bool, WorkflowError> {
    let (store, hold, now) = (&context.store, attempt.terms.hold, context.now());
    match context.gateway.create_session(&attempt.terms).await {
        Ok(session) => {
            let command = store.abandon_attempt(hold, &session.id, now).await?;
            commands::run_now(context, command, Actor::Command).await;
            tracing::info!(%hold, "attempt recovered; its session is being expired");
            Ok(true)
        }
        // Stripe has judged the parameters anew, most often because the time of `expires_at` is too near by now: under this
        // key no session was ever made, or it was so long ago that it has ended by itself.
        Err(GatewayError::Refused(refusal)) if judges_the_parameters(&refusal) => {
            tracing::info!(%hold, %refusal, "attempt left no session");
            store.end_attempt(hold, AttemptEnd::NoSession, now).await?;
            Ok(true)
        }
        Err(error) => {
            tracing::warn!(%hold, %error, "attempt could not be recovered yet");
            store
                .defer_attempt(hold, now + backoff(attempt.tries + 1, spread()))
                .await?;
            Ok(false)
        }
    }
}

/// Other refusals are about us: a revoked key, a missing permission, a body that another version of this program sent
/// under the same idempotency key. They say nothing about a session.
fn judges_the_parameters(refusal: &Refusal) -> bool {
    refusal.status == 400 && refusal.kind == "invalid_request_error"
}
