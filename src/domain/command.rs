//! Durable commands to Stripe (I7): each is a row before it becomes a call.
//!
//! Defines what a command says and when it is tried again. `gateway` makes the call, `store` keeps the row.

use chrono::{DateTime, Duration, Utc};

use super::ids::{CommandId, HoldId, IntentId, SessionId};
use super::money::Money;

/// Failures after which a command counts as stuck: an operator should check it, but the worker still tries.
pub const STUCK_AFTER: u32 = 10;

/// What a command makes Stripe do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CommandAction {
    /// Expires a session that must take no money any more, or asks until its delayed payment is decided.
    ExpireSession(SessionId),
    /// Refunds a payment, fully or in part.
    Refund {
        /// The PaymentIntent that collected the money.
        intent: IntentId,
        /// How much to refund.
        money: Money,
        /// How many orders to refund this payment there were before.
        order: usize,
    },
}

impl CommandAction {
    /// Returns the key that is equal for two actions with the same effect.
    ///
    /// The store keeps a single command per key, so that a repeated fact cannot refund a payment twice.
    pub fn key(&self) -> String {
        match self {
            Self::ExpireSession(session) => format!("expire:{session}"),
            Self::Refund { intent, order: 0, .. } => format!("refund:{intent}"),
            Self::Refund { intent, order, .. } => format!("refund:{intent}:{order}"),
        }
    }
}

/// A command of the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Identifies the command; also the Stripe idempotency key of its first call.
    pub id: CommandId,
    /// The Stripe idempotency key of the next call, where a refusal used up the one before.
    pub stripe_key: Option<String>,
    /// When its call was first tried, by the instance's clock; `None` before that.
    pub first_tried_at: Option<DateTime<Utc>>,
    /// Who ordered a refund, in a word; `None` for commands of versions that did not write it, which may have called Stripe
    /// without the command's id in the metadata.
    pub ordered_by: Option<String>,
    /// The hold that caused it; `None` for a payment that never had a hold.
    pub hold: Option<HoldId>,
    /// What Stripe is to do.
    pub action: CommandAction,
    /// Failures of the call so far.
    pub tries: u32,
    /// When the worker tries it next.
    pub due_at: DateTime<Utc>,
    /// Until when a worker has leased it, by the database's clock. No two leases of a command end at the same time, so that this
    /// names the lease.
    pub leased_until: Option<DateTime<Utc>>,
    /// The error of the last failure.
    pub last_error: Option<String>,
    /// When the command was written.
    pub created_at: DateTime<Utc>,
    /// When Stripe carried it out; `None` while it is pending.
    pub done_at: Option<DateTime<Utc>>,
}

impl Command {
    /// Tells whether the command failed so often that an operator should check it.
    pub fn is_stuck(&self) -> bool {
        self.done_at.is_none() && self.tries >= STUCK_AFTER
    }
}

/// Returns how long to wait after the `tries`-th failure in a row: the delay doubles from 2 s up to an hour.
///
/// `jitter` in `0..=1` picks a delay between half of that and all of it, so that commands that failed together are not
/// all tried again at the same moment.
pub fn backoff(tries: u32, jitter: f64) -> Duration {
    let whole_ms = 2_000_i64
        .saturating_mul(1 << tries.saturating_sub(1).min(20))
        .min(3_600_000);
    let half = whole_ms / 2;
    // In bounds: `jitter` is clamped and `half` is at most 1.8 million.
    #[allow(clippy::cast_possible_truncation)]
    let extra = (half as f64 * jitter.clamp(0.0, 1.0)) as i64;
    Duration::milliseconds(half + extra)
}

/// Returns how long to wait before Stripe is asked again whether a delayed payment was decided, `age` after the command was
/// written: first `shortest`, then twice as long each time, up to a day.
pub fn ask_again_after(age: Duration, shortest: Duration) -> Duration {
    age.min(Duration::days(1)).max(shortest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn question_about_a_payment_is_repeated_once_a_day_in_the_end() {
        let shortest = Duration::hours(1);
        let mut age = Duration::zero();
        let mut asked = Vec::new();
        for _ in 0..8 {
            age += ask_again_after(age, shortest);
            asked.push(age.num_hours());
        }
        assert_eq!(asked, [1, 2, 4, 8, 16, 32, 56, 80]);
        let never_sooner = Duration::days(30);
        assert_eq!(ask_again_after(Duration::days(2), never_sooner), never_sooner);
    }

    #[test]
    fn backoff_doubles_to_an_hour_with_jitter_of_at_most_half() {
        for (tries, whole) in [(1, 2), (2, 4), (5, 32), (12, 3600), (40, 3600)] {
            assert_eq!(backoff(tries, 1.0), Duration::seconds(whole), "{tries}");
            assert_eq!(backoff(tries, 0.0), Duration::seconds(whole) / 2, "{tries}");
        }
    }
}
