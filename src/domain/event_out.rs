//! Events out: what happens to holds and their money, as the shop's own systems get it.

use chrono::{DateTime, Utc};

use super::hold::Status;
use super::ids::{HoldId, ResourceId};
use super::listing::StatusKind;
use super::money::Money;
use super::segment::Segment;
use super::time::Window;

/// How long an event is kept, for pulling and for a replay.
pub const KEEP_EVENTS_OUT: chrono::Duration = chrono::Duration::days(30);

/// The number that the last event got when it was written; 0 before the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamEnd(pub i64);

/// Defines the types of events with their words and meanings.
macro_rules! event_out_kinds {
    ($($kind:ident = $word:literal, $meaning:literal;)*) => {
        /// The type of an event out.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum EventOutKind {
            $(#[doc = $meaning] $kind),*
        }

        impl EventOutKind {
            /// All types, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$kind),*];

            /// Returns the word for the type, as endpoints get it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $word),*
                }
            }

            /// Returns what has happened, as a sentence for the description of the API.
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$kind => $meaning),*
                }
            }
        }
    };
}

event_out_kinds! {
    HoldPlaced = "hold.placed", "A checkout placed the hold.";
    HoldProcessing = "hold.processing", "A delayed payment of the hold is in progress.";
    HoldConfirmed = "hold.confirmed", "The hold is paid; the slot is the guest's.";
    HoldReleased = "hold.released", "The hold ended without a payment; `reason` says why.";
    HoldCancelled = "hold.cancelled", "The hold ended after it was paid; `reason` says why.";
    HoldMoved = "hold.moved", "The hold has another slot.";
    PaymentLate = "payment.late", "A payment came for a hold that has ended, and cannot have its slot; it goes back.";
    PaymentOrphaned = "payment.orphaned", "A payment came for a hold that was never placed; it goes back.";
    RefundSucceeded = "refund.succeeded", "The money of a refund is with the guest, as far as Stripe knows.";
    RefundFailed = "refund.failed", "A refund ended, and its money is not with the guest.";
    DisputeOpened = "dispute.opened", "The guest's bank disputes a payment, or asks about it.";
    DisputeClosed = "dispute.closed", "The guest's bank has decided about a dispute.";
    SlotClosedWithConflict = "slot.closed_with_conflict", "An operator closed a time in which the hold has its slot.";
}

impl EventOutKind {
    /// Returns the type that this word names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == word)
    }
}

/// Identifies an event out within the installation. A database that is restored from a backup gives the numbers of the rows that
/// it has lost again; no two events with the same number happen at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventOutId {
    /// The number of the event's row.
    pub row: i64,
    /// When it happened, in milliseconds since 1970.
    pub created_ms: i64,
}

impl EventOutId {
    /// Returns the id as endpoints get it: `evt_`, a part of the installation's id, the number and the time. Another installation, a
    /// new database or one that was restored never gives the same.
    pub fn to_text(self, installation: &str) -> String {
        format!(
            "{}{:012}_{:011x}",
            prefix(installation),
            self.row,
            self.created_ms
        )
    }

    /// Parses an id that [`Self::to_text`] made for this installation.
    pub fn parse(text: &str, installation: &str) -> Option<Self> {
        let (row, created) = text.strip_prefix(&prefix(installation))?.split_once('_')?;
        let is_number = row.len() >= 12 && row.bytes().all(|b| b.is_ascii_digit());
        let is_hex = created.len() >= 11 && created.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        Some(Self {
            row: row.parse().ok().filter(|_| is_number)?,
            created_ms: i64::from_str_radix(created, 16).ok().filter(|_| is_hex)?,
        })
    }
}

fn prefix(installation: &str) -> String {
    let letters = installation.chars().filter(char::is_ascii_alphanumeric);
    format!("evt_{}_", letters.take(12).collect::<String>())
}

/// What an event is about besides its hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventSubject {
    /// A refund, as it was when the event happened.
    Refund(MoneyObject),
    /// A dispute, as it was when the event happened.
    Dispute(MoneyObject),
    /// A payment without a hold.
    Payment {
        /// The id of the intent that took the money.
        intent: String,
        /// The money that was paid.
        money: Money,
        /// The hold that its metadata names.
        claimed_hold: Option<HoldId>,
    },
    /// A time that an operator closed.
    Closed {
        /// The resource that is not for sale then; `None` is all.
        resource: Option<ResourceId>,
        /// The id of the block or the closure.
        id: String,
        /// The time that is closed.
        window: Window,
    },
}

/// A refund or a dispute at Stripe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoneyObject {
    /// Stripe's id of the object.
    pub id: String,
    /// The intent whose money it is.
    pub intent: String,
    /// How much of it is refunded or disputed.
    pub money: Money,
    /// Stripe's word for the status.
    pub status: String,
    /// Stripe's word for the reason.
    pub reason: Option<String>,
}

/// An event out as it is stored: without data of the guest.
#[derive(Clone, Debug)]
pub struct EventOut {
    /// Identifies the event within the installation.
    pub id: EventOutId,
    /// Its place in the stream, after all that were committed before.
    pub position: i64,
    /// Its number among the events of the hold, from 1; `None` without a hold.
    pub sequence: Option<i64>,
    /// The type says what has happened.
    pub kind: EventOutKind,
    /// The hold that it happened to; `None` for money without a hold.
    pub hold: Option<HoldId>,
    /// The status before, if it is a transition and there was one.
    pub previous: Option<StatusKind>,
    /// The hold as the event left it.
    pub left: Option<HoldAtEvent>,
    /// What it is about besides the hold.
    pub subject: Option<EventSubject>,
    /// When it happened, by the database's clock.
    pub created_at: DateTime<Utc>,
}

/// What an event remembers of its hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldAtEvent {
    /// The status after the event.
    pub status: Status,
    /// The segments after the event.
    pub segments: Vec<Segment>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_names_its_type_and_no_other() {
        for kind in EventOutKind::ALL {
            assert_eq!(EventOutKind::parse(kind.as_str()), Some(*kind));
        }
        assert_eq!(EventOutKind::ALL.len(), 13);
        assert_eq!(EventOutKind::parse("*"), None);
    }

    #[test]
    fn event_id_parses_only_in_its_installation() {
        let (one, other) = ("0193aaaa-bbbb-7000", "0193cccc-dddd-7000");
        let id = EventOutId {
            row: 42,
            created_ms: 1_795_000_000_000,
        };
        let text = id.to_text(one);
        assert_eq!(text, "evt_0193aaaabbbb_000000000042_1a1ee565e00");
        assert_eq!(EventOutId::parse(&text, one), Some(id));
        assert_eq!(EventOutId::parse(&text, other), None);
        for bad in [
            "",
            "42",
            "evt_0193aaaabbbb_",
            "evt_0193aaaabbbb_42_1a1ee565e00",
            "evt_0193aaaabbbb_000000000042",
            "evt_0193aaaabbbb_000000000042_",
            "evt_0193aaaabbbb_000000000042_1A1EE565E00",
            "evt_0193aaaabbbb_00000000004x_1a1ee565e00",
        ] {
            assert_eq!(EventOutId::parse(bad, one), None, "{bad}");
        }
    }
}
