//! The demo shop of `holdfast sandbox`: a page with the slots of the coming days. Placeholder for its page.

use axum::response::IntoResponse;

use super::pages;

/// The demo page.
pub(super) async fn page() -> impl IntoResponse {
    pages::page("")
}

/// The slots of the coming days.
pub(super) async fn slots() -> impl IntoResponse {
    axum::Json(Vec::<u8>::new())
}
