//! Delivers webhooks on command: the next event, all events, or one event by its id.
//!
//! Every attempt has a fresh signature, as Stripe's retries do. An event leaves the queue when the receiver responds
//! with 2xx. `background_tasks` calls this in automatic mode.

use std::collections::HashSet;

use serde::Serialize;

use super::event_log::QueuedEvent;
use super::simulator::Simulator;
use super::webhook_signature::signature_header;

/// One attempt to deliver an event, with the receiver's response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// The event's id, `evt_…`.
    pub event_id: String,
    /// The event's type, for example `checkout.session.completed`.
    pub event_type: String,
    /// The HTTP status, or the reason why there was no response.
    pub status: Result<u16, String>,
    /// The body of the response.
    pub body: String,
}

impl Delivery {
    /// Returns whether the receiver accepted the event.
    pub fn accepted(&self) -> bool {
        matches!(self.status, Ok(200..=299))
    }
}

impl Simulator {
    /// Delivers the first event of the queue, where it stays unless the receiver accepts it.
    pub async fn deliver_next(&self) -> Option<Delivery> {
        let event = self.read_state(|state| state.events.pending().next().cloned())?;
        self.attempt_delivery(event).await
    }

    /// Delivers every queued event once, including the events that are added meanwhile.
    ///
    /// A doubled event is delivered twice. An event that the receiver does not accept stays in the queue.
    pub async fn deliver_all(&self) -> Vec<Delivery> {
        let mut deliveries = Vec::new();
        let mut refused = HashSet::new();
        loop {
            let next = self.read_state(|state| {
                state
                    .events
                    .pending()
                    .find(|event| !refused.contains(&event.id))
                    .cloned()
            });
            let Some(event) = next else { return deliveries };
            let Some(delivery) = self.attempt_delivery(event).await else {
                return deliveries;
            };
            if !delivery.accepted() {
                refused.insert(delivery.event_id.clone());
            }
            deliveries.push(delivery);
        }
    }

    /// Delivers one event, even if it was dropped or has been accepted before.
    pub async fn deliver(&self, event_id: &str) -> Option<Delivery> {
        let event = self.read_state(|state| state.events.find(event_id).cloned())?;
        self.attempt_delivery(event).await
    }

    /// Sends one signed webhook; returns `None` if no webhook URL is set.
    async fn attempt_delivery(&self, event: QueuedEvent) -> Option<Delivery> {
        let url = self.read_state(|state| state.webhook_url.clone())?;
        let signature = signature_header(
            &self.shared.config.webhook_secret,
            self.now().timestamp(),
            &event.payload,
        );
        let client = &self.shared.webhook_client;
        let (status, body) = match client.post_webhook(&url, signature, event.payload).await {
            Ok((status, body)) => (Ok(status), body),
            Err(error) => (Err(error), String::new()),
        };
        let delivery = Delivery {
            event_id: event.id,
            event_type: event.event_type,
            status,
            body,
        };
        if delivery.accepted() {
            self.change_state(|state| state.events.remove_accepted(&delivery.event_id));
        }
        Some(delivery)
    }
}
