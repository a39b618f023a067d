//! A Stripe Checkout Session as Holdfast sees it.
//!
//! Defines the terms that a session is created with, the status that Stripe reports, and the references by which an event
//! or a response names its hold.

use chrono::{DateTime, Duration, Utc};

use super::checkout_options::CheckoutOptions;
use super::ids::{EventTypeId, HoldId, IntentId, SessionId};
use super::locale::Locale;
use super::money::Money;
use super::payment::{Receipt, SessionTotals};
use super::payment_method::PaymentMethod;

/// The shortest session life that we request. Stripe's own limit is 30 min on Stripe's clock, and 86 s of clock skew
/// broke that exact value in the field. With this margin an instance whose clock is ten minutes behind can still sell.
pub const MIN_SESSION_LIFE: Duration = Duration::minutes(41);

/// The longest session life that we request; Stripe's own limit is 24 h.
pub const MAX_SESSION_LIFE: Duration = Duration::minutes(23 * 60 + 30);

/// The time within which Stripe ends every session by itself.
pub const STRIPE_SESSION_LIFE: Duration = Duration::hours(24);

/// How long the sweep waits for Stripe's `checkout.session.expired` event if hold and session end at the same moment.
/// The event saves a call.
pub const EXPIRY_GRACE: Duration = Duration::seconds(30);

/// Where the guest sees Stripe's payment page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CheckoutUi {
    /// At Stripe: the guest is sent to the page's URL.
    #[default]
    Hosted,
    /// Within the shop's own page, where Stripe.js shows it.
    Embedded,
}

/// What opens the payment page of a session. It is a secret: who has it can pay, and sees the guest's address.
#[derive(Clone, PartialEq, Eq)]
pub enum PaymentPage {
    /// The URL of the page.
    Hosted(String),
    /// The client secret with which Stripe.js shows the page.
    Embedded(String),
}

impl PaymentPage {
    /// Returns where the guest sees the page.
    pub fn ui(&self) -> CheckoutUi {
        match self {
            Self::Hosted(_) => CheckoutUi::Hosted,
            Self::Embedded(_) => CheckoutUi::Embedded,
        }
    }
}

impl std::fmt::Debug for PaymentPage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PaymentPage({:?})", self.ui())
    }
}

/// All parameters that a session is created with, and what is sold. They are stored with the attempt, so that a repeated call
/// sends the same parameters under the same idempotency key.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionTerms {
    /// The hold that the session is for: idempotency key, `client_reference_id` and metadata of session and intent.
    pub hold: HoldId,
    /// What is sold; Stripe does not see it. `None` in attempts of the version before.
    pub event_type: Option<EventTypeId>,
    /// What the guest reads on the payment page.
    pub name: String,
    /// The price of one unit.
    pub price: Money,
    /// Units to pay for, at least 1.
    pub quantity: u32,
    /// The guest's email address.
    pub email: String,
    /// Where the guest sees the payment page.
    pub ui: CheckoutUi,
    /// Stripe sends the guest to this URL after the payment.
    pub success_url: String,
    /// Stripe sends the guest to this URL if they turn back from a hosted page.
    pub cancel_url: String,
    /// When Stripe expires the session by itself; whole seconds.
    pub expires_at: DateTime<Utc>,
    /// The methods that the guest may pay with; if empty, all that the account allows.
    pub payment_methods: Vec<PaymentMethod>,
    /// The installation of Holdfast that creates the session.
    pub installation: String,
    /// What the payment page shows and asks beside name and price.
    pub page: PageTerms,
}

/// What the payment page shows and asks beside name and price. By default nothing, as in attempts of the version before.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PageTerms {
    /// What the guest reads beside the name: when, with whom, how many.
    pub line: Option<String>,
    /// The language of the page; if `None`, Stripe follows the guest's browser.
    pub locale: Option<Locale>,
    /// What the event type asks of the page.
    pub options: CheckoutOptions,
}

impl std::fmt::Debug for SessionTerms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The guest's address and the URLs must not appear in logs.
        write!(f, "SessionTerms({})", self.hold)
    }
}

/// A session that Stripe has just created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSession {
    /// Stripe's id of the session.
    pub id: SessionId,
    /// What opens its payment page.
    pub page: PaymentPage,
}

/// The state of a session at Stripe; it only moves forward.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SessionStatus {
    /// The guest can still pay.
    Open,
    /// The guest submitted the payment; the money is there or still on its way.
    Complete(SessionPayment),
    /// The guest submitted a delayed payment, and it failed for good.
    Failed,
    /// The guest can no longer pay.
    Expired,
}

/// What a complete session says about its payment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SessionPayment {
    /// The payment succeeded, as the receipt proves.
    Paid(Receipt),
    /// A delayed payment method has not decided yet.
    Unpaid(Option<IntentId>),
    /// The session asked for no payment; `None` if it does not say what it asked for.
    NotRequired(Option<SessionTotals>),
}

/// Stripe's response to a question about a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionReport {
    /// Stripe's id of the session.
    pub id: SessionId,
    /// The state of the session.
    pub status: SessionStatus,
}

/// What our metadata on an object of Stripe says: which hold the object is for, and which installation made it.
///
/// Both are needed. Another installation on the same account has holds of its own, and `client_reference_id`, which
/// the buyer can set on a Payment Link, is not read at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldClaim {
    /// The hold that the object is for.
    pub hold: HoldId,
    /// The installation that made the object.
    pub installation: String,
}

/// The references that an event contains. They prove nothing before they are compared with what the store knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventRefs {
    /// What our metadata on the object says, if it is complete.
    pub claim: Option<HoldClaim>,
    /// The Checkout Session that the event is about.
    pub session: Option<SessionId>,
    /// The PaymentIntent that the event is about, or that its session has.
    pub intent: Option<IntentId>,
}

/// The references by which the store finds the hold that owns an event. The caller sets only those that prove it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HoldRefs {
    /// The hold that metadata of this installation names.
    pub hold: Option<HoldId>,
    /// The Checkout Session that the event is about.
    pub session: Option<SessionId>,
    /// The PaymentIntent that may be tied to a hold already.
    pub intent: Option<IntentId>,
    /// The PaymentIntent that has paid. Its refunds and disputes are read with the hold, into [`Hold::unmatched`].
    ///
    /// [`Hold::unmatched`]: super::hold::Hold::unmatched
    pub paid: Option<IntentId>,
}

/// Returns when the time to pay ends for a hold that is placed at `now` and may live for `ttl`: not after its start.
pub fn hold_expiry(now: DateTime<Utc>, ttl: Duration, starts_at: DateTime<Utc>) -> DateTime<Utc> {
    (now + ttl).min(starts_at)
}

/// Returns when Stripe should expire the session of a hold that ends at `hold_ends`.
///
/// That is the same moment, if Stripe's limits allow it.
pub fn session_expiry(now: DateTime<Utc>, hold_ends: DateTime<Utc>) -> DateTime<Utc> {
    let wanted = hold_ends.clamp(now + MIN_SESSION_LIFE, now + MAX_SESSION_LIFE);
    // Stripe counts whole seconds; rounding down could fall below the minimum.
    DateTime::from_timestamp(
        wanted.timestamp() + i64::from(wanted.timestamp_subsec_nanos() > 0),
        0,
    )
    .unwrap_or(wanted)
}

/// Returns when the sweep first asks Stripe about a hold.
///
/// That is the hold's end, or [`EXPIRY_GRACE`] later if the session ends at the same moment.
pub fn first_check_at(hold_ends: DateTime<Utc>, session_ends: DateTime<Utc>) -> DateTime<Utc> {
    let ends_together = session_ends - hold_ends <= Duration::seconds(1);
    if ends_together {
        session_ends + EXPIRY_GRACE
    } else {
        hold_ends
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_lives_as_long_as_its_hold_within_stripes_limits() {
        let now = DateTime::from_timestamp(1_800_000_000, 1).unwrap();
        let life = |ttl: Duration| session_expiry(now, now + ttl).timestamp() - now.timestamp();
        assert_eq!(life(Duration::seconds(1)), 41 * 60 + 1);
        assert_eq!(life(Duration::hours(2)), 2 * 3600 + 1);
        assert_eq!(life(Duration::hours(24)), 23 * 3600 + 1800 + 1);
    }

    #[test]
    fn hold_ends_no_later_than_its_slot_starts() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let ends = |start: i64| hold_expiry(now, Duration::minutes(30), now + Duration::minutes(start)) - now;
        assert_eq!(ends(5), Duration::minutes(5));
        assert_eq!(ends(30), Duration::minutes(30));
        assert_eq!(ends(31), Duration::minutes(30));
    }

    #[test]
    fn stripes_event_gets_a_grace_if_hold_and_session_coincide() {
        let ends = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        assert_eq!(first_check_at(ends, ends), ends + EXPIRY_GRACE);
        assert_eq!(first_check_at(ends, ends + Duration::minutes(2)), ends);
    }
}
