//! Writes appointments as an iCalendar file (RFC 5545), for the calendar programs of staff and guests.

use chrono::{DateTime, Utc};
use icalendar::{Component as _, EventLike as _, Property};

use crate::domain::time::Window;

/// One entry of a calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Appointment {
    /// Identifies the appointment in calendar programs. It stays the same when the appointment moves, so that
    /// programs recognize it.
    pub(super) uid: String,
    /// When it is, without buffers.
    pub(super) window: Window,
    /// What it is, in one line.
    pub(super) summary: String,
    /// Where or with whom it is, if that has a name.
    pub(super) location: Option<String>,
    /// When it was changed last.
    pub(super) changed_at: DateTime<Utc>,
}

/// Writes a calendar file. `name` is the calendar's name in calendar programs; without one, its entries go into a calendar
/// that the reader has.
pub(super) fn write_calendar<'a>(
    name: Option<&str>,
    entries: impl Iterator<Item = &'a Appointment>,
) -> String {
    let mut calendar = icalendar::Calendar::new();
    calendar.properties.retain(|property| property.key() != "PRODID");
    calendar.append_property(Property::new("PRODID", "-//Holdfast//Appointments//EN"));
    calendar.append_property(Property::new("METHOD", "PUBLISH"));
    if let Some(name) = name {
        calendar.name(&to_single_line(name));
    }
    calendar.extend(entries.map(to_ical_event));
    calendar.to_string()
}

fn to_ical_event(entry: &Appointment) -> icalendar::Event {
    let mut event = icalendar::Event::with_uid(&to_single_line(&entry.uid));
    event
        .timestamp(entry.changed_at)
        // A program that has the entry takes the one that was changed later.
        .append_property(Property::new(
            "SEQUENCE",
            entry.changed_at.timestamp().to_string(),
        ))
        .starts(entry.window.starts_at())
        .ends(entry.window.ends_at())
        .summary(&to_single_line(&entry.summary));
    if let Some(location) = &entry.location {
        event.location(&to_single_line(location));
    }
    event.done()
}

/// Replaces control characters by spaces, so that a name cannot inject a line into the file.
fn to_single_line(text: &str) -> String {
    let replace = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(replace).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::zone::ZoneDatabase;
    use crate::gateway::calendar_feed::{BusyTime, ZoneNames, parse_feed};
    use chrono::Duration;

    fn entry(uid: &str, summary: &str, hour: i64) -> Appointment {
        let midnight: DateTime<Utc> = "2026-06-01T00:00:00Z".parse().unwrap();
        let start = midnight + Duration::hours(hour);
        Appointment {
            uid: uid.to_owned(),
            window: Window::new(start, start + Duration::minutes(45)).unwrap(),
            summary: summary.to_owned(),
            location: None,
            changed_at: midnight,
        }
    }

    #[test]
    fn calendar_has_the_lines_of_rfc_5545() {
        let file = write_calendar(
            Some("Ana"),
            [entry("a@holdfast", "Cut, colour; style \\ dry", 9)].iter(),
        );
        let lines: Vec<&str> = file.split_terminator("\r\n").collect();
        for line in [
            "VERSION:2.0",
            "PRODID:-//Holdfast//Appointments//EN",
            "X-WR-CALNAME:Ana",
            "UID:a@holdfast",
            "DTSTAMP:20260601T000000Z",
            "DTSTART:20260601T090000Z",
            "DTEND:20260601T094500Z",
            "SUMMARY:Cut\\, colour\\; style \\\\ dry",
        ] {
            assert_eq!(
                lines.iter().filter(|found| **found == line).count(),
                1,
                "{line} in {file}"
            );
        }
        assert_eq!(
            (lines.first(), lines.last()),
            (Some(&"BEGIN:VCALENDAR"), Some(&"END:VCALENDAR"))
        );
        assert!(
            !file.replace("\r\n", "").contains(['\r', '\n']),
            "every line ends with CR LF"
        );
    }

    #[test]
    fn lines_are_folded_and_names_cannot_inject_lines() {
        let long = "Färben und schneiden 💇 ".repeat(20);
        let forged = "Cut\r\nEND:VEVENT\rBEGIN:VEVENT\nDTSTART:20200101T000000Z\u{85}";
        let entries = [entry("a", &long, 9), entry("b", forged, 10), entry("c", "", 11)];
        let file = write_calendar(Some(forged), entries.iter());
        assert!(file.split("\r\n").all(|line| line.len() <= 75), "{file}");
        assert!(!file.replace("\r\n", "").contains(['\r', '\n']), "{file}");
        assert_eq!(
            file.split("\r\n").filter(|line| *line == "BEGIN:VEVENT").count(),
            3
        );
        assert!(file.replace("\r\n ", "").contains(long.trim_end()));
    }

    #[test]
    fn written_calendar_parses_back() {
        let entries = [entry("a", &"long ".repeat(40), 9), entry("b", "x", 12)];
        let within = Window::new(entries[0].window.starts_at(), entries[1].window.ends_at()).unwrap();
        let parse = |entries: &[Appointment]| {
            let written = write_calendar(Some("Ana"), entries.iter());
            parse_feed(
                written.as_bytes(),
                within,
                &ZoneNames::default(),
                &ZoneDatabase::linked(),
            )
            .unwrap()
        };
        let parsed = parse(&entries);
        let expected = entries.map(|entry| BusyTime {
            window: entry.window,
            uid: entry.uid.into(),
        });
        assert_eq!((parsed.busy, parsed.faults), (expected.to_vec(), Vec::new()));
        assert!(parse(&[]).busy.is_empty());
    }
}
