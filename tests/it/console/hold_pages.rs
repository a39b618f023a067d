//! Looks at the pages of a hold and at the search in a real browser with axe, and acts as an operator does.

use holdfast::sandbox::{NewDispute, RefundOutcome, RefundStatus};
use serde_json::json;

use super::hold::path_of;
use crate::support::app::{ADMIN_KEY, TestApp, order_by};
use crate::support::browser::Driver;
use crate::support::console_browser::{assert_accessible, sign_in};
use crate::support::database::Engine;
use crate::support::event_receiver::set_endpoint;

const SLOT: &str = "2026-12-01T10:00:00Z";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_a_hold_are_accessible() {
    let app = TestApp::start(Engine::Sqlite).await;
    set_endpoint(&app, "shop", json!({"url": "https://shop.example/hooks"})).await;
    let mut body = order_by("ada@example.com", "call", SLOT);
    body["guest"]["name"] = "Ada Lovelace, Countess of a very long name that needs its space".into();
    body["metadata"] = json!({"order": "17", "a-name-as-long-as-they-may-be-1234567890": "x".repeat(200)});
    let hold = app.checkout(&body).await.expect(201);
    app.confirm(&hold).await;
    let session = app.simulator.session(hold.text("checkout_session")).unwrap();
    app.simulator
        .open_dispute(&session.payment_intent.unwrap(), NewDispute::default())
        .unwrap();
    app.simulator
        .set_refund_outcome(RefundOutcome::new(RefundStatus::Failed));
    let refund = json!({"amount": 1250, "note": "the heating failed"});
    let path = format!("/v1/admin/holds/{}/refund", hold.text("id"));
    app.admin(reqwest::Method::POST, &path, Some(refund))
        .await
        .expect(200);
    app.sweep().await;
    app.deliver_all().await;
    let driver = Driver::start();
    let browser = driver.browser().await;
    browser.open(&app.url(&path_of(&hold))).await;
    sign_in(&browser, ADMIN_KEY).await;
    browser.see("#history").await;
    assert_accessible(&browser, "hold").await;
    for (act, name) in [
        ("move", "hold-move"),
        ("move/confirm?starts_at=2026-12-01T12:00:00Z", "hold-move-confirm"),
        ("cancel", "hold-cancel"),
        ("cancel/confirm?refund=part&amount=99", "hold-cancel-too-much"),
        ("cancel/confirm?refund=part&amount=5", "hold-cancel-confirm"),
        ("refund", "hold-refund"),
        ("refund/confirm?amount=5", "hold-refund-confirm"),
        ("resend", "hold-resend"),
        ("erase", "hold-erase"),
    ] {
        browser.open(&app.url(&format!("{}/{act}", path_of(&hold)))).await;
        browser.see("main form").await;
        assert_accessible(&browser, name).await;
    }
    let held = app.hold_slot("call", "2026-12-01T15:00:00Z").await;
    browser
        .open(&app.url(&format!("{}/release", path_of(&held))))
        .await;
    browser.see("main form").await;
    assert_accessible(&browser, "hold-release").await;
    browser.open(&app.url("/console/search?q=ada")).await;
    browser.see("main table").await;
    assert_accessible(&browser, "search").await;
    browser.close(&["422"]).await;
}

/// An operator finds a guest, returns a part of the money and moves the booking, by keyboard and mouse alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operator_refunds_and_moves_in_the_browser() {
    let app = TestApp::start(Engine::Sqlite).await;
    let hold = app.sold("call", SLOT).await;
    let driver = Driver::start();
    let browser = driver.browser().await;
    browser.open(&app.url("/console/search")).await;
    sign_in(&browser, ADMIN_KEY).await;
    browser.fill("#q", "ada@").await;
    browser.click("main form button").await;
    browser.see("main table").await;
    browser.click("main tbody a").await;
    browser.click_text("Return money").await;
    browser.fill("#amount", "12.50").await;
    browser.click_text("Show what will happen").await;
    browser.fill("#note", "the heating failed").await;
    browser.click_text("Order the refund").await;
    assert!(
        browser
            .text(".notice")
            .await
            .contains("The refund is ordered at Stripe.")
    );
    browser.click_text("Move").await;
    browser.click_text("11:00").await;
    browser.click_text("Move the booking").await;
    assert!(browser.text(".notice").await.contains("The booking is moved."));
    assert!(
        browser
            .text("#history + .region")
            .await
            .contains("moved from Tue 1 Dec 2026, 10:00")
    );
    let shown = app.admin_hold(hold.text("id")).await;
    assert_eq!(
        (&shown["starts_at"], &shown["ledger"]["refund_pending"]),
        (&json!("2026-12-01T11:00:00Z"), &json!(1250))
    );
    browser.close(&[]).await;
}
