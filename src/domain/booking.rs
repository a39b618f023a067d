//! A hold row as a whole: the [`Hold`] that facts can change, and around it what was booked, by whom, on which terms.
//!
//! The state machine sees only the [`Hold`]. The rest is set when the hold is placed, and facts do not change it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::catalogue_names::CatalogueNames;
use super::change_policy::ChangePolicy;
use super::hold::{Hold, Status};
use super::ids::{EventId, EventTypeId, HoldId, ResourceId};
use super::segment::{Segment, window_of};
use super::session::PaymentPage;
use super::time::Window;
use super::token::TokenKeyName;

/// The person who books. Never logged, never in a public response (I9).
#[derive(Clone, PartialEq, Eq)]
pub struct Guest {
    /// The address as given; empty once the guest is erased.
    pub email: String,
    /// The name as given.
    pub name: Option<String>,
}

impl Guest {
    /// Returns the address by which one person is recognised; empty once the guest is erased.
    pub fn normalized_email(&self) -> String {
        normalize_email(&self.email)
    }
}

/// Returns the address trimmed and in lower case.
///
/// Two addresses that differ only in case or in surrounding blanks belong to one person, so limits count them together.
pub fn normalize_email(email: &str) -> String {
    email.trim().to_lowercase()
}

impl std::fmt::Debug for Guest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Guest(…)")
    }
}

/// Identifies a client or a network of clients, by a pseudonym that does not reveal its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientId(pub String);

/// Identifies the network that a client address is in, by a pseudonym that does not reveal it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkId(pub String);

/// Tells who sends a checkout, as far as limits depend on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckoutClient {
    /// Identifies the client itself.
    pub id: ClientId,
    /// The network that its address is in. `None` exempts the client from the limits on addresses and from the cool-down
    /// after lapses; the limits on its guests stay.
    pub network: Option<NetworkId>,
}

/// When a row last changed, by the clock of the database, which alone knows it: `None` in a row that was not read from it.
///
/// It is no part of what was booked, so bookings that differ in nothing else are equal.
#[derive(Clone, Copy, Debug, Default)]
pub struct ChangedAt(pub Option<DateTime<Utc>>);

impl PartialEq for ChangedAt {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for ChangedAt {}

/// A hold and the booking that it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booking {
    /// The part that facts can change.
    pub hold: Hold,
    /// The event type that was booked.
    pub event_type: EventTypeId,
    /// What the catalogue calls the event type and the resources.
    pub names: CatalogueNames,
    /// What the hold occupies while it is live. Never empty; the guest sees the resource of the first one.
    pub segments: Vec<Segment>,
    /// Units of each segment, at least 1.
    pub quantity: u32,
    /// The resource that the guest asked for by name; if set, no other resource may serve.
    pub requested_resource: Option<ResourceId>,
    /// What the guest may change after paying; copied from the event type when the hold was placed.
    pub change_policy: ChangePolicy,
    /// Whether the guest's right to cancel had passed when the guest moved the booking: it does not come back by that.
    pub cancel_right_passed: bool,
    /// The guest who booked.
    pub guest: Guest,
    /// The caller's own key-value pairs; they stay in the store and are never sent to Stripe.
    pub metadata: BTreeMap<String, String>,
    /// The key that made the hold's token; `None` is the installation's own.
    pub token_key: Option<TokenKeyName>,
    /// What opens the payment page of the session; `None` where nobody has a use for it.
    pub payment_page: Option<PaymentPage>,
    /// When the guest's time to pay ends, by the database's clock; not after the start.
    pub expires_at: DateTime<Utc>,
    /// When Stripe expires the session by itself, on Stripe's clock.
    pub session_expires_at: DateTime<Utc>,
    /// When the checkout placed the hold.
    pub created_at: DateTime<Utc>,
    /// The hold that its guest chose in place of this one. Unless this one is paid, it is released for that.
    pub replaced_by: Option<HoldId>,
    /// When the row last changed, by the instance's clock.
    pub updated_at: DateTime<Utc>,
    /// When it last changed in a way that an operator sees, by the database's clock.
    pub changed_at: ChangedAt,
    /// When the sweep asks Stripe about it next; `None` if there is nothing left to ask.
    pub due_at: Option<DateTime<Utc>>,
    /// Failed attempts in a row to get an answer from Stripe; drives the backoff.
    pub tries: u32,
    /// Grows with each change; every transition compares it before it writes.
    pub version: i64,
}

impl Booking {
    /// Returns the resource that the guest sees: that of the first segment.
    pub fn resource(&self) -> &ResourceId {
        &self.segments[0].resource
    }

    /// Returns the name of the resource that the guest sees, if the catalogue still has it.
    pub fn resource_name(&self) -> Option<&str> {
        self.names.resources.get(self.resource()).map(String::as_str)
    }

    /// Returns when an operator saw the last change, by the database's clock where that is known.
    pub fn last_change(&self) -> DateTime<Utc> {
        self.changed_at.0.unwrap_or(self.updated_at)
    }

    /// Returns the time that the guest sees, from the first start to the latest end.
    pub fn window(&self) -> Window {
        window_of(&self.segments)
    }

    /// Tells whether what was booked has begun.
    pub fn has_begun(&self, now: DateTime<Utc>) -> bool {
        self.window().starts_at() <= now
    }

    /// Tells whether the change policy lets the guest cancel after paying.
    pub fn is_cancel_in_time(&self, now: DateTime<Utc>) -> bool {
        let starts_at = self.window().starts_at();
        !self.cancel_right_passed && self.change_policy.is_cancel_in_time(starts_at, now)
    }

    /// Tells whether the change policy lets the guest move the booking.
    ///
    /// Unlike the right to cancel, this one needs no memory: a guest whose right to move has passed cannot move to a
    /// start that would give it back.
    pub fn is_move_in_time(&self, now: DateTime<Utc>) -> bool {
        self.change_policy.is_move_in_time(self.window().starts_at(), now)
    }
}

/// Who or what caused a change of a hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Actor {
    /// A checkout that placed the hold, or found it overdue in its slot.
    Checkout,
    /// A webhook event from Stripe.
    Event(EventId),
    /// The sweep that works on overdue holds.
    Sweep,
    /// The guest, who presented the hold's token or came back from the payment page.
    Guest,
    /// An operator of the shop, by the name of the key; `None` on lines of a version without such names.
    Operator(Option<String>),
    /// The outbox worker, after Stripe's response to a command.
    Command,
}

/// One entry of a hold's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryLine {
    /// When the change was written.
    pub at: DateTime<Utc>,
    /// The status before; `None` for the first entry.
    pub from: Option<Status>,
    /// The status after; the same as before if the change left the status alone.
    pub to: Status,
    /// What happened, as a stable code for machines; `other` for lines that were written before there were codes.
    pub transition: String,
    /// What happened, in words for people.
    pub message: String,
    /// Who or what caused the change.
    pub actor: Actor,
}
