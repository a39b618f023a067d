//! For guests: where Stripe sends them back to, when the shop has no page of its own. Static; the page's script reads the
//! hold by its id, as any checkout page would, and shows its state when the webhook has landed.

use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse};

/// Nothing but our own script and style runs or loads, and nobody frames us.
pub(super) const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'",
);

/// A page of ours.
pub(super) fn page(html: &'static str) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        // The id in the address is the right to read the hold.
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    (headers, Html(html))
}

/// After paying, and after turning back: the page's script tells the two apart.
pub(super) async fn back_from_stripe() -> impl IntoResponse {
    page(include_str!("pages/return.html"))
}

/// The script of both.
pub(super) async fn script() -> impl IntoResponse {
    javascript(include_str!("pages/page.js"))
}

/// Money, times and problems in words, for the scripts of all pages.
pub(super) async fn words() -> impl IntoResponse {
    javascript(include_str!("pages/words.js"))
}

/// A script of ours.
pub(super) fn javascript(script: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], script)
}

/// The style of all pages.
pub(super) async fn style() -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "text/css; charset=utf-8")],
        include_str!("pages/page.css"),
    )
}
