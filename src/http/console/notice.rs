//! What an act did, as the page after it says it, once.
//!
//! The act leaves a cookie with a code and its MAC under the token of the session. So no link can make a page say that
//! something was done, and neither a reload nor a bookmark says it again.

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::cookies;
use super::language::Language;
use crate::domain::console_session::ConsoleToken;
use crate::http::auth::is_same_secret;

/// A sentence about what an act did.
pub(super) struct Notice {
    /// The code in the cookie.
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

/// The code of a notice, and the page that is to show it, in the extensions of an act's response.
#[derive(Clone, Debug)]
struct LeftNotice {
    page: String,
    code: &'static str,
}

/// Leads from an act to a page, which then says what the act did. `page` may have a query.
pub(super) fn redirect_with_notice(page: &str, notice: &Notice) -> Response {
    // A reload of the page after the act must not repeat the act.
    let mut response = Redirect::to(page).into_response();
    response.extensions_mut().insert(LeftNotice {
        page: page.to_owned(),
        code: notice.code,
    });
    response
}

/// Finds the code of the notice that an act of this session left for this page.
pub(super) fn find_left(token: &ConsoleToken, headers: &HeaderMap, page: &str) -> Option<String> {
    let (code, mac) = cookies::find(headers, cookies::NOTICE)?.split_once('.')?;
    is_same_secret(&token.sign_notice(page, code), mac).then(|| code.to_owned())
}

/// Adds the cookie of the notice that an act leaves.
pub(super) fn leave(token: &ConsoleToken, response: &mut Response) {
    if let Some(LeftNotice { page, code }) = response.extensions_mut().remove() {
        let value = format!("{code}.{}", token.sign_notice(&page, code));
        add_cookie(response, &cookies::keep_notice(&value));
    }
}

/// Removes the cookie of a notice that a page has shown.
pub(super) fn remove_shown(response: &mut Response) {
    add_cookie(response, &cookies::remove_notice());
}

fn add_cookie(response: &mut Response, cookie: &str) {
    // Codes and MACs are plain text.
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}
