//! A Stripe Checkout Session as Holdfast sees it: the terms it is made on, what it says when asked, and how Stripe's
//! word names the hold that it concerns.

use chrono::{DateTime, Duration, Utc};

use super::catalogue::PaymentMethod;
use super::ids::{HoldId, IntentId, SessionId};
use super::money::Money;
use super::payment::Receipt;

/// Shortest life that is asked of Stripe. Its own limit is 30 min on its own clock; 86 s of skew broke that exact value
/// in the field. An instance whose clock is ten minutes behind Stripe's can still sell.
pub const MIN_SESSION_LIFE: Duration = Duration::minutes(41);

/// Longest life that is asked of Stripe; its limit is 24 h.
pub const MAX_SESSION_LIFE: Duration = Duration::minutes(23 * 60 + 30);

/// How long Stripe's own `checkout.session.expired` is waited for before a call is spent, where hold and session end
/// at the same moment.
pub const EXPIRY_GRACE: Duration = Duration::seconds(30);

/// All that is said to Stripe when a session is made. Kept with the attempt, so that the same key always comes with
/// the same parameters.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionTerms {
    /// The hold it is for: idempotency key, `client_reference_id` and metadata of session and intent.
    pub hold: HoldId,
    /// What the guest reads on the payment page.
    pub name: String,
    /// What one of it costs.
    pub price: Money,
    /// How many, at least 1.
    pub quantity: u32,
    /// The guest's address.
    pub email: String,
    /// Where Stripe sends the guest who paid.
    pub success_url: String,
    /// Where Stripe sends the guest who turned back.
    pub cancel_url: String,
    /// When Stripe ends it by itself; whole seconds.
    pub expires_at: DateTime<Utc>,
    /// The methods that the guest may pay with; empty: all that the account allows.
    pub payment_methods: Vec<PaymentMethod>,
    /// Which installation of this service it is made by.
    pub installation: String,
}

impl std::fmt::Debug for SessionTerms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The address and the URLs stay out of logs.
        write!(f, "SessionTerms({})", self.hold)
    }
}

/// A session that Stripe has made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSession {
    /// Its id.
    pub id: SessionId,
    /// The payment page.
    pub url: String,
}

/// Stripe's word on a session's life; it only moves forward.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SessionStatus {
    /// It can still be paid.
    Open,
    /// The guest went through with it; the money may be there or on its way.
    Complete(SessionPayment),
    /// The guest went through with it, and the delayed payment failed for good.
    Failed,
    /// It can never be paid.
    Expired,
}

/// What a complete session says about the money.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SessionPayment {
    /// It is there.
    Paid(Receipt),
    /// A delayed method is at work.
    Unpaid(Option<IntentId>),
    /// Nothing was to be paid.
    NotRequired,
}

/// A session that Stripe was asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionReport {
    /// Its id.
    pub id: SessionId,
    /// The hold it was made for, from its own metadata.
    pub hold: Option<HoldId>,
    /// Its life.
    pub status: SessionStatus,
}

/// How an event or an answer of Stripe's names the hold that it concerns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HoldRefs {
    /// Which installation made it, from our metadata.
    pub installation: Option<String>,
    /// From our metadata, or `client_reference_id`.
    pub hold: Option<HoldId>,
    /// The Checkout Session.
    pub session: Option<SessionId>,
    /// The PaymentIntent.
    pub intent: Option<IntentId>,
}

/// When Stripe should end a session whose hold ends at `hold_ends`: the same moment where Stripe's limits allow it.
pub fn session_expiry(now: DateTime<Utc>, hold_ends: DateTime<Utc>) -> DateTime<Utc> {
    let wanted = hold_ends.clamp(now + MIN_SESSION_LIFE, now + MAX_SESSION_LIFE);
    // Stripe counts whole seconds; rounding up keeps the minimum.
    DateTime::from_timestamp(
        wanted.timestamp() + i64::from(wanted.timestamp_subsec_nanos() > 0),
        0,
    )
    .unwrap_or(wanted)
}

/// When the sweep should first ask about a hold: at its end, or a little later where Stripe's event is about to come.
pub fn first_check(hold_ends: DateTime<Utc>, session_ends: DateTime<Utc>) -> DateTime<Utc> {
    let coincide = session_ends - hold_ends <= Duration::seconds(1);
    if coincide {
        session_ends + EXPIRY_GRACE
    } else {
        hold_ends
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_lives_as_long_as_its_hold_within_stripes_limits() {
        let now = DateTime::from_timestamp(1_800_000_000, 1).unwrap();
        let life = |ttl: Duration| session_expiry(now, now + ttl).timestamp() - now.timestamp();
        assert_eq!(life(Duration::seconds(1)), 41 * 60 + 1);
        assert_eq!(life(Duration::hours(2)), 2 * 3600 + 1);
        assert_eq!(life(Duration::hours(24)), 23 * 3600 + 1800 + 1);
    }

    #[test]
    fn where_both_end_together_stripes_event_gets_a_grace() {
        let ends = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        assert_eq!(first_check(ends, ends), ends + EXPIRY_GRACE);
        assert_eq!(first_check(ends, ends + Duration::minutes(2)), ends);
    }
}
