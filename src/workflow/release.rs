//! Giving a slot back: the one way. The sweep, the guest, the operator and a checkout that meets an overdue hold all
//! come through here, and here alone a `held` hold ends unpaid.
//!
//! Stripe is the arbiter (I2): a slot is free when Stripe can no longer take money for it. The hold is leased, Stripe is
//! asked to end the session with no transaction open (I6), and its answer is a fact like any event's. No answer: the
//! slot is kept, and asked about again later.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Context, WorkflowError, settle, spread};
use crate::domain::booking::{Actor, Booking};
use crate::domain::command::backoff;
use crate::domain::hold::{Fact, ReleaseRequester, Status};
use crate::domain::ids::{HoldId, SessionId};
use crate::domain::session::{SessionReport, SessionStatus};
use crate::gateway::{GatewayError, Refusal};
use crate::store::ReleaseLease;

/// How a release came out.
#[derive(Clone, Debug)]
pub enum ReleaseOutcome {
    /// Stripe's verdict is in, and this is the hold now: released, or the guest's after all.
    Over(Box<Booking>),
    /// There is no such hold.
    Missing,
}

/// Pause between two looks at a lease that another has; such a lease is over within one call to Stripe.
const LEASE_POLL: std::time::Duration = std::time::Duration::from_millis(25);

/// Asks Stripe to end a held hold's session and does what follows. A hold that is not held is answered as it is.
///
/// # Errors
/// [`WorkflowError::Stripe`] where Stripe gave no answer: nothing has changed, and the sweep asks again.
pub async fn release(
    context: &Context,
    id: HoldId,
    asker: Option<ReleaseRequester>,
    cause: Actor,
) -> Result<ReleaseOutcome, WorkflowError> {
    let deadline = Instant::now() + context.settings.wait_timeout;
    loop {
        match context
            .store
            .lease_release(id, asker, context.settings.lease)
            .await?
        {
            ReleaseLease::Leased(booking) => {
                let booking = end(context, booking, cause).await?;
                return Ok(ReleaseOutcome::Over(Box::new(booking)));
            }
            ReleaseLease::NotHeld(booking) => return Ok(ReleaseOutcome::Over(Box::new(booking))),
            ReleaseLease::Missing => return Ok(ReleaseOutcome::Missing),
            // Another is asking Stripe the same thing just now: its answer is ours too.
            ReleaseLease::LeasedElsewhere if Instant::now() < deadline => {
                tokio::time::sleep(LEASE_POLL).await
            }
            ReleaseLease::LeasedElsewhere => return Err(WorkflowError::Stripe { retry_after: None }),
        }
    }
}

/// [`release`] in a task of its own, so that one who hangs up stops nothing half-way.
///
/// # Errors
/// As [`release`].
pub async fn release_in_task(
    context: &Arc<Context>,
    id: HoldId,
    asker: Option<ReleaseRequester>,
    cause: Actor,
) -> Result<ReleaseOutcome, WorkflowError> {
    let saga = Arc::clone(context);
    context
        .in_task(async move { release(&saga, id, asker, cause).await })
        .await
}

/// Ends a leased `held` hold, or asks about a leased `processing` one; the hold as it is afterwards.
///
/// # Errors
/// [`WorkflowError::Stripe`] where Stripe gave no answer.
pub(super) async fn end(context: &Context, booking: Booking, cause: Actor) -> Result<Booking, WorkflowError> {
    let answer = match booking.hold.status {
        Status::Held => verdict(context, &booking.hold.session).await,
        _ => payment_verdict(context, &booking.hold.session).await,
    };
    match answer {
        Ok(Some(fact)) => {
            let before = booking.hold.status;
            let after = settle::apply_fact(context, booking, &fact, cause).await?;
            // An answer that is no verdict on the payment: asked for again, but not with every sweep.
            if (before, after.hold.status) == (Status::Processing, Status::Processing) {
                defer(context, &after, false).await?;
            }
            Ok(after)
        }
        Ok(None) => {
            defer(context, &booking, false).await?;
            Ok(booking)
        }
        Err(error) => {
            let certain = !matches!(error, GatewayError::Unknown);
            tracing::warn!(hold = %booking.hold.id, %error, "no verdict from Stripe; the slot is kept");
            defer(context, &booking, certain).await?;
            Err(no_answer(error))
        }
    }
}

/// Ends a session at Stripe, and says what is so then. `None` where Stripe contradicts itself: still open, and yet not
/// to be ended.
///
/// # Errors
/// [`GatewayError`] where Stripe gave no answer, or does not let us ask.
pub(super) async fn verdict(context: &Context, session: &SessionId) -> Result<Option<Fact>, GatewayError> {
    match context.gateway.expire_session(session).await {
        Ok(report) => Ok(fact(report)),
        Err(GatewayError::Refused(refusal)) if is_missing(&refusal) => Ok(Some(Fact::SessionDead)),
        // Not open any more. Its status says what it is instead; the words of the refusal say nothing.
        Err(GatewayError::Refused(refusal)) if refusal.status == 400 => read(context, session).await,
        Err(error) => Err(error),
    }
}

/// What Stripe says of a session, without touching it. `None` where it is open: nothing has been decided yet.
///
/// # Errors
/// [`GatewayError`] where Stripe gave no answer, or does not let us ask.
pub(super) async fn read(context: &Context, session: &SessionId) -> Result<Option<Fact>, GatewayError> {
    match context.gateway.session(session).await {
        Ok(report) => Ok(fact(report)),
        Err(GatewayError::Refused(refusal)) if is_missing(&refusal) => Ok(Some(Fact::SessionDead)),
        Err(error) => Err(error),
    }
}

/// What Stripe says about a delayed payment. `None` where it is still at work.
async fn payment_verdict(context: &Context, session: &SessionId) -> Result<Option<Fact>, GatewayError> {
    let fact = read(context, session).await?;
    let still = matches!(
        &fact,
        Some(Fact::SessionCompleted(
            crate::domain::session::SessionPayment::Unpaid(_)
        ))
    );
    Ok(fact.filter(|_| !still))
}

fn fact(report: SessionReport) -> Option<Fact> {
    match report.status {
        SessionStatus::Expired => Some(Fact::SessionDead),
        SessionStatus::Complete(payment) => Some(Fact::SessionCompleted(payment)),
        SessionStatus::Failed => Some(Fact::AsyncFailed),
        SessionStatus::Open => None,
    }
}

/// Stripe's own word for it: a 404 of something else on the way says nothing about the session.
fn is_missing(refusal: &Refusal) -> bool {
    refusal.status == 404 && refusal.code.as_deref() == Some("resource_missing")
}

/// A refusal other than "not open" and "no such session" (a revoked key, say) is no verdict either.
pub(super) fn no_answer(error: GatewayError) -> WorkflowError {
    match error {
        GatewayError::Unavailable { retry_after } => WorkflowError::Stripe { retry_after },
        GatewayError::Unknown | GatewayError::Refused(_) => WorkflowError::Stripe { retry_after: None },
    }
}

async fn defer(context: &Context, booking: &Booking, forget_requester: bool) -> Result<(), WorkflowError> {
    let wait = match booking.hold.status {
        Status::Processing => context.settings.ask_processing_after * (1 << (booking.tries + 1).min(5)),
        _ => backoff(booking.tries + 1, spread()),
    };
    Ok(context
        .store
        .defer_hold(booking.hold.id, context.now() + wait, forget_requester)
        .await?)
}
