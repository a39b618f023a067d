//! Lists the slots of an event type and whether each is free. Every request reads the database; nothing is cached here.
//!
//! A client may keep a list, and asks each time whether it is still the same. Then the answer costs the read and no more.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Duration, Utc};
use deserr::Deserr;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::entity_tags::KnownTags;
use super::error::Problem;
use super::field_errors::FieldErrors;
use super::field_values::{QuantityText, SlotLimit};
use super::path_id::{PathId, parse_event_type_id};
use super::query_string::parse_query;
use super::server::Server;
use super::slot_view::SlotView;
use crate::domain::availability::{ListVersion, SlotSelection};
use crate::domain::ids::ResourceId;
use crate::domain::time::Window;
use crate::workflow::availability::{self, EventTypeSlots, SlotListRequest};

pub(super) mod stream;

/// The longest period that one request may ask for.
const MAX_PERIOD: Duration = Duration::days(62);

/// About how many bytes a slot takes in a list.
const SLOT_LENGTH: usize = 112;

/// The slots of an event type in a period.
#[derive(Serialize, ToSchema)]
#[schema(as = Slots)]
pub(super) struct SlotsView {
    /// The event type's id.
    #[schema(example = "intro-call")]
    event_type: String,
    /// The time zone of the event type's schedule; UTC if it has no schedule.
    #[schema(example = "Europe/Berlin")]
    timezone: String,
    /// The slots, ordered by start.
    slots: Vec<SlotView>,
}

#[derive(Debug, Deserr)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
struct SlotsQuery {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    #[deserr(default)]
    quantity: Option<QuantityText>,
    #[deserr(default)]
    resource: Option<ResourceId>,
    #[deserr(default)]
    status: Option<FreeStatus>,
    #[deserr(default)]
    limit: Option<SlotLimit>,
}

/// The status that a list of slots is narrowed to.
#[derive(Clone, Copy, Debug, Deserr, ToSchema)]
#[deserr(error = FieldErrors, rename_all = lowercase)]
#[schema(rename_all = "lowercase")]
enum FreeStatus {
    Free,
}

/// Lists the slots of a period of at most 62 days, and which of them are free.
#[utoipa::path(
    get, path = "/v1/event-types/{id}/slots", operation_id = "listSlots", tag = "holds",
    params(
        ("id" = String, Path, description = "the event type's id", pattern = "^[a-z0-9-]{1,64}$"),
        ("from" = DateTime<Utc>, Query, description = "only slots that start at this time or later, RFC 3339"),
        (
            "to" = DateTime<Utc>, Query,
            description = "only slots that start before this time, RFC 3339; at most 62 days after `from`"
        ),
        (
            "quantity" = Option<u32>, Query,
            description = "how many units to book together, 1 by default", minimum = 1, maximum = 50
        ),
        (
            "resource" = Option<String>, Query,
            description = "only slots at which this resource serves, as a checkout that names it would find them",
            pattern = "^[a-z0-9-]{1,64}$"
        ),
        (
            "status" = inline(Option<FreeStatus>), Query,
            description = "`free` leaves out slots that cannot be booked now; all by default"
        ),
        (
            "limit" = Option<u32>, Query,
            description = "the most slots to list, from the first one on; all by default", minimum = 1, maximum = 5000
        ),
        (
            "If-None-Match" = Option<String>, Header,
            description = "the `ETag` of an earlier response to the same request: if the list is still the same, the response is 304"
        ),
    ),
    responses(
        (
            status = 200, description = "The slots", body = SlotsView,
            headers(("ETag" = String, description = "names this version of the list"))
        ),
        (status = 304, description = "The list is the one that the client has"),
        (status = 404, description = "`not_found`"),
        (status = 422, description = "`invalid`"),
        (status = 429, description = "`rate_limited`"),
        (status = 500, description = "`internal`"),
        (status = 503, description = "`store_unavailable` or `too_busy`"),
    )
)]
pub(super) async fn list_slots(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = parse_event_type_id(&id)?;
    let query: SlotsQuery = parse_query(query.as_deref())?;
    let period = check_period(query.from, query.to)?;
    let list = SlotListRequest {
        within: period,
        quantity: query.quantity.map_or(1, |QuantityText(quantity)| quantity),
        resource: query.resource,
        selection: SlotSelection {
            only_free: query.status.is_some(),
            limit: query.limit.map(|SlotLimit(limit)| limit),
        },
    };
    let known = KnownTags::of_request(&headers);
    let is_known = move |version: &ListVersion| known.has(&version.to_string());
    let listed = availability::list_slots(&server.context, &id, list, is_known, show_slots).await?;
    let of_version = [
        (header::ETAG, format!("W/\"{}\"", listed.version)),
        // It may be kept, but each use asks first: a slot may be sold at any time.
        (header::CACHE_CONTROL, "no-cache".to_owned()),
        (header::VARY, "accept-encoding".to_owned()),
    ];
    Ok(match listed.list {
        Some(json) => (of_version, [(header::CONTENT_TYPE, "application/json")], json).into_response(),
        None => (StatusCode::NOT_MODIFIED, of_version).into_response(),
    })
}

fn check_period(from: DateTime<Utc>, to: DateTime<Utc>) -> Result<Window, Problem> {
    let period = Window::new(from, to).filter(|window| window.length() <= MAX_PERIOD);
    period.ok_or_else(|| Problem::invalid_field("to", "must be after from, and at most 62 days after it"))
}

/// Writes the slots as JSON: [`SlotsView`], without making it.
fn show_slots(offer: EventTypeSlots) -> Vec<u8> {
    let schedule = offer.event_type.schedule.as_ref();
    let timezone = schedule.map_or("UTC", |schedule| schedule.timezone.as_str());
    let head = json!({"event_type": offer.event_type.id.as_str(), "timezone": timezone}).to_string();
    let mut json = Vec::with_capacity(head.len() + (offer.slots.len() + 1) * SLOT_LENGTH);
    json.extend(head.trim_end_matches('}').bytes());
    json.extend(b",\"slots\":[");
    for (number, slot) in offer.slots.iter().enumerate() {
        if number > 0 {
            json.push(b',');
        }
        SlotView::from(slot).write_json(&mut json);
    }
    json.extend(b"]}");
    json
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::availability::{Slot, SlotStatus};
    use crate::domain::catalogue::{EventType, SegmentTemplate};
    use crate::domain::change_policy::ChangePolicy;
    use crate::domain::ids::EventTypeId;
    use crate::domain::money::{Currency, Money};
    use crate::domain::schedule::Schedule;
    use crate::domain::zone::ZoneName;

    fn offer(timezone: Option<&str>, slots: Vec<Slot>) -> EventTypeSlots {
        let schedule = timezone.map(|timezone| Schedule {
            timezone: ZoneName::new(timezone),
            step_minutes: 30,
            min_notice_minutes: 0,
            max_advance_days: None,
            weekly: Vec::new(),
            exceptions: Vec::new(),
        });
        let segment = SegmentTemplate {
            offset_minutes: 0,
            duration_minutes: 30,
            any_of: vec![ResourceId::parse("ana").unwrap()],
        };
        EventTypeSlots {
            event_type: EventType {
                id: EventTypeId::parse("intro-call").unwrap(),
                name: "Call".to_owned(),
                description: None,
                segments: vec![segment],
                buffer_before_minutes: 0,
                buffer_after_minutes: 0,
                schedule,
                price: Money::price(5000, Currency::parse("eur").unwrap()).unwrap(),
                payment_methods: Vec::new(),
                change_policy: ChangePolicy::default(),
                checkout: Default::default(),
            },
            slots,
        }
    }

    fn slot(number: i64, available: u32, state: SlotStatus) -> Slot {
        let at = |minute: i64| DateTime::from_timestamp(1_800_000_000 + 60 * minute, 0).unwrap();
        let window = Window::new(at(30 * number), at(30 * number + 30)).unwrap();
        Slot {
            window,
            available,
            state,
        }
    }

    #[test]
    fn list_is_written_as_its_schema_says() {
        let three = vec![
            slot(0, 1000, SlotStatus::Free),
            slot(1, 0, SlotStatus::Held),
            slot(2, 0, SlotStatus::Taken),
        ];
        let one = vec![slot(0, 7, SlotStatus::Free)];
        for (timezone, slots) in [
            (None, three),
            (Some("Europe/Berlin"), one),
            (Some("a\"b\\"), Vec::new()),
        ] {
            let offer = offer(timezone, slots);
            let view = SlotsView {
                event_type: offer.event_type.id.to_string(),
                timezone: timezone.unwrap_or("UTC").to_owned(),
                slots: offer.slots.iter().map(SlotView::from).collect(),
            };
            let expected = serde_json::to_string(&view).unwrap();
            assert_eq!(String::from_utf8(show_slots(offer)).unwrap(), expected);
        }
    }
}
