//! A host's appointments as an iCalendar file (RFC 5545), for any calendar program that subscribes to it.
//!
//! Whoever has the key reads it: calendar programs can send nothing but an address. Guests are not named in it.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::header;
use axum::response::IntoResponse;
use chrono::{DateTime, Duration, Utc};
use deserr::Deserr;
use icalendar::{Component as _, EventLike as _, Property};

use super::Server;
use super::body::{self, FieldErrors};
use super::error::{Code, Problem};
use super::path_id::PathId;
use crate::domain::booking::Booking;
use crate::domain::ids::ResourceId;
use crate::domain::listing::{HoldFilter, PageRequest, StatusKind};
use crate::domain::time::Window;
use crate::workflow::{catalogue, queries};

/// How long ago an appointment may have begun that is still told.
const BACK: Duration = Duration::days(31);
/// How many appointments a file has at most; the newest bookings go first.
const MOST: usize = 2_000;

#[derive(Debug, Deserr)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
struct CalendarQuery {
    key: String,
}

/// A resource's confirmed holds, for any calendar program that subscribes to it.
#[utoipa::path(
    get, path = "/v1/resources/{id}/calendar.ics", operation_id = "getCalendar", tag = "operators",
    params(
        ("id" = String, Path, description = "the resource's id", pattern = "^[a-z0-9-]{1,64}$"),
        ("key" = String, Query, description = "the key in the resource's `calendar_url`"),
    ),
    responses(
        (status = 200, description = "The calendar", body = String, content_type = "text/calendar"),
        (status = 401, description = "`unauthorized`: not the key to this calendar"),
        (status = 404, description = "`not_found`"),
        (status = 422, description = "`invalid`"),
    )
)]
pub(super) async fn show(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    RawQuery(query): RawQuery,
) -> Result<impl IntoResponse, Problem> {
    let missing = || Problem::not_found("resource");
    let id = ResourceId::parse(&id).map_err(|_| missing())?;
    let query: CalendarQuery = body::query(query.as_deref())?;
    if !server.context.tokens.is_calendar_key(&id, &query.key) {
        return Err(Problem::new(
            Code::Unauthorized,
            "that is not the key to this calendar",
        ));
    }
    let resource = catalogue::find_resource(&server.context, &id)
        .await?
        .ok_or_else(missing)?;
    let appointments = appointments(&server, &id).await?;
    let kind = [
        (header::CONTENT_TYPE, "text/calendar; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((kind, write(&resource.name, appointments.iter())))
}

async fn appointments(server: &Server, resource: &ResourceId) -> Result<Vec<Appointment>, Problem> {
    let filter = HoldFilter {
        status: Some(StatusKind::Confirmed),
        resource: Some(resource.clone()),
        from: Some(server.context.now() - BACK),
        ..HoldFilter::default()
    };
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let page = PageRequest { limit: 200, cursor };
        let part = queries::list_holds(&server.context, &filter, &page).await?;
        found.extend(
            part.entries
                .iter()
                .flat_map(|booking| of_resource(booking, resource)),
        );
        cursor = part.next;
        if cursor.is_none() || found.len() >= MOST {
            return Ok(found);
        }
    }
}

/// The part of a booking that concerns the resource: each of its segments.
fn of_resource<'a>(booking: &'a Booking, resource: &'a ResourceId) -> impl Iterator<Item = Appointment> + 'a {
    let segments = booking.segments.iter().enumerate();
    let segments = segments.filter(move |(_, segment)| segment.resource == *resource);
    segments.map(|(number, segment)| Appointment {
        uid: format!("{}-{number}@holdfast", booking.hold.id),
        window: segment.window,
        summary: booking.event_type.to_string(),
        changed_at: booking.updated_at,
    })
}

/// One appointment, as a calendar program shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Appointment {
    /// The same for the same appointment, whenever it is asked: by it programs know one that has moved.
    uid: String,
    /// When.
    window: Window,
    /// What it is called.
    summary: String,
    /// When it last changed.
    changed_at: DateTime<Utc>,
}

/// The file. `name` is what programs call the calendar.
fn write<'a>(name: &str, appointments: impl Iterator<Item = &'a Appointment>) -> String {
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
