//! The demo shop of `holdfast sandbox`: its page, and what the page asks for. The page starts checkouts as any shop's
//! page would, by the public API.
//!
//! Opening hours are the demo's own invention, 09:00 to 17:00 UTC every day; what is free is read from the books at
//! every request. Not part of the API's description: a shop has its own page.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use chrono::{DateTime, Duration, NaiveTime, Utc};
use serde::Serialize;

use super::error::Problem;
use super::views::instant;
use super::{Server, pages};
use crate::domain::books::PageRequest;
use crate::domain::catalogue::EventType;
use crate::domain::hold::Status;
use crate::domain::time::Window;
use crate::workflow::{catalogue, inspect};

/// How far ahead slots are shown.
const AHEAD: Duration = Duration::days(7);
/// First start of a day, in hours UTC.
const OPENS: i64 = 9;
/// Last end of a day, in hours UTC.
const CLOSES: i64 = 17;
/// Slots start on the hour or the half hour.
const STEP_MINUTES: i64 = 30;

/// The demo page.
pub(super) async fn page() -> impl IntoResponse {
    pages::page(include_str!("pages/demo.html"))
}

/// Its script.
pub(super) async fn script() -> impl IntoResponse {
    pages::javascript(include_str!("pages/demo.js"))
}

/// What is on show.
#[derive(Serialize)]
struct ShopWindow {
    event_types: Vec<Offer>,
}

/// An event type with its slots, by start.
#[derive(Serialize)]
struct Offer {
    id: String,
    name: String,
    amount: i64,
    currency: String,
    duration_minutes: i64,
    slots: Vec<Slot>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Slot {
    #[serde(serialize_with = "instant")]
    starts_at: DateTime<Utc>,
    #[serde(serialize_with = "instant")]
    ends_at: DateTime<Utc>,
    state: SlotState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum SlotState {
    Free,
    /// Someone is paying: it may come back.
    Held,
    Taken,
}

impl From<Status> for SlotState {
    fn from(status: Status) -> Self {
        match status {
            Status::Held | Status::Processing => Self::Held,
            Status::Confirmed => Self::Taken,
            Status::Released(_) | Status::Cancelled(_) => Self::Free,
        }
    }
}

/// The slots of the coming days.
pub(super) async fn slots(State(server): State<Arc<Server>>) -> Result<impl IntoResponse, Problem> {
    let everything = PageRequest {
        limit: 200,
        cursor: None,
    };
    let context = &server.context;
    let now = context.now();
    let catalogue = catalogue::list(context, &everything).await?;
    let mut event_types = Vec::new();
    for event_type in catalogue.entries.iter().rev() {
        let windows = windows(event_type.duration_minutes, now);
        let slots = match span(&windows) {
            Some(span) => show(
                windows,
                &inspect::occupied(context, &event_type.resource, span).await?,
            ),
            None => Vec::new(),
        };
        event_types.push(Offer::new(event_type, slots));
    }
    let fresh = [(header::CACHE_CONTROL, "no-store")];
    Ok((fresh, Json(ShopWindow { event_types })))
}

impl Offer {
    fn new(event_type: &EventType, slots: Vec<Slot>) -> Self {
        Self {
            id: event_type.id.to_string(),
            name: event_type.name.clone(),
            amount: event_type.price.amount,
            currency: event_type.price.currency.to_string(),
            duration_minutes: event_type.duration_minutes,
            slots,
        }
    }
}

/// The windows for sale, by start: within opening hours, one after the other, none of them begun.
fn windows(duration_minutes: i64, now: DateTime<Utc>) -> Vec<Window> {
    let duration = Duration::minutes(duration_minutes);
    let step = Duration::minutes((duration_minutes + STEP_MINUTES - 1) / STEP_MINUTES * STEP_MINUTES);
    let today = now.date_naive().and_time(NaiveTime::MIN).and_utc();
    let mut windows = Vec::new();
    for day in 0..=AHEAD.num_days() {
        let midnight = today + Duration::days(day);
        let (mut start, closes) = (
            midnight + Duration::hours(OPENS),
            midnight + Duration::hours(CLOSES),
        );
        while start + duration <= closes {
            if start > now && start <= now + AHEAD {
                windows.extend(Window::new(start, start + duration));
            }
            start += step;
        }
    }
    windows
}

/// From the first instant to the last.
fn span(windows: &[Window]) -> Option<Window> {
    Window::new(windows.first()?.starts_at(), windows.last()?.ends_at())
}

fn show(windows: Vec<Window>, occupied: &[(Window, Status)]) -> Vec<Slot> {
    let slot = |window: Window| {
        let in_the_way = occupied.iter().filter(|(other, _)| other.overlaps(&window));
        let state = in_the_way.map(|(_, status)| SlotState::from(*status)).max();
        Slot {
            starts_at: window.starts_at(),
            ends_at: window.ends_at(),
            state: state.unwrap_or(SlotState::Free),
        }
    };
    windows.into_iter().map(slot).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::hold::ReleaseReason;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn window(from: &str, to: &str) -> Window {
        Window::new(at(from), at(to)).unwrap()
    }

    #[test]
    fn slots_lie_in_opening_hours_of_the_coming_days_and_have_not_begun() {
        let now = at("2026-12-01T10:00:00Z");
        let hours = windows(60, now);
        assert_eq!(hours[0], window("2026-12-01T11:00:00Z", "2026-12-01T12:00:00Z"));
        assert_eq!(
            *hours.last().unwrap(),
            window("2026-12-08T10:00:00Z", "2026-12-08T11:00:00Z")
        );
        assert_eq!(hours.len(), 7 * 8);
        let last_today = windows(45, now)[5];
        assert_eq!(last_today, window("2026-12-01T16:00:00Z", "2026-12-01T16:45:00Z"));
        assert_eq!(windows(9 * 60, now), [], "longer than a day is open");
    }

    #[test]
    fn a_slot_is_what_the_firmest_hold_over_any_part_of_it_says() {
        let slots = [
            window("2026-12-01T11:00:00Z", "2026-12-01T12:00:00Z"),
            window("2026-12-01T12:00:00Z", "2026-12-01T13:00:00Z"),
            window("2026-12-01T13:00:00Z", "2026-12-01T14:00:00Z"),
            window("2026-12-01T14:00:00Z", "2026-12-01T15:00:00Z"),
        ];
        let occupied = [
            (
                window("2026-12-01T11:30:00Z", "2026-12-01T12:00:00Z"),
                Status::Processing,
            ),
            (
                window("2026-12-01T13:00:00Z", "2026-12-01T13:30:00Z"),
                Status::Confirmed,
            ),
            (
                window("2026-12-01T13:30:00Z", "2026-12-01T14:00:00Z"),
                Status::Held,
            ),
            (slots[3], Status::Released(ReleaseReason::Guest)),
        ];
        let states: Vec<_> = show(slots.to_vec(), &occupied)
            .iter()
            .map(|slot| slot.state)
            .collect();
        use SlotState::{Free, Held, Taken};
        assert_eq!(states, [Held, Free, Taken, Free]);
    }
}
