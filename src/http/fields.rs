//! What single members of a request must look like, whichever request they come in.

use chrono::{DateTime, Utc};
use deserr::{Deserr, IntoValue, Value, ValuePointerRef};
use email_address::{EmailAddress, Options};
use url::{Origin, Url};

use super::body::FieldErrors;
use crate::domain::catalogue::{MAX_DURATION_MINUTES, MAX_QUANTITY};
use crate::domain::hold::Refund;
use crate::domain::ids::{EventTypeId, HoldId, ResourceId};
use crate::domain::money::{Currency, MAX_AMOUNT};
use crate::domain::payment_method::PaymentMethod;
use crate::workflow::queries::is_cursor;

const MAX_NAME: usize = 200;
const MAX_URL: usize = 2_000;

/// Where mail goes to.
#[derive(Debug)]
pub(super) struct Email(pub(super) String);

/// A name for people to read.
#[derive(Debug)]
pub(super) struct Name(pub(super) String);

/// A price in the minor unit.
#[derive(Debug)]
pub(super) struct Amount(pub(super) i64);

/// The length of an event, in minutes.
#[derive(Debug)]
pub(super) struct Minutes(pub(super) i64);

/// Ways to pay.
#[derive(Debug)]
pub(super) struct PaymentMethods(pub(super) Vec<PaymentMethod>);

/// How many entries of a list are wanted.
#[derive(Debug)]
pub(super) struct Limit(pub(super) u32);

/// How many units are wanted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quantity(pub(super) u32);

impl Default for Quantity {
    fn default() -> Self {
        Self(1)
    }
}

/// The same in a query.
#[derive(Clone, Copy, Debug)]
pub(super) struct QuantityText(pub(super) u32);

/// A few words for the history.
#[derive(Debug)]
pub(super) struct Note(pub(super) String);

/// How much goes back to the guest.
#[derive(Clone, Copy, Debug)]
pub(super) struct RefundAmount(pub(super) Refund);

/// Where a list goes on.
#[derive(Debug)]
pub(super) struct Cursor(pub(super) String);

/// Lets a type be a member: how it is read from the JSON type it stands in. Checked while the body is read, so that a
/// bad value is named beside a missing or unknown member.
macro_rules! member {
    ($($type:ty, from $json:ty: $read:expr;)*) => {$(
        impl Deserr<FieldErrors> for $type {
            fn deserialize_from_value<V: IntoValue>(
                value: Value<V>,
                location: ValuePointerRef<'_>,
            ) -> Result<Self, FieldErrors> {
                let json = <$json>::deserialize_from_value(value, location)?;
                $read(&json).map_err(|detail| FieldErrors::at(location, detail))
            }
        }
    )*};
}

member! {
    DateTime<Utc>, from String: |text: &String| instant(text);
    EventTypeId, from String: |text: &String| Self::parse(text);
    ResourceId, from String: |text: &String| Self::parse(text);
    HoldId, from String: |text: &String| Self::parse(text).ok_or("must be the id of a hold");
    Email, from String: |text: &String| email(text).map(Self);
    Name, from String: |text: &String| name(text).map(Self);
    Currency, from String: |text: &String| {
        Self::parse(text).ok_or("must be the lower-case code of a currency that Stripe takes")
    };
    Amount, from i64: |amount: &i64| within(*amount, MAX_AMOUNT).map(Self).ok_or("must be 1 to 99999999");
    Minutes, from i64: |minutes: &i64| within(*minutes, MAX_DURATION_MINUTES).map(Self).ok_or("must be 1 to 10080");
    PaymentMethods, from Vec<String>: |names: &Vec<String>| {
        payment_methods(names).map(Self).ok_or("must be 1 to 20 of Stripe's names, such as card")
    };
    Quantity, from i64: |units: &i64| quantity(*units).map(Self).ok_or("must be 1 to 50");
    QuantityText, from String: |text: &String| {
        text.parse().ok().and_then(quantity).map(Self).ok_or("must be 1 to 50")
    };
    Note, from String: |text: &String| note(text).map(Self).ok_or("must be at most 500 characters, and no control ones");
    Limit, from String: |text: &String| limit(text).map(Self).ok_or("must be 1 to 200");
    Cursor, from String: |text: &String| {
        is_cursor(text).then(|| Self(text.clone())).ok_or("must be the next_cursor of the part before")
    };
}

fn payment_methods(names: &[String]) -> Option<Vec<PaymentMethod>> {
    let methods: Option<Vec<_>> = names.iter().map(|name| PaymentMethod::parse(name)).collect();
    methods.filter(|methods| (1..=20).contains(&methods.len()))
}

fn within(number: i64, most: i64) -> Option<i64> {
    (1..=most).contains(&number).then_some(number)
}

fn quantity(units: i64) -> Option<u32> {
    u32::try_from(units)
        .ok()
        .filter(|units| (1..=MAX_QUANTITY).contains(units))
}

fn note(text: &str) -> Option<String> {
    let fits = text.chars().count() <= 500 && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
}

/// `"full"`, `"none"`, or an amount.
impl Deserr<FieldErrors> for RefundAmount {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        location: ValuePointerRef<'_>,
    ) -> Result<Self, FieldErrors> {
        let refund = match &value {
            Value::String(word) if word == "full" => Some(Refund::Full),
            Value::String(word) if word == "none" => Some(Refund::None),
            Value::Integer(amount) => i64::try_from(*amount)
                .ok()
                .and_then(|amount| within(amount, MAX_AMOUNT))
                .map(Refund::Part),
            _ => None,
        };
        refund
            .map(Self)
            .ok_or_else(|| FieldErrors::at(location, "must be full, none, or an amount of at least 1"))
    }
}

fn limit(text: &str) -> Option<u32> {
    text.parse().ok().filter(|limit| (1..=200).contains(limit))
}

/// A whole number within bounds.
pub(super) fn between<const LEAST: i64, const MOST: i64>(number: i64) -> Result<i64, String> {
    let fits = (LEAST..=MOST).contains(&number);
    fits.then_some(number)
        .ok_or_else(|| format!("must be {LEAST} to {MOST}"))
}

/// A whole number within bounds, or none.
pub(super) fn between_if_any<const LEAST: i64, const MOST: i64>(
    number: Option<i64>,
) -> Result<Option<i64>, String> {
    number.map(between::<LEAST, MOST>).transpose()
}

/// An instant in RFC 3339, any offset.
fn instant(text: &str) -> Result<DateTime<Utc>, &'static str> {
    let parsed =
        DateTime::parse_from_rfc3339(text).map_err(|_| "must be a time like 2026-12-01T10:00:00Z")?;
    Ok(parsed.with_timezone(&Utc))
}

/// An address that mail could be sent to; blanks around it came with a paste.
fn email(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    let options = Options::default()
        .with_required_tld()
        .without_display_text()
        .without_domain_literal();
    let address = EmailAddress::parse_with_options(text, options).map_err(|_| "is not an e-mail address")?;
    if text.len() > 254 {
        return Err("is longer than an e-mail address can be");
    }
    Ok(address.to_string())
}

/// A name for people to read: not empty, not long, no control characters.
fn name(text: &str) -> Result<String, &'static str> {
    let trimmed = text.trim();
    if trimmed.is_empty() || trimmed.chars().count() > MAX_NAME {
        return Err("must be 1 to 200 characters");
    }
    if trimmed.chars().any(char::is_control) {
        return Err("must not contain control characters");
    }
    Ok(trimmed.to_owned())
}

/// A URL that Stripe may send the guest to: its origin is one that the shop named.
pub(super) fn return_url(text: &str, origins: &[Origin]) -> Result<String, &'static str> {
    let url = Url::parse(text).map_err(|_| "must be an absolute URL")?;
    let plain =
        matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
    // A backslash is a slash to some readers of URLs and part of a name to others, so they disagree on the host.
    let odd = |c: char| c.is_control() || c.is_whitespace() || c == '\\';
    if !plain || text.len() > MAX_URL || text.chars().any(odd) {
        return Err("must be a plain http or https URL of at most 2000 characters");
    }
    if !origins.contains(&url.origin()) {
        return Err("must have one of the allowed origins");
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_that_mail_can_be_sent_to() {
        for good in ["ada@example.com", "a.b+c@sub.example.org", "ünï@example.com"] {
            assert_eq!(email(good).as_deref(), Ok(good));
            assert_eq!(email(&format!(" {good}\u{a0}\n")).as_deref(), Ok(good));
        }
        let long = format!("{}@example.com", "a".repeat(300));
        for bad in [
            "",
            "ada",
            "ada@",
            "@example.com",
            "ada@localhost",
            "Ada <ada@example.com>",
            "a b@example.com",
            &long,
        ] {
            assert!(email(bad).is_err(), "{bad}");
        }
        assert!(email("ada@example.com\r\nBcc: x@example.com").is_err());
    }

    #[test]
    fn a_return_url_stays_with_the_shop() {
        let origins = [Url::parse("https://shop.example").unwrap().origin()];
        for good in [
            "https://shop.example/done?h={HOLD_ID}&s={CHECKOUT_SESSION_ID}",
            "https://shop.example:443/x",
        ] {
            assert_eq!(return_url(good, &origins).as_deref(), Ok(good));
        }
        for bad in [
            "https://evil.example/",
            "https://shop.example.evil.example/",
            "https://shop.example@evil.example/",
            "https://user@shop.example/",
            "http://shop.example/",
            "https://shop.example:8443/",
            "javascript:alert(1)",
            "//shop.example/",
            "/done",
            "https://shop.example/\r\nx",
            "https://shop.example\\@evil.example/",
            "",
        ] {
            assert!(return_url(bad, &origins).is_err(), "{bad}");
        }
    }
}
