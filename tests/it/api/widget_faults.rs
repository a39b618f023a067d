//! Tests the widget in a real browser when something is wrong: a clock, the network, the catalogue, or the page around it.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::json;

use crate::support::browser::{Browser, Driver, Shop};
use crate::support::shop_site::{
    GO_ON, HELD, OtherSite, READY, choose_later, run, run_first, start_checkout,
};

const UNAVAILABLE: &str = "#slots[data-state=unavailable]";

/// Lets all requests fail whose address has one of the patterns.
async fn block(browser: &Browser, patterns: &[&str]) {
    browser.devtools("Network.enable", json!({})).await;
    browser
        .devtools("Network.setBlockedURLs", json!({ "urls": patterns }))
        .await;
}

/// The time to pay ends by the clock of the service.
#[tokio::test]
async fn guest_whose_clock_is_wrong_by_hours_can_pay() {
    let site = OtherSite::open("guest-email=ada@example.com").await;
    let driver = Driver::start();
    for hours in [5, -5] {
        let guest = driver.browser().await;
        let script = format!(
            "const Real = Date;
            globalThis.Date = class extends Real {{
                constructor(...parts) {{ if (parts.length) super(...parts); else super(Real.now() + {hours} * 3_600_000); }}
                static now() {{ return Real.now() + {hours} * 3_600_000; }}
            }};"
        );
        run_first(&guest, &script).await;
        start_checkout(&guest, &site.url).await;
        guest.click("#abandon").await;
        guest.see(GO_ON).await;
        let left = guest.text("#countdown").await;
        let minutes: Option<u32> = left
            .rsplit([' ', ':'])
            .nth(1)
            .and_then(|minutes| minutes.parse().ok());
        assert!(
            minutes.is_some_and(|minutes| (20..=30).contains(&minutes)),
            "{hours} h: {left}"
        );
        guest.click("#give-back:not([hidden])").await;
        guest.see("#panel[data-state=released]").await;
        guest.close(&["429"]).await;
    }
}

/// Nobody has to load the page again after a moment without network.
#[tokio::test]
async fn slots_come_by_themselves_after_a_failure() {
    let site = OtherSite::open("").await;
    let driver = Driver::start();
    for pattern in ["*/slots?*", "*/v1/event-types/intro-call"] {
        let guest = driver.browser().await;
        block(&guest, &[pattern]).await;
        guest.open(&site.url).await;
        guest.see(UNAVAILABLE).await;
        assert!(guest.text("#notice").await.contains("There was no answer"));
        block(&guest, &[]).await;
        guest.see(READY).await;
        assert_eq!(guest.text("#notice").await, "");
        guest.close(&["ERR_BLOCKED_BY_CLIENT"]).await;
    }
}

/// A widget that the page takes away while it waits for an answer opens nothing later.
#[tokio::test]
async fn widget_that_is_removed_leaves_no_stream() {
    let site = OtherSite::open("").await;
    let driver = Driver::start();
    let guest = driver.browser().await;
    let script = "
        globalThis.streams = [];
        globalThis.EventSource = class extends EventSource { constructor(url) { super(url); streams.push(this); } };
        const ask = globalThis.fetch;
        globalThis.asked = [];
        globalThis.fetch = (...request) => { const answer = ask(...request); asked.push(answer); return answer; };";
    run_first(&guest, script).await;
    guest.open(&site.url).await;
    guest.see(READY).await;
    let move_about = "
        const done = arguments[arguments.length - 1];
        (async () => {
            const widget = document.querySelector('holdfast-booking');
            for (let times = 0; times < 3; times += 1) {
                widget.remove();
                document.querySelector('main').append(widget);
                await null;
            }
            widget.remove();
            await Promise.allSettled(asked.map((answer) => answer.then((found) => found.clone().text())));
            done(streams.filter(({ readyState }) => readyState !== EventSource.CLOSED).length);
        })();";
    let open = guest
        .client()
        .execute_async(move_about, Vec::new())
        .await
        .unwrap();
    assert_eq!(open, json!(0));
    let left = "return streams.filter(({ readyState }) => readyState !== EventSource.CLOSED).length";
    assert_eq!(run(&guest, left).await, json!(0));
    run(
        &guest,
        "document.querySelector('main').append(document.createElement('holdfast-booking'))",
    )
    .await;
    let set = "document.querySelector('holdfast-booking').setAttribute('event-type', 'yoga')";
    run(&guest, set).await;
    guest.see(READY).await;
    assert_eq!(run(&guest, left).await, json!(1));
    run(
        &guest,
        &set.replace(
            "setAttribute('event-type', 'yoga')",
            "removeAttribute('event-type')",
        ),
    )
    .await;
    assert_eq!(
        run(&guest, left).await,
        json!(0),
        "without an event type nothing is followed"
    );
    guest.close(&[]).await;
}

#[tokio::test]
async fn event_type_deleted_meanwhile_is_no_longer_shown() {
    let site = OtherSite::open("guest-email=ada@example.com").await;
    let driver = Driver::start();
    let guest = driver.browser().await;
    guest.open(&site.url).await;
    choose_later(&guest).await;
    let path = "/v1/admin/event-types/intro-call";
    site.shop.operate(Method::DELETE, path, json!({})).await;
    // As when the guest comes back to the tab.
    run(&guest, "document.dispatchEvent(new Event('visibilitychange'))").await;
    guest.see(UNAVAILABLE).await;
    assert!(guest.text("#notice").await.contains("no longer on offer"));
    let slots = guest.client().execute(
        "return document.querySelector('holdfast-booking').shadowRoot.querySelectorAll('#slots label').length",
        Vec::new(),
    );
    assert_eq!(slots.await.unwrap(), json!(0));
    guest.click("#start").await;
    guest.see("#problem:not(:empty)").await;
    guest.close(&["404"]).await;
}

/// Names are text, whatever they say and in whichever direction they are written.
#[tokio::test]
async fn hostile_and_right_to_left_names_are_text() {
    let site = OtherSite::selling("class lang=en").await;
    let name = "<img src=x onerror=alert(1)> שיעור";
    let resource = json!({ "name": "<b>אנה</b>", "capacity": 9 });
    site.shop
        .operate(Method::PUT, "/v1/admin/resources/anna", resource)
        .await;
    let event_type = json!({ "name": name, "resource": "anna", "duration_minutes": 30, "amount": 5000, "currency": "eur",
        "schedule": { "timezone": "UTC", "step_minutes": 30,
            "weekly": [{ "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": "14:00", "to": "20:00" }] } });
    site.shop
        .operate(Method::PUT, "/v1/admin/event-types/class", event_type)
        .await;
    let driver = Driver::start();
    let guest = driver.browser().await;
    guest.open(&site.url).await;
    guest.see(READY).await;
    guest.click("#more").await;
    choose_later(&guest).await;
    assert!(guest.text("#choice").await.contains(&format!("{name}, 2 places")));
    assert_eq!(
        guest.text("#choice bdi").await,
        name,
        "what follows a name keeps its direction"
    );
    let made = "const { shadowRoot } = document.querySelector('holdfast-booking'); return shadowRoot.querySelectorAll('img, b').length";
    assert_eq!(run(&guest, made).await, json!(0));
    guest.close(&[]).await;
}

#[tokio::test]
async fn two_widgets_of_a_page_follow_their_own_holds() {
    let site = OtherSite::selling(
        "deep-dive guest-email=ada@example.com\nyoga id=second guest-email=ada@example.com",
    )
    .await;
    let driver = Driver::start();
    let guest = driver.browser().await;
    // Helpers find the first widget of a page, so it is the one that sells.
    start_checkout(&guest, &site.url).await;
    guest.click("#abandon").await;
    guest.see(HELD).await;
    guest.see(GO_ON).await;
    let second = "const { shadowRoot } = document.querySelector('#second');
        return [shadowRoot.querySelector('#panel').hidden, shadowRoot.querySelector('#booking').hidden]";
    assert_eq!(run(&guest, second).await, json!([true, false]));
    guest.click(GO_ON).await;
    guest.click("#pay").await;
    guest.see("#panel[data-state=confirmed]").await;
    assert_eq!(run(&guest, second).await, json!([true, false]));
    guest.close(&["429"]).await;
}

/// A page can style every button and field, by names that the documentation has.
#[tokio::test]
async fn every_button_and_field_has_a_documented_part() {
    let (shop, driver) = (Shop::open(), Driver::start());
    let guest = driver.browser().await;
    guest.open(&format!("{}/#yoga", shop.url)).await;
    choose_later(&guest).await;
    let without = "const { shadowRoot } = document.querySelector('holdfast-booking');
        return [...shadowRoot.querySelectorAll('button, a, input:not([type=radio]), .card, label:has(input)')]
            .filter((element) => !element.part.length)
            .map((element) => element.outerHTML)";
    assert_eq!(run(&guest, without).await, json!([]));
    let parts = "const { shadowRoot } = document.querySelector('holdfast-booking');
        return [...shadowRoot.querySelectorAll('[part]')].flatMap((element) => [...element.part])";
    let shown: BTreeSet<String> = serde_json::from_value(run(&guest, parts).await).unwrap();
    let page = include_str!("../../../docs/widget.md");
    let documented = page
        .split("::part(")
        .skip(1)
        .map(|rest| rest.split(')').next().unwrap().to_owned());
    assert_eq!(shown, documented.collect());
    guest.close(&[]).await;
}
