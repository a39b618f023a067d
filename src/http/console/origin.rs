//! Checks that a form was sent by a page of this origin, by what the browser says of the request.
//!
//! A page cannot forge these headers. They are checked besides the form's token, and are all that there is to check for the
//! form of the sign-in, which has no session yet.

use axum::http::{HeaderMap, header};

use crate::http::error::{Problem, ProblemCode};

/// Checks that a page of this origin sent the request, and returns whether it came over HTTPS.
///
/// Browsers send `Origin` with each form, and `Sec-Fetch-Site` over HTTPS and on this machine. The latter is the browser's own
/// comparison, so it decides where it is; without it, the host that the page came from must be the one that is asked.
///
/// # Errors
/// `forbidden` if another site sent it, or the browser does not say who did.
pub(super) fn require_own_origin(headers: &HeaderMap) -> Result<bool, Problem> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let origin = text(header::ORIGIN.as_str()).and_then(|origin| url::Url::parse(origin).ok());
    let origin = origin.ok_or_else(refuse)?;
    let is_own = match text("sec-fetch-site") {
        Some(site) => site == "same-origin",
        None => text(header::HOST.as_str()).is_some_and(|host| is_host_of(&origin, host)),
    };
    is_own.then(|| origin.scheme() == "https").ok_or_else(refuse)
}

fn is_host_of(origin: &url::Url, host: &str) -> bool {
    let asked = url::Url::parse(&format!("{}://{host}", origin.scheme()));
    asked.is_ok_and(|asked| asked.origin() == origin.origin())
}

fn refuse() -> Problem {
    Problem::new(
        ProblemCode::Forbidden,
        "this form was not sent by a page of this address",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_page_of_the_same_origin_is_accepted() {
        for (origin, site, host, expected) in [
            ("https://shop.example", "same-origin", "127.0.0.1", Some(true)),
            (
                "http://127.0.0.1:8080",
                "same-origin",
                "127.0.0.1:8080",
                Some(false),
            ),
            ("http://127.0.0.1:8080", "", "127.0.0.1:8080", Some(false)),
            ("https://shop.example", "", "shop.example", Some(true)),
            ("https://shop.example", "", "shop.example:443", Some(true)),
            ("https://evil.example", "", "shop.example", None),
            ("http://shop.example:81", "", "shop.example", None),
            ("https://shop.example", "same-site", "shop.example", None),
            ("https://shop.example", "cross-site", "shop.example", None),
            ("https://shop.example", "none", "shop.example", None),
            ("null", "same-origin", "shop.example", None),
            ("", "same-origin", "shop.example", None),
            ("", "", "shop.example", None),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in [("origin", origin), ("sec-fetch-site", site), ("host", host)] {
                if !value.is_empty() {
                    headers.insert(name, value.parse().unwrap());
                }
            }
            let found = require_own_origin(&headers).ok();
            assert_eq!(found, expected, "{origin} {site} {host}");
        }
    }
}
