//! Lets a return page ask Stripe about a hold, so that a payment shows at once even if its webhook is late or lost.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::error::Problem;
use super::holds::find_booking;
use super::path_id::{PathId, parse_hold_id};
use super::server::Server;
use super::views::HoldView;
use crate::workflow::check_hold;

/// The pattern of the route. It changes nothing but what Stripe says, so the limits count it as a read.
pub(super) const CHECK_PATH: &str = "/v1/holds/{id}/check";

/// A hold, and what Stripe said about its session.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = CheckedHold)]
pub(super) struct CheckedHoldView {
    /// The hold as everybody may see it.
    #[serde(flatten)]
    hold: HoldView,
    /// Whether Stripe says that the guest can still pay. Null if Stripe was not asked, because too many holds are checked.
    #[schema(required = true)]
    checkout_open: Option<bool>,
}

/// Asks Stripe about an unpaid hold now, and returns the hold. For the page to which a guest comes back from the payment: it
/// shows a payment whose webhook is late or lost.
#[utoipa::path(
    post, path = "/v1/holds/{id}/check", operation_id = "checkHold", tag = "holds",
    params(("id" = Uuid, Path, description = "the hold's id")),
    responses(
        (status = 200, description = "The hold, by Stripe's answer", body = CheckedHoldView),
        (status = 404, description = "`not_found`"),
        (status = 429, description = "`rate_limited`: once in 3 s for each hold, and as a read of the address"),
        (status = 500, description = "`internal`"),
        (status = 503, description = "`stripe_unavailable` or `store_unavailable`; nothing has changed"),
    )
)]
pub(super) async fn check_hold(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
) -> Result<Json<CheckedHoldView>, Problem> {
    let id = parse_hold_id(&id)?;
    let booking = find_booking(&server, id).await?;
    server.rate_limiter.count_check(id)?;
    let may_ask = || server.rate_limiter.may_ask_stripe();
    let checked = check_hold::check_hold(&server.context, booking, may_ask).await?;
    Ok(Json(CheckedHoldView {
        hold: HoldView::for_guest(&checked.booking, &server),
        checkout_open: checked.is_open,
    }))
}
