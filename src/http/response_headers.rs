//! Headers that every response has, errors and files included.

use axum::http::{HeaderValue, header};
use axum::response::Response;

/// Forbids browsers to guess another content type, and everybody to keep a copy.
///
/// Holds, tokens and operators' data must not stay in a cache, and a slot list is out of date at once. A handler whose
/// response may be kept sets `Cache-Control` itself.
pub(super) async fn add_security_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}
