//! Looks at pages of the console in a real browser with axe: light and dark, on a telephone and on a desk.

use reqwest::Method;
use serde_json::json;

use crate::support::app::{ADMIN_KEY, TestApp, order_by};
use crate::support::browser::Driver;
use crate::support::console_browser::{assert_accessible, sign_in};
use crate::support::database::Engine;
use holdfast::sandbox::PaymentOutcome;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sign_in_and_today_are_accessible() {
    let app = TestApp::start(Engine::Sqlite).await;
    let driver = Driver::start();
    app.set_resource_capacity("studio", 10).await;
    app.offer("yoga", "studio", 60, 1500).await;
    for (guest, name, event_type, time, is_paid) in [
        ("ada@example.com", "Ada Lovelace", "call", "09:30", true),
        ("grace@example.com", "Grace Hopper", "long-call", "11:00", false),
        ("alan@example.com", "Alan Turing", "yoga", "17:00", true),
        ("mary@example.com", "Mary Shelley", "yoga", "17:00", false),
    ] {
        let mut body = order_by(guest, event_type, &format!("2026-11-20T{time}:00Z"));
        body["guest"]["name"] = name.into();
        let hold = app.checkout(&body).await.expect(201);
        if is_paid {
            app.pay(&hold, PaymentOutcome::Paid);
        }
    }
    app.deliver_all().await;
    let block =
        json!({"starts_at": "2026-11-20T13:00:00Z", "ends_at": "2026-11-20T14:30:00Z", "note": "dentist"});
    let path = "/v1/admin/resources/ana/blocks/dentist";
    let blocked = app.admin(Method::PUT, path, Some(block)).await;
    assert!(blocked.status.is_success(), "{blocked:?}");
    let browser = driver.browser().await;
    browser.open(&app.url("/console/today?day=2026-11-20")).await;
    assert_accessible(&browser, "sign-in").await;
    sign_in(&browser, ADMIN_KEY).await;
    assert!(browser.text(".timeline").await.contains("Ada Lovelace"));
    assert_accessible(&browser, "today").await;
    browser.click_text("Week").await;
    browser.see("table.week").await;
    assert_accessible(&browser, "week").await;
    browser.open(&app.url("/console/nothing")).await;
    browser.see(".problem").await;
    assert_accessible(&browser, "not-found").await;
    browser.click_text("Deutsch").await;
    browser.see("html[lang=de]").await;
    assert_accessible(&browser, "not-found-german").await;
    browser.close(&["404"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attention_is_accessible() {
    let app = TestApp::start(Engine::Sqlite).await;
    let driver = Driver::start();
    super::attention::leave_something_of_each_kind(&app).await;
    let browser = driver.browser().await;
    browser.open(&app.url("/console/attention")).await;
    sign_in(&browser, ADMIN_KEY).await;
    browser.see("#overdue").await;
    assert_accessible(&browser, "attention").await;
    browser.click_text("Run the sweep now").await;
    browser.see(".explanation").await;
    assert_accessible(&browser, "sweep").await;
    browser.close(&[]).await;
}

/// The page shows a booking of somebody else without being loaded again, and leaves when its session has ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_page_shows_a_new_booking_by_itself() {
    let app = TestApp::start(Engine::Sqlite).await;
    let driver = Driver::start();
    let browser = driver.browser().await;
    browser.open(&app.url("/console/today?day=2026-11-20")).await;
    sign_in(&browser, ADMIN_KEY).await;
    let mut body = order_by("ada@example.com", "call", "2026-11-20T09:30:00Z");
    body["guest"]["name"] = "Ada Lovelace".into();
    browser
        .client()
        .execute("window.isFirst = true", Vec::new())
        .await
        .unwrap();
    app.checkout(&body).await.expect(201);
    browser.see(".timeline .entry.wait").await;
    let is_first = browser
        .client()
        .execute("return window.isFirst", Vec::new())
        .await
        .unwrap();
    assert_eq!(is_first, json!(true), "the page was not loaded again");
    app.clock.advance(chrono::Duration::minutes(30));
    browser.see("#key").await;
    browser.close(&["401"]).await;
}
