//! For the checkout page: what is free. Read from the books at every request, never from a cache.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::header;
use axum::response::IntoResponse;
use chrono::{DateTime, Duration, Utc};
use deserr::Deserr;
use serde::Serialize;
use utoipa::ToSchema;

use super::Server;
use super::body::{self, FieldErrors};
use super::error::Problem;
use super::fields::QuantityText;
use super::path_id::PathId;
use super::views::instant;
use crate::domain::availability::{Slot, SlotStatus};
use crate::domain::ids::EventTypeId;
use crate::domain::time::Window;
use crate::workflow::availability;

/// How much is shown at once.
const MOST: Duration = Duration::days(62);

/// What an event type's slots look like in some time.
#[derive(Serialize, ToSchema)]
pub(super) struct Slots {
    /// Of what.
    #[schema(example = "intro-call")]
    event_type: String,
    /// On whose wall clock it is offered; UTC where it has no schedule.
    #[schema(example = "Europe/Berlin")]
    timezone: String,
    /// By start.
    slots: Vec<SlotView>,
}

/// Something to be had, or not.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Slot)]
pub(super) struct SlotView {
    /// First instant.
    #[serde(serialize_with = "instant")]
    starts_at: DateTime<Utc>,
    /// First instant after it.
    #[serde(serialize_with = "instant")]
    ends_at: DateTime<Utc>,
    /// How many bookings of the quantity that was asked for it still takes.
    #[schema(example = 2)]
    available: u32,
    /// Whether it can be had.
    status: SlotStatusView,
}

/// Whether a slot can be had.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum SlotStatusView {
    /// Yes.
    Free,
    /// Not now, but it may come back: somebody has not paid yet.
    Held,
    /// No.
    Taken,
}

impl From<&Slot> for SlotView {
    fn from(slot: &Slot) -> Self {
        Self {
            starts_at: slot.window.starts_at(),
            ends_at: slot.window.ends_at(),
            available: slot.available,
            status: match slot.state {
                SlotStatus::Free => SlotStatusView::Free,
                SlotStatus::Held => SlotStatusView::Held,
                SlotStatus::Taken => SlotStatusView::Taken,
            },
        }
    }
}

#[derive(Debug, Deserr)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
struct SlotsQuery {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    #[deserr(default)]
    quantity: Option<QuantityText>,
}

/// Lists what is offered in some time, at most 62 days, and what of it is free.
#[utoipa::path(
    get, path = "/v1/event-types/{id}/slots", operation_id = "listSlots", tag = "holds",
    params(
        ("id" = String, Path, description = "the event type's id", pattern = "^[a-z0-9-]{1,64}$"),
        ("from" = DateTime<Utc>, Query, description = "slots that start then or later, RFC 3339"),
        ("to" = DateTime<Utc>, Query, description = "slots that start earlier, RFC 3339; at most 62 days after `from`"),
        ("quantity" = Option<u32>, Query, description = "how many are wanted together, 1 by default", minimum = 1, maximum = 50),
    ),
    responses(
        (status = 200, description = "The slots", body = Slots),
        (status = 404, description = "`not_found`"),
        (status = 422, description = "`invalid`"),
        (status = 500, description = "`internal`"),
        (status = 503, description = "`store_unavailable`"),
    )
)]
pub(super) async fn list(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    RawQuery(query): RawQuery,
) -> Result<impl IntoResponse, Problem> {
    let missing = || Problem::not_found("event type");
    let id = EventTypeId::parse(&id).map_err(|_| missing())?;
    let query: SlotsQuery = body::query(query.as_deref())?;
    let within = Window::new(query.from, query.to).filter(|window| window.length() <= MOST);
    let within = within
        .ok_or_else(|| Problem::invalid_field("to", "must be after from, and at most 62 days after it"))?;
    let quantity = query.quantity.map_or(1, |QuantityText(quantity)| quantity);
    let offer = availability::list_slots(&server.context, &id, within, quantity)
        .await?
        .ok_or_else(missing)?;
    let timezone = offer
        .event_type
        .schedule
        .as_ref()
        .map_or("UTC", |schedule| schedule.timezone.name());
    let slots = Slots {
        event_type: id.to_string(),
        timezone: timezone.to_owned(),
        slots: offer.slots.iter().map(SlotView::from).collect(),
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(slots)))
}
