//! For the checkout page: start a checkout, look at a hold, give it back.
//!
//! Public. The id is the right to read, the token the right to cancel; the terms are the catalogue's (I8).

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use deserr::Deserr;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::body::{self, Faults};
use super::error::{Code, Problem, ProblemDetails};
use super::views::{HoldView, PlacedHoldView};
use super::{Server, fields};
use crate::domain::booking::{Booking, Cause, Guest};
use crate::domain::hold::{Asker, Status};
use crate::domain::ids::{EventTypeId, HoldId, IdempotencyKey};
use crate::workflow::checkout::{Checkout, CheckoutRequest};
use crate::workflow::release::Outcome;
use crate::workflow::{checkout, inspect, release};

const MAX_PAIRS: usize = 20;
const MAX_KEY: usize = 40;
const MAX_VALUE: usize = 500;

/// What is to be booked, and for whom. Price, duration and resource come from the event type.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
#[schema(as = NewHold)]
pub(super) struct NewHold {
    /// What.
    #[schema(example = "intro-call", pattern = "^[a-z0-9-]{1,64}$")]
    event_type: String,
    /// From when on: a whole second in the future, RFC 3339 with any offset.
    #[schema(example = "2030-12-01T10:00:00Z", format = DateTime)]
    starts_at: String,
    /// For whom.
    guest: NewGuest,
    /// The caller's own pairs: at most 20, keys of 1 to 40, values of at most 500 characters.
    #[deserr(default)]
    #[schema(required = false, nullable = false)]
    metadata: BTreeMap<String, String>,
    /// Where Stripe sends the guest who paid; `{HOLD_ID}` and `{CHECKOUT_SESSION_ID}` are filled in.
    #[deserr(default)]
    #[schema(example = "https://shop.example/done?hold={HOLD_ID}")]
    success_url: Option<String>,
    /// Where Stripe sends the guest who turned back.
    #[deserr(default)]
    cancel_url: Option<String>,
}

/// Who books.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
#[schema(as = NewGuest)]
pub(super) struct NewGuest {
    /// Address; Stripe sends the receipt there.
    #[schema(example = "ada@example.com", format = Email)]
    email: String,
    /// Name.
    #[deserr(default)]
    #[schema(example = "Ada", max_length = 200)]
    name: Option<String>,
}

/// Starts a checkout: makes a Stripe Checkout Session and holds the slot for the guest.
#[utoipa::path(
    post, path = "/v1/holds", tag = "holds",
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters")),
    request_body = NewHold,
    responses(
        (status = 201, description = "The slot is held", body = PlacedHoldView),
        (status = 200, description = "The same key and body came before: the same hold", body = PlacedHoldView),
        (status = 400, description = "`malformed`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "`not_found`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 409, description = "`slot_taken` or `idempotency_in_progress`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 413, description = "`malformed`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 415, description = "`malformed`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "`invalid` or `idempotency_mismatch`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 429, description = "`rate_limited`: more checkouts at once than this instance takes", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 500, description = "`internal`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "`stripe_unavailable` or `store_unavailable`", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(super) async fn create(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<PlacedHoldView>), Problem> {
    let request = read(&server, &headers, body)?;
    let _place = server.places.try_acquire().map_err(|_| {
        Problem::new(
            Code::RateLimited,
            "too many checkouts are under way on this instance",
        )
    })?;
    let (status, booking) = match checkout::checkout(&server.context, request).await? {
        Checkout::Placed(booking) => (StatusCode::CREATED, booking),
        Checkout::Replayed(booking) => (StatusCode::OK, booking),
    };
    let token = server.context.tokens.token(booking.hold.id);
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
    let new: NewHold = body::parse(json)?;
    let mut faults = Faults::default();
    let key = faults.take("Idempotency-Key", idempotency_key(headers)).flatten();
    let event_type = faults.take("event_type", EventTypeId::parse(&new.event_type));
    let starts_at = faults.take("starts_at", fields::instant(&new.starts_at));
    let email = faults.take("guest.email", fields::email(&new.guest.email));
    let name = new
        .guest
        .name
        .and_then(|name| faults.take("guest.name", fields::name(&name)));
    check_metadata(&new.metadata, &mut faults);
    let mut return_url = |field, given: Option<String>, configured: &str| match given {
        Some(url) => faults.take(field, fields::return_url(&url, &server.origins)),
        None => Some(configured.to_owned()),
    };
    let success_url = return_url("success_url", new.success_url, &server.success_url);
    let cancel_url = return_url("cancel_url", new.cancel_url, &server.cancel_url);
    match (event_type, starts_at, email, success_url, cancel_url) {
        (Some(event_type), Some(starts_at), Some(email), Some(success_url), Some(cancel_url))
            if faults.is_empty() =>
        {
            let guest = Guest { email, name };
            let metadata = new.metadata;
            Ok(CheckoutRequest {
                event_type,
                starts_at,
                guest,
                metadata,
                success_url,
                cancel_url,
                key,
                fingerprint,
            })
        }
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

fn check_metadata(metadata: &BTreeMap<String, String>, faults: &mut Faults) {
    if metadata.len() > MAX_PAIRS {
        faults.add("metadata", "must have at most 20 pairs");
    }
    for (key, value) in metadata {
        let length = key.chars().count();
        if length == 0 || length > MAX_KEY || key.contains('\0') {
            faults.add("metadata", "must have keys of 1 to 40 characters");
        }
        if value.chars().count() > MAX_VALUE || value.contains('\0') {
            let shown: String = key.chars().take(MAX_KEY).collect();
            faults.add(
                &format!("metadata.{shown}"),
                "must be at most 500 characters, none of them NUL",
            );
        }
    }
}

/// Shows a hold to whoever has its id.
#[utoipa::path(
    get, path = "/v1/holds/{id}", tag = "holds",
    params(("id" = String, Path, description = "the hold's id")),
    responses(
        (status = 200, description = "The hold", body = HoldView),
        (status = 404, description = "`not_found`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 500, description = "`internal`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "`store_unavailable`", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
) -> Result<Json<HoldView>, Problem> {
    let id = hold_id(&id)?;
    let booking = inspect::hold(&server.context, id)
        .await?
        .ok_or_else(|| Problem::not_found("hold"))?;
    Ok(Json(HoldView::new(&booking)))
}

/// Gives a slot back at once: Stripe ends the session first, then the slot is free.
#[utoipa::path(
    delete, path = "/v1/holds/{id}", tag = "holds",
    params(("id" = String, Path, description = "the hold's id")),
    security(("hold_token" = [])),
    responses(
        (status = 200, description = "Released, now or before", body = HoldView),
        (status = 401, description = "`unauthorized`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "`not_found`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 409, description = "`already_paid`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 500, description = "`internal`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "`stripe_unavailable` or `store_unavailable`; nothing has changed", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(super) async fn cancel(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<HoldView>, Problem> {
    let id = hold_id(&id)?;
    let token = bearer(&headers).ok_or_else(unauthorized)?;
    if inspect::hold(&server.context, id).await?.is_none() {
        return Err(Problem::not_found("hold"));
    }
    if !server.context.tokens.accepts(id, token) {
        return Err(unauthorized());
    }
    match release::release_in_task(&server.context, id, Some(Asker::Guest), Cause::Guest).await? {
        Outcome::Missing => Err(Problem::not_found("hold")),
        Outcome::Over(booking) => given_back(&booking),
    }
}

fn given_back(booking: &Booking) -> Result<Json<HoldView>, Problem> {
    match booking.hold.status {
        Status::Released(_) | Status::Cancelled(_) => Ok(Json(HoldView::new(booking))),
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

fn unauthorized() -> Problem {
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
