//! Snapshots of Stripe's objects, merged so that order, repetition and source cannot matter.
//!
//! Snapshots of one object are ordered totally: by the rank of their status first, then by all other fields. Merging
//! keeps the greater one, so it is commutative, associative and idempotent. A status that we do not know has the lowest
//! rank: it changes nothing that is known.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use chrono::{DateTime, Utc};

use crate::domain::ids::{ChargeId, CommandId, DisputeId, IntentId, RefundId};
use crate::domain::money::Money;

/// A word that Stripe uses for a status or a reason: at most 64 letters, digits and underscores.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StripeWord(String);

impl StripeWord {
    /// Makes a word from Stripe's text. Drops all other characters, because the word appears in answers and logs.
    pub fn new(text: &str) -> Self {
        let is_plain = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
        Self(text.chars().filter(is_plain).take(64).collect())
    }

    /// Returns the word as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StripeWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The status of a refund, in the order in which one overrules another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RefundStatus {
    /// A status that we do not know.
    Unknown(StripeWord),
    /// The guest must do something to receive the money.
    RequiresAction,
    /// The money is on its way.
    Pending,
    /// The money is back with the guest.
    Succeeded,
    /// The refund was canceled, so the shop has the money.
    Canceled,
    /// The guest's bank did not accept the money, so the shop has it.
    Failed,
}

impl RefundStatus {
    /// Returns the status that Stripe's word names.
    pub fn from_word(word: &str) -> Self {
        match word {
            "requires_action" => Self::RequiresAction,
            "pending" => Self::Pending,
            "succeeded" => Self::Succeeded,
            "canceled" => Self::Canceled,
            "failed" => Self::Failed,
            other => Self::Unknown(StripeWord::new(other)),
        }
    }

    /// Tells whether the refund ended without giving the money back.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Canceled | Self::Failed)
    }

    /// Returns Stripe's word for the status.
    pub fn as_word(&self) -> &str {
        match self {
            Self::Unknown(word) => word.as_str(),
            Self::RequiresAction => "requires_action",
            Self::Pending => "pending",
            Self::Succeeded => "succeeded",
            Self::Canceled => "canceled",
            Self::Failed => "failed",
        }
    }
}

/// The status of a dispute, in the order in which one overrules another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DisputeStatus {
    /// A status that we do not know.
    Unknown(StripeWord),
    /// The bank inquires; no money has moved.
    WarningNeedsResponse,
    /// The bank examines the shop's answer to an inquiry; no money has moved.
    WarningUnderReview,
    /// The inquiry ended without a dispute; no money has moved.
    WarningClosed,
    /// The bank has withdrawn the money, and the shop may answer.
    NeedsResponse,
    /// The bank has withdrawn the money, and examines the shop's answer.
    UnderReview,
    /// A refund prevented the dispute: the refunds say where the money is.
    Prevented,
    /// The shop has the money again.
    Won,
    /// The bank keeps the money.
    Lost,
}

impl DisputeStatus {
    /// Returns the status that Stripe's word names.
    pub fn from_word(word: &str) -> Self {
        match word {
            "warning_needs_response" => Self::WarningNeedsResponse,
            "warning_under_review" => Self::WarningUnderReview,
            "warning_closed" => Self::WarningClosed,
            "needs_response" => Self::NeedsResponse,
            "under_review" => Self::UnderReview,
            "prevented" => Self::Prevented,
            "won" => Self::Won,
            "lost" => Self::Lost,
            other => Self::Unknown(StripeWord::new(other)),
        }
    }

    /// Tells whether the bank has withdrawn the money and has not decided yet.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::NeedsResponse | Self::UnderReview)
    }

    /// Returns Stripe's word for the status.
    pub fn as_word(&self) -> &str {
        match self {
            Self::Unknown(word) => word.as_str(),
            Self::WarningNeedsResponse => "warning_needs_response",
            Self::WarningUnderReview => "warning_under_review",
            Self::WarningClosed => "warning_closed",
            Self::NeedsResponse => "needs_response",
            Self::UnderReview => "under_review",
            Self::Prevented => "prevented",
            Self::Won => "won",
            Self::Lost => "lost",
        }
    }
}

/// A refund as Stripe last showed it. The fields are in the order in which they decide between two snapshots.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RefundSnapshot {
    /// What has become of the money.
    pub status: RefundStatus,
    /// What the guest gets back.
    pub money: Money,
    /// Why it failed, in Stripe's word.
    pub failure_reason: Option<StripeWord>,
    /// The command that ordered it, from our metadata; `None` for a refund that a person made at Stripe.
    pub command: Option<CommandId>,
    /// The refunded payment; `None` for a charge without an intent, which is never ours.
    pub intent: Option<IntentId>,
    /// The charge that was refunded.
    pub charge: Option<ChargeId>,
    /// When it was made, on Stripe's clock.
    pub created: DateTime<Utc>,
    /// Stripe's id of the refund.
    pub id: RefundId,
}

/// A dispute as Stripe last showed it. The fields are in the order in which they decide between two snapshots.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DisputeSnapshot {
    /// Where the dispute is, and with it the money.
    pub status: DisputeStatus,
    /// What the bank disputes.
    pub money: Money,
    /// What the guest objects to, in Stripe's word.
    pub reason: Option<StripeWord>,
    /// Until when the shop may answer, if it may.
    pub due_by: Option<DateTime<Utc>>,
    /// The disputed payment; `None` for a charge without an intent, which is never ours.
    pub intent: Option<IntentId>,
    /// The charge that is disputed.
    pub charge: Option<ChargeId>,
    /// When it was opened, on Stripe's clock.
    pub created: DateTime<Utc>,
    /// Stripe's id of the dispute.
    pub id: DisputeId,
}

/// What Stripe says about the money of one payment after it was paid. The intent needs no snapshot: a payment is recorded once
/// its intent has succeeded, which overrules every other status and never changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PaymentFacts {
    /// The refunds by their ids, whatever became of them.
    pub refunds: BTreeMap<RefundId, RefundSnapshot>,
    /// The disputes by their ids, whatever became of them.
    pub disputes: BTreeMap<DisputeId, DisputeSnapshot>,
}

impl PaymentFacts {
    /// Merges what two sources said of one payment.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        merge_newest(&mut self.refunds, other.refunds);
        merge_newest(&mut self.disputes, other.disputes);
        self
    }
}

impl PaymentFacts {
    /// Tells whether neither a refund nor a dispute is known.
    pub fn is_empty(&self) -> bool {
        self.refunds.is_empty() && self.disputes.is_empty()
    }

    /// Tells whether the bank has withdrawn money and has not decided.
    pub fn is_disputed(&self) -> bool {
        let mut disputes = self.disputes.values();
        disputes.any(|dispute| dispute.status.is_open() && dispute.money.amount > 0)
    }

    /// Returns the facts as they were if no dispute was open.
    #[must_use]
    pub fn without_open_disputes(&self) -> Self {
        let mut facts = self.clone();
        facts.disputes.retain(|_, dispute| !dispute.status.is_open());
        facts
    }
}

/// A snapshot of an object that can be merged with another one of the same object.
trait Merge {
    /// Takes over what the other one knows better.
    fn merge(&mut self, other: Self);
}

impl Merge for RefundSnapshot {
    /// The newer one counts. Old refunds name no command in their metadata; an answer to its call does, so a command that
    /// is known stays known.
    fn merge(&mut self, mut other: Self) {
        let command = self.command.max(other.command);
        self.command = command;
        other.command = command;
        if *self < other {
            *self = other;
        }
    }
}

impl Merge for DisputeSnapshot {
    fn merge(&mut self, other: Self) {
        if *self < other {
            *self = other;
        }
    }
}

/// Merges the snapshots of each object.
fn merge_newest<K: Ord, V: Merge>(known: &mut BTreeMap<K, V>, other: BTreeMap<K, V>) {
    for (id, snapshot) in other {
        match known.entry(id) {
            Entry::Occupied(mut entry) => entry.get_mut().merge(snapshot),
            Entry::Vacant(entry) => {
                entry.insert(snapshot);
            }
        }
    }
}

#[cfg(test)]
mod tests;
