//! Tests of the page of a hold: what it shows, in both languages and for each scope.

use holdfast::sandbox::{DisputeStatus, NewDispute};
use reqwest::Method;
use serde_json::json;

use crate::support::app::{ApiResponse, TestApp, order_by};
use crate::support::console::ConsoleClient;
use crate::support::on_both_engines;

const SLOT: &str = "2026-12-01T10:00:00Z";
/// A text of a guest that would run as a script or break out of an attribute, if it were not escaped.
const HOSTILE: &str = "\"><script>alert('Ada')</script>";

pub(super) fn path_of(hold: &ApiResponse) -> String {
    format!("/console/holds/{}", hold.text("id"))
}

/// Opens a browser that is signed in with a new key of this scope. The key is named after its scope and `name`.
pub(super) async fn signed_in_as(app: &TestApp, scope: &str, name: &str) -> ConsoleClient {
    let body = json!({"name": format!("{scope} {name}"), "scope": scope});
    let key = app
        .admin(Method::POST, "/v1/admin/keys", Some(body))
        .await
        .expect(201);
    ConsoleClient::signed_in_with(app, key.text("key")).await
}

on_both_engines! {
    async fn hold_page_shows_guest_money_and_history(engine) {
        let app = TestApp::start(engine).await;
        let mut body = order_by("ada@example.com", "call", SLOT);
        body["guest"]["name"] = "Ada Lovelace".into();
        body["metadata"] = json!({"order": "17"});
        let hold = app.checkout(&body).await.expect(201);
        app.confirm(&hold).await;
        let refund = json!({"amount": 1250, "note": "the heating failed"});
        let path = format!("/v1/admin/holds/{}/refund", hold.text("id"));
        app.admin(Method::POST, &path, Some(refund)).await.expect(200);
        app.sweep().await;
        app.deliver_all().await;
        app.send_events().await;
        let mut browser = ConsoleClient::signed_in(&app).await;
        let page = browser.get(&path_of(&hold)).await.expect(200);
        let page = page
            .shows("Ada Lovelace: call, Tue 1 Dec 2026, 10:00")
            .shows("ada@example.com")
            .shows("<th scope=\"row\">order</th><td>17</td>")
            .shows("Back with the guest").shows("12.50\u{a0}EUR").shows("37.50\u{a0}EUR")
            .shows("a refund is ordered: 12.50\u{a0}EUR. the heating failed")
            .shows("<strong>bootstrap</strong>")
            .shows("hold.confirmed").shows("refund.succeeded").shows("no endpoint")
            .shows(hold.text("checkout_session"))
            .shows("checkout.session.completed");
        // The simulator has no dashboard.
        assert!(!page.html.contains("dashboard.stripe.com"));
        browser.language = "de";
        let page = browser.get(&path_of(&hold)).await.expect(200);
        page.shows("Zurück beim Gast").shows("12,50\u{a0}EUR")
            .shows("eine Erstattung ist beauftragt: 12,50\u{a0}EUR. the heating failed")
            .shows("durch einen Checkout angelegt").shows("gebucht");
        browser.get("/console/holds/01990000-0000-7000-8000-000000000000").await.expect(404);
        browser.get("/console/holds/x").await.expect(404);
    }
}

on_both_engines! {
    async fn dispute_is_shown_with_its_state(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        let session = app.simulator.session(hold.text("checkout_session")).unwrap();
        let intent = session.payment_intent.unwrap();
        let dispute = app.simulator.open_dispute(&intent, NewDispute::default()).unwrap();
        app.deliver_all().await;
        let browser = ConsoleClient::signed_in(&app).await;
        let page = browser.get(&path_of(&hold)).await.expect(200);
        page.shows(&dispute).shows("open: answer it at Stripe").shows("Withdrawn by the bank while it decides");
        app.simulator.change_dispute(&dispute, DisputeStatus::Won).unwrap();
        app.deliver_all().await;
        browser.get(&path_of(&hold)).await.expect(200).shows("won");
    }
}

on_both_engines! {
    async fn text_of_a_guest_is_never_markup(engine) {
        let app = TestApp::start(engine).await;
        let mut body = order_by("ada@example.com", "call", SLOT);
        body["guest"]["name"] = HOSTILE.into();
        body["metadata"] = json!({ HOSTILE: HOSTILE });
        let hold = app.checkout(&body).await.expect(201);
        app.confirm(&hold).await;
        let path = format!("/v1/admin/holds/{}/refund", hold.text("id"));
        app.admin(Method::POST, &path, Some(json!({"amount": 1, "note": HOSTILE}))).await.expect(200);
        let browser = ConsoleClient::signed_in(&app).await;
        let escaped = "&quot;&gt;&lt;script&gt;alert('Ada')&lt;/script&gt;";
        for act in ["", "/cancel", "/cancel/confirm?refund=full", "/refund", "/refund/confirm?amount=1", "/move",
            "/move/confirm?starts_at=2026-12-01T11:00:00Z", "/refresh", "/resend", "/erase"] {
            let page = browser.get(&format!("{}{act}", path_of(&hold))).await.expect(200);
            assert!(!page.html.contains("<script>alert"), "{}", page.html);
            // There is no endpoint, and the page that erases names the address.
            if !["/resend", "/erase"].contains(&act) {
                assert!(page.html.contains(escaped), "{}", page.html);
            }
        }
        let note = "/cancel/confirm?refund=part&amount=%22%3E%3Cscript%3Ealert(1)%3C/script%3E";
        let page = browser.get(&format!("{}{note}", path_of(&hold))).await.expect(422);
        assert!(!page.html.contains("<script>alert"));
    }
}

on_both_engines! {
    async fn page_offers_what_hold_and_key_allow(engine) {
        let app = TestApp::start(engine).await;
        let held = app.hold_slot("call", SLOT).await;
        let sold = app.sold("call", "2026-12-01T11:00:00Z").await;
        let over = app.sold("call", "2026-12-01T12:00:00Z").await;
        let path = format!("/v1/admin/holds/{}/cancel", over.text("id"));
        app.admin(Method::POST, &path, Some(json!({"refund": "none"}))).await.expect(200);
        let acts = ["move", "refund", "refresh", "resend", "release", "cancel", "erase"];
        for (scope, hold, expected) in [
            ("admin", &held, &["move", "refresh", "resend", "release", "erase"][..]),
            ("admin", &sold, &["move", "refund", "refresh", "resend", "cancel", "erase"][..]),
            ("admin", &over, &["refresh", "resend", "erase"][..]),
            ("operate", &sold, &["move", "refund", "refresh", "cancel"][..]),
            ("read", &sold, &[][..]),
        ] {
            let browser = signed_in_as(&app, scope, hold.text("id")).await;
            let page = browser.get(&path_of(hold)).await.expect(200);
            let offered = |act: &&str| page.html.contains(&format!("href=\"{}/{act}\"", path_of(hold)));
            let offered: Vec<&str> = acts.into_iter().filter(|act| offered(act)).collect();
            assert_eq!(offered, expected, "{scope}");
        }
    }
}

on_both_engines! {
    async fn key_of_a_small_scope_can_do_nothing(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        let reader = signed_in_as(&app, "read", "Rita").await;
        for act in ["move", "refund", "refresh", "resend", "release", "cancel", "erase"] {
            let path = format!("{}/{act}", path_of(&hold));
            reader.get(&path).await.expect(403);
            reader.post(&path, &[("refund", "full"), ("seen", "2")]).await.expect(403);
        }
        let operator = signed_in_as(&app, "operate", "Olga").await;
        let path = format!("{}/erase", path_of(&hold));
        operator.get(&path).await.expect(403);
        operator.post(&path, &[]).await.expect(403);
        let shown = app.admin_hold(hold.text("id")).await;
        assert_eq!((&shown["status"], &shown["guest"]["email"]), (&json!("confirmed"), &json!("ada@example.com")));
    }
}
