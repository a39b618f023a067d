//! The languages of our pages, and which of them a browser asks for.

use axum::http::{HeaderMap, header};

/// A language of our pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Language {
    /// English, as it is written in Great Britain.
    English,
    /// German, with the polite form.
    German,
}

impl Language {
    /// Every language, in the order of the menu.
    pub(in crate::http) const ALL: [Self; 2] = [Self::English, Self::German];

    /// Returns the tag of the language, as in `lang` and `Accept-Language`.
    pub(in crate::http) fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// Returns the name of the language in itself.
    pub(in crate::http) fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::German => "Deutsch",
        }
    }

    /// Finds the language of a tag such as `de-AT`.
    pub(in crate::http) fn parse(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or_default();
        Self::ALL
            .into_iter()
            .find(|language| language.tag().eq_ignore_ascii_case(primary))
    }

    /// Returns the value for this language.
    pub(in crate::http) fn choose<T>(self, english: T, german: T) -> T {
        match self {
            Self::English => english,
            Self::German => german,
        }
    }

    /// Finds the language that the browser asks for; English if it asks for none of ours.
    pub(in crate::http) fn of_browser(headers: &HeaderMap) -> Self {
        let accepted = headers.get(header::ACCEPT_LANGUAGE);
        accepted
            .and_then(|text| Self::find_preferred(text.to_str().ok()?))
            .unwrap_or(Self::English)
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
