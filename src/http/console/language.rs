//! The language of the console: the one that the operator chose, else the one that the browser asks for, else English.

use axum::http::HeaderMap;

use super::cookies;
pub(in crate::http) use crate::http::language::Language;

impl Language {
    /// Finds the language of a request.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let chosen = cookies::find(headers, cookies::LANGUAGE).and_then(Self::parse);
        chosen.unwrap_or_else(|| Self::of_browser(headers))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header;

    use super::*;

    #[test]
    fn cookie_comes_before_the_browser_and_english_is_last() {
        for (cookie, accepted, expected) in [
            ("", "", Language::English),
            ("", "de-DE,de;q=0.9,en;q=0.8", Language::German),
            ("", "fr, de;q=0.2", Language::German),
            ("", "fr, en;q=0.5, de;q=0.6", Language::German),
            ("", "de;q=0, en;q=0.1", Language::English),
            ("", "de;q=x", Language::English),
            ("holdfast_language=de", "en", Language::German),
            ("holdfast_language=xx", "de", Language::German),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, cookie.parse().unwrap());
            headers.insert(header::ACCEPT_LANGUAGE, accepted.parse().unwrap());
            assert_eq!(Language::of(&headers), expected, "{cookie} {accepted}");
        }
    }
}
