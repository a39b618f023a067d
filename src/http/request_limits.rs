//! Limits the requests of each address: applies the counts of `rate_limit` to what comes in.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::auth::KeyHolder;
use super::check_hold::CHECK_PATH;
use super::client_address::ClientAddress;
use super::server::Server;

/// Limits how many requests come from one address: those that change something, and those that read. Callers with a key
/// have no limit.
pub(super) async fn limit_requests(
    State(server): State<Arc<Server>>,
    client: ClientAddress,
    request: Request,
    next: Next,
) -> Response {
    let limiter = &server.rate_limiter;
    let counted = match *request.method() {
        _ if request.extensions().get::<KeyHolder>().is_some() => Ok(()),
        Method::POST if is_check(&request) => limiter.count_read(client),
        Method::POST | Method::DELETE => limiter.count_change(client),
        Method::GET | Method::HEAD => limiter.count_read(client),
        _ => Ok(()),
    };
    match counted {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

fn is_check(request: &Request) -> bool {
    let path = request.extensions().get::<MatchedPath>();
    path.is_some_and(|path| path.as_str() == CHECK_PATH)
}
