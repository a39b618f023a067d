//! Tokens that every instance can compute and nobody else can guess: hold tokens, calendar keys, pseudonyms.
//!
//! A hold token is `hft_` and the base64url of HMAC-SHA256 over the hold's id. It gives the right to cancel or move the
//! hold. Tokens are not stored: a replayed checkout returns the same one. All keys of an installation verify, and the
//! first one signs, so that a key can be replaced while the tokens of the one before stay good.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::ids::{HoldId, ResourceId};

const PREFIX: &str = "hft_";
/// Separates this use of Stripe's key from any other use of it.
const HOLD_TOKEN: &str = "holdfast/hold-token/v1";
/// Separates the key that a listed secret makes from any other use of the secret.
const TOKEN_SECRET: &str = "holdfast/token-secret/v1";
const CALENDAR: &str = "holdfast/calendar/v1";
const CLIENT: &str = "holdfast/client/v1";
const NETWORK: &str = "holdfast/network/v1";
const APPOINTMENT: &str = "holdfast/appointment/v1";
const LIST_VERSION: &str = "holdfast/list-version/v1";
const STREAM_MARK: &str = "holdfast/stream-mark/v1";
const KEY_NAME: &str = "holdfast/token-key-name/v1";

/// Tells whether a text has the form in which hold tokens begin. Whether it is one, only [`TokenKeys`] know.
pub fn is_hold_token_like(text: &str) -> bool {
    text.starts_with(PREFIX)
}

/// A key that makes and checks tokens.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenKey([u8; 32]);

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(…)")
    }
}

/// Names the key that made a hold's token. The key cannot be computed from its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenKeyName(pub String);

/// What distinguishes the calendar keys that a resource has one after another. `None` belongs to the first key of a
/// resource that an earlier version created.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CalendarSalt(pub Option<String>);

/// Begins an HMAC-SHA256 over this text; more may follow.
pub(super) fn start_mac(key: &[u8], data: &str) -> Hmac<Sha256> {
    // HMAC takes keys of any length; the error is for MACs that do not.
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| unreachable!("HMAC takes any key"));
    mac.update(data.as_bytes());
    mac
}

impl TokenKey {
    /// Makes a key from its bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes of the key, which are secret.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Derives the key from Stripe's secret key, as earlier versions did.
    pub fn from_stripe_key(stripe_secret_key: &str) -> Self {
        Self::derive(stripe_secret_key, HOLD_TOKEN)
    }

    /// Derives the key from a secret that an operator chose.
    pub fn from_secret(secret: &str) -> Self {
        Self::derive(secret, TOKEN_SECRET)
    }

    fn derive(secret: &str, purpose: &str) -> Self {
        Self(
            start_mac(secret.as_bytes(), purpose)
                .finalize()
                .into_bytes()
                .into(),
        )
    }

    fn name(&self) -> TokenKeyName {
        let code = self.start_mac_for(KEY_NAME, "").finalize().into_bytes();
        TokenKeyName(BASE64_URL_SAFE_NO_PAD.encode(&code[..9]))
    }

    fn start_hold_mac(&self, hold: HoldId) -> Hmac<Sha256> {
        start_mac(&self.0, &hold.to_string())
    }

    fn start_calendar_mac(&self, resource: &ResourceId, salt: &CalendarSalt) -> Hmac<Sha256> {
        // No id of a resource contains a slash, so different resources and salts give different texts.
        match &salt.0 {
            None => self.start_mac_for(CALENDAR, resource.as_str()),
            Some(salt) => self.start_mac_for(CALENDAR, &format!("{resource}/{salt}")),
        }
    }

    fn start_mac_for(&self, purpose: &str, text: &str) -> Hmac<Sha256> {
        start_mac(&self.0, &format!("{purpose}/{text}"))
    }

    fn to_pseudonym(&self, purpose: &str, text: &str) -> String {
        let code = self.start_mac_for(purpose, text).finalize().into_bytes();
        BASE64_URL_SAFE_NO_PAD.encode(&code[..18])
    }
}

/// The keys that come from the configuration, before the database is asked for its own.
#[derive(Clone, Debug)]
pub struct ConfiguredTokenKeys {
    /// The keys of the listed secrets; the first of them signs.
    pub listed: Vec<TokenKey>,
    /// The key that earlier versions derived from Stripe's. A database that they used takes it as its own.
    pub from_stripe_key: TokenKey,
}

impl ConfiguredTokenKeys {
    /// Derives the keys from the listed secrets and from Stripe's secret key.
    pub fn new<'a>(listed: impl IntoIterator<Item = &'a str>, stripe_secret_key: &str) -> Self {
        Self {
            listed: listed.into_iter().map(TokenKey::from_secret).collect(),
            from_stripe_key: TokenKey::from_stripe_key(stripe_secret_key),
        }
    }
}

/// All keys of an installation.
#[derive(Clone, Debug)]
pub struct TokenKeys {
    listed: Vec<TokenKey>,
    stored: TokenKey,
}

impl TokenKeys {
    /// Combines the listed keys with the one that the database has.
    pub fn new(listed: Vec<TokenKey>, stored: TokenKey) -> Self {
        Self { listed, stored }
    }

    /// Returns the key that signs.
    fn signing_key(&self) -> &TokenKey {
        self.listed.first().unwrap_or(&self.stored)
    }

    fn iter(&self) -> impl Iterator<Item = &TokenKey> {
        self.listed.iter().chain([&self.stored])
    }

    /// Returns the name of the key that makes the token of a new hold.
    pub fn signing_key_name(&self) -> TokenKeyName {
        self.signing_key().name()
    }

    /// Returns the token of a hold. `made_by` names the key of the first one that was given out: `None` is the stored
    /// one. If that key is no longer listed, the key that signs makes a new token.
    pub fn hold_token(&self, hold: HoldId, made_by: Option<&TokenKeyName>) -> String {
        let key = match made_by {
            None => &self.stored,
            Some(name) => self
                .iter()
                .find(|key| key.name() == *name)
                .unwrap_or(self.signing_key()),
        };
        let code = key.start_hold_mac(hold).finalize().into_bytes();
        format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(code))
    }

    /// Tells whether this is the hold's token by one of the keys; compares in constant time.
    pub fn is_hold_token(&self, hold: HoldId, token: &str) -> bool {
        let code = token
            .strip_prefix(PREFIX)
            .and_then(|text| BASE64_URL_SAFE_NO_PAD.decode(text).ok());
        code.is_some_and(|code| {
            self.iter()
                .any(|key| key.start_hold_mac(hold).verify_slice(&code).is_ok())
        })
    }

    /// Returns the key that gives access to a resource's calendar export.
    pub fn calendar_key(&self, resource: &ResourceId, salt: &CalendarSalt) -> String {
        let mac = self.signing_key().start_calendar_mac(resource, salt);
        BASE64_URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    }

    /// Tells whether this is the key of the resource's calendar export; compares in constant time.
    pub fn is_calendar_key(&self, resource: &ResourceId, salt: &CalendarSalt, key: &str) -> bool {
        let code = BASE64_URL_SAFE_NO_PAD.decode(key).ok();
        code.is_some_and(|code| {
            self.iter()
                .any(|key| key.start_calendar_mac(resource, salt).verify_slice(&code).is_ok())
        })
    }

    /// Returns a pseudonym for a client address; the address cannot be computed from it without the key.
    pub fn client_pseudonym(&self, address: &str) -> String {
        self.signing_key().to_pseudonym(CLIENT, address)
    }

    /// Returns a pseudonym for a network of clients. It stays the same when secrets are listed or removed, because an
    /// idempotency key that belongs to a network must still be found.
    pub fn network_pseudonym(&self, network: &str) -> String {
        self.stored.to_pseudonym(NETWORK, network)
    }

    /// Returns a pseudonym for a hold in calendars of the staff, who may not read the hold. It stays the same when
    /// secrets are listed or removed, because calendar programs recognise appointments by it.
    pub fn appointment_pseudonym(&self, hold: HoldId) -> String {
        self.stored.to_pseudonym(APPOINTMENT, &hold.to_string())
    }

    /// Returns a name for a position in the stream of events, for pages of strangers. The position itself would tell how much
    /// happens in the shop.
    pub fn stream_mark(&self, position: i64) -> String {
        self.stored.to_pseudonym(STREAM_MARK, &position.to_string())
    }

    /// Begins the code that names the version of a list of slots. Without the key, nobody can compute from a version what
    /// the list does not show: what occupies a resource, and until when.
    pub(super) fn start_list_version(&self) -> Hmac<Sha256> {
        self.stored.start_mac_for(LIST_VERSION, "")
    }
}

#[cfg(test)]
mod tests;
