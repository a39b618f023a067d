//! Tests of a hold that an operator released while its payment was in progress: whatever comes later, the money goes back.

use proptest::prelude::*;

use super::*;
use crate::domain::hold::release_processing;

fn release(hold: &Hold) -> Transition {
    release_processing(hold).unwrap()
}

fn ask_about_session() -> CommandAction {
    CommandAction::ExpireSession(hold_of_column("processing").session)
}

#[test]
fn only_a_processing_hold_is_released() {
    for name in ["held", "confirmed", "released", "late", "cancelled"] {
        assert_eq!(release_processing(&hold_of_column(name)), None, "{name}");
    }
    let released = release(&hold_of_column("processing"));
    assert_eq!(released.next.status, Status::Released(ReleaseReason::Operator));
    assert_eq!(released.commands, [ask_about_session()]);
}

#[test]
fn money_that_waited_goes_back_with_the_release() {
    let waiting = decide(
        &hold_of_column("processing"),
        &Fact::IntentSucceeded(low()),
        HoldPolicy::default(),
    );
    let Decision::Change(waiting) = waiting else {
        panic!("{waiting:?}");
    };
    let released = release(&waiting.next);
    let refund = CommandAction::Refund {
        intent: low().intent,
        money: eur(100),
        order: 0,
    };
    assert_eq!(released.commands, [refund, ask_about_session()]);
}

proptest! {
    /// The order of the facts does not matter, and a free slot is never taken back.
    #[test]
    fn money_for_a_released_processing_hold_goes_back(
        reports in proptest::collection::vec((some_report(), any::<bool>()), 1..16),
    ) {
        let released = release(&hold_of_column("processing"));
        let mut commands = released.commands;
        let mut hold = released.next;
        for (report, free) in &reports {
            hold = apply_report(hold, report, *free, &mut commands);
            prop_assert!(matches!(hold.status, Status::Released(_)), "{:?} after {:?}", hold.status, report);
            let kept = hold.payments.iter().filter(|payment| payment.state == PaymentState::Paid).count();
            prop_assert_eq!(kept, 0, "money is kept after {:?}", report);
        }
        let mut refunds = commands.clone();
        refunds.sort();
        refunds.dedup();
        prop_assert_eq!(refunds.len(), commands.len(), "a refund is ordered twice: {:?}", commands);
    }
}
