//! Parses and checks the event types that operators put on sale.

use chrono::{DateTime, Utc};
use deserr::Deserr;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::checkout::{CheckoutMembers, check_images};
use super::segments::{SegmentMembers, check_segments};
use crate::domain::availability::{Availability, SlotAvailability, SlotRequest};
use crate::domain::catalogue::{EventType, MAX_BUFFER_MINUTES, SegmentTemplate};
use crate::domain::change_policy::ChangePolicy;
use crate::domain::ids::{EventTypeId, ResourceId};
use crate::domain::money::{Currency, Money};
use crate::domain::zone::ZoneDatabase;
use crate::http::field_errors::FieldErrors;
use crate::http::field_values::{
    Amount, Description, Minutes, Name, PaymentMethods, check_between, check_optional_between,
};
use crate::http::json_body::{drop_members, parse_json};
use crate::http::schedule::{ScheduleMembers, check_timezone};

/// The earliest deadline for guests' changes, in minutes before the start: a year.
const MAX_DEADLINE: i64 = 365 * 24 * 60;

/// An event type to put on sale, with either `resource` and `duration_minutes`, or `segments`.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct NewEventType {
    /// The name that the guest reads on the payment page: 1 to 200 characters.
    #[schema(value_type = String, example = "Intro call", min_length = 1, max_length = 200)]
    name: Name,
    /// What it is, in words for the guest: 1 to 1000 characters.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "Half an hour to get to know each other", min_length = 1, max_length = 1000)]
    description: Option<Description>,
    /// The resource, if the event type needs a single one from start to end; it must exist.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "ana", pattern = "^[a-z0-9-]{1,64}$")]
    resource: Option<ResourceId>,
    /// The length in minutes, if the event type needs a single resource.
    #[deserr(default)]
    #[schema(value_type = Option<i64>, example = 30, minimum = 1, maximum = 10080)]
    duration_minutes: Option<Minutes>,
    /// The segments, in place of `resource` and `duration_minutes`: a hold takes all of them, or none. The first
    /// begins at the start. Their resources must exist.
    #[deserr(default, try_from(Option<Vec<SegmentMembers>>) = check_segments -> FieldErrors)]
    #[schema(min_items = 1, max_items = 10)]
    segments: Option<Vec<SegmentMembers>>,
    /// How long each resource stays busy before its segment, in minutes; the guest does not see it. 0 if
    /// absent.
    #[deserr(default, try_from(i64) = check_between::<0, MAX_BUFFER_MINUTES> -> String)]
    #[schema(required = false, minimum = 0, maximum = 1440)]
    buffer_before_minutes: i64,
    /// How long each resource stays busy after its segment, in minutes; the guest does not see it. 0 if
    /// absent.
    #[deserr(default, try_from(i64) = check_between::<0, MAX_BUFFER_MINUTES> -> String)]
    #[schema(required = false, minimum = 0, maximum = 1440)]
    buffer_after_minutes: i64,
    /// When the event type may start; at any time if absent.
    #[deserr(default)]
    schedule: Option<ScheduleMembers>,
    /// Until how many minutes before the start a guest who has paid may cancel for a full refund; never if absent.
    #[deserr(default, try_from(Option<i64>) = check_optional_between::<0, MAX_DEADLINE> -> String)]
    #[schema(minimum = 0, maximum = 525600)]
    guest_cancel_until_minutes: Option<i64>,
    /// Until how many minutes before the start a guest may move the hold; never if absent.
    #[deserr(default, try_from(Option<i64>) = check_optional_between::<0, MAX_DEADLINE> -> String)]
    #[schema(minimum = 0, maximum = 525600)]
    guest_move_until_minutes: Option<i64>,
    /// The price in the currency's minor unit: at least Stripe's minimum charge, such as 50 in `eur`. In `isk`, `huf`, `twd`
    /// and `ugx` a multiple of 100; in currencies with three decimals, such as `kwd`, a multiple of 10. The price that the
    /// event type has already is accepted.
    #[schema(value_type = i64, example = 5000, minimum = 1, maximum = 99999999)]
    amount: Amount,
    /// The lower-case ISO code of a currency that Stripe supports.
    #[schema(value_type = String, example = "eur", pattern = "^[a-z]{3}$")]
    currency: Currency,
    /// The payment methods that a guest may use, by Stripe's names; all that the Stripe account allows if absent. To
    /// exclude delayed methods, name only immediate ones, such as `card`.
    #[deserr(default)]
    #[schema(value_type = Option<Vec<String>>, example = json!(["card"]), min_items = 1, max_items = 20)]
    payment_methods: Option<PaymentMethods>,
    /// What Stripe's payment page asks of the guest; nothing but the payment if absent.
    #[deserr(default)]
    #[schema(required = false)]
    checkout: Option<CheckoutMembers>,
    /// The https URLs of images that the payment page shows: at most 8.
    #[deserr(default, try_from(Vec<String>) = check_images -> String)]
    #[schema(required = false, max_items = 8, example = json!(["https://shop.example/call.jpg"]))]
    images: Vec<String>,
}

/// Parses the event type that a body describes. Whether Stripe charges its price is another question.
///
/// # Errors
/// [`FieldErrors`] with every error.
pub(in crate::http) fn parse_event_type(
    id: &str,
    mut body: Value,
    zones: &ZoneDatabase,
) -> Result<EventType, FieldErrors> {
    let mut errors = FieldErrors::default();
    let id = errors.check("id", EventTypeId::parse(id));
    drop_members(&mut body, &["id"]);
    check_form(&mut body, &mut errors);
    check_timezone(&body, zones, &mut errors);
    let new: Option<NewEventType> = parse_json(body, &mut errors);
    if let (Some(id), Some(new), true) = (id, new, errors.is_empty()) {
        let event_type = new.into_event_type(id);
        check_can_be_held_together(&event_type, &mut errors);
        if errors.is_empty() {
            return Ok(event_type);
        }
    }
    Err(errors)
}

/// Checks that the body has one of the two forms, complete. It may have both, as `GET` shows it, if they say the same; then only
/// the segments stay. Comes before the members are parsed, so that all errors are reported at once.
fn check_form(body: &mut Value, errors: &mut FieldErrors) {
    let Value::Object(members) = body else { return };
    let has = |name: &str| members.get(name).is_some_and(|value| !value.is_null());
    let (short_form, has_segments) = (["resource", "duration_minutes"], has("segments"));
    if has_segments && short_form.into_iter().any(has) {
        match is_same_form(members) {
            true => members.retain(|name, _| !short_form.contains(&name.as_str())),
            false => errors.add(
                "segments",
                "cannot be beside another resource and duration_minutes",
            ),
        }
        return;
    }
    for name in short_form.into_iter().filter(|name| !has_segments && !has(name)) {
        errors.add(
            name,
            "is missing; resource and duration_minutes are needed, or segments",
        );
    }
}

/// Tells whether the short form says the same as the segments.
fn is_same_form(members: &Map<String, Value>) -> bool {
    let segments = members.get("segments").and_then(Value::as_array);
    let Some([segment]) = segments.map(Vec::as_slice) else {
        return false;
    };
    let resource = match segment["any_of"].as_array().map(Vec::as_slice) {
        Some([only]) => only,
        _ => return false,
    };
    let starts_first = segment.get("offset_minutes").is_none_or(|offset| *offset == 0);
    let is_same = |name: &str, value: &Value| {
        members
            .get(name)
            .is_none_or(|given| given.is_null() || given == value)
    };
    starts_first && is_same("resource", resource) && is_same("duration_minutes", &segment["duration_minutes"])
}

/// Refuses segments that need the same resources at the same time: no free time could ever hold all of them.
fn check_can_be_held_together(event_type: &EventType, errors: &mut FieldErrors) {
    let can_be_held = |segments: usize| {
        let first_segments = EventType {
            segments: event_type.segments[..segments].to_vec(),
            ..event_type.clone()
        };
        let slot_request = SlotRequest {
            event_type: &first_segments,
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
            "has no resource that the earlier segments do not need at the same time, buffers included";
        errors.add(&format!("segments[{n}].any_of"), detail);
    }
}

impl NewEventType {
    fn into_event_type(self, id: EventTypeId) -> EventType {
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
            description: self.description.map(|text| text.0),
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
            checkout: self.checkout.unwrap_or_default().into_options(self.images),
        }
    }
}

#[cfg(test)]
mod tests;
