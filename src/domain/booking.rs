//! Everything one hold row knows: its life ([`Hold`]), and around it what was booked, by whom, on which terms.
//!
//! The state machine sees only the [`Hold`]; the rest is set when the hold is placed and does not change by events.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::catalogue::ChangePolicy;
use super::hold::{Hold, Status};
use super::ids::{EventId, EventTypeId, ResourceId};
use super::time::Window;

/// One resource, for one window.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Segment {
    /// Which.
    pub resource: ResourceId,
    /// When, as the guest sees it.
    pub window: Window,
    /// When it is busy with it: the window and the buffers around it.
    pub busy: Window,
}

/// Units of one resource that a hold is to take for one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allocation {
    /// Of which resource, and when.
    pub segment: Segment,
    /// Which units, from 1 on; as many as the booking's quantity, each once.
    pub units: Vec<u32>,
}

/// What the allocations are for.
pub fn segments_of(allocations: &[Allocation]) -> Vec<Segment> {
    allocations.iter().map(|one| one.segment.clone()).collect()
}

/// Who books. Never logged, never in a public answer (I9).
#[derive(Clone, PartialEq, Eq)]
pub struct Guest {
    /// Address, as given; empty once the guest is forgotten.
    pub email: String,
    /// Name, as given.
    pub name: Option<String>,
}

impl Guest {
    /// Whom two addresses that differ in case or in blanks around them both name: one person. Empty once forgotten.
    pub fn normalized_email(&self) -> String {
        normalize_email(&self.email)
    }
}

/// An address as one person is known by: trimmed and folded.
pub fn normalize_email(email: &str) -> String {
    email.trim().to_lowercase()
}

impl std::fmt::Debug for Guest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Guest(…)")
    }
}

/// Where a checkout came from: a name for its address that does not tell the address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientId(pub String);

/// A hold with its booking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booking {
    /// Its life.
    pub hold: Hold,
    /// What was booked.
    pub event_type: EventTypeId,
    /// The windows it keeps busy while it is live; never empty, the first has the resource that the guest sees.
    pub segments: Vec<Segment>,
    /// How many units it takes of each, at least 1.
    pub quantity: u32,
    /// Whom the guest asked for by name: nobody else will do then.
    pub requested_resource: Option<ResourceId>,
    /// What its guest may do with it once it is paid.
    pub change_policy: ChangePolicy,
    /// Who booked it.
    pub guest: Guest,
    /// The caller's own pairs; they stay with us and are never sent to Stripe.
    pub metadata: BTreeMap<String, String>,
    /// Stripe's payment page.
    pub checkout_url: String,
    /// When the guest's time to pay is over, on our clock.
    pub expires_at: DateTime<Utc>,
    /// When Stripe ends the session by itself, on Stripe's clock.
    pub session_expires_at: DateTime<Utc>,
    /// When it was placed.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// When the sweep should next ask Stripe about it; `None` once there is nothing to ask.
    pub due_at: Option<DateTime<Utc>>,
    /// How often in a row Stripe gave no answer about it.
    pub tries: u32,
    /// Grows with each change; the compare-and-swap of every transition.
    pub version: i64,
}

impl Booking {
    /// The resource that the guest sees: the first segment's.
    pub fn resource(&self) -> &ResourceId {
        &self.segments[0].resource
    }

    /// From the start of the first to the end of the last, as the guest sees it.
    pub fn window(&self) -> Window {
        window_of(&self.segments)
    }

    /// Whether the guest's time is over while the slot is still kept for them.
    pub fn is_overdue(&self, now: DateTime<Utc>) -> bool {
        self.hold.status == Status::Held && self.expires_at <= now
    }
}

/// From the start of the first segment to the end of the last, as the guest sees it. There is at least one.
pub fn window_of(segments: &[Segment]) -> Window {
    let rest = segments[1..].iter().map(|segment| segment.window);
    rest.fold(segments[0].window, |all, one| all.hull(&one))
}

/// Who or what brought a change about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Actor {
    /// The checkout that placed the hold, or met it in its way.
    Checkout,
    /// A webhook.
    Event(EventId),
    /// The sweep.
    Sweep,
    /// The guest, by the hold's token.
    Guest,
    /// The operator.
    Operator,
    /// The outbox worker, on Stripe's answer to a command.
    Command,
}

/// One line of a hold's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryLine {
    /// When.
    pub at: DateTime<Utc>,
    /// From which state; `None` for the first line.
    pub from: Option<Status>,
    /// To which state; the same one where something was only noted.
    pub to: Status,
    /// What happened, as a stable code for machines; `other` for lines from before there were codes.
    pub transition: String,
    /// What happened, in words for people.
    pub message: String,
    /// By whom.
    pub cause: Actor,
}
