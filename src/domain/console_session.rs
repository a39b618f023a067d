//! Console sessions: browsers that an operator has signed in with a key.
//!
//! The browser keeps a random token in a cookie, and the store its digest, so that a copy of the database opens nothing. What
//! else hangs on the session is computed from the token: the text that each form must carry, and the proof of which key of the
//! environment the session began with.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, Duration, Utc};
use hmac::Mac;
use sha2::{Digest, Sha256};

use super::access_key::AccessKey;
use super::ids::AccessKeyId;
use super::token::start_mac;

/// After how long without a request a console session ends.
pub const CONSOLE_IDLE_END: Duration = Duration::minutes(30);
/// How long a console session lasts at most, however much it is used.
pub const CONSOLE_ABSOLUTE_END: Duration = Duration::hours(12);

/// The length of a token: the base64url of 32 bytes.
const TOKEN_LENGTH: usize = 43;

/// The token of a console session, which is a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct ConsoleToken(String);

impl std::fmt::Debug for ConsoleToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ConsoleToken(…)")
    }
}

/// The SHA-256 of a console token, by which its session is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConsoleTokenDigest(pub [u8; 32]);

impl ConsoleToken {
    /// Makes a new token from random bits.
    pub fn from_random(bits: [u8; 32]) -> Self {
        Self(BASE64_URL_SAFE_NO_PAD.encode(bits))
    }

    /// Reads text that looks like a token; `None` if no token looks like it.
    pub fn parse(text: &str) -> Option<Self> {
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        let is_possible = text.len() == TOKEN_LENGTH && text.bytes().all(is_plain);
        is_possible.then(|| Self(text.to_owned()))
    }

    /// Returns the text, for the cookie.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Computes the digest by which the session is stored and found.
    pub fn digest(&self) -> ConsoleTokenDigest {
        ConsoleTokenDigest(Sha256::digest(&self.0).into())
    }

    /// Computes the text that each form of this session carries. Another site can send our cookie, but cannot know this.
    pub fn form_token(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.compute_mac("form", ""))
    }

    /// Computes the MAC by which a page knows that an act of this session left the code of a notice for it.
    pub fn sign_notice(&self, page: &str, code: &str) -> String {
        // Neither an address nor a code has a line feed.
        BASE64_URL_SAFE_NO_PAD.encode(self.compute_mac("notice", &format!("{code}\n{page}")))
    }

    /// Computes the proof that a session began with this key of the environment. The key may be guessable, so the database
    /// must not have a digest of it; without the token, which it does not have either, the proof tells nothing.
    pub fn prove_bootstrap(&self, key: &str) -> BootstrapProof {
        BootstrapProof(self.compute_mac("bootstrap", key))
    }

    fn compute_mac(&self, purpose: &str, text: &str) -> [u8; 32] {
        let mut mac = start_mac(self.0.as_bytes(), purpose);
        mac.update(&[0]);
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

/// A MAC of the environment's key under a console token. A session whose proof does not fit today's key has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BootstrapProof(pub [u8; 32]);

/// The key that a console session began with, as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionKey {
    /// A key of the table.
    Access(AccessKeyId),
    /// The key of the environment.
    Bootstrap(BootstrapProof),
}

/// A console session, as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsoleSession {
    /// Finds the session in the store.
    pub digest: ConsoleTokenDigest,
    /// The key that the session began with.
    pub key: SessionKey,
    /// When the operator signed in, by the database's clock.
    pub created_at: DateTime<Utc>,
    /// When the browser was last seen, to the minute, by the database's clock.
    pub last_seen_at: DateTime<Utc>,
}

impl ConsoleSession {
    /// Tells whether the session has ended, because it was idle or is too old.
    pub fn has_ended(&self, now: DateTime<Utc>) -> bool {
        now - self.last_seen_at >= CONSOLE_IDLE_END || now - self.created_at >= CONSOLE_ABSOLUTE_END
    }
}

/// The key that an operator is signed in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsoleKey {
    /// A key of the table.
    Access(AccessKey),
    /// The key of the environment.
    Bootstrap,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_does_not_print_and_its_texts_differ() {
        let (one, other) = (
            ConsoleToken::from_random([1; 32]),
            ConsoleToken::from_random([2; 32]),
        );
        assert_eq!(ConsoleToken::parse(one.reveal()), Some(one.clone()));
        assert_eq!(format!("{one:?}"), "ConsoleToken(…)");
        assert_ne!(one.form_token(), other.form_token());
        assert_ne!(one.form_token(), one.reveal());
        assert_ne!(one.sign_notice("/a", "done"), other.sign_notice("/a", "done"));
        assert_ne!(one.sign_notice("/a", "done"), one.sign_notice("/b", "done"));
        assert_ne!(one.sign_notice("/a", "done"), one.sign_notice("/a", "gone"));
        assert_ne!(one.prove_bootstrap("key"), other.prove_bootstrap("key"));
        assert_ne!(one.prove_bootstrap("key"), one.prove_bootstrap("kez"));
        for bad in ["", "x", &one.reveal()[1..], &format!("{}=", &one.reveal()[1..])] {
            assert_eq!(ConsoleToken::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn session_ends_when_idle_or_after_half_a_day() {
        let began: DateTime<Utc> = "2026-11-20T08:00:00Z".parse().unwrap();
        let seen_after = |minutes: i64| ConsoleSession {
            digest: ConsoleToken::from_random([1; 32]).digest(),
            key: SessionKey::Access(AccessKeyId(uuid::Uuid::nil())),
            created_at: began,
            last_seen_at: began + Duration::minutes(minutes),
        };
        let has_ended = |seen: i64, now: i64| seen_after(seen).has_ended(began + Duration::minutes(now));
        assert!(!has_ended(0, 29));
        assert!(has_ended(0, 30));
        assert!(!has_ended(719, 719));
        assert!(has_ended(719, 720));
    }
}
