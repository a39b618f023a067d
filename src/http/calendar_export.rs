//! A resource's confirmed holds as an iCalendar file (RFC 5545), for calendar programs that subscribe to it.
//!
//! Calendar programs can send no header, so the key is in the query. The file names no guests.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::header;
use axum::response::IntoResponse;
use chrono::{DateTime, Duration, Utc};
use deserr::Deserr;
use icalendar::{Component as _, EventLike as _, Property};

use super::error::{Problem, ProblemCode};
use super::field_errors::FieldErrors;
use super::path_id::{PathId, parse_resource_id};
use super::query_string::parse_query;
use super::server::Server;
use crate::domain::booking::Booking;
use crate::domain::ids::ResourceId;
use crate::domain::time::Window;
use crate::domain::token::TokenKeys;
use crate::workflow::{catalogue, queries};

/// How long ago the oldest entry may have ended.
const MAX_AGE: Duration = Duration::days(31);
/// The most bookings of one file. The newest come first.
const MAX_BOOKINGS: u32 = 2_000;

#[derive(Debug, Deserr)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
struct CalendarExportQuery {
    key: String,
}

/// Exports a resource's confirmed holds, for any calendar program that subscribes to it.
#[utoipa::path(
    get, path = "/v1/resources/{id}/calendar.ics", operation_id = "getCalendar", tag = "operators",
    params(
        ("id" = String, Path, description = "the resource's id", pattern = "^[a-z0-9-]{1,64}$"),
        ("key" = String, Query, description = "the key in the resource's `calendar_url`"),
    ),
    responses(
        (status = 200, description = "The calendar", body = String, content_type = "text/calendar"),
        (status = 401, description = "`unauthorized`: the key is not the one of this calendar"),
        (status = 404, description = "`not_found`"),
        (status = 422, description = "`invalid`"),
        (status = 429, description = "`rate_limited`"),
    )
)]
pub(super) async fn export_calendar(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    RawQuery(query): RawQuery,
) -> Result<impl IntoResponse, Problem> {
    let id = parse_resource_id(&id)?;
    let query: CalendarExportQuery = parse_query(query.as_deref())?;
    if !catalogue::is_calendar_key(&server.context, &id, &query.key).await? {
        return Err(Problem::new(
            ProblemCode::Unauthorized,
            "the key is not the one of this calendar",
        ));
    }
    let resource = catalogue::find_resource(&server.context, &id)
        .await?
        .ok_or_else(|| Problem::not_found("resource"))?;
    let entries = list_entries(&server, &id).await?;
    let headers = [(header::CONTENT_TYPE, "text/calendar; charset=utf-8")];
    Ok((headers, write_calendar(&resource.name, entries.iter())))
}

async fn list_entries(server: &Server, resource: &ResourceId) -> Result<Vec<Appointment>, Problem> {
    let token_keys = server.context.token_keys().await?;
    let from = server.context.now() - MAX_AGE;
    let bookings = queries::list_confirmed(&server.context, resource, from, MAX_BOOKINGS).await?;
    let entries = bookings
        .iter()
        .flat_map(|booking| list_entries_of_booking(booking, resource, token_keys));
    Ok(entries.filter(|entry| entry.window.ends_at() > from).collect())
}

/// Lists the entries of one booking: one for each of its segments on the resource.
fn list_entries_of_booking<'a>(
    booking: &'a Booking,
    resource: &'a ResourceId,
    token_keys: &TokenKeys,
) -> impl Iterator<Item = Appointment> + 'a {
    // Not the hold's id, which gives the right to read the hold.
    let pseudonym = token_keys.appointment_pseudonym(booking.hold.id);
    let segments = booking.segments.iter().enumerate();
    let segments = segments.filter(move |(_, segment)| segment.resource == *resource);
    segments.map(move |(number, segment)| Appointment {
        uid: format!("{pseudonym}-{number}@holdfast"),
        window: segment.window,
        summary: booking.event_type.to_string(),
        changed_at: booking.updated_at,
    })
}

/// One appointment of the calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Appointment {
    /// Identifies the appointment in calendar programs. It stays the same when the appointment moves, so that
    /// programs recognize it.
    uid: String,
    window: Window,
    summary: String,
    changed_at: DateTime<Utc>,
}

/// Writes the calendar file. `name` is the calendar's name in calendar programs.
fn write_calendar<'a>(name: &str, entries: impl Iterator<Item = &'a Appointment>) -> String {
    let mut calendar = icalendar::Calendar::new();
    calendar.properties.retain(|property| property.key() != "PRODID");
    calendar.append_property(Property::new("PRODID", "-//Holdfast//Appointments//EN"));
    calendar.append_property(Property::new("METHOD", "PUBLISH"));
    calendar.name(&to_single_line(name));
    calendar.extend(entries.map(to_ical_event));
    calendar.to_string()
}

fn to_ical_event(entry: &Appointment) -> icalendar::Event {
    icalendar::Event::with_uid(&to_single_line(&entry.uid))
        .timestamp(entry.changed_at)
        .starts(entry.window.starts_at())
        .ends(entry.window.ends_at())
        .summary(&to_single_line(&entry.summary))
        .done()
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
            changed_at: midnight,
        }
    }

    #[test]
    fn calendar_has_the_lines_of_rfc_5545() {
        let file = write_calendar(
            "Ana",
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
        let file = write_calendar(forged, entries.iter());
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
            let written = write_calendar("Ana", entries.iter());
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
