//! Tests of calendar feeds, which become blocks, and of the calendar export of a host's confirmed holds.

use std::net::TcpListener;

use chrono::Duration;
use holdfast::sandbox::PaymentOutcome;
use holdfast::workflow::read_feeds;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::{TestApp, order};
use crate::support::catalogue_fixtures::{block, put_event_type, set_feed, unblock};
use crate::support::feed_server::{Feed, PRIVATE, busy, list_free_starts, run_feed, run_feeds_later};
use crate::support::on_both_engines;

const SLOT: &str = "2026-12-01T10:00:00Z";

/// A calendar as Google Calendar exports it. Recurring events are in a time zone, with one occurrence left out and
/// one moved. Single events are in UTC. A day off has dates, and a birthday keeps nobody busy.
const GOOGLE: &str = "BEGIN:VCALENDAR
PRODID:-//Google Inc//Google Calendar 70.9054//EN
VERSION:2.0
CALSCALE:GREGORIAN
METHOD:PUBLISH
X-WR-CALNAME:Ana
X-WR-TIMEZONE:Europe/Berlin
BEGIN:VEVENT
DTSTART;TZID=Europe/Berlin:20261123T110000
DTEND;TZID=Europe/Berlin:20261123T120000
RRULE:FREQ=WEEKLY;BYDAY=MO
EXDATE;TZID=Europe/Berlin:20261207T110000
DTSTAMP:20261101T120000Z
UID:weekly@google.com
STATUS:CONFIRMED
SUMMARY:Every Monday
TRANSP:OPAQUE
END:VEVENT
BEGIN:VEVENT
DTSTART;TZID=Europe/Berlin:20261215T140000
DTEND;TZID=Europe/Berlin:20261215T150000
DTSTAMP:20261101T120000Z
UID:weekly@google.com
RECURRENCE-ID;TZID=Europe/Berlin:20261214T110000
STATUS:CONFIRMED
SUMMARY:Moved to Tuesday
TRANSP:OPAQUE
END:VEVENT
BEGIN:VEVENT
DTSTART:20261201T100000Z
DTEND:20261201T103000Z
DTSTAMP:20261101T120000Z
UID:once@google.com
STATUS:CONFIRMED
SUMMARY:Dentist
TRANSP:OPAQUE
END:VEVENT
BEGIN:VEVENT
DTSTART;VALUE=DATE:20261224
DTEND;VALUE=DATE:20261225
DTSTAMP:20261101T120000Z
UID:off@google.com
STATUS:CONFIRMED
SUMMARY:Closed
TRANSP:OPAQUE
END:VEVENT
BEGIN:VEVENT
DTSTART;VALUE=DATE:20261202
DTEND;VALUE=DATE:20261203
DTSTAMP:20261101T120000Z
UID:birthday@google.com
STATUS:CONFIRMED
SUMMARY:Birthday
TRANSP:TRANSPARENT
END:VEVENT
END:VCALENDAR
";

/// Offers a visit with Ana every hour from 9 to 12 and from 13 to 14, UTC.
async fn offer_visits(app: &TestApp) {
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let members = json!({"resource": "ana", "duration_minutes": 60, "guest_move_until_minutes": 60,
        "guest_cancel_until_minutes": 60, "schedule": {"timezone": "UTC", "step_minutes": 60,
        "weekly": [{"days": days, "from": "09:00", "to": "12:00"}, {"days": days, "from": "13:00", "to": "14:00"}]}});
    put_event_type(app, "visit", members).await.expect(201);
}

async fn get_calendar(app: &TestApp) -> Value {
    let path = "/v1/admin/resources/ana";
    app.admin(Method::GET, path, None).await.expect(200).body["calendar"].clone()
}

on_both_engines! {
    async fn google_calendar_feed_becomes_blocks(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        let other = app.another_instance_with(&PRIVATE).await;
        offer_visits(&app).await;
        let feed = Feed::of(GOOGLE.replace('\n', "\r\n")).await;
        let set = set_feed(&app, "ana", Some(&feed.url)).await.expect(200);
        assert_eq!(set.body, json!({"url": feed.url, "timezone": null, "state": null, "read_at": null, "fault": null,
            "entries": 0, "fault_count": 0, "faults": []}));
        let (one, two) = tokio::join!(read_feeds::read_due_feeds(&app.context), read_feeds::read_due_feeds(&other.context));
        assert_eq!(one.unwrap() + two.unwrap(), 1, "one instance reads it");
        assert_eq!(get_calendar(&app).await, json!({"url": feed.url, "timezone": null, "state": "ok",
            "read_at": "2026-11-20T08:00:00Z", "fault": null, "entries": 5, "fault_count": 0, "faults": []}));
        for (date, expected) in [
            ("2026-11-23", "09:00 11:00 13:00"),
            ("2026-12-01", "09:00 11:00 13:00"),
            ("2026-12-02", "09:00 10:00 11:00 13:00"),
            ("2026-12-07", "09:00 10:00 11:00 13:00"),
            ("2026-12-14", "09:00 10:00 11:00 13:00"),
            ("2026-12-15", "09:00 10:00 11:00"),
            ("2026-12-21", "09:00 11:00 13:00"),
            ("2026-12-24", ""),
            // In summer, eleven o'clock in Berlin is nine o'clock UTC.
            ("2027-06-07", "10:00 11:00 13:00"),
        ] {
            assert_eq!(list_free_starts(&app, "visit", date).await, expected, "{date}");
        }
        app.checkout(&order("visit", SLOT)).await.expect_problem(409, "slot_taken");
        unblock(&app, "ana", "once@google.com").await.expect_problem(404, "not_found");
        // An event that left the feed is free at the next run. A block that an operator made stays.
        block(&app, "ana", "by-hand", "2026-12-03T10:00:00Z", "2026-12-03T11:00:00Z").await.expect(201);
        feed.becomes(busy("20261201T130000Z", "20261201T140000Z"));
        app.clock.advance(Duration::minutes(14));
        assert_eq!(read_feeds::read_due_feeds(&app.context).await.unwrap(), 0);
        run_feeds_later(&app, 1).await;
        assert_eq!(list_free_starts(&app, "visit", "2026-12-01").await, "09:00 10:00 11:00");
        assert_eq!(list_free_starts(&app, "visit", "2026-12-03").await, "09:00 11:00 13:00");
        set_feed(&app, "ana", None).await.expect(200);
        assert_eq!(get_calendar(&app).await, Value::Null);
        assert_eq!(list_free_starts(&app, "visit", "2026-12-01").await, "09:00 10:00 11:00 13:00");
        assert_eq!(list_free_starts(&app, "visit", "2026-12-03").await, "09:00 11:00 13:00");
        app.clock.advance(Duration::minutes(15));
        assert_eq!(read_feeds::read_due_feeds(&app.context).await.unwrap(), 0);
    }

    async fn failing_feed_keeps_last_blocks_and_shows_fault(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        offer_visits(&app).await;
        let feed = Feed::of(busy("20261201T100000Z", "20261201T103000Z")).await;
        set_feed(&app, "ana", Some(&feed.url)).await.expect(200);
        run_feed(&app).await;
        let good = "2026-11-20T08:00:00Z";
        for fails in [
            (|feed: &Feed| feed.fails(500)) as fn(&Feed),
            |feed| feed.fails(404),
            |feed| feed.becomes("<html>Please log in</html>".to_owned()),
            |feed| feed.redirects("file:///etc/passwd"),
            |feed| feed.redirects(&feed.url),
        ] {
            fails(&feed);
            run_feeds_later(&app, 1).await;
            let shown = get_calendar(&app).await;
            assert_eq!((&shown["url"], &shown["read_at"]), (&json!(feed.url), &json!(good)));
            assert_eq!(shown["state"], "failed");
            let fault = shown["fault"].as_str().unwrap();
            assert!(!fault.contains("127.0.0.1") && !fault.contains("passwd"), "{fault}");
            assert_eq!(list_free_starts(&app, "visit", "2026-12-01").await, "09:00 11:00 13:00", "{fault}");
        }
        let new = Feed::of(busy("20261201T090000Z", "20261201T093000Z")).await;
        feed.redirects(&new.url);
        run_feeds_later(&app, 1).await;
        assert_eq!(get_calendar(&app).await["fault"], Value::Null);
        assert_eq!(list_free_starts(&app, "visit", "2026-12-01").await, "10:00 11:00 13:00");
    }

    async fn feed_in_private_network_needs_permission(engine) {
        let app = TestApp::start(engine).await;
        let inside = TcpListener::bind("127.0.0.1:0").unwrap();
        inside.set_nonblocking(true).unwrap();
        let port = inside.local_addr().unwrap().port();
        for refused in [format!("http://127.0.0.1:{port}/"), "http://calendar.example/".into(), "ana.ics".into()] {
            let refused = set_feed(&app, "ana", Some(&refused)).await.expect_problem(422, "invalid");
            assert_eq!(refused.body["errors"][0]["field"], "url");
        }
        set_feed(&app, "nobody", Some("https://calendar.example/")).await.expect_problem(422, "invalid");
        for host in ["127.0.0.1", "localhost", "ana.localhost.", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "10.0.0.1", "169.254.169.254"] {
            for scheme in ["https", "webcal"] {
                let put = set_feed(&app, "ana", Some(&format!("{scheme}://{host}:{port}/ana.ics"))).await;
                assert_eq!(put.expect_problem(422, "invalid").body["errors"][0]["field"], "url", "{host}");
            }
        }
        // An address that was stored before is checked when it is fetched.
        set_feed(&app, "ana", Some("https://calendar.example/ana.ics")).await.expect(200);
        app.database.execute(&format!("UPDATE calendar_feeds SET url = 'https://localhost:{port}/ana.ics'")).await;
        run_feed(&app).await;
        let shown = get_calendar(&app).await;
        assert!(shown["fault"].is_string() && shown["read_at"].is_null(), "{shown}");
        assert!(inside.accept().is_err(), "the private address got a request");
        let subscribed = "webcal://calendar.example/ana.ics";
        assert_eq!(set_feed(&app, "ana", Some(subscribed)).await.expect(200).body["url"], subscribed);
    }

    async fn calendar_export_lists_confirmed_holds(engine) {
        let app = TestApp::start(engine).await;
        offer_visits(&app).await;
        let url = async |resource: &str| {
            let path = format!("/v1/admin/resources/{resource}");
            let shown = app.admin(Method::GET, &path, None).await.expect(200);
            shown.text("calendar_url").to_owned()
        };
        let mine = url("ana").await;
        let (held, paid) = (app.hold_slot("visit", SLOT).await, app.hold_slot("visit", "2026-12-02T10:00:00Z").await);
        app.pay(&paid, PaymentOutcome::Paid);
        app.deliver_all().await;
        let file = async || {
            let answer = app.get(&mine).await.expect(200);
            assert_eq!(answer.headers["content-type"], "text/calendar; charset=utf-8");
            answer.body.as_str().unwrap().to_owned()
        };
        let shown = file().await;
        // Folded lines are joined again, so that an id at a fold would be found.
        let unfolded = shown.replace("\r\n ", "");
        for hold in [&held, &paid] {
            let id = hold.text("id");
            assert!(!unfolded.contains(id) && !unfolded.contains(&id.replace('-', "")), "{shown}");
        }
        let uid = |file: &str| file.lines().find(|line| line.starts_with("UID:")).unwrap().to_owned();
        assert_eq!(shown.matches("BEGIN:VEVENT").count(), 1, "{shown}");
        for line in ["DTSTART:20261202T100000Z\r\n", "DTEND:20261202T110000Z\r\n", "SUMMARY:visit\r\n"] {
            assert!(shown.contains(line), "{shown}");
        }
        assert!(!shown.contains("Ada") && !shown.contains("example.com"), "{shown}");
        app.move_to(&paid, "2026-12-02T13:00:00Z").await.expect(200);
        let moved = file().await;
        assert!(moved.contains("DTSTART:20261202T130000Z") && !moved.contains("20261202T100000Z"), "{moved}");
        assert_eq!(uid(&moved), uid(&shown), "programs recognise the moved appointment");
        app.cancel(&paid).await.expect(200);
        assert!(!file().await.contains("VEVENT"));

        app.offer("bens-call", "ben", 30, 5000).await;
        let bens_key = url("ben").await.split_once("?key=").unwrap().1.to_owned();
        let ask = async |query: &str| app.get(&format!("/v1/resources/ana/calendar.ics{query}")).await;
        for wrong in ["", "x", &bens_key] {
            ask(&format!("?key={wrong}")).await.expect_problem(401, "unauthorized");
        }
        ask("").await.expect_problem(422, "invalid");
    }
}
