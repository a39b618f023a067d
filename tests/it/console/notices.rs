//! Tests of what pages say after an act: once, on the page that the act leads to, and never because of a link.

use super::hold::path_of;
use crate::support::app::TestApp;
use crate::support::console::ConsoleClient;
use crate::support::on_both_engines;

const SLOT: &str = "2026-12-01T10:00:00Z";
const DONE: &str = "Stripe was asked";

on_both_engines! {
    async fn notice_is_shown_once_and_only_on_its_page(engine) {
        let app = TestApp::start(engine).await;
        let (hold, other) = (app.hold_slot("call", SLOT).await, app.hold_slot("call", "2026-12-01T11:00:00Z").await);
        let browser = ConsoleClient::signed_in(&app).await;
        let done = browser.post(&format!("{}/refresh", path_of(&hold)), &[]).await.expect(303);
        assert_eq!(done.location(), path_of(&hold), "no code is in the address");
        let cookie = done.headers.get("set-cookie").unwrap().to_str().unwrap();
        for attribute in ["HttpOnly", "SameSite=Strict", "Path=/console", "Max-Age=60"] {
            assert!(cookie.contains(attribute), "{cookie}");
        }
        let page = browser.get(&path_of(&other)).await.expect(200);
        assert!(!page.html.contains(DONE), "another page says it");
        // A page that refreshes itself neither says nor removes it.
        let request = browser.request(reqwest::Method::GET, &path_of(&hold)).header("x-console-automatic", "yes");
        assert!(!browser.send(request).await.expect(200).html.contains(DONE));
        browser.get(&path_of(&hold)).await.expect(200).shows(DONE);
        let again = browser.get(&path_of(&hold)).await.expect(200);
        assert!(!again.html.contains(DONE), "a reload says it again");
    }

    async fn link_or_foreign_cookie_says_nothing(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        let mut browser = ConsoleClient::signed_in(&app).await;
        let page = browser.get(&format!("{}?notice=asked", path_of(&hold))).await.expect(200);
        assert!(!page.html.contains(DONE), "a link says it");
        let other = ConsoleClient::signed_in(&app).await;
        let done = other.post(&format!("{}/refresh", path_of(&hold)), &[]).await.expect(303);
        let own = browser.cookie.clone();
        for foreign in [done.cookies().remove(0), "holdfast_notice=asked".to_owned(), "holdfast_notice=asked.AAAA".to_owned()] {
            browser.cookie = format!("{own}; {foreign}");
            let page = browser.get(&path_of(&hold)).await.expect(200);
            assert!(!page.html.contains(DONE), "{foreign}");
        }
    }
}
