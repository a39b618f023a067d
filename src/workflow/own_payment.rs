//! Finds out whether an intent's money is what the hold's own session took.
//!
//! The intent's event does not say so, and may come before the session's. What follows must not depend on which is first: the
//! own session gets a released hold its slot back whatever the amount, because a discount may explain it.

use std::borrow::Cow;

use super::ask_session::{read_session, to_stripe_error};
use super::context::Context;
use super::error::WorkflowError;
use super::unknown_session::StoredSession;
use crate::domain::booking::Booking;
use crate::domain::hold::{Fact, is_session_needed};
use crate::domain::session::SessionPayment;

/// Returns what the hold's own session says of an intent's money, if only that decides about it and the money is the
/// session's; else the fact as it is.
///
/// # Errors
/// [`WorkflowError::Stripe`] if Stripe gave no answer, or the session may still turn out to be the intent's: Stripe must report
/// the money again.
pub(super) async fn find_own_payment<'a>(
    context: &Context,
    booking: &Booking,
    fact: &'a Fact,
) -> Result<Cow<'a, Fact>, WorkflowError> {
    let Fact::IntentSucceeded(receipt) = fact else {
        return Ok(Cow::Borrowed(fact));
    };
    if !is_session_needed(&booking.hold, receipt) {
        return Ok(Cow::Borrowed(fact));
    }
    let answer = read_session(context, &StoredSession::from(booking)).await;
    match answer.map_err(to_stripe_error)? {
        Some(own) if own.receipt().is_some_and(|paid| paid.intent == receipt.intent) => Ok(Cow::Owned(own)),
        // The intent has the money, and the session does not show it yet.
        Some(Fact::SessionCompleted(SessionPayment::Unpaid(Some(intent)))) if intent == receipt.intent => {
            Err(WorkflowError::Stripe { retry_after: None })
        }
        // An open session names its intent only once it is complete.
        None => Err(WorkflowError::Stripe { retry_after: None }),
        Some(_) => Ok(Cow::Borrowed(fact)),
    }
}
