//! The objects of the simulated account, and the events that record their changes.
//!
//! Everything is in memory, behind one lock that `simulator` holds; every change is synchronous and short. The
//! operations are in `sessions`, `payments`, `refunds` and `disputes`.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use serde_json::Value;

use super::event_log::{ChangeContext, EventLog};
use super::object_json;
use super::objects::{Charge, Dispute, Intent, Refund, RefundOutcome, Session, SessionStatus};

/// The objects of the account, each kind in order of creation, with the event log.
#[derive(Debug, Default)]
pub(super) struct AccountState {
    pub(super) sessions: IndexMap<String, Session>,
    /// The open sessions, as (`expires_at`, id), so that the next one to expire comes first.
    pub(super) open_sessions_by_expiry: BTreeSet<(i64, String)>,
    pub(super) intents: IndexMap<String, Intent>,
    pub(super) charges: IndexMap<String, Charge>,
    pub(super) refunds: IndexMap<String, Refund>,
    pub(super) disputes: IndexMap<String, Dispute>,
    /// What becomes of new refunds.
    pub(super) refund_outcome: RefundOutcome,
    pub(super) events: EventLog,
    /// The URL that webhooks are sent to.
    pub(super) webhook_url: Option<String>,
    /// The origin of payment pages. Without it, they are where the caller of the API found the simulator.
    pub(super) public_url: Option<String>,
}

impl AccountState {
    /// Moves an open session to `complete` or `expired`.
    ///
    /// Every operation that ends a session calls this, so that `open_sessions_by_expiry` stays correct.
    pub(super) fn close_session(&mut self, id: &str, status: SessionStatus) {
        if let Some(session) = self.sessions.get_mut(id) {
            session.status = status;
            self.open_sessions_by_expiry
                .remove(&(session.params.expires_at, id.to_owned()));
        }
    }

    pub(super) fn record_event(&mut self, event_type: &str, object: Value, context: &ChangeContext) {
        self.events.record(event_type, object, context);
    }

    pub(super) fn record_session_event(&mut self, event_type: &str, id: &str, context: &ChangeContext) {
        if let Some(object) = self.sessions.get(id).map(object_json::session_to_json) {
            self.record_event(event_type, object, context);
        }
    }

    pub(super) fn record_intent_event(&mut self, event_type: &str, id: &str, context: &ChangeContext) {
        if let Some(object) = self.intents.get(id).map(object_json::intent_to_json) {
            self.record_event(event_type, object, context);
        }
    }

    pub(super) fn record_charge_event(&mut self, event_type: &str, id: &str, context: &ChangeContext) {
        let Some(mut object) = self.charges.get(id).map(object_json::charge_to_json) else {
            return;
        };
        if self.events.endpoint.lists_refunds_of_charge() {
            object["refunds"] = self.list_refunds_of_charge(id);
        }
        self.record_event(event_type, object, context);
    }

    /// Lists the webhook endpoint, if there is an address for it.
    pub(super) fn list_webhook_endpoints(&self) -> Value {
        let url = self.webhook_url.as_deref();
        let endpoints = url
            .map(|url| self.events.endpoint.to_json(url))
            .into_iter()
            .collect();
        object_json::list_json(endpoints, false, "/v1/webhook_endpoints")
    }

    /// Renders the newest refunds of a charge, as a charge lists them in old API versions.
    fn list_refunds_of_charge(&self, charge: &str) -> Value {
        const LISTED: usize = 10;
        let refunds = self.refunds.values().rev();
        let mut newest = refunds.filter(|refund| refund.charge == charge);
        let listed = newest
            .by_ref()
            .take(LISTED)
            .map(object_json::refund_to_json)
            .collect();
        let has_more = newest.next().is_some();
        object_json::list_json(listed, has_more, &format!("/v1/charges/{charge}/refunds"))
    }
}
