//! A confirmed hold as an iCalendar file, for its guest's own calendar.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;

use super::appointments::{Appointment, write_calendar};
use super::error::Problem;
use super::path_id::{PathId, parse_hold_id};
use super::server::Server;
use crate::domain::booking::Booking;
use crate::domain::hold::Status;
use crate::workflow::queries;

/// Returns a confirmed hold as a calendar file, for its guest's own calendar. Its id gives the right to read it.
#[utoipa::path(
    get, path = "/v1/holds/{id}/calendar.ics", operation_id = "getHoldCalendar", tag = "holds",
    params(("id" = Uuid, Path, description = "the hold's id")),
    responses(
        (status = 200, description = "The calendar file", body = String, content_type = "text/calendar"),
        (status = 404, description = "`not_found`: there is no such hold, or it is not confirmed"),
        (status = 429, description = "`rate_limited`"),
        (status = 500, description = "`internal`"),
        (status = 503, description = "`store_unavailable`"),
    )
)]
pub(super) async fn get_hold_calendar(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
) -> Result<impl IntoResponse, Problem> {
    let id = parse_hold_id(&id)?;
    let booking = queries::find_hold(&server.context, id).await?;
    let booking = booking.filter(|booking| booking.hold.status == Status::Confirmed);
    let booking = booking.ok_or_else(|| Problem::not_found("confirmed hold"))?;
    let appointment = describe_booking(&server, &booking).await?;
    let headers = [
        (header::CONTENT_TYPE, "text/calendar; charset=utf-8"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"booking.ics\"",
        ),
    ];
    Ok((headers, write_calendar(None, std::iter::once(&appointment))))
}

/// Describes a booking for its guest: the name of the event type, and who serves its first segment. What is no longer in
/// the catalogue is named by its id.
async fn describe_booking(server: &Server, booking: &Booking) -> Result<Appointment, Problem> {
    // Not the hold's id, which gives the right to read the hold to all who see the guest's calendar.
    let pseudonym = server
        .context
        .token_keys()
        .await?
        .appointment_pseudonym(booking.hold.id);
    let name = booking.names.event_type.clone();
    let name = name.unwrap_or_else(|| booking.event_type.to_string());
    Ok(Appointment {
        uid: format!("{pseudonym}@holdfast"),
        window: booking.window(),
        summary: match booking.quantity {
            1 => name,
            quantity => format!("{quantity} × {name}"),
        },
        location: booking.resource_name().map(str::to_owned),
        changed_at: booking.updated_at,
    })
}
