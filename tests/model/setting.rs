//! The one slot that everybody in the model wants, on which terms, and at which time: all that never changes.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use holdfast::domain::booking::{Booking, Guest as Person};
use holdfast::domain::catalogue::EventType;
use holdfast::domain::hold::Hold;
use holdfast::domain::ids::{EventTypeId, IdempotencyKey, ResourceId};
use holdfast::domain::session::{MIN_SESSION_LIFE, SessionTerms};
use holdfast::domain::time::Clock;
use holdfast::workflow::checkout::CheckoutRequest;

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

fn person() -> Person {
    Person {
        email: "guest@example.com".into(),
        name: None,
    }
}

pub(crate) fn event_type() -> EventType {
    EventType {
        id: EventTypeId::parse("call").unwrap(),
        name: "Call".into(),
        resource: ResourceId::parse("ana").unwrap(),
        duration_minutes: 30,
        price: price(),
        payment_methods: Vec::new(),
    }
}

pub(crate) fn request(key: Option<IdempotencyKey>) -> CheckoutRequest {
    CheckoutRequest {
        event_type: event_type().id,
        starts_at: start() + Duration::days(7),
        guest: person(),
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
        email: person().email,
        success_url: "https://shop.example/paid".into(),
        cancel_url: "https://shop.example/back".into(),
        expires_at: start() + MIN_SESSION_LIFE,
        payment_methods: Vec::new(),
        installation: INSTALLATION.into(),
    }
}

/// A hold with everything about it that no workflow decides by.
pub(crate) fn booking(hold: Hold, version: i64) -> Booking {
    let starts_at = start() + Duration::days(7);
    Booking {
        hold,
        event_type: event_type().id,
        segments: event_type().segments(starts_at, start()).unwrap(),
        guest: person(),
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
