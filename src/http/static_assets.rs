//! Pages, scripts and styles that are part of the program, with the headers they need.

use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse};

/// Lets a page load only our own scripts and styles, and forbids other sites to frame it.
const CONTENT_SECURITY_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'",
);

/// Returns an HTML page.
pub(super) fn to_page(html: &'static str) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        // The hold's id in the address gives the right to read the hold, so no other site may learn it.
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    (headers, Html(html))
}

/// Returns a JavaScript file.
pub(super) fn to_script(script: impl IntoResponse) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], script)
}

/// Returns a CSS stylesheet.
pub(super) fn to_style(style: impl IntoResponse) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], style)
}
