//! Tests of the state table: every pair of status and fact, and the invariants that hold for all of them.

use proptest::prelude::*;
use uuid::Uuid;

mod payments;
mod properties;
mod released_processing;

use super::*;
use crate::domain::command::CommandAction;
use crate::domain::ids::{CommandId, DisputeId, HoldId, IntentId, RefundId, SessionId};
use crate::domain::ledger::snapshots::{
    DisputeSnapshot, DisputeStatus, PaymentFacts, RefundSnapshot, RefundStatus,
};
use crate::domain::money::{Currency, Money};
use crate::domain::payment::{PaymentState, Receipt, SessionTotals};
use crate::domain::session::SessionPayment;

/// What follows from each fact in each status. `-`: nothing. A status: the hold gets it. `note`: the status stays, but
/// something is recorded. `reclaim`: confirmed if the slot is free, else refunded. `+refund`: this payment is refunded.
/// `+expire`: the hold's own session is expired. Facts name the intent `pi_1`. It paid in `confirmed`; its refund is due
/// in `late` (released, late_payment_refunded) and done in `cancelled` (refunded). `released` never had a payment.
/// `nothing due`: a promotion code took the whole price. `other`: another session with another intent. `low`: 1 EUR of another intent, where the price is 50 EUR. The refund of
/// `order` is the one that `late` ordered; the others are made by hand.
const TABLE: &str = "
fact              | held               | processing         | confirmed    | released  | late | cancelled
completed paid    | confirmed          | confirmed          | -            | reclaim   | -    | -
completed unpaid  | processing         | -                  | -            | note      | -    | -
completed free    | confirmed          | confirmed          | -            | -         | -    | -
nothing due       | confirmed          | confirmed          | -            | reclaim   | -    | -
completed other   | confirmed          | confirmed          | note+refund  | reclaim   | reclaim | note+refund
other same intent | confirmed+expire   | confirmed+expire   | note+expire  | reclaim   | -    | -
other             | confirmed+expire   | confirmed+expire   | note+refund  | reclaim   | reclaim | note+refund
other low         | note+refund        | note+refund        | note+refund  | released/late_payment_refunded+refund | note+refund | note+refund
intent low        | note               | note               | note+refund  | released/late_payment_refunded+refund | note+refund | note+refund
session dead      | released/expired   | -                  | -            | -         | -    | -
async succeeded   | confirmed          | confirmed          | -            | reclaim   | -    | -
async failed      | released/payment_failed | released/payment_failed | -  | -         | -    | -
intent linked     | note               | -                  | -            | note      | -    | -
intent succeeded  | confirmed          | confirmed          | -            | reclaim   | -    | -
intent failed     | note               | note               | -            | note      | -    | -
intent canceled   | note               | note               | -            | note      | -    | -
refunded full     | -                  | -                  | cancelled/refunded | -    | note | -
refunded part     | -                  | -                  | note         | -         | note | -
refund pending    | -                  | -                  | -            | -         | -    | -
order refunded    | -                  | -                  | cancelled/refunded | -   | note | note
order failed      | -                  | -                  | -            | -         | note | -
dispute opened    | -                  | -                  | note         | -         | note | note
inquiry           | -                  | -                  | -            | -         | -    | -
dispute won       | -                  | -                  | -            | -         | -    | -
dispute lost      | -                  | -                  | note         | -         | note | -
";

pub(super) fn eur(amount: i64) -> Money {
    Money {
        amount,
        currency: Currency::parse("eur").unwrap(),
    }
}

fn low() -> Receipt {
    Receipt {
        asked: None,
        intent: IntentId::new("pi_low"),
        money: eur(100),
    }
}

pub(super) fn receipt(intent: &str) -> Receipt {
    Receipt {
        asked: None,
        intent: IntentId::new(intent),
        money: eur(5000),
    }
}

/// The totals of a session that sold for 50 EUR.
pub(super) fn totals(discount: i64, tax: i64, total: i64) -> SessionTotals {
    SessionTotals {
        subtotal: 5000,
        discount,
        tax,
        total,
        currency: Currency::parse("eur").unwrap(),
    }
}

const ORDER: CommandId = CommandId(Uuid::from_u128(7));

fn facts_of(refund: RefundSnapshot) -> PaymentFacts {
    PaymentFacts {
        refunds: [(refund.id.clone(), refund)].into(),
        ..PaymentFacts::default()
    }
}

pub(super) fn refund(status: &str, amount: i64, command: Option<CommandId>) -> PaymentFacts {
    let id = RefundId::new(if command.is_some() {
        "re_ordered"
    } else {
        "re_hand"
    });
    facts_of(RefundSnapshot {
        status: RefundStatus::from_word(status),
        money: eur(amount),
        failure_reason: None,
        command,
        intent: Some(IntentId::new("pi_1")),
        charge: None,
        created: chrono::DateTime::UNIX_EPOCH,
        id,
    })
}

fn dispute(status: &str, amount: i64) -> PaymentFacts {
    let dispute = DisputeSnapshot {
        status: DisputeStatus::from_word(status),
        money: eur(amount),
        reason: None,
        due_by: None,
        intent: Some(IntentId::new("pi_1")),
        charge: None,
        created: chrono::DateTime::UNIX_EPOCH,
        id: DisputeId::new("du_1"),
    };
    PaymentFacts {
        disputes: [(dispute.id.clone(), dispute)].into(),
        ..PaymentFacts::default()
    }
}

/// Makes a hold, with a payment of the whole price where `payment` is a state: `Paid`, `RefundDue` or `Refunded` by hand.
pub(super) fn hold(status: Status, payment: Option<PaymentState>) -> Hold {
    let mut hold = Hold::new(HoldId(Uuid::from_u128(1)), SessionId::new("cs_1"), eur(5000));
    hold.status = status;
    hold.intent = (status == Status::Processing).then(|| IntentId::new("pi_1"));
    if let Some(state) = payment {
        let facts = match state {
            PaymentState::Refunded => refund("succeeded", 5000, None),
            _ => PaymentFacts::default(),
        };
        let mut payment = receipt("pi_1").to_payment(facts);
        if state == PaymentState::RefundDue {
            payment.give_back();
            payment.decisions.orders[0].command = Some(ORDER);
        }
        assert_eq!(payment.state, state);
        hold.intent = Some(IntentId::new("pi_1"));
        hold.payments.push(payment);
    }
    hold
}

/// Something that Stripe reports: a fact about the hold, or about the money of its payment.
#[derive(Clone, Debug)]
enum Report {
    Fact(Fact),
    Money(&'static str, PaymentFacts),
}

impl Report {
    /// Merges a report about money, as the store does, and returns the fact that the hold learns.
    fn merge_into(&self, hold: &mut Hold) -> Fact {
        match self {
            Self::Fact(fact) => fact.clone(),
            Self::Money(_, facts) => {
                let intent = IntentId::new("pi_1");
                match hold.payments.iter_mut().find(|payment| payment.intent == intent) {
                    Some(payment) => payment.facts = payment.facts.clone().merge(facts.clone()),
                    None => {
                        let known = hold.unmatched.remove(&intent).unwrap_or_default();
                        hold.unmatched.insert(intent.clone(), known.merge(facts.clone()));
                    }
                }
                Fact::MoneyMoved(intent)
            }
        }
    }
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
        "cancelled" => hold(
            Status::Cancelled(CancelReason::Refunded),
            Some(PaymentState::Refunded),
        ),
        other => panic!("no column {other}"),
    }
}

/// One fact for each row of the table. A new kind of fact does not compile until [`row_of`] names its row.
fn facts() -> Vec<Fact> {
    let pi = || IntentId::new("pi_1");
    vec![
        Fact::SessionCompleted(SessionPayment::Paid(receipt("pi_1"))),
        Fact::SessionCompleted(SessionPayment::Unpaid(Some(pi()))),
        Fact::SessionCompleted(SessionPayment::NotRequired(None)),
        Fact::SessionCompleted(SessionPayment::NotRequired(Some(totals(5000, 0, 0)))),
        Fact::SessionCompleted(SessionPayment::Paid(receipt("pi_2"))),
        Fact::OtherSessionPaid(receipt("pi_1")),
        Fact::OtherSessionPaid(receipt("pi_2")),
        Fact::OtherSessionPaid(low()),
        Fact::IntentSucceeded(low()),
        Fact::SessionDead,
        Fact::AsyncSucceeded(receipt("pi_1")),
        Fact::AsyncFailed,
        Fact::IntentLinked(pi()),
        Fact::IntentSucceeded(receipt("pi_1")),
        Fact::IntentFailed(pi(), FailureCode::new("card_declined")),
        Fact::IntentCanceled(pi()),
    ]
}

/// All reports: the facts, and what Stripe may report about the money of the payment.
fn reports() -> Vec<Report> {
    let money = [
        ("refunded full", refund("succeeded", 5000, None)),
        ("refunded part", refund("succeeded", 2000, None)),
        ("refund pending", refund("pending", 5000, None)),
        ("order refunded", refund("succeeded", 5000, Some(ORDER))),
        ("order failed", refund("failed", 5000, Some(ORDER))),
        ("dispute opened", dispute("needs_response", 5000)),
        ("inquiry", dispute("warning_needs_response", 5000)),
        ("dispute won", dispute("won", 5000)),
        ("dispute lost", dispute("lost", 5000)),
    ];
    let money = money.into_iter().map(|(row, facts)| Report::Money(row, facts));
    facts().into_iter().map(Report::Fact).chain(money).collect()
}

fn row_of_report(report: &Report) -> &'static str {
    match report {
        Report::Fact(fact) => row_of(fact),
        Report::Money(row, _) => row,
    }
}

fn row_of(fact: &Fact) -> &'static str {
    match fact {
        Fact::SessionCompleted(SessionPayment::Paid(receipt)) if receipt.intent.as_str() == "pi_1" => {
            "completed paid"
        }
        Fact::SessionCompleted(SessionPayment::Paid(_)) => "completed other",
        Fact::SessionCompleted(SessionPayment::Unpaid(_)) => "completed unpaid",
        Fact::SessionCompleted(SessionPayment::NotRequired(None)) => "completed free",
        Fact::SessionCompleted(SessionPayment::NotRequired(Some(_))) => "nothing due",
        Fact::OtherSessionPaid(receipt) if *receipt == low() => "other low",
        Fact::OtherSessionPaid(receipt) if receipt.intent.as_str() == "pi_1" => "other same intent",
        Fact::OtherSessionPaid(_) => "other",
        Fact::IntentSucceeded(receipt) if *receipt == low() => "intent low",
        Fact::SessionDead => "session dead",
        Fact::AsyncSucceeded(_) => "async succeeded",
        Fact::AsyncFailed => "async failed",
        Fact::IntentLinked(_) => "intent linked",
        Fact::IntentSucceeded(_) => "intent succeeded",
        Fact::IntentFailed(..) => "intent failed",
        Fact::IntentCanceled(_) => "intent canceled",
        Fact::MoneyMoved(_) => panic!("it has no row of its own"),
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
    for report in reports() {
        let row = rows
            .iter()
            .find(|row| row[0] == row_of_report(&report))
            .unwrap_or_else(|| panic!("no row for {report:?}"));
        for (name, expected) in head.iter().zip(row).skip(1) {
            let mut before = hold_of_column(name);
            let fact = report.merge_into(&mut before);
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

fn some_report() -> impl Strategy<Value = Report> {
    proptest::sample::select(reports())
}

/// Applies a report as the workflow would, with the slot free or taken.
fn apply_report(
    mut hold: Hold,
    report: &Report,
    slot_is_free: bool,
    commands: &mut Vec<CommandAction>,
) -> Hold {
    let fact = report.merge_into(&mut hold);
    let step = match decide(&hold, &fact, HoldPolicy::default()) {
        Decision::Stay(_) => return hold,
        Decision::Change(step) => step,
        Decision::Reclaim { free, .. } if slot_is_free => free,
        Decision::Reclaim { taken, .. } => taken,
    };
    commands.extend(step.commands);
    let mut next = step.next;
    // What the payment's own event brought is noted at once, as the workflow does.
    let noted = decide(
        &next,
        &Fact::MoneyMoved(IntentId::new("pi_1")),
        HoldPolicy::default(),
    );
    if let Decision::Change(step) = noted {
        next = step.next;
    }
    next
}
