//! What an act did, as the page after it says it.
//!
//! The address of that page carries a code. A text in the address could be anybody's.

use axum::response::{IntoResponse, Redirect, Response};

use super::language::Language;

/// A sentence about what an act did.
pub(super) struct Notice {
    /// The code in the address of the page.
    pub(super) code: &'static str,
    /// The sentence in English.
    pub(super) english: &'static str,
    /// The sentence in German.
    pub(super) german: &'static str,
}

impl Notice {
    /// Finds the sentence for a code among those of a page.
    pub(super) fn find(notices: &[Self], code: &str, language: Language) -> Option<&'static str> {
        let notice = notices.iter().find(|notice| notice.code == code)?;
        Some(language.choose(notice.english, notice.german))
    }
}

/// Leads from an act to a page, which then says what the act did. `path` may have a query.
pub(super) fn redirect_with_notice(path: &str, notice: &Notice) -> Response {
    let separator = if path.contains('?') { '&' } else { '?' };
    // A reload of the page after the act must not repeat the act.
    Redirect::to(&format!("{path}{separator}notice={}", notice.code)).into_response()
}
