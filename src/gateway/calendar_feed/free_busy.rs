//! Lists of times without their events: when somebody is busy (`VFREEBUSY`), as Exchange and Fastmail publish them, and when
//! somebody is available (`VAVAILABILITY`).

use super::error::FeedEventError;
use super::lines::Component;
use super::times::{ReadPeriod, ReadTime, TimeReader};
use super::values::{NominalLength, parse_duration};
use super::vtimezone::FeedZones;
use super::zone::ZonedTime;
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
    if component.is_unended {
        faults.push(FeedEventError::Unended);
    }
    let mut reader = TimeReader::new(zones, component.calendar);
    // Without a start or an end, or without one that can be read, it has no limit on that side.
    let mut read_limit = |time: ReadTime| match time {
        ReadTime::Whole(time) => Some(time),
        _ => {
            faults.push(FeedEventError::Limit);
            None
        }
    };
    let start = component.line("DTSTART").map(|line| reader.read_line(line));
    let start = start.and_then(&mut read_limit);
    reader.of_start = start.as_ref().map(|start| start.zone.clone());
    let end = component.line("DTEND").map(|line| reader.read_line(line));
    let end = end.and_then(&mut read_limit).and_then(|end| end.to_instant());
    let duration = component.value("DURATION").and_then(parse_duration);
    let end_of_duration = || Some(start.as_ref()?.window(duration?)?.ends_at());
    let to = end.or_else(end_of_duration);
    let window = match (start.as_ref().and_then(ZonedTime::to_instant), to) {
        (Some(from), Some(to)) => Window::new(from, to).or_else(|| {
            faults.push(FeedEventError::Limit);
            Some(within)
        }),
        (from, to) => Window::new(from.unwrap_or(within.starts_at()), to.unwrap_or(within.ends_at())),
    };
    window.into_iter().collect()
}
