//! Which slots may have changed: hints for pages that show slots, from the stream of events out.
//!
//! A hint is no more than a reason to read again; the database decides. Only what writes an event is a source of hints:
//! placing, paying, releasing, cancelling and moving a hold, and closing a time over one.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::context::Context;
use super::error::WorkflowError;
use super::stream_events::number_events;
use crate::domain::catalogue::EventType;
use crate::domain::event_out::{EventOut, EventOutKind, EventSubject};
use crate::domain::ids::{EventTypeId, ResourceId};
use crate::domain::time::Window;
use crate::domain::zone::ZoneDatabase;

/// The most events that are read at once. A page that is further behind gets a hint to read all slots again.
const MOST_EVENTS: u32 = 1_000;
/// The longest time around a change whose starts are listed.
const LONGEST_CHANGE: chrono::Duration = chrono::Duration::days(7);
/// The most starts that one hint names.
const MOST_STARTS: usize = 500;
/// The most times whose starts one hint looks for. A page that would need more reads the slots again, which costs less.
const MOST_TIMES: usize = 64;

/// What one event changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangedTimes {
    /// These resources, at these times; none if the event is only about money.
    Some(Vec<(ResourceId, Window)>),
    /// More than the event says: where a hold was before it moved, or all resources.
    Unknown,
}

impl ChangedTimes {
    fn of_event(event: &EventOut) -> Self {
        match (event.kind, &event.subject, &event.left) {
            (EventOutKind::HoldMoved, ..) => Self::Unknown,
            (_, Some(EventSubject::Closed { resource, window, .. }), _) => match resource {
                Some(resource) => Self::Some(vec![(resource.clone(), *window)]),
                None => Self::Unknown,
            },
            (_, None, Some(left)) => {
                let segments = left.segments.iter();
                Self::Some(
                    segments
                        .map(|segment| (segment.resource.clone(), segment.busy))
                        .collect(),
                )
            }
            _ => Self::Some(Vec::new()),
        }
    }
}

/// A place in the stream of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamPlace {
    /// The position of the event at this place.
    pub position: i64,
    /// What pages know the place by. It says nothing about the position, and is the same on all instances.
    pub mark: String,
}

/// An event, and what it changed.
#[derive(Clone, Debug)]
pub struct SlotChange {
    /// Where the event is in the stream.
    pub place: StreamPlace,
    /// The resources and times that it changed.
    pub times: ChangedTimes,
}

/// The events after a position.
#[derive(Clone, Debug)]
pub struct SlotChanges {
    /// What they changed, in the order of the stream.
    pub changes: Vec<SlotChange>,
    /// Whether there are more events than were read.
    pub has_more: bool,
}

/// Finds the place of the last event.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn find_last_place(context: &Context) -> Result<StreamPlace, WorkflowError> {
    number_events(context).await?;
    let position = context.store.read_last_position().await?;
    let mark = context.token_keys().await?.stream_mark(position);
    Ok(StreamPlace { position, mark })
}

/// Reads what has changed after a position.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn read_slot_changes(context: &Context, after: i64) -> Result<SlotChanges, WorkflowError> {
    number_events(context).await?;
    let events = context.store.list_events_after(after, MOST_EVENTS).await?;
    let keys = context.token_keys().await?;
    let change = |event: &EventOut| SlotChange {
        place: StreamPlace {
            position: event.position,
            mark: keys.stream_mark(event.position),
        },
        times: ChangedTimes::of_event(event),
    };
    Ok(SlotChanges {
        changes: events.iter().map(change).collect(),
        has_more: events.len() == MOST_EVENTS as usize,
    })
}

/// Finds what a stream of hints is about; `None` if there is no such event type.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn find_event_type(
    context: &Context,
    id: &EventTypeId,
) -> Result<Option<EventType>, WorkflowError> {
    Ok(context.store.find_event_type(id).await?)
}

/// Lists the starts of an event type within a window that occupy a resource at a changed time; `None` if they are too many to
/// look at.
pub fn list_changed_starts(
    event_type: &EventType,
    changed: &[(ResourceId, Window)],
    within: Window,
    now: DateTime<Utc>,
    zones: &ZoneDatabase,
) -> Option<Vec<DateTime<Utc>>> {
    let mut starts = BTreeSet::new();
    let served = changed
        .iter()
        .filter(|(resource, _)| event_type.is_served_by(resource));
    let times: BTreeSet<&(ResourceId, Window)> = served.collect();
    if times.len() > MOST_TIMES || times.iter().any(|(_, busy)| busy.length() > LONGEST_CHANGE) {
        return None;
    }
    for (resource, busy) in times {
        let Some(near) = find_starts_near(event_type, *busy, within) else {
            continue;
        };
        let occupies = |start: &DateTime<Utc>| {
            let mut templates = event_type.segments.iter();
            templates.any(|template| {
                let occupied = event_type.occupied_window(template, *start);
                template.any_of.contains(resource) && occupied.is_some_and(|occupied| occupied.overlaps(busy))
            })
        };
        starts.extend(
            event_type
                .list_starts(near, now, zones)
                .into_iter()
                .filter(occupies),
        );
    }
    (starts.len() <= MOST_STARTS).then(|| starts.into_iter().collect())
}

/// Returns where in the window a booking can start that is under way at some time of `busy`, buffers included.
fn find_starts_near(event_type: &EventType, busy: Window, within: Window) -> Option<Window> {
    let occupied = event_type.occupied_span(busy.starts_at())?;
    let before = occupied.ends_at() - busy.starts_at();
    let after = busy.starts_at() - occupied.starts_at();
    let from = busy.starts_at().checked_sub_signed(before)?;
    let to = busy.ends_at().checked_add_signed(after)?;
    Window::new(from.max(within.starts_at()), to.min(within.ends_at()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::catalogue::tests::fixture::call;

    fn at(text: &str) -> DateTime<Utc> {
        format!("2026-12-01T{text}:00Z").parse().unwrap()
    }

    fn window(from: &str, to: &str) -> Window {
        Window::new(at(from), at(to)).unwrap()
    }

    /// An event type of half an hour that keeps its resource busy ten minutes longer.
    fn event_type() -> EventType {
        EventType {
            buffer_after_minutes: 10,
            ..call()
        }
    }

    fn list(resource: &str, busy: Window, within: Window) -> Option<Vec<DateTime<Utc>>> {
        let changed = [(ResourceId::parse(resource).unwrap(), busy)];
        let zones = ZoneDatabase::linked();
        list_changed_starts(&event_type(), &changed, within, at("00:00"), &zones)
    }

    #[test]
    fn changed_starts_are_those_that_touch_the_time() {
        let day = window("00:00", "23:00");
        let busy = window("10:00", "10:40");
        let expected = ["09:30", "09:45", "10:00", "10:15", "10:30"].map(at);
        assert_eq!(list("ana", busy, day), Some(expected.to_vec()));
        assert_eq!(
            list("ana", busy, window("10:00", "10:15")),
            Some(vec![at("10:00")])
        );
        assert_eq!(list("ben", busy, day), Some(Vec::new()));
        assert_eq!(list("ana", busy, window("11:00", "12:00")), Some(Vec::new()));
    }

    #[test]
    fn many_times_name_no_starts_and_equal_ones_count_once() {
        let day = window("00:00", "23:30");
        let many = |minutes: i64| -> Vec<_> {
            let later = |n| chrono::Duration::minutes(n * minutes);
            let of = |n| Window::new(at("08:00") + later(n), at("08:30") + later(n)).unwrap();
            (0..65)
                .map(|n| (ResourceId::parse("ana").unwrap(), of(n)))
                .collect()
        };
        let list = |changed: &[_]| {
            list_changed_starts(&event_type(), changed, day, at("00:00"), &ZoneDatabase::linked())
        };
        assert_eq!(list(&many(1)), None);
        assert!(list(&many(0)).is_some_and(|starts| !starts.is_empty()));
    }

    #[test]
    fn change_of_weeks_names_no_starts() {
        let from = at("00:00");
        let weeks = Window::new(from, from + chrono::Duration::weeks(2)).unwrap();
        assert_eq!(list("ana", weeks, weeks), None);
        assert_eq!(list("ben", weeks, weeks), Some(Vec::new()));
    }
}
