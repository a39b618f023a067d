//! Paging: opaque cursors for lists that are ordered newest first, and cutting a page off the rows that were read.
//!
//! A cursor names the last entry that was returned, so that entries written in between never shift a page. A cursor that
//! was not issued parses as `None`, and the engines return the end of the list; [`is_cursor`] lets a caller refuse it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Datelike, Utc};
use uuid::Uuid;

use super::StoreError;
use crate::domain::listing::{Page, PageRequest};

/// The last second of the year 9999, in seconds since the Unix epoch.
const LAST_SECOND: i64 = 253_402_300_799;

/// A cursor in a list that is ordered by time, then id; to the microsecond, the finest that an engine stores.
pub(super) fn timed(at: DateTime<Utc>, id: Uuid) -> String {
    encode(&format!("t{}.{}", at.timestamp_micros(), id.simple()))
}

/// Parses a cursor that [`timed`] made.
pub(super) fn parse_timed(cursor: &str) -> Option<(DateTime<Utc>, Uuid)> {
    let text = decode(cursor)?;
    let (micros, id) = text.strip_prefix('t')?.split_once('.')?;
    Some((parse_micros(micros)?, Uuid::try_parse(id).ok()?))
}

/// A cursor in a list of holds, with the digits that name its order and its filters.
pub(super) fn tagged(tag: &str, at: DateTime<Utc>, id: Uuid) -> String {
    encode(&format!("h{tag}.{}.{}", at.timestamp_micros(), id.simple()))
}

/// Parses a cursor that [`tagged`] made.
pub(super) fn parse_tagged(cursor: &str) -> Option<(String, DateTime<Utc>, Uuid)> {
    let text = decode(cursor)?;
    let (tag, place) = text.strip_prefix('h')?.split_once('.')?;
    let (micros, id) = place.split_once('.')?;
    Some((tag.to_owned(), parse_micros(micros)?, Uuid::try_parse(id).ok()?))
}

/// A time later than that of every entry, and in the range of both engines.
pub(super) fn end_of_time() -> DateTime<Utc> {
    DateTime::from_timestamp(LAST_SECOND, 0).unwrap_or_default()
}

/// A cursor in a list that is ordered by time, then by an id of Stripe's.
pub(super) fn named(at: DateTime<Utc>, id: &str) -> String {
    encode(&format!("i{}.{id}", at.timestamp_micros()))
}

/// Parses a cursor that [`named`] made.
pub(super) fn parse_named(cursor: &str) -> Option<(DateTime<Utc>, String)> {
    let text = decode(cursor)?;
    let (micros, id) = text.strip_prefix('i')?.split_once('.')?;
    // PostgreSQL takes no text with a zero byte.
    let is_id = id.bytes().all(|b| b.is_ascii_graphic());
    let at = parse_micros(micros).filter(|_| is_id)?;
    Some((at, id.to_owned()))
}

fn parse_micros(text: &str) -> Option<DateTime<Utc>> {
    let at = DateTime::from_timestamp_micros(text.parse().ok()?)?;
    // No entry has another time, and an engine may be unable to compare with one.
    Some(at).filter(|at| (1970..=9999).contains(&at.year()))
}

/// Whether this can be a cursor of some list, so that a caller can refuse one that was made up.
pub fn is_cursor(text: &str) -> bool {
    parse_timed(text).is_some()
        || parse_numbered(text).is_some()
        || parse_named(text).is_some()
        || parse_tagged(text).is_some()
}

/// A cursor in a list that is ordered by a running number.
pub(super) fn numbered(seq: i64) -> String {
    encode(&format!("n{seq}"))
}

/// Parses a cursor that [`numbered`] made.
pub(super) fn parse_numbered(cursor: &str) -> Option<i64> {
    decode(cursor)?.strip_prefix('n')?.parse().ok()
}

/// How many rows to read: one more than the page has, which tells whether there is a next page.
pub(super) fn rows_wanted(request: &PageRequest) -> i64 {
    i64::from(request.limit) + 1
}

/// Cuts a page off rows that were read with [`rows_wanted`].
pub(super) fn cut_page<T>(mut rows: Vec<T>, request: &PageRequest, place: impl Fn(&T) -> String) -> Page<T> {
    let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(place);
    Page { entries: rows, next }
}

/// A page of domain values, from a page of rows.
pub(super) fn decode_page<R, T>(
    rows: Page<R>,
    decode: impl Fn(R) -> Result<T, StoreError>,
) -> Result<Page<T>, StoreError> {
    let entries = rows.entries.into_iter().map(decode);
    Ok(Page {
        entries: entries.collect::<Result<_, _>>()?,
        next: rows.next,
    })
}

/// The number before which a page of a numbered list starts. `None` if the cursor was not issued for such a list.
pub(super) fn numbered_start(request: &PageRequest) -> Option<i64> {
    match &request.cursor {
        None => Some(i64::MAX),
        Some(cursor) => parse_numbered(cursor),
    }
}

/// The time and id before which a page of a timed list starts. `None` if the cursor was not issued for such a list.
pub(super) fn timed_start(request: &PageRequest) -> Option<(DateTime<Utc>, Uuid)> {
    match &request.cursor {
        None => Some((end_of_time(), Uuid::max())),
        Some(cursor) => parse_timed(cursor),
    }
}

/// The time and id before which a page of a list by [`named`] starts. `None` if the cursor was not issued for such a list.
pub(super) fn named_start(request: &PageRequest) -> Option<(DateTime<Utc>, String)> {
    match &request.cursor {
        None => Some((end_of_time(), String::new())),
        Some(cursor) => parse_named(cursor),
    }
}

/// The first and the last time that a list can have, in the range of both engines.
pub(super) fn bounds_of_time() -> (DateTime<Utc>, DateTime<Utc>) {
    let last = DateTime::from_timestamp(LAST_SECOND, 0);
    (DateTime::UNIX_EPOCH, last.unwrap_or(DateTime::UNIX_EPOCH))
}

/// An empty page: the end of a list.
pub(super) fn end_of_list<T>() -> Page<T> {
    Page {
        entries: Vec::new(),
        next: None,
    }
}

fn encode(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

fn decode(cursor: &str) -> Option<String> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursor_parses_as_written() {
        let at = DateTime::from_timestamp_micros(1_800_000_000_123_456).unwrap();
        let id = Uuid::from_u128(7);
        assert_eq!(parse_timed(&timed(at, id)), Some((at, id)));
        assert_eq!(parse_numbered(&numbered(42)), Some(42));
        assert_eq!(parse_named(&named(at, "pi_7")), Some((at, "pi_7".to_owned())));
    }

    #[test]
    fn cursor_that_was_not_issued_parses_as_none() {
        let at = DateTime::from_timestamp(0, 0).unwrap();
        for bad in ["", "!", "dA", &numbered(1), &timed(at, Uuid::nil())[1..]] {
            assert_eq!(parse_timed(bad), None, "{bad}");
        }
        for bad in ["", "!", "bg", &timed(at, Uuid::nil())] {
            assert_eq!(parse_numbered(bad), None, "{bad}");
        }
        for bad in ["", "!", "bg", &timed(at, Uuid::nil()), &named(at, "pi\0")] {
            assert_eq!(parse_named(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_a_full_page_with_a_spare_row_has_a_next_one() {
        let request = PageRequest {
            limit: 2,
            cursor: None,
        };
        let cut = |rows: Vec<i64>| cut_page(rows, &request, |n| n.to_string());
        assert_eq!(cut(vec![]).next, None);
        assert_eq!(cut(vec![3, 2]).next, None);
        assert_eq!(cut(vec![3, 2, 1]).next, Some("2".to_owned()));
        assert_eq!(cut(vec![3, 2, 1]).entries, [3, 2]);
    }
}
