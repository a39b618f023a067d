//! Stripe's events: what happened, as a webhook will tell it, and which are still to be delivered.
//!
//! An event's payload is fixed when it happens and every delivery sends the same bytes. Faults ordered for webhooks
//! (doubled, shuffled, dropped, delayed) strike here, as the event enters the queue. Posting is `delivery`'s business.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::{Value, json};

use super::dice::WebhookDice;
use super::state::Moment;
use super::{API_VERSION, ids};

const MOST_REMEMBERED: usize = 20_000;

/// The API request that caused an event; empty for what happens of itself.
#[derive(Debug, Clone, Default)]
pub(super) struct Origin {
    pub(super) request_id: Option<String>,
    pub(super) idempotency_key: Option<String>,
}

/// An event and the exact body that its webhooks carry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QueuedEvent {
    /// `evt_…`
    pub id: String,
    /// For example `checkout.session.completed`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The webhook's body: a JSON text, always the same bytes.
    pub payload: String,
}

impl QueuedEvent {
    /// The payload, parsed.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.payload).unwrap_or(Value::Null)
    }
}

/// The events so far, and the queue of those that the receiver has not yet accepted.
#[derive(Debug, Default)]
pub(super) struct EventLog {
    all: IndexMap<String, QueuedEvent>,
    /// Ids in the order in which `deliver_next` takes them; a doubled event stands here twice.
    pending: VecDeque<String>,
    /// What the background courier has not picked up yet, and how long each is to wait.
    fresh: Vec<(String, Duration)>,
    /// Set in automatic mode only: nobody empties `fresh` otherwise.
    pub(super) feeds_courier: bool,
    pub(super) dice: WebhookDice,
}

impl EventLog {
    pub(super) fn record(&mut self, event_type: &str, object: Value, moment: &Moment) {
        self.forget_delivered();
        let id = ids::event();
        let payload = json!({
            "id": id, "object": "event", "type": event_type, "api_version": API_VERSION, "created": moment.now,
            "livemode": false, "pending_webhooks": 1, "data": { "object": object },
            "request": { "id": moment.origin.request_id, "idempotency_key": moment.origin.idempotency_key },
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
        for _ in 0..self.dice.copies() {
            self.enqueue(&id);
        }
    }

    /// Keeps a long run's memory in bounds: of the older half of a full log only what is undelivered stays.
    fn forget_delivered(&mut self) {
        if self.all.len() < MOST_REMEMBERED {
            return;
        }
        let pending: HashSet<&String> = self.pending.iter().collect();
        let mut older = MOST_REMEMBERED / 2;
        self.all.retain(|id, _| {
            let is_older = older > 0;
            older = older.saturating_sub(1);
            !is_older || pending.contains(id)
        });
    }

    fn enqueue(&mut self, id: &str) {
        let place = self.dice.place(self.pending.len());
        self.pending.insert(place.position, id.to_owned());
        if self.feeds_courier {
            self.fresh.push((id.to_owned(), place.delay));
        }
    }

    pub(super) fn get(&self, id: &str) -> Option<&QueuedEvent> {
        self.all.get(id)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &QueuedEvent> {
        self.all.values()
    }

    pub(super) fn pending(&self) -> impl Iterator<Item = &QueuedEvent> {
        self.pending.iter().filter_map(|id| self.all.get(id))
    }

    pub(super) fn has_fresh(&self) -> bool {
        !self.fresh.is_empty()
    }

    pub(super) fn take_fresh(&mut self) -> Vec<(String, Duration)> {
        std::mem::take(&mut self.fresh)
    }

    pub(super) fn is_pending(&self, id: &str) -> bool {
        self.pending.iter().any(|pending| pending == id)
    }

    /// The receiver took one copy.
    pub(super) fn accepted(&mut self, id: &str) {
        if let Some(position) = self.pending.iter().position(|pending| pending == id) {
            self.pending.remove(position);
        }
    }

    /// Takes every copy off the queue: this event is never delivered unless by name.
    pub(super) fn discard(&mut self, id: &str) {
        self.pending.retain(|pending| pending != id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_log_forgets_what_is_old_and_delivered_but_nothing_undelivered() {
        let mut log = EventLog::default();
        let moment = Moment::of_itself(0);
        log.record("undelivered", Value::Null, &moment);
        for _ in 0..MOST_REMEMBERED {
            log.record("delivered", Value::Null, &moment);
            log.pending.truncate(1);
        }
        assert!(log.all.len() <= MOST_REMEMBERED / 2 + 2, "{}", log.all.len());
        assert_eq!(
            log.pending().next().map(|event| event.event_type.as_str()),
            Some("undelivered")
        );
    }
}
