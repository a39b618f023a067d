//! How responses write an instant: RFC 3339 in UTC with `Z`, to the millisecond at most.

use chrono::{DateTime, SecondsFormat, Utc};
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
