//! The search of a list of holds for a text.

use sqlx::types::Uuid;

use super::columns::{DbTime, DbUuid};
use super::hold_list::ListPlace;
use crate::domain::booking::Booking;
use crate::domain::ids::HoldId;
use crate::domain::listing::{HoldFilter, PageRequest};
use crate::domain::log_id::LogId;

/// How many holds the search by text reads at once.
const CHUNK: usize = 1_000;

/// How many holds the search by text reads for one page. The next page goes on after them.
const MOST_SEARCHED: usize = 20_000;

/// The columns of [`SearchRow`]s, with the engine's expression for when a hold last changed.
macro_rules! search_columns {
    ($sort:expr, $changed_at:literal) => {
        match $sort {
            $crate::domain::listing::HoldSort::Newest => "h.id, h.created_at AS at, h.guest_id, h.guest_name",
            $crate::domain::listing::HoldSort::Start => "h.id, h.starts_at AS at, h.guest_id, h.guest_name",
            $crate::domain::listing::HoldSort::Change => {
                concat!("h.id, ", $changed_at, " AS at, h.guest_id, h.guest_name")
            }
        }
    };
}
pub(super) use search_columns;

/// What the search by text reads of a hold.
#[derive(sqlx::FromRow)]
pub(super) struct SearchRow {
    id: DbUuid,
    at: DbTime,
    guest_id: Option<String>,
    guest_name: Option<String>,
}

/// Searches a list of holds for a text, chunk by chunk. The texts are compared here, because the databases fold the case of
/// other letters than `a` to `z` in different ways. So one request reads a bounded number of holds, in the order of the list.
pub(super) struct TextSearch {
    wanted: String,
    reference: Option<LogId>,
    place: ListPlace,
    limit: usize,
    found: Vec<Uuid>,
    searched: usize,
    is_at_end: bool,
}

impl TextSearch {
    pub(super) fn new(text: &str, start: ListPlace, page: &PageRequest) -> Self {
        Self {
            wanted: text.trim().to_lowercase(),
            reference: LogId::parse(text),
            place: start,
            limit: usize::try_from(page.limit).unwrap_or(usize::MAX),
            found: Vec::new(),
            searched: 0,
            is_at_end: false,
        }
    }

    /// The place after which the next chunk starts, and its most rows; `None` once the search is over.
    pub(super) fn next_chunk(&self) -> Option<(ListPlace, i64)> {
        let is_over = self.is_at_end || self.found.len() >= self.limit || self.searched >= MOST_SEARCHED;
        (!is_over).then_some((self.place, i64::try_from(CHUNK).unwrap_or(i64::MAX)))
    }

    /// Looks at the rows of a chunk.
    pub(super) fn add(&mut self, rows: Vec<SearchRow>) {
        let is_last = rows.len() < CHUNK;
        self.searched += rows.len();
        for row in rows {
            self.place = ListPlace {
                at: row.at.0,
                id: row.id.0,
            };
            if row.has(&self.wanted) || self.reference.is_some_and(|reference| row.is_named(reference)) {
                self.found.push(row.id.0);
                if self.found.len() >= self.limit {
                    return;
                }
            }
        }
        self.is_at_end = is_last;
    }

    /// The ids that were found, in the order of the list.
    pub(super) fn found(&self) -> &[Uuid] {
        &self.found
    }

    /// The cursor of the next page.
    pub(super) fn next_cursor(&self, filter: &HoldFilter) -> Option<String> {
        (!self.is_at_end).then(|| self.place.to_cursor(filter))
    }

    /// Puts the bookings that were found into the order of the list.
    pub(super) fn sort(&self, bookings: &mut [Booking]) {
        bookings.sort_by_key(|booking| self.found.iter().position(|id| *id == booking.hold.id.0));
    }
}

impl SearchRow {
    fn has(&self, wanted: &str) -> bool {
        let has = |text: &Option<String>| {
            text.as_ref()
                .is_some_and(|text| text.to_lowercase().contains(wanted))
        };
        has(&self.guest_id) || has(&self.guest_name)
    }

    fn is_named(&self, reference: LogId) -> bool {
        HoldId(self.id.0).log_id() == reference
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::domain::listing::HoldSort;

    fn row(number: u128, name: &str) -> SearchRow {
        SearchRow {
            id: DbUuid(Uuid::from_u128(number)),
            at: DbTime(DateTime::UNIX_EPOCH),
            guest_id: None,
            guest_name: Some(name.to_owned()),
        }
    }

    fn page(limit: u32) -> PageRequest {
        PageRequest { limit, cursor: None }
    }

    #[test]
    fn search_finds_a_hold_by_its_reference() {
        let start = ListPlace::beginning(HoldSort::Newest);
        let typed = HoldId(Uuid::from_u128(2)).log_id().to_string().to_uppercase();
        let mut search = TextSearch::new(&typed, start, &page(9));
        search.add(vec![row(1, "Ada"), row(2, "Ben")]);
        assert_eq!(search.found(), [Uuid::from_u128(2)]);
    }

    #[test]
    fn search_goes_on_from_its_bound() {
        let start = ListPlace::beginning(HoldSort::Newest);
        let mut search = TextSearch::new(" ÄDA ", start, &page(2));
        let chunk = |from: usize| {
            (from..from + CHUNK)
                .map(|n| row(n as u128, "Ben"))
                .collect::<Vec<_>>()
        };
        let mut read = 0;
        while search.next_chunk().is_some() {
            search.add(chunk(read));
            read += CHUNK;
        }
        assert_eq!((read, search.found().len()), (MOST_SEARCHED, 0));
        assert!(search.next_cursor(&HoldFilter::default()).is_some());
        let mut search = TextSearch::new(" ÄDA ", start, &page(2));
        search.add(vec![
            row(1, "Frau äda"),
            row(2, "Ben"),
            row(3, "ÄDA"),
            row(4, "äda"),
        ]);
        assert_eq!(search.found(), [Uuid::from_u128(1), Uuid::from_u128(3)]);
        assert_eq!(search.next_chunk(), None, "the page is full");
        assert!(
            search.next_cursor(&HoldFilter::default()).is_some(),
            "there is one more"
        );
        let mut search = TextSearch::new("ben", start, &page(9));
        search.add(vec![row(1, "Ben")]);
        assert_eq!(
            (search.next_chunk(), search.next_cursor(&HoldFilter::default())),
            (None, None)
        );
    }
}
