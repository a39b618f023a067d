//! Parses single values of RFC 5545: dates, times of day, durations and offsets from UTC.

use chrono::{Duration, NaiveDate, NaiveDateTime, NaiveTime};

const SECONDS_PER_DAY: i64 = 86_400;

/// The longest duration that is read as it is written, in days and again in seconds. A longer one counts as this long, so that
/// sums of durations and dates stay within what can be computed. It is above the length that counts as too long for an event.
const MAX_DAYS: i64 = 40_000;

/// A length of whole days on the wall clock, followed by seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NominalLength {
    pub(super) days: i64,
    pub(super) seconds: i64,
}

impl NominalLength {
    /// A day on the wall clock.
    pub(super) const DAY: Self = Self { days: 1, seconds: 0 };

    pub(super) fn from_seconds(seconds: i64) -> Self {
        Self { days: 0, seconds }
    }

    /// Returns the length if each day has 24 hours.
    pub(super) fn nominal_seconds(self) -> i64 {
        self.days * SECONDS_PER_DAY + self.seconds
    }

    pub(super) fn is_forward(self) -> bool {
        self.days >= 0 && self.seconds >= 0
    }
}

/// Parses a date such as `20260601`.
pub(super) fn parse_date(text: &str) -> Option<NaiveDate> {
    // `parse_from_str` alone would also accept signs and spaces.
    let is_plain = text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit());
    is_plain.then(|| NaiveDate::parse_from_str(text, "%Y%m%d").ok())?
}

/// Parses a date and time such as `20260601T090000`. Also returns whether it is in UTC: a `Z` follows.
///
/// Some programs write ISO 8601 as others know it: `2026-06-01T09:00:00+02:00`. An offset gives the time in UTC.
pub(super) fn parse_date_time(text: &str) -> Option<(NaiveDateTime, bool)> {
    let (day, time) = text.trim().split_once(['T', 't'])?;
    let (day, time) = (day.replace('-', ""), time.replace(':', ""));
    if let Some(time) = time.strip_suffix(['Z', 'z']) {
        return Some((parse_local(&day, time)?, true));
    }
    let Some(sign) = time.find(['+', '-']) else {
        return Some((parse_local(&day, &time)?, false));
    };
    let ahead = Duration::seconds(parse_utc_offset(&time[sign..])?);
    let utc = parse_local(&day, &time[..sign])?.checked_sub_signed(ahead)?;
    Some((utc, true))
}

/// Parses a date and a time of day such as `090000`, or `0900`.
fn parse_local(day: &str, time: &str) -> Option<NaiveDateTime> {
    let is_plain = matches!(time.len(), 4 | 6) && time.bytes().all(|b| b.is_ascii_digit());
    let (digits, seconds) = time.split_at_checked(4).filter(|_| is_plain)?;
    // A leap second (`60`) becomes the second after `59`.
    let is_leap_second = seconds == "60";
    let seconds = match seconds {
        "" => "00",
        "60" => "59",
        seconds => seconds,
    };
    let time = format!("{digits}{seconds}");
    let time = NaiveTime::parse_from_str(&time, "%H%M%S").ok()?;
    parse_date(day)?
        .and_time(time)
        .checked_add_signed(Duration::seconds(i64::from(is_leap_second)))
}

/// Parses a duration such as `P1W` or `P1DT2H3M4S`. A negative duration gives negative numbers. One beyond [`MAX_DAYS`] is cut.
pub(super) fn parse_duration(text: &str) -> Option<NominalLength> {
    let text = text.trim();
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mut days, mut seconds, mut digits, mut units) = (0i64, 0i64, String::new(), 0);
    let mut is_time = false;
    for c in text.strip_prefix('P')?.chars() {
        // Nine digits cannot overflow the multiplications below.
        if c.is_ascii_digit() && digits.len() < 9 {
            digits.push(c);
            continue;
        }
        if c == 'T' && digits.is_empty() {
            is_time = true;
            continue;
        }
        let number: i64 = digits.parse().ok()?;
        match c {
            'W' => days += 7 * number,
            'D' => days += number,
            'H' if is_time => seconds += 3_600 * number,
            // Before the T, it would be months, which RFC 5545 does not have.
            'M' if is_time => seconds += 60 * number,
            'S' if is_time => seconds += number,
            _ => return None,
        }
        // A unit may be repeated, so each sum is cut before the next one is added.
        days = days.min(MAX_DAYS);
        seconds = seconds.min(MAX_DAYS * SECONDS_PER_DAY);
        digits.clear();
        units += 1;
    }
    (units > 0 && digits.is_empty()).then_some(NominalLength {
        days: sign * days,
        seconds: sign * seconds,
    })
}

/// Parses an offset from UTC such as `+0130` or `-013000`, in seconds, of less than a day.
pub(super) fn parse_utc_offset(text: &str) -> Option<i64> {
    let sign = match text.get(..1)? {
        "-" => -1,
        "+" => 1,
        _ => return None,
    };
    let digits = text
        .get(1..)
        .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?;
    let part = |range: std::ops::Range<usize>| digits.get(range).and_then(|part| part.parse::<i64>().ok());
    let seconds = if digits.len() == 6 { part(4..6)? } else { 0 };
    let has_known_length = matches!(digits.len(), 4 | 6);
    let total = part(0..2)? * 3600 + part(2..4)? * 60 + seconds;
    (has_known_length && total < SECONDS_PER_DAY).then_some(sign * total)
}

/// Finds the date at the beginning of a value whose rest cannot be read, such as `20260601T9` or `2026-06-01 09:00`.
pub(super) fn parse_leading_date(text: &str) -> Option<NaiveDate> {
    let digits: String = text.trim().chars().filter(|c| *c != '-').take(8).collect();
    parse_date(&digits)
}
