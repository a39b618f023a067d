//! For operators, by `Authorization: Bearer $HOLDFAST_ADMIN_KEY`. Without a configured key nobody gets in.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use deserr::Deserr;
use secrecy::ExposeSecret;
use serde::Serialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use utoipa::{IntoParams, ToSchema};

use super::Server;
use super::body::FieldErrors;
use super::error::{Code, Problem};
use super::fields::{Cursor, Limit};
use super::holds::bearer;
use crate::domain::listing::{Page, PageRequest};

pub(super) mod commands;
pub(super) mod event_types;
pub(super) mod events;
pub(super) mod holds;
pub(super) mod resources;
pub(super) mod sweep;

/// Lets operators through.
pub(super) async fn require_key(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    if is_operator(&server, request.headers()) {
        return next.run(request).await;
    }
    Problem::new(Code::Unauthorized, "send the operators' key as a bearer token").into_response()
}

/// Whether a request has the operators' key.
pub(super) fn is_operator(server: &Server, headers: &HeaderMap) -> bool {
    match (&server.admin_key, bearer(headers)) {
        (Some(key), Some(given)) => same(key.expose_secret(), given),
        _ => false,
    }
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
    #[schema(required = true)]
    next_cursor: Option<String>,
}

impl<T> List<T> {
    /// What was found, each entry as `show` has it.
    fn of<'a, E>(found: &'a Page<E>, show: impl Fn(&'a E) -> T) -> Json<Self> {
        Json(Self {
            data: found.entries.iter().map(show).collect(),
            next_cursor: found.next.clone(),
        })
    }
}

/// How a part of a list is asked for; lists with filters of their own read it beside them.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Paging {
    /// how many entries, 50 by default
    #[deserr(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: Option<Limit>,
    /// the `next_cursor` of the part before
    #[deserr(default)]
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// The part of a list that is asked for.
fn page(limit: Option<Limit>, cursor: Option<Cursor>) -> PageRequest {
    PageRequest {
        limit: limit.map_or(50, |Limit(limit)| limit),
        cursor: cursor.map(|Cursor(cursor)| cursor),
    }
}
