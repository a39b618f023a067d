//! The dry run of a checkout, for [`super::schema::Schema::dry_run_checkout`]: what both engines write and roll back.

use chrono::{DateTime, Duration, Utc};
use uuid::Uuid;

use super::attempts::NewAttempt;
use super::changes::{HoldChange, StateChange};
use super::commands::expire_session;
use super::event_changes::EventChange;
use super::events::EventRecord;
use super::placements::HoldLimits;
use super::{StoreError, encoding};
use crate::domain::booking::{Actor, Booking, ClientId, Guest};
use crate::domain::hold::{Hold, Status, Transition, TransitionReason};
use crate::domain::hold_limit::{AllowanceOffer, HoldLimit, LimitScope};
use crate::domain::ids::{EventId, HoldId, IntentId, SessionId};
use crate::domain::ledger::snapshots::PaymentFacts;
use crate::domain::payment::Receipt;
use crate::domain::segment::{Allocation, Segment};
use crate::domain::session::{CheckoutUi, SessionTerms};
use crate::domain::time::Window;

/// A checkout from its claim to its payment.
pub(super) struct DryRun {
    /// The attempt to claim.
    pub(super) attempt: NewAttempt,
    /// The hold to place.
    pub(super) booking: Booking,
    /// The units that it takes.
    pub(super) units: Vec<Allocation>,
    /// The limits that it respects.
    pub(super) limits: HoldLimits,
    /// The change that confirms it, as one of a group: an event and a payment.
    pub(super) paid: EventChange,
    /// The change after it, with a transaction of its own: another event and a command.
    pub(super) ordered: HoldChange,
    /// The hold as it must read afterwards.
    pub(super) after: Hold,
}

/// The database behaves differently from what the program needs.
#[derive(Debug, thiserror::Error)]
#[error("the dry run of a checkout failed: {0}")]
struct DryRunError(&'static str);

/// The error of a dry run that ran with a wrong result.
pub(super) fn dry_run_failure(how: &'static str) -> StoreError {
    StoreError::Broken(Box::new(DryRunError(how)))
}

impl DryRun {
    /// A checkout at `now`, with ids that nothing else has.
    pub(super) fn new(now: DateTime<Utc>) -> Result<Self, StoreError> {
        let id = HoldId(Uuid::new_v4());
        let booking = booking(id, now)?;
        let receipt = Receipt {
            asked: None,
            intent: IntentId::new(format!("pi_dry_run_{id}")),
            money: booking.hold.price,
        };
        let after = Hold {
            status: Status::Confirmed,
            intent: Some(receipt.intent.clone()),
            payments: vec![receipt.to_payment(PaymentFacts::default())],
            owes_nothing: true,
            ..booking.hold.clone()
        };
        let step = |name: &str, version, commands| {
            let event = EventId::new(format!("evt_dry_run_{name}_{id}"));
            HoldChange {
                event: Some(EventRecord {
                    id: event.clone(),
                    kind: "dry_run".to_owned(),
                    payload: None,
                }),
                hold: id,
                version,
                noted: None,
                step: Some(StateChange::Transition(Transition {
                    next: after.clone(),
                    commands,
                    reason: TransitionReason::Paid,
                })),
                actor: Actor::Event(event),
                now,
                check_at: None,
            }
        };
        let paid = EventChange::new(&step("paid", booking.version, Vec::new()));
        let expiry = vec![expire_session(&booking.hold.session)];
        let ordered = step("ordered", booking.version + 1, expiry);
        Ok(Self {
            attempt: attempt(&booking, now),
            units: units(&booking),
            booking,
            limits: limits(id),
            paid: paid.ok_or_else(|| dry_run_failure("a payment is no event for a group"))?,
            ordered,
            after,
        })
    }
}

fn booking(id: HoldId, now: DateTime<Utc>) -> Result<Booking, StoreError> {
    let ends_at = now + Duration::minutes(1);
    let window = Window::new(now, ends_at).ok_or_else(|| dry_run_failure("no window"))?;
    Ok(Booking {
        hold: Hold::new(
            id,
            SessionId::new(format!("cs_dry_run_{id}")),
            encoding::decode_money(1, "eur")?,
        ),
        event_type: encoding::decode_event_type_id("dry-run")?,
        names: Default::default(),
        segments: vec![Segment {
            // A resource that no shop has, so that nothing occupies it.
            resource: encoding::decode_resource_id(&format!("dry-run-{}", id.0.simple()))?,
            window,
            busy: window,
        }],
        quantity: 1,
        requested_resource: None,
        change_policy: Default::default(),
        cancel_right_passed: false,
        guest: Guest {
            email: String::new(),
            name: None,
        },
        metadata: Default::default(),
        token_key: None,
        replaced_by: None,
        payment_page: None,
        expires_at: ends_at,
        session_expires_at: ends_at,
        created_at: now,
        updated_at: now,
        changed_at: Default::default(),
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

/// One allowance of a client that no checkout has.
fn limits(hold: HoldId) -> HoldLimits {
    let limit = HoldLimit {
        scope: LimitScope::Client,
        subject: format!("dry-run-{hold}"),
        most: 1,
    };
    HoldLimits {
        client: Some(ClientId(limit.subject.clone())),
        allowances: vec![AllowanceOffer {
            limit,
            numbers: vec![1],
        }],
        waits: false,
    }
}

fn attempt(booking: &Booking, now: DateTime<Utc>) -> NewAttempt {
    NewAttempt {
        terms: SessionTerms {
            hold: booking.hold.id,
            event_type: None,
            name: String::new(),
            price: booking.hold.price,
            quantity: 1,
            email: String::new(),
            ui: CheckoutUi::Hosted,
            success_url: String::new(),
            cancel_url: String::new(),
            expires_at: booking.session_expires_at,
            payment_methods: Vec::new(),
            installation: String::new(),
            page: Default::default(),
        },
        key: None,
        fingerprint: String::new(),
        livemode: false,
        now,
        lease: std::time::Duration::ZERO,
    }
}
