//! Lists and their filters, in terms that all layers share. Queries belong to `store`, response formats to `http`.

use chrono::{DateTime, Utc};

use super::ids::{EventId, EventTypeId, HoldId, ResourceId, SessionId};
use super::payment::Payment;

/// One page of a list, newest entries first if the list has no other order.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The entries of this page.
    pub entries: Vec<T>,
    /// The cursor of the next page; `None` on the last one. Opaque to callers.
    pub next: Option<String>,
}

/// Selects one page of a list.
#[derive(Clone, Debug)]
pub struct PageRequest {
    /// Most entries on the page, `1..=200`.
    pub limit: u32,
    /// The `next` of the page before. An unknown cursor yields an empty last page.
    pub cursor: Option<String>,
}

/// Tells whether a `put` created an entry or replaced one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutOutcome {
    /// The entry did not exist before.
    Created,
    /// An entry with this id existed before.
    Replaced,
}

/// Selects the holds that an operator wants to see. An empty field does not restrict the list.
#[derive(Clone, Debug, Default)]
pub struct HoldFilter {
    /// Only holds in one of the given statuses.
    pub statuses: Vec<StatusKind>,
    /// Only holds of this event type.
    pub event_type: Option<EventTypeId>,
    /// Only holds with a segment on this resource.
    pub resource: Option<ResourceId>,
    /// Only holds that start at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Only holds that start before this time.
    pub to: Option<DateTime<Utc>>,
    /// Only holds of the guest with this address, in any case.
    pub guest: Option<String>,
    /// Only holds that an operator must look at.
    pub attention: Option<Attention>,
    /// Only holds that last changed at this time or later, by the database's clock.
    pub changed_since: Option<DateTime<Utc>>,
    /// Only the holds that this finds.
    pub key: Option<HoldKey>,
    /// The order of the list.
    pub sort: HoldSort,
    /// Only holds whose guest's name or address contains this text, in any case, and the one whose reference it is. A page reads a bounded number of holds, so it
    /// may have fewer entries than its limit although there is a next one.
    pub text: Option<String>,
    /// The present, by the database's clock: it says which holds are overdue, and which payments take long.
    pub now: DateTime<Utc>,
}

/// Finds one hold, or those of one guest, by an index.
#[derive(Clone, PartialEq, Eq)]
pub enum HoldKey {
    /// The hold with this id.
    Id(HoldId),
    /// The hold with this session.
    Session(SessionId),
    /// The holds of the guest with this normalized address.
    Guest(String),
}

impl std::fmt::Debug for HoldKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HoldKey(…)")
    }
}

/// The order of a list of holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HoldSort {
    /// The hold that was placed last comes first.
    #[default]
    Newest,
    /// The hold that starts first comes first.
    Start,
    /// The hold that has gone longest without a change comes first.
    Change,
}

/// Selects the blocks of a resource that an operator wants to see. An empty field does not restrict the list.
#[derive(Clone, Copy, Debug, Default)]
pub struct BlockFilter {
    /// Only blocks that end after this time.
    pub from: Option<DateTime<Utc>>,
    /// Only blocks that start before this time.
    pub to: Option<DateTime<Utc>>,
    /// Whether to list only blocks that operators set.
    pub only_operators: bool,
}

/// Why an operator must look at a hold or at a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attention {
    /// Money pays for a booking that has no slot.
    MoneyWithoutSlot,
    /// A confirmed hold has no payment, and no refund says why.
    SlotWithoutMoney,
    /// Money must go back, and its refund failed.
    RefundFailed,
    /// The guest paid another amount than the price, none of it has gone back, and the slot has not ended.
    PriceMismatch,
    /// The guest's bank has withdrawn the money and has not decided.
    Disputed,
    /// A cent of the payment is in no place, or in two.
    DoesNotAddUp,
    /// The time to pay is over, and Stripe has not said yet that the hold can be released.
    Overdue,
    /// A delayed payment has been in progress for long.
    ProcessingLong,
}

/// Selects the payments that an operator wants to see. An empty field does not restrict the list.
#[derive(Clone, Debug, Default)]
pub struct PaymentFilter {
    /// Only payments that an operator must look at.
    pub attention: Option<Attention>,
    /// Only payments of this hold.
    pub hold: Option<HoldId>,
    /// Only payments that were recorded at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Only payments that were recorded before this time.
    pub to: Option<DateTime<Utc>>,
    /// The present, by the clock that dates payments: it says which of them wait for their hold too long.
    pub now: DateTime<Utc>,
}

/// A payment with whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedPayment {
    /// The payment with its facts and decisions.
    pub payment: Payment,
    /// The hold that it belongs to; `None` for a payment that never had one.
    pub hold: Option<HoldId>,
    /// The hold that the metadata of a payment without a hold names.
    pub claimed_hold: Option<HoldId>,
    /// When it was recorded.
    pub created_at: DateTime<Utc>,
    /// When its row last changed.
    pub updated_at: DateTime<Utc>,
}

/// A hold's status without its reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusKind {
    /// Selects the status [`super::hold::Status::Held`].
    Held,
    /// Selects the status [`super::hold::Status::Processing`].
    Processing,
    /// Selects the status [`super::hold::Status::Confirmed`].
    Confirmed,
    /// Selects the status [`super::hold::Status::Released`] with any reason.
    Released,
    /// Selects the status [`super::hold::Status::Cancelled`] with any reason.
    Cancelled,
}

/// Selects the commands that an operator wants to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandFilter {
    /// Commands that Stripe has not carried out yet, stuck ones included.
    Pending,
    /// Pending commands that failed at least [`super::command::STUCK_AFTER`] times.
    Stuck,
    /// Commands that Stripe has carried out.
    Done,
}

/// A webhook event that was applied, without its body: the body holds personal data of the guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// Stripe's id of the event.
    pub id: EventId,
    /// Stripe's type of the event, such as `checkout.session.completed`.
    pub kind: String,
    /// The hold that the event is about. For a payment without a hold, the hold that the payment claims.
    pub hold: Option<HoldId>,
    /// When the event was applied.
    pub applied_at: DateTime<Utc>,
    /// Whether the body is still kept, so that the event can be replayed.
    pub has_payload: bool,
}

/// A stored event with its body, for the export of a guest's data.
#[derive(Clone, PartialEq, Eq)]
pub struct EventCopy {
    /// The event without its body.
    pub event: StoredEvent,
    /// The body as it was received; `None` once it is cleared.
    pub body: Option<String>,
}

impl std::fmt::Debug for EventCopy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventCopy")
            .field("event", &self.event)
            .finish_non_exhaustive()
    }
}
