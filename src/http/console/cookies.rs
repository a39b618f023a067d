//! The cookies of the console: the token of the session, and the language.

use axum::http::{HeaderMap, header};

use crate::domain::console_session::{CONSOLE_ABSOLUTE_END, ConsoleToken};

/// The cookie with the chosen language.
pub(super) const LANGUAGE: &str = "holdfast_language";
/// The cookie with the session's token, over plain HTTP.
const PLAIN_SESSION: &str = "holdfast_console";
/// The cookie with the session's token, over HTTPS: by its prefix, browsers take it only from HTTPS. (The prefix `__Host-`
/// would need the path `/`, and send the token with every request of the same host.)
const SECURE_SESSION: &str = "__Secure-holdfast_console";

/// What both cookies have in common. A request that another site causes carries neither.
const COMMON: &str = "Path=/console; HttpOnly; SameSite=Strict";
/// For how long a browser remembers the language, in seconds: a year.
const KEEP_LANGUAGE: u32 = 365 * 24 * 60 * 60;

/// Finds a cookie of a request.
pub(super) fn find<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter();
    lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(its_name, value)| (its_name == name).then_some(value))
}

/// Finds the session's token of a request. The cookie from HTTPS comes first: the other one may be anybody's on the network.
pub(super) fn find_token(headers: &HeaderMap) -> Option<ConsoleToken> {
    let text = find(headers, SECURE_SESSION).or_else(|| find(headers, PLAIN_SESSION));
    text.and_then(ConsoleToken::parse)
}

/// Makes the cookie of a new session.
pub(super) fn keep_token(token: &ConsoleToken, is_https: bool) -> String {
    let age = CONSOLE_ABSOLUTE_END.num_seconds();
    write_session(token.reveal(), age, is_https)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secure_cookie_comes_before_the_plain_one() {
        let token = |byte: u8| ConsoleToken::from_random([byte; 32]);
        let found = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, text.parse().unwrap());
            find_token(&headers)
        };
        let (plain, secure) = (token(1), token(2));
        let both = format!(
            "a=b; holdfast_console={}; __Secure-holdfast_console={}",
            plain.reveal(),
            secure.reveal()
        );
        assert_eq!(found(&both), Some(secure));
        assert_eq!(
            found(&format!("holdfast_console={}", plain.reveal())),
            Some(plain)
        );
        assert_eq!(found("holdfast_console=x"), None);
        assert_eq!(found("xholdfast_console=x"), None);
    }
}
