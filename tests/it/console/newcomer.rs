//! The first day of a newcomer, in real browsers: from the sandbox to the first booking, a refund, and the shop's own system.

use chrono::Duration;
use holdfast::clock::SystemClock;
use holdfast::domain::time::Clock as _;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::browser::{Browser, Driver, Shop};
use crate::support::client::build_http_client;
use crate::support::console_browser::sign_in;
use crate::support::event_receiver::EventReceiver;
use crate::support::wait_for::eventually;

/// The key of the sandbox, as docs/quickstart.md has it.
const KEY: &str = "sandbox-key-for-operators";
/// The button of a page that goes on.
const GO_ON: &str = "main button.main";

/// Fills in the fields of a form and goes on.
async fn fill_in(browser: &Browser, fields: &[(&str, &str)]) {
    for (css, text) in fields {
        browser.fill(css, text).await;
    }
    browser.click(GO_ON).await;
}

/// Adds an endpoint, a person and the first event type, as the pages lead.
async fn set_up_shop(browser: &Browser, shop: &Shop, endpoint: &str) {
    browser.open(&format!("{}/console/new-endpoint", shop.url)).await;
    fill_in(browser, &[("#id", "shop"), ("#url", endpoint)]).await;
    let secret = eventually("the secret is shown", || async {
        Some(browser.text("main").await).filter(|text| text.contains("whsec_"))
    });
    secret.await;
    browser.open(&format!("{}/console/new-resource", shop.url)).await;
    fill_in(browser, &[("#id", "rosa"), ("#name", "Rosa")]).await;
    browser.see("p.notice").await;
    browser
        .open(&format!("{}/console/new-event-type", shop.url))
        .await;
    browser
        .see("#segment-0-resources-rosa")
        .await
        .click()
        .await
        .unwrap();
    fill_in(
        browser,
        &[
            ("#id", "first-visit"),
            ("#name", "First visit"),
            ("#amount", "40"),
        ],
    )
    .await;
    // The preview shows the next two weeks; its button saves what it shows.
    browser.see("form[action$='/save']").await;
    browser.click(GO_ON).await;
    browser.see("p.notice").await;
}

/// Sells the first free slot to a guest, who pays in a browser of her own. Returns the start.
async fn sell(guest: &Browser, shop: &Shop) -> String {
    let http = build_http_client();
    let day = |days| {
        (SystemClock.now() + Duration::days(days))
            .format("%Y-%m-%dT00:00:00Z")
            .to_string()
    };
    let (from, to) = (day(1), day(9));
    let slots = format!(
        "{}/v1/event-types/first-visit/slots?from={from}&to={to}&limit=1",
        shop.url
    );
    let slots: Value = http.get(slots).send().await.unwrap().json().await.unwrap();
    let start = slots["slots"][0]["starts_at"].as_str().unwrap().to_owned();
    let body = json!({"event_type": "first-visit", "starts_at": start,
        "guest": {"email": "ada@example.com", "name": "Ada Lovelace"}});
    let request = http
        .request(Method::POST, format!("{}/v1/holds", shop.url))
        .json(&body);
    let hold: Value = request.send().await.unwrap().json().await.unwrap();
    guest.open(hold["checkout_url"].as_str().unwrap()).await;
    guest.click("#pay").await;
    guest.see("main[data-state=confirmed]").await;
    start
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn newcomer_sells_refunds_and_the_shop_hears_it_all() {
    let receiver = EventReceiver::start().await;
    let shop = Shop::open_with(&[("HOLDFAST_CALENDAR_ALLOW_PRIVATE", "1")]);
    let driver = Driver::start();
    let (operator, guest) = (driver.browser().await, driver.browser().await);
    operator.open(&format!("{}/console", shop.url)).await;
    sign_in(&operator, KEY).await;
    set_up_shop(&operator, &shop, &receiver.url).await;
    let start = sell(&guest, &shop).await;
    let (day, _) = start.split_once('T').unwrap();
    operator
        .open(&format!("{}/console/today?day={day}", shop.url))
        .await;
    assert!(
        operator
            .text(".timeline .entry.good")
            .await
            .contains("Ada Lovelace")
    );
    operator.click_text("Ada Lovelace").await;
    operator.click_text("Return money").await;
    fill_in(&operator, &[("#amount", "10")]).await;
    operator.fill("#note", "a shorter visit").await;
    operator.click_text("Order the refund").await;
    operator.see("p.notice").await;
    eventually("the shop's own system has heard it all", || async {
        let expected = ["hold.placed 1", "hold.confirmed 2", "refund.succeeded 3"];
        (receiver.labels() == expected).then_some(())
    })
    .await;
    operator
        .open(&format!("{}/console/today?day={day}", shop.url))
        .await;
    assert!(
        operator
            .text(".timeline .entry.good")
            .await
            .contains("30.00 EUR, partly refunded")
    );
    guest.close(&[]).await;
    operator.close(&[]).await;
}
