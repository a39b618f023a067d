//! Parses the JSON that Stripe sends, in responses and in events.
//!
//! Guests type names on Stripe's page. A name that was cut inside an emoji ends in half of a character, a lone surrogate.
//! JSON allows it and Stripe passes it on, but it is no text for Rust. It must not keep a payment from being read.

use serde_json::Value;

/// Parses JSON that Stripe sent. Half of a character, written as an escape, becomes the replacement character.
///
/// # Errors
/// The error of the parser if the text is not JSON, not UTF-8, or nested deeper than 128 levels: so a hostile body is cheap.
pub(super) fn parse_json(body: &[u8]) -> serde_json::Result<Value> {
    serde_json::from_slice(body).or_else(|_| serde_json::from_slice(&replace_lone_surrogates(body)))
}

/// Replaces each escape of a surrogate that has no other half. In JSON a backslash only stands in a text, before another
/// character or before `u` and four digits.
fn replace_lone_surrogates(body: &[u8]) -> Vec<u8> {
    let mut replaced = body.to_vec();
    let mut at = 0;
    while at < body.len() {
        at += match (body[at], parse_escape(body, at)) {
            (b'\\', Some(0xd800..=0xdbff)) if matches!(parse_escape(body, at + 6), Some(0xdc00..=0xdfff)) => {
                12
            }
            (b'\\', Some(0xd800..=0xdfff)) => {
                replaced[at + 2..at + 6].copy_from_slice(b"fffd");
                6
            }
            (b'\\', _) => 2,
            _ => 1,
        };
    }
    replaced
}

/// Parses the escape `\uXXXX` at this place, if there is one.
fn parse_escape(body: &[u8], at: usize) -> Option<u16> {
    let digits = body.get(at..at + 6)?.strip_prefix(b"\\u")?;
    let digits = digits.iter().all(u8::is_ascii_hexdigit).then_some(digits)?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_text(json: &str) -> Option<String> {
        let value = parse_json(json.as_bytes()).ok()?;
        value["name"].as_str().map(str::to_owned)
    }

    #[test]
    fn half_of_a_character_becomes_the_replacement() {
        for (escaped, expected) in [
            (r"Ada \ud83d", "Ada \u{fffd}"),
            (r"\uDC00 Ada", "\u{fffd} Ada"),
            (r"\ud83d\ud83d\ude00", "\u{fffd}\u{1f600}"),
            (r"\ude00\ud83d", "\u{fffd}\u{fffd}"),
            (r"\ud83d\n", "\u{fffd}\n"),
            (r"\ud83d\\ude00", "\u{fffd}\\ude00"),
            (r"\\ud83d\ud83d", "\\ud83d\u{fffd}"),
            (r"\ud83d\ude00", "\u{1f600}"),
            (r"\ud83dx", "\u{fffd}x"),
        ] {
            let json = format!(r#"{{"name": "{escaped}"}}"#);
            assert_eq!(parse_text(&json).as_deref(), Some(expected), "{json}");
        }
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for body in [
            &b"{\"a\": \"\\ud83d"[..],
            b"\\ud83d",
            b"\\",
            b"{\"a\": \"\\u12\"}",
            b"{\"a\": \"\xff\"}",
            b"",
        ] {
            assert!(parse_json(body).is_err(), "{body:?}");
        }
    }
}
