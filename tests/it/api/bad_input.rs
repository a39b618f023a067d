//! Sends invalid requests over real HTTP. Each is refused with its error code, as a problem that names every wrong
//! member, and changes neither the database nor Stripe.
//!
//! `bodies` tests what all JSON routes have in common, `holds` and `event_types` test the members of their routes,
//! `queries` tests query strings and ids, `methods_and_keys` tests methods, origins, keys and paths. `random` sends
//! generated bodies that no table lists.

use std::ops::Deref;

use holdfast::sandbox::CallCounts;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::support::app::{ADMIN_KEY, ApiResponse, TestApp};
use crate::support::database::Engine;

mod bodies;
mod event_types;
mod holds;
mod methods_and_keys;
mod queries;
mod random;

const TABLES: [&str; 9] = [
    "resources",
    "event_types",
    "checkout_attempts",
    "holds",
    "occupancy",
    "hold_history",
    "payments",
    "stripe_events",
    "commands",
];

const START: &str = "2026-12-01T10:00:00Z";

/// A service whose database and Stripe simulator must stay unchanged.
struct Untouched {
    app: TestApp,
    rows: Vec<(&'static str, i64)>,
    calls: CallCounts,
}

impl Deref for Untouched {
    type Target = TestApp;

    fn deref(&self) -> &TestApp {
        &self.app
    }
}

impl Untouched {
    async fn start(engine: Engine) -> Self {
        Self::watch(TestApp::start(engine).await).await
    }

    /// Starts to watch the app: later checks compare with its present state.
    async fn watch(app: TestApp) -> Self {
        let rows = rows(&app).await;
        let calls = app.simulator.calls();
        Self { app, rows, calls }
    }

    async fn assert_untouched(&self) {
        assert_eq!(rows(&self.app).await, self.rows);
        assert_eq!(self.app.simulator.calls(), self.calls);
    }

    /// Builds a request to the route that parses a hold or to the one that parses an event type.
    fn json_route(&self, route: Route) -> RequestBuilder {
        match route {
            Route::Holds => self.request(Method::POST, "/v1/holds"),
            Route::EventTypes => self
                .request(Method::PUT, "/v1/admin/event-types/new")
                .bearer_auth(ADMIN_KEY),
        }
    }
}

/// The routes that parse a JSON body of our own format.
#[derive(Clone, Copy, Debug)]
enum Route {
    Holds,
    EventTypes,
}

impl Route {
    const ALL: [Self; 2] = [Self::Holds, Self::EventTypes];

    /// Returns a valid body.
    fn good(self) -> Value {
        match self {
            Self::Holds => {
                json!({"event_type": "call", "starts_at": START, "guest": {"email": "ada@example.com"}})
            }
            Self::EventTypes => {
                json!({"name": "New", "resource": "ben", "duration_minutes": 30, "amount": 5000, "currency": "eur"})
            }
        }
    }

    /// Returns the valid body with this member set to another value; `guest.email` names a nested member.
    fn with(self, member: &str, value: Value) -> Value {
        let mut body = self.good();
        set(&mut body, member, value);
        body
    }

    /// Returns the valid body without this member.
    fn without(self, member: &str) -> Value {
        let mut body = self.good();
        let (above, name) = member.rsplit_once('.').unwrap_or(("", member));
        let above = match above {
            "" => &mut body,
            above => &mut body[above],
        };
        above.as_object_mut().unwrap().remove(name).unwrap();
        body
    }
}

fn set(body: &mut Value, member: &str, value: Value) {
    let place = member.split('.').fold(body, |place, name| &mut place[name]);
    *place = value;
}

async fn rows(app: &TestApp) -> Vec<(&'static str, i64)> {
    let mut rows = Vec::new();
    for table in TABLES {
        rows.push((
            table,
            app.database.count(&format!("SELECT count(*) FROM {table}")).await,
        ));
    }
    rows
}

/// Checks that the response is `invalid` and names exactly these members, sorted.
#[track_caller]
fn expect_faults(case: &str, answer: ApiResponse, fields: &[&str]) {
    assert_eq!(answer.status.as_u16(), 422, "{case}: {answer:?}");
    let problem = answer.expect_problem(422, "invalid");
    let faults = problem.body["errors"].as_array().unwrap();
    let mut named: Vec<_> = faults
        .iter()
        .map(|fault| fault["field"].as_str().unwrap())
        .collect();
    named.sort_unstable();
    assert_eq!(named, fields, "{case}: {faults:?}");
    assert!(
        faults
            .iter()
            .all(|fault| !fault["detail"].as_str().unwrap().is_empty()),
        "{case}"
    );
}

/// Checks that the response is an error body (RFC 9457) with this status and code; `case` describes the request.
#[track_caller]
fn expect_problem(case: &str, answer: ApiResponse, status: u16, code: &str) -> ApiResponse {
    assert_eq!(answer.status.as_u16(), status, "{case}: {answer:?}");
    assert_eq!(
        answer.headers["content-type"], "application/problem+json",
        "{case}: {answer:?}"
    );
    answer.expect_problem(status, code)
}
