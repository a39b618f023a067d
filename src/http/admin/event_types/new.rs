//! What operators send to put something on sale, and what cannot be.

use chrono::{DateTime, Utc};
use deserr::Deserr;
use serde_json::Value;
use utoipa::ToSchema;

use super::segments::{self, SegmentMembers};
use crate::domain::availability::{Availability, SlotAvailability, SlotRequest};
use crate::domain::catalogue::{EventType, SegmentTemplate};
use crate::domain::change_policy::ChangePolicy;
use crate::domain::ids::{EventTypeId, ResourceId};
use crate::domain::money::{Currency, Money};
use crate::http::body::{self, FieldErrors};
use crate::http::error::Problem;
use crate::http::fields::{Amount, Minutes, Name, PaymentMethods};
use crate::http::fields::{between, between_if_any};
use crate::http::schedule::ScheduleMembers;

/// The longest buffer: a day.
const MAX_BUFFER: i64 = 24 * 60;
/// The earliest that guests can be told to make up their minds: a year before.
const MAX_AHEAD: i64 = 365 * 24 * 60;

/// Something to be put on sale: `resource` and `duration_minutes`, or `segments`.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct NewEventType {
    /// What the guest reads on the payment page: 1 to 200 characters.
    #[schema(value_type = String, example = "Intro call", min_length = 1, max_length = 200)]
    name: Name,
    /// The resource it needs, where that is one from start to end; made where it is new.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "ana", pattern = "^[a-z0-9-]{1,64}$")]
    resource: Option<ResourceId>,
    /// How long it takes, where it needs one resource.
    #[deserr(default)]
    #[schema(value_type = Option<i64>, example = 30, minimum = 1, maximum = 10080)]
    duration_minutes: Option<Minutes>,
    /// What it takes, in place of `resource` and `duration_minutes`: all segments are held, or none. The first begins at
    /// the start. Resources are made where they are new.
    #[deserr(default, try_from(Option<Vec<SegmentMembers>>) = segments::checked -> FieldErrors)]
    #[schema(min_items = 1, max_items = 10)]
    segments: Option<Vec<SegmentMembers>>,
    /// How long each resource stays busy before its segment; the guest does not see it.
    #[deserr(default, try_from(i64) = between::<0, MAX_BUFFER> -> String)]
    #[schema(required = false, default = 0, minimum = 0, maximum = 1440)]
    buffer_before_minutes: i64,
    /// How long each resource stays busy after its segment; the guest does not see it.
    #[deserr(default, try_from(i64) = between::<0, MAX_BUFFER> -> String)]
    #[schema(required = false, default = 0, minimum = 0, maximum = 1440)]
    buffer_after_minutes: i64,
    /// When it may start; without it, at any time to come.
    #[deserr(default)]
    schedule: Option<ScheduleMembers>,
    /// Until how long before the start a guest who has paid may cancel and gets all money back; without it, never.
    #[deserr(default, try_from(Option<i64>) = between_if_any::<0, MAX_AHEAD> -> String)]
    #[schema(minimum = 0, maximum = 525600)]
    guest_cancel_until_minutes: Option<i64>,
    /// Until how long before the start a guest may move it; without it, never.
    #[deserr(default, try_from(Option<i64>) = between_if_any::<0, MAX_AHEAD> -> String)]
    #[schema(minimum = 0, maximum = 525600)]
    guest_move_until_minutes: Option<i64>,
    /// Its price in the currency's minor unit.
    #[schema(value_type = i64, example = 5000, minimum = 1, maximum = 99999999)]
    amount: Amount,
    /// Lower-case ISO code of a currency that Stripe takes.
    #[schema(value_type = String, example = "eur", pattern = "^[a-z]{3}$")]
    currency: Currency,
    /// The methods that a guest may pay with, by Stripe's names; without it, all that the account allows. Name only
    /// immediate ones, such as `card`, to exclude delayed ones.
    #[deserr(default)]
    #[schema(value_type = Option<Vec<String>>, example = json!(["card"]), min_items = 1, max_items = 20)]
    payment_methods: Option<PaymentMethods>,
}

/// The event type that a body describes.
///
/// # Errors
/// `invalid`, naming every fault.
pub(super) fn read(id: &str, body: Value) -> Result<EventType, Problem> {
    let mut faults = FieldErrors::default();
    let id = faults.take("id", EventTypeId::parse(id));
    check_form(&body, &mut faults);
    let new: Option<NewEventType> = body::parse(body, &mut faults);
    if let (Some(id), Some(new), true) = (id, new, faults.is_empty()) {
        let event_type = new.named(id);
        check_together(&event_type, &mut faults);
        if faults.is_empty() {
            return Ok(event_type);
        }
    }
    Err(faults.into_problem())
}

/// Either form, whole, and not both. Looked at before the members are read, so that all faults are named at once.
fn check_form(body: &Value, faults: &mut FieldErrors) {
    let Value::Object(members) = body else { return };
    let given = |name: &str| members.get(name).is_some_and(|value| !value.is_null());
    let (short, long) = (["resource", "duration_minutes"], given("segments"));
    if long && short.into_iter().any(given) {
        faults.add("segments", "cannot be beside resource and duration_minutes");
    }
    for name in short.into_iter().filter(|name| !long && !given(name)) {
        faults.add(
            name,
            "is missing; resource and duration_minutes are needed, or segments",
        );
    }
}

/// Segments that want the same resources at the same time can never all be held, however free these are.
fn check_together(event_type: &EventType, faults: &mut FieldErrors) {
    let can_be_held = |segments: usize| {
        let part = EventType {
            segments: event_type.segments[..segments].to_vec(),
            ..event_type.clone()
        };
        let slot_request = SlotRequest {
            event_type: &part,
            quantity: 1,
            requested_resource: None,
            moving: None,
        };
        matches!(
            Availability::default().check_slot(&slot_request, DateTime::<Utc>::UNIX_EPOCH, 0),
            SlotAvailability::Free(_)
        )
    };
    if let Some(n) = (0..event_type.segments.len()).find(|n| !can_be_held(n + 1)) {
        let detail =
            "leaves no resource that the segments before it do not need at the same time, buffers included";
        faults.add(&format!("segments[{n}].any_of"), detail);
    }
}

impl NewEventType {
    fn named(self, id: EventTypeId) -> EventType {
        let short = self.resource.zip(self.duration_minutes);
        let short = short.map(|(resource, Minutes(duration_minutes))| SegmentTemplate {
            offset_minutes: 0,
            duration_minutes,
            any_of: vec![resource],
        });
        let segments = self.segments.into_iter().flatten().map(SegmentTemplate::from);
        EventType {
            id,
            name: self.name.0,
            segments: short.into_iter().chain(segments).collect(),
            buffer_before_minutes: self.buffer_before_minutes,
            buffer_after_minutes: self.buffer_after_minutes,
            schedule: self.schedule.map(Into::into),
            price: Money {
                amount: self.amount.0,
                currency: self.currency,
            },
            payment_methods: self.payment_methods.map(|methods| methods.0).unwrap_or_default(),
            change_policy: ChangePolicy {
                cancel_until_minutes: self.guest_cancel_until_minutes,
                move_until_minutes: self.guest_move_until_minutes,
            },
        }
    }
}

#[cfg(test)]
mod tests;
