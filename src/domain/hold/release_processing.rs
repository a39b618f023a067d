//! The rule by which an operator frees a slot whose delayed payment is still in progress.

use super::state::{Hold, ReleaseReason, ReleaseRequester, Status};
use super::steps::refund_other_payments;
use super::transition::Transition;
use super::transition_reason::TransitionReason;
use crate::domain::command::CommandAction;

/// Releases a `processing` hold on the word of the operator, while Stripe may still take money for it: an exception to I2.
/// `None` if no delayed payment is in progress.
///
/// The operator has decided that the guest does not get the slot. So the hold keeps who requested its release, and all money
/// that comes for it later goes back, even if the slot is free then ([`Hold::returns_late_money`]). Its session is complete and
/// cannot expire, so the command to expire it asks Stripe until the payment is decided: no event must be relied on for that.
pub fn release_processing(hold: &Hold) -> Option<Transition> {
    match hold.status {
        Status::Processing => {
            let mut next = Hold {
                status: Status::Released(ReleaseReason::Operator),
                requested_by: Some(ReleaseRequester::Operator),
                ..hold.clone()
            };
            // What was paid below the price waited for its session, and goes back.
            let mut commands = refund_other_payments(&mut next, None);
            commands.push(CommandAction::ExpireSession(hold.session.clone()));
            Some(Transition {
                next,
                commands,
                reason: TransitionReason::ReleasedWhileProcessing,
            })
        }
        Status::Held | Status::Confirmed | Status::Released(_) | Status::Cancelled(_) => None,
    }
}
