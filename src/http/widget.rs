//! The booking widget for the shop's own pages: one script, which is built from `clients/js`.

use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;

use super::static_assets::to_script;

/// Serves the script of the widget. It changes with the program only, so a browser may keep it for a while.
pub(super) async fn serve_script() -> impl IntoResponse {
    let headers = [
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=3600"),
        ),
        // Nothing in it is private, and a page of another origin may load it as a module.
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
    ];
    (
        headers,
        to_script(include_str!("../../clients/js/dist/widget.js")),
    )
}
