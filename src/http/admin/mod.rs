//! For operators, by `Authorization: Bearer $HOLDFAST_ADMIN_KEY`. Without a configured key nobody gets in.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use secrecy::ExposeSecret;
use serde::Serialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use utoipa::ToSchema;

use super::Server;
use super::body::Faults;
use super::error::{Code, Problem};
use super::holds::bearer;
use crate::domain::books::PageRequest;

pub(super) mod commands;
pub(super) mod event_types;
pub(super) mod holds;
pub(super) mod sweep;

/// Lets operators through.
pub(super) async fn require_key(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    let good = match (&server.admin_key, bearer(request.headers())) {
        (Some(key), Some(given)) => same(key.expose_secret(), given),
        _ => false,
    };
    if good {
        return next.run(request).await;
    }
    Problem::new(Code::Unauthorized, "send the operators' key as a bearer token").into_response()
}

/// Compares without telling by its time how much was right: digests have one length and no structure.
fn same(key: &str, given: &str) -> bool {
    Sha256::digest(key).ct_eq(&Sha256::digest(given)).into()
}

/// A part of a list, newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct List<T> {
    /// The entries.
    data: Vec<T>,
    /// Where the next part starts; null at the end.
    next_cursor: Option<String>,
}

/// Reads `limit` and `cursor`.
fn page(limit: Option<String>, cursor: Option<String>, faults: &mut Faults) -> PageRequest {
    let parse = |text: String| {
        text.parse()
            .ok()
            .filter(|n| (1..=200).contains(n))
            .ok_or("must be 1 to 200")
    };
    let limit = limit
        .and_then(|text| faults.take("limit", parse(text)))
        .unwrap_or(50);
    PageRequest { limit, cursor }
}
