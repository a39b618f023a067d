//! Identifiers, each with a type of its own, so that a session id cannot be passed where an intent id is expected.
//!
//! Ids that callers choose (event types, resources, idempotency keys) are validated; ids from Stripe are
//! accepted as they are. The workflows generate new random ids.

use std::fmt;

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Identifies a hold, and gives the right to read it: the id is unguessable. Stripe carries it as
/// `client_reference_id`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HoldId(pub Uuid);

impl HoldId {
    /// Parses the canonical hyphenated form; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let id = Uuid::try_parse(text).ok()?;
        (id.hyphenated().to_string() == text.to_ascii_lowercase()).then_some(Self(id))
    }

    /// Returns an id that is smaller than every id that a checkout makes from this instant on: ids of holds begin with
    /// the milliseconds since the Unix epoch.
    pub fn lower_bound_at(at: DateTime<Utc>) -> Self {
        let milliseconds = u128::try_from(at.timestamp_millis()).unwrap_or_default();
        Self(Uuid::from_u128(milliseconds << 80))
    }
}

impl fmt::Display for HoldId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for HoldId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HoldId({self})")
    }
}

/// Identifies a durable command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId(pub Uuid);

impl fmt::Display for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// Identifies an access key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccessKeyId(pub Uuid);

impl fmt::Display for AccessKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// Why an id that a caller chose is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text is not 1 to 64 characters of `a-z`, `0-9` and `-`.
    #[error("must be 1 to 64 characters of a-z, 0-9 and -")]
    NotASlug,
    /// The text is not 1 to 255 visible ASCII characters.
    #[error("must be 1 to 255 visible ASCII characters")]
    NotAKey,
}

fn is_slug(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Returns the id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

macro_rules! slug_id {
    ($(#[$doc:meta])* $name:ident) => {
        text_id! { $(#[$doc])* $name }

        impl $name {
            /// Validates an id that a caller chose.
            ///
            /// # Errors
            /// [`IdError::NotASlug`] unless it is 1 to 64 characters of `a-z0-9-`.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                if is_slug(text) { Ok(Self(text.to_owned())) } else { Err(IdError::NotASlug) }
            }
        }
    };
}

macro_rules! stripe_id {
    ($(#[$doc:meta])* $name:ident) => {
        text_id! { $(#[$doc])* $name }

        impl $name {
            /// Wraps an id from Stripe without a check: Stripe may change its format.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }
        }
    };
}

slug_id! {
    /// Identifies an event type (a 30-minute call, a yoga class).
    EventTypeId
}
slug_id! {
    /// Identifies a resource (a host, a studio, a court).
    ResourceId
}
slug_id! {
    /// Identifies a closure (a holiday, a day of repairs).
    ClosureId
}
slug_id! {
    /// Identifies an endpoint of the shop, to which events out are sent.
    EndpointId
}
stripe_id! {
    /// Identifies a Stripe Checkout Session, `cs_…`.
    SessionId
}
impl SessionId {
    /// Tells whether the session may be of this mode. An id that does not tell its mode fits both.
    pub fn is_of_mode(&self, livemode: bool) -> bool {
        let other = if livemode { "cs_test_" } else { "cs_live_" };
        !self.as_str().starts_with(other)
    }
}

stripe_id! {
    /// Identifies a Stripe PaymentIntent, `pi_…`.
    IntentId
}
stripe_id! {
    /// Identifies a Stripe Charge, `ch_…`: a PaymentIntent's attempt that collected the money.
    ChargeId
}
stripe_id! {
    /// Identifies a Stripe Refund, `re_…`.
    RefundId
}
stripe_id! {
    /// Identifies a Stripe Dispute, `du_…`.
    DisputeId
}
stripe_id! {
    /// Identifies a Stripe event, `evt_…`.
    EventId
}
/// A key of so many characters cannot be guessed: 22 characters of base64 have 128 bits, and a UUID has 36 characters.
const UNGUESSABLE_KEY: usize = 22;

text_id! {
    /// The value of a caller's `Idempotency-Key` header.
    IdempotencyKey
}

impl IdempotencyKey {
    /// Validates a key that a caller chose.
    ///
    /// # Errors
    /// [`IdError::NotAKey`] unless it is 1 to 255 visible ASCII characters.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let is_visible = text.bytes().all(|b| b.is_ascii_graphic());
        if is_visible && (1..=255).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError::NotAKey)
        }
    }

    /// Makes the key of a request whose caller chose none, from a random id.
    pub fn from_uuid(id: Uuid) -> Self {
        Self(id.hyphenated().to_string())
    }

    /// Returns whether the key is so short that a stranger may guess it.
    pub fn is_guessable(&self) -> bool {
        self.0.len() < UNGUESSABLE_KEY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slug_is_short_lower_case_and_plain() {
        assert!(EventTypeId::parse("intro-call-30").is_ok());
        for bad in ["", "Intro", "a b", "ä", "a/b", &"x".repeat(65)] {
            assert_eq!(EventTypeId::parse(bad), Err(IdError::NotASlug), "{bad:?}");
        }
    }

    #[test]
    fn idempotency_key_is_visible_ascii() {
        assert!(IdempotencyKey::parse("order-17:try#2").is_ok());
        for bad in ["", "a b", "a\nb", "é", &"x".repeat(256)] {
            assert_eq!(IdempotencyKey::parse(bad), Err(IdError::NotAKey), "{bad:?}");
        }
    }

    #[test]
    fn lower_bound_divides_hold_ids_by_time() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let id = |seconds| {
            HoldId(Uuid::new_v7(uuid::Timestamp::from_unix(
                uuid::NoContext,
                seconds,
                0,
            )))
        };
        let bound = HoldId::lower_bound_at(at(1_800_000_000));
        assert!(id(1_799_999_999) < bound && bound < id(1_800_000_000));
    }

    #[test]
    fn hold_id_is_parsed_only_in_its_canonical_form() {
        let id = HoldId(Uuid::from_u128(7));
        assert_eq!(HoldId::parse(&id.to_string()), Some(id));
        for bad in [
            "",
            "7",
            "urn:uuid:00000000-0000-0000-0000-000000000007",
            "00000000000000000000000000000007",
        ] {
            assert_eq!(HoldId::parse(bad), None, "{bad}");
        }
    }
}
