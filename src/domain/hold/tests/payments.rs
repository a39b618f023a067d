//! Tests of which payments confirm a hold, and which go back: of its own session, of others, and of intents alone.

use proptest::prelude::*;

use super::*;
use crate::domain::payment::{Payment, SessionTotals};

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
        order: 0,
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
    let mut refunded = waiting;
    refunded.payments[0].facts = refund("succeeded", 100, None);
    let refunded = after(&refunded, &Fact::MoneyMoved(low().intent)).next;
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

/// Makes the receipt of the own session with these totals, whose intent received `received`.
fn sold(asked: SessionTotals, received: i64) -> Receipt {
    Receipt {
        intent: IntentId::new("pi_1"),
        money: eur(received),
        asked: Some(Box::new(asked)),
    }
}

#[test]
fn discounts_and_taxes_explain_another_total() {
    let dearer = SessionTotals {
        subtotal: 5001,
        ..totals(0, 0, 5001)
    };
    let dollars = SessionTotals {
        currency: Currency::parse("usd").unwrap(),
        ..totals(0, 0, 5000)
    };
    for (asked, received, is_flagged) in [
        (totals(0, 0, 5000), 5000, false),
        (totals(1000, 0, 4000), 4000, false),
        (totals(0, 798, 5000), 5000, false),
        (totals(0, 950, 5950), 5950, false),
        (totals(1000, 760, 4760), 4760, false),
        (totals(1000, 760, 5000), 5000, true),
        (totals(0, 0, 4000), 4000, true),
        (totals(-500, 0, 5500), 5500, true),
        (totals(0, -500, 4500), 4500, true),
        (totals(1000, 0, 4000), 5000, true),
        (dearer, 5001, true),
        (dollars, 5000, true),
    ] {
        let paid = Fact::SessionCompleted(SessionPayment::Paid(sold(asked, received)));
        let next = after(&hold_of_column("held"), &paid).next;
        assert_eq!(
            (next.status, next.price_mismatch),
            (Status::Confirmed, is_flagged),
            "{asked:?} {received}"
        );
    }
}

#[test]
fn intent_and_session_must_agree_in_any_order() {
    let session = Fact::SessionCompleted(SessionPayment::Paid(sold(totals(0, 0, 5000), 5000)));
    for (received, is_flagged) in [(5000, false), (6000, true)] {
        let intent = Fact::IntentSucceeded(Receipt {
            money: eur(received),
            ..receipt("pi_1")
        });
        for facts in [[&session, &intent], [&intent, &session]] {
            let mut hold = hold_of_column("held");
            for fact in facts {
                if let Decision::Change(step) = decide(&hold, fact, HoldPolicy::default()) {
                    hold = step.next;
                }
            }
            assert_eq!(
                (hold.status, hold.price_mismatch),
                (Status::Confirmed, is_flagged),
                "{facts:?}"
            );
        }
    }
}

#[test]
fn code_for_the_whole_price_leaves_nothing_owed() {
    let free = |asked| Fact::SessionCompleted(SessionPayment::NotRequired(Some(asked)));
    let paid = after(&hold_of_column("held"), &free(totals(5000, 0, 0)));
    let next = &paid.next;
    assert_eq!(
        (next.status, next.price_mismatch, next.owes_nothing),
        (Status::Confirmed, false, true)
    );
    assert!(paid.commands.is_empty() && next.payments.is_empty());
    let flagged = after(&hold_of_column("held"), &free(totals(4000, 0, 0))).next;
    assert!(flagged.price_mismatch && flagged.owes_nothing);
    let late = decide(
        &hold_of_column("released"),
        &free(totals(5000, 0, 0)),
        HoldPolicy::default(),
    );
    let Decision::Reclaim { free, taken } = late else {
        panic!("no reclaim");
    };
    assert!(free.next.owes_nothing && free.commands.is_empty() && taken.commands.is_empty());
    assert_eq!(
        taken.next.status,
        Status::Released(ReleaseReason::LatePaymentRefunded)
    );
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
            Fact::SessionCompleted(SessionPayment::NotRequired(None)),
            Status::Confirmed,
        ),
    ] {
        let step = after(&waiting, &fact);
        assert_eq!(
            (step.next.status, step.commands),
            (status, vec![refund_of_low()]),
            "{fact:?}"
        );
    }
}

#[test]
fn price_in_another_currency_is_not_the_price() {
    let yen = Receipt {
        asked: None,
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
        (Fact::SessionCompleted(SessionPayment::NotRequired(None)), None),
        (Fact::SessionDead, None),
        (Fact::AsyncFailed, None),
    ] {
        assert_eq!(fact.clone().from_other_session(), meaning, "{fact:?}");
    }
}

/// Refunds and disputes may be known before the payment itself. Whatever the order, the hold ends the same.
#[test]
fn refund_before_its_payment_ends_like_one_after_it() {
    for (column, slot_is_free) in [
        ("held", true),
        ("released", true),
        ("released", false),
        ("confirmed", true),
    ] {
        let paid = Report::Fact(Fact::IntentSucceeded(receipt("pi_1")));
        let refunded = Report::Money("refunded full", refund("succeeded", 5000, None));
        let run = |reports: [&Report; 2]| {
            let mut commands = Vec::new();
            let hold = reports.into_iter().fold(hold_of_column(column), |hold, report| {
                apply_report(hold, report, slot_is_free, &mut commands)
            });
            (
                hold.status.is_live(),
                hold.payments.iter().map(Payment::sums).collect::<Vec<_>>(),
            )
        };
        let (before, after) = (run([&refunded, &paid]), run([&paid, &refunded]));
        assert_eq!(before, after, "{column}, free: {slot_is_free}");
        assert!(
            before
                .1
                .iter()
                .all(|sums| sums.refunded == 5000 && sums.adds_up())
        );
    }
}

#[test]
fn only_what_is_left_of_a_late_payment_goes_back() {
    let mut released = hold_of_column("released");
    let facts = refund("succeeded", 2000, None);
    released.unmatched.insert(IntentId::new("pi_1"), facts);
    let late = decide(
        &released,
        &Fact::IntentSucceeded(receipt("pi_1")),
        HoldPolicy::default(),
    );
    let Decision::Reclaim { taken, .. } = late else {
        panic!("no reclaim");
    };
    let amounts: Vec<_> = taken.next.payments[0]
        .decisions
        .orders
        .iter()
        .map(|order| order.amount)
        .collect();
    assert_eq!(amounts, [3000]);
    assert!(taken.next.payments[0].sums().adds_up());
}

fn reports_below_the_price() -> Vec<Report> {
    let mut facts = facts();
    facts.retain(|fact| {
        matches!(fact, Fact::OtherSessionPaid(paid) | Fact::IntentSucceeded(paid) if *paid == low())
            || matches!(fact, Fact::SessionDead | Fact::IntentLinked(_))
    });
    let mut reports: Vec<Report> = facts.into_iter().map(Report::Fact).collect();
    reports.extend(
        super::reports()
            .into_iter()
            .filter(|report| matches!(report, Report::Money(..))),
    );
    reports
}

#[test]
fn shop_may_keep_booking_after_full_refund() {
    let keep = HoldPolicy {
        full_refund_frees_slot: false,
    };
    let mut hold = hold_of_column("confirmed");
    hold.payments[0].facts = refund("succeeded", 5000, None);
    match decide(&hold, &Fact::MoneyMoved(IntentId::new("pi_1")), keep) {
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
        reports in proptest::collection::vec((proptest::sample::select(reports_below_the_price()), any::<bool>()), 1..12),
    ) {
        let mut hold = hold_of_column("held");
        for (report, free) in &reports {
            hold = apply_report(hold, report, *free, &mut Vec::new());
            prop_assert_ne!(hold.status, Status::Confirmed, "{:?}", report);
        }
    }
}

#[test]
fn payment_of_another_amount_confirms_and_is_flagged() {
    for money in [
        eur(4999),
        Money {
            amount: 5000,
            currency: Currency::parse("usd").unwrap(),
        },
    ] {
        let paid = SessionPayment::Paid(Receipt {
            asked: None,
            intent: IntentId::new("pi_1"),
            money,
        });
        match decide(
            &hold_of_column("held"),
            &Fact::SessionCompleted(paid),
            HoldPolicy::default(),
        ) {
            Decision::Change(step) => {
                assert_eq!(step.next.status, Status::Confirmed);
                assert!(step.next.price_mismatch);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn late_payment_without_slot_is_refunded_once_and_in_full() {
    let late = Fact::SessionCompleted(SessionPayment::Paid(receipt("pi_1")));
    let Decision::Reclaim { free, taken } = decide(&hold_of_column("released"), &late, HoldPolicy::default())
    else {
        panic!("no reclaim");
    };
    assert_eq!(free.next.status, Status::Confirmed);
    assert!(free.commands.is_empty());
    assert_eq!(
        taken.next.status,
        Status::Released(ReleaseReason::LatePaymentRefunded)
    );
    assert_eq!(
        taken.commands,
        [CommandAction::Refund {
            intent: IntentId::new("pi_1"),
            money: eur(5000),
            order: 0,
        }]
    );
    assert!(matches!(
        decide(&taken.next, &late, HoldPolicy::default()),
        Decision::Stay(_)
    ));
}
