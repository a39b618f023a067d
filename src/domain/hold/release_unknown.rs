//! The rule by which an operator frees a slot whose session Stripe does not know.

use super::state::{Hold, ReleaseReason, ReleaseRequester, Status};
use super::steps::refund_other_payments;
use super::transition::Transition;
use super::transition_reason::TransitionReason;
use crate::domain::command::CommandAction;

/// Releases an unpaid hold on the word of the operator, because Stripe does not know its session. `None` if the hold is
/// not unpaid and live.
///
/// The session may still exist in another account, so a command expires it: with the wrong key it waits, and with the
/// right one it ends the session, or asks until its payment is decided, which is then a late payment (I3, I4).
pub fn release_unknown(hold: &Hold) -> Option<Transition> {
    match hold.status {
        Status::Held | Status::Processing => {
            let mut next = Hold {
                status: Status::Released(ReleaseReason::Operator),
                // Money for a processing hold goes back, in whatever way an operator releases it.
                requested_by: (hold.status == Status::Processing).then_some(ReleaseRequester::Operator),
                ..hold.clone()
            };
            // What was paid below the price waited for its session, and goes back.
            let mut commands = refund_other_payments(&mut next, None);
            commands.push(CommandAction::ExpireSession(hold.session.clone()));
            Some(Transition {
                next,
                commands,
                reason: TransitionReason::ReleasedWithoutStripe,
            })
        }
        Status::Confirmed | Status::Released(_) | Status::Cancelled(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::hold::CancelReason;
    use crate::domain::ids::{HoldId, SessionId};
    use crate::domain::money::{Currency, Money};

    #[test]
    fn only_an_unpaid_live_hold_is_released() {
        let price = Money {
            amount: 5000,
            currency: Currency::parse("eur").unwrap(),
        };
        let held = Hold::new(HoldId(Uuid::from_u128(1)), SessionId::new("cs_test_1"), price);
        for (status, releases) in [
            (Status::Held, true),
            (Status::Processing, true),
            (Status::Confirmed, false),
            (Status::Released(ReleaseReason::Expired), false),
            (Status::Cancelled(CancelReason::Guest), false),
        ] {
            let hold = Hold {
                status,
                ..held.clone()
            };
            let released = release_unknown(&hold);
            assert_eq!(released.is_some(), releases, "{status:?}");
            if let Some(transition) = released {
                assert_eq!(transition.next.status, Status::Released(ReleaseReason::Operator));
                assert_eq!(transition.next.returns_late_money(), status == Status::Processing);
                let expire = CommandAction::ExpireSession(hold.session.clone());
                assert_eq!(transition.commands, [expire]);
            }
        }
    }
}
