//! Serves a calendar feed on this machine, as another company's server does.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::get;
use chrono::Duration;
use holdfast::workflow::read_feeds;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use super::app::TestApp;
use super::catalogue_fixtures::day;
use super::client::Client;

/// The setting that allows feeds of this machine.
pub(crate) const PRIVATE: [(&str, &str); 1] = [("HOLDFAST_CALENDAR_ALLOW_PRIVATE", "1")];

/// Reads the one feed, which is due.
pub(crate) async fn run_feed(app: &TestApp) {
    assert_eq!(read_feeds::read_due_feeds(&app.context).await.unwrap(), 1);
}

/// Advances the clock by a quarter of an hour, and reads as many feeds.
pub(crate) async fn run_feeds_later(app: &TestApp, feeds: u64) {
    app.clock.advance(Duration::minutes(15));
    assert_eq!(read_feeds::read_due_feeds(&app.context).await.unwrap(), feeds);
}

/// Returns the starts of a day in UTC at which the only unit is free.
pub(crate) async fn list_free_starts(at: &Client, event_type: &str, date: &str) -> String {
    let shown = day(at, event_type, date).await;
    let free = shown.iter().filter_map(|slot| slot.strip_suffix(" free 1"));
    free.collect::<Vec<_>>().join(" ")
}

/// What the server returns.
#[derive(Clone)]
enum Content {
    Calendar(String),
    Status(StatusCode),
    Elsewhere(String),
}

/// A feed server that stops when it is dropped.
pub(crate) struct Feed {
    pub(crate) url: String,
    content: Arc<Mutex<Content>>,
    server: AbortHandle,
}

impl Feed {
    /// Starts a server with this calendar.
    pub(crate) async fn of(calendar: String) -> Self {
        let content = Arc::new(Mutex::new(Content::Calendar(calendar)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/ana.ics", listener.local_addr().unwrap());
        let now = Arc::clone(&content);
        let answer = async move || match now.lock().unwrap().clone() {
            Content::Calendar(text) => Ok(([(header::CONTENT_TYPE, "text/calendar")], text)),
            Content::Status(status) => Err((status, [(header::LOCATION, String::new())])),
            Content::Elsewhere(url) => Err((StatusCode::FOUND, [(header::LOCATION, url)])),
        };
        let router = Router::new().route("/ana.ics", get(answer));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            url,
            content,
            server: serving.abort_handle(),
        }
    }

    /// Replaces the calendar that the server returns.
    pub(crate) fn becomes(&self, calendar: String) {
        *self.content.lock().unwrap() = Content::Calendar(calendar);
    }

    /// Makes the server return this status and no calendar.
    pub(crate) fn fails(&self, status: u16) {
        *self.content.lock().unwrap() = Content::Status(StatusCode::from_u16(status).unwrap());
    }

    /// Makes the server redirect to another address.
    pub(crate) fn redirects(&self, url: &str) {
        *self.content.lock().unwrap() = Content::Elsewhere(url.to_owned());
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Returns a calendar with one appointment. Its times are in the form of iCalendar: `20261201T100000Z`.
pub(crate) fn busy(from: &str, to: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Somebody//Calendar//EN\r\nBEGIN:VEVENT\r\nUID:one@calendar.example\r\n\
         DTSTAMP:20261101T000000Z\r\nDTSTART:{from}\r\nDTEND:{to}\r\nSUMMARY:Dentist\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}
