//! A proxy before the Stripe simulator: at each call that expires a session it reads from the database who has the
//! lease.
//!
//! A process that expires a session must first take the lease of its hold, or of the attempt whose process is dead.
//! Before that, the session may be on its way to a guest. Only the proxy can see the order of the two steps:
//! afterwards the database looks the same.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::serve::ListenerExt;
use chrono::TimeDelta;
use holdfast::clock::SystemClock;
use holdfast::domain::time::Clock;
use holdfast::sandbox::{Mode, Simulator, SimulatorConfig};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::observations::Observations;
use crate::processes::WEBHOOK_SECRET;
use crate::support::database::TestDatabase;

/// Checks the lease of each session that is expired.
pub(crate) struct LeaseObserver {
    simulator: Simulator,
    database: Arc<TestDatabase>,
    /// The calls that expire a session before its lease was taken.
    early_calls: Mutex<Vec<String>>,
    /// The sessions that were expired while their checkout was running.
    ended_early: Mutex<BTreeSet<String>>,
}

/// A running proxy; it stops when it is dropped.
pub(crate) struct StripeProxy {
    pub(crate) url: String,
    pub(crate) observer: Arc<LeaseObserver>,
    serving: AbortHandle,
}

impl Drop for StripeProxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Starts a simulator whose clock is so many seconds ahead, with its automatic events.
pub(crate) async fn start_simulator(ahead: &Arc<AtomicI64>) -> (Simulator, DropGuard) {
    let simulator = build_simulator(ahead);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stop = CancellationToken::new();
    tokio::spawn(simulator.clone().serve(listener, stop.clone()));
    (simulator, stop.drop_guard())
}

/// Builds a simulator whose clock is so many seconds ahead.
pub(crate) fn build_simulator(ahead: &Arc<AtomicI64>) -> Simulator {
    let offset = ahead.clone();
    Simulator::new(SimulatorConfig {
        webhook_url: None,
        webhook_secret: WEBHOOK_SECRET.to_owned(),
        mode: Mode::Automatic,
        now: Arc::new(move || SystemClock.now() + TimeDelta::seconds(offset.load(Ordering::SeqCst))),
    })
}

/// A webhook address at which no process listens.
pub(crate) fn unused_webhook_url() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/webhooks/stripe", listener.local_addr().unwrap())
}

/// Starts a proxy before the API of the simulator.
pub(crate) async fn start_proxy(simulator: &Simulator, database: &Arc<TestDatabase>) -> StripeProxy {
    let observer = Arc::new(LeaseObserver {
        simulator: simulator.clone(),
        database: database.clone(),
        early_calls: Mutex::default(),
        ended_early: Mutex::default(),
    });
    let shared = observer.clone();
    let watched = middleware::from_fn(move |request: Request, next: Next| {
        let observer = shared.clone();
        async move { observer.forward(request, next).await }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    // Without `nodelay`, small responses wait for the acknowledgement of the peer.
    let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap_or_default());
    let stripe = simulator.router().layer(watched);
    let serving = tokio::spawn(async move { axum::serve(listener, stripe).await.unwrap() });
    StripeProxy {
        url,
        observer,
        serving: serving.abort_handle(),
    }
}

impl LeaseObserver {
    async fn forward(&self, request: Request, next: Next) -> Response {
        let path = request.uri().path();
        let session = path
            .strip_prefix("/v1/checkout/sessions/")
            .and_then(|rest| rest.strip_suffix("/expire"));
        let Some(session) = session.map(str::to_owned) else {
            return next.run(request).await;
        };
        let early = self.check_lease(&session).await;
        let response = next.run(request).await;
        if early && response.status() == StatusCode::OK {
            self.ended_early.lock().unwrap().insert(session);
        }
        response
    }

    /// Whether the checkout of this session is still running. Records a call without the lease that it needs.
    async fn check_lease(&self, session: &str) -> bool {
        let known = self.simulator.session(session);
        let Some(hold) = known.and_then(|session| session.client_reference_id) else {
            return false;
        };
        // Two queries are as good as one: a correct process has the lease since before the call, and keeps it until
        // the response arrives, unless the hold ends before.
        let running =
            format!("SELECT count(*) FROM checkout_attempts WHERE hold_id = '{hold}' AND state = 'running'");
        let unleased = format!(
            "SELECT count(*) FROM holds WHERE id = '{hold}' AND status = 'held' AND leased_until IS NULL"
        );
        let early = self.database.count(&running).await > 0;
        if early || self.database.count(&unleased).await > 0 {
            let whose = if early {
                "of a running checkout"
            } else {
                "of a hold without a lease"
            };
            let mut early_calls = self.early_calls.lock().unwrap();
            early_calls.push(format!(
                "Stripe was called before the lease was taken: to expire {session} {whose}"
            ));
        }
        early
    }

    /// Lists the early calls, and the guests who received an expired session.
    pub(crate) fn findings(&self, observations: &Observations) -> Vec<String> {
        let mut findings = self.early_calls.lock().unwrap().clone();
        let ended = self.ended_early.lock().unwrap();
        for observed in observations.holds.lock().unwrap().iter() {
            if ended.contains(&observed.session) {
                findings.push(format!("a guest received a session that was over: {observed:?}"));
            }
        }
        findings
    }
}
