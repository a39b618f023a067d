//! Everything one hold row knows: its life ([`Hold`]), and around it what was booked, by whom, on which terms.
//!
//! The state machine sees only the [`Hold`]; the rest is set when the hold is placed and does not change by events.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::hold::{Hold, Status};
use super::ids::{EventId, EventTypeId, HoldId, ResourceId};
use super::time::Window;

/// One resource, busy for one window.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Segment {
    /// What is busy.
    pub resource: ResourceId,
    /// When.
    pub window: Window,
}

/// Who books. Never logged, never in a public answer (I9).
#[derive(Clone, PartialEq, Eq)]
pub struct Guest {
    /// Address, as given; empty once the guest is forgotten.
    pub email: String,
    /// Name, as given.
    pub name: Option<String>,
}

impl std::fmt::Debug for Guest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Guest(…)")
    }
}

/// A hold with its booking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booking {
    /// Its life.
    pub hold: Hold,
    /// What was booked.
    pub event_type: EventTypeId,
    /// The windows it keeps busy while it is live; never empty, the first is what the guest sees.
    pub segments: Vec<Segment>,
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
    /// What the guest sees of it: the first segment.
    pub fn first(&self) -> &Segment {
        &self.segments[0]
    }

    /// Whether the guest's time is over while the slot is still kept for them.
    pub fn is_overdue(&self, now: DateTime<Utc>) -> bool {
        self.hold.status == Status::Held && self.expires_at <= now
    }
}

/// Who or what brought a change about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
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
    /// In words.
    pub why: String,
    /// By whom.
    pub cause: Cause,
}

/// A live hold that stands in the way of a checkout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocker {
    /// Which.
    pub hold: HoldId,
    /// Whether it is `held` and the guest's time is over.
    pub overdue: bool,
}
