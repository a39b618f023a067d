//! Tests the members of `PUT /v1/admin/event-types/{id}`: terms that Stripe would refuse are never stored.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Route, Untouched, expect_faults};
use crate::support::app::ApiResponse;
use crate::support::on_both_engines;

const ROUTE: Route = Route::EventTypes;
const MEMBERS: [&str; 5] = ["name", "resource", "duration_minutes", "amount", "currency"];

async fn put_event_type(app: &Untouched, body: Value) -> ApiResponse {
    app.admin(Method::PUT, "/v1/admin/event-types/new", Some(body))
        .await
}

async fn assert_refused(app: &Untouched, member: &str, values: impl IntoIterator<Item = Value>) {
    for value in values {
        let case: String = format!("{member}: {value}").chars().take(200).collect();
        expect_faults(
            &case,
            put_event_type(app, ROUTE.with(member, value)).await,
            &[member],
        );
    }
}

on_both_engines! {
    async fn missing_null_or_mistyped_member_is_named(engine) {
        let app = Untouched::start(engine).await;
        for member in MEMBERS {
            expect_faults(member, put_event_type(&app, ROUTE.without(member)).await, &[member]);
            assert_refused(&app, member, [Value::Null, json!(true), json!([]), json!({}), json!([30])]).await;
        }
        for member in ["name", "resource", "currency"] {
            assert_refused(&app, member, [json!(5000), json!(1.5)]).await;
        }
        app.assert_untouched().await;
    }

    async fn all_faults_are_named_at_once(engine) {
        let app = Untouched::start(engine).await;
        expect_faults("{}", put_event_type(&app, json!({})).await, &["amount", "currency", "duration_minutes", "name", "resource"]);
        let body = json!({"name": "", "resource": "Ana", "duration_minutes": 0, "amount": "5000", "tax": 19, "id": "x"});
        let answer = app.admin(Method::PUT, "/v1/admin/event-types/New", Some(body)).await;
        // The `id` in the path is not a valid name. The one in the body is ignored, because `GET` shows it.
        let all = ["amount", "currency", "duration_minutes", "id", "name", "resource", "tax"];
        expect_faults("all", answer, &all);
        app.assert_untouched().await;
    }

    async fn amount_that_stripe_does_not_charge_is_refused(engine) {
        let app = Untouched::start(engine).await;
        for (amount, currency) in [
            (1, "eur"), (49, "usd"), (49, "eur"), (29, "gbp"), (49, "jpy"), (49, "krw"), (199, "aed"), (999, "mxn"),
            (5050, "isk"), (17_400, "huf"), (20_050, "huf"), (10_050, "twd"), (5050, "ugx"), (5124, "kwd"), (5125, "bhd"),
            (5121, "jod"), (5129, "omr"), (5123, "tnd"),
        ] {
            let mut body = ROUTE.with("amount", json!(amount));
            body["currency"] = json!(currency);
            expect_faults(&format!("{amount} {currency}"), put_event_type(&app, body).await, &["amount"]);
        }
        app.assert_untouched().await;
    }

    async fn amount_is_a_whole_number_stripe_accepts(engine) {
        let app = Untouched::start(engine).await;
        assert_refused(&app, "amount", [
            json!(0), json!(-1), json!(1.5), json!(5000.0), json!(1e3), json!(100_000_000_i64), json!(i64::MAX),
            json!(i64::MIN), json!(u64::MAX), json!(1e30), json!("5000"), json!(""),
        ]).await;
        app.assert_untouched().await;
    }

    async fn duration_is_a_minute_to_a_week(engine) {
        let app = Untouched::start(engine).await;
        assert_refused(&app, "duration_minutes", [
            json!(0), json!(-1), json!(10_081), json!(i64::MAX), json!(i64::MIN), json!(u64::MAX), json!(0.5), json!("30"),
        ]).await;
        app.assert_untouched().await;
    }

    async fn currency_is_lower_case_and_known_to_stripe(engine) {
        let app = Untouched::start(engine).await;
        let bad = ["", "EUR", "Eur", "eu", "euro", "xxx", "btc", "hrk", "eur ", "€", "eur\u{0}", "978"];
        assert_refused(&app, "currency", bad.map(Value::from)).await;
        app.assert_untouched().await;
    }

    async fn checkout_options_follow_stripes_rules(engine) {
        let app = Untouched::start(engine).await;
        let long = "A".repeat(23);
        for (member, value) in [
            ("tax_behavior", json!("inclusive")), ("tax_behavior", json!("unspecified")), ("tax_code", json!("txcd_1")),
            ("billing_address", json!("never")), ("submit_type", json!("subscribe")), ("phone", json!("yes")),
            ("statement_descriptor_suffix", json!("1234")), ("statement_descriptor_suffix", json!("YOGA*")),
            ("statement_descriptor_suffix", json!(long)), ("promotion_codes", json!(1)), ("after_expiration", json!({})),
        ] {
            let body = ROUTE.with("checkout", json!({member: value}));
            let case = format!("{member}: {value}");
            expect_faults(&case, put_event_type(&app, body).await, &[&*format!("checkout.{member}")]);
        }
        let url = format!("https://shop.example/{}", "a".repeat(2048));
        assert_refused(&app, "images", [
            json!("https://shop.example/a.jpg"), json!(["http://shop.example/a.jpg"]), json!(["a.jpg"]), json!([url]),
            json!(["https://ada@shop.example/a.jpg"]), json!(["https://shop.example/a b.jpg"]), json!([""]),
            json!(vec!["https://shop.example/a.jpg"; 9]),
        ]).await;
        app.assert_untouched().await;
    }

    async fn names_keep_their_limits(engine) {
        let app = Untouched::start(engine).await;
        let long = "x".repeat(201);
        assert_refused(&app, "name", ["", " ", "a\u{0}b", "a\nb", &long].map(Value::from)).await;
        let long = "x".repeat(65);
        assert_refused(&app, "resource", ["", "Ana", "a b", "ana/1", "änä", "ana\u{0}", &long].map(Value::from)).await;
        app.assert_untouched().await;
    }
}
