//! The cookies of the console: the token of the session, the language, and what an act did.

use axum::http::{HeaderMap, header};

use crate::domain::console_session::{CONSOLE_ABSOLUTE_END, ConsoleToken};
use crate::http::error::{Problem, ProblemCode};

/// The cookie with the chosen language.
pub(super) const LANGUAGE: &str = "holdfast_language";
/// The cookie with the session's token, over plain HTTP.
const PLAIN_SESSION: &str = "holdfast_console";
/// The cookie with the session's token, over HTTPS: by its prefix, browsers take it only from HTTPS. (The prefix `__Host-`
/// would need the path `/`, and send the token with every request of the same host.)
const SECURE_SESSION: &str = "__Secure-holdfast_console";

/// The cookie with what an act did, until the page after it has said so.
pub(super) const NOTICE: &str = "holdfast_notice";

/// What all cookies have in common. A request that another site causes carries none.
const COMMON: &str = "Path=/console; HttpOnly; SameSite=Strict";
/// For how long a browser remembers the language, in seconds: a year.
const KEEP_LANGUAGE: u32 = 365 * 24 * 60 * 60;

/// For how long a notice waits for its page, in seconds.
const KEEP_NOTICE: u32 = 60;

/// Finds a cookie of a request.
pub(super) fn find<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    list(headers).find_map(|(its_name, value)| (its_name == name).then_some(value))
}

fn list(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let lines = headers.get_all(header::COOKIE).iter();
    lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
}

/// A request carries several cookies of a session: one may come from another site of the same domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SeveralSessions;

impl From<SeveralSessions> for Problem {
    fn from(_: SeveralSessions) -> Self {
        let advice =
            "your browser sent several sessions: delete the cookies of this site, then sign in again";
        Self::new(ProblemCode::Forbidden, advice)
    }
}

/// Finds the session's token of a request.
///
/// # Errors
/// [`SeveralSessions`] if there are several: which of them is the operator's own cannot be known.
pub(super) fn find_token(headers: &HeaderMap) -> Result<Option<ConsoleToken>, SeveralSessions> {
    let mut tokens = list(headers)
        .filter(|(name, value)| [SECURE_SESSION, PLAIN_SESSION].contains(name) && !value.is_empty())
        .map(|(_, value)| value);
    let first = tokens.next();
    if tokens.next().is_some() {
        return Err(SeveralSessions);
    }
    Ok(first.and_then(ConsoleToken::parse))
}

/// Makes the cookies of a new session. Over HTTPS they also remove the one of a session that began over plain HTTP.
pub(super) fn keep_token(token: &ConsoleToken, is_https: bool) -> Vec<String> {
    let age = CONSOLE_ABSOLUTE_END.num_seconds();
    let mut cookies = vec![write_session(token.reveal(), age, is_https)];
    cookies.extend(is_https.then(|| write_session("", 0, false)));
    cookies
}

/// Makes the cookies that remove the token of a session, however it came.
pub(super) fn remove_token() -> [String; 2] {
    [true, false].map(|is_https| write_session("", 0, is_https))
}

fn write_session(value: &str, age: i64, is_https: bool) -> String {
    match is_https {
        true => format!("{SECURE_SESSION}={value}; Max-Age={age}; {COMMON}; Secure"),
        false => format!("{PLAIN_SESSION}={value}; Max-Age={age}; {COMMON}"),
    }
}

/// Makes the cookie that remembers a language.
pub(super) fn keep_language(tag: &str) -> String {
    format!("{LANGUAGE}={tag}; Max-Age={KEEP_LANGUAGE}; {COMMON}")
}

/// Makes the cookie with what an act did.
pub(super) fn keep_notice(value: &str) -> String {
    format!("{NOTICE}={value}; Max-Age={KEEP_NOTICE}; {COMMON}")
}

/// Makes the cookie that removes what an act did.
pub(super) fn remove_notice() -> String {
    format!("{NOTICE}=; Max-Age=0; {COMMON}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_has_one_session_at_most() {
        let token = |byte: u8| ConsoleToken::from_random([byte; 32]);
        let found = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, text.parse().unwrap());
            find_token(&headers)
        };
        let (plain, secure) = (token(1), token(2));
        let plain_cookie = format!("holdfast_console={}", plain.reveal());
        let secure_cookie = format!("__Secure-holdfast_console={}", secure.reveal());
        assert_eq!(found(&format!("a=b; {secure_cookie}")), Ok(Some(secure)));
        assert_eq!(found(&plain_cookie), Ok(Some(plain)));
        for both in [[&plain_cookie, &secure_cookie], [&plain_cookie, &plain_cookie]] {
            assert_eq!(found(&both.map(String::as_str).join("; ")), Err(SeveralSessions));
        }
        assert_eq!(found("holdfast_console=x"), Ok(None));
        assert_eq!(found("xholdfast_console=x; holdfast_console="), Ok(None));
    }
}
