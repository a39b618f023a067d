//! How responses write an instant: RFC 3339 in UTC with `Z`, to the millisecond at most.

use chrono::{DateTime, Datelike as _, SecondsFormat, Timelike as _, Utc};
use serde::Serializer;

/// Serializes an instant; for serde's `serialize_with`.
pub(super) fn serialize_instant<S: Serializer>(at: &DateTime<Utc>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&format_instant(*at))
}

/// Formats an instant for a response. Leaves out the milliseconds if they are zero.
pub(super) fn format_instant(at: DateTime<Utc>) -> String {
    let format = if at.timestamp_subsec_millis() == 0 {
        SecondsFormat::Secs
    } else {
        SecondsFormat::Millis
    };
    at.to_rfc3339_opts(format, true)
}

/// Writes an instant as [`format_instant`] does, without the detours that cost as much as the rest of a long list.
pub(super) fn write_instant(at: DateTime<Utc>, to: &mut Vec<u8>) {
    let (date, time) = (at.date_naive(), at.time());
    let year = u32::try_from(date.year()).ok().filter(|year| *year < 10_000);
    let (Some(year), 0) = (year, time.nanosecond()) else {
        return to.extend(format_instant(at).into_bytes());
    };
    write_two_digits(year / 100, to);
    write_two_digits(year % 100, to);
    for (mark, number) in [
        (b'-', date.month()),
        (b'-', date.day()),
        (b'T', time.hour()),
        (b':', time.minute()),
        (b':', time.second()),
    ] {
        to.push(mark);
        write_two_digits(number, to);
    }
    to.push(b'Z');
}

/// Writes a number below 100.
fn write_two_digits(number: u32, to: &mut Vec<u8>) {
    let digit = |digit: u32| b'0' + u8::try_from(digit % 10).unwrap_or_default();
    to.extend([digit(number / 10), digit(number)]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn instants_are_written_as_they_are_formatted(
            seconds in prop_oneof![-70_000_000_000_i64..300_000_000_000, 1_700_000_000_i64..1_900_000_000],
            nanoseconds in prop_oneof![Just(0_u32), Just(1_000_000), 0..2_000_000_000_u32],
        ) {
            if let Some(at) = DateTime::from_timestamp(seconds, nanoseconds) {
                let mut written = Vec::new();
                write_instant(at, &mut written);
                prop_assert_eq!(String::from_utf8(written).unwrap(), format_instant(at));
            }
        }
    }
}
