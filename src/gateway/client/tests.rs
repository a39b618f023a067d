//! Tests of the requests to Stripe: what a session asks for, and what is refused before a call.

use chrono::DateTime;
use url::Url;

use super::*;
use crate::domain::checkout_options::{
    BillingAddress, CheckoutOptions, StatementSuffix, SubmitType, TaxBehavior, TaxCode,
};
use crate::domain::ids::HoldId;
use crate::domain::locale::Locale;
use crate::domain::money::{self, Money};
use crate::domain::session::PageTerms;
use crate::gateway::stripe_config::STRIPE_API;

fn terms() -> SessionTerms {
    SessionTerms {
        hold: HoldId(Uuid::from_u128(7)),
        event_type: None,
        name: "Cut & colour, 60′".into(),
        price: Money {
            amount: 5000,
            currency: money::Currency::parse("eur").unwrap(),
        },
        quantity: 1,
        email: "ada+1@example.com".into(),
        ui: CheckoutUi::Hosted,
        success_url: "https://shop.example/paid?session={CHECKOUT_SESSION_ID}&a=b c".into(),
        cancel_url: "https://shop.example/back".into(),
        expires_at: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
        payment_methods: vec![PaymentMethod::parse("card").unwrap()],
        installation: "here".into(),
        page: Default::default(),
    }
}

#[test]
fn create_session_sends_exactly_these_parameters() {
    let request = build_session_request(&terms()).build();
    assert_eq!(request.path, "/checkout/sessions");
    let body = request.body.unwrap();
    let sent: BTreeMap<String, String> = url::form_urlencoded::parse(body.as_bytes())
        .into_owned()
        .collect();
    let hold = "00000000-0000-0000-0000-000000000007";
    let expected = [
        ("adaptive_pricing[enabled]", "false"),
        ("allowed_payment_method_types[0]", "card"),
        ("cancel_url", "https://shop.example/back"),
        ("client_reference_id", hold),
        ("customer_email", "ada+1@example.com"),
        ("expires_at", "1800000000"),
        ("line_items[0][price_data][currency]", "eur"),
        (
            "line_items[0][price_data][product_data][name]",
            "Cut & colour, 60′",
        ),
        ("line_items[0][price_data][unit_amount]", "5000"),
        ("line_items[0][quantity]", "1"),
        ("metadata[holdfast_hold]", hold),
        ("metadata[holdfast_installation]", "here"),
        ("mode", "payment"),
        ("payment_intent_data[metadata][holdfast_hold]", hold),
        ("payment_intent_data[metadata][holdfast_installation]", "here"),
        (
            "success_url",
            "https://shop.example/paid?session={CHECKOUT_SESSION_ID}&a=b c",
        ),
    ];
    let expected = expected.map(|(k, v)| (k.to_owned(), v.to_owned()));
    assert_eq!(sent, BTreeMap::from(expected), "{body}");
}

#[test]
fn embedded_page_returns_to_the_success_url() {
    let embedded = SessionTerms {
        ui: CheckoutUi::Embedded,
        ..terms()
    };
    let body = build_session_request(&embedded).build().body.unwrap();
    let sent: BTreeMap<_, _> = url::form_urlencoded::parse(body.as_bytes())
        .into_owned()
        .collect();
    let value = |name: &str| sent.get(name).map(String::as_str);
    assert_eq!(value("ui_mode"), Some("embedded_page"));
    assert_eq!(value("return_url"), Some(embedded.success_url.as_str()));
    assert_eq!(
        (value("success_url"), value("cancel_url")),
        (None, None),
        "{body}"
    );
}

#[test]
fn session_asks_for_what_the_event_type_does() {
    let mut asked = terms();
    asked.page = PageTerms {
        line: Some("Tuesday, 10:00".to_owned()),
        locale: Locale::parse("en-GB"),
        options: CheckoutOptions {
            promotion_codes: true,
            automatic_tax: true,
            tax_behavior: Some(TaxBehavior::Inclusive),
            tax_code: TaxCode::parse("txcd_20030000").ok(),
            phone: true,
            billing_address: BillingAddress::Required,
            terms_consent: true,
            statement_descriptor_suffix: StatementSuffix::parse("YOGA").ok(),
            submit_type: SubmitType::Book,
            invoice: true,
            images: vec!["https://shop.example/a.jpg".to_owned()],
        },
    };
    let parameters = |terms: &SessionTerms| {
        let body = build_session_request(terms).build().body.unwrap();
        let pairs = url::form_urlencoded::parse(body.as_bytes()).into_owned();
        pairs.collect::<BTreeMap<String, String>>()
    };
    let (mut sent, plain) = (parameters(&asked), parameters(&terms()));
    sent.retain(|name, _| !plain.contains_key(name));
    let expected = [
        ("allow_promotion_codes", "true"),
        ("automatic_tax[enabled]", "true"),
        ("billing_address_collection", "required"),
        ("consent_collection[terms_of_service]", "required"),
        ("invoice_creation[enabled]", "true"),
        (
            "line_items[0][price_data][product_data][description]",
            "Tuesday, 10:00",
        ),
        (
            "line_items[0][price_data][product_data][images][0]",
            "https://shop.example/a.jpg",
        ),
        (
            "line_items[0][price_data][product_data][tax_code]",
            "txcd_20030000",
        ),
        ("line_items[0][price_data][tax_behavior]", "inclusive"),
        ("locale", "en-GB"),
        ("payment_intent_data[statement_descriptor_suffix]", "YOGA"),
        ("phone_number_collection[enabled]", "true"),
        ("submit_type", "book"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(sent, BTreeMap::from(expected));
}

#[test]
fn same_terms_make_the_same_body() {
    let body = || with_sorted_body(build_session_request(&terms()).build()).body;
    assert_eq!(body(), body());
}

#[test]
fn id_that_would_change_the_path_is_refused() {
    for bad in ["", "cs_1/../cs_2", "..", "cs_1?expand=x", "cs 1", "cs_ä"] {
        assert!(checked_path_segment(bad).is_err(), "{bad}");
    }
    assert_eq!(checked_path_segment("cs_test_a1B2"), Ok("cs_test_a1B2"));
}

#[test]
fn key_with_control_characters_is_a_setup_error() {
    let config = StripeConfig::new("sk_test\n1".into(), Url::parse(STRIPE_API).unwrap());
    assert!(matches!(StripeGateway::new(&config), Err(SetupError::Key)));
}
