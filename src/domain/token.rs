//! Tokens that every instance can compute and nobody else can guess: hold tokens, calendar keys, client pseudonyms.
//!
//! A hold token is `hft_` and the base64url of HMAC-SHA256 over the hold's id, under a key derived from the Stripe
//! secret key. It gives the right to cancel or move the hold. Nothing is stored: a replayed checkout returns the same
//! token, and a new secret key voids all old tokens.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::ids::{HoldId, ResourceId};

const PREFIX: &str = "hft_";
/// Separates this use of the secret key from any other use of it.
const HOLD_TOKEN: &[u8] = b"holdfast/hold-token/v1";
const CALENDAR: &str = "holdfast/calendar/v1";
const CLIENT: &str = "holdfast/client/v1";

/// The key that makes and checks tokens.
#[derive(Clone)]
pub struct TokenKey([u8; 32]);

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenKey(…)")
    }
}

fn start_mac(key: &[u8], data: &[u8]) -> Hmac<Sha256> {
    // HMAC takes keys of any length; the error is for MACs that do not.
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| unreachable!("HMAC takes any key"));
    mac.update(data);
    mac
}

impl TokenKey {
    /// Derives the key from a secret.
    pub fn derive(secret: &str) -> Self {
        Self(
            start_mac(secret.as_bytes(), HOLD_TOKEN)
                .finalize()
                .into_bytes()
                .into(),
        )
    }

    /// Returns the token of a hold.
    pub fn hold_token(&self, hold: HoldId) -> String {
        let code = start_mac(&self.0, hold.to_string().as_bytes())
            .finalize()
            .into_bytes();
        format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(code))
    }

    /// Returns the key that gives access to a resource's calendar export.
    pub fn calendar_key(&self, resource: &ResourceId) -> String {
        let code = self
            .start_mac_for(CALENDAR, resource.as_str())
            .finalize()
            .into_bytes();
        BASE64_URL_SAFE_NO_PAD.encode(code)
    }

    /// Tells whether this is the key of the resource's calendar export; compares in constant time.
    pub fn is_calendar_key(&self, resource: &ResourceId, key: &str) -> bool {
        let code = BASE64_URL_SAFE_NO_PAD.decode(key).ok();
        code.is_some_and(|code| {
            self.start_mac_for(CALENDAR, resource.as_str())
                .verify_slice(&code)
                .is_ok()
        })
    }

    /// Returns a pseudonym for a client address; the address cannot be computed from it.
    pub fn client_pseudonym(&self, address: &str) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(&self.start_mac_for(CLIENT, address).finalize().into_bytes()[..18])
    }

    fn start_mac_for(&self, purpose: &str, text: &str) -> Hmac<Sha256> {
        start_mac(&self.0, format!("{purpose}/{text}").as_bytes())
    }

    /// Tells whether this is the hold's token; compares in constant time.
    pub fn is_hold_token(&self, hold: HoldId, token: &str) -> bool {
        let code = token
            .strip_prefix(PREFIX)
            .and_then(|text| BASE64_URL_SAFE_NO_PAD.decode(text).ok());
        code.is_some_and(|code| {
            start_mac(&self.0, hold.to_string().as_bytes())
                .verify_slice(&code)
                .is_ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn calendar_key_is_valid_for_one_resource() {
        let (ana, ben) = (
            ResourceId::parse("ana").unwrap(),
            ResourceId::parse("ben").unwrap(),
        );
        let key = TokenKey::derive("sk_test_1");
        assert!(key.is_calendar_key(&ana, &key.calendar_key(&ana)));
        assert!(!key.is_calendar_key(&ben, &key.calendar_key(&ana)));
        assert!(!key.is_calendar_key(&ana, "") && !key.is_calendar_key(&ana, "AAAA"));
        assert_ne!(
            key.client_pseudonym("192.0.2.1"),
            key.client_pseudonym("192.0.2.2")
        );
    }

    #[test]
    fn hold_token_is_valid_for_one_hold_on_every_instance() {
        let (mine, other) = (HoldId(Uuid::from_u128(1)), HoldId(Uuid::from_u128(2)));
        let key = TokenKey::derive("sk_test_1");
        let token = key.hold_token(mine);
        assert!(token.starts_with("hft_"));
        assert_eq!(token, TokenKey::derive("sk_test_1").hold_token(mine));
        assert!(key.is_hold_token(mine, &token));
        assert!(!key.is_hold_token(other, &token));
        assert!(!TokenKey::derive("sk_test_2").is_hold_token(mine, &token));
        for bad in [
            "",
            "hft_",
            "hft_AAAA",
            &token[..token.len() - 1],
            &format!("{token}A"),
            &token[4..],
        ] {
            assert!(!key.is_hold_token(mine, bad), "{bad}");
        }
    }
}
