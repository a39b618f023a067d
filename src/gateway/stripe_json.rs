//! Parses the JSON that Stripe sends, in responses and in events.
//!
//! Guests type names on Stripe's page. A name that was cut inside an emoji ends in half of a character, a lone surrogate.
//! JSON allows it and Stripe passes it on, but it is no text for Rust. It must not keep a payment from being read.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};

/// What is kept of an object that Stripe sent. A session has a hundred members, of which a checkout needs three.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kept {
    /// All members of the object.
    All,
    /// The members with these names.
    Members(&'static [&'static str]),
}

impl Kept {
    /// Parses JSON as [`parse_json`] does, and keeps only these members.
    ///
    /// # Errors
    /// Those of [`parse_json`]; and if members are named, that the JSON is no object.
    pub(super) fn parse_json(self, body: &[u8]) -> serde_json::Result<Value> {
        match self {
            Self::All => parse_json(body),
            Self::Members(names) => {
                let parse = |body: &[u8]| {
                    let mut parser = serde_json::Deserializer::from_slice(body);
                    let object = parser.deserialize_map(MembersVisitor(names))?;
                    parser.end().map(|()| Value::Object(object))
                };
                parse(body).or_else(|_| parse(&replace_lone_surrogates(body)))
            }
        }
    }
}

/// Reads the members of an object that have these names.
struct MembersVisitor(&'static [&'static str]);

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Map<String, Value>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut kept = Map::new();
        while let Some(name) = members.next_key_seed(NameSeed(self.0))? {
            match name {
                Some(name) => {
                    kept.insert(name.to_owned(), members.next_value()?);
                }
                None => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(kept)
    }
}

/// Reads the name of a member, if it is kept, without memory for each name.
struct NameSeed(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for NameSeed {
    type Value = Option<&'static str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for NameSeed {
    type Value = Option<&'static str>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().copied().find(|kept| *kept == name))
    }
}

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
    fn only_named_members_are_kept() {
        let kept = Kept::Members(&["id", "url"]);
        let body =
            br#"{"a": {"id": 1, "x": "\ud83d"}, "\u0069d": "cs_1", "url": {"deep": [1]}, "name": "\ud83d"}"#;
        let expected = serde_json::json!({"id": "cs_1", "url": {"deep": [1]}});
        assert_eq!(kept.parse_json(body).unwrap(), expected);
        let half = kept.parse_json(br#"{"id": "Ada \ud83d"}"#).unwrap();
        assert_eq!(half, serde_json::json!({"id": "Ada \u{fffd}"}));
        for body in ["[]", "7", "", "{\"id\": 1", "{\"id\": 1} x", "{\"a\": tru}"] {
            assert!(kept.parse_json(body.as_bytes()).is_err(), "{body}");
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
