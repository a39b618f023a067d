//! A host's appointments as an iCalendar file (RFC 5545), for any calendar program that subscribes to it.
//!
//! Only the rendering; who may read it, and what is in it, is left to the handler.

use chrono::{DateTime, Utc};
use icalendar::{Component as _, EventLike as _, Property};

use crate::domain::time::Window;

/// One appointment, as a calendar program shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appointment {
    /// The same for the same appointment, whenever it is asked: by it programs know one that has moved.
    pub uid: String,
    /// When.
    pub window: Window,
    /// What it is called.
    pub summary: String,
    /// When it last changed.
    pub changed_at: DateTime<Utc>,
}

/// The file. `name` is what programs call the calendar.
pub fn write<'a>(name: &str, appointments: impl Iterator<Item = &'a Appointment>) -> String {
    let mut calendar = icalendar::Calendar::new();
    calendar.properties.retain(|property| property.key() != "PRODID");
    calendar.append_property(Property::new("PRODID", "-//Holdfast//Appointments//EN"));
    calendar.append_property(Property::new("METHOD", "PUBLISH"));
    calendar.name(&printable(name));
    calendar.extend(appointments.map(event));
    calendar.to_string()
}

fn event(appointment: &Appointment) -> icalendar::Event {
    icalendar::Event::with_uid(&printable(&appointment.uid))
        .timestamp(appointment.changed_at)
        .starts(appointment.window.starts_at())
        .ends(appointment.window.ends_at())
        .summary(&printable(&appointment.summary))
        .done()
}

/// The text on one line: a name that somebody typed must not begin a line of the file.
fn printable(text: &str) -> String {
    let space = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(space).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::calendar::{BusyTime, busy};
    use chrono::Duration;

    fn appointment(uid: &str, summary: &str, hour: i64) -> Appointment {
        let midnight: DateTime<Utc> = "2026-06-01T00:00:00Z".parse().unwrap();
        let start = midnight + Duration::hours(hour);
        Appointment {
            uid: uid.to_owned(),
            window: Window::new(start, start + Duration::minutes(45)).unwrap(),
            summary: summary.to_owned(),
            changed_at: midnight,
        }
    }

    #[test]
    fn a_calendar_is_written_line_by_line_as_the_standard_wants_it() {
        let file = write(
            "Ana",
            [appointment("a@holdfast", "Cut, colour; style \\ dry", 9)].iter(),
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
            "every line ends with both"
        );
    }

    #[test]
    fn no_line_is_longer_than_75_bytes_and_no_name_begins_one() {
        let long = "Färben und schneiden 💇 ".repeat(20);
        let forged = "Cut\r\nEND:VEVENT\rBEGIN:VEVENT\nDTSTART:20200101T000000Z\u{85}";
        let appointments = [
            appointment("a", &long, 9),
            appointment("b", forged, 10),
            appointment("c", "", 11),
        ];
        let file = write(forged, appointments.iter());
        assert!(file.split("\r\n").all(|line| line.len() <= 75), "{file}");
        assert!(!file.replace("\r\n", "").contains(['\r', '\n']), "{file}");
        assert_eq!(
            file.split("\r\n").filter(|line| *line == "BEGIN:VEVENT").count(),
            3
        );
        assert!(file.replace("\r\n ", "").contains(long.trim_end()));
    }

    #[test]
    fn what_is_written_is_read_back() {
        let appointments = [
            appointment("a", &"long ".repeat(40), 9),
            appointment("b", "x", 12),
        ];
        let within = Window::new(
            appointments[0].window.starts_at(),
            appointments[1].window.ends_at(),
        )
        .unwrap();
        let reading = busy(&write("Ana", appointments.iter()), within).unwrap();
        let expected = appointments.map(|appointment| BusyTime {
            window: appointment.window,
            uid: appointment.uid,
        });
        assert_eq!((reading.busy, reading.faults), (expected.to_vec(), Vec::new()));
        assert!(busy(&write("Ana", [].iter()), within).unwrap().busy.is_empty());
    }
}
