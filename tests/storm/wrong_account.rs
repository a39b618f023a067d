//! Another Stripe account, and the `holdfast sweep` that somebody runs with its key on the database of the shop (S34).
//!
//! It sells nothing and knows none of the sessions, so the sweep must change nothing that the guests can see.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use axum::extract::Path;
use axum::routing::any;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::mutation::Mutation;
use crate::processes::Processes;
use crate::stripe_proxy;
use crate::support::database::TestDatabase;

/// The API of the other account; it stops when it is dropped.
pub(crate) struct WrongAccount {
    pub(crate) url: String,
    _stops: DropGuard,
}

impl WrongAccount {
    /// Starts an empty account. With the mutation, it answers as a program reads a 404 that it believes: expired.
    pub(crate) async fn start(mutation: Mutation) -> Self {
        let api = match mutation {
            Mutation::UnknownBelieved => Router::new()
                .route("/v1/checkout/sessions/{id}", any(show_expired_session))
                .route("/v1/checkout/sessions/{id}/expire", any(show_expired_session)),
            _ => stripe_proxy::build_simulator(&Arc::new(AtomicI64::new(0))).router(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        tokio::spawn(async move {
            axum::serve(listener, api)
                .with_graceful_shutdown(stopped)
                .await
                .unwrap();
        });
        Self {
            url,
            _stops: stop.drop_guard(),
        }
    }
}

/// Sweeps once with the key of the account at this URL. Only when a hold exists: in an empty shop nothing tells the
/// accounts apart.
pub(crate) async fn sweep_if_sold(database: &TestDatabase, processes: &Processes, url: &str, ahead: i64) {
    if database.count("SELECT count(*) FROM holds").await > 0 {
        processes.sweep_at(url, ahead).await;
    }
}

async fn show_expired_session(Path(id): Path<String>) -> Json<Value> {
    Json(
        json!({"id": id, "object": "checkout.session", "status": "expired", "payment_status": "unpaid", "metadata": {}}),
    )
}
