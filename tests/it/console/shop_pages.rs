//! Looks at the pages of the shop in a real browser with axe: light and dark, on a telephone and on a desk.

use reqwest::Method;
use serde_json::json;

use crate::support::app::{ADMIN_KEY, TestApp};
use crate::support::browser::{Browser, Driver};
use crate::support::catalogue_fixtures::{block, put_closure};
use crate::support::console_browser::{assert_accessible, sign_in};
use crate::support::database::Engine;
use crate::support::text_boxes::assert_texts_fit;

/// A page: its path, what it is for, and its name in pictures.
type Page = (&'static str, &'static str, &'static str);

const LISTS: [Page; 11] = [
    ("/console/calendar?week=2026-11-23", ".conflict", "calendar"),
    ("/console/catalogue", "table", "catalogue"),
    ("/console/resources", "table", "resources"),
    ("/console/resources/ana/calendar-key", "code", "calendar-export"),
    (
        "/console/funnel?from=2026-11-10&to=2026-11-20",
        "svg.chart",
        "funnel",
    ),
    ("/console/webhook-endpoints", "table", "endpoints"),
    ("/console/webhook-endpoints/shop", "dl.facts", "endpoint"),
    (
        "/console/webhook-endpoints/shop/deliveries",
        "#state",
        "deliveries",
    ),
    ("/console/feeds", "table", "feeds"),
    ("/console/keys", "table", "keys"),
    ("/console/audit", "table", "audit"),
];

const FORMS: [Page; 9] = [
    ("/console/new-block?day=2026-11-24", "#from-time", "new-block"),
    ("/console/new-closure", "#from", "new-closure"),
    ("/console/new-event-type", "#amount", "new-event-type"),
    ("/console/new-resource", "#capacity", "new-resource"),
    ("/console/new-endpoint", "#url", "new-endpoint"),
    (
        "/console/webhook-endpoints/shop/rotate",
        ".explanation",
        "rotate-secret",
    ),
    ("/console/webhook-endpoints/shop/replay", "#from", "replay"),
    ("/console/new-feed", "#url", "new-feed"),
    ("/console/new-key", "#name", "new-key"),
];

/// Opens a page, waits for what it is for, and checks it with axe.
async fn look_at(browser: &Browser, app: &TestApp, path: &str, css: &str, name: &str) {
    browser.open(&app.url(path)).await;
    browser.see(css).await;
    assert_accessible(browser, name).await;
}

/// Makes something of each kind that the pages show.
async fn fill_shop(app: &TestApp) {
    app.hold_slot("call", "2026-11-24T09:00:00Z").await;
    block(
        app,
        "ana",
        "dentist",
        "2026-11-24T08:00:00Z",
        "2026-11-24T12:00:00Z",
    )
    .await
    .expect(201);
    put_closure(
        app,
        "party",
        json!({"from": "2026-11-27", "to": "2026-11-28", "note": "Party"}),
    )
    .await
    .expect(201);
    for (path, body) in [
        (
            "/v1/admin/webhook-endpoints/shop",
            json!({"url": "https://shop.example/hooks"}),
        ),
        (
            "/v1/admin/resources/ana/calendar",
            json!({"url": "https://calendar.example/ana.ics"}),
        ),
    ] {
        assert!(
            app.admin(Method::PUT, path, Some(body)).await.status.is_success(),
            "{path}"
        );
    }
    let key = json!({"name": "Ana", "scope": "operate", "expires_at": "2027-01-01T00:00:00Z"});
    app.admin(Method::POST, "/v1/admin/keys", Some(key))
        .await
        .expect(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_of_the_shop_are_accessible() {
    let app = TestApp::start(Engine::Sqlite).await;
    fill_shop(&app).await;
    let driver = Driver::start();
    let browser = driver.browser().await;
    browser.open(&app.url("/console/catalogue")).await;
    sign_in(&browser, ADMIN_KEY).await;
    for (path, css, name) in LISTS {
        look_at(&browser, &app, path, css, name).await;
    }
    browser.close(&[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forms_of_the_shop_are_accessible() {
    let app = TestApp::start(Engine::Sqlite).await;
    fill_shop(&app).await;
    let driver = Driver::start();
    let browser = driver.browser().await;
    browser.open(&app.url("/console/new-event-type")).await;
    sign_in(&browser, ADMIN_KEY).await;
    for (path, css, name) in FORMS {
        look_at(&browser, &app, path, css, name).await;
    }
    browser.open(&app.url("/console/event-types/call")).await;
    browser.fill("#amount", "12,50").await;
    browser.click("main form button.main").await;
    browser.see(".times").await;
    assert_accessible(&browser, "event-type-preview").await;
    browser.click_text("Change it").await;
    browser.fill("#amount", "much").await;
    browser.click("main form button.main").await;
    browser.see("#amount-error").await;
    assert_accessible(&browser, "event-type-errors").await;
    browser.close(&["422"]).await;
}

/// German words are longer than English ones.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn german_pages_of_the_shop_have_space_for_texts() {
    let app = TestApp::start(Engine::Sqlite).await;
    fill_shop(&app).await;
    let driver = Driver::start();
    let browser = driver
        .browser_with(&["--lang=de-DE", "--accept-lang=de-DE"])
        .await;
    browser.open(&app.url("/console/catalogue")).await;
    sign_in(&browser, ADMIN_KEY).await;
    let more = [("/console/event-types/call", "#amount", "event-type")];
    for (path, css, name) in LISTS.into_iter().chain(FORMS).chain(more) {
        browser.open(&app.url(path)).await;
        browser.see(css).await;
        browser.see("html[lang=de]").await;
        assert_texts_fit(&browser, name).await;
    }
    browser.close(&[]).await;
}
