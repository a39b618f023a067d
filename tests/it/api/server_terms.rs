//! Tests that the server sets the terms (I8) and that a hold belongs to its owner: a price from the browser (S29),
//! another guest's hold (S30), a return address outside the shop (S31).

use holdfast::sandbox::PaymentOutcome;
use reqwest::Method;
use serde_json::json;

use crate::support::app::{ApiResponse, TestApp, order};
use crate::support::catalogue_fixtures::put_event_type;
use crate::support::on_both_engines;

const SLOT: &str = "2026-12-01T10:00:00Z";

on_both_engines! {
    async fn prices_that_stripe_charges_are_sold_in_any_currency(engine) {
        let app = TestApp::start(engine).await;
        for (amount, currency) in [
            (50, "eur"), (30, "gbp"), (50, "jpy"), (17_500, "huf"), (500, "isk"), (10_000, "twd"), (500, "ugx"), (1, "clp"),
            (5120, "kwd"), (10, "bhd"), (5000, "jod"), (5000, "omr"), (5000, "tnd"),
        ] {
            let terms = json!({"resource": currency, "duration_minutes": 30, "amount": amount, "currency": currency});
            put_event_type(&app, currency, terms).await.expect(201);
            let hold = app.hold_slot(currency, SLOT).await;
            let session = app.simulator.session(hold.text("checkout_session")).unwrap();
            assert_eq!((session.amount_total, session.currency.as_str()), (amount, currency));
            app.pay(&hold, PaymentOutcome::Paid);
            app.deliver_all().await;
            assert_eq!(app.state_of(&hold).await, "confirmed", "{amount} {currency}");
        }
    }

    async fn price_from_before_the_rules_can_be_put_back(engine) {
        let app = TestApp::start(engine).await;
        let terms = |amount: i64, currency: &str, name: &str| {
            json!({"name": name, "resource": "ana", "duration_minutes": 30, "amount": amount, "currency": currency})
        };
        put_event_type(&app, "old", terms(50, "eur", "Old")).await.expect(201);
        app.database.execute("UPDATE event_types SET amount = 49 WHERE id = 'old'").await;
        let put = put_event_type(&app, "old", terms(49, "eur", "Renamed")).await.expect(200);
        assert_eq!((&put.body["amount"], put.text("name")), (&json!(49), "Renamed"));
        for (amount, currency) in [(48, "eur"), (49, "usd"), (49, "kwd")] {
            let refused = put_event_type(&app, "old", terms(amount, currency, "Old")).await.expect_problem(422, "invalid");
            assert_eq!(refused.body["errors"][0]["field"], "amount", "{amount} {currency}");
        }
        put_event_type(&app, "new", terms(49, "eur", "New")).await.expect_problem(422, "invalid");
        put_event_type(&app, "old", terms(50, "eur", "Old")).await.expect(200);
        put_event_type(&app, "old", terms(49, "eur", "Old")).await.expect_problem(422, "invalid");
    }

    async fn price_from_browser_is_refused(engine) {
        let app = TestApp::start(engine).await;
        for (member, value) in [
            ("amount", json!(1)),
            ("price", json!(1)),
            ("currency", json!("usd")),
            ("duration_minutes", json!(600)),
            ("ends_at", json!("2026-12-01T20:00:00Z")),
            ("status", json!("confirmed")),
            ("livemode", json!(false)),
            ("Amount", json!(1)),
        ] {
            let mut body = order("call", SLOT);
            body[member] = value;
            let refused = app.checkout(&body).await.expect_problem(422, "invalid");
            assert_eq!(refused.body["errors"][0]["field"], member, "{refused:?}");
        }
        let mut body = order("call", SLOT);
        body["guest"]["amount"] = 1.into();
        let refused = app.checkout(&body).await.expect_problem(422, "invalid");
        assert_eq!(refused.body["errors"][0]["field"], "guest.amount", "{refused:?}");
        assert_eq!(app.simulator.calls().create, 0);

        let mut body = order("call", SLOT);
        body["metadata"] = json!({"amount": "1", "currency": "usd"});
        let hold = app.checkout(&body).await.expect(201);
        let session = app.simulator.session(hold.text("checkout_session")).unwrap();
        assert_eq!((session.amount_total, session.currency.as_str()), (5000, "eur"));
        for member in ["amount", "currency"] {
            assert!(!session.metadata.contains_key(member), "the caller's metadata must not go to Stripe: {session:?}");
        }
        assert_eq!((&hold.body["amount"], hold.text("currency")), (&json!(5000), "eur"));
    }

    async fn catalogue_change_keeps_terms_of_live_holds(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        app.offer("call", "ben", 15, 100).await;
        let shown = app.hold(hold.text("id")).await;
        assert_eq!((&shown["amount"], &shown["resource"], &shown["ends_at"]), (&json!(5000), &json!("ana"), &hold.body["ends_at"]));
        app.admin(Method::DELETE, "/v1/admin/event-types/call", None).await.expect(204);
        app.pay(&hold, holdfast::sandbox::PaymentOutcome::Paid);
        app.deliver_all().await;
        let shown = app.admin_hold(hold.text("id")).await;
        assert_eq!((&shown["status"], &shown["price_mismatch"]), (&json!("confirmed"), &json!(false)));
        app.checkout(&order("call", "2026-12-02T10:00:00Z")).await.expect_problem(404, "not_found");
    }

    async fn hold_is_read_by_id_and_shows_no_person(engine) {
        let app = TestApp::start(engine).await;
        let mut body = order("call", SLOT);
        body["metadata"] = json!({"note": "private-note"});
        let hold = app.checkout(&body).await.expect(201);
        let shown = app.hold(hold.text("id")).await.to_string();
        for private in ["ada@example.com", "Ada", "private-note", hold.text("token")] {
            assert!(!shown.contains(private), "{private} in {shown}");
        }
        for path in ["/v1/holds/01990000-0000-7000-8000-000000000000", "/v1/holds/1", "/v1/holds/", "/v1/holds/%00"] {
            let answer = app.get(path).await;
            assert!([400, 404].contains(&answer.status.as_u16()), "{path}: {answer:?}");
        }
        app.get("/v1/holds").await.expect(405);
        app.get("/v1/admin/holds").await.expect_problem(401, "unauthorized");
        let as_owner = app.request(Method::GET, "/v1/admin/holds").bearer_auth(hold.text("token"));
        app.send(as_owner).await.expect_problem(401, "unauthorized");
    }

    async fn foreign_return_url_is_refused(engine) {
        let origins = [("HOLDFAST_ALLOWED_ORIGINS", "https://shop.example, https://www.shop.example:8443")];
        let app = TestApp::start_with(engine, &origins).await;
        for phisher in [
            "https://evil.example/",
            "https://shop.example.evil.example/",
            "https://shop.example@evil.example/",
            "https://evil.example/?https://shop.example",
            "https://evil.example\\@shop.example/",
            "http://shop.example/",
            "https://shop.example:444/",
            "https://www.shop.example/",
            "//evil.example",
            "javascript:alert(1)",
            "data:text/html,x",
            "/done",
            "",
        ] {
            for field in ["success_url", "cancel_url"] {
                let mut body = order("call", SLOT);
                body[field] = phisher.into();
                let refused = app.checkout(&body).await.expect_problem(422, "invalid");
                assert_eq!(refused.body["errors"][0]["field"], field, "{phisher}");
                assert!(!refused.body.to_string().contains("evil"), "{refused:?}");
            }
        }
        assert_eq!(app.simulator.calls().create, 0);
        let mut body = order("call", SLOT);
        body["success_url"] = "https://shop.example/done?hold={HOLD_ID}&session={CHECKOUT_SESSION_ID}".into();
        body["cancel_url"] = "https://www.shop.example:8443/".into();
        app.checkout(&body).await.expect(201);
    }

    async fn only_shop_origins_pass_cors(engine) {
        let app = TestApp::start_with(engine, &[("HOLDFAST_ALLOWED_ORIGINS", "https://shop.example")]).await;
        let allowed = |answer: &ApiResponse| answer.headers.get("access-control-allow-origin").cloned();
        let origins = [
            ("https://shop.example", true, SLOT),
            ("https://evil.example", false, "2026-12-02T10:00:00Z"),
            ("null", false, "2026-12-03T10:00:00Z"),
        ];
        for (origin, expected, at) in origins {
            let expected = expected.then(|| origin.parse().unwrap());
            let preflight = |path| {
                let request = app.request(Method::OPTIONS, path).header("Origin", origin);
                let request = request.header("Access-Control-Request-Method", "POST");
                app.send(request.header("Access-Control-Request-Headers", "content-type,idempotency-key"))
            };
            let answer = preflight("/v1/holds").await.expect(200);
            assert_eq!(allowed(&answer), expected);
            assert_eq!(allowed(&preflight("/v1/admin/sweep").await), None);
            for status in [201, 409] {
                let request = app.request(Method::POST, "/v1/holds").header("Origin", origin).json(&order("call", at));
                assert_eq!(allowed(&app.send(request).await.expect(status)), expected, "{origin} {status}");
            }
        }
    }
}
