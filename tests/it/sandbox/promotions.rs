//! Tests discounts and taxes of a session, whenever the guest enters the code.

use holdfast::sandbox::{ControlError, PaymentOutcome};
use serde_json::{Value, json};

use super::fixture::{SESSION_FORM, SimulatorFixture, read_response};

/// Creates an open session that takes promotion codes, with these parameters more.
async fn create_session(fixture: &SimulatorFixture, more: &str) -> String {
    let form = format!("{SESSION_FORM}&allow_promotion_codes=true{more}");
    let request = fixture.form("/v1/checkout/sessions", &form);
    let (status, body) = read_response(request.send().await.unwrap()).await;
    assert_eq!(status, 200, "{body}");
    body["id"].as_str().unwrap().to_owned()
}

/// Reads the session with its intent.
async fn read(fixture: &SimulatorFixture, id: &str) -> Value {
    let request = fixture.get(&format!("/v1/checkout/sessions/{id}?expand[]=payment_intent"));
    read_response(request.send().await.unwrap()).await.1
}

#[tokio::test]
async fn code_after_a_declined_card_changes_what_is_charged() {
    const TAX: &str = "&automatic_tax[enabled]=true&line_items[0][price_data][tax_behavior]=";
    for (tax, total, of_tax) in [("", 4000, 0), ("exclusive", 4800, 800), ("inclusive", 4000, 667)] {
        let fixture = SimulatorFixture::start_explicit().await;
        let more = if tax.is_empty() {
            String::new()
        } else {
            format!("{TAX}{tax}")
        };
        let id = create_session(&fixture, &more).await;
        fixture.simulator.pay(&id, PaymentOutcome::Declined).unwrap();
        fixture.simulator.apply_promotion_code(&id, "OFF20").unwrap();
        fixture.simulator.pay(&id, PaymentOutcome::Paid).unwrap();
        let paid = read(&fixture, &id).await;
        assert_eq!(
            (&paid["amount_total"], &paid["total_details"]["amount_tax"]),
            (&json!(total), &json!(of_tax))
        );
        assert_eq!(paid["payment_intent"]["amount_received"], total, "{tax}");
    }
}

#[tokio::test]
async fn code_for_everything_after_a_declined_card_needs_no_intent() {
    let fixture = SimulatorFixture::start_explicit().await;
    let more = "&automatic_tax[enabled]=true&line_items[0][price_data][tax_behavior]=exclusive";
    let id = create_session(&fixture, more).await;
    fixture.simulator.pay(&id, PaymentOutcome::Declined).unwrap();
    fixture.simulator.apply_promotion_code(&id, "OFF100").unwrap();
    fixture.simulator.pay(&id, PaymentOutcome::Paid).unwrap();
    let free = read(&fixture, &id).await;
    assert_eq!(
        (
            &free["amount_total"],
            &free["payment_status"],
            &free["payment_intent"]
        ),
        (&json!(0), &json!("no_payment_required"), &Value::Null)
    );
    assert_eq!(fixture.simulator.intents()[0].status, "canceled");
}

#[tokio::test]
async fn discount_leaves_an_amount_that_can_be_charged() {
    let fixture = SimulatorFixture::start_explicit().await;
    let id = create_session(
        &fixture,
        "&line_items[0][price_data][currency]=kwd&line_items[0][price_data][unit_amount]=1010",
    )
    .await;
    fixture.simulator.apply_promotion_code(&id, "OFF33").unwrap();
    let left = fixture.simulator.session(&id).unwrap().amount_total;
    assert_eq!((left, left % 10), (1360, 0), "the currency has three decimals");
    let id = create_session(&fixture, "").await;
    for (code, is_taken) in [("OFF99", true), ("OFF100", true)] {
        assert_eq!(
            fixture.simulator.apply_promotion_code(&id, code).is_ok(),
            is_taken,
            "{code}"
        );
    }
    let id = create_session(&fixture, "&line_items[0][price_data][unit_amount]=100").await;
    let refused = fixture.simulator.apply_promotion_code(&id, "OFF80");
    assert!(matches!(refused, Err(ControlError::Refused(_))), "{refused:?}");
    assert_eq!(fixture.simulator.session(&id).unwrap().amount_total, 200);
}
