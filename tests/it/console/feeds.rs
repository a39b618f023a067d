//! Tests of the pages of calendar feeds.

use holdfast::workflow::read_feeds;
use reqwest::Method;

use crate::support::app::TestApp;
use crate::support::console::ConsoleClient;
use crate::support::feed_server::{Feed, PRIVATE, busy, run_feed};
use crate::support::on_both_engines;

on_both_engines! {
    async fn feed_is_set_read_again_and_removed(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        let feed = Feed::of(busy("20261201T100000Z", "20261201T110000Z")).await;
        let browser = ConsoleClient::signed_in(&app).await;
        let form = [("resource", "ana"), ("url", feed.url.as_str()), ("timezone", "Europe/Berlin")];
        let set = browser.post("/console/new-feed", &form).await.expect(303);
        browser.get(set.location()).await.expect(200).shows("The feed is set").shows("not read yet");
        run_feed(&app).await;
        let list = browser.get("/console/feeds").await.expect(200).shows("read").shows("127.0.0.1");
        assert!(!list.html.contains(&feed.url), "the address may be a secret");
        browser.get("/console/resources/ana/calendar/read").await.expect(200).shows("fetched again");
        browser.post("/console/resources/ana/calendar/read", &[]).await.expect(303);
        assert_eq!(read_feeds::read_due_feeds(&app.context).await.unwrap(), 1, "it is due at once");
        let removed = browser.post("/console/resources/ana/calendar/remove", &[]).await.expect(303);
        browser.get(removed.location()).await.expect(200).shows("There is no calendar feed");
        browser.post("/console/resources/ana/calendar/read", &[]).await.expect(404);
        let trail = app.admin(Method::GET, "/v1/admin/audit?target=resources/ana&action=putCalendar", None).await.expect(200);
        let outcomes: Vec<_> = trail.body["data"].as_array().unwrap().iter().map(|entry| entry["outcome"].clone()).collect();
        assert_eq!(outcomes, ["refused", "done", "done", "done"]);
        assert!(!trail.body.to_string().contains(&feed.url));
    }

    async fn wrong_feed_is_marked(engine) {
        let app = TestApp::start(engine).await;
        let browser = ConsoleClient::signed_in(&app).await;
        let form = [("resource", "ana"), ("url", "https://10.0.0.1/<x>"), ("timezone", "Mars")];
        let page = browser.post("/console/new-feed", &form).await.expect(422);
        let page = page.shows("id=\"url-error\"").shows("id=\"timezone-error\"").shows("10.0.0.1/&lt;x&gt;");
        assert!(!page.html.contains("<x>"));
    }
}
