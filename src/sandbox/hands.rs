//! The simulator's hands for tests: pay, expire, look, break things, without going over HTTP.
//!
//! Each does what its control under `/sandbox` does. Delivering webhooks by hand is in `delivery`.

use super::dice::{ApiDice, WebhookDice};
use super::events::QueuedEvent;
use super::faults::Faults;
use super::payments::{self, Outcome};
use super::refunds::NewRefund;
use super::state::Moment;
use super::views::{IntentView, RefundView, SessionView};
use super::{CallCounts, Simulator, lock};

/// Why a control did nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// No session has this id.
    #[error("no such session")]
    NoSuchSession,
    /// No intent has this id.
    #[error("no such payment intent")]
    NoSuchIntent,
    /// No event has this id, or there is no address to deliver it to.
    #[error("no such event, or no webhook address")]
    NotDeliverable,
    /// The session is over, or a verdict was given where no slow payment is at work.
    #[error("this session cannot be paid like that: it is {0}")]
    NotPayable(&'static str),
    /// The session's `allowed_payment_method_types` leaves out every slow method.
    #[error("this session takes no delayed payment methods")]
    MethodNotAllowed,
    /// The intent has no charge, or it is disputed already.
    #[error("there is no charge to dispute")]
    NothingToDispute,
    /// The API itself would refuse this, in these words.
    #[error("{0}")]
    Refused(String),
}

impl Simulator {
    fn of_itself(&self) -> Moment {
        Moment::of_itself(self.now().timestamp())
    }

    /// Where webhooks go from now on; what is queued goes there too.
    pub fn set_webhook_url(&self, url: String) {
        *lock(&self.0.webhook_url) = Some(url);
        self.0.bell.notify_one();
    }

    /// Does what the guest, or later the guest's bank, does.
    ///
    /// # Errors
    /// When the session is unknown, over, or does not take this kind of payment.
    pub fn pay(&self, session: &str, outcome: Outcome) -> Result<(), ControlError> {
        let moment = self.of_itself();
        self.change(|state| payments::pay(state, session, outcome, &moment))
    }

    /// Takes money through a session that has expired, against Stripe's promise.
    ///
    /// # Errors
    /// When the session is unknown, not expired, or was paid like this before.
    pub fn pay_late(&self, session: &str) -> Result<(), ControlError> {
        let moment = self.of_itself();
        self.change(|state| payments::pay_late(state, session, &moment))
    }

    /// Expires one open session, whatever the time.
    ///
    /// # Errors
    /// When it is unknown or not open.
    pub fn expire(&self, session: &str) -> Result<(), ControlError> {
        let moment = self.of_itself();
        self.change(|state| state.expire_session(session, &moment))
            .map_err(|refusal| match refusal.status {
                404 => ControlError::NoSuchSession,
                _ => ControlError::Refused(refusal.message),
            })
    }

    /// Expires the open sessions whose `expires_at` has passed on the simulator's clock.
    pub fn expire_due(&self) {
        let now = self.now().timestamp();
        self.change(|state| state.expire_due(now));
    }

    /// All sessions, oldest first.
    pub fn sessions(&self) -> Vec<SessionView> {
        self.read(|state| state.sessions.values().map(SessionView::from).collect())
    }

    /// One session.
    pub fn session(&self, id: &str) -> Option<SessionView> {
        self.read(|state| state.sessions.get(id).map(SessionView::from))
    }

    /// All refunds, oldest first.
    pub fn refunds(&self) -> Vec<RefundView> {
        self.read(|state| state.refunds.values().map(RefundView::from).collect())
    }

    /// All intents, oldest first.
    pub fn intents(&self) -> Vec<IntentView> {
        self.read(|state| state.intents.values().map(IntentView::from).collect())
    }

    /// The API calls received so far.
    pub fn calls(&self) -> CallCounts {
        *lock(&self.0.counts)
    }

    /// Replaces all orders for trouble; `Faults::default()` is fair weather.
    pub fn set_faults(&self, faults: Faults) {
        let dice = WebhookDice::new(faults.webhooks.clone(), faults.seed);
        *lock(&self.0.faults) = ApiDice::new(faults);
        self.change(|state| state.events.dice = dice);
    }

    /// The orders in force; counts are what is left of them.
    pub fn faults(&self) -> Faults {
        let webhooks = self.read(|state| state.events.dice.faults.clone());
        Faults {
            webhooks,
            ..lock(&self.0.faults).faults.clone()
        }
    }

    /// The events so far, oldest first; a long run forgets old ones that were delivered.
    pub fn events(&self) -> Vec<QueuedEvent> {
        self.read(|state| state.events.all().cloned().collect())
    }

    /// The events that the receiver has not accepted yet, in the order of delivery.
    pub fn pending_events(&self) -> Vec<QueuedEvent> {
        self.read(|state| state.events.pending().cloned().collect())
    }

    /// Takes an event off the queue, as if it had been lost for good.
    pub fn drop_event(&self, event_id: &str) {
        self.change(|state| state.events.discard(event_id));
    }

    /// Refunds as an operator would by hand: no API call, the same events. `None` is all that is left.
    ///
    /// # Errors
    /// When the intent is unknown, unpaid, or has not so much left.
    pub fn refund_from_dashboard(&self, intent: &str, amount: Option<i64>) -> Result<(), ControlError> {
        let moment = self.of_itself();
        let order = NewRefund {
            intent: Some(intent.to_owned()),
            amount,
            ..NewRefund::default()
        };
        let refunded = self.change(|state| state.refund(order, &moment).map(|_| ()));
        refunded.map_err(|refusal| match refusal.status {
            404 => ControlError::NoSuchIntent,
            _ => ControlError::Refused(refusal.message),
        })
    }

    /// Opens a dispute over an intent's charge.
    ///
    /// # Errors
    /// When the intent is unknown or has nothing to dispute.
    pub fn dispute(&self, intent: &str) -> Result<(), ControlError> {
        let moment = self.of_itself();
        self.change(|state| state.dispute(intent, &moment))
    }
}
