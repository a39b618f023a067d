//! Tests what a guest waits for before slots are seen: how many answers one after the other, and how many bytes. Times are
//! measured by `benches/first_view.mjs`, because a test must not depend on them.

use serde::Deserialize;

use crate::support::browser::{Browser, Driver, Shop};
use crate::support::shop_site::{OtherSite, READY, run};

/// The most bytes that come over the network before the slots are seen.
const MAX_BYTES: u64 = 36_000;

/// What the browser says of a request. Times are in milliseconds.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    name: String,
    /// What asked: `link` and `script` are in the page itself, so they wait for nothing else.
    initiator_type: String,
    start_time: f64,
    response_end: f64,
    transfer_size: u64,
}

impl Request {
    /// Returns the last part of the path.
    fn file(&self) -> &str {
        let path = self.name.split('?').next().unwrap_or_default();
        path.rsplit('/').next().unwrap_or_default()
    }
}

/// Waits for the slots, and returns what was asked for until then, the page first.
async fn read_requests(browser: &Browser) -> Vec<Request> {
    browser.see(READY).await;
    let entries =
        "return [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]";
    serde_json::from_value(run(browser, entries).await).unwrap()
}

/// The page, then all that it names at once, then the slots: three answers one after the other.
#[tokio::test]
async fn demo_slots_come_with_the_third_answer() {
    let (shop, driver) = (Shop::open(), Driver::start());
    let guest = driver.browser().await;
    guest.open(&shop.url).await;
    let requests = read_requests(&guest).await;
    let mut found: Vec<_> = requests
        .iter()
        .map(|request| (request.initiator_type.as_str(), request.file()))
        .collect();
    found.sort_unstable();
    let expected = [
        ("fetch", "slots"),
        ("link", "event-types"),
        ("link", "page.css"),
        ("navigation", ""),
        ("script", "demo.js"),
        ("script", "widget.js"),
    ];
    assert_eq!(found, expected, "{requests:#?}");
    let bytes: u64 = requests.iter().map(|request| request.transfer_size).sum();
    assert!(bytes > 0 && bytes < MAX_BYTES, "{bytes}: {requests:#?}");
    guest.close(&[]).await;
}

#[tokio::test]
async fn slots_do_not_wait_for_the_event_type() {
    let site = OtherSite::open("").await;
    let driver = Driver::start();
    let guest = driver.browser().await;
    guest.open(&site.url).await;
    let requests = read_requests(&guest).await;
    let find = |file| {
        let mut found = requests.iter().filter(|request| request.file() == file);
        let one = found.next().unwrap_or_else(|| panic!("no {file}: {requests:#?}"));
        assert!(found.next().is_none(), "{file} twice: {requests:#?}");
        one
    };
    let (event_type, slots) = (find("intro-call"), find("slots"));
    assert!(slots.start_time < event_type.response_end, "{requests:#?}");
    guest.close(&[]).await;
}
