//! The languages of Stripe's payment page.

/// The languages that Stripe has, by its own names.
const LOCALES: [&str; 41] = [
    "bg", "cs", "da", "de", "el", "en", "en-GB", "es", "es-419", "et", "fi", "fil", "fr", "fr-CA", "hr",
    "hu", "id", "it", "ja", "ko", "lt", "lv", "ms", "mt", "nb", "nl", "pl", "pt", "pt-BR", "ro", "ru", "sk",
    "sl", "sv", "th", "tr", "vi", "zh", "zh-HK", "zh-TW", AUTO,
];

/// Lets Stripe follow the guest's browser.
const AUTO: &str = "auto";

/// A language of the payment page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Locale(&'static str);

impl Locale {
    /// Finds a language by Stripe's name for it, or `auto`.
    pub fn parse(text: &str) -> Option<Self> {
        LOCALES.into_iter().find(|locale| *locale == text).map(Self)
    }

    /// Returns Stripe's name for it.
    pub fn as_str(self) -> &'static str {
        self.0
    }

    /// Lists all names, as descriptions of the API have them.
    pub fn list_names() -> &'static [&'static str] {
        &LOCALES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_stripes_names_are_languages() {
        assert_eq!(Locale::parse("pt-BR").map(Locale::as_str), Some("pt-BR"));
        assert!(Locale::parse("auto").is_some());
        for unknown in ["", "DE", "pt-br", "tlh", "zh-CN"] {
            assert_eq!(Locale::parse(unknown), None, "{unknown}");
        }
        assert_eq!(Locale::list_names().len(), 41);
    }
}
