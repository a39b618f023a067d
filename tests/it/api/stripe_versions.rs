//! Reads events of refunds and disputes as each API version renders them: all versions say the same.
//!
//! `stripe_versions/` has one file for each version: the events that one payment causes there, rendered from Stripe's
//! published example objects.

use chrono::{DateTime, Utc};
use holdfast::domain::ids::{ChargeId, CommandId, DisputeId, IntentId, RefundId};
use holdfast::domain::ledger::fact::LedgerFact;
use holdfast::domain::ledger::snapshots::{
    DisputeSnapshot, DisputeStatus, RefundSnapshot, RefundStatus, StripeWord,
};
use holdfast::domain::money::{Currency, Money};
use holdfast::gateway::webhook::{Event, parse_event};
use serde_json::{Value, json};
use uuid::Uuid;

const VERSIONS: [(&str, &str); 5] = [
    ("2022-08-01", include_str!("stripe_versions/2022-08-01.json")),
    ("2022-11-15", include_str!("stripe_versions/2022-11-15.json")),
    ("2023-10-16", include_str!("stripe_versions/2023-10-16.json")),
    (
        "2024-10-28.acacia",
        include_str!("stripe_versions/2024-10-28.acacia.json"),
    ),
    (
        "2026-09-30.endive",
        include_str!("stripe_versions/2026-09-30.endive.json"),
    ),
];
const START: i64 = 1_800_000_000;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(START + seconds, 0).unwrap()
}

fn eur(amount: i64) -> Money {
    let currency = Currency::parse("eur").unwrap();
    Money { amount, currency }
}

fn refund(status: RefundStatus) -> RefundSnapshot {
    let has_failed = status == RefundStatus::Failed;
    RefundSnapshot {
        status,
        money: eur(2000),
        failure_reason: has_failed.then(|| StripeWord::new("expired_or_canceled_card")),
        command: Some(CommandId(
            Uuid::try_parse("0193a1b2-0000-7000-8000-000000000001").unwrap(),
        )),
        intent: Some(IntentId::new("pi_3Q1")),
        charge: Some(ChargeId::new("ch_3Q1")),
        created: at(60),
        id: RefundId::new("re_3Q1"),
    }
}

fn dispute(status: DisputeStatus) -> DisputeSnapshot {
    let can_answer = status == DisputeStatus::NeedsResponse;
    DisputeSnapshot {
        status,
        money: eur(3000),
        reason: Some(StripeWord::new("fraudulent")),
        due_by: can_answer.then(|| at(864_000)),
        intent: Some(IntentId::new("pi_3Q1")),
        charge: Some(ChargeId::new("ch_3Q1")),
        created: at(120),
        id: DisputeId::new("du_1Q1"),
    }
}

/// Returns what the event of this type says, in every version.
fn expected_fact(version: &str, kind: &str) -> LedgerFact {
    let is_inline = version < "2022-11-15";
    match kind {
        "charge.refunded" => LedgerFact::ChargeRefunded {
            intent: IntentId::new("pi_3Q1"),
            paid: eur(5000),
            amount_refunded: 2000,
            refunds: is_inline
                .then(|| refund(RefundStatus::Succeeded))
                .into_iter()
                .collect(),
        },
        "refund.created" => LedgerFact::RefundSeen(refund(RefundStatus::Pending)),
        "refund.updated" | "refund.failed" | "charge.refund.updated" => {
            LedgerFact::RefundSeen(refund(RefundStatus::Failed))
        }
        "charge.dispute.created" | "charge.dispute.funds_withdrawn" => {
            LedgerFact::DisputeSeen(dispute(DisputeStatus::NeedsResponse))
        }
        "charge.dispute.updated" => LedgerFact::DisputeSeen(dispute(DisputeStatus::UnderReview)),
        _ => LedgerFact::DisputeSeen(dispute(DisputeStatus::Won)),
    }
}

fn events_of(file: &str) -> Vec<Value> {
    serde_json::from_str(file).unwrap()
}

fn parse(event: &Value) -> Event {
    parse_event(event.to_string().as_bytes()).unwrap()
}

#[test]
fn every_api_version_says_the_same_of_refunds_and_disputes() {
    for (version, file) in VERSIONS {
        let events = events_of(file);
        let kinds: Vec<&str> = events
            .iter()
            .map(|event| event["type"].as_str().unwrap())
            .collect();
        assert!(kinds.len() >= 7, "{version}");
        assert_eq!(
            kinds.contains(&"refund.failed"),
            version >= "2024-10-28",
            "{version}"
        );
        for event in &events {
            let kind = event["type"].as_str().unwrap();
            let read = parse(event).ledger;
            assert_eq!(read, Some(expected_fact(version, kind)), "{version} {kind}");
        }
    }
}

#[test]
fn expanded_charge_and_intent_are_read_like_their_ids() {
    for (version, file) in VERSIONS {
        for mut event in events_of(file) {
            let plain = parse(&event).ledger;
            let object = &mut event["data"]["object"];
            object["payment_intent"] = json!({"id": "pi_3Q1", "object": "payment_intent", "amount": 5000});
            if object["charge"].is_string() {
                object["charge"] = json!({"id": "ch_3Q1", "object": "charge", "payment_intent": "pi_3Q1"});
            }
            assert_eq!(parse(&event).ledger, plain, "{version} {}", event["type"]);
        }
    }
}

#[test]
fn unknown_status_is_read_with_its_word() {
    for (_, file) in VERSIONS {
        for mut event in events_of(file) {
            if event["data"]["object"]["status"].is_null() || event["type"] == "charge.refunded" {
                continue;
            }
            event["data"]["object"]["status"] = json!("half_way");
            let word = match parse(&event).ledger.unwrap() {
                LedgerFact::RefundSeen(refund) => match refund.status {
                    RefundStatus::Unknown(word) => word,
                    known => panic!("{known:?}"),
                },
                LedgerFact::DisputeSeen(dispute) => match dispute.status {
                    DisputeStatus::Unknown(word) => word,
                    known => panic!("{known:?}"),
                },
                other @ LedgerFact::ChargeRefunded { .. } => panic!("{other:?}"),
            };
            assert_eq!(word.as_str(), "half_way");
        }
    }
}
