//! The demo shop of `holdfast sandbox`: a page around the widget, as the page of any shop would be.
//!
//! It uses the public API alone. Its routes are not part of the API description, because a shop has its own page.

use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;

use super::server::Server;
use super::static_assets::{to_checkout_page, to_script};

/// Serves the demo page.
pub(super) async fn serve_page(State(server): State<Arc<Server>>) -> impl IntoResponse {
    to_checkout_page(include_str!("pages/demo.html"), server.stripe_js.as_ref())
}

/// Serves the script of the demo page, which is built from `clients/js`.
pub(super) async fn serve_script() -> impl IntoResponse {
    to_script(include_str!("../../clients/js/dist/demo.js"))
}
