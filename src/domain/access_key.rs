//! Access keys: who may call which routes, besides guests with the token of their hold.
//!
//! A key is `hfk_` and the base64url of 256 random bits. Only its SHA-256 is stored, so that a copy of the database opens
//! nothing. The digest of so many random bits needs no salt, and a lookup by it tells nothing about the key in its time.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::ids::AccessKeyId;

/// The text that every access key starts with.
const PREFIX: &str = "hfk_";
/// The length of a key's random part: the base64url of 32 bytes.
const RANDOM_LENGTH: usize = 43;

/// What a key is for. Each operator's scope includes the ones before it; `checkout` stands apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// A shop's server, which starts checkouts for many guests.
    Checkout,
    /// An operator who looks.
    Read,
    /// An operator who works with holds: release, cancel, move, block, refresh, retry.
    Operate,
    /// An operator who may do everything, such as changing the catalogue and the keys.
    Admin,
}

impl Scope {
    /// Every scope, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::Checkout, Self::Read, Self::Operate, Self::Admin];

    /// Returns the word for the scope.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Checkout => "checkout",
            Self::Read => "read",
            Self::Operate => "operate",
            Self::Admin => "admin",
        }
    }

    /// Parses the word for a scope.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text)
    }

    /// Tells whether a key with this scope may do what needs the other.
    pub fn is_enough_for(self, needed: Self) -> bool {
        match self {
            Self::Admin => true,
            Self::Operate => matches!(needed, Self::Operate | Self::Read),
            Self::Read | Self::Checkout => self == needed,
        }
    }
}

/// A key that was given out, without its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessKey {
    /// Identifies the key, to revoke it.
    pub id: AccessKeyId,
    /// Names its holder in the history and in the audit trail.
    pub name: String,
    /// What the key is for.
    pub scope: Scope,
    /// When the key was made.
    pub created_at: DateTime<Utc>,
    /// When the key stops to be good; `None` if it is good until it is revoked.
    pub expires_at: Option<DateTime<Utc>>,
    /// When the key was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

impl AccessKey {
    /// Tells whether the key is past its time.
    pub fn is_expired(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}

/// Names the key of the environment, and the operator at the command line. No other key gets these names.
pub const BOOTSTRAP_NAME: &str = "bootstrap";
/// Names the person who runs a command on the machine itself.
pub const COMMAND_LINE_NAME: &str = "command-line";

/// Tells whether a key may have this name, as far as other keys are not concerned.
pub fn is_reserved_name(name: &str) -> bool {
    [BOOTSTRAP_NAME, COMMAND_LINE_NAME].contains(&name)
}

/// The SHA-256 of a key's text, by which the key is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyDigest(pub [u8; 32]);

/// The text of a key, which is a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyText(String);

impl std::fmt::Debug for KeyText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyText(…)")
    }
}

impl KeyText {
    /// Makes a new key from random bits.
    pub fn from_random(bits: [u8; 32]) -> Self {
        Self(format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(bits)))
    }

    /// Reads text that looks like a key; `None` if no key looks like it.
    pub fn parse(text: &str) -> Option<Self> {
        let random = text.strip_prefix(PREFIX)?;
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        let is_possible = random.len() == RANDOM_LENGTH && random.bytes().all(is_plain);
        is_possible.then(|| Self(text.to_owned()))
    }

    /// Returns the text, to show it once.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Computes the digest by which the key is stored and found.
    pub fn digest(&self) -> KeyDigest {
        KeyDigest(Sha256::digest(&self.0).into())
    }
}

/// Tells whether a bearer token claims to be an access key. Such a token never counts as anything else.
pub fn is_key_like(token: &str) -> bool {
    token.starts_with(PREFIX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_of_operators_include_each_other_in_order() {
        let enough = |scope: Scope| Scope::ALL.map(|needed| scope.is_enough_for(needed));
        assert_eq!(enough(Scope::Checkout), [true, false, false, false]);
        assert_eq!(enough(Scope::Read), [false, true, false, false]);
        assert_eq!(enough(Scope::Operate), [false, true, true, false]);
        assert_eq!(enough(Scope::Admin), [true; 4]);
        assert_eq!(
            Scope::ALL.map(|scope| Scope::parse(scope.as_str())),
            Scope::ALL.map(Some)
        );
        assert_eq!(Scope::parse("Admin"), None);
    }

    #[test]
    fn key_has_256_random_bits_and_does_not_print() {
        let (one, other) = (KeyText::from_random([1; 32]), KeyText::from_random([2; 32]));
        assert!(one.reveal().starts_with("hfk_") && one.reveal().len() == 47);
        assert_ne!(one.digest(), other.digest());
        assert_eq!(KeyText::parse(one.reveal()), Some(one.clone()));
        assert_eq!(format!("{one:?}"), "KeyText(…)");
        for bad in [
            "",
            "hfk_",
            "hfk_x",
            &one.reveal()[1..],
            &format!("{}x", one.reveal()),
            "hft_AAAA",
        ] {
            assert_eq!(KeyText::parse(bad), None, "{bad}");
        }
    }
}
