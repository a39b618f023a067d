//! Identifiers, each a type of its own, so that a session id cannot be passed where an intent id belongs.
//!
//! Ids that callers choose (event types, resources, idempotency keys) are checked when they are made; ids that Stripe
//! chose are taken as they come. Making new random ids is left to the workflows.

use std::fmt;

use uuid::Uuid;

/// Names a hold; unguessable, so it is also the right to read it. Carried by Stripe as `client_reference_id`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HoldId(pub Uuid);

impl HoldId {
    /// Reads the canonical hyphenated form; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let id = Uuid::try_parse(text).ok()?;
        (id.hyphenated().to_string() == text.to_ascii_lowercase()).then_some(Self(id))
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

/// Names a durable command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId(pub Uuid);

impl fmt::Display for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// Why a name that a caller chose was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not 1 to 64 characters of `a-z`, `0-9` and `-`.
    #[error("must be 1 to 64 characters of a-z, 0-9 and -")]
    NotASlug,
    /// Not 1 to 255 visible ASCII characters.
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
            /// The id as text.
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
            /// Checks a name that a caller chose.
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
            /// Takes an id as Stripe gave it.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }
        }
    };
}

slug_id! {
    /// Names what can be booked (a 30-minute call, a yoga class).
    EventTypeId
}
slug_id! {
    /// Names what can be in one place at a time (a host, a room, a court).
    ResourceId
}
stripe_id! {
    /// A Stripe Checkout Session, `cs_…`.
    SessionId
}
stripe_id! {
    /// A Stripe PaymentIntent, `pi_…`.
    IntentId
}
stripe_id! {
    /// A Stripe event, `evt_…`.
    EventId
}
text_id! {
    /// What a caller sent as `Idempotency-Key`.
    IdempotencyKey
}

impl IdempotencyKey {
    /// Checks a key that a caller chose.
    ///
    /// # Errors
    /// [`IdError::NotAKey`] unless it is 1 to 255 visible ASCII characters.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let visible = text.bytes().all(|b| b.is_ascii_graphic());
        if visible && (1..=255).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError::NotAKey)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_short_lower_case_and_plain() {
        assert!(EventTypeId::parse("intro-call-30").is_ok());
        for bad in ["", "Intro", "a b", "ä", "a/b", &"x".repeat(65)] {
            assert_eq!(EventTypeId::parse(bad), Err(IdError::NotASlug), "{bad:?}");
        }
    }

    #[test]
    fn an_idempotency_key_is_visible_ascii() {
        assert!(IdempotencyKey::parse("order-17:try#2").is_ok());
        for bad in ["", "a b", "a\nb", "é", &"x".repeat(256)] {
            assert_eq!(IdempotencyKey::parse(bad), Err(IdError::NotAKey), "{bad:?}");
        }
    }

    #[test]
    fn a_hold_id_is_read_only_in_its_canonical_form() {
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
