//! Chooses which API calls and webhooks the injected faults hit.
//!
//! Counted faults come first, then random ones. A seed makes the random choices reproducible. The faults themselves are
//! described in `fault_injection`.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::endpoint::Endpoint;
use super::fault_injection::{ApiFault, FaultRate, Faults, WebhookFaults};

/// A random number generator that repeats its choices for the same seed.
#[derive(Debug)]
struct FaultRng(StdRng);

impl FaultRng {
    fn new(seed: Option<u64>) -> FaultRng {
        FaultRng(seed.map_or_else(StdRng::from_os_rng, StdRng::seed_from_u64))
    }

    /// Draws whether a fault hits, and lowers its counter if it is not used up.
    fn draw_hit(&mut self, next: &mut u32, probability: f64) -> bool {
        if *next > 0 {
            *next -= 1;
            return true;
        }
        // The probability is the caller's input, and `random_bool` panics above 1.
        probability > 0.0 && self.0.random_bool(probability.min(1.0))
    }

    fn draw_webhook_hit(&mut self, rate: &mut FaultRate) -> bool {
        self.draw_hit(&mut rate.next, rate.probability)
    }

    fn draw_up_to(&mut self, maximum: u64) -> u64 {
        self.0.random_range(0..=maximum)
    }
}

/// The delays and the fault that apply to one API call.
#[derive(Debug, Clone)]
pub(super) struct CallPlan {
    /// The time before the effect.
    pub(super) latency: Duration,
    /// The time before the response, if the fault is `Hang`.
    pub(super) hang: Duration,
    pub(super) fault: Option<ApiFault>,
}

/// Holds the injected faults and chooses the API calls that they hit.
#[derive(Debug)]
pub(super) struct ApiFaultPlanner {
    pub(super) faults: Faults,
    rng: FaultRng,
}

impl ApiFaultPlanner {
    pub(super) fn new(faults: Faults) -> ApiFaultPlanner {
        ApiFaultPlanner {
            rng: FaultRng::new(faults.seed),
            faults,
        }
    }

    pub(super) fn plan_call(&mut self, endpoint: Endpoint) -> CallPlan {
        let ApiFaultPlanner { faults, rng } = self;
        // Without jitter nothing is drawn, so that the random choices of a seed do not shift.
        let jitter = if faults.jitter_ms == 0 {
            0
        } else {
            rng.draw_up_to(faults.jitter_ms)
        };
        let mut matching = faults
            .api
            .iter_mut()
            .filter(|fault| fault.endpoint.is_none_or(|only| only == endpoint));
        let hit = matching.find_map(|fault| {
            rng.draw_hit(&mut fault.next, fault.probability)
                .then(|| fault.clone())
        });
        CallPlan {
            latency: Duration::from_millis(faults.latency_ms.saturating_add(jitter)),
            hang: Duration::from_millis(faults.hang_ms),
            fault: hit,
        }
    }
}

/// An event's position in the queue, and its extra delay.
pub(super) struct QueuePlacement {
    pub(super) position: usize,
    pub(super) delay: Duration,
}

/// Holds the webhook faults and chooses the events that they hit.
#[derive(Debug)]
pub(super) struct WebhookFaultPlanner {
    pub(super) faults: WebhookFaults,
    rng: FaultRng,
}

impl Default for WebhookFaultPlanner {
    fn default() -> WebhookFaultPlanner {
        WebhookFaultPlanner::new(WebhookFaults::default(), None)
    }
}

impl WebhookFaultPlanner {
    pub(super) fn new(faults: WebhookFaults, seed: Option<u64>) -> WebhookFaultPlanner {
        WebhookFaultPlanner {
            faults,
            rng: FaultRng::new(seed),
        }
    }

    /// Draws how many copies of an event enter the queue: none, one or two.
    pub(super) fn draw_copies(&mut self) -> usize {
        if self.rng.draw_webhook_hit(&mut self.faults.dropped) {
            0
        } else {
            1 + usize::from(self.rng.draw_webhook_hit(&mut self.faults.doubled))
        }
    }

    pub(super) fn draw_placement(&mut self, queue_length: usize) -> QueuePlacement {
        const MAX_SHUFFLE_DELAY_MS: u64 = 1_000;
        let mut placement = QueuePlacement {
            position: queue_length,
            delay: Duration::ZERO,
        };
        if self.rng.draw_webhook_hit(&mut self.faults.shuffled) {
            placement.position = self.rng.0.random_range(0..=queue_length);
            // Background delivery sends queued events at once, so only a delay can change their order there.
            placement.delay += Duration::from_millis(self.rng.draw_up_to(MAX_SHUFFLE_DELAY_MS));
        }
        if self.rng.draw_webhook_hit(&mut self.faults.delayed) {
            placement.delay += Duration::from_millis(self.faults.delayed_ms);
        }
        placement
    }
}

#[cfg(test)]
mod tests {
    use super::super::fault_injection::FaultKind;
    use super::*;

    #[test]
    fn counted_fault_hits_its_endpoint_then_stops() {
        let faults = Faults::default().next(Endpoint::CreateSession, FaultKind::Cut, 2);
        let mut planner = ApiFaultPlanner::new(faults);
        let mut is_hit = |endpoint| planner.plan_call(endpoint).fault.is_some();
        assert!(!is_hit(Endpoint::ExpireSession));
        assert!(is_hit(Endpoint::CreateSession) && is_hit(Endpoint::CreateSession));
        assert!(!is_hit(Endpoint::CreateSession));
    }

    #[test]
    fn same_seed_gives_same_faults() {
        let draw_hits = |seed| {
            let faults = Faults {
                seed: Some(seed),
                ..Faults::default()
            };
            let mut planner = ApiFaultPlanner::new(faults.fail_randomly(FaultKind::ServerError, 0.5));
            (0..64)
                .map(|_| planner.plan_call(Endpoint::CreateSession).fault.is_some())
                .collect::<Vec<_>>()
        };
        assert_eq!(draw_hits(7), draw_hits(7));
        assert_ne!(draw_hits(7), draw_hits(8));
    }
}
