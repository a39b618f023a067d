//! The reference of the API as a page: Swagger UI draws the description that `/openapi.json` serves.
//!
//! Swagger UI is part of the program, as it was published: `pages/swagger-ui` has the files, packed, and their licences.
//! Of the renderers that people use, it is the one that obeys our content policy. It loads nothing from elsewhere.

use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;

use super::static_assets::{to_page, to_script, to_style};

const SWAGGER_UI: &[u8] = include_bytes!("pages/swagger-ui/swagger-ui-bundle.js.gz");
const SWAGGER_UI_STYLE: &[u8] = include_bytes!("pages/swagger-ui/swagger-ui.css.gz");

/// Serves the page itself.
pub(super) async fn serve_page() -> impl IntoResponse {
    to_page(include_str!("pages/reference.html"))
}

/// Serves the script that starts Swagger UI.
pub(super) async fn serve_script() -> impl IntoResponse {
    to_script(include_str!("pages/reference.js"))
}

/// Serves the script of Swagger UI.
pub(super) async fn serve_renderer() -> impl IntoResponse {
    (packed_headers(), to_script(SWAGGER_UI))
}

/// Serves the style of Swagger UI.
pub(super) async fn serve_renderer_style() -> impl IntoResponse {
    (packed_headers(), to_style(SWAGGER_UI_STYLE))
}

/// The headers of a file that is packed already. All browsers unpack it; nobody else has a use for it. Nothing in it is
/// private, and it changes with the program only, so a browser may keep it for a while.
fn packed_headers() -> [(header::HeaderName, HeaderValue); 2] {
    [
        (header::CONTENT_ENCODING, HeaderValue::from_static("gzip")),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=3600"),
        ),
    ]
}
