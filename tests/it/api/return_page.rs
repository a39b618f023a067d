//! Tests what a guest sees on the return page in a real browser: the facts of the booking, and how it is cancelled, moved and
//! extended.

use reqwest::Method;
use serde_json::json;

use crate::support::browser::{Browser, Driver};
use crate::support::console_browser::assert_accessible;
use crate::support::studio::{Studio, focused};

/// A guest pays, and sees all that a guest needs.
#[tokio::test]
async fn paid_booking_shows_its_facts_and_calendar_entry() {
    let (studio, driver) = (Studio::open().await, Driver::start());
    let guest = driver.browser().await;
    let starts = studio.free_starts().await;
    let hold = studio.hold(&starts[0], 2).await;
    studio.give_token(&guest, &hold).await;
    guest.open(hold.text("checkout_url")).await;
    guest.click("#pay").await;
    guest.see("main[data-page=done][data-state=confirmed]").await;
    assert_eq!(focused(&guest).await, "title", "the focus is where the fact is");
    for (id, text) in [
        ("#what", "Studio visit"),
        ("#with", "Vera Studio"),
        ("#quantity", "2"),
        ("#price", "€100.00"),
    ] {
        assert_eq!(guest.text(id).await, text, "{id}");
    }
    assert!(guest.text("#zone").await.contains("America/New York"));
    assert!(guest.text("#shop-time").await.contains("Europe/Berlin"));
    let reference = guest.text("#reference").await.replace(' ', "");
    assert_eq!(reference, hold.text("reference"));
    let path = guest.attribute("#calendar:not([hidden])", "href").await;
    let file = studio.api.get(&path).await.expect(200);
    let text = file.body.as_str().unwrap();
    assert!(
        text.contains("SUMMARY:2 × Studio visit") && text.contains("LOCATION:Vera Studio"),
        "{text}"
    );
    assert_accessible(&guest, "return-confirmed").await;
    assert_edges_are_visible(&guest).await;
    guest.close(&[]).await;
}

/// Fails unless the borders of buttons have a contrast of 3:1 to what is around them, and states show without colours.
async fn assert_edges_are_visible(browser: &Browser) {
    let contrast = "
        const light = (text) => text.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255)
            .map((part) => part <= .04045 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4)
            .reduce((sum, part, n) => sum + part * [.2126, .7152, .0722][n], 0);
        const [one, other] = [getComputedStyle(document.querySelector('#cancel')).borderTopColor,
            getComputedStyle(document.querySelector('main')).backgroundColor].map(light).sort();
        return (other + .05) / (one + .05);";
    for scheme in ["light", "dark"] {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        browser.devtools("Emulation.setEmulatedMedia", features).await;
        let found = browser.client().execute(contrast, Vec::new()).await.unwrap();
        assert!(found.as_f64().unwrap() >= 3.0, "{scheme}: {found}");
    }
    let features = json!({"features": [{"name": "forced-colors", "value": "active"}]});
    browser.devtools("Emulation.setEmulatedMedia", features).await;
    let width = "return getComputedStyle(document.querySelector('.badge')).borderTopWidth";
    let found = browser.client().execute(width, Vec::new()).await.unwrap();
    assert_eq!(
        found, "1px",
        "the state has an edge where there are no backgrounds"
    );
}

/// A guest sees what goes back before the booking is cancelled, and gets exactly that.
#[tokio::test]
async fn guest_cancels_with_preview_of_the_refund() {
    let (studio, driver) = (Studio::open().await, Driver::start());
    let guest = driver.browser().await;
    let hold = studio.open_paid(&guest).await;
    guest.click("#cancel:not([hidden])").await;
    guest.see("#cancelling:not([hidden])").await;
    assert_eq!(focused(&guest).await, "cancel-title");
    assert!(guest.text("#cancel-preview").await.contains("€50.00"));
    assert_accessible(&guest, "return-cancelling").await;
    guest.click("#cancelling .keep").await;
    guest.see("#actions:not([hidden])").await;
    assert_eq!(focused(&guest).await, "cancel", "the focus returns");

    // What goes back changes after the guest has seen it.
    guest.click("#cancel").await;
    guest.see("#cancelling:not([hidden])").await;
    let refund = format!("/v1/admin/holds/{}/refund", hold.text("id"));
    let part = json!({"amount": 2000, "note": "late"});
    studio.operate(Method::POST, &refund, part).await;
    guest.click("#cancel-confirm").await;
    guest.see("#problem:not(:empty)").await;
    assert!(
        guest
            .text("#problem")
            .await
            .contains("changed a moment ago, so it was not cancelled")
    );
    assert_eq!(studio.admin_hold(&hold).await["status"], "confirmed");
    guest.click("#cancel:not([hidden]):enabled").await;
    guest.see("#cancelling:not([hidden])").await;
    assert!(guest.text("#cancel-preview").await.contains("€30.00"));
    guest.click("#cancel-confirm").await;
    guest.see("main[data-state=cancelled]").await;
    assert_eq!(focused(&guest).await, "title");
    assert!(guest.text("#detail").await.contains("€30.00 go back"));
    assert!(!guest.shows("#cancel").await && !guest.shows("#move").await && !guest.shows("#calendar").await);
    assert_eq!(studio.admin_hold(&hold).await["status"], "cancelled");
    assert_accessible(&guest, "return-cancelled").await;
    guest.close(&["409"]).await;
}

/// A guest moves a booking to a time that is free, and keeps it if another guest is faster.
#[tokio::test]
async fn guest_moves_booking_to_another_free_time() {
    let (studio, driver) = (Studio::open().await, Driver::start());
    let guest = driver.browser().await;
    let hold = studio.open_paid(&guest).await;
    let when = guest.text("#when").await;
    let starts = studio.free_starts().await;
    guest.click("#move:not([hidden])").await;
    let wanted = format!("#move-times button[data-start='{}']", starts[2]);
    guest.see("#move-times button").await;
    assert_eq!(focused(&guest).await, "move-title");
    show_time(&guest, &wanted).await;
    assert_accessible(&guest, "return-moving").await;
    guest.click(&wanted).await;
    guest.see("#move-question:not([hidden])").await;
    assert_eq!(focused(&guest).await, "move-to");
    assert_accessible(&guest, "return-move-question").await;

    // Another guest is faster.
    studio.hold(&starts[2], 5).await;
    guest.click("#move-confirm").await;
    guest.see("#problem:not(:empty)").await;
    assert!(guest.text("#problem").await.contains("has not changed"));
    assert_eq!(
        studio.admin_hold(&hold).await["starts_at"],
        hold.text("starts_at")
    );

    let other = format!("#move-times button[data-start='{}']", starts[4]);
    show_time(&guest, &other).await;
    guest.click(&other).await;
    guest.click("#move-confirm").await;
    guest
        .see("main[data-state=confirmed] #actions:not([hidden])")
        .await;
    assert_eq!(guest.text("#title").await, "Your booking is moved");
    assert_eq!(focused(&guest).await, "title");
    assert!(guest.text("#detail").await.contains(&when));
    assert_ne!(guest.text("#when").await, when);
    assert_eq!(studio.admin_hold(&hold).await["starts_at"], starts[4].as_str());
    guest.see("#cancel:not([hidden])").await;
    assert_accessible(&guest, "return-moved").await;
    guest.close(&["409"]).await;
}

/// Shows later times until this one is among them.
async fn show_time(guest: &Browser, wanted: &str) {
    guest.see("#move-more:not([hidden]):enabled").await;
    guest.see("#move-times button").await;
    let is_shown = "return Boolean(document.querySelector(arguments[0]))";
    let find = async || {
        let found = guest.client().execute(is_shown, vec![json!(wanted)]).await;
        found.unwrap() == json!(true)
    };
    while !find().await {
        guest.click("#move-more:not([hidden]):enabled").await;
        guest.see("#move-more:enabled").await;
    }
}
