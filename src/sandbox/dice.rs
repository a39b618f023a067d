//! Chance: which calls and webhooks the ordered faults strike.
//!
//! Counted faults are used up first, then probabilities are drawn, from a generator that a seed fixes. The orders
//! themselves are `faults`.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::endpoint::Endpoint;
use super::faults::{ApiFault, Chance, Faults, WebhookFaults};

/// A source of chance that is the same again for the same seed.
#[derive(Debug)]
struct Dice(StdRng);

impl Dice {
    fn new(seed: Option<u64>) -> Dice {
        Dice(seed.map_or_else(StdRng::from_os_rng, StdRng::seed_from_u64))
    }

    fn strikes(&mut self, next: &mut u32, probability: f64) -> bool {
        if *next > 0 {
            *next -= 1;
            return true;
        }
        probability > 0.0 && self.0.random_bool(probability.min(1.0))
    }

    fn takes(&mut self, chance: &mut Chance) -> bool {
        self.strikes(&mut chance.next, chance.probability)
    }

    fn up_to(&mut self, most: u64) -> u64 {
        self.0.random_range(0..=most)
    }
}

/// What shall befall one call.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) delay: Duration,
    pub(super) hang: Duration,
    pub(super) fault: Option<ApiFault>,
}

/// The orders in force for API calls.
#[derive(Debug)]
pub(super) struct ApiDice {
    pub(super) faults: Faults,
    dice: Dice,
}

impl ApiDice {
    pub(super) fn new(faults: Faults) -> ApiDice {
        ApiDice {
            dice: Dice::new(faults.seed),
            faults,
        }
    }

    pub(super) fn plan(&mut self, endpoint: Endpoint) -> Plan {
        let ApiDice { faults, dice } = self;
        let jitter = if faults.jitter_ms == 0 {
            0
        } else {
            dice.up_to(faults.jitter_ms)
        };
        let mut matching = faults
            .api
            .iter_mut()
            .filter(|fault| fault.endpoint.is_none_or(|only| only == endpoint));
        let struck = matching.find_map(|fault| {
            dice.strikes(&mut fault.next, fault.probability)
                .then(|| fault.clone())
        });
        Plan {
            delay: Duration::from_millis(faults.latency_ms.saturating_add(jitter)),
            hang: Duration::from_millis(faults.hang_ms),
            fault: struck,
        }
    }
}

/// Where in the queue an event goes, and how late it may start.
pub(super) struct Place {
    pub(super) position: usize,
    pub(super) delay: Duration,
}

/// The orders in force for webhooks.
#[derive(Debug)]
pub(super) struct WebhookDice {
    pub(super) faults: WebhookFaults,
    dice: Dice,
}

impl Default for WebhookDice {
    fn default() -> WebhookDice {
        WebhookDice::new(WebhookFaults::default(), None)
    }
}

impl WebhookDice {
    pub(super) fn new(faults: WebhookFaults, seed: Option<u64>) -> WebhookDice {
        WebhookDice {
            faults,
            dice: Dice::new(seed),
        }
    }

    pub(super) fn copies(&mut self) -> usize {
        if self.dice.takes(&mut self.faults.dropped) {
            0
        } else {
            1 + usize::from(self.dice.takes(&mut self.faults.doubled))
        }
    }

    pub(super) fn place(&mut self, queue_length: usize) -> Place {
        const SHUFFLED_WITHIN_MS: u64 = 1_000;
        let mut place = Place {
            position: queue_length,
            delay: Duration::ZERO,
        };
        if self.dice.takes(&mut self.faults.shuffled) {
            place.position = self.dice.0.random_range(0..=queue_length);
            place.delay += Duration::from_millis(self.dice.up_to(SHUFFLED_WITHIN_MS));
        }
        if self.dice.takes(&mut self.faults.delayed) {
            place.delay += Duration::from_millis(self.faults.delayed_ms);
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use super::super::faults::FaultKind;
    use super::*;

    #[test]
    fn counted_faults_strike_their_endpoint_and_then_stop() {
        let mut dice = ApiDice::new(Faults::default().next(Endpoint::CreateSession, FaultKind::Cut, 2));
        let mut struck = |endpoint| dice.plan(endpoint).fault.is_some();
        assert!(!struck(Endpoint::ExpireSession));
        assert!(struck(Endpoint::CreateSession) && struck(Endpoint::CreateSession));
        assert!(!struck(Endpoint::CreateSession));
    }

    #[test]
    fn a_seed_fixes_the_weather() {
        let weather = |seed| {
            let faults = Faults {
                seed: Some(seed),
                ..Faults::default()
            };
            let mut dice = ApiDice::new(faults.sometimes(FaultKind::ServerError, 0.5));
            (0..64)
                .map(|_| dice.plan(Endpoint::CreateSession).fault.is_some())
                .collect::<Vec<_>>()
        };
        assert_eq!(weather(7), weather(7));
        assert_ne!(weather(7), weather(8));
    }
}
