//! Lists of holds: their filters, their orders and their cursors. `hold_search` searches them for a text.
//!
//! A cursor belongs to the order and the filters of its list. It names the last hold that was returned, so that holds which
//! are placed in between never shift a page.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use sqlx::types::Uuid;

use super::{encoding, paging};
use crate::domain::booking::{Booking, normalize_email};
use crate::domain::listing::{HoldFilter, HoldKey, HoldSort, PageRequest};

/// The place in a list after which a page starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ListPlace {
    pub(super) at: DateTime<Utc>,
    pub(super) id: Uuid,
}

impl ListPlace {
    /// The place of a hold in the list with this filter.
    pub(super) fn of(filter: &HoldFilter, booking: &Booking) -> Self {
        let at = match filter.sort {
            HoldSort::Newest => booking.created_at,
            HoldSort::Start => booking.window().starts_at(),
            HoldSort::Change => booking.last_change(),
        };
        Self {
            at,
            id: booking.hold.id.0,
        }
    }

    /// The place after which a page starts; `None` if the cursor was not issued for this list.
    pub(super) fn start_of(filter: &HoldFilter, page: &PageRequest) -> Option<Self> {
        match &page.cursor {
            None => Some(Self::beginning(filter.sort)),
            Some(cursor) => Self::parse(filter, cursor),
        }
    }

    /// The place before all holds.
    pub(super) fn beginning(sort: HoldSort) -> Self {
        let (at, id) = match sort {
            HoldSort::Newest => (paging::end_of_time(), Uuid::max()),
            HoldSort::Start | HoldSort::Change => (DateTime::UNIX_EPOCH, Uuid::nil()),
        };
        Self { at, id }
    }

    pub(super) fn to_cursor(self, filter: &HoldFilter) -> String {
        paging::tagged(&tag_of(filter), self.at, self.id)
    }

    fn parse(filter: &HoldFilter, cursor: &str) -> Option<Self> {
        let (tag, at, id) = paging::parse_tagged(cursor)?;
        (tag == tag_of(filter)).then_some(Self { at, id })
    }
}

/// Tells whether a cursor was issued for the list with this filter.
pub fn is_cursor_of_holds(filter: &HoldFilter, cursor: &str) -> bool {
    ListPlace::parse(filter, cursor).is_some()
}

/// Names an order and a set of filters, in a few digits of a digest: enough to recognise a mistake.
fn tag_of(filter: &HoldFilter) -> String {
    let mut text = format!("{:?}", filter.sort);
    // Writing to a text cannot fail.
    let _ = write!(text, " {:?} {:?}", filter.statuses, filter.attention);
    let _ = write!(text, " {:?} {:?}", filter.event_type, filter.resource);
    let _ = write!(
        text,
        " {:?} {:?} {:?}",
        filter.from, filter.to, filter.changed_since
    );
    let _ = write!(text, " {:?}", filter.guest.as_deref().map(normalize_email));
    let _ = match &filter.key {
        None => Ok(()),
        Some(HoldKey::Id(id)) => write!(text, " {id}"),
        Some(HoldKey::Session(session)) => write!(text, " {session}"),
        Some(HoldKey::Guest(email)) => write!(text, " {email:?}"),
    };
    let _ = write!(text, " {:?}", filter.text);
    let digest: [u8; 32] = Sha256::digest(text).into();
    let mut tag = String::new();
    for byte in &digest[..4] {
        let _ = write!(tag, "{byte:02x}");
    }
    tag
}

/// The statuses of a filter as a list of literals, so that the small indexes of live holds match.
pub(super) fn list_statuses(filter: &HoldFilter) -> String {
    let names = filter
        .statuses
        .iter()
        .map(|kind| encoding::encode_status_kind(*kind));
    format!("'{}'", names.collect::<Vec<_>>().join("', '"))
}

/// Adds the conditions of a filter to a list of holds `h`, but that of the resource, which the engines write in their own
/// ways. `$changed_at` is the engine's expression for when a hold last changed. Only the conditions that are asked for are in
/// the statement, so that each set of filters has a plan of its own.
macro_rules! narrow_holds {
    ($query:expr, $filter:expr, $changed_at:literal) => {{
        use $crate::domain::listing::HoldKey;
        use $crate::store::columns::{DbTime, DbUuid};
        use $crate::store::{attention, hold_list};
        match $filter.statuses.len() {
            0 => {}
            1 => {
                $query
                    .push(" AND h.status = ")
                    .push(hold_list::list_statuses($filter));
            }
            _ => {
                $query
                    .push(" AND h.status IN (")
                    .push(hold_list::list_statuses($filter))
                    .push(")");
            }
        }
        if let Some(attention) = $filter.attention {
            $query.push(" AND ").push(attention::hold_condition(attention));
            if let Some(moment) = attention::hold_moment(attention, $filter.now) {
                $query.push_bind(DbTime(moment)).push(")");
            }
        }
        if let Some(event_type) = &$filter.event_type {
            $query
                .push(" AND h.event_type_id = ")
                .push_bind(event_type.to_string());
        }
        if let Some(from) = $filter.from {
            $query.push(" AND h.starts_at >= ").push_bind(DbTime(from));
        }
        if let Some(to) = $filter.to {
            $query.push(" AND h.starts_at < ").push_bind(DbTime(to));
        }
        if let Some(guest) = &$filter.guest {
            $query
                .push(" AND h.guest_id = ")
                .push_bind($crate::domain::booking::normalize_email(guest));
        }
        if let Some(since) = $filter.changed_since {
            $query
                .push(concat!(" AND ", $changed_at, " >= "))
                .push_bind(DbTime(since));
        }
        match &$filter.key {
            None => {}
            Some(HoldKey::Id(id)) => {
                $query.push(" AND h.id = ").push_bind(DbUuid(id.0));
            }
            Some(HoldKey::Session(session)) => {
                $query.push(" AND h.session_id = ").push_bind(session.to_string());
            }
            Some(HoldKey::Guest(email)) => {
                $query.push(" AND h.guest_id = ").push_bind(email.clone());
            }
        }
    }};
}
pub(super) use narrow_holds;

/// Adds the order of a list of holds, the place after which a page starts, and the most rows. A list in the order of changes
/// ends before `$horizon`, if there is one.
macro_rules! order_holds {
    ($query:expr, $filter:expr, $start:expr, $rows:expr, $horizon:expr, $changed_at:literal) => {{
        use $crate::domain::listing::HoldSort;
        use $crate::store::columns::{DbTime, DbUuid};
        let (after, order) = match $filter.sort {
            HoldSort::Newest => (
                " AND (h.created_at, h.id) < (",
                " ORDER BY h.created_at DESC, h.id DESC LIMIT ",
            ),
            HoldSort::Start => (
                " AND (h.starts_at, h.id) > (",
                " ORDER BY h.starts_at, h.id LIMIT ",
            ),
            HoldSort::Change => (
                concat!(" AND (", $changed_at, ", h.id) > ("),
                concat!(" ORDER BY ", $changed_at, ", h.id LIMIT "),
            ),
        };
        $query.push(after).push_bind(DbTime($start.at));
        $query.push(", ").push_bind(DbUuid($start.id)).push(")");
        if let Some(horizon) = $horizon {
            $query
                .push(concat!(" AND ", $changed_at, " < "))
                .push_bind(DbTime(horizon));
        }
        $query.push(order).push_bind($rows);
    }};
}
pub(super) use order_holds;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::EventTypeId;
    use crate::domain::listing::StatusKind;

    #[test]
    fn cursor_belongs_to_its_order_and_filters() {
        let filter = HoldFilter::default();
        let cursor = ListPlace::beginning(HoldSort::Start).to_cursor(&filter);
        assert!(is_cursor_of_holds(&filter, &cursor));
        let other_filters = [
            HoldFilter {
                sort: HoldSort::Start,
                ..HoldFilter::default()
            },
            HoldFilter {
                statuses: vec![StatusKind::Held],
                ..HoldFilter::default()
            },
            HoldFilter {
                event_type: EventTypeId::parse("call").ok(),
                ..HoldFilter::default()
            },
            HoldFilter {
                text: Some("ada".to_owned()),
                ..HoldFilter::default()
            },
            HoldFilter {
                key: Some(HoldKey::Guest("ada".to_owned())),
                ..HoldFilter::default()
            },
            HoldFilter {
                from: Some(DateTime::UNIX_EPOCH),
                ..HoldFilter::default()
            },
            HoldFilter {
                to: Some(DateTime::UNIX_EPOCH),
                ..HoldFilter::default()
            },
            HoldFilter {
                changed_since: Some(DateTime::UNIX_EPOCH),
                ..HoldFilter::default()
            },
        ];
        for other in other_filters {
            assert!(!is_cursor_of_holds(&other, &cursor), "{other:?}");
        }
    }
}
