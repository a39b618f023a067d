//! Tests what a guest sees in a real browser: the demo shop, the simulator's payment page, and the pages after
//! payment.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::browser::{Browser, Driver, Shop};

const READY: &str = "#slots[data-state=ready]";

/// Opens the first page of the shop, or a fragment of the page, and loads it again.
async fn open_shop(browser: &Browser, shop: &Shop, place: &str) {
    // Leaves the shop first: a change of only the fragment does not load the page again.
    browser.open("about:blank").await;
    browser.open(&format!("{}/{place}", shop.url)).await;
    browser.see(READY).await;
}

/// Clicks, and waits until the page has loaded the slots again.
async fn click_and_reload(browser: &Browser, css: &str) {
    browser.click(css).await;
    browser.see(READY).await;
}

/// Chooses the first free slot of next week, which cannot pass while the test runs, and returns its start.
async fn choose_next_week(browser: &Browser) -> String {
    click_and_reload(browser, "#next").await;
    let start = browser
        .attribute("#slots label[data-state=free]", "data-start")
        .await;
    browser.click(&slot_at(&start)).await;
    start
}

async fn choose_a_slot(browser: &Browser, shop: &Shop) -> String {
    open_shop(browser, shop, "").await;
    choose_next_week(browser).await
}

/// Holds a slot and opens the payment page; returns the slot's start.
async fn start_checkout(browser: &Browser, shop: &Shop) -> String {
    let start = choose_a_slot(browser, shop).await;
    browser.click("#start").await;
    browser.see("#pay").await;
    start
}

fn slot_at(start: &str) -> String {
    format!("#slots[data-state=ready] label[data-start='{start}']")
}

/// Returns what the shop shows now about the slot with this start.
async fn read_slot_state(browser: &Browser, shop: &Shop, start: &str) -> String {
    // Office hours lie within one day both in UTC and in the browser's time zone.
    let (date, _) = start.split_once('T').unwrap();
    open_shop(browser, shop, &format!("#intro-call/day/{date}")).await;
    let state = browser.attribute(&slot_at(start), "data-state").await;
    assert!(
        browser.text(&slot_at(start)).await.contains(&state),
        "the state is shown as text, not only as a colour"
    );
    state
}

/// Story S38: a payment shows although its webhook is lost.
#[tokio::test]
async fn payment_shows_at_once_without_webhook() {
    let (shop, driver) = (Shop::open(), Driver::start());
    let guest = driver.browser().await;
    let start = start_checkout(&guest, &shop).await;
    lose_webhooks(&shop, json!([])).await;
    guest.click("#pay").await;
    guest.see("main[data-page=done][data-state=confirmed]").await;
    assert_eq!(guest.text("#title").await, "You are booked");
    assert_eq!(guest.text("#what").await, "Intro call with Ana");
    guest.click("#shop").await;
    assert_eq!(read_slot_state(&guest, &shop, &start).await, "taken");
    guest.close(&[]).await;
}

/// Story S38: while nobody knows whether the guest has paid, the page offers neither to pay again nor to give the slot back.
#[tokio::test]
async fn unknown_payment_is_offered_neither_twice_nor_back() {
    let (shop, driver) = (Shop::open(), Driver::start());
    let guest = driver.browser().await;
    start_checkout(&guest, &shop).await;
    let unanswered = json!([{ "endpoint": "retrieve_session", "kind": "server_error", "probability": 1.0 }]);
    lose_webhooks(&shop, unanswered).await;
    guest.click("#pay").await;
    guest.see("main[data-page=done][data-state=held]").await;
    assert_eq!(guest.text("#title").await, "Waiting for the payment");
    assert!(!guest.shows("#resume").await && !guest.shows("#give-back").await);
    shop.simulator(Method::PUT, "/sandbox/faults", json!({})).await;
    guest.see("main[data-state=confirmed]").await;
    guest.close(&["503", "429"]).await;
}

/// Makes Stripe lose all webhooks, and answer calls with these faults.
async fn lose_webhooks(shop: &Shop, api: Value) {
    let faults = json!({ "webhooks": { "dropped": { "probability": 1.0 } }, "api": api });
    shop.simulator(Method::PUT, "/sandbox/faults", faults).await;
}

/// Story S14: a declined card is not the end of the checkout.
#[tokio::test]
async fn declined_guest_can_pay_with_another_card() {
    let (shop, driver) = (Shop::open(), Driver::start());
    let guest = driver.browser().await;
    let start = start_checkout(&guest, &shop).await;
    guest.click("#decline").await;
    guest.see("#error:not(:empty)").await;
    assert!(guest.text("#error").await.contains("declined"));
    guest.click("#pay:enabled").await;
    guest.see("main[data-state=confirmed]").await;
    assert_eq!(read_slot_state(&guest, &shop, &start).await, "taken");
    guest.close(&[]).await;
}

/// Story S13: a delayed payment keeps the slot until the bank gives the result.
#[tokio::test]
async fn delayed_payment_keeps_slot_until_bank_decides() {
    let (shop, driver) = (Shop::open(), Driver::start());
    let (guest, bank) = (driver.browser().await, driver.browser().await);
    let start = start_checkout(&guest, &shop).await;
    let payment_page = guest.address().await;
    guest.click("#pay-later").await;
    guest.see("main[data-state=processing]").await;
    assert_eq!(guest.text("#title").await, "Your payment is on its way");
    assert_eq!(read_slot_state(&bank, &shop, &start).await, "held");
    bank.open(&payment_page).await;
    bank.click("#bank-succeed").await;
    guest.see("main[data-state=confirmed]").await;
    assert_eq!(read_slot_state(&bank, &shop, &start).await, "taken");
    bank.close(&[]).await;
    guest.close(&[]).await;
}

#[tokio::test]
async fn failed_bank_payment_is_explained_to_guest() {
    let (shop, driver) = (Shop::open(), Driver::start());
    let guest = driver.browser().await;
    let start = start_checkout(&guest, &shop).await;
    guest.click("#pay-later").await;
    guest.see("main[data-state=processing]").await;
    guest.click("#bank").await;
    guest.click("#bank-fail").await;
    guest.see("main[data-status=complete] #return").await;
    guest.click("#return").await;
    guest.see("main[data-state=released]").await;
    assert!(
        guest
            .text("#detail")
            .await
            .contains("did not let the payment through")
    );
    assert_eq!(read_slot_state(&guest, &shop, &start).await, "free");
    guest.close(&[]).await;
}

/// Story S15: a guest who cancels the payment can resume it or release the slot.
#[tokio::test]
async fn returning_guest_can_pay_or_release_slot() {
    let (shop, driver) = (Shop::open(), Driver::start());
    let guest = driver.browser().await;
    let start = start_checkout(&guest, &shop).await;
    guest.click("#abandon").await;
    guest.see("main[data-page=cancelled][data-state=held]").await;
    let turned_back = guest.address().await;
    let stranger = driver.browser().await;
    stranger.open(&turned_back).await;
    // Stripe was asked for the guest a moment ago, and is asked for the stranger a little later.
    stranger.see("main[data-state=held] #resume:not([hidden])").await;
    assert!(!stranger.shows("#give-back").await);
    stranger.close(&["429"]).await;
    guest.click("#resume:not([hidden])").await;
    guest.see("#pay").await;
    guest.click("#abandon").await;
    guest
        .click("main[data-state=held] #give-back:not([hidden])")
        .await;
    guest.see("main[data-state=released]").await;
    assert!(guest.text("#detail").await.contains("You gave the slot back"));
    guest.click("#shop").await;
    assert_eq!(read_slot_state(&guest, &shop, &start).await, "free");
    guest.close(&["429"]).await;
}

/// Story S37: a guest who comes back from the payment chooses another slot, and keeps only that.
#[tokio::test]
async fn returning_guest_who_chooses_anew_keeps_one_slot() {
    let (shop, driver) = (Shop::open(), Driver::start());
    let guest = driver.browser().await;
    let first = start_checkout(&guest, &shop).await;
    let second = start_checkout(&guest, &shop).await;
    assert_ne!(first, second, "the first one is held");
    let watcher = driver.browser().await;
    assert_eq!(read_slot_state(&watcher, &shop, &first).await, "free");
    assert_eq!(read_slot_state(&watcher, &shop, &second).await, "held");
    guest.click("#pay").await;
    guest.see("main[data-state=confirmed]").await;
    let third = start_checkout(&guest, &shop).await;
    assert_eq!(
        read_slot_state(&watcher, &shop, &second).await,
        "taken",
        "what is paid is not replaced"
    );
    assert_eq!(read_slot_state(&watcher, &shop, &third).await, "held");
    watcher.close(&[]).await;
    guest.close(&[]).await;
}

/// Story S37: another tab does not know the token of the guest's hold.
#[tokio::test]
async fn second_tab_sees_that_the_hold_is_its_own() {
    let (shop, driver) = (Shop::open(), Driver::start());
    let (first, second) = (driver.browser().await, driver.browser().await);
    let wanted = choose_a_slot(&second, &shop).await;
    assert_eq!(start_checkout(&first, &shop).await, wanted);
    second.click("#start").await;
    second.see("#problem:not(:empty)").await;
    assert!(
        second
            .text("#problem")
            .await
            .contains("You hold this time already")
    );
    second.see("#alternatives button").await;
    first.close(&[]).await;
    second.close(&["409"]).await;
}

/// Stories S1 and S6.
#[tokio::test]
async fn second_guest_on_same_slot_sees_explanation() {
    let (shop, driver) = (Shop::open(), Driver::start());
    let (first, second) = (driver.browser().await, driver.browser().await);
    let wanted = choose_a_slot(&second, &shop).await;
    assert_eq!(start_checkout(&first, &shop).await, wanted);
    // The form suggests one address to all.
    second.fill("#email", "bob@example.com").await;
    second.click("#start").await;
    second.see("#problem:not(:empty)").await;
    assert!(
        second
            .text("#problem")
            .await
            .contains("Someone else has just taken this time")
    );
    second
        .see(&format!("{}[data-state=held]", slot_at(&wanted)))
        .await;
    let other = second.attribute("#alternatives button", "data-start").await;
    assert_ne!(other, wanted, "another slot can be chosen");
    let near = format!("#alternatives button[data-start='{other}']");
    second.click(&near).await;
    second.see(&format!("{} :checked", slot_at(&other))).await;
    second.click("#start").await;
    second.see("#pay").await;
    assert_eq!(read_slot_state(&first, &shop, &other).await, "held");
    first.close(&[]).await;
    second.close(&["409"]).await;
}

#[tokio::test]
async fn error_is_shown_beside_button_and_retry_works() {
    let (shop, driver) = (Shop::open(), Driver::start());
    let guest = driver.browser().await;
    choose_a_slot(&guest, &shop).await;
    let down = json!({ "api": [{ "kind": "rate_limited", "probability": 1.0 }] });
    shop.simulator(Method::PUT, "/sandbox/faults", down).await;
    guest.click("#start").await;
    guest.see("#problem:not(:empty)").await;
    assert!(
        guest
            .text("#problem")
            .await
            .contains("payment service does not answer")
    );
    shop.simulator(Method::PUT, "/sandbox/faults", json!({})).await;
    guest.click("#start:enabled").await;
    guest.see("#pay").await;
    guest
        .open(&format!("{}/checkout/done?hold=nobodys", shop.url))
        .await;
    guest.see("main[data-state=missing]").await;
    assert_eq!(guest.text("#title").await, "There is no such booking");
    guest.close(&["503", "404"]).await;
}

const SALON: &str = "#offers label:nth-child(4)";
const CLASS: &str = "#offers label:nth-child(5)";
const POOL: &str = "#offers label:nth-child(6)";

#[tokio::test]
async fn class_shows_fewer_places_after_purchase() {
    let (shop, driver) = (Shop::open(), Driver::start());
    let guest = driver.browser().await;
    open_shop(&guest, &shop, "").await;
    click_and_reload(&guest, CLASS).await;
    click_and_reload(&guest, "#more").await;
    click_and_reload(&guest, "#more").await;
    let start = choose_next_week(&guest).await;
    assert!(guest.text(&slot_at(&start)).await.contains("20 left"));
    assert!(guest.text("#choice").await.contains("3 places"));
    assert!(guest.text("#start").await.contains("54.00"));
    guest.click("#start").await;
    guest.click("#pay").await;
    guest.see("main[data-state=confirmed]").await;
    guest.click("#shop").await;
    assert!(
        guest.text(&slot_at(&start)).await.contains("17 left"),
        "the page returns to the same week and shows the change"
    );
    guest.close(&[]).await;
}

#[tokio::test]
async fn taken_host_is_replaced_by_another_at_same_time() {
    let (shop, driver) = (Shop::open(), Driver::start());
    let (first, second) = (driver.browser().await, driver.browser().await);
    let mut starts = Vec::new();
    for guest in [&second, &first] {
        open_shop(guest, &shop, "").await;
        click_and_reload(guest, POOL).await;
        guest.click("#hosts label:nth-child(2)").await;
        starts.push(choose_next_week(guest).await);
        assert!(guest.text("#choice").await.contains("with Dora"));
    }
    assert_eq!(starts[0], starts[1]);
    first.click("#start").await;
    first.see("#pay").await;
    second.fill("#email", "bob@example.com").await;
    second.click("#start").await;
    let same_time = "#alternatives button";
    assert_eq!(second.attribute(same_time, "data-start").await, starts[0]);
    assert!(second.text("#problem").await.contains("Dora is not free then"));
    second.click(same_time).await;
    second.see(&format!("{} :checked", slot_at(&starts[0]))).await;
    second.click("#start").await;
    second.see("#pay").await;
    first.close(&[]).await;
    second.close(&["409"]).await;
}

#[tokio::test]
async fn slots_show_in_guest_time_and_name_shop_zone() {
    let (shop, driver) = (Shop::open(), Driver::start());
    let guest = driver.browser().await;
    open_shop(&guest, &shop, "").await;
    click_and_reload(&guest, SALON).await;
    let start = choose_next_week(&guest).await;
    guest.see("#slots[data-view=week] > section:nth-child(7)").await;
    let zones = guest.text("#zone").await;
    assert!(
        zones.contains("America/New York") && zones.contains("Europe/Berlin"),
        "{zones}"
    );
    let chosen = guest.text("#choice").await;
    for part in ["Europe/Berlin", "9:00", "Ana or Ben", "Cleo"] {
        assert!(chosen.contains(part), "{part} in: {chosen}");
    }
    let week = guest.text("#range").await;
    click_and_reload(&guest, "#views label:has([value=day])").await;
    guest.see("#slots[data-view=day]").await;
    guest.see(&format!("{} :checked", slot_at(&start))).await;
    let day = guest.text("#range").await;
    click_and_reload(&guest, "#next").await;
    assert_ne!(guest.text("#range").await, day);
    click_and_reload(&guest, "#previous").await;
    assert_eq!(guest.text("#range").await, day);
    click_and_reload(&guest, "#views label:has([value=week])").await;
    assert_eq!(guest.text("#range").await, week);
    click_and_reload(&guest, "#slots section:nth-child(3) h3 button").await;
    guest.see("#slots[data-view=day]").await;
    guest.close(&[]).await;
}

#[tokio::test]
async fn too_many_unpaid_holds_tells_guest_what_to_do() {
    let (shop, driver) = (Shop::open(), Driver::start());
    let guest = driver.browser().await;
    for _ in 0..3 {
        // Each in a tab of its own: in one tab, a new booking replaces the unpaid one.
        let tab = driver.browser().await;
        start_checkout(&tab, &shop).await;
        tab.close(&[]).await;
    }
    choose_a_slot(&guest, &shop).await;
    guest.click("#start").await;
    guest.see("#problem:not(:empty)").await;
    let problem = guest.text("#problem").await;
    assert!(
        problem.contains("Pay for one of them") && problem.contains("try again in"),
        "{problem}"
    );
    guest.close(&["429"]).await;
}
