//! What can be asked of the books and what they answer, in words that every room above them shares: parts of lists,
//! filters, figures. How the books are kept is left to `store`, how an answer looks to `http`.

use chrono::{DateTime, Utc};

use super::ids::{EventId, EventTypeId, HoldId, ResourceId};

/// A part of a list, newest first.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The entries.
    pub entries: Vec<T>,
    /// Where the next part starts; `None` at the end. Opaque to callers.
    pub next: Option<String>,
}

/// Which part of a list.
#[derive(Clone, Debug)]
pub struct PageRequest {
    /// At most so many entries, `1..=200`.
    pub limit: u32,
    /// A `next` of the part before. One that was not given out is treated as the end of the list.
    pub cursor: Option<String>,
}

/// Whether a `put` made something or replaced it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutOutcome {
    /// New.
    Created,
    /// It was there before.
    Replaced,
}

/// Which holds an operator wants to see.
#[derive(Clone, Debug, Default)]
pub struct HoldFilter {
    /// `held`, `processing`, `confirmed`, `released` or `cancelled`.
    pub status: Option<StatusKind>,
    /// What was booked.
    pub event_type: Option<EventTypeId>,
    /// What it keeps busy.
    pub resource: Option<ResourceId>,
    /// Starts at or after this.
    pub from: Option<DateTime<Utc>>,
    /// Starts before this.
    pub to: Option<DateTime<Utc>>,
    /// Who booked: an address, in whatever case.
    pub guest: Option<String>,
}

/// A status without its reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusKind {
    /// See [`super::hold::Status`].
    Held,
    /// See [`super::hold::Status`].
    Processing,
    /// See [`super::hold::Status`].
    Confirmed,
    /// See [`super::hold::Status`].
    Released,
    /// See [`super::hold::Status`].
    Cancelled,
}

/// Which commands an operator wants to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandFilter {
    /// Not yet answered by Stripe, the stuck ones included.
    Pending,
    /// Pending, and tried at least [`super::command::STUCK_AFTER`] times.
    Stuck,
    /// Answered.
    Done,
}

/// A webhook event that was applied, without its body: that holds what Stripe knows of the guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// Stripe's id of it.
    pub id: EventId,
    /// Its type, such as `checkout.session.completed`.
    pub kind: String,
    /// The hold it was about; of money without a hold, the one that it claims.
    pub hold: Option<HoldId>,
    /// When it was applied.
    pub applied_at: DateTime<Utc>,
    /// Whether its body is still kept, so that it can be replayed.
    pub has_payload: bool,
}

/// Counts for metrics and `doctor`; each from an index whose size follows what is live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FigureCounts {
    /// Holds that are `held`.
    pub held: i64,
    /// Holds that are `processing`.
    pub processing: i64,
    /// `held` holds whose time is over.
    pub overdue: i64,
    /// How long the oldest of them has been, in milliseconds; 0 where there is none.
    pub oldest_overdue_ms: i64,
    /// Commands not yet answered.
    pub commands_pending: i64,
    /// Of them, stuck ones.
    pub commands_stuck: i64,
    /// How long ago the oldest of them was ordered, in milliseconds; 0 where there is none.
    pub oldest_command_ms: i64,
    /// Attempts still to be recovered.
    pub attempts_open: i64,
    /// How long ago the oldest of them was begun, in milliseconds; 0 where there is none.
    pub oldest_attempt_ms: i64,
    /// Payments in state `paid` whose hold does not keep a slot (I3: must be 0).
    pub money_without_slot: i64,
    /// Confirmed holds for which no money ever came, or whose money is on its way back (I3: must be 0). One whose money
    /// is gone, by a refund or a lost dispute, stays confirmed because the shop wants that.
    pub slot_without_money: i64,
    /// Payments whose refund Stripe refused for good.
    pub refunds_failed: i64,
}
