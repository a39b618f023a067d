//! Tests of calendar feeds that cannot be read as they are meant: they block rather than free, and say so.

use chrono::Duration;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::{TestApp, order};
use crate::support::catalogue_fixtures::{put_event_type, set_feed};
use crate::support::client::ApiResponse;
use crate::support::feed_server::{Feed, PRIVATE, busy, list_free_starts, run_feed, run_feeds_later};
use crate::support::on_both_engines;

/// Returns a calendar with these events, whose lines are separated by two blanks.
fn calendar(events: &[&str]) -> String {
    let event = |lines: &&str| {
        let lines = lines.replace("  ", "\r\n");
        format!("BEGIN:VEVENT\r\nDTSTAMP:20260101T000000Z\r\n{lines}\r\nEND:VEVENT\r\n")
    };
    let events: String = events.iter().map(event).collect();
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{events}END:VCALENDAR\r\n")
}

/// Offers a visit with a resource every hour from 9 to 12 of this zone, as far ahead as is possible.
async fn offer(app: &TestApp, id: &str, resource: &str, timezone: &str) {
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let members = json!({"resource": resource, "duration_minutes": 60, "schedule": {"timezone": timezone,
        "step_minutes": 60, "weekly": [{"days": days, "from": "09:00", "to": "12:00"}]}});
    put_event_type(app, id, members).await.expect(201);
}

/// Starts an app with a visit to Ana, whose calendar this is.
async fn start_with(engine: crate::support::database::Engine, events: &[&str]) -> (TestApp, Feed) {
    let app = TestApp::start_with(engine, &PRIVATE).await;
    offer(&app, "visit", "ana", "UTC").await;
    let feed = Feed::of(calendar(events)).await;
    set_feed(&app, "ana", Some(&feed.url)).await.expect(200);
    run_feed(&app).await;
    (app, feed)
}

async fn get_resource(app: &TestApp, id: &str) -> Value {
    let path = format!("/v1/admin/resources/{id}");
    app.admin(Method::GET, &path, None).await.expect(200).body
}

async fn put_zone(app: &TestApp, feed: &Feed, zone: &str) -> ApiResponse {
    let body = json!({"url": feed.url, "timezone": zone});
    app.admin(Method::PUT, "/v1/admin/resources/ana/calendar", Some(body))
        .await
}

on_both_engines! {
    async fn longer_of_two_events_at_one_start_blocks(engine) {
        let (app, _feed) = start_with(engine, &[
            "UID:standup@example.com  DTSTART:20261207T090000Z  DTEND:20261207T093000Z  RRULE:FREQ=DAILY;COUNT=4",
            "UID:standup@example.com  RECURRENCE-ID:20261208T090000Z  DTSTART:20261209T090000Z  DTEND:20261209T120000Z",
        ]).await;
        assert_eq!(list_free_starts(&app, "visit", "2026-12-08").await, "09:00 10:00 11:00");
        assert_eq!(list_free_starts(&app, "visit", "2026-12-09").await, "");
        app.checkout(&order("visit", "2026-12-09T10:00:00Z")).await.expect_problem(409, "slot_taken");
    }

    async fn partly_read_feed_blocks_and_shows_faults(engine) {
        let (app, feed) = start_with(engine, &[
            "UID:good  DTSTART:20261201T090000Z  DTEND:20261201T100000Z",
            "UID:ana's secret  SUMMARY:Private  DTSTART:20261202T100000Z  DTEND:20261202T110000Z  RRULE:FREQ=SOMETIMES",
            "UID:zone  DTSTART;TZID=(UTC+01:00) Amsterdam:20261203T100000  DTEND:20261203T110000",
        ]).await;
        assert_eq!(list_free_starts(&app, "visit", "2026-12-01").await, "10:00 11:00");
        assert_eq!(list_free_starts(&app, "visit", "2026-12-02").await, "09:00 11:00");
        assert_eq!(list_free_starts(&app, "visit", "2026-12-03").await, "", "all hours that the time can mean");
        assert_eq!(list_free_starts(&app, "visit", "2026-12-04").await, "09:00 10:00 11:00");
        let shown = get_resource(&app, "ana").await;
        let found = &shown["calendar"];
        assert_eq!(shown["needs_attention"], true);
        assert_eq!((&found["state"], &found["entries"], &found["fault_count"]), (&json!("partial"), &json!(3), &json!(2)));
        assert_eq!(found["faults"], json!([
            "entry 2: its recurrence rule is broken; its first date blocks, and its last blocks stay",
            "entry 3: its time zone is unknown; all hours that it can mean block, from the day before to the day after",
        ]));
        assert!(!shown.to_string().contains("secret") && !shown.to_string().contains("Private"), "{shown}");
        let metric = async |line: &str| {
            let metrics = app.get("/metrics").await.expect(200);
            let text = metrics.body.as_str().unwrap().to_owned();
            assert!(text.contains(line), "{line} in {text}");
        };
        metric("holdfast_calendar_feeds{state=\"partial\"} 1").await;
        let broken = "UID:many  DTSTART:20261201T090000Z  EXDATE:never";
        feed.becomes(calendar(&vec![broken; 30]));
        run_feeds_later(&app, 1).await;
        let found = &get_resource(&app, "ana").await["calendar"];
        assert_eq!((&found["fault_count"], found["faults"].as_array().unwrap().len()), (&json!(30), 10));
        feed.becomes(busy("20261201T090000Z", "20261201T100000Z"));
        run_feeds_later(&app, 1).await;
        let shown = get_resource(&app, "ana").await;
        assert_eq!((&shown["needs_attention"], &shown["calendar"]["state"]), (&json!(false), &json!("ok")));
        assert_eq!(shown["calendar"]["faults"], json!([]));
        feed.becomes(calendar(&[broken]));
        run_feeds_later(&app, 1).await;
        feed.fails(500);
        run_feeds_later(&app, 1).await;
        let shown = get_resource(&app, "ana").await;
        assert_eq!((&shown["needs_attention"], &shown["calendar"]["state"]), (&json!(true), &json!("failed")));
        // Its entries and their faults are those of the last read.
        let found = &shown["calendar"];
        assert_eq!((&found["entries"], &found["fault_count"], found["faults"].as_array().unwrap().len()),
            (&json!(1), &json!(1), 1));
    }

    async fn event_that_became_unreadable_keeps_its_blocks(engine) {
        let (app, feed) = start_with(engine, &[
            "UID:a  DTSTART:20261201T090000Z  DTEND:20261201T100000Z  RRULE:FREQ=DAILY;COUNT=2",
            "UID:b  DTSTART:20261201T100000Z  DTEND:20261201T110000Z",
            "UID:c  DTSTART:20261201T110000Z  DTEND:20261201T120000Z",
        ]).await;
        assert_eq!(list_free_starts(&app, "visit", "2026-12-01").await, "");
        feed.becomes(calendar(&["UID:a  DTSTART:soon", "UID:b  DTSTART:20261201T100000Z  DTEND:20261201T110000Z"]));
        run_feeds_later(&app, 1).await;
        assert_eq!(list_free_starts(&app, "visit", "2026-12-01").await, "11:00", "the last event is gone from the feed");
        assert_eq!(list_free_starts(&app, "visit", "2026-12-02").await, "10:00 11:00");
        feed.becomes(calendar(&["UID:a  DTSTART:20261202T090000Z  DTEND:20261202T100000Z  RRULE:often"]));
        run_feeds_later(&app, 1).await;
        assert_eq!(list_free_starts(&app, "visit", "2026-12-01").await, "10:00 11:00");
        feed.becomes(calendar(&["UID:a  DTSTART:20261203T090000Z  DTEND:20261203T100000Z"]));
        run_feeds_later(&app, 1).await;
        assert_eq!(list_free_starts(&app, "visit", "2026-12-01").await, "09:00 10:00 11:00");
        assert_eq!(list_free_starts(&app, "visit", "2026-12-02").await, "09:00 10:00 11:00");
    }

    /// What is left of the event says less than before, so all that it was blocks too.
    async fn event_that_lost_some_of_its_time_keeps_its_blocks(engine) {
        let (app, feed) = start_with(engine, &["UID:a  SUMMARY:x"]).await;
        for (before, after, date) in [
            ("DTSTART:20261201T090000Z  DTEND:20261214T170000Z", "DTSTART:20261201T090000Z  DTEND:2026", "2026-12-10"),
            ("DTSTART:20261201T090000Z  DTEND:20261214T170000Z", "DTSTART:soon  DTEND:20261214T170000Z", "2026-12-10"),
            ("DTSTART:20261201T090000Z  DTEND:20261214T170000Z", "DTSTART:20261201T090000Z  DTEND:20261101T090000Z", "2026-12-10"),
            ("DTSTART:20270101T100000Z  DURATION:PT1H  RDATE:20270108T100000Z",
                "DTSTART:20270101T100000Z  DURATION:PT1H  RDATE:later", "2027-01-08"),
        ] {
            feed.becomes(calendar(&[&format!("UID:a  {before}")]));
            run_feeds_later(&app, 1).await;
            let busy = list_free_starts(&app, "visit", date).await;
            assert_ne!(busy, "09:00 10:00 11:00", "{before}");
            feed.becomes(calendar(&[&format!("UID:a  {after}")]));
            run_feeds_later(&app, 1).await;
            assert_eq!(list_free_starts(&app, "visit", date).await, busy, "{after}");
        }
        let list = |time: &str| format!("BEGIN:VCALENDAR\r\nBEGIN:VFREEBUSY\r\nUID:a\r\nFREEBUSY:{time}\r\nEND:VFREEBUSY\r\nEND:VCALENDAR\r\n");
        for time in ["20270201T090000Z/20270214T170000Z", "20270201T090000Z/later"] {
            feed.becomes(list(time));
            run_feeds_later(&app, 1).await;
            assert_eq!(list_free_starts(&app, "visit", "2027-02-10").await, "", "{time}");
        }
    }

    /// The version before reads 366 days and writes no reach. Its blocks have other ids.
    async fn reading_of_the_version_before_is_believed_as_far_as_it_goes(engine) {
        let (app, feed) = start_with(engine, &["UID:a  DTSTART:20261201T100000Z  DTEND:20261201T110000Z"]).await;
        let read_before = "UPDATE calendar_feeds SET read_at = due_at";
        assert_eq!(list_free_starts(&app, "visit", "2028-06-10").await, "09:00 10:00 11:00");
        assert_eq!(app.database.execute(read_before).await, 1);
        assert_eq!(list_free_starts(&app, "visit", "2027-11-20").await, "09:00 10:00 11:00");
        assert_eq!(list_free_starts(&app, "visit", "2028-06-10").await, "");
        app.checkout(&order("visit", "2028-06-10T10:00:00Z")).await.expect_problem(409, "slot_taken");
        for id in ["a/1796119200", "b/1796119200"] {
            app.database.execute(&format!("INSERT INTO blocks (resource_id, id, from_feed, starts_at, ends_at, note, created_at)
                SELECT resource_id, '{id}', true, starts_at, ends_at, note, created_at FROM blocks WHERE id NOT LIKE '_/%'")).await;
        }
        app.database.execute("DELETE FROM blocks WHERE id NOT LIKE '_/%'").await;
        feed.becomes(calendar(&["UID:a  DTSTART:soon"]));
        run_feeds_later(&app, 1).await;
        assert_eq!(list_free_starts(&app, "visit", "2026-12-01").await, "09:00 11:00", "the event cannot be read");
        assert_eq!(app.database.count("SELECT count(*) FROM blocks").await, 1, "the event b is gone");
        assert_eq!(list_free_starts(&app, "visit", "2028-06-10").await, "09:00 10:00 11:00");
        // A feed that the version before added has no reach, until that version reads it.
        app.database.execute("UPDATE calendar_feeds SET reaches_to = NULL, state = NULL, read_at = NULL").await;
        assert_eq!(list_free_starts(&app, "visit", "2026-12-02").await, "");
        app.database.execute(read_before).await;
        assert_eq!(list_free_starts(&app, "visit", "2027-11-20").await, "09:00 10:00 11:00");
        assert_eq!(list_free_starts(&app, "visit", "2028-06-10").await, "");
    }

    async fn whole_day_is_that_of_every_schedule_or_named_zone(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        offer(&app, "visit", "ana", "America/Los_Angeles").await;
        let feed = Feed::of(calendar(&["UID:off  DTSTART;VALUE=DATE:20261210"])).await;
        set_feed(&app, "ana", Some(&feed.url)).await.expect(200);
        run_feed(&app).await;
        let shown = async |date: &str| list_free_starts(&app, "visit", date).await;
        assert_eq!(shown("2026-12-09").await, "17:00 18:00 19:00");
        assert_eq!(shown("2026-12-10").await, "", "the day in Los Angeles");
        // A second schedule is in another zone: the day is closed in both. The feed is read again at once.
        app.clock.advance(Duration::seconds(1));
        offer(&app, "talk", "ana", "Asia/Tokyo").await;
        run_feed(&app).await;
        assert_eq!(shown("2026-12-10").await, "");
        assert_eq!(list_free_starts(&app, "talk", "2026-12-10").await, "", "the day in Tokyo");
        put_zone(&app, &feed, "Mars/Olympus").await.expect_problem(422, "invalid");
        assert_eq!(put_zone(&app, &feed, "Asia/Tokyo").await.expect(200).body["timezone"], "Asia/Tokyo");
        run_feed(&app).await;
        assert_eq!(shown("2026-12-10").await, "17:00 18:00 19:00");
        assert_eq!(list_free_starts(&app, "talk", "2026-12-10").await, "");
    }

    async fn start_beyond_the_reach_of_a_feed_is_not_sold(engine) {
        let (app, feed) = start_with(engine, &["UID:far  DTSTART:20280610T100000Z  DTEND:20280610T110000Z"]).await;
        assert_eq!(list_free_starts(&app, "visit", "2028-06-10").await, "09:00 11:00");
        app.checkout(&order("visit", "2028-06-10T10:00:00Z")).await.expect_problem(409, "slot_taken");
        assert_eq!(list_free_starts(&app, "visit", "2029-11-19").await, "09:00 10:00 11:00", "three years ahead");
        assert_eq!(list_free_starts(&app, "visit", "2029-12-01").await, "");
        app.checkout(&order("visit", "2029-12-01T10:00:00Z")).await.expect_problem(409, "slot_taken");
        // A feed that fails reaches no further with time, and a new URL gives nothing away before it is read.
        feed.fails(500);
        app.clock.advance(Duration::days(30));
        run_feed(&app).await;
        assert_eq!(list_free_starts(&app, "visit", "2029-12-01").await, "");
        set_feed(&app, "ana", Some(&format!("{}?other", feed.url))).await.expect(200);
        assert_eq!(list_free_starts(&app, "visit", "2029-12-01").await, "");
        set_feed(&app, "ana", None).await.expect(200);
        assert_eq!(list_free_starts(&app, "visit", "2029-12-01").await, "09:00 10:00 11:00");
    }

    async fn feed_with_nul_is_read_and_others_after_it(engine) {
        let (app, feed) = start_with(engine, &["UID:nul\0byte  DTSTART:20261201T090000Z  DTEND:20261201T100000Z"]).await;
        assert_eq!(list_free_starts(&app, "visit", "2026-12-01").await, "10:00 11:00");
        assert_eq!(get_resource(&app, "ana").await["calendar"]["state"], "ok");
        offer(&app, "talk", "ben", "UTC").await;
        let other = Feed::of(busy("20261201T090000Z", "20261201T100000Z")).await;
        set_feed(&app, "ben", Some(&other.url)).await.expect(200);
        feed.becomes(calendar(&["UID:nul\0byte  DTSTART:20261201T100000Z  DTEND:20261201T110000Z"]));
        run_feeds_later(&app, 2).await;
        assert_eq!(list_free_starts(&app, "visit", "2026-12-01").await, "09:00 11:00");
        assert_eq!(list_free_starts(&app, "talk", "2026-12-01").await, "10:00 11:00");
    }
}
