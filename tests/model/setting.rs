//! The one slot that everybody in the model wants, on which terms, and at which time: all that never changes.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use holdfast::domain::availability::{
    Availability, Occupancy, OccupancyStatus, OccupiedBy, ResourceUsage as Resource,
};
use holdfast::domain::booking::{Booking, Guest as Person};
use holdfast::domain::catalogue::{EventType, SegmentTemplate};
use holdfast::domain::change_policy::ChangePolicy;
use holdfast::domain::hold::Hold;
use holdfast::domain::ids::{EventTypeId, IdempotencyKey, ResourceId};
use holdfast::domain::segment::Segment;
use holdfast::domain::session::{MIN_SESSION_LIFE, SessionTerms};
use holdfast::domain::time::{Clock, Window};
use holdfast::workflow::start_checkout::CheckoutRequest;

use crate::call::{Guest, hold_id, price};

pub(crate) const INSTALLATION: &str = "here";

/// When everything begins.
pub(crate) fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

/// A clock that stands.
pub(crate) struct Standing(pub(crate) DateTime<Utc>);

impl Clock for Standing {
    fn now(&self) -> DateTime<Utc> {
        self.0
    }
}

/// A moment at which every session has ended by itself.
pub(crate) fn much_later() -> DateTime<Utc> {
    start() + Duration::days(1)
}

fn normalize_email() -> Person {
    Person {
        email: "guest@example.com".into(),
        name: None,
    }
}

fn resource() -> ResourceId {
    ResourceId::parse("ana").unwrap()
}

/// When the slot starts.
pub(crate) fn slot() -> DateTime<Utc> {
    start() + Duration::days(7)
}

/// What the books say about the slot: who has it, and whether their time is over. Nothing is decided by where the hold
/// stands beside that.
pub(crate) fn calendar(window: Window, found: Option<(Guest, bool)>) -> Availability {
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
    let standing = Resource {
        resource,
        capacity: 1,
        latest: found.map(|(guest, _)| hold_id(guest)),
    };
    Availability::new(vec![standing], busy.into_iter().collect())
}

fn segments() -> Vec<Segment> {
    let event_type = event_type();
    let segment = event_type.segment_for(&event_type.segments[0], &resource(), slot());
    vec![segment.unwrap()]
}

pub(crate) fn event_type() -> EventType {
    EventType {
        id: EventTypeId::parse("call").unwrap(),
        name: "Call".into(),
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
    }
}

pub(crate) fn request(key: Option<IdempotencyKey>) -> CheckoutRequest {
    CheckoutRequest {
        event_type: event_type().id,
        starts_at: slot(),
        quantity: 1,
        resource: None,
        guest: normalize_email(),
        client: None,
        metadata: BTreeMap::new(),
        success_url: "https://shop.example/paid".into(),
        cancel_url: "https://shop.example/back".into(),
        key,
        fingerprint: "same".into(),
    }
}

pub(crate) fn terms(guest: Guest) -> SessionTerms {
    SessionTerms {
        hold: hold_id(guest),
        name: event_type().name,
        price: price(),
        quantity: 1,
        email: normalize_email().email,
        success_url: "https://shop.example/paid".into(),
        cancel_url: "https://shop.example/back".into(),
        expires_at: start() + MIN_SESSION_LIFE,
        payment_methods: Vec::new(),
        installation: INSTALLATION.into(),
    }
}

/// A hold with everything about it that no workflow decides by.
pub(crate) fn booking(hold: Hold, version: i64) -> Booking {
    Booking {
        hold,
        event_type: event_type().id,
        segments: segments(),
        quantity: 1,
        requested_resource: None,
        change_policy: ChangePolicy::default(),
        guest: normalize_email(),
        metadata: BTreeMap::new(),
        checkout_url: "https://stripe.example/pay".into(),
        expires_at: start(),
        session_expires_at: start() + MIN_SESSION_LIFE,
        created_at: start(),
        updated_at: start(),
        due_at: Some(start()),
        tries: 0,
        version,
    }
}
