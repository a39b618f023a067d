//! A resource's confirmed holds as an iCalendar file (RFC 5545), for calendar programs that subscribe to it.
//!
//! Calendar programs can send no header, so the key is in the query. The file names no guests.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::header;
use axum::response::IntoResponse;
use chrono::Duration;
use deserr::Deserr;

use super::appointments::{Appointment, write_calendar};
use super::error::{Problem, ProblemCode};
use super::field_errors::FieldErrors;
use super::path_id::{PathId, parse_resource_id};
use super::query_string::parse_query;
use super::server::Server;
use crate::domain::booking::Booking;
use crate::domain::ids::ResourceId;
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
    Ok((headers, write_calendar(Some(&resource.name), entries.iter())))
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
        location: None,
        changed_at: booking.updated_at,
    })
}
