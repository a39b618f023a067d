//! Tests of what `GET …/slots` costs a client that asks again: an unchanged list is not sent again, and a long one is compressed.

use std::io::Read as _;

use flate2::read::GzDecoder;
use reqwest::{Method, Response};
use serde_json::Value;

use crate::support::app::{ApiResponse, TestApp};
use crate::support::catalogue_fixtures::{block, put_resource, unblock};
use crate::support::on_both_engines;

const SLOT: &str = "2026-12-01T10:00:00Z";
const LIST: &str = "/v1/event-types/call/slots?from=2026-12-01T00:00:00Z&to=2026-12-03T00:00:00Z";

/// Asks for the list with this `If-None-Match`.
async fn ask_again(app: &TestApp, tag: &str) -> ApiResponse {
    app.send(app.request(Method::GET, LIST).header("if-none-match", tag))
        .await
}

fn tag(answer: &ApiResponse) -> String {
    answer.headers["etag"].to_str().unwrap().to_owned()
}

/// Sends a request whose client accepts these encodings.
async fn accept(app: &TestApp, method: Method, path: &str, encodings: &str) -> Response {
    let request = app.request(method, path).header("accept-encoding", encodings);
    request.send().await.unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

on_both_engines! {
    async fn unchanged_list_is_not_sent_again(engine) {
        let app = TestApp::start(engine).await;
        let first = app.get(LIST).await.expect(200);
        let tag_of_first = tag(&first);
        assert!(tag_of_first.starts_with("W/\""), "{tag_of_first}");
        assert_eq!(first.headers["cache-control"], "no-cache");
        assert_eq!(tag(&app.get(LIST).await.expect(200)), tag_of_first);
        for known in [&*tag_of_first, &tag_of_first[2..], &format!("\"x\", {tag_of_first}"), "*"] {
            let again = ask_again(&app, known).await.expect(304);
            assert_eq!(again.body, Value::String(String::new()), "{known}");
            assert_eq!(tag(&again), tag_of_first);
            assert_eq!(again.headers["cache-control"], "no-cache");
            assert!(!again.headers.contains_key("content-type"));
        }
        assert_eq!(ask_again(&app, "W/\"x\"").await.expect(200).body, first.body);
        // Another instance computes the same version.
        let other = app.another_instance().await;
        let request = other.request(Method::GET, LIST).header("if-none-match", &tag_of_first);
        other.send(request).await.expect(304);
    }

    async fn each_change_of_a_list_is_a_new_version(engine) {
        let app = TestApp::start(engine).await;
        let mut seen = vec![tag(&app.get(LIST).await.expect(200))];
        let hold = app.hold_slot("call", SLOT).await;
        let mut has_changed = async |step: &str| {
            let answer = ask_again(&app, seen.last().unwrap()).await.expect(200);
            assert!(!seen.contains(&tag(&answer)), "{step}");
            seen.push(tag(&answer));
            ask_again(&app, seen.last().unwrap()).await.expect(304);
        };
        has_changed("a hold").await;
        app.pay(&hold, holdfast::sandbox::PaymentOutcome::Paid);
        app.deliver_all().await;
        has_changed("its payment").await;
        put_resource(&app, "ana", 2).await;
        has_changed("the capacity").await;
        block(&app, "ana", "dentist", "2026-12-02T10:00:00Z", "2026-12-02T11:00:00Z").await.expect(201);
        has_changed("a block").await;
        app.clock.advance(chrono::Duration::days(11));
        has_changed("starts that have passed").await;
        unblock(&app, "ana", "dentist").await.expect(204);
        has_changed("no block").await;
    }

    async fn list_that_is_as_before_has_its_version_again(engine) {
        let app = TestApp::start(engine).await;
        let before = tag(&app.get(LIST).await.expect(200));
        let hold = app.hold_slot("call", SLOT).await;
        ask_again(&app, &before).await.expect(200);
        app.cancel(&hold).await.expect(200);
        ask_again(&app, &before).await.expect(304);
    }

    async fn long_list_is_compressed_if_the_client_takes_it(engine) {
        let app = TestApp::start(engine).await;
        let plain = accept(&app, Method::GET, LIST, "identity").await;
        assert_eq!((header(&plain, "content-encoding"), header(&plain, "vary").is_some()), (None, true));
        let (tag, text) = (header(&plain, "etag").unwrap().to_owned(), plain.text().await.unwrap());
        let packed = accept(&app, Method::GET, LIST, "gzip").await;
        assert_eq!(header(&packed, "content-encoding"), Some("gzip"));
        assert_eq!(header(&packed, "content-type"), Some("application/json"));
        assert_eq!(header(&packed, "etag"), Some(&*tag));
        let varies = packed.headers().get_all("vary").iter().map(|value| value.to_str().unwrap());
        let varies = varies.collect::<Vec<_>>().join(",").to_lowercase();
        assert_eq!(varies.matches("accept-encoding").count(), 1, "{varies}");
        let bytes = packed.bytes().await.unwrap();
        assert!(bytes.len() * 4 < text.len(), "{} of {}", bytes.len(), text.len());
        let mut unpacked = String::new();
        GzDecoder::new(&bytes[..]).read_to_string(&mut unpacked).unwrap();
        assert_eq!(unpacked, text);
        for (encodings, expected) in [("br", Some("br")), ("gzip;q=0.5, br", Some("br")), ("zstd", None), ("identity;q=0", None),
            ("*;q=0", None), ("gzip;q=0, *", None)]
        {
            let answer = accept(&app, Method::GET, LIST, encodings).await;
            assert_eq!((answer.status().as_u16(), header(&answer, "content-encoding")), (200, expected), "{encodings}");
        }
        let description = accept(&app, Method::GET, "/openapi.json", "gzip").await;
        assert_eq!(header(&description, "content-encoding"), Some("gzip"));
    }

    async fn head_errors_and_small_responses_are_not_compressed(engine) {
        let app = TestApp::start(engine).await;
        for (encodings, encoding, length) in [("gzip", Some("gzip"), false), ("identity", None, true)] {
            let get = accept(&app, Method::GET, LIST, encodings).await;
            let head = accept(&app, Method::HEAD, LIST, encodings).await;
            assert_eq!((head.status().as_u16(), header(&head, "content-encoding")), (200, encoding));
            for name in ["etag", "vary", "cache-control", "content-type", "content-length"] {
                assert_eq!(header(&head, name), header(&get, name), "{name} of {encodings}");
            }
            assert_eq!(header(&head, "content-length").is_some(), length);
            assert!(head.bytes().await.unwrap().is_empty());
        }
        let short = format!("{LIST}&limit=1");
        for (path, status) in [(&*short, 200), ("/v1/event-types/none/slots?from=x", 422), ("/v1/event-types/none/slots", 422)] {
            for encodings in ["gzip", "identity;q=0"] {
                let answer = accept(&app, Method::GET, path, encodings).await;
                assert_eq!((answer.status().as_u16(), header(&answer, "content-encoding")), (status, None), "{path}");
                if status != 200 {
                    assert_eq!(header(&answer, "cache-control"), Some("no-store"));
                }
            }
        }
        // A hold's response has a secret, so it is not compressed: its compressed length would tell of it.
        let hold = app.hold_slot("call", SLOT).await;
        let path = format!("/v1/holds/{}", hold.text("id"));
        let answer = accept(&app, Method::GET, &path, "gzip, br").await;
        assert_eq!((answer.status().as_u16(), header(&answer, "content-encoding")), (200, None));
    }
}
