//! For the checkout page: start a checkout, look at a hold, give it back.
//!
//! Public. The id is the right to read, the token the right to cancel; the terms are the catalogue's (I8).

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode, header};
use chrono::{DateTime, Utc};
use deserr::Deserr;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::Server;
use super::body::{self, FieldErrors};
use super::client::Client;
use super::error::{Code, Problem};
use super::fields::{self, Email, Name, Quantity};
use super::metadata::Metadata;
use super::path_id::PathId;
use super::views::{HoldView, PlacedHoldView};
use crate::domain::booking::{Actor, Booking, Guest};
use crate::domain::hold::{ReleaseRequester, Status};
use crate::domain::ids::{EventTypeId, HoldId, IdempotencyKey, ResourceId};
use crate::workflow::release_hold::ReleaseOutcome;
use crate::workflow::start_checkout::{Checkout, CheckoutRequest};
use crate::workflow::{cancel_hold, queries, release_hold, start_checkout};

/// What is to be booked, and for whom. Price, duration and resource come from the event type.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
#[serde(deny_unknown_fields)]
#[schema(as = NewHold)]
pub(super) struct NewHold {
    /// What.
    #[schema(value_type = String, example = "intro-call", pattern = "^[a-z0-9-]{1,64}$")]
    event_type: EventTypeId,
    /// From when on: a whole second in the future, RFC 3339 with any offset.
    #[schema(example = "2030-12-01T10:00:00Z")]
    starts_at: DateTime<Utc>,
    /// How many units of each segment: all of them, or none.
    #[deserr(default)]
    #[schema(value_type = u32, required = false, default = 1, minimum = 1, maximum = 50)]
    quantity: Quantity,
    /// Whom the guest wants: one of the event type's resources.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "ana", pattern = "^[a-z0-9-]{1,64}$")]
    resource: Option<ResourceId>,
    /// For whom.
    guest: NewGuest,
    /// The caller's own pairs: at most 20, keys of 1 to 40, values of at most 500 characters.
    #[deserr(default)]
    #[schema(value_type = BTreeMap<String, String>, required = false, example = json!({"order": "17"}))]
    metadata: Metadata,
    /// Where Stripe sends the guest who paid; `{HOLD_ID}` and `{CHECKOUT_SESSION_ID}` are filled in.
    #[deserr(default)]
    #[expect(dead_code, reason = "read from the JSON itself")]
    #[schema(example = "https://shop.example/done?hold={HOLD_ID}")]
    success_url: Option<String>,
    /// Where Stripe sends the guest who turned back.
    #[deserr(default)]
    #[expect(dead_code, reason = "read from the JSON itself")]
    #[schema(example = "https://shop.example/cancelled?hold={HOLD_ID}")]
    cancel_url: Option<String>,
}

/// Who books.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
#[serde(deny_unknown_fields)]
#[schema(as = NewGuest)]
pub(super) struct NewGuest {
    /// Address; Stripe sends the receipt there.
    #[schema(value_type = String, example = "ada@example.com", format = Email)]
    email: Email,
    /// Name.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "Ada", min_length = 1, max_length = 200)]
    name: Option<Name>,
}

/// Starts a checkout: makes a Stripe Checkout Session and holds the slot for the guest.
#[utoipa::path(
    post, path = "/v1/holds", operation_id = "startCheckout", tag = "holds",
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters: the same key and body get the same hold", nullable = false, pattern = "^[!-~]{1,255}$")),
    request_body = NewHold,
    responses(
        (status = 201, description = "The slot is held", body = PlacedHoldView),
        (status = 200, description = "The same key and body came before: the same hold", body = PlacedHoldView),
        (status = 400, description = "`malformed`"),
        (status = 404, description = "`not_found`"),
        (status = 409, description = "`slot_taken` or `idempotency_in_progress`"),
        (status = 413, description = "`malformed`"),
        (status = 415, description = "`malformed`"),
        (status = 422, description = "`invalid` or `idempotency_mismatch`"),
        (status = 429, description = "`too_many_holds`, or `rate_limited`"),
        (status = 500, description = "`internal`"),
        (status = 503, description = "`stripe_unavailable` or `store_unavailable`"),
    )
)]
pub(super) async fn create(
    State(server): State<Arc<Server>>,
    client: Client,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<PlacedHoldView>), Problem> {
    let request = CheckoutRequest {
        client: client.id(&server),
        ..read(&server, &headers, body)?
    };
    let _place = server.places.try_acquire().map_err(|_| {
        Problem::new(
            Code::RateLimited,
            "too many checkouts are under way on this instance",
        )
    })?;
    let (status, booking) = match start_checkout::start_checkout(&server.context, request).await? {
        Checkout::Placed(booking) => (StatusCode::CREATED, booking),
        Checkout::Replayed(booking) => (StatusCode::OK, booking),
    };
    let token = server.context.tokens.hold_token(booking.hold.id);
    Ok((
        status,
        Json(PlacedHoldView {
            hold: HoldView::new(&booking),
            token,
        }),
    ))
}

fn read(
    server: &Server,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<CheckoutRequest, Problem> {
    let json = body::json(headers, body)?;
    // Members in the order of their names: the same request is the same body, however it was written.
    let fingerprint = hex::encode(Sha256::digest(json.to_string()));
    let mut faults = FieldErrors::default();
    let key = faults.take("Idempotency-Key", idempotency_key(headers)).flatten();
    // From the JSON, because what is allowed is the server's, which `NewHold` does not know.
    let mut return_url = |member: &str, configured: &str| match json[member].as_str() {
        Some(url) => faults.take(member, fields::return_url(url, &server.origins)),
        None => Some(configured.to_owned()),
    };
    let success_url = return_url("success_url", &server.success_url);
    let cancel_url = return_url("cancel_url", &server.cancel_url);
    let new: Option<NewHold> = body::parse(json, &mut faults);
    match (new, success_url, cancel_url) {
        (Some(new), Some(success_url), Some(cancel_url)) if faults.is_empty() => Ok(CheckoutRequest {
            event_type: new.event_type,
            starts_at: new.starts_at,
            quantity: new.quantity.0,
            resource: new.resource,
            client: None,
            guest: Guest {
                email: new.guest.email.0,
                name: new.guest.name.map(|Name(name)| name),
            },
            metadata: new.metadata.0,
            success_url,
            cancel_url,
            key,
            fingerprint,
        }),
        _ => Err(faults.into_problem()),
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, String> {
    let mut values = headers.get_all("idempotency-key").iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err("is given twice".to_owned());
    }
    let text = value
        .to_str()
        .map_err(|_| crate::domain::ids::IdError::NotAKey.to_string())?;
    IdempotencyKey::parse(text)
        .map(Some)
        .map_err(|error| error.to_string())
}

/// Shows a hold to whoever has its id.
#[utoipa::path(
    get, path = "/v1/holds/{id}", operation_id = "getHold", tag = "holds",
    params(("id" = Uuid, Path, description = "the hold's id")),
    responses(
        (status = 200, description = "The hold", body = HoldView),
        (status = 404, description = "`not_found`"),
        (status = 500, description = "`internal`"),
        (status = 503, description = "`store_unavailable`"),
    )
)]
pub(super) async fn show(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
) -> Result<Json<HoldView>, Problem> {
    let id = hold_id(&id)?;
    let booking = queries::find_hold(&server.context, id)
        .await?
        .ok_or_else(|| Problem::not_found("hold"))?;
    Ok(Json(HoldView::new(&booking)))
}

/// Gives a slot back at once: Stripe ends the session first, then the slot is free. One that is paid is cancelled, and
/// the money goes back, where the event type lets its guests and it is early enough.
#[utoipa::path(
    delete, path = "/v1/holds/{id}", operation_id = "cancelHold", tag = "holds",
    params(("id" = Uuid, Path, description = "the hold's id")),
    security(("hold_token" = [])),
    responses(
        (status = 200, description = "Released or cancelled, now or before", body = HoldView),
        (status = 401, description = "`unauthorized`"),
        (status = 404, description = "`not_found`"),
        (status = 409, description = "`already_paid`"),
        (status = 429, description = "`rate_limited`"),
        (status = 500, description = "`internal`"),
        (status = 503, description = "`stripe_unavailable` or `store_unavailable`; asking again is safe"),
    )
)]
pub(super) async fn cancel(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    headers: HeaderMap,
) -> Result<Json<HoldView>, Problem> {
    let id = hold_id(&id)?;
    let booking = of_its_guest(&server, id, &headers).await?;
    let booking = if cancel_hold::is_cancellable_by_guest(&server.context, &booking) {
        cancelled(cancel_hold::cancel_by_guest(&server.context, id).await?)?
    } else {
        match release_hold::release_hold_in_task(
            &server.context,
            id,
            Some(ReleaseRequester::Guest),
            Actor::Guest,
        )
        .await?
        {
            ReleaseOutcome::Missing => return Err(Problem::not_found("hold")),
            ReleaseOutcome::Over(booking) => booking,
        }
    };
    given_back(&booking)?;
    Ok(Json(HoldView::new(&booking)))
}

/// The hold, for whoever has its token.
async fn of_its_guest(server: &Server, id: HoldId, headers: &HeaderMap) -> Result<Booking, Problem> {
    let token = bearer(headers).ok_or_else(unauthorized)?;
    let booking = queries::find_hold(&server.context, id).await?;
    let booking = booking.ok_or_else(|| Problem::not_found("hold"))?;
    if !server.context.tokens.is_hold_token(id, token) {
        return Err(unauthorized());
    }
    Ok(booking)
}

/// The hold as a cancellation left it; a refused one is shown as it is.
fn cancelled(outcome: cancel_hold::CancelOutcome) -> Result<Box<Booking>, Problem> {
    match outcome {
        cancel_hold::CancelOutcome::Missing => Err(Problem::not_found("hold")),
        cancel_hold::CancelOutcome::Over(booking) | cancel_hold::CancelOutcome::Refused(booking, _) => {
            Ok(booking)
        }
    }
}

/// Whether a release left the slot free; where not, why.
pub(super) fn given_back(booking: &Booking) -> Result<(), Problem> {
    match booking.hold.status {
        Status::Released(_) | Status::Cancelled(_) => Ok(()),
        Status::Confirmed => Err(Problem::new(
            Code::AlreadyPaid,
            "the payment went through; the hold is confirmed",
        )),
        Status::Processing => Err(Problem::new(
            Code::AlreadyPaid,
            "a payment is at work; the hold is processing",
        )),
        // Stripe says that the session is open and yet cannot be ended: ask again.
        Status::Held => Err(Problem::new(
            Code::StripeUnavailable,
            "Stripe gave no verdict; nothing has changed",
        )),
    }
}

pub(super) fn unauthorized() -> Problem {
    Problem::new(Code::Unauthorized, "send the hold's token as a bearer token")
}

/// The id in a path; what cannot be one does not exist.
pub(super) fn hold_id(text: &str) -> Result<HoldId, Problem> {
    HoldId::parse(text).ok_or_else(|| Problem::not_found("hold"))
}

/// The bearer token of a request.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
