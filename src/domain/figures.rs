//! Counts of what is live, due and wrong: for the metrics and for `doctor`. And what is left of Stripe's other mode.

use std::fmt;

use chrono::{DateTime, Duration, Utc};

use super::ids::EventTypeId;
use super::listing::StatusKind;
use super::money::Money;

/// How long money may wait for its hold before it counts as money without a slot: longer than a checkout, the lease of its
/// attempt, and the sweeps after it.
pub const MONEY_WAITS: Duration = Duration::minutes(15);

/// How long a delayed payment may be in progress before an operator must look into that. Most methods need less; a payment that
/// takes longer keeps its slot.
pub const PROCESSING_LONG: Duration = Duration::days(7);

/// Counts for metrics and `doctor`. Each comes from an index whose size follows what is live, so counting stays cheap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FigureCounts {
    /// Holds in status `held`.
    pub held: i64,
    /// Holds in status `processing`.
    pub processing: i64,
    /// `held` holds whose time to pay is over.
    pub overdue: i64,
    /// How long the oldest overdue hold has been overdue, in milliseconds; 0 if there is none.
    pub oldest_overdue_ms: i64,
    /// Commands that Stripe has not carried out yet.
    pub commands_pending: i64,
    /// Pending commands that count as stuck.
    pub commands_stuck: i64,
    /// How long the oldest pending command has waited for its first answer, in milliseconds; 0 if none waits. One that asks about
    /// a delayed payment again waits only once it is due.
    pub oldest_command_ms: i64,
    /// Attempts that are still to be recovered.
    pub attempts_open: i64,
    /// Age of the oldest open attempt in milliseconds; 0 if there is none.
    pub oldest_attempt_ms: i64,
    /// Ended holds with a payment in state `paid`, and payments that have waited for their hold too long (I3: must be 0).
    pub money_without_slot: i64,
    /// Confirmed holds that never had a payment, or whose payment is being refunded (I3: must be 0).
    ///
    /// A hold whose payment is gone by a refund or a lost dispute is not counted: it stays confirmed because the shop
    /// chose so.
    pub slot_without_money: i64,
    /// `processing` holds whose payment has been in progress for longer than [`PROCESSING_LONG`].
    pub processing_long: i64,
    /// Live holds whose guest paid another amount than the price, which nobody has settled, and whose slot has not ended.
    pub price_mismatches: i64,
    /// Payments with a dispute that the bank has not decided.
    pub disputes_open: i64,
    /// Payments of which money must still go back, because its refund failed or is stuck.
    pub refunds_failed: i64,
    /// Payments whose refunds, disputes and decisions do not add up to what was paid: must be 0.
    pub money_not_adding_up: i64,
    /// Payments of which only an earlier version's counter is known: Stripe's lists must be read. Counted up to 10,001.
    pub money_unverified: i64,
    /// Calendar feeds with entries that could not be read.
    pub feeds_partial: i64,
    /// Calendar feeds that could not be read at all.
    pub feeds_failed: i64,
    /// Deliveries of events to endpoints that are not over.
    pub deliveries_pending: i64,
    /// Age of the oldest event among them in milliseconds; 0 if there is none.
    pub oldest_delivery_ms: i64,
    /// Deliveries of the last 30 days that have failed.
    pub deliveries_failed: i64,
    /// Endpoints whose last attempt failed, or that answered that they are gone.
    pub endpoints_failing: i64,
}

/// The live holds of one event type in one status and currency, and what they keep from sale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveHolds {
    /// The event type that was booked.
    pub event_type: EventTypeId,
    /// The status of the holds: held, processing, or confirmed and to come.
    pub status: StatusKind,
    /// The price of all of them.
    pub price: Money,
    /// How many holds there are.
    pub holds: i64,
    /// How many units they have of each segment.
    pub units: i64,
    /// For how many seconds they keep units of resources busy, buffers included.
    pub busy_seconds: i64,
    /// When the time to pay of the first of them ends.
    pub first_expiry: DateTime<Utc>,
}

/// What is left to do in Stripe's other mode: work that only a key of that mode can finish.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OtherModeWork {
    /// Holds in status `held`.
    pub held: i64,
    /// Holds in status `processing`.
    pub processing: i64,
    /// Confirmed holds whose start lies in the future.
    pub future_bookings: i64,
    /// Attempts that are running or to be recovered.
    pub attempts: i64,
    /// Commands that are not done.
    pub commands: i64,
}

impl OtherModeWork {
    /// Tells whether nothing is left.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for OtherModeWork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            held,
            processing,
            future_bookings,
            attempts,
            commands,
        } = self;
        write!(
            f,
            "{held} held, {processing} processing, {future_bookings} future bookings, {attempts} open attempts, \
             {commands} commands that are not done"
        )
    }
}
