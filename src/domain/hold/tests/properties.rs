//! Properties of the state table: what holds after any sequence of facts.

use proptest::prelude::*;

use super::*;

proptest! {
    /// I5: a repeated report changes nothing.
    #[test]
    fn repeated_report_has_one_effect(reports in proptest::collection::vec((some_report(), any::<bool>()), 1..12)) {
        let mut hold = hold_of_column("held");
        let mut commands = Vec::new();
        for (report, free) in &reports {
            hold = apply_report(hold, report, *free, &mut commands);
            let again = apply_report(hold.clone(), report, *free, &mut commands);
            prop_assert_eq!(&again, &hold, "{:?} again", report);
        }
    }

    /// I3: a payment is recorded once, never kept for a hold without a slot, and never refunded twice.
    #[test]
    fn payment_is_never_kept_without_slot(reports in proptest::collection::vec((some_report(), any::<bool>()), 1..16)) {
        let mut hold = hold_of_column("held");
        let mut commands = Vec::new();
        for (report, free) in &reports {
            hold = apply_report(hold, report, *free, &mut commands);
            let mut intents: Vec<_> = hold.payments.iter().map(|payment| &payment.intent).collect();
            intents.sort();
            intents.dedup();
            prop_assert_eq!(intents.len(), hold.payments.len(), "a payment is recorded twice");
            let kept = hold.payments.iter().filter(|payment| payment.state == PaymentState::Paid).count();
            prop_assert!(hold.status.is_live() || kept == 0, "money without slot: {:?}", hold);
            for payment in &hold.payments {
                let ordered: i64 = payment.decisions.orders.iter().map(|order| order.amount).sum();
                let decided = payment.decisions.keep + payment.decisions.covered + ordered;
                prop_assert_eq!(decided, payment.money.amount, "each cent is decided once");
            }
            let mut refunds = commands.clone();
            refunds.sort();
            refunds.dedup();
            prop_assert_eq!(refunds.len(), commands.len(), "a refund is ordered twice: {:?}", commands);
        }
    }

    /// I2: a held hold is released only if Stripe says that the session is dead or the payment failed.
    #[test]
    fn only_stripe_ends_unpaid_hold(report in some_report()) {
        let next = apply_report(hold_of_column("held"), &report, true, &mut Vec::new());
        if matches!(next.status, Status::Released(_)) {
            prop_assert!(matches!(report, Report::Fact(Fact::SessionDead | Fact::AsyncFailed)));
        }
    }
}
