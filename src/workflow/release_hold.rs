//! Releases a slot: the only way in which a `held` hold ends unpaid. The sweep, the guest, the operator and a checkout
//! that meets an overdue hold all call it.
//!
//! Stripe decides (I2): a slot is free when Stripe can no longer collect money for it. The hold is leased, Stripe is
//! asked to expire the session with no transaction open (I6), and its response is applied as a fact. If Stripe gives no
//! answer, the hold keeps the slot and Stripe is asked again later.

use std::sync::Arc;

use tokio::time::Instant;

use super::apply_fact;
use super::context::Context;
use super::error::WorkflowError;
use crate::domain::booking::{Actor, Booking};
use crate::domain::command::backoff;
use crate::domain::hold::{Fact, ReleaseRequester, Status};
use crate::domain::ids::{HoldId, SessionId};
use crate::domain::session::{SessionPayment, SessionReport, SessionStatus};
use crate::gateway::{GatewayError, Refusal};
use crate::store::ReleaseLease;

/// The result of a release.
#[derive(Clone, Debug)]
pub enum ReleaseOutcome {
    /// Stripe has answered, and this is the hold now: released, or paid after all.
    Over(Box<Booking>),
    /// There is no such hold.
    Missing,
}

/// Pause between two looks at another owner's lease. Such a lease ends within one call to Stripe.
const LEASE_POLL: std::time::Duration = std::time::Duration::from_millis(25);

/// The delay before a question about a delayed payment doubles at most so often: up to 32 times the setting.
const MAX_PROCESSING_DOUBLINGS: u32 = 5;

/// Asks Stripe to expire a held hold's session, and applies the response. Returns a hold that is not held as it is.
///
/// # Errors
/// [`WorkflowError::Stripe`] if Stripe gave no answer: nothing has changed, and the sweep asks again.
pub async fn release_hold(
    context: &Context,
    id: HoldId,
    requester: Option<ReleaseRequester>,
    actor: Actor,
) -> Result<ReleaseOutcome, WorkflowError> {
    let deadline = Instant::now() + context.settings.wait_timeout;
    loop {
        match context
            .store
            .lease_release(id, requester, context.settings.lease)
            .await?
        {
            ReleaseLease::Leased(booking) => {
                let booking = release_leased_hold(context, booking, actor).await?;
                return Ok(ReleaseOutcome::Over(Box::new(booking)));
            }
            ReleaseLease::NotHeld(booking) => return Ok(ReleaseOutcome::Over(Box::new(booking))),
            ReleaseLease::Missing => return Ok(ReleaseOutcome::Missing),
            // Another owner is asking Stripe the same question now; its answer holds for this call too.
            ReleaseLease::LeasedElsewhere if Instant::now() < deadline => {
                tokio::time::sleep(LEASE_POLL).await
            }
            ReleaseLease::LeasedElsewhere => return Err(WorkflowError::Stripe { retry_after: None }),
        }
    }
}

/// Runs [`release_hold`] in a task of its own, so that it finishes even if the client disconnects.
///
/// # Errors
/// The same as [`release_hold`].
pub async fn release_hold_in_task(
    context: &Arc<Context>,
    id: HoldId,
    requester: Option<ReleaseRequester>,
    actor: Actor,
) -> Result<ReleaseOutcome, WorkflowError> {
    let saga = Arc::clone(context);
    context
        .run_in_task(async move { release_hold(&saga, id, requester, actor).await })
        .await
}

/// Releases a leased `held` hold, or asks about a leased `processing` one. Returns the hold as it is then.
///
/// # Errors
/// [`WorkflowError::Stripe`] if Stripe gave no answer.
pub(super) async fn release_leased_hold(
    context: &Context,
    booking: Booking,
    actor: Actor,
) -> Result<Booking, WorkflowError> {
    let answer = match booking.hold.status {
        Status::Held => expire_session(context, &booking.hold.session).await,
        _ => read_payment_result(context, &booking.hold.session).await,
    };
    match answer {
        Ok(Some(fact)) => {
            let before = booking.hold.status;
            let after = apply_fact::apply_fact(context, booking, &fact, actor).await?;
            // The answer did not decide the payment. Ask again later, but not with every sweep.
            if (before, after.hold.status) == (Status::Processing, Status::Processing) {
                defer_hold(context, &after, false).await?;
            }
            Ok(after)
        }
        Ok(None) => {
            defer_hold(context, &booking, false).await?;
            Ok(booking)
        }
        Err(error) => {
            // If the call may have reached Stripe, the session may expire for this requester: the store keeps the name.
            let has_no_effect = !matches!(error, GatewayError::Unknown);
            tracing::warn!(hold = %booking.hold.id.log_id(), %error, "no answer from Stripe; the hold keeps its slot");
            defer_hold(context, &booking, has_no_effect).await?;
            Err(to_stripe_error(error))
        }
    }
}

/// Expires a session at Stripe and returns the fact that follows. `None` if Stripe contradicts itself: it refuses to
/// expire the session, but says that it is open.
///
/// # Errors
/// [`GatewayError`] if Stripe gave no answer, or refuses our key.
pub(super) async fn expire_session(
    context: &Context,
    session: &SessionId,
) -> Result<Option<Fact>, GatewayError> {
    match context.gateway.expire_session(session).await {
        Ok(report) => Ok(to_fact(report)),
        Err(GatewayError::Refused(refusal)) if is_session_missing(&refusal) => Ok(Some(Fact::SessionDead)),
        // The session is not open any more. Its status tells what it is; the text of the refusal is not reliable.
        Err(GatewayError::Refused(refusal)) if refusal.status == 400 => read_session(context, session).await,
        Err(error) => Err(error),
    }
}

/// Reads a session at Stripe without changing it. `None` if it is open: nothing is decided yet.
///
/// # Errors
/// [`GatewayError`] if Stripe gave no answer, or refuses our key.
pub(super) async fn read_session(
    context: &Context,
    session: &SessionId,
) -> Result<Option<Fact>, GatewayError> {
    match context.gateway.retrieve_session(session).await {
        Ok(report) => Ok(to_fact(report)),
        Err(GatewayError::Refused(refusal)) if is_session_missing(&refusal) => Ok(Some(Fact::SessionDead)),
        Err(error) => Err(error),
    }
}

/// Reads the result of a delayed payment; `None` if the payment is still in progress.
async fn read_payment_result(context: &Context, session: &SessionId) -> Result<Option<Fact>, GatewayError> {
    let fact = read_session(context, session).await?;
    let is_in_progress = matches!(&fact, Some(Fact::SessionCompleted(SessionPayment::Unpaid(_))));
    Ok(fact.filter(|_| !is_in_progress))
}

fn to_fact(report: SessionReport) -> Option<Fact> {
    match report.status {
        SessionStatus::Expired => Some(Fact::SessionDead),
        SessionStatus::Complete(payment) => Some(Fact::SessionCompleted(payment)),
        SessionStatus::Failed => Some(Fact::AsyncFailed),
        SessionStatus::Open => None,
    }
}

/// Tells whether Stripe itself says that the session does not exist. A 404 from a proxy on the way says nothing about
/// it.
fn is_session_missing(refusal: &Refusal) -> bool {
    refusal.status == 404 && refusal.code.as_deref() == Some("resource_missing")
}

/// Converts the lack of an answer. Other refusals, such as a revoked key, say nothing about the session either.
pub(super) fn to_stripe_error(error: GatewayError) -> WorkflowError {
    match error {
        GatewayError::Unavailable { retry_after } => WorkflowError::Stripe { retry_after },
        GatewayError::Unknown | GatewayError::Refused(_) => WorkflowError::Stripe { retry_after: None },
    }
}

async fn defer_hold(
    context: &Context,
    booking: &Booking,
    forget_requester: bool,
) -> Result<(), WorkflowError> {
    let tries = booking.tries + 1;
    let wait = match booking.hold.status {
        Status::Processing => {
            context.settings.ask_processing_after * (1 << tries.min(MAX_PROCESSING_DOUBLINGS))
        }
        _ => backoff(tries, rand::random()),
    };
    let due_at = context.database_now().await? + wait;
    Ok(context
        .store
        .defer_hold(booking.hold.id, due_at, forget_requester)
        .await?)
}
