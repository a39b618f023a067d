//! Tests of which payments confirm a hold, and which go back: of its own session, of others, and of intents alone.

use proptest::prelude::*;

use super::*;

fn after(hold: &Hold, fact: &Fact) -> Transition {
    match decide(hold, fact, HoldPolicy::default()) {
        Decision::Change(step) => step,
        other => panic!("{fact:?}: {other:?}"),
    }
}

fn refund_of_low() -> CommandAction {
    CommandAction::Refund {
        intent: low().intent,
        money: eur(100),
    }
}

#[test]
fn own_session_confirms_what_its_intent_brought_before() {
    let waiting = after(&hold_of_column("held"), &Fact::IntentSucceeded(low())).next;
    assert_eq!((waiting.status, waiting.price_mismatch), (Status::Held, false));
    let own = after(&waiting, &Fact::SessionCompleted(SessionPayment::Paid(low())));
    assert_eq!(
        (own.next.status, own.next.price_mismatch),
        (Status::Confirmed, true)
    );
    assert_eq!((own.next.payments.len(), own.commands.len()), (1, 0));
    // The refund may be reported before the session.
    let refund = Fact::Refunded {
        paid: low(),
        refunded: 100,
    };
    let refunded = after(&waiting, &refund).next;
    let own = after(&refunded, &Fact::SessionCompleted(SessionPayment::Paid(low())));
    assert_eq!(own.next.status, Status::Cancelled(CancelReason::Refunded));
}

#[test]
fn only_a_session_tells_that_the_amount_is_another() {
    let more = Receipt {
        money: eur(6000),
        ..receipt("pi_1")
    };
    let own_session = Fact::SessionCompleted(SessionPayment::Paid(more.clone()));
    let paid = after(&hold_of_column("held"), &Fact::IntentSucceeded(more.clone())).next;
    assert_eq!((paid.status, paid.price_mismatch), (Status::Confirmed, false));
    let flagged = after(&paid, &own_session).next;
    assert_eq!(
        (flagged.status, flagged.price_mismatch),
        (Status::Confirmed, true)
    );
    let again = decide(&flagged, &own_session, HoldPolicy::default());
    assert_eq!(again, Decision::Stay(TransitionReason::AlreadySo));
    let late = decide(&hold_of_column("released"), &own_session, HoldPolicy::default());
    let Decision::Reclaim { free, taken } = late else {
        panic!("no reclaim");
    };
    assert!(free.next.price_mismatch && taken.next.price_mismatch);
}

#[test]
fn waiting_money_goes_back_unless_it_is_of_the_own_session() {
    let waiting = after(&hold_of_column("held"), &Fact::IntentSucceeded(low())).next;
    for (fact, status) in [
        (Fact::SessionDead, Status::Released(ReleaseReason::Expired)),
        (Fact::AsyncFailed, Status::Released(ReleaseReason::PaymentFailed)),
        (Fact::OtherSessionPaid(low()), Status::Held),
        (Fact::IntentSucceeded(receipt("pi_1")), Status::Confirmed),
        (Fact::AsyncSucceeded(receipt("pi_1")), Status::Confirmed),
        (
            Fact::SessionCompleted(SessionPayment::NotRequired),
            Status::Confirmed,
        ),
        (Fact::DisputeOpened(receipt("pi_1")), Status::Confirmed),
    ] {
        let step = after(&waiting, &fact);
        assert_eq!(
            (step.next.status, step.commands),
            (status, vec![refund_of_low()]),
            "{fact:?}"
        );
    }
    let refunded = Fact::Refunded {
        paid: receipt("pi_1"),
        refunded: 5000,
    };
    let step = after(&waiting, &refunded);
    assert_eq!(step.next.status, Status::Cancelled(CancelReason::Refunded));
    assert_eq!(step.commands, [refund_of_low()]);
}

#[test]
fn price_in_another_currency_is_not_the_price() {
    let yen = Receipt {
        intent: IntentId::new("pi_2"),
        money: Money {
            amount: 5000,
            currency: Currency::parse("jpy").unwrap(),
        },
    };
    let step = after(&hold_of_column("held"), &Fact::OtherSessionPaid(yen));
    assert_eq!(step.next.status, Status::Held);
}

#[test]
fn other_sessions_facts_are_only_about_money() {
    let paid = Fact::SessionCompleted(SessionPayment::Paid(low()));
    let unpaid = Fact::SessionCompleted(SessionPayment::Unpaid(Some(low().intent)));
    for (fact, meaning) in [
        (paid, Some(Fact::OtherSessionPaid(low()))),
        (Fact::AsyncSucceeded(low()), Some(Fact::OtherSessionPaid(low()))),
        (unpaid, Some(Fact::IntentLinked(low().intent))),
        (Fact::SessionCompleted(SessionPayment::Unpaid(None)), None),
        (Fact::SessionCompleted(SessionPayment::NotRequired), None),
        (Fact::SessionDead, None),
        (Fact::AsyncFailed, None),
    ] {
        assert_eq!(fact.clone().from_other_session(), meaning, "{fact:?}");
    }
}

fn facts_below_the_price() -> Vec<Fact> {
    let mut facts = facts();
    facts.retain(|fact| {
        matches!(fact, Fact::OtherSessionPaid(paid) | Fact::IntentSucceeded(paid) if *paid == low())
            || matches!(fact, Fact::Refunded { paid, .. } if *paid == low())
            || matches!(fact, Fact::DisputeOpened(paid) if *paid == low())
            || matches!(
                fact,
                Fact::SessionDead | Fact::IntentLinked(_) | Fact::RefundFailed(_)
            )
    });
    facts.push(Fact::DisputeClosed {
        intent: low().intent,
        won: true,
    });
    facts
}

#[test]
fn shop_may_keep_booking_after_full_refund() {
    let keep = HoldPolicy {
        full_refund_frees_slot: false,
    };
    let full = Fact::Refunded {
        paid: receipt("pi_1"),
        refunded: 5000,
    };
    match decide(&hold_of_column("confirmed"), &full, keep) {
        Decision::Change(step) => {
            assert_eq!(step.next.status, Status::Confirmed);
            assert_eq!(step.next.payments[0].state, PaymentState::Refunded);
        }
        other => panic!("{other:?}"),
    }
}

proptest! {
    /// Less than the price confirms only if the hold's own session took it.
    #[test]
    fn low_payment_from_elsewhere_never_confirms(
        facts in proptest::collection::vec((proptest::sample::select(facts_below_the_price()), any::<bool>()), 1..12),
    ) {
        let mut hold = hold_of_column("held");
        for (fact, free) in &facts {
            hold = apply_fact(hold, fact, *free, &mut Vec::new());
            prop_assert_ne!(hold.status, Status::Confirmed, "{:?}", fact);
        }
    }
}
