//! The data of one guest, for the rights that privacy laws give: an export, and its erasure.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::HeaderMap;
use axum::{Extension, Json};
use chrono::{DateTime, Utc};
use deserr::Deserr;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::events::StoredEventView;
use crate::domain::listing::EventCopy;
use crate::domain::session::SessionTerms;
use crate::http::audit_trail::AuditNote;
use crate::http::error::Problem;
use crate::http::field_errors::FieldErrors;
use crate::http::field_values::{Cursor, Email};
use crate::http::hold_acts;
use crate::http::hold_detail::AdminHoldDetailView;
use crate::http::json_body::{parse_json, read_json};
use crate::http::server::Server;
use crate::http::timestamps::serialize_instant;
use crate::workflow::guest_data::{self, ErasedGuest, ExportedHold, GuestExport};

/// The guest to erase.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
#[serde(deny_unknown_fields)]
#[schema(as = GuestToErase)]
pub(in crate::http) struct GuestToErase {
    /// The guest's e-mail address; case and surrounding blanks do not matter.
    #[schema(value_type = String, example = "ada@example.com", format = Email)]
    email: Email,
}

/// The guest whose data to export.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
#[serde(deny_unknown_fields)]
#[schema(as = GuestToExport)]
pub(in crate::http) struct GuestToExport {
    /// The guest's e-mail address; case and surrounding blanks do not matter.
    #[schema(value_type = String, example = "ada@example.com", format = Email)]
    email: Email,
    /// The `next_cursor` of the previous page.
    #[deserr(default)]
    #[schema(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// An event from Stripe with its body.
#[derive(Serialize, ToSchema)]
#[schema(as = EventCopy)]
struct EventCopyView {
    /// The event as operators see it.
    #[serde(flatten)]
    event: StoredEventView,
    /// The body as Stripe sent it; null once it is deleted.
    #[schema(value_type = Option<Object>, required = true)]
    body: Option<serde_json::Value>,
}

impl From<&EventCopy> for EventCopyView {
    fn from(copy: &EventCopy) -> Self {
        let body = copy.body.as_deref();
        Self {
            event: StoredEventView::from(&copy.event),
            body: body.map(|text| serde_json::from_str(text).unwrap_or_else(|_| text.into())),
        }
    }
}

/// A hold of the guest with everything that is stored about it.
#[derive(Serialize, ToSchema)]
#[schema(as = ExportedHold)]
struct ExportedHoldView {
    /// The hold as operators see it.
    #[serde(flatten)]
    hold: AdminHoldDetailView,
    /// The events from Stripe that were applied to the hold.
    events: Vec<EventCopyView>,
}

impl From<&ExportedHold> for ExportedHoldView {
    fn from(exported: &ExportedHold) -> Self {
        Self {
            hold: AdminHoldDetailView::new(&exported.booking, &exported.history),
            events: exported.events.iter().map(EventCopyView::from).collect(),
        }
    }
}

/// A checkout that has not ended.
#[derive(Serialize, ToSchema)]
#[schema(as = OpenCheckout)]
struct OpenCheckoutView {
    /// The id of the hold that the checkout places.
    hold: Uuid,
    /// The name of what is booked.
    name: String,
    /// The guest's e-mail address.
    email: String,
    /// Where Stripe sends a guest who paid.
    success_url: String,
    /// Where Stripe sends a guest who turned back.
    cancel_url: String,
    /// When its session expires at Stripe.
    #[serde(serialize_with = "serialize_instant")]
    expires_at: DateTime<Utc>,
}

impl From<&SessionTerms> for OpenCheckoutView {
    fn from(terms: &SessionTerms) -> Self {
        Self {
            hold: terms.hold.0,
            name: terms.name.clone(),
            email: terms.email.clone(),
            success_url: terms.success_url.clone(),
            cancel_url: terms.cancel_url.clone(),
            expires_at: terms.expires_at,
        }
    }
}

/// What is stored about a guest.
#[derive(Serialize, ToSchema)]
#[schema(as = GuestExport)]
pub(in crate::http) struct GuestExportView {
    /// A page of the guest's holds, newest first.
    data: Vec<ExportedHoldView>,
    /// The guest's checkouts that have not ended; only on the first page.
    open_checkouts: Vec<OpenCheckoutView>,
    /// The events of payments without a hold that name the guest; only on the first page.
    orphan_events: Vec<EventCopyView>,
    /// The cursor of the next page; null on the last page.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

impl From<GuestExport> for GuestExportView {
    fn from(export: GuestExport) -> Self {
        Self {
            data: export.holds.iter().map(ExportedHoldView::from).collect(),
            open_checkouts: export.open_attempts.iter().map(OpenCheckoutView::from).collect(),
            orphan_events: export.orphan_events.iter().map(EventCopyView::from).collect(),
            next_cursor: export.next,
        }
    }
}

/// From where a guest was erased.
#[derive(Serialize, ToSchema)]
#[schema(as = ErasedGuest)]
pub(in crate::http) struct ErasedGuestView {
    /// The number of holds that named the guest.
    holds: u64,
    /// The number of events whose bodies were deleted.
    events: u64,
}

/// Exports everything that is stored about a guest.
#[utoipa::path(
    post, path = "/v1/admin/guests/export", operation_id = "exportGuest", tag = "operators",
    request_body = GuestToExport,
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The guest's data; empty lists if there is none", body = GuestExportView),
        (status = 400, description = "`malformed`"),
        (status = 413, description = "`malformed`"),
        (status = 415, description = "`malformed`"),
        (status = 422, description = "`invalid`"),
    )
)]
pub(in crate::http) async fn export_guest(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<GuestExportView>, Problem> {
    let request: GuestToExport = read_request(&headers, body)?;
    let cursor = request.cursor.map(|Cursor(cursor)| cursor);
    let export = guest_data::export_guest(&server.context, &request.email.0, cursor).await?;
    Ok(Json(export.into()))
}

/// Erases a guest: name, e-mail address and metadata of all holds, confirmed ones too, and the bodies of Stripe's events.
#[utoipa::path(
    post, path = "/v1/admin/guests/erase", operation_id = "eraseGuest", tag = "operators",
    request_body = GuestToErase,
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The guest is erased, now or before", body = ErasedGuestView),
        (status = 400, description = "`malformed`"),
        (status = 409, description = "`conflict`: the guest has an unpaid hold, or a checkout that has not ended"),
        (status = 413, description = "`malformed`"),
        (status = 415, description = "`malformed`"),
        (status = 422, description = "`invalid`"),
    )
)]
pub(in crate::http) async fn erase_guest(
    State(server): State<Arc<Server>>,
    Extension(note): Extension<AuditNote>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<ErasedGuestView>, Problem> {
    let request: GuestToErase = read_request(&headers, body)?;
    let ErasedGuest { holds, events } = hold_acts::erase_guest(&server, &request.email.0).await?;
    let view = ErasedGuestView { holds, events };
    note.set_after(&view);
    Ok(Json(view))
}

fn read_request<T: Deserr<FieldErrors>>(
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<T, Problem> {
    let mut errors = FieldErrors::default();
    let request = parse_json(read_json(headers, body)?, &mut errors);
    request.ok_or_else(|| errors.into_problem())
}
