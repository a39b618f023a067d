//! The background tasks of automatic mode: deliver webhooks with retries, and expire sessions on time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::simulator::{Simulator, lock};

const FIRST_RETRY_DELAY: Duration = Duration::from_millis(500);
const MAX_RETRY_DELAY: Duration = Duration::from_secs(60);
const MAX_CONCURRENT_DELIVERIES: usize = 32;
/// A test may move the simulator's clock, so the task polls it instead of waiting for a computed time.
const EXPIRY_POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Delivers each new event until the receiver accepts it, until `stop`.
///
/// Each event has its own task, so a receiver that responds slowly to one event does not delay the others.
pub(super) async fn deliver_webhooks(simulator: Simulator, stop: CancellationToken) {
    let permits = Arc::new(Semaphore::new(MAX_CONCURRENT_DELIVERIES));
    while !stop.is_cancelled() {
        let has_webhook_url = simulator.read_state(|state| state.webhook_url.is_some());
        // Without a URL, the events stay unclaimed until `set_webhook_url` wakes this loop.
        let events = if has_webhook_url {
            simulator.take_unclaimed_events()
        } else {
            Vec::new()
        };
        for (event, delay) in events {
            let (simulator, permits, stop) = (simulator.clone(), permits.clone(), stop.clone());
            tokio::spawn(async move {
                stop.run_until_cancelled(deliver_with_retries(simulator, event, delay, &permits))
                    .await;
            });
        }
        stop.run_until_cancelled(simulator.shared.delivery_wakeup.notified())
            .await;
    }
}

async fn deliver_with_retries(simulator: Simulator, event: String, delay: Duration, permits: &Semaphore) {
    tokio::time::sleep(delay).await;
    let mut retry_delay = FIRST_RETRY_DELAY;
    // A test may discard the event or deliver it by its id, which ends the retries.
    while simulator.read_state(|state| state.events.is_pending(&event)) {
        if let Ok(_permit) = permits.acquire().await
            && simulator
                .deliver(&event)
                .await
                .is_some_and(|delivery| delivery.accepted())
        {
            return;
        }
        tokio::time::sleep(retry_delay).await;
        retry_delay = (retry_delay * 2).min(MAX_RETRY_DELAY);
    }
}

/// Expires each open session when its time has passed on the simulator's clock, until `stop`.
pub(super) async fn expire_sessions(simulator: Simulator, stop: CancellationToken) {
    let polling = async {
        loop {
            tokio::time::sleep(EXPIRY_POLL_INTERVAL).await;
            simulator.expire_due();
        }
    };
    stop.run_until_cancelled(polling).await;
}

impl Simulator {
    fn take_unclaimed_events(&self) -> Vec<(String, Duration)> {
        // Not through `change_state`, which would wake the delivery loop that calls this.
        lock(&self.shared.account).events.take_unclaimed()
    }
}
