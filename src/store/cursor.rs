//! Where a list goes on: opaque cursors for lists that run newest first, and cutting a page off what was read.
//!
//! A cursor names the last entry that was given out, so entries that come in between never shift a page. One that was
//! not given out reads as `None`, and the engines answer the end of the list; who wants to refuse it asks [`is_cursor`]. Which columns a list is ordered by is
//! the engines' affair.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Datelike, Utc};
use uuid::Uuid;

use crate::domain::listing::{Page, PageRequest};

/// A place in a list that is ordered by time, then id. To the microsecond, the finest that an engine keeps.
pub(super) fn timed(at: DateTime<Utc>, id: Uuid) -> String {
    encode(&format!("t{}.{}", at.timestamp_micros(), id.simple()))
}

/// Reads what [`timed`] wrote.
pub(super) fn read_timed(cursor: &str) -> Option<(DateTime<Utc>, Uuid)> {
    let text = decode(cursor)?;
    let (micros, id) = text.strip_prefix('t')?.split_once('.')?;
    let at = DateTime::from_timestamp_micros(micros.parse().ok()?)?;
    // No entry is of another time, and an engine may not even be able to compare with one.
    let at = Some(at).filter(|at| (1970..=9999).contains(&at.year()))?;
    Some((at, Uuid::try_parse(id).ok()?))
}

/// Whether this could be a cursor of some list: to tell what was made up from what only came to its end.
pub fn is_cursor(text: &str) -> bool {
    read_timed(text).is_some() || read_numbered(text).is_some()
}

/// A place in a list that is ordered by a running number.
pub(super) fn numbered(seq: i64) -> String {
    encode(&format!("n{seq}"))
}

/// Reads what [`numbered`] wrote.
pub(super) fn read_numbered(cursor: &str) -> Option<i64> {
    decode(cursor)?.strip_prefix('n')?.parse().ok()
}

/// How many rows to ask the engine for: one more than the page, which tells whether there is a next one.
pub(super) fn rows_wanted(request: &PageRequest) -> i64 {
    i64::from(request.limit) + 1
}

/// Cuts the page off rows that were asked for with [`rows_wanted`].
pub(super) fn page<T>(mut rows: Vec<T>, request: &PageRequest, place: impl Fn(&T) -> String) -> Page<T> {
    let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(place);
    Page { entries: rows, next }
}

/// The end of a list.
pub(super) fn end<T>() -> Page<T> {
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
    fn a_cursor_reads_as_what_was_written() {
        let at = DateTime::from_timestamp_micros(1_800_000_000_123_456).unwrap();
        let id = Uuid::from_u128(7);
        assert_eq!(read_timed(&timed(at, id)), Some((at, id)));
        assert_eq!(read_numbered(&numbered(42)), Some(42));
    }

    #[test]
    fn a_cursor_that_was_not_given_out_reads_as_none() {
        let at = DateTime::from_timestamp(0, 0).unwrap();
        for bad in ["", "!", "dA", &numbered(1), &timed(at, Uuid::nil())[1..]] {
            assert_eq!(read_timed(bad), None, "{bad}");
        }
        for bad in ["", "!", "bg", &timed(at, Uuid::nil())] {
            assert_eq!(read_numbered(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_a_full_page_with_a_row_to_spare_has_a_next_one() {
        let request = PageRequest {
            limit: 2,
            cursor: None,
        };
        let cut = |rows: Vec<i64>| page(rows, &request, |n| n.to_string());
        assert_eq!(cut(vec![]).next, None);
        assert_eq!(cut(vec![3, 2]).next, None);
        assert_eq!(cut(vec![3, 2, 1]).next, Some("2".to_owned()));
        assert_eq!(cut(vec![3, 2, 1]).entries, [3, 2]);
    }
}
