//! The languages of the console: the one that the operator chose, else the one that the browser asks for, else English.

use axum::http::{HeaderMap, header};

use super::cookies;

/// A language of the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Language {
    /// English, as it is written in Great Britain.
    English,
    /// German, with the polite form.
    German,
}

impl Language {
    /// Every language, in the order of the menu.
    pub(super) const ALL: [Self; 2] = [Self::English, Self::German];

    /// Returns the tag of the language, as in `lang` and `Accept-Language`.
    pub(super) fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// Returns the name of the language in itself.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::German => "Deutsch",
        }
    }

    /// Finds the language of a tag such as `de-AT`.
    pub(super) fn parse(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or_default();
        Self::ALL
            .into_iter()
            .find(|language| language.tag().eq_ignore_ascii_case(primary))
    }

    /// Returns the value for this language.
    pub(super) fn choose<T>(self, english: T, german: T) -> T {
        match self {
            Self::English => english,
            Self::German => german,
        }
    }

    /// Finds the language of a request.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let chosen = cookies::find(headers, cookies::LANGUAGE).and_then(Self::parse);
        chosen.unwrap_or_else(|| {
            let accepted = headers.get(header::ACCEPT_LANGUAGE);
            accepted
                .and_then(|text| Self::find_preferred(text.to_str().ok()?))
                .unwrap_or(Self::English)
        })
    }

    /// Finds the language with the greatest weight; of equal ones the first.
    fn find_preferred(accepted: &str) -> Option<Self> {
        let mut best: Option<(f32, Self)> = None;
        for range in accepted.split(',') {
            let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
            let weight = match parameters.trim().strip_prefix("q=") {
                Some(weight) => weight.trim().parse().unwrap_or(0.0),
                None => 1.0,
            };
            let Some(language) = Self::parse(tag.trim()).filter(|_| weight > 0.0) else {
                continue;
            };
            if best.is_none_or(|(best, _)| weight > best) {
                best = Some((weight, language));
            }
        }
        best.map(|(_, language)| language)
    }
}

#[cfg(test)]
mod tests {
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
