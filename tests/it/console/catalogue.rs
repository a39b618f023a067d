//! Tests of the catalogue's pages: what is sold, by whom, and when.

use reqwest::Method;
use serde_json::json;

use crate::support::app::TestApp;
use crate::support::catalogue_fixtures::{day, put_event_type};
use crate::support::console::ConsoleClient;
use crate::support::on_both_engines;

/// The form of an event type in the opening hours of Berlin, with a break on Mondays.
const VISIT: [(&str, &str); 20] = [
    ("is_new", "yes"),
    ("id", "visit"),
    ("name", "<b>Visit</b>"),
    ("amount", "12,50"),
    ("currency", "EUR"),
    ("segments", "1"),
    ("segment-0-minutes", "60"),
    ("segment-0-resources", "ben"),
    ("scheduled", "yes"),
    ("timezone", "Europe/Berlin"),
    ("step_minutes", "60"),
    ("mon-0-from", "9"),
    ("mon-0-to", "12:00"),
    ("mon-1-from", "14:00"),
    ("mon-1-to", "16:00"),
    ("exceptions", "1"),
    ("exception-0-date", "2026-11-30"),
    ("exception-0-from", ""),
    ("guest_cancel_until_minutes", "2"),
    ("guest_cancel_until_minutes-unit", "days"),
];

/// The latest entry of the audit trail that is no read.
async fn last_act(app: &TestApp) -> String {
    let trail = app
        .admin(Method::GET, "/v1/admin/audit?limit=20", None)
        .await
        .expect(200);
    let entries = trail.body["data"].as_array().unwrap().iter();
    let mut acts = entries.filter(|entry| entry["action"] != "read");
    let last = acts.next().unwrap();
    let text = |name: &str| last[name].as_str().unwrap_or("-").to_owned();
    [text("actor"), text("action"), text("target"), text("outcome")].join(" ")
}

on_both_engines! {
    async fn event_type_is_saved_as_it_was_previewed(engine) {
        let app = TestApp::start(engine).await;
        let browser = ConsoleClient::signed_in(&app).await;
        browser.post("/console/new-resource", &[("id", "ben"), ("name", "Ben"), ("capacity", "2")]).await.expect(303);
        assert_eq!(last_act(&app).await, "bootstrap putResource resources/ben done");
        let preview = browser.post("/console/event-type-preview", &VISIT).await.expect(200);
        // Monday the 23rd has its five starts; the exception closes the 30th.
        let preview = preview.shows("12.50\u{a0}EUR").shows("Europe/Berlin").shows("<li>09:00</li>").shows("<li>15:00</li>");
        assert_eq!(preview.html.matches("<li>14:00</li>").count(), 1, "{}", preview.html);
        assert!(preview.html.contains("&lt;b&gt;Visit&lt;/b&gt;") && !preview.html.contains("<b>Visit"));
        app.admin(Method::GET, "/v1/admin/event-types/visit", None).await.expect(404);
        let saved = browser.post("/console/event-types/visit/save", &VISIT).await.expect(303);
        assert_eq!(saved.location(), "/console/catalogue");
        browser.post("/console/event-types/visit/save", &VISIT).await.expect(303);
        browser.get(saved.location()).await.expect(200).shows("as you saved it").shows("&lt;b&gt;Visit");
        assert_eq!(last_act(&app).await, "bootstrap putEventType event-types/visit done");
        assert_eq!(day(&app, "visit", "2026-11-23").await, ["08:00 free 2", "09:00 free 2", "10:00 free 2", "13:00 free 2", "14:00 free 2"]);
        let stored = app.admin(Method::GET, "/v1/admin/event-types/visit", None).await.expect(200).body;
        assert_eq!((&stored["amount"], &stored["guest_cancel_until_minutes"]), (&json!(1250), &json!(2880)));
        browser.get("/console/event-types/visit").await.expect(200).shows("value=\"12.50\"").shows("value=\"14:00\"");
    }

    async fn form_keeps_what_it_does_not_show(engine) {
        let app = TestApp::start(engine).await;
        let unshown = json!({"checkout": {"promotion_codes": true, "submit_type": "book"},
            "images": ["https://shop.example/visit.jpg"], "resource": "ben", "duration_minutes": 60});
        put_event_type(&app, "visit", unshown).await.expect(201);
        let before = app.admin(Method::GET, "/v1/admin/event-types/visit", None).await.expect(200).body;
        let browser = ConsoleClient::signed_in(&app).await;
        browser.post("/console/event-type-preview", &VISIT[1..]).await.expect(200);
        browser.post("/console/event-types/visit/save", &VISIT[1..]).await.expect(303);
        let after = app.admin(Method::GET, "/v1/admin/event-types/visit", None).await.expect(200).body;
        assert_eq!((&after["checkout"], &after["images"]), (&before["checkout"], &before["images"]));
        assert_eq!(after["amount"], 1250);
    }

    async fn preview_shows_what_is_taken_already(engine) {
        let app = TestApp::start(engine).await;
        app.hold_slot("call", "2026-11-23T09:00:00Z").await;
        let browser = ConsoleClient::signed_in(&app).await;
        let mut form = VISIT;
        form[7] = ("segment-0-resources", "ana");
        let page = browser.post("/console/event-type-preview", &form).await.expect(200);
        page.shows("10:00 <span class=\"quiet\">(held)</span>").shows("<li>11:00</li>");
    }

    async fn wrong_fields_are_marked_and_nothing_is_saved(engine) {
        let app = TestApp::start(engine).await;
        let browser = ConsoleClient::signed_in(&app).await;
        let mut form = VISIT;
        form[3] = ("amount", "0.01");
        let page = browser.post("/console/event-type-preview", &form).await.expect(422);
        let page = page.shows("id=\"amount-error\"").shows("Nothing is saved");
        assert!(page.html.contains("value=\"0.01\""), "what was typed stays");
        form[3] = ("amount", "12.50");
        form[1] = ("id", "call");
        form[7] = ("segment-0-resources", "ana");
        let page = browser.post("/console/event-type-preview", &form).await.expect(409);
        page.shows("id=\"id-error\"");
        browser.post("/console/event-types/call/save", &form).await.expect(409);
        let call = app.admin(Method::GET, "/v1/admin/event-types/call", None).await.expect(200);
        assert_eq!(call.text("name"), "call", "a new event type replaces none");
    }

    async fn resource_in_use_says_what_needs_it(engine) {
        let app = TestApp::start(engine).await;
        let browser = ConsoleClient::signed_in(&app).await;
        browser.get("/console/resources/ana/delete").await.expect(200).shows("Delete this resource?");
        let page = browser.post("/console/resources/ana/delete", &[]).await.expect(409);
        page.shows("Nothing is deleted").shows("call").shows("long-call");
        assert_eq!(last_act(&app).await, "bootstrap deleteResource resources/ana refused");
        for event_type in ["call", "long-call"] {
            browser.get(&format!("/console/event-types/{event_type}/delete")).await.expect(200).shows("live holds stay");
            browser.post(&format!("/console/event-types/{event_type}/delete"), &[]).await.expect(303);
        }
        let deleted = browser.post("/console/resources/ana/delete", &[]).await.expect(303);
        browser.get(deleted.location()).await.shows("The resource is deleted");
    }

    async fn catalogue_obeys_the_scope_of_the_key(engine) {
        let app = TestApp::start(engine).await;
        put_event_type(&app, "visit", json!({"resource": "ben", "duration_minutes": 60})).await.expect(201);
        let body = json!({"name": "reader", "scope": "read"});
        let made = app.admin(Method::POST, "/v1/admin/keys", Some(body)).await.expect(201);
        let browser = ConsoleClient::signed_in_with(&app, made.text("key")).await;
        let page = browser.get("/console/catalogue").await.expect(200).shows("visit");
        assert!(!page.html.contains("/console/new-event-type"));
        for path in ["/console/new-event-type", "/console/event-types/visit", "/console/resources/ben/calendar-key"] {
            browser.get(path).await.expect(403);
        }
        for path in ["/console/event-type-preview", "/console/event-types/visit/save", "/console/resources/ben/delete"] {
            browser.post(path, &VISIT).await.expect(403);
        }
    }

    async fn calendar_export_gets_a_new_address(engine) {
        let app = TestApp::start(engine).await;
        let browser = ConsoleClient::signed_in(&app).await;
        let before = browser.get("/console/resources/ana/calendar-key").await.expect(200);
        browser.get("/console/resources/ana/calendar-key/new").await.expect(200).shows("ends at once");
        let renewed = browser.post("/console/resources/ana/calendar-key", &[]).await.expect(303);
        let after = browser.get(renewed.location()).await.expect(200).shows("The old one has ended");
        let key = |html: &str| html.split("key=").nth(1).unwrap().split('<').next().unwrap().to_owned();
        let (old, new) = (key(&before.html), key(&after.html));
        assert_ne!(old, new);
        app.get(&format!("/v1/resources/ana/calendar.ics?key={old}")).await.expect(401);
        app.get(&format!("/v1/resources/ana/calendar.ics?key={new}")).await.expect(200);
    }
}
