//! Tests of the acts on the money of a hold: each returns what its preview said, once, and only from the hold as it was seen.

use holdfast::sandbox::{RefundOutcome, RefundStatus};
use reqwest::Method;
use serde_json::json;

use super::act_steps::{ask, audit, confirm, follow, ledger};
use super::hold::{path_of, signed_in_as};
use crate::support::app::TestApp;
use crate::support::on_both_engines;

const SLOT: &str = "2026-12-01T10:00:00Z";
const LATER: &str = "2026-12-01T11:00:00Z";

on_both_engines! {
    async fn cancellation_returns_what_its_preview_said(engine) {
        let app = TestApp::start(engine).await;
        let browser = signed_in_as(&app, "operate", "Ann").await;
        for (hour, query, shown, pending, kept) in [
            ("10", "refund=full", "50.00\u{a0}EUR", 5000, 0),
            ("11", "refund=part&amount=12%2C50", "12.50\u{a0}EUR", 1250, 3750),
            ("12", "refund=none&amount=", "No money goes back.", 0, 5000),
        ] {
            let hold = app.sold("call", &format!("2026-12-01T{hour}:00:00Z")).await;
            let path = format!("{}/cancel", path_of(&hold));
            browser.get(&path).await.expect(200).shows("How much goes back?");
            let asking = format!("{path}/confirm?{query}");
            let asked = ask(&browser, &asking, &["refund", "amount", "seen", "nonce"]).await;
            browser.get(&asking).await.expect(200).shows(shown);
            assert_eq!(app.state_of(&hold).await, "confirmed");
            let done = confirm(&browser, &path, &asked, &[("note", "burst pipe")]).await;
            follow(&browser, done, "The booking is cancelled").await;
            let ledger = ledger(&app, &hold).await;
            assert_eq!((&ledger["refund_pending"], &ledger["kept"]), (&json!(pending), &json!(kept)), "{query}");
            // The same form again: it was cancelled by this form or by another, and no more money goes back.
            confirm(&browser, &path, &asked, &[("note", "burst pipe")]).await.expect(303);
            app.sweep().await;
            app.deliver_all().await;
            assert_eq!(self::ledger(&app, &hold).await["refunded"], pending);
            let page = browser.get(&path_of(&hold)).await.expect(200);
            page.shows("cancelled: burst pipe").shows("<strong>operate Ann</strong>");
        }
        assert_eq!(audit(&app, "operate Ann").await.len(), 6);
    }

    async fn cancellation_needs_the_hold_as_it_was_previewed(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        let browser = signed_in_as(&app, "operate", "Ann").await;
        let path = format!("{}/cancel", path_of(&hold));
        let asked = ask(&browser, &format!("{path}/confirm?refund=full"), &["refund", "amount", "seen", "nonce"]).await;
        let refund = json!({"amount": 2000, "note": "late"});
        app.admin(Method::POST, &format!("/v1/admin/holds/{}/refund", hold.text("id")), Some(refund)).await.expect(200);
        let refused = confirm(&browser, &path, &asked, &[]).await.expect(409);
        refused.shows("look at the hold again, then decide anew");
        assert_eq!(app.state_of(&hold).await, "confirmed");
        // A form that no preview made does nothing either.
        browser.post(&path, &[("refund", "full")]).await.expect(409);
        assert_eq!(app.state_of(&hold).await, "confirmed");
    }

    async fn faulty_cancellation_is_asked_for_again(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        let held = app.hold_slot("call", LATER).await;
        let browser = signed_in_as(&app, "operate", "Ann").await;
        let path = format!("{}/cancel", path_of(&hold));
        for (query, fault) in [
            ("refund=part&amount=50.01", "At most this much can go back: 50.00\u{a0}EUR"),
            ("refund=part&amount=1.250", "Enter an amount such as 12.50."),
            ("refund=part&amount=0", "Enter an amount such as 12.50."),
            ("refund=", "Choose how much goes back."),
            ("", "Choose how much goes back."),
        ] {
            browser.get(&format!("{path}/confirm?{query}")).await.expect(422).shows(fault);
        }
        let asked = ask(&browser, &format!("{path}/confirm?refund=none"), &["refund", "amount", "seen", "nonce"]).await;
        let note = "x".repeat(501);
        let refused = confirm(&browser, &path, &asked, &[("note", &note)]).await.expect(422);
        refused.shows("Use at most 500 characters").shows(&note);
        let path = format!("{}/cancel", path_of(&held));
        browser.get(&path).await.expect(409).shows("a hold that is not paid can be released");
        browser.get(&format!("{path}/confirm?refund=full")).await.expect(409);
        assert_eq!(app.state_of(&hold).await, "confirmed");
    }

    async fn refund_sent_twice_is_ordered_once(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        let browser = signed_in_as(&app, "operate", "Ann").await;
        let path = format!("{}/refund", path_of(&hold));
        browser.get(&path).await.expect(200).shows("At most this much can go back by a refund at Stripe:");
        let asking = format!("{path}/confirm?amount=12.50");
        browser.get(&asking).await.expect(200).shows("Goes back to the guest:").shows("12.50\u{a0}EUR").shows("37.50\u{a0}EUR");
        let asked = ask(&browser, &asking, &["way", "amount", "seen", "nonce"]).await;
        confirm(&browser, &path, &asked, &[]).await.expect(422).shows("Say why");
        for _ in 0..2 {
            let done = confirm(&browser, &path, &asked, &[("note", "too cold")]).await;
            follow(&browser, done, "The refund is ordered at Stripe").await;
        }
        // Another text with the same nonce is another request.
        confirm(&browser, &path, &asked, &[("note", "too hot")]).await.expect(422);
        app.sweep().await;
        app.deliver_all().await;
        let ledger = ledger(&app, &hold).await;
        assert_eq!((&ledger["refunded"], &ledger["kept"]), (&json!(1250), &json!(3750)));
        assert_eq!(app.state_of(&hold).await, "confirmed");
        let entry = format!("refundHold holds/{} done", hold.text("id"));
        assert_eq!(audit(&app, "operate Ann").await.iter().filter(|row| **row == entry).count(), 2);
    }

    async fn refund_needs_the_hold_as_it_was_previewed(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        let browser = signed_in_as(&app, "operate", "Ann").await;
        let path = format!("{}/refund", path_of(&hold));
        let fields = ["way", "amount", "seen", "nonce"];
        let first = ask(&browser, &format!("{path}/confirm?amount=10"), &fields).await;
        let second = ask(&browser, &format!("{path}/confirm?amount=10"), &fields).await;
        confirm(&browser, &path, &first, &[("note", "too cold")]).await.expect(303);
        confirm(&browser, &path, &second, &[("note", "too cold")]).await.expect(409);
        browser.post(&path, &[("amount", "10"), ("note", "too cold")]).await.expect(409);
        assert_eq!(ledger(&app, &hold).await["refund_pending"], 1000);
        for (query, fault) in [
            ("amount=40.01", "At most this much can go back this way: 40.00\u{a0}EUR"),
            ("amount=1&way=outside", "At most this much can go back this way: 0.00\u{a0}EUR"),
            ("amount=x", "Enter an amount such as 12.50."),
        ] {
            browser.get(&format!("{path}/confirm?{query}")).await.expect(422).shows(fault);
        }
    }

    async fn amounts_follow_language_and_steps_of_the_currency(engine) {
        let app = TestApp::start(engine).await;
        app.sell("tour", &json!({"resource": "ana", "duration_minutes": 30, "amount": 5000, "currency": "kwd"})).await;
        let hold = app.sold("tour", SLOT).await;
        let mut browser = signed_in_as(&app, "operate", "Ann").await;
        for act in ["refund/confirm?amount", "cancel/confirm?refund=part&amount"] {
            let path = format!("{}/{act}", path_of(&hold));
            for (language, amount, status, shown) in [
                ("en", "1.250", 200, "1.250\u{a0}KWD"),
                ("en", "1,250", 422, "Enter an amount"),
                ("en", "1.254", 422, "Enter a multiple of 0.010\u{a0}KWD"),
                ("de", "1,250", 200, "1,250\u{a0}KWD"),
                ("de", "1.250", 422, "Geben Sie einen Betrag"),
            ] {
                browser.language = language;
                browser.get(&format!("{path}={amount}")).await.expect(status).shows(shown);
            }
        }
        let path = |act: &str| format!("/v1/admin/holds/{}/{act}", hold.text("id"));
        let refused = app.admin(Method::POST, &path("refund"), Some(json!({"amount": 1254, "note": "late"}))).await;
        assert!(refused.expect_problem(422, "invalid").body.to_string().contains("must be a multiple of 10"));
        app.admin(Method::POST, &path("refund"), Some(json!({"amount": 1250, "note": "late"}))).await.expect(200);
        let refused = app.admin(Method::POST, &path("cancel"), Some(json!({"refund": 1254}))).await;
        assert!(refused.expect_problem(422, "invalid").body.to_string().contains("must be a multiple of 10"));
        assert_eq!(app.state_of(&hold).await, "confirmed");
        app.admin(Method::POST, &path("cancel"), Some(json!({"refund": 1250}))).await.expect(200);
    }

    async fn money_settled_elsewhere_is_recorded(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        app.simulator.set_refund_outcome(RefundOutcome::new(RefundStatus::Failed));
        let cancel = format!("/v1/admin/holds/{}/cancel", hold.text("id"));
        app.admin(Method::POST, &cancel, Some(json!({"refund": 2000}))).await.expect(200);
        app.sweep().await;
        app.deliver_all().await;
        let browser = signed_in_as(&app, "operate", "Ann").await;
        browser.get(&path_of(&hold)).await.expect(200).shows("Due back: its refund failed");
        let path = format!("{}/refund", path_of(&hold));
        browser.get(&path).await.expect(200).shows("is due back and can be recorded as settled elsewhere: <strong>20.00");
        let asking = format!("{path}/confirm?amount=20&way=outside");
        let asked = ask(&browser, &asking, &["way", "amount", "seen", "nonce"]).await;
        browser.get(&asking).await.expect(200).shows("Record that this was settled elsewhere?").shows("no longer counts as due back");
        let done = confirm(&browser, &path, &asked, &[("note", "in cash")]).await;
        follow(&browser, done, "It is recorded that the money was settled elsewhere.").await;
        assert_eq!(ledger(&app, &hold).await["due_back"], 0);
        browser.get(&path_of(&hold)).await.expect(200).shows("settled elsewhere: 20.00\u{a0}EUR. in cash");
    }
}
