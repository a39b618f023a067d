//! Keys and tokens: who is an operator, and who may change a hold.
//!
//! Operators send `Authorization: Bearer $HOLDFAST_ADMIN_KEY`; guests send the token of their hold in the same header.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::error::{Problem, ProblemCode};
use super::server::Server;
use crate::domain::ids::HoldId;

/// Lets only operators through. Without a configured key, it refuses everybody.
pub(super) async fn require_operator(
    State(server): State<Arc<Server>>,
    request: Request,
    next: Next,
) -> Response {
    if is_operator(&server, request.headers()) {
        return next.run(request).await;
    }
    Problem::new(
        ProblemCode::Unauthorized,
        "send the operators' key as a bearer token",
    )
    .into_response()
}

/// Returns whether a request carries the operators' key.
pub(super) fn is_operator(server: &Server, headers: &HeaderMap) -> bool {
    match (&server.admin_key, parse_bearer_token(headers)) {
        (Some(key), Some(given)) => is_same_secret(key.expose_secret(), given),
        _ => false,
    }
}

/// Compares two secrets in constant time. The digests have equal lengths, so not even the key's length shows in the
/// time.
fn is_same_secret(key: &str, given: &str) -> bool {
    Sha256::digest(key).ct_eq(&Sha256::digest(given)).into()
}

/// Reads the bearer token of a request.
///
/// # Errors
/// `unauthorized` if there is none.
pub(super) fn require_bearer_token(headers: &HeaderMap) -> Result<&str, Problem> {
    parse_bearer_token(headers).ok_or_else(hold_token_required)
}

/// Checks that `token` is the token of the hold.
///
/// # Errors
/// `unauthorized` if it is not.
pub(super) async fn require_token_of(server: &Server, hold: HoldId, token: &str) -> Result<(), Problem> {
    let is_valid = server.context.token_keys().await?.is_hold_token(hold, token);
    is_valid.then_some(()).ok_or_else(hold_token_required)
}

fn hold_token_required() -> Problem {
    Problem::new(
        ProblemCode::Unauthorized,
        "send the hold's token as a bearer token",
    )
}

fn parse_bearer_token(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
