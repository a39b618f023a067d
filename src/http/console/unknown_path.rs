//! The page for paths that do not exist.

use axum::routing::get;

use super::access::ConsoleRoutes;
use crate::domain::access_key::Scope;
use crate::http::error::Problem;

/// Adds the page for paths that do not exist.
pub(super) fn add_routes(routes: ConsoleRoutes) -> ConsoleRoutes {
    routes.page("/console/{*path}", Scope::Read, get(report_unknown_path))
}

async fn report_unknown_path() -> Problem {
    Problem::not_found("path")
}
