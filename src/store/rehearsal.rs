//! A checkout that never was, for [`super::Store::rehearse`]: what is played through, alike on both engines, and rolled
//! back. Playing it is theirs.

use chrono::{DateTime, Duration, Utc};
use uuid::Uuid;

use super::{EventRecord, HoldChange, HoldLimits, NewAttempt, StateChange, StoreError, expire_order, rows};
use crate::domain::booking::{Actor, Booking, ClientId, Guest};
use crate::domain::hold::{Hold, Status, Transition, TransitionReason};
use crate::domain::ids::{EventId, HoldId, IntentId, SessionId};
use crate::domain::payment::{PaymentState, Receipt};
use crate::domain::segment::{Allocation, Segment};
use crate::domain::session::SessionTerms;
use crate::domain::time::Window;

/// A checkout from claim to payment.
pub(super) struct Rehearsal {
    /// The claim.
    pub(super) attempt: NewAttempt,
    /// The hold to be placed.
    pub(super) booking: Booking,
    /// With these units.
    pub(super) units: Vec<Allocation>,
    /// And what it is bound by.
    pub(super) limits: HoldLimits,
    /// The event that confirms it, with a payment and an order.
    pub(super) paid: HoldChange,
    /// The hold as it must be read afterwards.
    pub(super) after: Hold,
}

/// The books do not do as they should.
#[derive(Debug, thiserror::Error)]
#[error("the rehearsal went wrong: {0}")]
struct WentWrong(&'static str);

/// The error of a rehearsal that ran, and came out wrong.
pub(super) fn went_wrong(how: &'static str) -> StoreError {
    StoreError::Broken(Box::new(WentWrong(how)))
}

/// A checkout at `now`, with ids that nobody else has.
pub(super) fn new(now: DateTime<Utc>) -> Result<Rehearsal, StoreError> {
    let id = HoldId(Uuid::new_v4());
    let booking = booking(id, now)?;
    let receipt = Receipt {
        intent: IntentId::new(format!("pi_rehearsal_{id}")),
        money: booking.hold.price,
    };
    let after = Hold {
        status: Status::Confirmed,
        intent: Some(receipt.intent.clone()),
        payments: vec![receipt.to_payment(PaymentState::Paid)],
        ..booking.hold.clone()
    };
    let event = EventId::new(format!("evt_rehearsal_{id}"));
    let paid = HoldChange {
        event: Some(EventRecord {
            id: event.clone(),
            kind: "rehearsal".to_owned(),
            payload: String::new(),
        }),
        hold: id,
        version: booking.version,
        step: Some(StateChange::Transition(Transition {
            next: after.clone(),
            commands: vec![expire_order(&booking.hold.session)],
            reason: TransitionReason::Paid,
        })),
        cause: Actor::Event(event),
        now,
        check_at: None,
    };
    Ok(Rehearsal {
        attempt: attempt(&booking, now),
        units: units(&booking),
        booking,
        limits: HoldLimits {
            per_guest: 1,
            client: Some(ClientId(String::new())),
            per_client: 1,
        },
        paid,
        after,
    })
}

fn booking(id: HoldId, now: DateTime<Utc>) -> Result<Booking, StoreError> {
    let ends_at = now + Duration::minutes(1);
    let window = Window::new(now, ends_at).ok_or_else(|| went_wrong("no window"))?;
    Ok(Booking {
        hold: Hold::new(
            id,
            SessionId::new(format!("cs_rehearsal_{id}")),
            rows::money(1, "eur")?,
        ),
        event_type: rows::event_type("rehearsal")?,
        segments: vec![Segment {
            // One that no shop has: its units and blocks are not to be met.
            resource: rows::resource(&format!("rehearsal-{}", id.0.simple()))?,
            window,
            busy: window,
        }],
        quantity: 1,
        requested_resource: None,
        change_policy: Default::default(),
        guest: Guest {
            email: String::new(),
            name: None,
        },
        metadata: Default::default(),
        checkout_url: String::new(),
        expires_at: ends_at,
        session_expires_at: ends_at,
        created_at: now,
        updated_at: now,
        due_at: Some(ends_at),
        tries: 0,
        version: 1,
    })
}

fn units(booking: &Booking) -> Vec<Allocation> {
    let first = |segment: &Segment| Allocation {
        segment: segment.clone(),
        units: vec![1],
    };
    booking.segments.iter().map(first).collect()
}

fn attempt(booking: &Booking, now: DateTime<Utc>) -> NewAttempt {
    NewAttempt {
        terms: SessionTerms {
            hold: booking.hold.id,
            name: String::new(),
            price: booking.hold.price,
            quantity: 1,
            email: String::new(),
            success_url: String::new(),
            cancel_url: String::new(),
            expires_at: booking.session_expires_at,
            payment_methods: Vec::new(),
            installation: String::new(),
        },
        key: None,
        fingerprint: String::new(),
        now,
        lease: std::time::Duration::ZERO,
    }
}
