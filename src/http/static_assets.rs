//! Pages, scripts and styles that are part of the program, with the headers they need.

use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use url::Url;

use crate::gateway::stripe_config::StripeJs;

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

/// Returns an HTML page that may also load Stripe.js, and show the frame that it makes.
pub(super) fn to_checkout_page(html: &'static str, stripe_js: Option<&StripeJs>) -> Response {
    let mut response = to_page(html).into_response();
    if let Some(policy) = stripe_js.and_then(|stripe_js| allow_stripe_js(&stripe_js.url)) {
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// Adds the origin of Stripe.js to our policy.
fn allow_stripe_js(script: &Url) -> Option<HeaderValue> {
    let origin = script.origin().ascii_serialization();
    let ours = CONTENT_SECURITY_POLICY;
    let ours = ours.to_str().ok()?;
    let scripts = format!("script-src 'self' {origin};");
    let policy = ours.replace("script-src 'self';", &scripts);
    HeaderValue::from_str(&format!("{policy}; frame-src {origin}")).ok()
}

/// Returns a JavaScript file.
pub(super) fn to_script(script: impl IntoResponse) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], script)
}

/// Returns a CSS stylesheet.
pub(super) fn to_style(style: impl IntoResponse) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], style)
}
