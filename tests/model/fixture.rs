//! The values that never change in the model: the one slot, its terms, and the time.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use holdfast::domain::availability::{
    Availability, Occupancy, OccupancyStatus, OccupiedBy, ResourceUsage as Resource,
};
use holdfast::domain::booking::{Booking, Guest as Person};
use holdfast::domain::catalogue::{EventType, SegmentTemplate};
use holdfast::domain::change_policy::ChangePolicy;
use holdfast::domain::hold::Hold;
use holdfast::domain::ids::{EventTypeId, ResourceId};
use holdfast::domain::key_scope::ScopedKey;
use holdfast::domain::segment::Segment;
use holdfast::domain::session::{CheckoutUi, MIN_SESSION_LIFE, PaymentPage, SessionTerms};
use holdfast::domain::time::{Clock, Window};
use holdfast::workflow::start_checkout::CheckoutRequest;

use crate::call::{Guest, hold_id, price};

pub(crate) const INSTALLATION: &str = "here";

/// The time at which the model starts.
pub(crate) fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

/// A clock that always returns the same time.
pub(crate) struct FixedClock(pub(crate) DateTime<Utc>);

impl Clock for FixedClock {
    fn now(&self) -> DateTime<Utc> {
        self.0
    }

    fn database_now(&self, _: DateTime<Utc>) -> DateTime<Utc> {
        self.0
    }
}

/// A time after the expiry of every session.
pub(crate) fn after_all_sessions() -> DateTime<Utc> {
    start() + Duration::days(1)
}

/// The first day, or the one after.
pub(crate) fn on_day(is_next: bool) -> DateTime<Utc> {
    start() + Duration::days(i64::from(is_next))
}

fn guest() -> Person {
    Person {
        email: "guest@example.com".into(),
        name: None,
    }
}

fn resource() -> ResourceId {
    ResourceId::parse("ana").unwrap()
}

/// The start of the only slot.
pub(crate) fn slot_start() -> DateTime<Utc> {
    start() + Duration::days(7)
}

/// The availability of the slot, from who has it and whether their hold is overdue. No workflow uses more of the
/// status.
pub(crate) fn availability(window: Window, found: Option<(Guest, bool)>) -> Availability {
    let resource = resource();
    let busy = found.map(|(guest, overdue)| Occupancy {
        resource: resource.clone(),
        window,
        by: OccupiedBy::Holds {
            units: vec![1],
            status: if overdue {
                OccupancyStatus::Overdue(hold_id(guest))
            } else {
                OccupancyStatus::Unpaid
            },
        },
    });
    let usage = Resource {
        resource,
        capacity: 1,
        latest: found.map(|(guest, _)| hold_id(guest)),
    };
    Availability::new(vec![usage], busy.into_iter().collect())
}

fn segments() -> Vec<Segment> {
    let event_type = event_type();
    let segment = event_type.segment_for(&event_type.segments[0], &resource(), slot_start());
    vec![segment.unwrap()]
}

pub(crate) fn event_type() -> EventType {
    EventType {
        id: EventTypeId::parse("call").unwrap(),
        name: "Call".into(),
        description: None,
        segments: vec![SegmentTemplate {
            offset_minutes: 0,
            duration_minutes: 30,
            any_of: vec![resource()],
        }],
        buffer_before_minutes: 0,
        buffer_after_minutes: 0,
        schedule: None,
        price: price(),
        payment_methods: Vec::new(),
        change_policy: ChangePolicy::default(),
        checkout: Default::default(),
    }
}

pub(crate) fn request(key: Option<ScopedKey>) -> CheckoutRequest {
    CheckoutRequest {
        locale: None,
        event_type: event_type().id,
        starts_at: slot_start(),
        quantity: 1,
        resource: None,
        replaces: None,
        guest: guest(),
        client: None,
        metadata: BTreeMap::new(),
        ui: CheckoutUi::Hosted,
        success_url: "https://shop.example/paid".into(),
        cancel_url: "https://shop.example/back".into(),
        key,
        fingerprint: "same".into(),
    }
}

pub(crate) fn terms(owner: Guest) -> SessionTerms {
    SessionTerms {
        hold: hold_id(owner),
        event_type: None,
        name: event_type().name,
        price: price(),
        quantity: 1,
        email: guest().email,
        ui: CheckoutUi::Hosted,
        success_url: "https://shop.example/paid".into(),
        cancel_url: "https://shop.example/back".into(),
        expires_at: start() + MIN_SESSION_LIFE,
        payment_methods: Vec::new(),
        installation: INSTALLATION.into(),
        page: Default::default(),
    }
}

/// A hold with the fields that do not influence any workflow.
pub(crate) fn booking(hold: Hold, version: i64) -> Booking {
    Booking {
        hold,
        event_type: event_type().id,
        names: Default::default(),
        segments: segments(),
        quantity: 1,
        requested_resource: None,
        change_policy: ChangePolicy::default(),
        cancel_right_passed: false,
        guest: guest(),
        metadata: BTreeMap::new(),
        token_key: None,
        replaced_by: None,
        payment_page: Some(PaymentPage::Hosted("https://stripe.example/pay".into())),
        expires_at: start(),
        session_expires_at: start() + MIN_SESSION_LIFE,
        created_at: start(),
        updated_at: start(),
        changed_at: Default::default(),
        due_at: Some(start()),
        tries: 0,
        version,
    }
}
