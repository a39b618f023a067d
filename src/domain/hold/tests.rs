//! Tests of the state table: every pair of status and fact, and the invariants that hold for all of them.

use proptest::prelude::*;
use uuid::Uuid;

mod payments;

use super::*;
use crate::domain::command::CommandAction;
use crate::domain::ids::{HoldId, IntentId, SessionId};
use crate::domain::money::{Currency, Money};
use crate::domain::payment::{PaymentState, Receipt};
use crate::domain::session::SessionPayment;

/// What follows from each fact in each status. `-`: nothing. A status: the hold gets it. `note`: the status stays, but
/// something is recorded. `reclaim`: confirmed if the slot is free, else refunded. `+refund`: this payment is refunded.
/// `+expire`: the hold's own session is expired. Facts name the intent `pi_1`. It paid in `confirmed`; its refund is due
/// in `late` (released, late_payment_refunded) and done in `cancelled` (refunded). `released` never had a payment.
/// `other`: another session with another intent. `low`: 1 EUR of another intent, where the price is 50 EUR.
const TABLE: &str = "
fact              | held               | processing         | confirmed    | released  | late | cancelled
completed paid    | confirmed          | confirmed          | -            | reclaim   | -    | -
completed unpaid  | processing         | -                  | -            | note      | -    | -
completed free    | confirmed          | confirmed          | -            | -         | -    | -
completed other   | confirmed          | confirmed          | note+refund  | reclaim   | reclaim | note+refund
other same intent | confirmed+expire   | confirmed+expire   | note+expire  | reclaim   | -    | -
other             | confirmed+expire   | confirmed+expire   | note+refund  | reclaim   | reclaim | note+refund
other low         | note+refund        | note+refund        | note+refund  | released/late_payment_refunded+refund | note+refund | note+refund
intent low        | note               | note               | note+refund  | released/late_payment_refunded+refund | note+refund | note+refund
refunded low      | note               | note               | note         | released/late_payment_refunded | note | note
dispute low       | note               | note               | note         | note      | note | note
session dead      | released/expired   | -                  | -            | -         | -    | -
async succeeded   | confirmed          | confirmed          | -            | reclaim   | -    | -
async failed      | released/payment_failed | released/payment_failed | -  | -         | -    | -
intent linked     | note               | -                  | -            | note      | -    | -
intent succeeded  | confirmed          | confirmed          | -            | reclaim   | -    | -
intent failed     | note               | note               | -            | note      | -    | -
intent canceled   | note               | note               | -            | note      | -    | -
refunded full     | cancelled/refunded | cancelled/refunded | cancelled/refunded | cancelled/refunded | note | -
refunded part     | confirmed          | confirmed          | note         | reclaim   | note | -
refunded part low | note               | note               | note+refund  | released/late_payment_refunded+refund | note+refund | note+refund
refund failed     | -                  | -                  | -            | -         | note | note
dispute opened    | confirmed          | confirmed          | note         | note      | -    | -
dispute won       | -                  | -                  | -            | -         | -    | -
dispute lost      | -                  | -                  | -            | -         | -    | -
";

fn eur(amount: i64) -> Money {
    Money {
        amount,
        currency: Currency::parse("eur").unwrap(),
    }
}

fn low() -> Receipt {
    Receipt {
        intent: IntentId::new("pi_low"),
        money: eur(100),
    }
}

fn receipt(intent: &str) -> Receipt {
    Receipt {
        intent: IntentId::new(intent),
        money: eur(5000),
    }
}

pub(super) fn hold(status: Status, payment: Option<PaymentState>) -> Hold {
    let mut hold = Hold::new(HoldId(Uuid::from_u128(1)), SessionId::new("cs_1"), eur(5000));
    hold.status = status;
    hold.intent = (status == Status::Processing).then(|| IntentId::new("pi_1"));
    if let Some(state) = payment {
        hold.intent = Some(IntentId::new("pi_1"));
        hold.payments.push(receipt("pi_1").to_payment(state));
    }
    hold
}

/// Makes the hold that a column of the table is about.
fn hold_of_column(name: &str) -> Hold {
    match name {
        "held" => hold(Status::Held, None),
        "processing" => hold(Status::Processing, None),
        "confirmed" => hold(Status::Confirmed, Some(PaymentState::Paid)),
        "released" => hold(Status::Released(ReleaseReason::Expired), None),
        "late" => hold(
            Status::Released(ReleaseReason::LatePaymentRefunded),
            Some(PaymentState::RefundDue),
        ),
        "cancelled" => {
            let mut hold = hold(
                Status::Cancelled(CancelReason::Refunded),
                Some(PaymentState::Refunded),
            );
            hold.payments[0].refunded = 5000;
            hold
        }
        other => panic!("no column {other}"),
    }
}

/// One fact for each row of the table. A new kind of fact does not compile until [`row_of`] names its row.
fn facts() -> Vec<Fact> {
    let pi = || IntentId::new("pi_1");
    vec![
        Fact::SessionCompleted(SessionPayment::Paid(receipt("pi_1"))),
        Fact::SessionCompleted(SessionPayment::Unpaid(Some(pi()))),
        Fact::SessionCompleted(SessionPayment::NotRequired),
        Fact::SessionCompleted(SessionPayment::Paid(receipt("pi_2"))),
        Fact::OtherSessionPaid(receipt("pi_1")),
        Fact::OtherSessionPaid(receipt("pi_2")),
        Fact::OtherSessionPaid(low()),
        Fact::IntentSucceeded(low()),
        Fact::Refunded {
            paid: low(),
            refunded: 100,
        },
        Fact::Refunded {
            paid: low(),
            refunded: 50,
        },
        Fact::DisputeOpened(low()),
        Fact::SessionDead,
        Fact::AsyncSucceeded(receipt("pi_1")),
        Fact::AsyncFailed,
        Fact::IntentLinked(pi()),
        Fact::IntentSucceeded(receipt("pi_1")),
        Fact::IntentFailed(pi(), FailureCode::new("card_declined")),
        Fact::IntentCanceled(pi()),
        Fact::Refunded {
            paid: receipt("pi_1"),
            refunded: 5000,
        },
        Fact::Refunded {
            paid: receipt("pi_1"),
            refunded: 2000,
        },
        Fact::RefundFailed(pi()),
        Fact::DisputeOpened(receipt("pi_1")),
        Fact::DisputeClosed {
            intent: pi(),
            won: true,
        },
        Fact::DisputeClosed {
            intent: pi(),
            won: false,
        },
    ]
}

fn row_of(fact: &Fact) -> &'static str {
    match fact {
        Fact::SessionCompleted(SessionPayment::Paid(receipt)) if receipt.intent.as_str() == "pi_1" => {
            "completed paid"
        }
        Fact::SessionCompleted(SessionPayment::Paid(_)) => "completed other",
        Fact::SessionCompleted(SessionPayment::Unpaid(_)) => "completed unpaid",
        Fact::SessionCompleted(SessionPayment::NotRequired) => "completed free",
        Fact::OtherSessionPaid(receipt) if *receipt == low() => "other low",
        Fact::OtherSessionPaid(receipt) if receipt.intent.as_str() == "pi_1" => "other same intent",
        Fact::OtherSessionPaid(_) => "other",
        Fact::IntentSucceeded(receipt) if *receipt == low() => "intent low",
        Fact::Refunded { paid, refunded: 50 } if *paid == low() => "refunded part low",
        Fact::Refunded { paid, .. } if *paid == low() => "refunded low",
        Fact::DisputeOpened(receipt) if *receipt == low() => "dispute low",
        Fact::SessionDead => "session dead",
        Fact::AsyncSucceeded(_) => "async succeeded",
        Fact::AsyncFailed => "async failed",
        Fact::IntentLinked(_) => "intent linked",
        Fact::IntentSucceeded(_) => "intent succeeded",
        Fact::IntentFailed(..) => "intent failed",
        Fact::IntentCanceled(_) => "intent canceled",
        Fact::Refunded { paid, refunded } if *refunded >= paid.money.amount => "refunded full",
        Fact::Refunded { .. } => "refunded part",
        Fact::RefundFailed(_) => "refund failed",
        Fact::DisputeOpened(_) => "dispute opened",
        Fact::DisputeClosed { won: true, .. } => "dispute won",
        Fact::DisputeClosed { won: false, .. } => "dispute lost",
    }
}

fn state_name(status: Status) -> String {
    match status {
        Status::Held => "held".to_owned(),
        Status::Processing => "processing".to_owned(),
        Status::Confirmed => "confirmed".to_owned(),
        Status::Released(reason) => format!("released/{}", snake(&format!("{reason:?}"))),
        Status::Cancelled(reason) => format!("cancelled/{}", snake(&format!("{reason:?}"))),
    }
}

fn snake(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

/// Describes a decision as the table does.
fn describe(before: &Hold, decision: &Decision) -> String {
    match decision {
        Decision::Stay(_) => "-".to_owned(),
        Decision::Reclaim { .. } => "reclaim".to_owned(),
        Decision::Change(step) => {
            let status = if step.next.status == before.status {
                "note".to_owned()
            } else {
                state_name(step.next.status)
            };
            let named = |command: &CommandAction| match command {
                CommandAction::ExpireSession(_) => "+expire",
                CommandAction::Refund { .. } => "+refund",
            };
            status + &step.commands.iter().map(named).collect::<String>()
        }
    }
}

#[test]
fn every_fact_in_every_status_follows_the_table() {
    let mut lines = TABLE
        .trim()
        .lines()
        .map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    let head = lines.next().unwrap();
    let rows: Vec<Vec<&str>> = lines.collect();
    let mut seen = 0;
    for fact in facts() {
        let row = rows
            .iter()
            .find(|row| row[0] == row_of(&fact))
            .unwrap_or_else(|| panic!("no row for {fact:?}"));
        for (name, expected) in head.iter().zip(row).skip(1) {
            let before = hold_of_column(name);
            let decision = decide(&before, &fact, HoldPolicy::default());
            assert_eq!(
                describe(&before, &decision),
                *expected,
                "{} in {name}: {decision:?}",
                row[0]
            );
            seen += 1;
        }
    }
    assert_eq!(
        seen,
        rows.len() * (head.len() - 1),
        "a row of the table has no fact"
    );
}

#[test]
fn release_reason_is_who_asked_for_it() {
    let reason = |requested_by| {
        let held = Hold {
            requested_by,
            ..hold_of_column("held")
        };
        match decide(&held, &Fact::SessionDead, HoldPolicy::default()) {
            Decision::Change(step) => step.next.status,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(reason(None), Status::Released(ReleaseReason::Expired));
    assert_eq!(
        reason(Some(ReleaseRequester::Guest)),
        Status::Released(ReleaseReason::Guest)
    );
    assert_eq!(
        reason(Some(ReleaseRequester::Operator)),
        Status::Released(ReleaseReason::Operator)
    );
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
            money: eur(5000)
        }]
    );
    assert!(matches!(
        decide(&taken.next, &late, HoldPolicy::default()),
        Decision::Stay(_)
    ));
}

fn some_fact() -> impl Strategy<Value = Fact> {
    proptest::sample::select(facts())
}

/// Applies a fact as the workflow would, with the slot free or taken.
fn apply_fact(hold: Hold, fact: &Fact, slot_is_free: bool, commands: &mut Vec<CommandAction>) -> Hold {
    let step = match decide(&hold, fact, HoldPolicy::default()) {
        Decision::Stay(_) => return hold,
        Decision::Change(step) => step,
        Decision::Reclaim { free, taken } => {
            if slot_is_free {
                free
            } else {
                taken
            }
        }
    };
    commands.extend(step.commands);
    step.next
}

proptest! {
    /// I5: a repeated fact changes nothing.
    #[test]
    fn repeated_fact_has_one_effect(facts in proptest::collection::vec((some_fact(), any::<bool>()), 1..12)) {
        let mut hold = hold_of_column("held");
        let mut commands = Vec::new();
        for (fact, free) in &facts {
            hold = apply_fact(hold, fact, *free, &mut commands);
            let again = apply_fact(hold.clone(), fact, *free, &mut commands);
            prop_assert_eq!(&again, &hold, "{:?} again", fact);
        }
    }

    /// I3: a payment is recorded once, never kept for a hold without a slot, and never refunded twice.
    #[test]
    fn payment_is_never_kept_without_slot(facts in proptest::collection::vec((some_fact(), any::<bool>()), 1..16)) {
        let mut hold = hold_of_column("held");
        let mut commands = Vec::new();
        for (fact, free) in &facts {
            hold = apply_fact(hold, fact, *free, &mut commands);
            let mut intents: Vec<_> = hold.payments.iter().map(|payment| &payment.intent).collect();
            intents.sort();
            intents.dedup();
            prop_assert_eq!(intents.len(), hold.payments.len(), "a payment is recorded twice");
            let kept = hold.payments.iter().filter(|payment| payment.state == PaymentState::Paid).count();
            prop_assert!(hold.status.is_live() || kept == 0, "money without slot: {:?}", hold);
            prop_assert!(hold.payments.iter().all(|p| (0..=p.money.amount).contains(&p.refunded)));
            let mut refunds = commands.clone();
            refunds.sort();
            refunds.dedup();
            prop_assert_eq!(refunds.len(), commands.len(), "a refund is ordered twice: {:?}", commands);
        }
    }

    /// I2: a held hold is released only if Stripe says that the session is dead or the payment failed.
    #[test]
    fn only_stripe_ends_unpaid_hold(fact in some_fact()) {
        let next = apply_fact(hold_of_column("held"), &fact, true, &mut Vec::new());
        if matches!(next.status, Status::Released(_)) {
            prop_assert!(matches!(fact, Fact::SessionDead | Fact::AsyncFailed));
        }
    }
}
