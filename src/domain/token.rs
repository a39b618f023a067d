//! The right to cancel a hold: a token that every instance can compute and nobody else can guess; and what else is
//! computed like it.
//!
//! `hft_` and base64url of HMAC-SHA256 over the hold's id, under a key derived from the Stripe secret key. Nothing is
//! stored, so a replay gives the same token; a new secret key makes old tokens void.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::ids::{HoldId, ResourceId};

const PREFIX: &str = "hft_";
/// Keeps this use of the secret apart from any other.
const PURPOSE: &[u8] = b"holdfast/hold-token/v1";
const CALENDAR: &str = "holdfast/calendar/v1";
const CLIENT: &str = "holdfast/client/v1";

/// Makes and checks tokens.
#[derive(Clone)]
pub struct TokenKey([u8; 32]);

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenKey(…)")
    }
}

fn mac(key: &[u8], data: &[u8]) -> Hmac<Sha256> {
    // HMAC takes keys of any length; the error is for MACs that do not.
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| unreachable!("HMAC takes any key"));
    mac.update(data);
    mac
}

impl TokenKey {
    /// Derives the key from the Stripe secret key.
    pub fn derive(stripe_secret_key: &str) -> Self {
        Self(
            mac(stripe_secret_key.as_bytes(), PURPOSE)
                .finalize()
                .into_bytes()
                .into(),
        )
    }

    /// The token of a hold.
    pub fn token(&self, hold: HoldId) -> String {
        let code = mac(&self.0, hold.to_string().as_bytes()).finalize().into_bytes();
        format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(code))
    }

    /// The key to a resource's calendar of confirmed holds.
    pub fn calendar_key(&self, resource: &ResourceId) -> String {
        let code = self.purposed(CALENDAR, resource.as_str()).finalize().into_bytes();
        BASE64_URL_SAFE_NO_PAD.encode(code)
    }

    /// Whether this is the key to the resource's calendar; in constant time.
    pub fn is_calendar_key(&self, resource: &ResourceId, key: &str) -> bool {
        let code = BASE64_URL_SAFE_NO_PAD.decode(key).ok();
        code.is_some_and(|code| {
            self.purposed(CALENDAR, resource.as_str())
                .verify_slice(&code)
                .is_ok()
        })
    }

    /// A name for a client address that does not tell the address.
    pub fn pseudonym(&self, address: &str) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(&self.purposed(CLIENT, address).finalize().into_bytes()[..18])
    }

    fn purposed(&self, purpose: &str, text: &str) -> Hmac<Sha256> {
        mac(&self.0, format!("{purpose}/{text}").as_bytes())
    }

    /// Whether this is the hold's token; in constant time.
    pub fn is_token_of(&self, hold: HoldId, token: &str) -> bool {
        let code = token
            .strip_prefix(PREFIX)
            .and_then(|text| BASE64_URL_SAFE_NO_PAD.decode(text).ok());
        code.is_some_and(|code| {
            mac(&self.0, hold.to_string().as_bytes())
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
    fn a_calendars_key_opens_it_and_no_other() {
        let (ana, ben) = (
            ResourceId::parse("ana").unwrap(),
            ResourceId::parse("ben").unwrap(),
        );
        let key = TokenKey::derive("sk_test_1");
        assert!(key.is_calendar_key(&ana, &key.calendar_key(&ana)));
        assert!(!key.is_calendar_key(&ben, &key.calendar_key(&ana)));
        assert!(!key.is_calendar_key(&ana, "") && !key.is_calendar_key(&ana, "AAAA"));
        assert_ne!(key.pseudonym("192.0.2.1"), key.pseudonym("192.0.2.2"));
    }

    #[test]
    fn a_token_opens_its_own_hold_only_and_is_the_same_on_every_instance() {
        let (mine, other) = (HoldId(Uuid::from_u128(1)), HoldId(Uuid::from_u128(2)));
        let key = TokenKey::derive("sk_test_1");
        let token = key.token(mine);
        assert!(token.starts_with("hft_"));
        assert_eq!(token, TokenKey::derive("sk_test_1").token(mine));
        assert!(key.is_token_of(mine, &token));
        assert!(!key.is_token_of(other, &token));
        assert!(!TokenKey::derive("sk_test_2").is_token_of(mine, &token));
        for bad in [
            "",
            "hft_",
            "hft_AAAA",
            &token[..token.len() - 1],
            &format!("{token}A"),
            &token[4..],
        ] {
            assert!(!key.is_token_of(mine, bad), "{bad}");
        }
    }
}
