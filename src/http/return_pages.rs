//! The pages that Stripe sends guests back to if the shop has none of its own.
//!
//! They are static. Their script reads the hold by its id, as any checkout page would, and shows its status.

use axum::response::IntoResponse;

use super::static_assets::{to_page, to_script, to_style};

/// Serves the page after payment and the page after turning back. Its script reads from the path which one it is.
pub(super) async fn serve_page() -> impl IntoResponse {
    to_page(include_str!("pages/return.html"))
}

/// Serves the script of both return pages.
pub(super) async fn serve_script() -> impl IntoResponse {
    to_script(include_str!("pages/return.js"))
}

/// Serves the script that all pages use to format money and times.
pub(super) async fn serve_format_script() -> impl IntoResponse {
    to_script(include_str!("pages/format.js"))
}

/// Serves the script that all pages use to call the API.
pub(super) async fn serve_api_script() -> impl IntoResponse {
    to_script(include_str!("pages/api.js"))
}

/// Serves the style of all pages.
pub(super) async fn serve_style() -> impl IntoResponse {
    to_style(include_str!("pages/page.css"))
}
