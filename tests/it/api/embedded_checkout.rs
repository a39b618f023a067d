//! Tests of embedded Checkout: Stripe.js shows the payment page in the shop's own (S45).

use holdfast::domain::session::CheckoutUi;
use holdfast::sandbox::{Endpoint, FaultKind, Faults, PaymentOutcome};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::{ApiResponse, TestApp, order};
use crate::support::database::Engine;
use crate::support::on_both_engines;

const SLOT: &str = "2026-12-01T10:00:00Z";
const KEY: (&str, &str) = ("STRIPE_PUBLISHABLE_KEY", "pk_test_simulator");
const MEMBERS: [&str; 3] = ["client_secret", "publishable_key", "stripe_js"];

async fn start(engine: Engine) -> TestApp {
    TestApp::start_with(engine, &[KEY]).await
}

/// Builds the body of a checkout with this kind of payment page.
fn order_with(ui: &str) -> Value {
    let mut body = order("call", SLOT);
    body["ui"] = ui.into();
    body
}

fn assert_shows_no_page(answer: &Value) {
    for member in MEMBERS {
        assert!(answer.get(member).is_none(), "{member}: {answer}");
    }
    assert_eq!(answer["checkout_url"], Value::Null);
}

fn session_status(app: &TestApp, hold: &ApiResponse) -> String {
    let session = app.simulator.session(hold.text("checkout_session")).unwrap();
    format!("{:?}", session.status).to_lowercase()
}

on_both_engines! {
    async fn secret_goes_with_the_data_of_its_guest(engine) {
        let app = start(engine).await;
        let with_page = "SELECT count(*) FROM holds WHERE checkout_url <> '' OR client_secret IS NOT NULL";
        let embedded = app.checkout(&order_with("embedded")).await.expect(201);
        app.cancel(&embedded).await.expect(200);
        assert_eq!(app.database.count(with_page).await, 1);
        let guest = json!({"email": "ada@example.com"});
        app.admin(Method::POST, "/v1/admin/guests/erase", Some(guest)).await.expect(200);
        assert_eq!(app.database.count(with_page).await, 0);
        for ui in ["hosted", "embedded"] {
            let hold = app.checkout(&order_with(ui)).await.expect(201);
            app.cancel(&hold).await.expect(200);
        }
        assert_eq!(app.database.count(with_page).await, 2);
        app.clock.advance(chrono::Duration::days(91));
        app.sweep().await;
        assert_eq!(app.database.count(with_page).await, 0);
    }

    async fn embedded_hold_has_a_client_secret_and_no_url(engine) {
        let app = start(engine).await;
        let hold = app.checkout_with_key("a-key-that-nobody-guesses", &order_with("embedded")).await.expect(201);
        let session = app.simulator.session(hold.text("checkout_session")).unwrap();
        let secret = hold.text("client_secret");
        assert!(session.url.ends_with(&format!("/c/embedded/{secret}")), "{session:?}");
        assert_eq!(hold.body["checkout_url"], Value::Null);
        assert_eq!(hold.text("publishable_key"), KEY.1);
        assert_eq!(hold.text("stripe_js"), format!("{}/sandbox/stripe.js", app.stripe_url()));

        let again = app.checkout_with_key("a-key-that-nobody-guesses", &order_with("embedded")).await.expect(200);
        assert_eq!(again.body, hold.body);
        let path = format!("/v1/holds/{}", hold.text("id"));
        let mut shown = app.get(&path).await.expect(200).body;
        shown["token"] = hold.body["token"].clone();
        assert_eq!(shown, hold.body, "a page that is loaded again goes on");

        app.pay(&hold, PaymentOutcome::Paid);
        app.deliver_all().await;
        let paid = app.get(&path).await.expect(200);
        assert_eq!(paid.text("status"), "confirmed");
        assert_shows_no_page(&paid.body);
    }

    async fn check_and_extend_show_the_embedded_page(engine) {
        let app = start(engine).await;
        let hold = app.checkout(&order_with("embedded")).await.expect(201);
        for act in ["check", "extend"] {
            let request = app.request(Method::POST, &format!("/v1/holds/{}/{act}", hold.text("id")));
            let answer = app.send(request.bearer_auth(hold.text("token"))).await.expect(200);
            for member in MEMBERS {
                assert_eq!(answer.body[member], hold.body[member], "{member}");
            }
        }
    }

    async fn client_secret_is_in_nothing_for_operators(engine) {
        let app = start(engine).await;
        let hold = app.checkout(&order_with("embedded")).await.expect(201);
        let one = app.admin_hold(hold.text("id")).await;
        assert_shows_no_page(&one);
        let list = app.admin(Method::GET, "/v1/admin/holds", None).await.expect(200).body;
        let moved = app.move_as_operator(&hold, json!({"starts_at": "2026-12-01T15:00:00Z"})).await.expect(200).body;
        let events = app.admin(Method::GET, "/v1/admin/events-out", None).await.expect(200).body;
        for shown in [one, list, moved, events] {
            let text = shown.to_string();
            assert!(text.contains(hold.text("id")) && !text.contains("_secret_"), "{text}");
        }
    }

    async fn hosted_is_the_default_page(engine) {
        let app = start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        assert!(hold.text("checkout_url").contains("/c/pay/"));
        for member in MEMBERS {
            assert!(hold.body.get(member).is_none(), "{member}");
        }
        app.cancel(&hold).await.expect(200);
        let hold = app.checkout(&order_with("hosted")).await.expect(201);
        assert!(hold.text("checkout_url").contains("/c/pay/"));
    }

    async fn embedded_page_needs_a_publishable_key(engine) {
        let app = TestApp::start(engine).await;
        for ui in ["embedded", "elements"] {
            let refused = app.checkout(&order_with(ui)).await.expect_problem(422, "invalid");
            assert_eq!(refused.body["errors"][0]["field"], "ui", "{}", refused.body);
        }
        assert_eq!(app.simulator.calls().create, 0);
        app.checkout(&order_with("hosted")).await.expect(201);
    }

    async fn instance_without_the_key_shows_no_secret(engine) {
        let app = start(engine).await;
        let hold = app.checkout(&order_with("embedded")).await.expect(201);
        let without = app.another_instance_with(&[("STRIPE_PUBLISHABLE_KEY", "")]).await;
        let shown = without.get(&format!("/v1/holds/{}", hold.text("id"))).await.expect(200);
        assert_eq!(shown.text("status"), "held");
        assert_shows_no_page(&shown.body);
    }

    async fn other_kind_of_page_replaces_the_hold(engine) {
        let app = start(engine).await;
        let earlier = app.checkout(&order_with("hosted")).await.expect(201);
        let mut body = order_with("embedded");
        body["replaces"] = json!({"id": earlier.text("id"), "token": earlier.text("token")});
        let hold = app.checkout(&body).await.expect(201);
        assert_eq!(app.state_of(&earlier).await, "released/guest");
        assert_eq!((session_status(&app, &earlier).as_str(), session_status(&app, &hold).as_str()), ("expired", "open"));
        body["replaces"] = json!({"id": hold.text("id"), "token": hold.text("token")});
        let same = app.checkout(&body).await.expect(200);
        assert_eq!(same.body, hold.body);
    }

    async fn given_back_embedded_hold_ends_its_session(engine) {
        let app = start(engine).await;
        let hold = app.checkout(&order_with("embedded")).await.expect(201);
        let released = app.cancel(&hold).await.expect(200);
        assert_shows_no_page(&released.body);
        assert_eq!(session_status(&app, &hold), "expired");
    }

    async fn unsettled_embedded_checkout_is_recovered(engine) {
        let app = start(engine).await;
        app.simulator.set_faults(Faults::default().next(Endpoint::CreateSession, FaultKind::LostAnswer, 100));
        app.checkout(&order_with("embedded")).await.expect_problem(503, "stripe_unavailable");
        app.simulator.set_faults(Faults::default());
        app.clock.advance(chrono::Duration::minutes(5));
        app.sweep().await;
        // With another body under the same key, Stripe would name no session.
        let statuses: Vec<_> = app.simulator.sessions().into_iter().map(|session| session.status.as_str()).collect();
        assert_eq!(statuses, ["expired"]);
        let open = app.database.count("SELECT count(*) FROM checkout_attempts WHERE state IN ('running', 'unsettled')").await;
        assert_eq!(open, 0);
    }
}

#[test]
fn payment_page_is_not_printed() {
    use holdfast::domain::session::PaymentPage;
    let page = PaymentPage::Embedded("cs_1_secret_2".into());
    assert_eq!(
        (page.ui(), format!("{page:?}").as_str()),
        (CheckoutUi::Embedded, "PaymentPage(Embedded)")
    );
}
