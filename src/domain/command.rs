//! Durable orders to Stripe (I7): a row before it is a call.
//!
//! What to say and when to try again; how it is said is the gateway's, how it is stored the store's.

use chrono::{DateTime, Duration, Utc};

use super::ids::{CommandId, HoldId, IntentId, SessionId};
use super::money::Money;

/// Tries after which a command counts as stuck: it is still tried, but an operator should look.
pub const STUCK_AFTER: u32 = 10;

/// What Stripe must be told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CommandAction {
    /// End a session that belongs to no live hold.
    ExpireSession(SessionId),
    /// Give money back.
    Refund {
        /// Whose money.
        intent: IntentId,
        /// How much of it.
        money: Money,
    },
}

impl CommandAction {
    /// What makes two orders the same one: the store keeps a single command for each.
    pub fn key(&self) -> String {
        match self {
            Self::ExpireSession(session) => format!("expire:{session}"),
            Self::Refund { intent, .. } => format!("refund:{intent}"),
        }
    }
}

/// An order on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Its id; also the Stripe idempotency key of the call.
    pub id: CommandId,
    /// The hold it is for; a payment that never had a hold has none.
    pub hold: Option<HoldId>,
    /// What to do.
    pub order: CommandAction,
    /// Failed tries so far.
    pub tries: u32,
    /// When to try next.
    pub due_at: DateTime<Utc>,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// When it was ordered.
    pub created_at: DateTime<Utc>,
    /// When Stripe answered for good.
    pub done_at: Option<DateTime<Utc>>,
}

impl Command {
    /// Whether an operator should look at it.
    pub fn is_stuck(&self) -> bool {
        self.done_at.is_none() && self.tries >= STUCK_AFTER
    }
}

/// How long to wait after the `tries`-th failure in a row: doubling from 2 s to an hour.
/// `spread` in `0..=1` jitters it between half and the whole, so that many failures do not come back together.
pub fn backoff(tries: u32, spread: f64) -> Duration {
    let whole_ms = 2_000_i64
        .saturating_mul(1 << tries.saturating_sub(1).min(20))
        .min(3_600_000);
    let half = whole_ms / 2;
    // In bounds: `spread` is clamped and `half` is at most 1.8 million.
    #[allow(clippy::cast_possible_truncation)]
    let extra = (half as f64 * spread.clamp(0.0, 1.0)) as i64;
    Duration::milliseconds(half + extra)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_doubles_up_to_an_hour_and_is_never_less_than_half_of_that() {
        for (tries, whole) in [(1, 2), (2, 4), (5, 32), (12, 3600), (40, 3600)] {
            assert_eq!(backoff(tries, 1.0), Duration::seconds(whole), "{tries}");
            assert_eq!(backoff(tries, 0.0), Duration::seconds(whole) / 2, "{tries}");
        }
    }
}
