//! Where an operator goes after signing in: back to the page that asked for it, and never elsewhere.

use axum::http::Uri;
use axum::response::{IntoResponse, Redirect, Response};

use super::navigation::{CONSOLE, FIRST_PAGE};

/// The path of the page with the sign-in.
pub(super) const SIGN_IN: &str = "/console/sign-in";

/// Returns the path if it is one of the console, else the first page: a link must not lead elsewhere after the sign-in.
pub(super) fn find_safe_path(path: &str) -> String {
    let is_of_console = path == CONSOLE || path.starts_with("/console/") || path.starts_with("/console?");
    let is_plain = path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    if is_of_console && is_plain && !path.contains("//") {
        path.to_owned()
    } else {
        FIRST_PAGE.to_owned()
    }
}

/// Sends an operator without a session to sign in, and back to this page afterwards.
pub(super) fn redirect_from(uri: &Uri) -> Response {
    let page = uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let next: String = url::form_urlencoded::byte_serialize(page.as_bytes()).collect();
    Redirect::to(&format!("{SIGN_IN}?next={next}")).into_response()
}

/// Sends an operator whose session has ended before a form was sent to sign in.
pub(super) fn redirect_from_form() -> Response {
    Redirect::to(&format!("{SIGN_IN}?because=ended")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_after_the_sign_in_is_one_of_the_console() {
        for (path, expected) in [
            ("/console/audit?actor=ana", "/console/audit?actor=ana"),
            ("/console", "/console"),
            ("//evil.example/console/", FIRST_PAGE),
            ("/console//evil.example", FIRST_PAGE),
            ("https://evil.example/console/", FIRST_PAGE),
            ("/consolex", FIRST_PAGE),
            ("/console/\\evil.example", FIRST_PAGE),
            ("/console/\r\nx: y", FIRST_PAGE),
            ("", FIRST_PAGE),
        ] {
            assert_eq!(find_safe_path(path), expected, "{path}");
        }
    }
}
