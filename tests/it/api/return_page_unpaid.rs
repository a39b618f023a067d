//! Tests what a guest sees on the return page in a real browser while the payment is awaited, and in German.

use chrono::{DateTime, Utc};
use reqwest::Method;
use serde_json::json;

use crate::support::browser::{Browser, Driver};
use crate::support::console_browser::assert_accessible;
use crate::support::studio::{Studio, focused};
use crate::support::wait_for::eventually;

/// Makes the browser ask for pages in German, as it is written in Germany.
async fn ask_for_german(browser: &Browser) {
    let script = "return navigator.userAgent";
    let agent = browser.client().execute(script, Vec::new()).await.unwrap();
    let languages = json!({"userAgent": agent, "acceptLanguage": "de-DE,de;q=0.9,en;q=0.8"});
    browser.devtools("Network.setUserAgentOverride", languages).await;
}

/// A guest who has not paid sees how long there is to pay, and gets more time once.
#[tokio::test]
async fn guest_sees_time_left_and_extends_it_once() {
    let (studio, driver) = (Studio::open().await, Driver::start());
    let guest = driver.browser().await;
    let hold = studio.hold(&studio.free_starts().await[0], 1).await;
    studio.open_return_page(&guest, &hold).await;
    guest.see("main[data-state=held] #extend:not([hidden])").await;
    assert_eq!(focused(&guest).await, "title");
    let minutes_left = async || {
        let text = guest.text("#countdown:not([hidden])").await;
        let (minutes, rest) = text.split_once(':').unwrap();
        assert!(rest.ends_with("left to pay"), "{text}");
        minutes.parse::<u32>().unwrap()
    };
    let before = minutes_left().await;
    assert!((20..=30).contains(&before), "{before}");
    assert_accessible(&guest, "return-held").await;
    guest.click("#extend").await;
    guest.see("#notice:not(:empty)").await;
    assert!(guest.text("#notice").await.contains("now held until"));
    assert!(!guest.shows("#extend").await, "once");
    assert_eq!(focused(&guest).await, "title", "not on what went away");
    let extended = studio.api.hold(hold.text("id")).await;
    let end = |hold: &serde_json::Value| {
        hold["expires_at"]
            .as_str()
            .unwrap()
            .parse::<DateTime<Utc>>()
            .unwrap()
    };
    assert!(end(&extended) > end(&hold.body));
    eventually("the countdown has the later end", async || {
        (minutes_left().await > before).then_some(())
    })
    .await;
    guest.click("#give-back:not([hidden])").await;
    guest.see("main[data-state=released]").await;
    assert_eq!(focused(&guest).await, "title");
    assert!(!guest.shows("#countdown").await);
    assert_accessible(&guest, "return-released").await;
    guest.close(&["429"]).await;
}

/// A page without the token shows the hold, and offers nothing that needs it.
#[tokio::test]
async fn page_without_token_offers_no_change() {
    let (studio, driver) = (Studio::open().await, Driver::start());
    let (guest, stranger) = (driver.browser().await, driver.browser().await);
    studio.open_paid(&guest).await;
    guest.see("#move:not([hidden])").await;
    stranger.open(&guest.address().await).await;
    stranger
        .see("main[data-state=confirmed] #calendar:not([hidden])")
        .await;
    for button in ["#move", "#cancel", "#give-back", "#extend", "#shop"] {
        assert!(!stranger.shows(button).await, "{button}");
    }
    stranger
        .open(&format!("{}/checkout/done?hold=nobodys", studio.shop.url))
        .await;
    stranger.see("main[data-state=missing]").await;
    assert_accessible(&stranger, "return-missing").await;
    stranger.close(&["404"]).await;
    guest.close(&[]).await;
}

/// A browser that asks for German gets all of the page in German, with its numbers and dates.
#[tokio::test]
async fn page_is_in_the_language_of_the_browser() {
    let (studio, driver) = (Studio::open().await, Driver::start());
    let guest = driver.browser().await;
    ask_for_german(&guest).await;
    let hold = studio.open_paid(&guest).await;
    guest.see("html[lang=de] #cancel:not([hidden])").await;
    assert_eq!(guest.text("#title").await, "Sie haben gebucht");
    assert_eq!(guest.client().title().await.unwrap(), "Sie haben gebucht");
    assert_eq!(guest.text("#price").await.replace('\u{a0}', " "), "50,00 €");
    let months = [
        "Januar",
        "Februar",
        "März",
        "April",
        "Mai",
        "Juni",
        "Juli",
        "August",
        "September",
        "Oktober",
        "November",
        "Dezember",
    ];
    let when = guest.text("#when").await;
    assert!(months.iter().any(|month| when.contains(month)), "{when}");
    assert_accessible(&guest, "return-german").await;
    guest.click("#cancel").await;
    guest.see("#cancelling:not([hidden])").await;
    assert!(
        guest
            .text("#cancel-preview")
            .await
            .starts_with("Sie bekommen 50,00")
    );
    guest.click("#cancelling .keep").await;
    guest.click("#move").await;
    guest.see("#move-times button").await;
    assert_eq!(guest.text("#move-title").await, "Andere Zeit wählen");
    // What the service says when it refuses is German too.
    let path = format!("/v1/admin/holds/{}/cancel", hold.text("id"));
    studio
        .operate(Method::POST, &path, json!({"refund": "full"}))
        .await;
    guest.click("#move-times button").await;
    guest.click("#move-confirm").await;
    guest.see("main[data-state=cancelled] #problem:not(:empty)").await;
    assert!(guest.text("#problem").await.contains("nicht mehr verlegen"));
    assert_eq!(
        guest.text("#detail").await,
        "Der Betrieb hat diese Buchung storniert."
    );
    guest.close(&["409"]).await;
}
