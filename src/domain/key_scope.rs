//! Idempotency keys with their scopes: from where a key finds its first request.
//!
//! The answer to a repeated request has the hold's token. So a key that can be guessed, such as `order-17`, must not be good
//! for everybody.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::booking::NetworkId;
use super::ids::IdempotencyKey;

/// From where an idempotency key finds its first request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyScope {
    /// The key is good from anywhere, because nobody can guess it.
    Anyone,
    /// The key is good for every shop's server, whichever access key it has now.
    Checkout,
    /// The key is good in one network. In another network the same text is another key.
    Network(NetworkId),
}

/// An idempotency key in its scope. Two requests with the same key are one request only in the same scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopedKey {
    key: IdempotencyKey,
    scope: KeyScope,
}

impl ScopedKey {
    /// Puts a key into a scope.
    pub fn new(key: IdempotencyKey, scope: KeyScope) -> Self {
        Self { key, scope }
    }

    /// Returns the text that is equal for equal keys in equal scopes, and for no others.
    ///
    /// It has a space, which no key has, so that no caller can send it as a key, and no key from before scopes equals it.
    pub fn to_text(&self) -> String {
        match &self.scope {
            KeyScope::Anyone => ["anyone ", self.key.as_str()].concat(),
            KeyScope::Checkout => ["checkout ", self.key.as_str()].concat(),
            KeyScope::Network(network) => {
                let digest = Sha256::digest(format!("{} {}", network.0, self.key));
                format!("network {}", BASE64_URL_SAFE_NO_PAD.encode(digest))
            }
        }
    }

    /// Returns the text under which every key was stored before keys had scopes.
    pub fn without_scope(&self) -> &str {
        self.key.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(key: &str, scope: KeyScope) -> String {
        ScopedKey::new(IdempotencyKey::parse(key).unwrap(), scope).to_text()
    }

    #[test]
    fn key_in_a_network_differs_from_all_other_keys() {
        let network = |id: &str| KeyScope::Network(NetworkId(id.to_owned()));
        let here = text("order-17", network("here"));
        assert_eq!(here, text("order-17", network("here")));
        assert_ne!(here, text("order-17", network("there")));
        assert_ne!(here, text("order-18", network("here")));
        assert_ne!(
            text("order-17", KeyScope::Anyone),
            text("order-17", KeyScope::Checkout)
        );
        assert!(IdempotencyKey::parse(&text("order-17", KeyScope::Anyone)).is_err());
        let servers = text("order-17", KeyScope::Checkout);
        assert_eq!(servers, text("order-17", KeyScope::Checkout));
        assert!(servers != here && IdempotencyKey::parse(&servers).is_err());
        assert!(IdempotencyKey::parse(&here).is_err(), "a caller cannot send it");
        assert!(!here.contains("order-17") && !here.contains("here"));
    }
}
