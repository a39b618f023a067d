//! The Rust interface for tests: pay, expire, inspect the account and inject faults without HTTP.
//!
//! The routes in `control_routes` call the same methods. Webhooks are delivered by the methods in `webhook_delivery`.

use super::control_error::ControlError;
use super::disputes::NewDispute;
use super::endpoint::CallCounts;
use super::event_log::{ChangeContext, QueuedEvent};
use super::fault_injection::Faults;
use super::fault_plan::{ApiFaultPlanner, WebhookFaultPlanner};
use super::object_views::{DisputeView, IntentView, RefundView, SessionView};
use super::objects::{DisputeStatus, RefundOutcome, RefundParams};
use super::payments::{self, PaymentOutcome};
use super::promotions;
use super::simulator::{Simulator, lock};
use super::webhook_endpoint::WebhookEndpointSettings;

impl Simulator {
    fn change_context(&self) -> ChangeContext {
        ChangeContext::without_request(self.now().timestamp())
    }

    /// Sends all webhooks to `url` from now on, including those that are already queued.
    pub fn set_webhook_url(&self, url: String) {
        self.change_state(|state| state.webhook_url = Some(url));
        self.shared.delivery_wakeup.notify_one();
    }

    /// Makes the links to payment pages of new sessions begin with this origin.
    pub fn set_public_url(&self, origin: String) {
        self.change_state(|state| state.public_url = Some(origin));
    }

    /// Acts as the guest who pays, or as the bank that finishes a delayed payment.
    ///
    /// # Errors
    /// Returns an error if the session is unknown or closed, or does not accept this kind of payment.
    pub fn pay(&self, session: &str, outcome: PaymentOutcome) -> Result<(), ControlError> {
        let context = self.change_context();
        self.change_state(|state| payments::pay_session(state, session, outcome, &context))
    }

    /// Enters a promotion code on the payment page: `OFF20` takes 20 percent off, `OFF100` the whole price.
    ///
    /// # Errors
    /// Returns an error if the session is unknown or closed, takes no codes, or the code is none.
    pub fn apply_promotion_code(&self, session: &str, code: &str) -> Result<(), ControlError> {
        self.change_state(|state| promotions::apply_promotion_code(state, session, code))
    }

    /// Charges the guest through an expired session, which Stripe promises never happens.
    ///
    /// # Errors
    /// Returns an error if the session is unknown, not expired, or was already paid this way.
    pub fn pay_late(&self, session: &str) -> Result<(), ControlError> {
        let context = self.change_context();
        self.change_state(|state| payments::pay_expired_session(state, session, &context))
    }

    /// Expires one open session at once, without regard to its `expires_at`.
    ///
    /// # Errors
    /// Returns an error if the session is unknown or not open.
    pub fn expire(&self, session: &str) -> Result<(), ControlError> {
        let context = self.change_context();
        self.change_state(|state| state.expire_session(session, &context))
            .map_err(|error| match error.status {
                404 => ControlError::NoSuchSession,
                _ => ControlError::Refused(error.message),
            })
    }

    /// Expires the open sessions whose `expires_at` has passed on the simulator's clock.
    pub fn expire_due(&self) {
        let now = self.now().timestamp();
        self.change_state(|state| state.expire_due_sessions(now));
    }

    /// Adds a session that an earlier run of the simulator made and that is not in its file, as expired.
    pub fn add_expired_session(&self, id: &str) {
        let now = self.now().timestamp();
        self.change_state(|state| state.add_expired_session(id, now));
    }

    /// Returns all sessions, oldest first.
    pub fn sessions(&self) -> Vec<SessionView> {
        self.read_state(|state| state.sessions.values().map(SessionView::from).collect())
    }

    /// Returns the session with this id.
    pub fn session(&self, id: &str) -> Option<SessionView> {
        self.read_state(|state| state.sessions.get(id).map(SessionView::from))
    }

    /// Returns all refunds, oldest first.
    pub fn refunds(&self) -> Vec<RefundView> {
        self.read_state(|state| state.refunds.values().map(RefundView::from).collect())
    }

    /// Returns all payment intents, oldest first.
    pub fn intents(&self) -> Vec<IntentView> {
        self.read_state(|state| state.intents.values().map(IntentView::from).collect())
    }

    /// Returns the number of API calls received so far.
    pub fn calls(&self) -> CallCounts {
        *lock(&self.shared.counts)
    }

    /// Replaces all injected faults; `Faults::default()` removes them.
    pub fn set_faults(&self, faults: Faults) {
        let planner = WebhookFaultPlanner::new(faults.webhooks.clone(), faults.seed);
        *lock(&self.shared.api_faults) = ApiFaultPlanner::new(faults);
        self.change_state(|state| state.events.fault_planner = planner);
    }

    /// Returns the faults in force; each `next` is the number of hits that are left.
    pub fn faults(&self) -> Faults {
        let webhooks = self.read_state(|state| state.events.fault_planner.faults.clone());
        Faults {
            webhooks,
            ..lock(&self.shared.api_faults).faults.clone()
        }
    }

    /// Returns the events so far, oldest first; a long run forgets old events that were delivered.
    pub fn events(&self) -> Vec<QueuedEvent> {
        self.read_state(|state| state.events.all().cloned().collect())
    }

    /// Returns the events that the receiver has not accepted yet, in order of delivery.
    pub fn pending_events(&self) -> Vec<QueuedEvent> {
        self.read_state(|state| state.events.pending().cloned().collect())
    }

    /// Removes an event from the queue, as if Stripe had lost it.
    pub fn drop_event(&self, event_id: &str) {
        self.change_state(|state| state.events.discard(event_id));
    }

    /// Refunds as an operator does in Stripe's dashboard: the same events, but no API call.
    ///
    /// An `amount` of `None` refunds everything that is left.
    ///
    /// # Errors
    /// Returns an error if the intent is unknown or unpaid, or if less than `amount` is left.
    pub fn refund_from_dashboard(&self, intent: &str, amount: Option<i64>) -> Result<(), ControlError> {
        let context = self.change_context();
        let params = RefundParams {
            intent: Some(intent.to_owned()),
            amount,
            ..RefundParams::default()
        };
        let refunded = self.change_state(|state| state.create_refund(params, &context).map(|_| ()));
        refunded.map_err(|error| match error.status {
            404 => ControlError::NoSuchIntent,
            _ => ControlError::Refused(error.message),
        })
    }

    /// Opens a dispute over the intent's charge.
    ///
    /// # Errors
    /// Returns an error if the intent is unknown or has no charge that can be disputed.
    pub fn dispute(&self, intent: &str) -> Result<(), ControlError> {
        let context = self.change_context();
        self.change_state(|state| state.open_dispute(intent, NewDispute::default(), &context))
            .map(drop)
    }

    /// Opens a dispute or an inquiry over the intent's charge, and returns its id.
    ///
    /// # Errors
    /// Returns an error if the intent is unknown or has no charge that can be disputed, or if no dispute begins so.
    pub fn open_dispute(&self, intent: &str, new: NewDispute) -> Result<String, ControlError> {
        let context = self.change_context();
        self.change_state(|state| state.open_dispute(intent, new, &context))
    }

    /// Moves a dispute forward, as the bank or the seller's answer does.
    ///
    /// # Errors
    /// Returns an error if the dispute is unknown or has this status or a later one.
    pub fn change_dispute(&self, dispute: &str, status: DisputeStatus) -> Result<(), ControlError> {
        let context = self.change_context();
        self.change_state(|state| state.change_dispute(dispute, status, &context))
    }

    /// Returns all disputes, oldest first.
    pub fn disputes(&self) -> Vec<DisputeView> {
        self.read_state(|state| state.disputes.values().map(DisputeView::from).collect())
    }

    /// Sets what becomes of refunds from now on: by default they succeed at once.
    pub fn set_refund_outcome(&self, outcome: RefundOutcome) {
        self.change_state(|state| state.refund_outcome = outcome);
    }

    /// Moves a refund on, as the guest's bank does, or an operator who cancels it.
    ///
    /// # Errors
    /// Returns an error if the refund is unknown, has ended without money, or has this status or a later one.
    pub fn change_refund(&self, refund: &str, outcome: &RefundOutcome) -> Result<(), ControlError> {
        let context = self.change_context();
        self.change_state(|state| state.change_refund(refund, outcome, &context))
    }

    /// Changes the webhook endpoint's version and events, for events recorded from now on.
    ///
    /// # Errors
    /// Returns an error if the version is no date, or is later than the simulator's own.
    pub fn set_webhook_endpoint(&self, settings: WebhookEndpointSettings) -> Result<(), ControlError> {
        if let Some(fault) = settings.find_fault() {
            return Err(ControlError::Refused(fault.to_owned()));
        }
        self.change_state(|state| state.events.endpoint = settings);
        Ok(())
    }

    /// Returns the webhook endpoint's version and events.
    pub fn webhook_endpoint(&self) -> WebhookEndpointSettings {
        self.read_state(|state| state.events.endpoint.clone())
    }

    /// Forgets all idempotency keys whose response is saved, as Stripe does 24 hours after their first use.
    pub fn prune_idempotency_keys(&self) {
        self.idempotency_keys().prune();
    }
}
