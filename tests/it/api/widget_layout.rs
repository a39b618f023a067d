//! Tests in a real browser that the demo page and the widget have space for their texts.

use chrono::{DateTime, Duration, Utc};
use reqwest::Method;
use serde_json::json;

use crate::support::browser::{Driver, Shop};
use crate::support::shop_site::{GO_ON, READY, start_checkout};
use crate::support::text_boxes::assert_texts_fit;

/// Event types of the demo shop with one resource, with several places and with several persons.
const EVENT_TYPES: [&str; 3] = ["intro-call", "yoga", "consultation"];

/// Makes the afternoon of this day and the next morning taken.
async fn block_afternoon(shop: &Shop, day: &str) {
    let noon: DateTime<Utc> = format!("{day}T12:00:00Z").parse().unwrap();
    let block = json!({"starts_at": noon, "ends_at": noon + Duration::days(1)});
    shop.operate(Method::PUT, "/v1/admin/resources/ana/blocks/away", block)
        .await;
}

/// Looks at all that the demo shop shows to a guest with a browser of this language, who holds a slot already.
async fn look_around(driver: &Driver, language: &str) {
    let shop = Shop::open();
    let (lang, accept) = (format!("--lang={language}"), format!("--accept-lang={language}"));
    let guest = driver.browser_with(&[&lang, &accept]).await;
    let start = start_checkout(&guest, &shop.url).await;
    // Office hours lie within one day both in UTC and in the browser's time zone.
    let (day, _) = start.split_once('T').unwrap();
    block_afternoon(&shop, day).await;
    guest.client().back().await.unwrap();
    guest.see(GO_ON).await;
    for state in ["free", "held", "taken"] {
        guest
            .see(&format!("{READY}[data-view=week] label[data-state={state}]"))
            .await;
    }
    for event_type in EVENT_TYPES {
        for view in ["week", "day"] {
            // Leaves the shop first: a change of only the fragment does not load the page again.
            guest.open("about:blank").await;
            guest
                .open(&format!("{}/#{event_type}/{view}/{day}", shop.url))
                .await;
            guest.see(READY).await;
            assert_texts_fit(&guest, &format!("{event_type}, {view}, {language}")).await;
        }
    }
    guest.close(&["429"]).await;
}

/// Times such as "10:00 a.m." are the longest.
#[tokio::test]
async fn english_texts_of_the_widget_fit_at_any_width() {
    look_around(&Driver::start(), "en-CA").await;
}

#[tokio::test]
async fn german_texts_of_the_widget_fit_at_any_width() {
    look_around(&Driver::start(), "de-DE").await;
}
