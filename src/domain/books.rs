//! What can be asked of the books and what they answer, in words that every room above them shares: parts of lists,
//! filters, figures. How the books are kept is left to `store`, how an answer looks to `http`.

use chrono::{DateTime, Utc};

use super::ids::{EventTypeId, ResourceId};

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
pub enum Put {
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

/// Counts for metrics and `doctor`; each from an index whose size follows what is live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
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
    /// Attempts still to be recovered.
    pub attempts_open: i64,
    /// Payments in state `paid` whose hold does not keep a slot (I3: must be 0).
    pub money_without_slot: i64,
    /// Confirmed holds without a payment that is ours (I3: must be 0).
    pub slot_without_money: i64,
    /// Payments whose refund Stripe refused for good.
    pub refunds_failed: i64,
}
