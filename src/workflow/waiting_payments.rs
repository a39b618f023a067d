//! Gives money that came before its hold to the hold, once it is placed, and sends it back if the hold never will be.
//!
//! A guest can pay before the answer to our call for the session arrives. The store lets that money wait while the attempt
//! may still place the hold. The checkout that places it goes on here; if its process dies in between, the sweep does.

use super::apply_fact;
use super::ask_session;
use super::context::Context;
use super::error::WorkflowError;
use super::unknown_session::StoredSession;
use crate::domain::booking::{Actor, Booking};
use crate::domain::hold::{Fact, Hold};
use crate::domain::ids::HoldId;
use crate::domain::session::SessionPayment;
use crate::store::WaitingPayment;

/// How many holds one sweep looks at.
const BATCH: u32 = 100;

/// Gives the money that waits for a hold to the hold, which was just placed. Returns the hold as it is then. A failure is left
/// to the sweep, because the hold is committed.
pub(super) async fn settle_placed(context: &Context, placed: Booking) -> Booking {
    let id = placed.hold.id;
    let settled = async {
        settle_hold(context, id, Actor::Checkout).await?;
        Ok::<_, WorkflowError>(context.store.find_booking(id).await?)
    };
    match settled.await {
        Ok(Some(booking)) => booking,
        Ok(None) => placed,
        Err(error) => {
            tracing::warn!(hold = %id.log_id(), %error, "money for the hold not noted; the sweep tries again");
            placed
        }
    }
}

/// Settles the money that waits although its attempt has ended: a process died, or was of a version that does not look.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub(super) async fn settle_waits(context: &Context) -> Result<(), WorkflowError> {
    for hold in context.store.list_unsettled_waits(BATCH).await? {
        if let Err(error) = settle_hold(context, hold, Actor::Sweep).await {
            tracing::warn!(hold = %hold.log_id(), %error, "waiting money not settled; the next sweep tries again");
        }
    }
    Ok(())
}

async fn settle_hold(context: &Context, hold: HoldId, actor: Actor) -> Result<(), WorkflowError> {
    for waiting in context.store.list_waiting_payments(hold).await? {
        let Some(booking) = context.store.find_booking(hold).await? else {
            return give_back(context, hold).await;
        };
        let fact = find_fact(context, &waiting, &booking).await?;
        apply_fact::apply_fact(context, booking, &fact, actor.clone()).await?;
    }
    Ok(())
}

async fn give_back(context: &Context, hold: HoldId) -> Result<(), WorkflowError> {
    if context.store.give_back_waiting(hold, context.now()).await? > 0 {
        context.new_commands.notify_one();
    }
    Ok(())
}

/// Returns what a waiting payment means for its hold. If its own session took another amount than the price, the session is
/// read: its totals may explain that, and only they do.
///
/// # Errors
/// [`WorkflowError`] if Stripe gave no answer. The money waits on: without the totals the hold would be flagged for good.
async fn find_fact(
    context: &Context,
    waiting: &WaitingPayment,
    booking: &Booking,
) -> Result<Fact, WorkflowError> {
    let hold = &booking.hold;
    if waiting.session.as_ref() == Some(&hold.session) && waiting.receipt.money != hold.price {
        let read = ask_session::read_session(context, &StoredSession::from(booking)).await;
        if let Some(fact) = read.map_err(ask_session::to_stripe_error)?
            && fact
                .receipt()
                .is_some_and(|receipt| receipt.intent == waiting.receipt.intent)
        {
            return Ok(fact);
        }
    }
    Ok(to_fact(waiting, hold))
}

/// Returns what a waiting payment means for its hold. Only now is it known which session is the hold's own.
fn to_fact(waiting: &WaitingPayment, hold: &Hold) -> Fact {
    let receipt = waiting.receipt.clone();
    match &waiting.session {
        None => Fact::IntentSucceeded(receipt),
        Some(session) if *session == hold.session => Fact::SessionCompleted(SessionPayment::Paid(receipt)),
        Some(_) => Fact::OtherSessionPaid(receipt),
    }
}
