//! Tests of the calendar of a week: blocks and closures, and the holds that they meet.

use reqwest::Method;
use serde_json::json;

use crate::support::app::{TestApp, order_by};
use crate::support::catalogue_fixtures::day;
use crate::support::console::ConsoleClient;
use crate::support::on_both_engines;

const BERLIN: [(&str, &str); 1] = [("HOLDFAST_TIMEZONE", "Europe/Berlin")];

on_both_engines! {
    async fn block_is_put_after_its_conflicts_are_shown(engine) {
        let app = TestApp::start_with(engine, &BERLIN).await;
        let mut body = order_by("ada@example.com", "call", "2026-11-24T09:00:00Z");
        body["guest"]["name"] = "<img src=x onerror=alert(1)>".into();
        app.checkout(&body).await.expect(201);
        let browser = ConsoleClient::signed_in(&app).await;
        browser.get("/console/new-block?day=2026-11-24").await.expect(200).shows("value=\"2026-11-24\"");
        let form = [
            ("resource", "ana"), ("from-day", "2026-11-24"), ("from-time", "9"), ("to-day", "2026-11-24"),
            ("to-time", "12:00"), ("note", "<i>Dentist</i>"),
        ];
        let page = browser.post("/console/block-preview", &form).await.expect(200);
        let page = page.shows("These holds stay").shows("Tue 24 Nov 2026, 09:00").shows("not paid yet");
        assert!(page.html.contains("&lt;img src=x") && !page.html.contains("<img src=x"));
        assert_eq!(page.hidden("starts_at"), "2026-11-24T08:00:00+00:00");
        let action = page.html.split("action=\"/console/resources/").nth(1).unwrap().split('"').next().unwrap();
        let action = format!("/console/resources/{action}");
        let (from, to, note) = (page.hidden("starts_at"), page.hidden("ends_at"), "Dentist");
        let put = [("starts_at", from.as_str()), ("ends_at", to.as_str()), ("note", note)];
        let at_ten = async || {
            let slots = day(&app, "call", "2026-11-24").await;
            slots.into_iter().find(|slot| slot.starts_with("10:00")).unwrap()
        };
        assert_eq!(at_ten().await, "10:00 free 1", "nothing is blocked yet");
        // A second click puts the same block again.
        for _ in 0..2 {
            let done = browser.post(&action, &put).await.expect(303);
            assert_eq!(done.location(), "/console/calendar?week=2026-11-23");
        }
        let week = browser.get("/console/calendar?week=2026-11-23").await.expect(200);
        let week = week.shows("The time is blocked").shows("09:00–12:00").shows("Dentist").shows("in a closed time");
        assert_eq!(week.html.matches("Dentist").count(), 1);
        assert_eq!(at_ten().await, "10:00 taken 0");
        let block = action.rsplit('/').next().unwrap();
        let audit = app.admin(Method::GET, "/v1/admin/audit?action=putBlock", None).await.expect(200);
        assert_eq!(audit.body["data"][0]["target"], format!("resources/ana/blocks/{block}"));
        assert_eq!(audit.body["data"][0]["actor"], "bootstrap");
        browser.get(&format!("{action}/delete")).await.expect(200).shows("for sale again at once");
        let removed = browser.post(&format!("{action}/delete"), &[]).await.expect(303);
        let week = browser.get(removed.location()).await.expect(200).shows("The block is removed");
        assert!(!week.html.contains("Dentist") && !week.html.contains("in a closed time"));
    }

    async fn wrong_block_is_marked(engine) {
        let app = TestApp::start_with(engine, &BERLIN).await;
        let browser = ConsoleClient::signed_in(&app).await;
        let form = |resource, to| [
            ("resource", resource), ("from-day", "2026-11-24"), ("from-time", "09:00"), ("to-day", "2026-11-24"),
            ("to-time", to), ("note", ""),
        ];
        for (resource, to, wrong) in [
            ("nobody", "12:00", "resource-error"),
            ("ana", "08:00", "to-time-error"),
            ("ana", "noon", "to-time-error"),
        ] {
            let page = browser.post("/console/block-preview", &form(resource, to)).await.expect(422);
            page.shows(&format!("id=\"{wrong}\""));
        }
    }

    async fn closure_of_the_shop_shows_holds_of_all_resources(engine) {
        let app = TestApp::start_with(engine, &BERLIN).await;
        app.offer("visit", "ben", 60, 5000).await;
        app.hold_slot("call", "2026-12-24T09:00:00Z").await;
        app.hold_slot("visit", "2026-12-25T09:00:00Z").await;
        app.hold_slot("visit", "2026-12-27T09:00:00Z").await;
        let browser = ConsoleClient::signed_in(&app).await;
        let form = [("from", "2026-12-24"), ("to", "2026-12-26"), ("all", "yes"), ("note", "Christmas")];
        let page = browser.post("/console/closure-preview", &form).await.expect(200);
        assert_eq!(page.html.matches("/console/holds/").count(), 2, "{}", page.html);
        let id = page.html.split("action=\"/console/closures/").nth(1).unwrap().split('"').next().unwrap();
        let done = browser.post(&format!("/console/closures/{id}"), &form).await.expect(303);
        let week = browser.get(done.location()).await.expect(200).shows("The days are closed").shows("Christmas");
        assert_eq!(week.html.matches("in a closed time").count(), 2);
        let closed = day(&app, "call", "2026-12-25").await;
        assert!(closed.iter().all(|slot| !slot.contains("free")), "{closed:?}");
        browser.get(&format!("/console/closures/{id}/delete")).await.expect(200).shows("Christmas");
        let reopened = browser.post(&format!("/console/closures/{id}/delete"), &[]).await.expect(303);
        let week = browser.get(reopened.location()).await.expect(200).shows("for sale again");
        assert!(!week.html.contains("Christmas"));
    }

    async fn calendar_obeys_the_scope_of_the_key(engine) {
        let app = TestApp::start(engine).await;
        let body = json!({"name": "reader", "scope": "read"});
        let made = app.admin(Method::POST, "/v1/admin/keys", Some(body)).await.expect(201);
        let browser = ConsoleClient::signed_in_with(&app, made.text("key")).await;
        let page = browser.get("/console/calendar").await.expect(200);
        assert!(!page.html.contains("/console/new-block"));
        browser.get("/console/new-block").await.expect(403);
        browser.post("/console/closures/holiday", &[("from", "2026-12-24"), ("to", "2026-12-24"), ("all", "yes")]).await.expect(403);
        browser.post("/console/resources/ana/blocks/x", &[]).await.expect(403);
    }
}
