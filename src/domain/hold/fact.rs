//! The facts that Stripe can tell us about a hold.

use std::fmt;

use crate::domain::ids::IntentId;
use crate::domain::payment::Receipt;
use crate::domain::session::SessionPayment;

/// Something that Stripe reported, by an event or by a response to a call. The rules do not depend on which
/// of the two.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Fact {
    /// The guest submitted the payment page.
    SessionCompleted(SessionPayment),
    /// The session expired or does not exist: Stripe can no longer collect money for it (I2).
    SessionDead,
    /// Another session than the hold's own took money for the hold.
    OtherSessionPaid(Receipt),
    /// A delayed payment succeeded.
    AsyncSucceeded(Receipt),
    /// A delayed payment failed for good.
    AsyncFailed,
    /// The PaymentIntent belongs to the hold.
    IntentLinked(IntentId),
    /// The PaymentIntent collected the money. An intent does not say which session it belongs to.
    IntentSucceeded(Receipt),
    /// A payment attempt failed; the guest may try again.
    IntentFailed(IntentId, FailureCode),
    /// The PaymentIntent was cancelled at Stripe.
    IntentCanceled(IntentId),
    /// A refund or a dispute of this intent is new or has changed. What is known of both is in the hold's payments.
    MoneyMoved(IntentId),
}

impl Fact {
    /// Returns what a fact about a session means for a hold whose own session is another one.
    ///
    /// Only the money matters, and the intent that may bring it. That the other session ended, failed or asked for no
    /// payment says nothing about the hold.
    pub fn from_other_session(self) -> Option<Self> {
        match self {
            Self::SessionCompleted(SessionPayment::Paid(receipt)) | Self::AsyncSucceeded(receipt) => {
                Some(Self::OtherSessionPaid(receipt))
            }
            Self::SessionCompleted(SessionPayment::Unpaid(Some(intent))) => Some(Self::IntentLinked(intent)),
            Self::SessionCompleted(SessionPayment::Unpaid(None) | SessionPayment::NotRequired(_))
            | Self::SessionDead
            | Self::AsyncFailed => None,
            Self::OtherSessionPaid(_)
            | Self::IntentLinked(_)
            | Self::IntentSucceeded(_)
            | Self::IntentFailed(..)
            | Self::IntentCanceled(_)
            | Self::MoneyMoved(_) => Some(self),
        }
    }

    /// Returns the payment that the fact proves.
    pub fn receipt(&self) -> Option<&Receipt> {
        match self {
            Self::SessionCompleted(SessionPayment::Paid(receipt))
            | Self::OtherSessionPaid(receipt)
            | Self::AsyncSucceeded(receipt)
            | Self::IntentSucceeded(receipt) => Some(receipt),
            Self::SessionCompleted(_)
            | Self::SessionDead
            | Self::AsyncFailed
            | Self::IntentLinked(_)
            | Self::IntentFailed(..)
            | Self::IntentCanceled(_)
            | Self::MoneyMoved(_) => None,
        }
    }
}

/// Stripe's code for a failed payment attempt, such as `card_declined`: at most 64 letters, digits and underscores.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FailureCode(String);

impl FailureCode {
    /// Makes a code from Stripe's text. Drops all other characters, because the code appears in histories and logs.
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
