//! Lists of times without their events: when somebody is busy (`VFREEBUSY`), as Exchange and Fastmail publish them, and when
//! somebody is available (`VAVAILABILITY`).

use super::error::FeedEventError;
use super::event::FeedEvent;
use super::lines::Component;
use super::times::{ReadPeriod, TimeReader};
use super::values::NominalLength;
use super::vtimezone::FeedZones;
use crate::domain::time::Window;

/// Returns the busy times of a `VFREEBUSY` component, and adds what it could not read to `faults`.
pub(super) fn list_busy_times(
    component: &Component,
    zones: &FeedZones<'_>,
    faults: &mut Vec<FeedEventError>,
) -> Vec<Window> {
    if component.is_unended {
        faults.push(FeedEventError::Unended);
    }
    let reader = TimeReader::new(zones, component.calendar);
    let mut busy = Vec::new();
    for line in component.lines("FREEBUSY") {
        // A type that nobody knows counts as busy (RFC 5545, 3.2.9).
        if line
            .parameter("FBTYPE")
            .is_some_and(|kind| kind.eq_ignore_ascii_case("FREE"))
        {
            continue;
        }
        for value in line.values() {
            let (start, length) = match reader.read_period(value, line) {
                ReadPeriod::Whole(start, length) => (start, length),
                ReadPeriod::Day(day) => {
                    faults.push(FeedEventError::BusyTime);
                    (day, NominalLength::DAY)
                }
                ReadPeriod::Nothing => {
                    faults.push(FeedEventError::BusyTime);
                    continue;
                }
            };
            busy.extend(start.window(length));
        }
    }
    busy
}

/// Returns all the time of a `VAVAILABILITY` component, because its available times are not read, and adds that to `faults`.
pub(super) fn list_unavailable_times(
    component: &Component,
    zones: &FeedZones<'_>,
    within: Window,
    faults: &mut Vec<FeedEventError>,
) -> Vec<Window> {
    faults.push(FeedEventError::Availability);
    // Without a start or an end, it has no limit on that side.
    let Some(event) = FeedEvent::parse(component, 0, zones, &mut Vec::new()) else {
        return vec![within];
    };
    let has_end = component.line("DTEND").or(component.line("DURATION")).is_some();
    let window = match has_end {
        true => event.start.window(event.length),
        false => (event.start.to_instant()).and_then(|start| Window::new(start, within.ends_at())),
    };
    window.into_iter().collect()
}
