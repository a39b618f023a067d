//! Checkout Sessions: how they begin, are read, and end without a payment.
//!
//! Status only moves forward: `open` to `complete` (in `payments`) or to `expired` (here). What a new session may look
//! like is `session_params`' business.

use serde::Serialize;

use super::error::ApiError;
use super::params::Metadata;
use super::state::{Moment, State};
use super::{ids, payments};

/// A session's `status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionStatus {
    /// May be paid or expired.
    Open,
    /// Checkout is over; whether the money came is `payment_status`.
    Complete,
    /// Can never be paid.
    Expired,
}

impl SessionStatus {
    /// As spelled on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            SessionStatus::Open => "open",
            SessionStatus::Complete => "complete",
            SessionStatus::Expired => "expired",
        }
    }
}

impl PartialEq<&str> for SessionStatus {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

/// A session's `payment_status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// The money is there.
    Paid,
    /// It is not, or not yet.
    Unpaid,
    /// The total is zero.
    NoPaymentRequired,
}

impl PaymentStatus {
    /// As spelled on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            PaymentStatus::Paid => "paid",
            PaymentStatus::Unpaid => "unpaid",
            PaymentStatus::NoPaymentRequired => "no_payment_required",
        }
    }
}

impl PartialEq<&str> for PaymentStatus {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

/// One line of what is bought.
#[derive(Debug, Clone)]
pub(super) struct LineItem {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) unit_amount: i64,
    pub(super) quantity: i64,
}

impl LineItem {
    pub(super) fn total(&self) -> i64 {
        self.unit_amount.saturating_mul(self.quantity)
    }
}

/// What the caller asked for, checked.
#[derive(Debug, Clone)]
pub(super) struct NewSession {
    pub(super) line_items: Vec<LineItem>,
    pub(super) currency: String,
    pub(super) amount_total: i64,
    pub(super) success_url: String,
    pub(super) cancel_url: Option<String>,
    pub(super) client_reference_id: Option<String>,
    pub(super) customer_email: Option<String>,
    pub(super) metadata: Metadata,
    pub(super) intent_metadata: Metadata,
    pub(super) intent_description: Option<String>,
    pub(super) allowed_payment_method_types: Vec<String>,
    pub(super) locale: Option<String>,
    pub(super) submit_type: Option<String>,
    pub(super) expires_at: i64,
}

/// A Checkout Session.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) id: String,
    pub(super) created: i64,
    pub(super) status: SessionStatus,
    pub(super) payment_status: PaymentStatus,
    pub(super) payment_intent: Option<String>,
    pub(super) url: String,
    pub(super) order: NewSession,
}

impl State {
    /// `host` is the authority under which the caller reached us: the payment page is served there too.
    pub(super) fn create_session(&mut self, order: NewSession, host: &str, moment: &Moment) -> &Session {
        let id = ids::session();
        let session = Session {
            id: id.clone(),
            created: moment.now,
            status: SessionStatus::Open,
            payment_status: match order.amount_total {
                0 => PaymentStatus::NoPaymentRequired,
                _ => PaymentStatus::Unpaid,
            },
            payment_intent: None,
            url: format!("http://{host}/c/pay/{id}"),
            order,
        };
        self.due.insert((session.order.expires_at, id.clone()));
        self.sessions.entry(id).or_insert(session)
    }

    pub(super) fn session(&self, id: &str) -> Result<&Session, ApiError> {
        self.sessions
            .get(id)
            .ok_or_else(|| ApiError::no_such("checkout.session", "session", id))
    }

    pub(super) fn expire_session(&mut self, id: &str, moment: &Moment) -> Result<(), ApiError> {
        let status = self.session(id)?.status;
        if status != SessionStatus::Open {
            return Err(ApiError::invalid(format!(
                "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a \
                 status of `{}`.",
                status.as_str()
            )));
        }
        self.leave_open(id, SessionStatus::Expired);
        if let Some(intent) = self
            .sessions
            .get(id)
            .and_then(|session| session.payment_intent.clone())
        {
            payments::cancel(self, &intent, moment);
        }
        self.emit_session("checkout.session.expired", id, moment);
        Ok(())
    }

    /// Expires every open session whose time is over.
    pub(super) fn expire_due(&mut self, now: i64) {
        while let Some((expires_at, id)) = self.due.first().cloned() {
            if expires_at > now {
                break;
            }
            if self.expire_session(&id, &Moment::of_itself(now)).is_err() {
                self.due.remove(&(expires_at, id));
            }
        }
    }

    /// The one place where a session stops being open.
    pub(super) fn leave_open(&mut self, id: &str, next: SessionStatus) {
        if let Some(session) = self.sessions.get_mut(id) {
            session.status = next;
            self.due.remove(&(session.order.expires_at, id.to_owned()));
        }
    }
}
