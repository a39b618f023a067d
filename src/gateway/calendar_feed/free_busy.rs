//! Lists of busy times without their events (`VFREEBUSY`), as Exchange and Fastmail publish them.

use super::error::FeedEventError;
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
    let reader = TimeReader::new(zones);
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
