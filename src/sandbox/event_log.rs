//! The event log and the queue of webhooks that the receiver has not accepted yet.
//!
//! An event's payload is fixed when the event is recorded, so every delivery sends the same bytes. Webhook faults
//! (doubled, dropped, shuffled, delayed) apply here, when the event enters the queue. `webhook_delivery` sends it.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::fault_plan::WebhookFaultPlanner;
use super::ids;
use super::webhook_endpoint::WebhookEndpointSettings;

const MAX_EVENTS: usize = 20_000;

/// When a change happens, and which API request caused it.
#[derive(Debug, Clone, Default)]
pub(super) struct ChangeContext {
    /// Unix seconds, on the simulator's clock.
    pub(super) now: i64,
    /// `None` for a change that no API request caused.
    pub(super) request_id: Option<String>,
    pub(super) idempotency_key: Option<String>,
}

impl ChangeContext {
    /// The context of a change that no API request caused: the guest, the bank or the clock did.
    pub(super) fn without_request(now: i64) -> ChangeContext {
        ChangeContext {
            now,
            ..ChangeContext::default()
        }
    }
}

/// An event and the exact body that its webhooks carry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuedEvent {
    /// The event's id, `evt_…`.
    pub id: String,
    /// The event's type, for example `checkout.session.completed`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The webhook's body as JSON text; every delivery sends the same bytes.
    pub payload: String,
}

impl QueuedEvent {
    /// Parses the payload of the event.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.payload).unwrap_or(Value::Null)
    }
}

/// What a file keeps of an event log.
#[derive(Serialize, Deserialize)]
pub(super) struct EventLogCopy {
    events: Vec<QueuedEvent>,
    pending: Vec<String>,
    endpoint: WebhookEndpointSettings,
}

/// The recorded events, and the queue of those that the receiver has not accepted yet.
#[derive(Debug, Default)]
pub(super) struct EventLog {
    all: IndexMap<String, QueuedEvent>,
    /// Event ids in order of delivery. A doubled event is in the queue twice.
    pending: VecDeque<String>,
    /// Events that the background task has not picked up yet, each with its extra delay.
    unclaimed: Vec<(String, Duration)>,
    /// Set in automatic mode only: in explicit mode nothing would ever empty `unclaimed`.
    pub(super) has_background_delivery: bool,
    pub(super) fault_planner: WebhookFaultPlanner,
    /// The endpoint that events are rendered for and sent to.
    pub(super) endpoint: WebhookEndpointSettings,
}

impl EventLog {
    /// Records an event in the shape of docs.stripe.com/api/events/object and queues its webhook.
    pub(super) fn record(&mut self, event_type: &str, object: Value, context: &ChangeContext) {
        self.remove_old_events();
        let id = ids::generate_event_id();
        let payload = json!({
            "id": id, "object": "event", "type": event_type, "api_version": self.endpoint.api_version,
            "created": context.now, "livemode": false, "pending_webhooks": 1,
            "data": { "object": self.endpoint.render(object) },
            "request": { "id": context.request_id, "idempotency_key": context.idempotency_key },
        })
        .to_string();
        self.all.insert(
            id.clone(),
            QueuedEvent {
                id: id.clone(),
                event_type: event_type.to_owned(),
                payload,
            },
        );
        // Stripe makes every event, and sends those that the endpoint is subscribed to.
        if self.endpoint.is_subscribed_to(event_type) {
            for _ in 0..self.fault_planner.draw_copies() {
                self.enqueue(&id);
            }
        }
    }

    /// Copies the newest events, and all that the receiver has not accepted yet.
    pub(super) fn copy(&self, newest: usize) -> EventLogCopy {
        let pending: HashSet<&String> = self.pending.iter().collect();
        let first = self.all.len().saturating_sub(newest);
        let kept = self.all.values().enumerate();
        let kept = kept.filter(|(place, event)| *place >= first || pending.contains(&event.id));
        EventLogCopy {
            events: kept.map(|(_, event)| event.clone()).collect(),
            pending: self.pending.iter().cloned().collect(),
            endpoint: self.endpoint.clone(),
        }
    }

    /// Goes on with the events of an earlier log.
    pub(super) fn restore(&mut self, copy: EventLogCopy) {
        self.all = copy
            .events
            .into_iter()
            .map(|event| (event.id.clone(), event))
            .collect();
        self.pending = copy.pending.into();
        if self.has_background_delivery {
            let pending = self.pending.iter();
            self.unclaimed = pending.map(|id| (id.clone(), Duration::ZERO)).collect();
        }
        self.endpoint = copy.endpoint;
    }

    /// Bounds the memory of a long run: when the log is full, removes the delivered events of its older half.
    fn remove_old_events(&mut self) {
        if self.all.len() < MAX_EVENTS {
            return;
        }
        let pending: HashSet<&String> = self.pending.iter().collect();
        let mut older = MAX_EVENTS / 2;
        self.all.retain(|id, _| {
            let is_older = older > 0;
            older = older.saturating_sub(1);
            !is_older || pending.contains(id)
        });
    }

    fn enqueue(&mut self, id: &str) {
        let placement = self.fault_planner.draw_placement(self.pending.len());
        self.pending.insert(placement.position, id.to_owned());
        if self.has_background_delivery {
            self.unclaimed.push((id.to_owned(), placement.delay));
        }
    }

    pub(super) fn find(&self, id: &str) -> Option<&QueuedEvent> {
        self.all.get(id)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &QueuedEvent> {
        self.all.values()
    }

    pub(super) fn pending(&self) -> impl Iterator<Item = &QueuedEvent> {
        self.pending.iter().filter_map(|id| self.all.get(id))
    }

    pub(super) fn has_unclaimed(&self) -> bool {
        !self.unclaimed.is_empty()
    }

    pub(super) fn take_unclaimed(&mut self) -> Vec<(String, Duration)> {
        std::mem::take(&mut self.unclaimed)
    }

    pub(super) fn is_pending(&self, id: &str) -> bool {
        self.pending.iter().any(|pending| pending == id)
    }

    /// Removes one copy of the event from the queue, because the receiver accepted it.
    pub(super) fn remove_accepted(&mut self, id: &str) {
        if let Some(position) = self.pending.iter().position(|pending| pending == id) {
            self.pending.remove(position);
        }
    }

    /// Removes every copy of the event from the queue; after this only a delivery by id sends it.
    pub(super) fn discard(&mut self, id: &str) {
        self.pending.retain(|pending| pending != id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_log_forgets_only_old_delivered_events() {
        let mut log = EventLog::default();
        let context = ChangeContext::without_request(0);
        log.record("undelivered", Value::Null, &context);
        for _ in 0..MAX_EVENTS {
            log.record("delivered", Value::Null, &context);
            log.pending.truncate(1);
        }
        assert!(log.all.len() <= MAX_EVENTS / 2 + 2, "{}", log.all.len());
        assert_eq!(
            log.pending().next().map(|event| event.event_type.as_str()),
            Some("undelivered")
        );
    }
}
