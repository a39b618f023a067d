//! Releases a slot: the only way in which a `held` hold ends unpaid. The sweep, the guest, the operator and a checkout
//! that meets an overdue hold all call it.
//!
//! Stripe decides (I2): a slot is free when Stripe can no longer collect money for it. The hold is leased, Stripe is
//! asked to expire the session with no transaction open (I6), and its response is applied as a fact. If Stripe gives no
//! answer, or does not know the session and that is not believed, the hold keeps the slot and Stripe is asked again later.

use std::sync::Arc;

use tokio::time::Instant;

use super::apply_fact;
use super::ask_session::{expire_session, read_session, to_stripe_error};
use super::context::Context;
use super::error::WorkflowError;
use super::release_processing::release_processing_hold;
use super::unknown_session::{self, NoVerdict, StoredSession, UnknownRelease};
use crate::domain::booking::{Actor, Booking};
use crate::domain::command::backoff;
use crate::domain::hold::{Fact, ReleaseRequester, Status};
use crate::domain::ids::HoldId;
use crate::domain::session::SessionPayment;
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

/// Asks Stripe to expire a held hold's session, and applies the response. Returns a hold that is not held as it is; but an
/// operator releases a `processing` one without asking.
///
/// # Errors
/// [`WorkflowError::Stripe`] if Stripe gave no answer: nothing has changed, and the sweep asks again.
pub async fn release_hold(
    context: &Context,
    id: HoldId,
    requester: Option<ReleaseRequester>,
    actor: Actor,
) -> Result<ReleaseOutcome, WorkflowError> {
    match lease_hold(context, id, requester).await? {
        ReleaseLease::Leased(booking) => {
            let booking = release_leased_hold(context, booking, actor).await?;
            Ok(ReleaseOutcome::Over(Box::new(booking)))
        }
        ReleaseLease::NotHeld(booking) if requester == Some(ReleaseRequester::Operator) => {
            let booking = release_processing_hold(context, booking, &actor).await?;
            Ok(booking.map_or(ReleaseOutcome::Missing, |booking| {
                ReleaseOutcome::Over(Box::new(booking))
            }))
        }
        ReleaseLease::NotHeld(booking) => Ok(ReleaseOutcome::Over(Box::new(booking))),
        ReleaseLease::Missing => Ok(ReleaseOutcome::Missing),
        ReleaseLease::LeasedElsewhere => Err(WorkflowError::Stripe { retry_after: None }),
    }
}

/// Leases a held hold; waits while another owner has the lease.
async fn lease_hold(
    context: &Context,
    id: HoldId,
    requester: Option<ReleaseRequester>,
) -> Result<ReleaseLease, WorkflowError> {
    let deadline = Instant::now() + context.settings.wait_timeout;
    loop {
        let leased = context
            .store
            .lease_release(id, requester, context.settings.lease)
            .await?;
        match leased {
            // Another owner is asking Stripe the same question now; its answer holds for this call too.
            ReleaseLease::LeasedElsewhere if Instant::now() < deadline => wait_for_other_owner().await,
            other => return Ok(other),
        }
    }
}

/// Asks Stripe to expire a held hold's session for its guest, and leaves the hold as it is if it did: its slot is handed over
/// next. Any other answer is applied. Returns the hold as it is then; `None` if there is no such hold.
///
/// # Errors
/// [`WorkflowError::Stripe`] if Stripe gave no answer: nothing has changed.
pub(super) async fn end_session(context: &Context, id: HoldId) -> Result<Option<Booking>, WorkflowError> {
    let booking = match lease_hold(context, id, Some(ReleaseRequester::Guest)).await? {
        ReleaseLease::Leased(booking) => booking,
        ReleaseLease::NotHeld(booking) => return Ok(Some(booking)),
        ReleaseLease::Missing => return Ok(None),
        ReleaseLease::LeasedElsewhere => return Err(WorkflowError::Stripe { retry_after: None }),
    };
    match expire_session(context, &StoredSession::from(&booking)).await {
        Ok(Some(Fact::SessionDead)) => Ok(Some(booking)),
        answer => {
            let booking = apply_answer(context, booking, answer, Actor::Guest).await?;
            // Stripe contradicts itself, so nothing is known.
            let is_known = booking.hold.status != Status::Held;
            is_known
                .then_some(Some(booking))
                .ok_or(WorkflowError::Stripe { retry_after: None })
        }
    }
}

/// Waits before the next look at a lease of another owner.
pub(super) async fn wait_for_other_owner() {
    tokio::time::sleep(LEASE_POLL).await;
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
    let owned = Arc::clone(context);
    context
        .run_in_task(async move { release_hold(&owned, id, requester, actor).await })
        .await
}

/// Releases a hold for an operator even if Stripe does not know its session, in a task of its own. If Stripe knows the
/// session, this is [`release_hold`].
///
/// # Errors
/// The same as [`release_hold`].
pub async fn release_without_stripe_in_task(
    context: &Arc<Context>,
    id: HoldId,
    actor: Actor,
) -> Result<ReleaseOutcome, WorkflowError> {
    let owned = Arc::clone(context);
    context
        .run_in_task(async move { release_without_stripe(&owned, id, actor).await })
        .await
}

/// Releases a hold for an operator even if Stripe does not know its session.
async fn release_without_stripe(
    context: &Context,
    id: HoldId,
    actor: Actor,
) -> Result<ReleaseOutcome, WorkflowError> {
    let released = unknown_session::release_unknown_session(context, id, None, actor.clone()).await;
    match released.map_err(to_stripe_error)? {
        UnknownRelease::Over(booking) => Ok(ReleaseOutcome::Over(booking)),
        UnknownRelease::Missing => Ok(ReleaseOutcome::Missing),
        // Without a version that must be, none is another one: Stripe decides, as if it knew the session.
        UnknownRelease::Known | UnknownRelease::Changed => {
            release_hold(context, id, Some(ReleaseRequester::Operator), actor).await
        }
    }
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
        Status::Held => expire_session(context, &StoredSession::from(&booking)).await,
        _ => read_payment_result(context, &StoredSession::from(&booking)).await,
    };
    apply_answer(context, booking, answer, actor).await
}

/// Applies what Stripe answered for a leased hold, or gives the lease back.
async fn apply_answer(
    context: &Context,
    booking: Booking,
    answer: Result<Option<Fact>, NoVerdict>,
    actor: Actor,
) -> Result<Booking, WorkflowError> {
    let next = NextQuestion::after(&actor);
    match answer {
        Ok(Some(fact)) => {
            let before = booking.hold.status;
            let after = apply_fact::apply_fact(context, booking, &fact, actor).await?;
            // The answer did not decide the payment. Ask again later, but not with every sweep.
            if (before, after.hold.status) == (Status::Processing, Status::Processing) {
                return_hold(context, &after, next, false).await?;
            }
            Ok(after)
        }
        Ok(None) => {
            return_hold(context, &booking, next, false).await?;
            Ok(booking)
        }
        Err(error) => {
            // If the call may have reached Stripe, the session may expire for this requester: the store keeps the name.
            tracing::warn!(hold = %booking.hold.id.log_id(), %error, "no answer from Stripe; the hold keeps its slot");
            return_hold(context, &booking, next, error.has_no_effect()).await?;
            Err(to_stripe_error(error))
        }
    }
}

/// Reads the result of a delayed payment; `None` if the payment is still in progress.
async fn read_payment_result(
    context: &Context,
    session: &StoredSession<'_>,
) -> Result<Option<Fact>, NoVerdict> {
    let fact = read_session(context, session).await?;
    let is_in_progress = matches!(&fact, Some(Fact::SessionCompleted(SessionPayment::Unpaid(_))));
    Ok(fact.filter(|_| !is_in_progress))
}

/// When the sweep asks Stripe next about a hold that is still undecided.
#[derive(Clone, Copy, PartialEq, Eq)]
enum NextQuestion {
    /// After a pause that doubles with each question of the sweep.
    Deferred,
    /// When it would have asked anyway, or sooner. Guests who ask for the slot while Stripe is down, however many, must
    /// not make the slot wait after Stripe is back.
    AsPlanned,
}

impl NextQuestion {
    fn after(actor: &Actor) -> Self {
        match actor {
            Actor::Sweep => Self::Deferred,
            _ => Self::AsPlanned,
        }
    }
}

/// Gives back the lease of a hold about which Stripe was not asked.
pub(super) async fn give_lease_back(context: &Context, booking: &Booking) -> Result<(), WorkflowError> {
    return_hold(context, booking, NextQuestion::AsPlanned, true).await
}

/// Gives back the lease of a hold that is still undecided.
async fn return_hold(
    context: &Context,
    booking: &Booking,
    next: NextQuestion,
    forget_requester: bool,
) -> Result<(), WorkflowError> {
    let (id, tries) = (booking.hold.id, booking.tries + 1);
    let wait = match booking.hold.status {
        Status::Processing => {
            context.settings.ask_processing_after * (1 << tries.min(MAX_PROCESSING_DOUBLINGS))
        }
        _ => backoff(tries, rand::random()),
    };
    let (store, due_at) = (&context.store, context.database_now().await? + wait);
    match next {
        NextQuestion::Deferred => store.defer_hold(id, due_at, forget_requester).await?,
        NextQuestion::AsPlanned => store.return_lease(id, due_at, forget_requester).await?,
    }
    Ok(())
}
