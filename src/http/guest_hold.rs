//! A hold for its guest, who reads it, with what the guest may do now, and cancels it.
//!
//! The id of a hold gives the right to read it, its token the right to change it and to know what may be changed.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use chrono::{DateTime, Utc};
use deserr::Deserr;
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::{find_hold_token, require_bearer_token, require_token_of};
use super::embedded_page::EmbeddedPageView;
use super::error::Problem;
use super::field_errors::FieldErrors;
use super::field_values::SeenRefund;
use super::holds::{find_booking, require_released};
use super::path_id::{PathId, parse_hold_id};
use super::query_string::parse_query;
use super::server::Server;
use super::timestamps::serialize_instant;
use super::views::HoldView;
use crate::domain::booking::{Actor, Booking};
use crate::domain::hold::ReleaseRequester;
use crate::domain::ids::HoldId;
use crate::workflow::cancel_hold::{self, CancelOutcome};
use crate::workflow::guest_rights::{self, CancelRight, GuestRights};
use crate::workflow::release_hold::{self, ReleaseOutcome};

impl HoldView {
    /// Shows a hold to its guest, who may need the embedded payment page. Nobody else has a use for that.
    pub(super) fn for_guest(booking: &Booking, server: &Server) -> Self {
        let mut view = Self::new(booking);
        view.embedded = EmbeddedPageView::new(booking, server.stripe_js.as_ref());
        view
    }
}

/// A hold, with the guest's rights if the request has the hold's token.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = GuestHold)]
pub(super) struct GuestHoldView {
    /// The hold as everybody may see it.
    #[serde(flatten)]
    pub(super) hold: HoldView,
    /// What the guest may do now. Only if the request has the hold's token.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) rights: Option<GuestRightsView>,
}

/// What a guest may do to a hold now. A right may end before it is used: then the act is refused with `409`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = GuestRights)]
pub(super) struct GuestRightsView {
    /// Cancelling a paid hold; null if the guest may not, or no longer. An unpaid hold is released without it.
    #[schema(required = true)]
    cancel: Option<CancelRightView>,
    /// Moving the hold to another start; null if the guest may not, or no longer.
    #[schema(required = true)]
    r#move: Option<MoveRightView>,
    /// More time to pay; null if there is none to give.
    #[schema(required = true)]
    extend: Option<ExtendRightView>,
}

/// A guest's right to cancel a paid hold.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = CancelRight)]
struct CancelRightView {
    /// The last instant at which the guest may cancel.
    #[serde(serialize_with = "serialize_instant")]
    until: DateTime<Utc>,
    /// How much goes back, in the currency's minor unit. Send it with the cancellation, which is then refused if it would
    /// return another amount.
    #[schema(example = 5000)]
    refund: i64,
    /// The lower-case ISO code of the currency that was paid.
    #[schema(example = "eur")]
    currency: String,
}

/// A guest's right to move a hold.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = MoveRight)]
struct MoveRightView {
    /// The last instant at which the guest may move it.
    #[serde(serialize_with = "serialize_instant")]
    until: DateTime<Utc>,
}

/// A guest's right to more time to pay.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ExtendRight)]
struct ExtendRightView {
    /// The end of the time to pay, if the hold is extended now.
    #[serde(serialize_with = "serialize_instant")]
    expires_at: DateTime<Utc>,
}

impl From<GuestRights> for GuestRightsView {
    fn from(rights: GuestRights) -> Self {
        Self {
            cancel: rights.cancel.map(CancelRightView::from),
            r#move: rights.move_until.map(|until| MoveRightView { until }),
            extend: rights.extend_to.map(|expires_at| ExtendRightView { expires_at }),
        }
    }
}

impl From<CancelRight> for CancelRightView {
    fn from(right: CancelRight) -> Self {
        Self {
            until: right.until,
            refund: right.refund.amount,
            currency: right.refund.currency.to_string(),
        }
    }
}

/// Returns a hold with its status. Its id gives the right to read it.
///
/// With the hold's token, `rights` says what the guest may do now.
#[utoipa::path(
    get, path = "/v1/holds/{id}", operation_id = "getHold", tag = "holds",
    params(("id" = Uuid, Path, description = "the hold's id")),
    security((), ("hold_token" = [])),
    responses(
        (status = 200, description = "The hold", body = GuestHoldView),
        (status = 401, description = "`unauthorized`: a token of another hold"),
        (status = 404, description = "`not_found`"),
        (status = 429, description = "`rate_limited`"),
        (status = 500, description = "`internal`"),
        (status = 503, description = "`store_unavailable`"),
    )
)]
pub(super) async fn get_hold(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    headers: HeaderMap,
) -> Result<Json<GuestHoldView>, Problem> {
    let id = parse_hold_id(&id)?;
    let token = find_hold_token(&headers);
    if let Some(token) = token {
        require_token_of(&server, id, token).await?;
    }
    let booking = find_booking(&server, id).await?;
    let rights = match token {
        Some(_) => Some(
            guest_rights::find_guest_rights(&server.context, &booking)
                .await?
                .into(),
        ),
        None => None,
    };
    Ok(Json(GuestHoldView {
        hold: HoldView::for_guest(&booking, &server),
        rights,
    }))
}

/// The query of a cancellation.
#[derive(Debug, Deserr)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
struct CancelQuery {
    #[deserr(default)]
    refund: Option<SeenRefund>,
}

/// Releases an unpaid hold: first the session expires at Stripe, then the slot is free. Cancels and refunds a paid hold
/// if the event type allows its guests that and it is early enough.
#[utoipa::path(
    delete, path = "/v1/holds/{id}", operation_id = "cancelHold", tag = "holds",
    params(
        ("id" = Uuid, Path, description = "the hold's id"),
        (
            "refund" = Option<i64>, Query, minimum = 0,
            description = "how much the guest was shown to get back, as in `rights`: a paid hold of which another amount goes back is \
                not cancelled"
        ),
    ),
    security(("hold_token" = [])),
    responses(
        (status = 200, description = "The hold is released or cancelled, now or before", body = HoldView),
        (status = 401, description = "`unauthorized`"),
        (status = 404, description = "`not_found`"),
        (status = 409, description = "`already_paid`: too late or not allowed; `conflict`: another amount goes back than `refund`"),
        (status = 422, description = "`invalid`"),
        (status = 429, description = "`rate_limited`"),
        (status = 500, description = "`internal`"),
        (status = 503, description = "`stripe_unavailable` or `store_unavailable`; a retry is safe"),
    )
)]
pub(super) async fn cancel_hold(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Json<HoldView>, Problem> {
    let id = parse_hold_id(&id)?;
    let token = require_bearer_token(&headers)?;
    let query: CancelQuery = parse_query(query.as_deref())?;
    let booking = find_booking(&server, id).await?;
    require_token_of(&server, id, token).await?;
    let booking = if cancel_hold::is_cancellable_by_guest(&server.context, &booking).await? {
        cancel_paid(&server, id, query.refund).await?
    } else {
        release_unpaid(&server, id).await?
    };
    require_released(&booking)?;
    Ok(Json(HoldView::for_guest(&booking, &server)))
}

async fn cancel_paid(server: &Server, id: HoldId, seen: Option<SeenRefund>) -> Result<Booking, Problem> {
    let seen = seen.map(|SeenRefund(amount)| amount);
    match cancel_hold::cancel_by_guest(&server.context, id, seen).await? {
        CancelOutcome::Missing => Err(Problem::not_found("hold")),
        CancelOutcome::Changed | CancelOutcome::AlreadyOver => Err(Problem::hold_changed()),
        // If the cancellation was refused, the status says why: `require_released` reports it.
        CancelOutcome::Over(booking) | CancelOutcome::Refused(booking, _) => Ok(*booking),
    }
}

async fn release_unpaid(server: &Server, id: HoldId) -> Result<Booking, Problem> {
    let guest = Some(ReleaseRequester::Guest);
    match release_hold::release_hold_in_task(&server.context, id, guest, Actor::Guest).await? {
        ReleaseOutcome::Missing => Err(Problem::not_found("hold")),
        ReleaseOutcome::Over(booking) => Ok(*booking),
    }
}
