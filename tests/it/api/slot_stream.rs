//! Tests of the stream that tells pages which slots may have changed.

use std::time::Duration;

use reqwest::{Method, Response};

use crate::support::app::{Client, TestApp, order};
use crate::support::database::Engine;
use crate::support::on_both_engines;
use crate::support::proxy::Proxy;
use crate::support::wait_for::eventually;

const SLOT: &str = "2026-12-01T10:00:00Z";
const OTHER_SLOT: &str = "2026-12-01T12:00:00Z";
const DAY: &str = "from=2026-12-01T00:00:00Z&to=2026-12-02T00:00:00Z";

fn stream_of(event_type: &str, period: &str) -> String {
    format!("/v1/event-types/{event_type}/slots/stream?{period}")
}

async fn open(client: &Client, event_type: &str) -> Response {
    let request = client.request(Method::GET, &stream_of(event_type, DAY));
    request.send().await.unwrap()
}

async fn resume(client: &Client, last: &str) -> Response {
    let request = client.request(Method::GET, &stream_of("call", DAY));
    request.header("last-event-id", last).send().await.unwrap()
}

/// Reads the stream until it has this text; fails if it ends before.
async fn read_until(stream: &mut Response, text: &str) -> String {
    let mut read = String::new();
    while !read.contains(text) {
        let part = stream.chunk().await.unwrap();
        let part = part.unwrap_or_else(|| panic!("ended without {text:?}: {read:?}"));
        read += std::str::from_utf8(&part).unwrap();
    }
    read
}

/// Reads what is left of a stream.
async fn read_to_end(stream: &mut Response) {
    while let Ok(Some(_)) = stream.chunk().await {}
}

/// Reads the first lines of a stream, and returns the place that they name.
async fn read_place(stream: &mut Response) -> String {
    let read = read_until(stream, "\n\n").await;
    let line = read.lines().find_map(|line| line.strip_prefix("id: "));
    line.unwrap_or_else(|| panic!("no id: {read:?}")).to_owned()
}

on_both_engines! {
    async fn hint_names_the_starts_that_changed(engine) {
        let app = TestApp::start(engine).await;
        let (mut call, mut long_call) = (open(&app, "call").await, open(&app, "long-call").await);
        assert_eq!(call.headers()["content-type"], "text/event-stream");
        app.hold_slot("call", SLOT).await;
        let read = read_until(&mut call, "data: ").await + &read_until(&mut call, "\n\n").await;
        assert!(read.contains("event: changed"), "{read}");
        assert!(read.contains(r#"{"starts":["2026-12-01T09:45:00Z","2026-12-01T10:00:00Z","2026-12-01T10:15:00Z"]}"#), "{read}");
        assert!(!read.contains("ada"), "{read}");
        // Another event type with the same resource changes too, from an hour before on.
        let read = read_until(&mut long_call, "]}").await;
        assert!(read.contains("2026-12-01T09:15:00Z") && !read.contains("2026-12-01T09:00:00Z"), "{read}");
    }

    async fn change_by_another_instance_is_heard(engine) {
        let app = TestApp::start(engine).await;
        let other = app.another_instance().await;
        let mut stream = open(&app, "call").await;
        let hold = other.checkout(&order("call", SLOT)).await.expect(201);
        read_until(&mut stream, SLOT).await;
        other.cancel(&hold).await.expect(200);
        read_until(&mut stream, SLOT).await;
    }

    async fn change_outside_the_period_is_no_hint(engine) {
        let app = TestApp::start(engine).await;
        let mut stream = open(&app, "call").await;
        app.hold_slot("call", "2026-12-03T10:00:00Z").await;
        app.hold_slot("call", OTHER_SLOT).await;
        let read = read_until(&mut stream, "]}").await;
        assert!(read.contains(OTHER_SLOT) && !read.contains("2026-12-03"), "{read}");
        assert_eq!(read.matches("event: changed").count(), 1, "{read}");
    }

    async fn moved_hold_makes_pages_list_again(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        let mut stream = open(&app, "call").await;
        app.move_as_operator(&hold, serde_json::json!({"starts_at": OTHER_SLOT})).await.expect(200);
        read_until(&mut stream, r#"{"reload":true}"#).await;
    }

    async fn resumed_stream_goes_on_after_the_last_event(engine) {
        let app = TestApp::start(engine).await;
        let mut stream = open(&app, "call").await;
        let last = read_place(&mut stream).await;
        drop(stream);
        app.hold_slot("call", SLOT).await;
        app.hold_slot("call", OTHER_SLOT).await;
        let read = read_until(&mut resume(&app, &last).await, OTHER_SLOT).await;
        assert!(read.contains("event: changed"), "{read}");
        for unknown in ["-7", "999999999", "none", ""] {
            read_until(&mut resume(&app, unknown).await, r#"{"reload":true}"#).await;
        }
        // An instance that was not there then knows only what comes.
        let other = app.another_instance().await;
        read_until(&mut resume(&other, &last).await, r#"{"reload":true}"#).await;
    }

    async fn ids_do_not_count_what_happens_in_the_shop(engine) {
        let app = TestApp::start(engine).await;
        let other = app.another_instance().await;
        let mut places = Vec::new();
        for (hour, happens) in ["10", "11", "12"].into_iter().zip([true, true, false]) {
            // Both instances know a place by the same name.
            let (mut here, mut there) = (open(&app, "call").await, open(&other, "call").await);
            places.push((read_place(&mut here).await, read_place(&mut there).await));
            if happens {
                app.hold_slot("call", &format!("2026-12-01T{hour}:00:00Z")).await;
                read_until(&mut here, "event: changed").await;
                read_until(&mut there, "event: changed").await;
            }
        }
        for (here, there) in &places {
            assert_eq!(here, there);
            assert_eq!(here.len(), 24, "{here} is no pseudonym");
        }
        assert!(places[0] != places[1] && places[1] != places[2], "{places:?}");
    }

    async fn failed_reading_keeps_what_is_known(engine) {
        let app = TestApp::start(engine).await;
        let mut stream = open(&app, "call").await;
        let last = read_place(&mut stream).await;
        app.hold_slot("call", SLOT).await;
        read_until(&mut stream, SLOT).await;
        app.database.execute("ALTER TABLE events_out RENAME TO unreadable").await;
        eventually("a reading fails", async || {
            (open(&app, "call").await.status() != 200).then_some(())
        })
        .await;
        read_to_end(&mut stream).await;
        app.database.execute("ALTER TABLE unreadable RENAME TO events_out").await;
        app.hold_slot("call", OTHER_SLOT).await;
        let read = read_until(&mut resume(&app, &last).await, OTHER_SLOT).await;
        assert!(read.contains(SLOT) && !read.contains("reload"), "{read}");
    }

    async fn streams_take_a_quarter_of_the_connections(engine) {
        let app = TestApp::start_with(engine, &[("HOLDFAST_MAX_CONNECTIONS", "12")]).await;
        let mut streams = Vec::new();
        for _ in 0..3 {
            let stream = open(&app, "call").await;
            assert_eq!(stream.status(), 200);
            streams.push(stream);
        }
        app.get(&stream_of("call", DAY)).await.expect_problem(503, "too_busy");
        assert_eq!(app.get("/livez").await.status, 200);
    }

    async fn streams_of_one_address_are_bounded(engine) {
        let app = TestApp::start(engine).await;
        let mut streams = Vec::new();
        for _ in 0..16 {
            let stream = open(&app, "call").await;
            assert_eq!(stream.status(), 200);
            streams.push(stream);
        }
        app.get(&stream_of("call", DAY)).await.expect_problem(503, "too_busy");
    }

    async fn stream_of_nothing_is_refused(engine) {
        let app = TestApp::start(engine).await;
        app.get(&stream_of("nothing", DAY)).await.expect_problem(404, "not_found");
        let reversed = "from=2026-12-02T00:00:00Z&to=2026-12-01T00:00:00Z";
        app.get(&stream_of("call", reversed)).await.expect_problem(422, "invalid");
        app.get(&stream_of("call", "from=2026-12-02T00:00:00Z")).await.expect_problem(422, "invalid");
    }

    async fn stop_ends_open_slot_streams_at_once(engine) {
        let app = TestApp::start(engine).await;
        let mut instance = app.another_instance().await;
        let mut stream = open(&instance, "call").await;
        read_place(&mut stream).await;
        let stopped = tokio::time::timeout(Duration::from_secs(15), instance.stop());
        stopped.await.expect("the stream keeps the instance from stopping");
    }
}

/// Pages go on by themselves after an outage, and hear what another instance sold meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_go_on_when_the_database_is_back() {
    let app = TestApp::start(Engine::Postgres).await;
    let proxy = Proxy::to(app.database.url()).await;
    let other = app.another_instance_with(&[("DATABASE_URL", proxy.url())]).await;
    let mut stream = open(&other, "call").await;
    let last = read_place(&mut stream).await;
    proxy.cut();
    read_to_end(&mut stream).await;
    other
        .get(&stream_of("call", DAY))
        .await
        .expect_problem(503, "store_unavailable");
    app.hold_slot("call", SLOT).await;
    proxy.restore_traffic();
    let mut stream = eventually("streams are open again", async || {
        let stream = resume(&other, &last).await;
        (stream.status() == 200).then_some(stream)
    })
    .await;
    read_until(&mut stream, "event: changed").await;
    app.hold_slot("call", OTHER_SLOT).await;
    read_until(&mut stream, OTHER_SLOT).await;
}
