//! The calls that the processes make to the simulated Stripe.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use axum::extract::Request;
use axum::middleware;
use holdfast::sandbox::Simulator;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::support::wait_for::eventually;

/// Every call to Stripe: its path, and its idempotency key if it creates something.
#[derive(Default)]
pub(super) struct Calls {
    received: Mutex<Vec<String>>,
    /// Whether a question to expire a session is answered only when it was asked twice.
    waits_for_second_expire: AtomicBool,
}

impl Calls {
    pub(super) fn all(&self) -> Vec<String> {
        self.received.lock().unwrap().clone()
    }

    pub(super) fn wait_for_second_expire(&self) {
        self.waits_for_second_expire.store(true, Ordering::Relaxed);
    }

    async fn record(&self, call: String) {
        self.received.lock().unwrap().push(call.clone());
        if self.waits_for_second_expire.load(Ordering::Relaxed) && call.ends_with("/expire") {
            eventually("the same question is asked again", async || {
                let times = self.all().iter().filter(|other| **other == call).count();
                (times > 1).then_some(())
            })
            .await;
        }
    }
}

/// Serves the simulator and records its calls. Returns its URL.
pub(super) async fn serve_stripe(simulator: &Simulator, calls: &Arc<Calls>) -> (String, AbortHandle) {
    let calls = Arc::clone(calls);
    let stripe = simulator.router().layer(middleware::from_fn(
        move |request: Request, next: middleware::Next| {
            let calls = Arc::clone(&calls);
            async move {
                calls.record(describe_call(&request)).await;
                next.run(request).await
            }
        },
    ));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move { axum::serve(listener, stripe).await.unwrap() });
    (url, server.abort_handle())
}

/// Describes a call so that equal descriptions mean a repeated call. Sessions and refunds are created under an
/// idempotency key; a session is expired by its id.
fn describe_call(request: &Request) -> String {
    let (method, path) = (request.method(), request.uri().path());
    let key = request.headers().get("idempotency-key");
    match key.filter(|_| !path.ends_with("/expire")) {
        Some(key) => format!("{method} {path} {}", key.to_str().unwrap()),
        None => format!("{method} {path}"),
    }
}
