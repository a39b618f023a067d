//! Tests the widget as a guest uses it in a real browser: on the demo page, and on the page of another origin.

use fantoccini::Locator;
use fantoccini::key::Key;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::browser::{Browser, Driver, Shop};
use crate::support::console_browser::assert_accessible;
use crate::support::shop_site::{
    GO_ON, HELD, OtherSite, READY, choose_later, press, run, start_checkout, tab_to,
};

#[tokio::test]
async fn widget_sells_on_another_site_without_cookies() {
    let site = OtherSite::open("lang=de guest-email=ada@example.com").await;
    let driver = Driver::start();
    let guest = driver
        .browser_with(&[
            "--test-third-party-cookie-phaseout",
            "--block-third-party-cookies",
        ])
        .await;
    start_checkout(&guest, &site.url).await;
    guest.click("#pay").await;
    guest.see("#panel[data-state=confirmed]").await;
    assert!(
        guest.address().await.starts_with(&site.url),
        "Stripe sends the guest back to the shop"
    );
    assert_eq!(guest.text("#panel-title").await, "Sie haben gebucht");
    assert_eq!(guest.text("#fact-what").await, "Intro call with Ana");
    assert!(!guest.shows("#booking").await, "the guest is done");
    let cookies = guest.client().get_all_cookies().await.unwrap();
    assert!(cookies.is_empty(), "{cookies:?}");
    guest.click("#other:not([hidden])").await;
    guest.see(READY).await;
    assert!(guest.shows("#booking").await);
    assert!(!guest.address().await.contains("holdfast-done"));
    guest.close(&["429"]).await;
}

/// Story S45: the payment page is a part of the shop's own page, of another origin and without cookies.
#[tokio::test]
async fn guest_pays_within_the_page_of_the_shop() {
    let site = OtherSite::open("ui=embedded guest-email=ada@example.com").await;
    let driver = Driver::start();
    let guest = driver.browser_with(&["--block-third-party-cookies"]).await;
    guest.open(&site.url).await;
    choose_later(&guest).await;
    guest.click("#start").await;
    let frame = guest.see("holdfast-booking iframe").await;
    let page = guest.client().window().await.unwrap();
    frame.enter_frame().await.unwrap();
    guest.click("#pay").await;
    guest.client().switch_to_window(page).await.unwrap();
    guest.see("#panel[data-state=confirmed]").await;
    assert!(guest.address().await.starts_with(&site.url));
    guest.close(&[]).await;
}

/// Also without the record in the tab: where storage is blocked, the address says which hold it is.
#[tokio::test]
async fn guest_who_turns_back_is_offered_to_go_on() {
    let site = OtherSite::open("guest-email=ada@example.com").await;
    let driver = Driver::start();
    let guest = driver.browser().await;
    start_checkout(&guest, &site.url).await;
    guest.click("#abandon").await;
    guest.see(HELD).await;
    guest.see(GO_ON).await;
    assert!(guest.text("#countdown").await.contains("Time left to pay"));
    assert!(guest.shows("#booking").await, "another time can be chosen");
    assert!(guest.shows("#give-back").await);
    let turned_back = guest.address().await;
    let elsewhere = driver.browser().await;
    elsewhere.open(&turned_back).await;
    elsewhere.see(GO_ON).await;
    assert!(
        !elsewhere.shows("#give-back").await,
        "another browser has no token"
    );
    elsewhere.close(&["429"]).await;
    guest.click(GO_ON).await;
    guest.click("#pay").await;
    guest.see("#panel[data-state=confirmed]").await;
    guest.close(&["429"]).await;
}

#[tokio::test]
async fn hold_survives_back_and_reload_and_can_be_given_back() {
    let (shop, driver) = (Shop::open(), Driver::start());
    let guest = driver.browser().await;
    start_checkout(&guest, &shop.url).await;
    guest.client().back().await.unwrap();
    guest.see(GO_ON).await;
    guest.client().refresh().await.unwrap();
    guest.see(GO_ON).await;
    guest.click("#give-back:not([hidden])").await;
    guest.see("#panel[data-state=released]").await;
    assert!(guest.text("#panel-detail").await.contains("given back"));
    guest.see("#panel-title:focus").await;
    guest.client().refresh().await.unwrap();
    guest.see(READY).await;
    assert!(!guest.shows("#panel").await, "what is over is not shown again");
    guest.close(&["429"]).await;
}

/// Holds a slot of the shop, whose own page shows the payment page.
async fn start_embedded_checkout(guest: &Browser, shop: &Shop) {
    guest.open(&shop.url).await;
    guest.see(READY).await;
    let embed = "document.querySelector('holdfast-booking').setAttribute('ui', 'embedded')";
    run(guest, embed).await;
    choose_later(guest).await;
    guest.click("#start").await;
    guest.see("holdfast-booking iframe").await;
}

/// Stripe has no page for such a hold, so the return page leads to the shop's, which shows the payment page again.
#[tokio::test]
async fn return_page_leads_back_to_the_embedded_page() {
    let (shop, driver) = (Shop::open(), Driver::start());
    let guest = driver.browser().await;
    start_embedded_checkout(&guest, &shop).await;
    let hold = run(&guest, "return sessionStorage.getItem('holdfast:unpaid')").await;
    let hold = hold.as_str().unwrap();
    let return_page = format!("{}/checkout/done?hold={hold}", shop.url);
    guest.open(&return_page).await;
    // It is offered once Stripe says that the guest can still pay, as a link to the payment would be.
    guest.see("main[data-state=held] #give-back:not([hidden])").await;
    assert!(!guest.shows("#resume").await);
    guest.click("#shop:not([hidden])").await;
    guest.see("holdfast-booking iframe").await;

    let sessions = shop.simulator(Method::GET, "/sandbox/sessions", json!({})).await;
    let of_hold = |session: &&Value| session["client_reference_id"] == hold;
    let session = sessions["data"].as_array().unwrap().iter().find(of_hold);
    let pay = format!(
        "/sandbox/sessions/{}/pay",
        session.unwrap()["id"].as_str().unwrap()
    );
    shop.simulator(Method::POST, &pay, json!({"outcome": "processing"}))
        .await;
    guest.open(&return_page).await;
    guest.see("main[data-state=processing] #shop:not([hidden])").await;
    for link in ["#resume", "#bank"] {
        assert!(!guest.shows(link).await, "{link} leads nowhere");
    }
    guest.close(&["429"]).await;
}

/// The page at Stripe may look payable after its end, so the frame goes with the hold.
#[tokio::test]
async fn payment_page_within_the_shops_page_goes_when_time_runs_out() {
    let (shop, driver) = (Shop::open_with(&[("HOLDFAST_HOLD_TTL", "4s")]), Driver::start());
    let guest = driver.browser().await;
    start_embedded_checkout(&guest, &shop).await;
    guest.see("#panel[data-state=released]").await;
    let frames = guest.client().find_all(Locator::Css("iframe")).await.unwrap();
    assert!(frames.is_empty(), "the payment page is gone");
    guest.close(&["429"]).await;
}

#[tokio::test]
async fn hold_that_ran_out_of_time_is_no_longer_payable() {
    let (shop, driver) = (Shop::open_with(&[("HOLDFAST_HOLD_TTL", "4s")]), Driver::start());
    let guest = driver.browser().await;
    start_checkout(&guest, &shop.url).await;
    guest.client().back().await.unwrap();
    guest.see("#panel[data-state=released]").await;
    assert!(guest.text("#panel-detail").await.contains("time to pay ran out"));
    assert!(!guest.shows("#go-on").await);
    guest.close(&["429"]).await;
}

/// Story S37: a second tab of the same browser goes on with the hold of the first.
#[tokio::test]
async fn second_tab_goes_on_with_the_hold_of_the_first() {
    let (shop, driver) = (Shop::open(), Driver::start());
    let guest = driver.browser().await;
    let client = guest.client();
    let first = client.window().await.unwrap();
    let second = client.new_window(true).await.unwrap().handle;
    client.switch_to_window(second.clone()).await.unwrap();
    guest.open(&shop.url).await;
    let wanted = choose_later(&guest).await;
    client.switch_to_window(first).await.unwrap();
    guest.open(&shop.url).await;
    assert_eq!(choose_later(&guest).await, wanted);
    guest.click("#start").await;
    guest.see("#pay").await;
    client.back().await.unwrap();
    guest.see(GO_ON).await;
    client.switch_to_window(second).await.unwrap();
    guest.click("#start").await;
    guest.see("#problem:focus").await;
    assert!(
        guest
            .text("#problem")
            .await
            .contains("You hold this time already")
    );
    guest.click("#go-on-here").await;
    guest.click(GO_ON).await;
    guest.click("#pay").await;
    guest.see("main[data-state=confirmed]").await;
    guest.close(&["409", "429"]).await;
}

#[tokio::test]
async fn whole_sale_works_with_the_keyboard_alone() {
    let (shop, driver) = (Shop::open(), Driver::start());
    let guest = driver.browser().await;
    guest.open(&shop.url).await;
    guest.see(READY).await;
    tab_to(&guest, "#next").await;
    press(&guest, Key::Enter.into()).await;
    guest.see(READY).await;
    tab_to(&guest, "input[name=starts_at]").await;
    press(&guest, ' ').await;
    guest.see("#slots :checked").await;
    tab_to(&guest, "#email").await;
    press(&guest, Key::Enter.into()).await;
    guest.see("#pay").await;
    guest.close(&[]).await;
}

#[tokio::test]
async fn widget_is_accessible_in_all_its_states() {
    let (shop, driver) = (Shop::open(), Driver::start());
    let guest = driver
        .browser_with(&["--lang=de-DE", "--accept-lang=de-DE"])
        .await;
    guest.open(&shop.url).await;
    guest.see(READY).await;
    assert_accessible(&guest, "widget").await;
    start_checkout(&guest, &shop.url).await;
    guest.client().back().await.unwrap();
    guest.see(GO_ON).await;
    assert_eq!(
        guest.text("#panel-title").await,
        "Sie haben einen Termin reserviert"
    );
    assert_accessible(&guest, "widget-held").await;
    guest.close(&["429"]).await;
}
