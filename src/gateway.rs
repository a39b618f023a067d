//! Others' wires. The two sides of Stripe's: what we ask of it ([`Gateway`]), and what it tells us ([`webhook`]). And
//! other people's calendars ([`calendar`]).
//!
//! Every answer is sorted into our own few fields, every failure into [`GatewayError`], which says what is known of the
//! effect. Each call is keyed where it changes something, timed, and bounded in all its retries together. What follows
//! from an answer is left to `workflow`.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::domain::ids::{IntentId, SessionId};
use crate::domain::money::Money;
use crate::domain::session::{NewSession, SessionReport, SessionTerms};

mod answer;
mod breaker;
pub mod calendar;
pub mod client;
pub mod delivery;
mod limits;
mod transport;
pub mod webhook;
mod wire;

/// The metadata key under which session and intent carry the hold's id: by it we know our own in Stripe's events.
pub const METADATA_KEY: &str = "holdfast_hold";
/// The metadata key that carries the id of the installation.
pub const INSTALLATION_KEY: &str = "holdfast_installation";

/// What Stripe, or the way to it, said instead of yes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    /// Stripe said no, and will again: nothing was done.
    #[error("Stripe refused: {0}")]
    Refused(Refusal),
    /// Surely not done: Stripe could not be reached, refused for load, or we kept back.
    #[error("Stripe is unavailable")]
    Unavailable {
        /// When it is worth trying again, where that is known.
        retry_after: Option<Duration>,
    },
    /// Sent, and no usable answer: it may have been done. Neither success nor failure.
    #[error("Stripe gave no usable answer")]
    Unknown,
}

/// A refusal in Stripe's own terms. Never its message: that may repeat what the guest typed (I9).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// `error.type`, such as `invalid_request_error`.
    pub kind: String,
    /// `error.code`, such as `resource_missing`.
    pub code: Option<String>,
    /// `error.param`, such as `customer_email`.
    pub param: Option<String>,
    /// Stripe's `Request-Id`, for its support.
    pub request_id: Option<String>,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.status, self.kind)?;
        for part in [&self.code, &self.param, &self.request_id].into_iter().flatten() {
            write!(f, " {part}")?;
        }
        Ok(())
    }
}

/// What Stripe says of itself when it is asked for nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Whether the key is a live one, in Stripe's own words.
    pub livemode: bool,
    /// Stripe's clock, from its `Date` header.
    pub date: Option<DateTime<Utc>>,
}

/// What we ask of Stripe.
#[async_trait]
pub trait Gateway: Send + Sync + 'static {
    /// Makes a Checkout Session; keyed by the hold's id, so that repeating it with the same terms gives the same one.
    async fn create_session(&self, terms: &SessionTerms) -> Result<NewSession, GatewayError>;
    /// Ends an open session. Stripe refuses with 400 where it is not open: read it then. 404: there is none.
    async fn expire_session(&self, id: &SessionId) -> Result<SessionReport, GatewayError>;
    /// Reads a session.
    async fn session(&self, id: &SessionId) -> Result<SessionReport, GatewayError>;
    /// Gives money back; `key` makes it once. A payment that is wholly back already counts as done.
    async fn refund(&self, intent: &IntentId, money: Money, key: &str) -> Result<(), GatewayError>;
    /// Asks for nothing but an answer.
    async fn probe(&self) -> Result<Probe, GatewayError>;
}
