//! Tests that each question of an operator's day is answered in at most two clicks from the first page.

use super::hold::path_of;
use crate::support::app::TestApp;
use crate::support::console::{ConsoleClient, ConsolePage};
use crate::support::on_both_engines;

const MOST_CLICKS: usize = 2;

/// Follows links from the first page. Each must be on the page before it, with or without a query.
async fn click(browser: &ConsoleClient, links: &[&str]) -> ConsolePage {
    assert!(links.len() <= MOST_CLICKS, "{links:?}");
    let first = browser.get("/console").await.expect(303);
    let mut page = browser.get(first.location()).await.expect(200);
    for link in links {
        page = page.shows(&format!("href=\"{link}"));
        let (_, rest) = page.html.split_once(&format!("href=\"{link}")).unwrap();
        let query = rest.split('"').next().unwrap().replace("&amp;", "&");
        page = browser.get(&format!("{link}{query}")).await.expect(200);
    }
    page
}

on_both_engines! {
    async fn each_question_takes_two_clicks_at_most(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", &format!("{}T23:00:00Z", app.clock_now().format("%F"))).await;
        let browser = ConsoleClient::signed_in(&app).await;
        // Who is booked today?
        click(&browser, &[]).await.shows("Ada");
        // Did the shop's system receive it?
        click(&browser, &[&path_of(&hold)]).await.shows("hold.confirmed");
        // Which money has no slot?
        click(&browser, &["/console/attention"]).await.shows("Nothing needs you now");
        // What does the funnel look like?
        click(&browser, &["/console/funnel"]).await.shows("<svg class=\"chart\"");
        // Put in a holiday.
        click(&browser, &["/console/calendar", "/console/new-closure"]).await.shows("action=\"/console/closure-preview\"");
        // Put something on sale.
        click(&browser, &["/console/catalogue", "/console/new-event-type"]).await.shows("action=\"/console/event-type-preview\"");
    }
}
