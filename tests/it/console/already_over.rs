//! Tests of acts on a hold that changed or ended after it was looked at: nothing is done, and nothing else is said.

use holdfast::sandbox::PaymentOutcome;
use reqwest::Method;
use serde_json::{Value, json};

use super::act_steps::{ask, audit, confirm, follow, ledger};
use super::hold::{path_of, signed_in_as};
use crate::support::app::TestApp;
use crate::support::on_both_engines;

const SLOT: &str = "2026-12-01T10:00:00Z";
const CANCEL_FIELDS: &[&str] = &["refund", "amount", "seen", "nonce"];

/// Returns what the latest audited act of this kind noted about its result.
async fn after_of_latest(app: &TestApp, action: &str) -> Value {
    let path = format!("/v1/admin/audit?action={action}&limit=1");
    let listed = app.admin(Method::GET, &path, None).await.expect(200);
    listed.body["data"][0]["after"].clone()
}

on_both_engines! {
    async fn cancelled_before_is_not_reported_as_done(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        let mut browser = signed_in_as(&app, "operate", "Ann").await;
        let path = format!("{}/cancel", path_of(&hold));
        let asking = format!("{path}/confirm?refund=full");
        let asked = ask(&browser, &asking, CANCEL_FIELDS).await;
        let other = signed_in_as(&app, "operate", "Bob").await;
        let none = ask(&other, &format!("{path}/confirm?refund=none"), CANCEL_FIELDS).await;
        for _ in 0..2 {
            let done = confirm(&other, &path, &none, &[]).await;
            follow(&other, done, "The booking is cancelled").await;
        }
        let late = confirm(&browser, &path, &asked, &[]).await.expect(409);
        late.shows("was already cancelled").shows("Your choice about the money was not carried out.");
        assert_eq!(after_of_latest(&app, "cancelHoldAsOperator").await, Value::Null);
        let entry = format!("cancelHoldAsOperator holds/{} refused", hold.text("id"));
        assert_eq!(audit(&app, "operate Ann").await, [entry]);
        browser.language = "de";
        confirm(&browser, &path, &asked, &[]).await.expect(409).shows("war schon storniert");
        let ledger = ledger(&app, &hold).await;
        assert_eq!((&ledger["refund_pending"], &ledger["kept"]), (&json!(0), &json!(5000)));
        // The form that cancelled it, with another choice, is another order.
        let changed = confirm(&other, &path, &none[1..], &[("refund", "full")]).await.expect(409);
        changed.shows("was already cancelled");
    }

    async fn released_before_is_not_reported_as_done(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        let browser = signed_in_as(&app, "operate", "Ann").await;
        let path = format!("{}/release", path_of(&hold));
        let asked = ask(&browser, &path, &["seen"]).await;
        app.cancel(&hold).await.expect(200);
        for more in [&[][..], &[("without_stripe", "yes")]] {
            let late = confirm(&browser, &path, &asked, more).await.expect(409);
            late.shows("This hold had ended before, and nothing was done.");
        }
        assert_eq!(after_of_latest(&app, "releaseHold").await, Value::Null);
        assert_eq!(app.state_of(&hold).await, "released/guest");
        browser.get(&path).await.expect(409).shows("This hold had ended before");
    }

    async fn release_of_another_operator_is_not_ones_own(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        let ann = signed_in_as(&app, "operate", "Ann").await;
        let bob = signed_in_as(&app, "operate", "Bob").await;
        let path = format!("{}/release", path_of(&hold));
        let asked = ask(&ann, &path, &["seen"]).await;
        let done = confirm(&bob, &path, &asked, &[]).await;
        follow(&bob, done, "The hold is released").await;
        confirm(&ann, &path, &asked, &[]).await.expect(409).shows("This hold had ended before");
        let done = confirm(&bob, &path, &asked, &[]).await;
        follow(&bob, done, "The hold is released").await;
    }

    async fn release_needs_the_hold_as_it_was_seen(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        let browser = signed_in_as(&app, "operate", "Ann").await;
        let path = format!("{}/release", path_of(&hold));
        let asked = ask(&browser, &path, &["seen"]).await;
        app.move_as_operator(&hold, json!({"starts_at": "2026-12-01T11:00:00Z"})).await.expect(200);
        for more in [&[][..], &[("without_stripe", "yes")]] {
            let refused = confirm(&browser, &path, &asked, more).await.expect(409);
            refused.shows("look at the hold again, then decide anew");
        }
        browser.post(&path, &[]).await.expect(409).shows("decide anew");
        assert_eq!(app.state_of(&hold).await, "held");
        assert_eq!(app.simulator.calls().expire, 0);
    }

    async fn two_clicks_at_once_release_once(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        let browser = signed_in_as(&app, "operate", "Ann").await;
        let path = format!("{}/release", path_of(&hold));
        let asked = ask(&browser, &path, &["seen"]).await;
        let clicks = (0..4).map(|_| confirm(&browser, &path, &asked, &[]));
        for done in futures::future::join_all(clicks).await {
            assert_eq!(done.expect(303).location(), path_of(&hold));
        }
        browser.get(&path_of(&hold)).await.expect(200).shows("The hold is released");
        assert_eq!(app.simulator.calls().expire, 1);
    }

    async fn hold_that_is_being_paid_is_released_if_seen_so(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        let mut browser = signed_in_as(&app, "operate", "Ann").await;
        let path = format!("{}/release", path_of(&hold));
        let before = ask(&browser, &path, &["seen"]).await;
        app.pay(&hold, PaymentOutcome::Processing);
        app.deliver_all().await;
        confirm(&browser, &path, &before, &[]).await.expect(409).shows("decide anew");
        assert_eq!(app.state_of(&hold).await, "processing");
        browser.get(&path_of(&hold)).await.expect(200).shows(&format!("href=\"{path}\""));
        let page = browser.get(&path).await.expect(200).shows("all of it goes back to the guest, even if the slot is still free");
        assert!(!page.html.contains("without_stripe"));
        browser.language = "de";
        browser.get(&path).await.expect(200).shows("geht sie ganz an den Gast zurück");
        browser.language = "en";
        let asked = ask(&browser, &path, &["seen"]).await;
        for _ in 0..2 {
            let done = confirm(&browser, &path, &asked, &[]).await;
            follow(&browser, done, "The hold is released").await;
        }
        assert_eq!(app.state_of(&hold).await, "released/operator");
        app.pay(&hold, PaymentOutcome::ProcessingSucceeded);
        app.deliver_all().await;
        assert_eq!(app.state_of(&hold).await, "released/late_payment_refunded");
        let sold = app.sold("call", "2026-12-01T11:00:00Z").await;
        browser.get(&format!("{}/release", path_of(&sold))).await.expect(409).shows("Once it is booked, you can cancel it");
    }
}
