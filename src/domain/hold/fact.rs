//! What can be told of a hold, whoever tells it.

use std::fmt;

use crate::domain::ids::IntentId;
use crate::domain::payment::Receipt;
use crate::domain::session::SessionPayment;

/// Something that is so, whoever told us: an event, an answer of Stripe's to our question, or to our order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Fact {
    /// The session is complete.
    SessionCompleted(SessionPayment),
    /// The session is expired, or never was: Stripe can take no money for it (I2).
    SessionDead,
    /// A delayed payment arrived.
    AsyncSucceeded(Receipt),
    /// A delayed payment failed for good.
    AsyncFailed,
    /// This intent belongs to the hold.
    IntentLinked(IntentId),
    /// The intent has taken money.
    IntentSucceeded(Receipt),
    /// A try failed; the guest may try again.
    IntentFailed(IntentId, FailureCode),
    /// The intent was given up.
    IntentCanceled(IntentId),
    /// Money went back: `back` minor units of `paid` in all.
    Refunded {
        /// What was paid, through which intent.
        paid: Receipt,
        /// How much of it is back by now, in minor units.
        back: i64,
    },
    /// Stripe could not give the money back.
    RefundFailed(IntentId),
    /// The guest's bank disputes the payment.
    DisputeOpened(Receipt),
    /// The dispute is over; `won` where the money stays ours.
    DisputeClosed {
        /// Whose payment.
        intent: IntentId,
        /// Whether the money stays.
        won: bool,
    },
}

/// Stripe's code for a failed try, such as `card_declined`: letters, digits and underscores only, at most 64.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FailureCode(String);

impl FailureCode {
    /// Takes a code as Stripe gave it, without anything that is not code-like.
    pub fn new(text: &str) -> Self {
        let code = text
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || *c == '_')
            .take(64)
            .collect();
        Self(code)
    }
}

impl fmt::Display for FailureCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "unknown" } else { &self.0 })
    }
}
