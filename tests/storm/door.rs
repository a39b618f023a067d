//! Stripe, and who stands at its door: at each order to end a session it looks into the books for who is at work.
//!
//! Whoever tells Stripe to end a session first takes the lease of what it belongs to: of its hold, or of the attempt
//! whose process is dead. Before that, the session may be on its way to a guest. The order of these two is seen
//! nowhere else: afterwards the books look alike.

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

use crate::diary::Diary;
use crate::fleet::WEBHOOK_SECRET;
use crate::support::database::TestDatabase;

/// Who stands there.
pub(crate) struct Porter {
    simulator: Simulator,
    database: Arc<TestDatabase>,
    /// Orders to end a session that came before anyone had the lease.
    hasty: Mutex<Vec<String>>,
    /// Sessions that were ended while their checkout was at work.
    ended_early: Mutex<BTreeSet<String>>,
}

/// A door that is open; closed when dropped.
pub(crate) struct Door {
    pub(crate) url: String,
    pub(crate) porter: Arc<Porter>,
    serving: AbortHandle,
}

impl Drop for Door {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The simulator, with what happens there by itself.
pub(crate) async fn simulator(ahead: &Arc<AtomicI64>) -> (Simulator, DropGuard) {
    let hand = ahead.clone();
    let simulator = Simulator::new(SimulatorConfig {
        webhook_url: None,
        webhook_secret: WEBHOOK_SECRET.to_owned(),
        mode: Mode::Automatic,
        now: Arc::new(move || SystemClock.now() + TimeDelta::seconds(hand.load(Ordering::SeqCst))),
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stop = CancellationToken::new();
    tokio::spawn(simulator.clone().serve(listener, stop.clone()));
    (simulator, stop.drop_guard())
}

/// An address where nobody listens.
pub(crate) fn nowhere() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/webhooks/stripe", listener.local_addr().unwrap())
}

/// Opens the way to the simulator's API past a porter.
pub(crate) async fn opens(simulator: &Simulator, database: &Arc<TestDatabase>) -> Door {
    let porter = Arc::new(Porter {
        simulator: simulator.clone(),
        database: database.clone(),
        hasty: Mutex::default(),
        ended_early: Mutex::default(),
    });
    let there = porter.clone();
    let watched = middleware::from_fn(move |request: Request, next: Next| {
        let porter = there.clone();
        async move { porter.lets_in(request, next).await }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    // Without it small answers wait for the peer's acknowledgement.
    let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap_or_default());
    let stripe = simulator.router().layer(watched);
    let serving = tokio::spawn(async move { axum::serve(listener, stripe).await.unwrap() });
    Door {
        url,
        porter,
        serving: serving.abort_handle(),
    }
}

impl Porter {
    async fn lets_in(&self, request: Request, next: Next) -> Response {
        let path = request.uri().path();
        let session = path
            .strip_prefix("/v1/checkout/sessions/")
            .and_then(|rest| rest.strip_suffix("/expire"));
        let Some(session) = session.map(str::to_owned) else {
            return next.run(request).await;
        };
        let early = self.is_early(&session).await;
        let answer = next.run(request).await;
        if early && answer.status() == StatusCode::OK {
            self.ended_early.lock().unwrap().insert(session);
        }
        answer
    }

    /// Whether this session's checkout is still at work. Notes where nobody has the lease that it takes to end it.
    async fn is_early(&self, session: &str) -> bool {
        let known = self.simulator.session(session);
        let Some(hold) = known.and_then(|session| session.client_reference_id) else {
            return false;
        };
        // Two looks are as good as one here: who keeps to the rule has had the lease since before the call, and keeps it
        // until the answer is there, unless the hold ends before.
        let running =
            format!("SELECT count(*) FROM checkout_attempts WHERE hold_id = '{hold}' AND state = 'running'");
        let unleased = format!(
            "SELECT count(*) FROM holds WHERE id = '{hold}' AND status = 'held' AND leased_until IS NULL"
        );
        let early = self.database.count(&running).await > 0;
        if early || self.database.count(&unleased).await > 0 {
            let whose = if early {
                "of a checkout at work"
            } else {
                "of a hold that nobody has leased"
            };
            let mut hasty = self.hasty.lock().unwrap();
            hasty.push(format!(
                "Stripe was told before anyone had the lease: to end {session} {whose}"
            ));
        }
        early
    }

    /// What was done in the wrong order, and what guests got by that.
    pub(crate) fn findings(&self, diary: &Diary) -> Vec<String> {
        let mut findings = self.hasty.lock().unwrap().clone();
        let ended = self.ended_early.lock().unwrap();
        for given in diary.given.lock().unwrap().iter() {
            if ended.contains(&given.session) {
                findings.push(format!("a guest was given a session that was over: {given:?}"));
            }
        }
        findings
    }
}
