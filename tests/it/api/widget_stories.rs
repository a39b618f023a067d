//! Tests the widget on a telephone, 390 pixels wide: a class with many places, and an appointment of several segments, each from
//! the first look to the paid booking, with a change of mind, and with the keyboard alone.

use fantoccini::key::Key;

use crate::support::browser::{Browser, Driver};
use crate::support::shop_site::{
    GO_ON, HELD, OtherSite, READY, assert_fits, become_telephone, choose_later, press, slot_at, tab_to,
};

const CONFIRMED: &str = "#panel[data-state=confirmed]";
const GUEST: &str = "guest-name=Ada guest-email=ada@example.com";

/// Opens the page on a telephone.
async fn open_on_telephone(browser: &Browser, site: &OtherSite) {
    become_telephone(browser).await;
    browser.open(&site.url).await;
    browser.see(READY).await;
    assert_fits(browser).await;
}

async fn click_and_reload(browser: &Browser, css: &str) {
    browser.click(css).await;
    browser.see(READY).await;
}

/// Holds what is chosen, and pays for it.
async fn pay(browser: &Browser) {
    browser.click("#start").await;
    browser.click("#pay").await;
    browser.see(CONFIRMED).await;
    assert_fits(browser).await;
}

#[tokio::test]
async fn class_is_booked_twice_on_a_telephone() {
    let site = OtherSite::selling(&format!("yoga {GUEST}")).await;
    let driver = Driver::start();
    let guest = driver.browser().await;
    open_on_telephone(&guest, &site).await;
    click_and_reload(&guest, "#more").await;
    click_and_reload(&guest, "#more").await;
    let start = choose_later(&guest).await;
    assert!(guest.text(&slot_at(&start)).await.contains("20 left"));
    assert!(guest.text("#choice").await.contains("Yoga class, 3 places"));
    assert!(guest.text("#start").await.contains("54.00"));
    guest.see("#proceed:not([hidden])").await;
    assert_fits(&guest).await;
    pay(&guest).await;
    assert_eq!(guest.text("#fact-places").await, "3");
    assert_eq!(guest.text("#fact-price").await, "€54.00");
    // The same choice again is another booking.
    guest.click("#other:not([hidden])").await;
    guest.see(READY).await;
    assert!(guest.text(&slot_at(&start)).await.contains("17 left"));
    guest.click(&format!("{} input", slot_at(&start))).await;
    pay(&guest).await;
    guest.click("#other:not([hidden])").await;
    guest.see(READY).await;
    assert!(guest.text(&slot_at(&start)).await.contains("14 left"));
    guest.close(&["429"]).await;
}

/// Story S37: a change of mind gives the first places back.
#[tokio::test]
async fn class_guest_changes_the_number_of_places() {
    let site = OtherSite::selling(&format!("yoga {GUEST}")).await;
    let driver = Driver::start();
    let guest = driver.browser().await;
    open_on_telephone(&guest, &site).await;
    click_and_reload(&guest, "#more").await;
    let start = choose_later(&guest).await;
    guest.click("#start").await;
    guest.click("#abandon").await;
    guest.see(HELD).await;
    guest.see(GO_ON).await;
    assert_eq!(guest.text("#fact-places").await, "2");
    assert_fits(&guest).await;
    guest.see(READY).await;
    assert!(guest.text(&slot_at(&start)).await.contains("18 left"));
    for _ in 0..3 {
        click_and_reload(&guest, "#more").await;
    }
    guest.click(&format!("{} input", slot_at(&start))).await;
    pay(&guest).await;
    assert_eq!(guest.text("#fact-places").await, "5");
    guest.click("#other:not([hidden])").await;
    guest.see(READY).await;
    let left = guest.text(&slot_at(&start)).await;
    assert!(
        left.contains("15 left"),
        "five are sold, and two given back: {left}"
    );
    guest.close(&["429"]).await;
}

#[tokio::test]
async fn composite_is_booked_on_a_telephone() {
    let site = OtherSite::selling(&format!("cut-and-colour {GUEST}")).await;
    let driver = Driver::start();
    let guest = driver.browser().await;
    open_on_telephone(&guest, &site).await;
    assert!(!guest.shows("#places").await, "it is for one guest");
    guest.click("#hosts label:nth-child(3)").await;
    guest.see(READY).await;
    let start = choose_later(&guest).await;
    let choice = guest.text("#choice").await;
    for part in [
        "Cut and colour",
        "Ben",
        "Cleo",
        "Chair 1 or Chair 2",
        "Europe/Berlin",
    ] {
        assert!(choice.contains(part), "{part} in: {choice}");
    }
    guest.see("#choice li:nth-child(3)").await;
    assert_fits(&guest).await;
    pay(&guest).await;
    assert_eq!(guest.text("#fact-what").await, "Cut and colour");
    assert_eq!(guest.text("#fact-with").await, "Ben");
    assert!(!guest.shows("#fact-places").await, "one place is not said");
    guest.click("#other:not([hidden])").await;
    guest.see(&format!("{}[data-state=taken]", slot_at(&start))).await;
    guest.close(&["429"]).await;
}

/// Story S37: the appointment of another person takes the place of the first one.
#[tokio::test]
async fn composite_guest_changes_the_person() {
    let site = OtherSite::selling(&format!("cut-and-colour {GUEST}")).await;
    let driver = Driver::start();
    let guest = driver.browser().await;
    open_on_telephone(&guest, &site).await;
    guest.click("#hosts label:nth-child(3)").await;
    guest.see(READY).await;
    let start = choose_later(&guest).await;
    guest.click("#start").await;
    guest.click("#abandon").await;
    guest.see(GO_ON).await;
    assert_eq!(guest.text("#fact-with").await, "Ben");
    guest.see(READY).await;
    click_and_reload(&guest, "#hosts label:nth-child(2)").await;
    let other = guest
        .attribute("#slots label[data-state=free]", "data-start")
        .await;
    assert_ne!(other, start);
    guest.click(&slot_at(&other)).await;
    assert!(guest.text("#choice").await.contains("Ana"));
    pay(&guest).await;
    assert_eq!(guest.text("#fact-with").await, "Ana");
    guest.click("#other:not([hidden])").await;
    click_and_reload(&guest, "#hosts label:nth-child(1)").await;
    guest.see(&format!("{}[data-state=free]", slot_at(&start))).await;
    guest.close(&["429"]).await;
}

#[tokio::test]
async fn telephone_sale_works_with_the_keyboard_alone() {
    let site = OtherSite::selling(&format!("yoga {GUEST}")).await;
    let driver = Driver::start();
    let guest = driver.browser().await;
    open_on_telephone(&guest, &site).await;
    tab_to(&guest, "#more").await;
    press(&guest, Key::Enter.into()).await;
    tab_to(&guest, "#next").await;
    press(&guest, Key::Enter.into()).await;
    guest.see(READY).await;
    hold_with_the_keyboard(&guest).await;
    guest.click("#abandon").await;
    guest.see(GO_ON).await;
    // A change of mind: the places are given back, and others are chosen.
    tab_to(&guest, "#give-back").await;
    press(&guest, Key::Enter.into()).await;
    guest.see("#panel[data-state=released]").await;
    guest.see("#panel-title:focus").await;
    tab_to(&guest, "#other").await;
    press(&guest, Key::Enter.into()).await;
    guest.see("#range:focus").await;
    hold_with_the_keyboard(&guest).await;
    guest.click("#pay").await;
    guest.see(CONFIRMED).await;
    assert_eq!(guest.text("#fact-places").await, "2");
    guest.close(&["429"]).await;
}

/// Chooses the next slot and goes to the payment, without the mouse.
async fn hold_with_the_keyboard(guest: &Browser) {
    guest.see(READY).await;
    tab_to(guest, "input[name=starts_at]").await;
    press(guest, ' ').await;
    guest.see("#slots :checked").await;
    tab_to(guest, "#email").await;
    press(guest, Key::Enter.into()).await;
    guest.see("#pay").await;
}
