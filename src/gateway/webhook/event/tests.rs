//! Tests of which fact each event carries, and that no body makes the parser panic.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::domain::ids::HoldId;
use crate::domain::money::{Currency, Money};

const HOLD: &str = "0193a1b2-0000-7000-8000-000000000001";

fn event(kind: &str, object: &Value) -> Value {
    json!({"id": "evt_1", "object": "event", "api_version": "2019-02-19", "created": 1, "type": kind,
           "livemode": false, "pending_webhooks": 1, "data": {"object": object}})
}

fn event_of(kind: &str, object: &Value) -> Event {
    parse_event(event(kind, object).to_string().as_bytes()).unwrap()
}

fn content_of(kind: &str, object: &Value) -> EventContent {
    event_of(kind, object).content
}

fn fact_of(kind: &str, object: &Value) -> Option<Fact> {
    match content_of(kind, object) {
        EventContent::Relevant { fact, .. } => Some(fact),
        EventContent::Unreadable(_) | EventContent::Irrelevant(_) => None,
    }
}

fn session(status: &str, payment: &str) -> Value {
    json!({"id": "cs_1", "object": "checkout.session", "status": status, "payment_status": payment,
           "payment_intent": "pi_1", "amount_total": 5000, "currency": "eur", "client_reference_id": HOLD,
           "metadata": {"holdfast_hold": HOLD, "holdfast_installation": "here"}})
}

fn payment_intent() -> Value {
    json!({"id": "pi_1", "object": "payment_intent", "amount_received": 5000, "currency": "eur",
           "last_payment_error": {"code": "card_declined", "message": "no"},
           "metadata": {"holdfast_hold": HOLD, "holdfast_installation": "here"}})
}

/// Returns what the metadata of the objects above claim.
fn claim() -> HoldClaim {
    HoldClaim {
        hold: HoldId::parse(HOLD).unwrap(),
        installation: "here".to_owned(),
    }
}

fn pi() -> IntentId {
    IntentId::new("pi_1")
}

fn receipt(amount: i64) -> Receipt {
    let currency = Currency::parse("eur").unwrap();
    Receipt {
        intent: pi(),
        money: Money { amount, currency },
        asked: None,
    }
}

#[test]
fn session_events_carry_their_facts() {
    let paid = Fact::SessionCompleted(SessionPayment::Paid(receipt(5000)));
    let waiting = Fact::SessionCompleted(SessionPayment::Unpaid(Some(pi())));
    let free = Fact::SessionCompleted(SessionPayment::NotRequired(None));
    let async_paid = Fact::AsyncSucceeded(receipt(5000));
    for (kind, status, payment, fact) in [
        ("completed", "complete", "paid", Some(paid.clone())),
        ("completed", "complete", "unpaid", Some(waiting)),
        ("completed", "complete", "no_payment_required", Some(free)),
        ("completed", "complete", "unheard_of", None),
        ("expired", "expired", "unpaid", Some(Fact::SessionDead)),
        (
            "async_payment_succeeded",
            "complete",
            "paid",
            Some(async_paid.clone()),
        ),
        (
            "async_payment_failed",
            "complete",
            "unpaid",
            Some(Fact::AsyncFailed),
        ),
        // If type and object contradict each other, the object decides.
        ("expired", "complete", "paid", Some(paid)),
        ("expired", "open", "unpaid", None),
        ("async_payment_failed", "complete", "paid", Some(async_paid)),
    ] {
        let kind = format!("checkout.session.{kind}");
        assert_eq!(
            fact_of(&kind, &session(status, payment)),
            fact,
            "{kind} {status} {payment}"
        );
    }
}

#[test]
fn intent_events_carry_their_facts() {
    let declined = Fact::IntentFailed(pi(), FailureCode::new("card_declined"));
    for (kind, fact) in [
        ("created", Fact::IntentLinked(pi())),
        ("processing", Fact::IntentLinked(pi())),
        ("requires_action", Fact::IntentLinked(pi())),
        ("succeeded", Fact::IntentSucceeded(receipt(5000))),
        ("payment_failed", declined),
        ("canceled", Fact::IntentCanceled(pi())),
    ] {
        let kind = format!("payment_intent.{kind}");
        assert_eq!(fact_of(&kind, &payment_intent()), Some(fact), "{kind}");
    }
    let mut without_error = payment_intent();
    without_error["last_payment_error"] = json!(null);
    let fact = Fact::IntentFailed(pi(), FailureCode::new(""));
    assert_eq!(
        fact_of("payment_intent.payment_failed", &without_error),
        Some(fact)
    );
}

#[test]
fn refund_and_dispute_events_are_for_the_ledger() {
    let charge = json!({"id": "ch_1", "payment_intent": "pi_1", "amount": 5000, "amount_refunded": 2000,
                        "currency": "eur", "refunded": false});
    let refund = json!({"id": "re_1", "payment_intent": "pi_1", "amount": 5000, "currency": "eur",
                        "status": "failed", "created": 1});
    let dispute = json!({"id": "du_1", "payment_intent": "pi_1", "amount": 5000, "currency": "eur",
                         "status": "lost", "created": 1});
    for (kind, object) in [
        ("charge.refunded", &charge),
        ("refund.created", &refund),
        ("refund.updated", &refund),
        ("refund.failed", &refund),
        ("charge.refund.updated", &refund),
        ("charge.dispute.created", &dispute),
        ("charge.dispute.updated", &dispute),
        ("charge.dispute.closed", &dispute),
        ("charge.dispute.funds_withdrawn", &dispute),
        ("charge.dispute.funds_reinstated", &dispute),
    ] {
        let event = event_of(kind, object);
        assert_eq!(
            event.content,
            EventContent::Irrelevant(IgnoreReason::ReportedElsewhere),
            "{kind}"
        );
        let intent = event.ledger.as_ref().and_then(|fact| fact.intent().cloned());
        assert_eq!(intent, Some(pi()), "{kind}");
    }
}

#[test]
fn event_with_our_metadata_names_hold_and_payment() {
    let EventContent::Relevant { refs, money, .. } =
        content_of("checkout.session.completed", &session("complete", "paid"))
    else {
        panic!("no relevant content");
    };
    assert_eq!(refs.claim, Some(claim()));
    assert_eq!(refs.session, Some(SessionId::new("cs_1")));
    assert_eq!(refs.intent, Some(pi()));
    assert_eq!(money, Some(receipt(5000)));
}

#[test]
fn client_reference_id_claims_nothing() {
    for metadata in [
        json!({"order": "17"}),
        json!({"holdfast_hold": HOLD}),
        json!(null),
    ] {
        let mut foreign = session("complete", "paid");
        foreign["metadata"] = metadata;
        let EventContent::Relevant { refs, .. } = content_of("checkout.session.completed", &foreign) else {
            panic!("no relevant content");
        };
        assert_eq!(refs.claim, None, "{foreign}");
    }
}

#[test]
fn ignored_events_carry_a_reason() {
    use IgnoreReason::{IncompleteObject, ThinEvent, UnknownType};
    assert_eq!(
        content_of("plan.created", &json!({})),
        EventContent::Irrelevant(UnknownType)
    );
    assert_eq!(
        content_of("checkout.session.completed", &json!({})),
        EventContent::Irrelevant(IncompleteObject)
    );
    let without_intent = event_of("charge.refunded", &json!({"payment_intent": null}));
    assert_eq!(without_intent.ledger, None);
    assert_eq!(without_intent.content, EventContent::Irrelevant(IncompleteObject));
    let thin = json!({"id": "evt_2", "object": "v2.core.event", "livemode": true,
                      "type": "checkout.session.completed", "related_object": {"id": "cs_1"}});
    let thin = parse_event(thin.to_string().as_bytes()).unwrap();
    assert_eq!(
        (thin.livemode, thin.content),
        (true, EventContent::Irrelevant(ThinEvent))
    );
}

#[test]
fn unreadable_event_keeps_what_it_claims() {
    let claimed = EventContent::Unreadable(claim());
    let mut unpriced = session("complete", "paid");
    unpriced["amount_total"] = json!("5000");
    assert_eq!(content_of("checkout.session.completed", &unpriced), claimed);
    for kind in ["charge.refunded", "refund.created", "charge.dispute.created"] {
        assert_eq!(content_of(kind, &unpriced), claimed, "{kind}");
    }
    assert_eq!(
        content_of("plan.created", &unpriced),
        EventContent::Irrelevant(IgnoreReason::UnknownType)
    );
}

#[test]
fn malformed_body_is_refused_quickly() {
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let deep_inside = format!(r#"{{"id":"evt_1","type":"x","livemode":false,"y":{deep}}}"#);
    for body in [
        &b"\xff\xfe"[..],
        br#"{"id":"evt_1","type":"a","livemode":false,"x":"\xff"}"#,
        b"",
        b"null",
        b"[]",
        b"{\"id\": \"evt_1\"",
        br#"{"id": 1, "type": "x", "livemode": false}"#,
        deep.as_bytes(),
        deep_inside.as_bytes(),
        &[b'['; 1 << 20],
    ] {
        assert_eq!(
            parse_event(body),
            Err(MalformedEvent),
            "{:?}…",
            &body[..body.len().min(40)]
        );
    }
}

const KINDS: &[&str] = &[
    "checkout.session.completed",
    "checkout.session.expired",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "charge.refunded",
    "refund.failed",
    "charge.dispute.created",
    "charge.dispute.closed",
];

/// Every field that some fact is read from.
const FIELDS: &[&str] = &[
    "id",
    "status",
    "payment_status",
    "payment_intent",
    "metadata",
    "client_reference_id",
    "amount_total",
    "amount_received",
    "amount",
    "amount_refunded",
    "currency",
    "last_payment_error",
];

fn odd_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        Just(json!([[], {}])),
        Just(json!({"id": 5, "code": [], "holdfast_hold": "not-an-id"})),
    ]
}

fn all_fields() -> Value {
    let mut all = session("complete", "paid");
    all["amount"] = json!(5000);
    all["amount_refunded"] = json!(5000);
    all["amount_received"] = json!(5000);
    all
}

proptest! {
    #[test]
    fn arbitrary_body_never_panics(body: Vec<u8>) {
        let _ = parse_event(&body);
    }

    #[test]
    fn field_of_an_unexpected_type_never_panics(
        kind in prop::sample::select(KINDS),
        field in prop::sample::select(FIELDS),
        value in odd_value(),
    ) {
        let mut object = all_fields();
        object[field] = value;
        content_of(kind, &object);
    }

    #[test]
    fn unneeded_fields_do_not_change_the_content(
        kind in prop::sample::select(KINDS),
        field in "[a-z_]{1,12}",
        value in odd_value(),
    ) {
        prop_assume!(!FIELDS.contains(&&*field));
        let plain = all_fields();
        let mut odd = plain.clone();
        odd[&field] = value;
        prop_assert_eq!(content_of(kind, &odd), content_of(kind, &plain));
    }

    #[test]
    fn event_with_one_changed_byte_never_panics(position: prop::sample::Index, change in 1..=255_u8) {
        let mut body = event("checkout.session.completed", &all_fields()).to_string().into_bytes();
        let position = position.index(body.len());
        body[position] ^= change;
        let _ = parse_event(&body);
    }
}
