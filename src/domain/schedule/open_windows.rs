//! The times at which a schedule is open, for a plan of a day.

use chrono::DateTime;

use super::{Schedule, ceil_to_second, merge_ranges};
use crate::domain::time::Window;
use crate::domain::zone::ZoneDatabase;

impl Schedule {
    /// Lists the open times within the window, in order, without overlaps. Neither notice nor horizon matter: the hours are
    /// open although nothing may be sold in them any more. If `zones` does not have the schedule's zone, lists none.
    pub fn list_open_windows(&self, within: Window, zones: &ZoneDatabase) -> Vec<Window> {
        let Some(zone) = zones.find(&self.timezone) else {
            return Vec::new();
        };
        let within = ceil_to_second(within.starts_at())..ceil_to_second(within.ends_at());
        let exceptions = self.group_exceptions_by_date();
        let mut open = Vec::new();
        for span in zone.list_offset_spans(within.clone()) {
            let wall = span.instants.start + span.offset..span.instants.end + span.offset;
            for opening in self.list_openings(&wall, &exceptions) {
                let start = opening.start.max(wall.start) - span.offset;
                let end = opening.end.min(wall.end) - span.offset;
                open.push(start.max(within.start)..end.min(within.end));
            }
        }
        open.retain(|range| !range.is_empty());
        let instant = |second| DateTime::from_timestamp(second, 0);
        let windows = merge_ranges(open).into_iter();
        windows
            .filter_map(|range| Window::new(instant(range.start)?, instant(range.end)?))
            .collect()
    }
}
