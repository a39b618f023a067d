//! Serves a calendar feed on this machine, as another company's server does.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// What the server returns.
#[derive(Clone)]
enum Says {
    Calendar(String),
    Status(StatusCode),
    Elsewhere(String),
}

/// A feed server that stops when it is dropped.
pub(crate) struct Feed {
    pub(crate) url: String,
    says: Arc<Mutex<Says>>,
    server: AbortHandle,
}

impl Feed {
    /// Starts a server with this calendar.
    pub(crate) async fn of(calendar: String) -> Self {
        let says = Arc::new(Mutex::new(Says::Calendar(calendar)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/ana.ics", listener.local_addr().unwrap());
        let now = Arc::clone(&says);
        let answer = async move || match now.lock().unwrap().clone() {
            Says::Calendar(text) => Ok(([(header::CONTENT_TYPE, "text/calendar")], text)),
            Says::Status(status) => Err((status, [(header::LOCATION, String::new())])),
            Says::Elsewhere(url) => Err((StatusCode::FOUND, [(header::LOCATION, url)])),
        };
        let router = Router::new().route("/ana.ics", get(answer));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            url,
            says,
            server: serving.abort_handle(),
        }
    }

    /// Replaces the calendar.
    pub(crate) fn becomes(&self, calendar: String) {
        *self.says.lock().unwrap() = Says::Calendar(calendar);
    }

    /// Makes the server return this status and no calendar.
    pub(crate) fn fails(&self, status: u16) {
        *self.says.lock().unwrap() = Says::Status(StatusCode::from_u16(status).unwrap());
    }

    /// Makes the server redirect to another address.
    pub(crate) fn redirects(&self, url: &str) {
        *self.says.lock().unwrap() = Says::Elsewhere(url.to_owned());
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
