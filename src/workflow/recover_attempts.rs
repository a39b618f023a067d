//! Recovers attempts whose checkout died, or whose call to Stripe had no clear result (I4).
//!
//! The create call is repeated with the same idempotency key and the same parameters. Stripe returns the session that
//! it created before, or creates it now. Either way its id is known then, and a command expires it. No guest ever got
//! its URL.
//!
//! With the key of another account the repeated call would create a session there, and the first one would be forgotten.
//! So attempts wait until the key has made or read another session of this store. If the store has no other session, the
//! call is repeated all the same. Nothing could ever prove the key then, the attempt may be the first checkout of a
//! new shop, and no guest can pay: a session that is left behind in another account ends by itself.

use futures::StreamExt;
use tokio::time::Instant;

use super::context::Context;
use super::error::WorkflowError;
use super::outbox;
use super::unknown_session::{self, KeyStatus, NoVerdict, QuestionedSession};
use crate::domain::booking::Actor;
use crate::domain::ids::HoldId;
use crate::gateway::{GatewayError, Refusal};
use crate::store::{AttemptEnd, LeaseRequest, StaleAttempt};

/// How many attempts are leased and recovered at the same time: side by side, so that the lease outlasts each, however slow
/// Stripe is.
const BATCH: u32 = 8;

/// Recovers the attempts that are due, and returns how many of them are still open. Leases none after `until`.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub(super) async fn recover_attempts(context: &Context, until: Instant) -> Result<u64, WorkflowError> {
    let mut open = 0;
    loop {
        let request = LeaseRequest::new(context.now(), context.settings.lease, BATCH);
        let batch = context.store.lease_stale_attempts(&request).await?;
        if batch.is_empty() {
            return Ok(open);
        }
        let is_full = batch.len() == BATCH as usize;
        let oldest = batch.iter().map(|attempt| attempt.terms.hold).min();
        let may_repeat = may_repeat_calls(context, oldest).await?;
        let results: Vec<Result<bool, WorkflowError>> = futures::stream::iter(batch)
            .map(|attempt| async move {
                if may_repeat {
                    return recover_attempt(context, &attempt).await;
                }
                defer_attempt(context, &attempt).await.map(|()| false)
            })
            .buffer_unordered(BATCH as usize)
            .collect()
            .await;
        for is_closed in results {
            open += u64::from(!is_closed?);
        }
        if !is_full || Instant::now() >= until {
            return Ok(open);
        }
    }
}

/// Tells whether our key may repeat the calls of attempts, of which this is the oldest.
async fn may_repeat_calls(context: &Context, oldest: Option<HoldId>) -> Result<bool, WorkflowError> {
    let in_question = QuestionedSession {
        id: None,
        hold: oldest,
    };
    match unknown_session::prove_key(context, &in_question).await {
        Ok(KeyStatus::Proven | KeyStatus::NoOtherSession) => Ok(true),
        Ok(KeyStatus::Refuted) => {
            unknown_session::raise_alarm(None);
            Ok(false)
        }
        Err(NoVerdict::Store(error)) => Err(error.into()),
        Err(error) => {
            tracing::warn!(%error, "attempts are not recovered: Stripe does not show another session");
            Ok(false)
        }
    }
}

async fn defer_attempt(context: &Context, attempt: &StaleAttempt) -> Result<(), WorkflowError> {
    let due_at = context.retry_at(attempt.tries + 1);
    Ok(context.store.defer_attempt(attempt.terms.hold, due_at).await?)
}

/// Recovers one attempt; `true` if it is closed now.
async fn recover_attempt(context: &Context, attempt: &StaleAttempt) -> Result<bool, WorkflowError> {
    let (store, hold, now) = (&context.store, attempt.terms.hold, context.now());
    match context.gateway.create_session(&attempt.terms).await {
        Ok(session) => {
            context.account.record_made(&session.id);
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
            defer_attempt(context, attempt).await?;
            Ok(false)
        }
    }
}

/// Tells whether Stripe refused the parameters themselves. Other refusals say nothing about a session: a revoked key, a
/// missing permission, a body that another version of this program sent under the same idempotency key.
fn is_about_parameters(refusal: &Refusal) -> bool {
    refusal.status == 400 && refusal.kind == "invalid_request_error"
}
