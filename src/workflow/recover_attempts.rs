//! Recovers attempts whose checkout died, or whose call to Stripe had no clear result (I4).
//!
//! The create call is repeated with the same idempotency key and the same parameters. Stripe returns the session that
//! it created before, or creates it now. Either way its id is known then, and a command expires it. No guest ever got
//! its URL.

use super::context::Context;
use super::error::WorkflowError;
use super::outbox;
use crate::domain::booking::Actor;
use crate::gateway::{GatewayError, Refusal};
use crate::store::{AttemptEnd, LeaseRequest, StaleAttempt};

/// How many attempts one sweep recovers.
const BATCH: u32 = 20;

/// Recovers the attempts that are due, and returns how many of them are still open.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub(super) async fn recover_attempts(context: &Context) -> Result<u64, WorkflowError> {
    let now = context.now();
    let batch = context
        .store
        .lease_stale_attempts(&LeaseRequest::new(now, context.settings.lease, BATCH))
        .await?;
    let mut open = 0;
    for attempt in batch {
        if !recover_attempt(context, &attempt).await? {
            open += 1;
        }
    }
    Ok(open)
}

/// Recovers one attempt; `true` if it is closed now.
async fn recover_attempt(context: &Context, attempt: &StaleAttempt) -> Result<bool, WorkflowError> {
    let (store, hold, now) = (&context.store, attempt.terms.hold, context.now());
    match context.gateway.create_session(&attempt.terms).await {
        Ok(session) => {
            let command = store.abandon_attempt(hold, &session.id, now).await?;
            outbox::run_command_now(context, command, Actor::Command).await;
            tracing::info!(hold = %hold.log_id(), "attempt recovered; its session is being expired");
            Ok(true)
        }
        // Stripe validated the parameters again, most often because `expires_at` is too near by now. So no session
        // exists under this key, or it was created so long ago that it has expired by itself.
        Err(GatewayError::Refused(refusal)) if is_about_parameters(&refusal) => {
            tracing::info!(hold = %hold.log_id(), %refusal, "attempt left no session");
            store.end_attempt(hold, AttemptEnd::NoSession, now).await?;
            Ok(true)
        }
        Err(error) => {
            tracing::warn!(hold = %hold.log_id(), %error, "attempt could not be recovered yet");
            store
                .defer_attempt(hold, context.retry_at(attempt.tries + 1))
                .await?;
            Ok(false)
        }
    }
}

/// Tells whether Stripe refused the parameters themselves. Other refusals say nothing about a session: a revoked key, a
/// missing permission, a body that another version of this program sent under the same idempotency key.
fn is_about_parameters(refusal: &Refusal) -> bool {
    refusal.status == 400 && refusal.kind == "invalid_request_error"
}
