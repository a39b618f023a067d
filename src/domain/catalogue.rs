//! What a shop sells: event types, their price, their length and the resource they need (I8).
//!
//! The server sets the terms; a caller names an event type and a start, nothing else.

use chrono::{DateTime, Duration, Utc};

use super::booking::Segment;
use super::ids::{EventTypeId, ResourceId};
use super::money::Money;
use super::time::Window;

/// Longest event, in minutes: a week.
pub const MAX_DURATION_MINUTES: i64 = 7 * 24 * 60;

/// How far ahead a slot may start. Nobody means year 9999, and both engines and Stripe have limits of their own.
pub const MAX_ADVANCE: Duration = Duration::days(10 * 366);

/// A way to pay by Stripe's name for it, such as `card`; which names there are is Stripe's affair.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PaymentMethod(String);

impl PaymentMethod {
    /// A name that a caller chose; `None` unless it is 1 to 40 characters of `a-z`, `0-9` and `_`.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = text
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'));
        (plain && (1..=40).contains(&text.len())).then(|| Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Something that can be booked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventType {
    /// Its id.
    pub id: EventTypeId,
    /// What the guest reads on the payment page.
    pub name: String,
    /// The resource it needs.
    pub resource: ResourceId,
    /// How long it takes, in minutes, `1..=MAX_DURATION_MINUTES`.
    pub duration_minutes: i64,
    /// What it costs.
    pub price: Money,
    /// The methods that a guest may pay with; empty: all that the account allows. A shop that cannot wait days for a
    /// voucher excludes the delayed ones here.
    pub payment_methods: Vec<PaymentMethod>,
}

/// Why a start cannot be booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// It is not after the present.
    #[error("must be in the future")]
    Past,
    /// It is further away than [`MAX_ADVANCE`].
    #[error("is too far in the future")]
    TooFar,
    /// It has a fraction of a second.
    #[error("must be a whole second")]
    Fraction,
}

impl EventType {
    /// The windows that a booking from `starts_at` on keeps busy.
    ///
    /// # Errors
    /// [`StartError`] where that start is not for sale.
    pub fn segments(&self, starts_at: DateTime<Utc>, now: DateTime<Utc>) -> Result<Vec<Segment>, StartError> {
        if starts_at.timestamp_subsec_nanos() != 0 {
            return Err(StartError::Fraction);
        }
        if starts_at <= now {
            return Err(StartError::Past);
        }
        if starts_at - now > MAX_ADVANCE {
            return Err(StartError::TooFar);
        }
        let ends_at = starts_at + Duration::minutes(self.duration_minutes);
        let window = Window::new(starts_at, ends_at).ok_or(StartError::TooFar)?;
        Ok(vec![Segment {
            resource: self.resource.clone(),
            window,
        }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::Currency;

    fn call() -> EventType {
        EventType {
            id: EventTypeId::parse("call").unwrap(),
            name: "Call".into(),
            resource: ResourceId::parse("ana").unwrap(),
            duration_minutes: 30,
            price: Money::price(5000, Currency::parse("eur").unwrap()).unwrap(),
            payment_methods: Vec::new(),
        }
    }

    #[test]
    fn a_slot_starts_in_the_future_on_a_whole_second_and_within_reach() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let at = |ms: i64| call().segments(now + Duration::milliseconds(ms), now);
        assert_eq!(at(0), Err(StartError::Past));
        assert_eq!(at(-1000), Err(StartError::Past));
        assert_eq!(at(1500), Err(StartError::Fraction));
        assert_eq!(at(MAX_ADVANCE.num_milliseconds() + 1000), Err(StartError::TooFar));
        let segments = at(1000).unwrap();
        assert_eq!(segments.len(), 1);
        assert_eq!(
            segments[0].window.ends_at() - segments[0].window.starts_at(),
            Duration::minutes(30)
        );
    }
}
