//! Tests of the stream that tells open pages to read again.

use std::time::Duration;

use reqwest::{Method, Response};

use crate::support::app::{TestApp, order};
use crate::support::console::ConsoleClient;
use crate::support::on_both_engines;

/// Opens the stream that the page names.
async fn open_stream(browser: &ConsoleClient) -> Response {
    let page = browser.get("/console/today").await.expect(200);
    let (_, rest) = page.html.split_once("data-live=\"").unwrap();
    let path = rest.split('"').next().unwrap();
    browser.request(Method::GET, path).send().await.unwrap()
}

/// Reads the stream until it has this text; fails if it ends before.
async fn read_until(mut stream: Response, text: &str) -> String {
    let mut read = String::new();
    while !read.contains(text) {
        let part = stream.chunk().await.unwrap();
        let part = part.unwrap_or_else(|| panic!("ended without {text:?}: {read:?}"));
        read += std::str::from_utf8(&part).unwrap();
    }
    read
}

on_both_engines! {
    async fn stream_says_that_something_changed(engine) {
        let app = TestApp::start(engine).await;
        let browser = ConsoleClient::signed_in(&app).await;
        let stream = open_stream(&browser).await;
        assert_eq!(stream.headers()["content-type"], "text/event-stream");
        app.checkout(&order("call", "2026-12-01T10:00:00Z")).await.expect(201);
        let read = read_until(stream, "event: changed").await;
        assert!(!read.contains("ada@example.com"));
    }

    async fn stream_ends_with_its_session(engine) {
        let app = TestApp::start(engine).await;
        let browser = ConsoleClient::signed_in(&app).await;
        let stream = open_stream(&browser).await;
        browser.post("/console/sign-out", &[]).await.expect(303);
        // It ends by itself: the text is complete.
        let read = stream.text().await.unwrap();
        assert!(!read.contains("changed"), "{read}");
        let refused = browser.get("/console/changes?after=0-0").await.expect(401);
        assert!(!refused.html.contains("<html"));
    }

    async fn stream_does_not_keep_its_session_alive(engine) {
        let app = TestApp::start(engine).await;
        let browser = ConsoleClient::signed_in(&app).await;
        for _ in 0..3 {
            drop(open_stream(&browser).await);
            app.clock.advance(chrono::Duration::minutes(9));
            let request = browser.request(Method::GET, "/console/today");
            let refreshed = browser.send(request.header("x-console-automatic", "yes")).await;
            refreshed.expect(200);
            drop(browser.request(Method::GET, "/console/changes").send().await.unwrap());
        }
        app.clock.advance(chrono::Duration::minutes(21));
        let request = browser.request(Method::GET, "/console/today");
        browser.send(request.header("x-console-automatic", "yes")).await.expect(303);
    }

    async fn stop_ends_open_streams_at_once(engine) {
        let app = TestApp::start(engine).await;
        let mut instance = app.another_instance().await;
        let browser = ConsoleClient::signed_in(&instance).await;
        let stream = open_stream(&browser).await;
        let stopped = tokio::time::timeout(Duration::from_secs(15), instance.stop());
        stopped.await.expect("the stream keeps the instance from stopping");
        // The text is complete, or the connection was closed after its last line.
        let _ = stream.text().await;
    }

    async fn streams_of_a_process_are_bounded(engine) {
        let app = TestApp::start(engine).await;
        let mut open = Vec::new();
        for of_session in [6, 6, 6, 6, 6, 2] {
            let browser = ConsoleClient::signed_in(&app).await;
            for _ in 0..of_session {
                let stream = open_stream(&browser).await;
                assert_eq!(stream.status().as_u16(), 200);
                open.push(stream);
            }
            assert_eq!(open_stream(&browser).await.status().as_u16(), 503);
        }
        let browser = ConsoleClient::signed_in(&app).await;
        assert_eq!(open_stream(&browser).await.status().as_u16(), 503);
        drop(open);
        crate::support::wait_for::eventually("the streams are free again", || async {
            (open_stream(&browser).await.status().as_u16() == 200).then_some(())
        })
        .await;
    }
}
