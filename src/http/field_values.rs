//! The values that members of requests may have, whichever request they are in.

use std::net::IpAddr;

use chrono::{DateTime, NaiveDate, Utc};
use deserr::{Deserr, IntoValue, Value, ValuePointerRef};
use email_address::{EmailAddress, Options};
use url::{Origin, Url};

use super::field_errors::FieldErrors;
use crate::domain::catalogue::{MAX_DURATION_MINUTES, MAX_QUANTITY};
use crate::domain::hold::Refund;
use crate::domain::ids::{EventTypeId, HoldId, ResourceId};
use crate::domain::listing::StatusKind;
use crate::domain::locale::Locale;
use crate::domain::money::{Currency, MAX_AMOUNT};
use crate::domain::payment_method::PaymentMethod;
use crate::workflow::queries::is_cursor;
use crate::workflow::summary::SummaryBound;

const MAX_NAME: usize = 200;
const MAX_URL: usize = 2_000;
const MAX_TOKEN: usize = 200;
const MAX_SLOT_LIMIT: usize = 5_000;

/// A guest's e-mail address.
#[derive(Debug)]
pub(super) struct Email(pub(super) String);

/// A name for people to read.
#[derive(Debug)]
pub(super) struct Name(pub(super) String);

/// The token of a hold. It is checked against the hold, not by its form.
pub(super) struct HoldToken(pub(super) String);

impl std::fmt::Debug for HoldToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HoldToken(…)")
    }
}

/// A price in the currency's minor unit.
#[derive(Debug)]
pub(super) struct Amount(pub(super) i64);

/// The length of an event, in minutes.
#[derive(Debug)]
pub(super) struct Minutes(pub(super) i64);

/// The payment methods that an event type allows.
#[derive(Debug)]
pub(super) struct PaymentMethods(pub(super) Vec<PaymentMethod>);

/// What an event type is, in words for the guest.
#[derive(Debug)]
pub(super) struct Description(pub(super) String);

/// The number of entries of a page.
#[derive(Debug)]
pub(super) struct Limit(pub(super) u32);

/// The number of units to book.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quantity(pub(super) u32);

impl Default for Quantity {
    fn default() -> Self {
        Self(1)
    }
}

/// The number of units to book, as a query has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct QuantityText(pub(super) u32);

/// The most slots of a list.
#[derive(Clone, Copy, Debug)]
pub(super) struct SlotLimit(pub(super) usize);

/// A short text for the history.
#[derive(Debug)]
pub(super) struct Note(pub(super) String);

/// The amount that a cancellation refunds.
#[derive(Clone, Copy, Debug)]
pub(super) struct RefundAmount(pub(super) Refund);

/// What a guest has seen of a refund, in the query of a cancellation, in the currency's minor unit.
#[derive(Debug)]
pub(super) struct SeenRefund(pub(super) i64);

/// The position in a list where the next page starts.
#[derive(Debug)]
pub(super) struct Cursor(pub(super) String);

/// The statuses that a list is narrowed to.
#[derive(Debug)]
pub(super) struct Statuses(pub(super) Vec<StatusKind>);

/// A day of the shop's calendar.
#[derive(Clone, Copy, Debug)]
pub(super) struct Day(pub(super) NaiveDate);

/// A bound of a range: a day or an instant.
#[derive(Debug)]
pub(super) struct SummaryBoundText(pub(super) SummaryBound);

/// A text to search for.
pub(super) struct SearchText(pub(super) String);

impl std::fmt::Debug for SearchText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // It may be the name of a guest.
        f.write_str("SearchText(…)")
    }
}

/// Implements `Deserr` for types whose values are checked while the body is parsed, so that a bad value is reported
/// beside missing and unknown members. Each line names the type, the JSON type that it is parsed from, and the parser.
macro_rules! impl_deserr {
    ($($type:ty, from $json:ty: $parse:expr;)*) => {$(
        impl Deserr<FieldErrors> for $type {
            fn deserialize_from_value<V: IntoValue>(
                value: Value<V>,
                location: ValuePointerRef<'_>,
            ) -> Result<Self, FieldErrors> {
                let json = <$json>::deserialize_from_value(value, location)?;
                $parse(&json).map_err(|detail| FieldErrors::at_location(location, detail))
            }
        }
    )*};
}

impl_deserr! {
    DateTime<Utc>, from String: |text: &String| parse_instant(text);
    NaiveDate, from String: |text: &String| parse_date(text);
    EventTypeId, from String: |text: &String| Self::parse(text);
    ResourceId, from String: |text: &String| Self::parse(text);
    HoldToken, from String: |text: &String| (text.len() <= MAX_TOKEN).then(|| Self(text.clone())).ok_or("must be a hold's token");
    HoldId, from String: |text: &String| Self::parse(text).ok_or("must be a hold's id");
    IpAddr, from String: |text: &String| text.parse().map_err(|_| "must be an IP address");
    Locale, from String: |text: &String| {
        Self::parse(text).ok_or_else(|| format!("must be one of {}", Self::list_names().join(", ")))
    };
    Email, from String: |text: &String| parse_email(text).map(Self);
    Name, from String: |text: &String| parse_name(text).map(Self);
    Currency, from String: |text: &String| {
        Self::parse(text).ok_or("must be the lower-case code of a currency that Stripe takes")
    };
    Amount, from i64: |amount: &i64| check_up_to(*amount, MAX_AMOUNT).map(Self).ok_or("must be 1 to 99999999");
    SeenRefund, from String: |text: &String| {
        text.parse().ok().filter(|amount| *amount >= 0).map(Self).ok_or("must be an amount of 0 or more")
    };
    Minutes, from i64: |minutes: &i64| {
        check_up_to(*minutes, MAX_DURATION_MINUTES).map(Self).ok_or("must be 1 to 10080")
    };
    PaymentMethods, from Vec<String>: |names: &Vec<String>| {
        parse_payment_methods(names).map(Self).ok_or("must be 1 to 20 of Stripe's names, such as card")
    };
    Quantity, from i64: |units: &i64| check_quantity(*units).map(Self).ok_or("must be 1 to 50");
    QuantityText, from String: |text: &String| {
        text.parse().ok().and_then(check_quantity).map(Self).ok_or("must be 1 to 50")
    };
    SlotLimit, from String: |text: &String| {
        text.parse().ok().filter(|limit| (1..=MAX_SLOT_LIMIT).contains(limit)).map(Self).ok_or("must be 1 to 5000")
    };
    Note, from String: |text: &String| {
        parse_note(text).map(Self).ok_or("must be at most 500 characters, none of them control characters")
    };
    Description, from String: |text: &String| {
        parse_description(text).map(Self).ok_or("must be 1 to 1000 characters, of control characters only line breaks")
    };
    Statuses, from String: |text: &String| {
        parse_statuses(text)
            .map(Self)
            .ok_or("must be some of held, processing, confirmed, released and cancelled, comma-separated")
    };
    Day, from String: |text: &String| parse_day(text).map(Self).ok_or("must be a day like 2026-11-27");
    SummaryBoundText, from String: |text: &String| {
        parse_summary_bound(text).map(Self).ok_or("must be a day like 2026-11-27 or a time like 2026-12-01T10:00:00Z")
    };
    SearchText, from String: |text: &String| parse_search(text).map(Self);
    Limit, from String: |text: &String| parse_limit(text).map(Self).ok_or("must be 1 to 200");
    Cursor, from String: |text: &String| {
        is_cursor(text).then(|| Self(text.clone())).ok_or("must be the next_cursor of the part before")
    };
}

fn parse_payment_methods(names: &[String]) -> Option<Vec<PaymentMethod>> {
    let methods: Option<Vec<_>> = names.iter().map(|name| PaymentMethod::parse(name)).collect();
    methods.filter(|methods| (1..=20).contains(&methods.len()))
}

fn check_up_to(number: i64, max: i64) -> Option<i64> {
    (1..=max).contains(&number).then_some(number)
}

fn check_quantity(units: i64) -> Option<u32> {
    u32::try_from(units)
        .ok()
        .filter(|units| (1..=MAX_QUANTITY).contains(units))
}

pub(super) fn parse_note(text: &str) -> Option<String> {
    let is_valid = text.chars().count() <= 500 && !text.chars().any(char::is_control);
    is_valid.then(|| text.to_owned())
}

fn parse_description(text: &str) -> Option<String> {
    let text = text.trim();
    let is_forbidden = |c: char| c.is_control() && c != '\n';
    ((1..=1000).contains(&text.chars().count()) && !text.contains(is_forbidden)).then(|| text.to_owned())
}

/// Parses `"full"`, `"none"` or an amount.
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
                .and_then(|amount| check_up_to(amount, MAX_AMOUNT))
                .map(Refund::Part),
            _ => None,
        };
        refund.map(Self).ok_or_else(|| {
            FieldErrors::at_location(location, "must be full, none, or an amount of at least 1")
        })
    }
}

pub(super) fn parse_statuses(text: &str) -> Option<Vec<StatusKind>> {
    let parse = |name| match name {
        "held" => Some(StatusKind::Held),
        "processing" => Some(StatusKind::Processing),
        "confirmed" => Some(StatusKind::Confirmed),
        "released" => Some(StatusKind::Released),
        "cancelled" => Some(StatusKind::Cancelled),
        _ => None,
    };
    let statuses: Vec<StatusKind> = text.split(',').map(parse).collect::<Option<_>>()?;
    (statuses.len() <= 5).then_some(statuses)
}

/// Parses a day in the one form that RFC 3339 has for it.
pub(super) fn parse_day(text: &str) -> Option<NaiveDate> {
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    (text.len() == 10 && day.format("%Y-%m-%d").to_string() == text).then_some(day)
}

fn parse_summary_bound(text: &str) -> Option<SummaryBound> {
    let day = parse_day(text).map(SummaryBound::Day);
    day.or_else(|| parse_instant(text).ok().map(SummaryBound::Instant))
}

pub(super) fn parse_search(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    let is_valid = (1..=255).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    is_valid
        .then(|| text.to_owned())
        .ok_or("must be 1 to 255 characters, none of them control characters")
}

fn parse_limit(text: &str) -> Option<u32> {
    text.parse().ok().filter(|limit| (1..=200).contains(limit))
}

/// Checks that a number is within bounds.
pub(super) fn check_between<const MIN: i64, const MAX: i64>(number: i64) -> Result<i64, String> {
    let is_valid = (MIN..=MAX).contains(&number);
    is_valid
        .then_some(number)
        .ok_or_else(|| format!("must be {MIN} to {MAX}"))
}

/// Checks that a number, if given, is within bounds.
pub(super) fn check_optional_between<const MIN: i64, const MAX: i64>(
    number: Option<i64>,
) -> Result<Option<i64>, String> {
    number.map(check_between::<MIN, MAX>).transpose()
}

/// Parses a date, exactly `YYYY-MM-DD`.
pub(super) fn parse_date(text: &str) -> Result<NaiveDate, String> {
    let date = text
        .parse()
        .ok()
        .filter(|date: &NaiveDate| date.to_string() == text && text.len() == "YYYY-MM-DD".len());
    date.ok_or_else(|| "must be a date like 2026-12-24".to_owned())
}

/// Parses an instant in RFC 3339 with any offset.
fn parse_instant(text: &str) -> Result<DateTime<Utc>, &'static str> {
    let parsed =
        DateTime::parse_from_rfc3339(text).map_err(|_| "must be a time like 2026-12-01T10:00:00Z")?;
    Ok(parsed.with_timezone(&Utc))
}

/// Parses an e-mail address that mail can be sent to. Ignores blanks around it, because pasted text often has them.
pub(super) fn parse_email(text: &str) -> Result<String, &'static str> {
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

/// Parses a name: not empty, not too long, without control characters.
pub fn parse_name(text: &str) -> Result<String, &'static str> {
    let trimmed = text.trim();
    if trimmed.is_empty() || trimmed.chars().count() > MAX_NAME {
        return Err("must be 1 to 200 characters");
    }
    if trimmed.chars().any(char::is_control) {
        return Err("must not contain control characters");
    }
    Ok(trimmed.to_owned())
}

/// Parses a URL that Stripe may send the guest to. Its origin must be one of `origins`.
pub(super) fn parse_return_url(text: &str, origins: &[Origin]) -> Result<String, &'static str> {
    let url = Url::parse(text).map_err(|_| "must be an absolute URL")?;
    let is_plain =
        matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
    // Some URL parsers read a backslash as a slash and others as part of a name, so they disagree on the host.
    let is_forbidden = |c: char| c.is_control() || c.is_whitespace() || c == '\\';
    // With the id filled in: Stripe may refuse a longer one, which would count as a fault of the shop.
    let length = text.len() + 27 * text.matches("{HOLD_ID}").count();
    if !is_plain || length > MAX_URL || text.chars().any(is_forbidden) {
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
    fn email_must_be_deliverable() {
        for good in ["ada@example.com", "a.b+c@sub.example.org", "ünï@example.com"] {
            assert_eq!(parse_email(good).as_deref(), Ok(good));
            assert_eq!(parse_email(&format!(" {good}\u{a0}\n")).as_deref(), Ok(good));
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
            assert!(parse_email(bad).is_err(), "{bad}");
        }
        assert!(parse_email("ada@example.com\r\nBcc: x@example.com").is_err());
    }

    #[test]
    fn return_url_must_have_an_allowed_origin() {
        let origins = [Url::parse("https://shop.example").unwrap().origin()];
        for good in [
            "https://shop.example/done?h={HOLD_ID}&s={CHECKOUT_SESSION_ID}",
            "https://shop.example:443/x",
        ] {
            assert_eq!(parse_return_url(good, &origins).as_deref(), Ok(good));
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
            &format!("https://shop.example/{}", "{HOLD_ID}".repeat(56)),
        ] {
            assert!(parse_return_url(bad, &origins).is_err(), "{bad}");
        }
    }
}
