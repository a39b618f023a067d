//! A circuit breaker for Stripe: while Stripe does not answer, calls fail at once instead of waiting for their timeout.
//!
//! A closed circuit counts failed calls in a row; [`FAILURE_THRESHOLD`] of them open it for a cool-down. After the
//! cool-down, one probe at a time may pass. A successful call closes the circuit; a failed probe doubles the cool-down.
//! The caller passes in the time, and decides which outcome counts as a failure.
//!
//! The crates for this do not fit: `failsafe` lets all callers pass once the cool-down is over, and `recloser` opens by
//! failure rates. Neither tells how long the circuit stays open, which a `Retry-After` header needs.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The number of failed calls in a row that opens the circuit.
pub(super) const FAILURE_THRESHOLD: u32 = 5;

const FIRST_COOL_DOWN: Duration = Duration::from_secs(1);
const LONGEST_COOL_DOWN: Duration = Duration::from_secs(30);

/// Guards the API of one Stripe account.
#[derive(Debug)]
pub(super) struct CircuitBreaker(Mutex<CircuitState>);

#[derive(Debug)]
enum CircuitState {
    Closed {
        consecutive_failures: u32,
    },
    Open {
        until: Instant,
        cool_down: Duration,
        probing: bool,
    },
}

impl CircuitBreaker {
    /// Creates a breaker whose circuit is closed.
    pub(super) fn new() -> Self {
        Self(Mutex::new(CircuitState::Closed {
            consecutive_failures: 0,
        }))
    }

    /// Returns a permit for one call.
    ///
    /// # Errors
    /// How long to wait before the next try, if the circuit is open.
    pub(super) fn acquire_permit(&self, now: Instant) -> Result<BreakerPermit<'_>, Duration> {
        let is_probe = match &mut *self.lock_state() {
            CircuitState::Closed { .. } => false,
            CircuitState::Open { until, .. } if now < *until => return Err(*until - now),
            CircuitState::Open { probing: true, .. } => return Err(FIRST_COOL_DOWN),
            CircuitState::Open { probing, .. } => {
                *probing = true;
                true
            }
        };
        Ok(BreakerPermit {
            breaker: self,
            is_probe,
        })
    }

    /// Returns whether the circuit is open, so that calls fail at once or serve as a probe.
    pub(super) fn is_open(&self) -> bool {
        matches!(*self.lock_state(), CircuitState::Open { .. })
    }

    fn lock_state(&self) -> MutexGuard<'_, CircuitState> {
        // A poisoned lock is safe to use: each change is a single assignment, so a panic cannot leave half of one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A permit for one call. If it is dropped without a record, as when the caller goes away, the circuit stays as it was.
#[derive(Debug)]
pub(super) struct BreakerPermit<'a> {
    breaker: &'a CircuitBreaker,
    is_probe: bool,
}

impl BreakerPermit<'_> {
    /// Records that Stripe answered for itself, whatever the answer says, and closes the circuit.
    pub(super) fn record_success(self) {
        let closed = CircuitState::Closed {
            consecutive_failures: 0,
        };
        let before = std::mem::replace(&mut *self.breaker.lock_state(), closed);
        if matches!(before, CircuitState::Open { .. }) {
            tracing::info!("circuit closed: stripe answers again");
        }
    }

    /// Records that Stripe did not answer, or answered only with an internal error.
    pub(super) fn record_failure(self, now: Instant) {
        let mut state = self.breaker.lock_state();
        *state = match *state {
            CircuitState::Closed { consecutive_failures } if consecutive_failures + 1 < FAILURE_THRESHOLD => {
                CircuitState::Closed {
                    consecutive_failures: consecutive_failures + 1,
                }
            }
            CircuitState::Closed { .. } => {
                tracing::warn!("circuit opened: stripe does not answer, calls fail at once for a while");
                open_circuit(now, FIRST_COOL_DOWN)
            }
            CircuitState::Open { cool_down, .. } if self.is_probe => {
                open_circuit(now, (cool_down * 2).min(LONGEST_COOL_DOWN))
            }
            // This call started before the circuit opened, so its failure says nothing about the cool-down.
            CircuitState::Open { .. } => return,
        };
    }
}

fn open_circuit(now: Instant, cool_down: Duration) -> CircuitState {
    CircuitState::Open {
        until: now + cool_down,
        cool_down,
        probing: false,
    }
}

impl Drop for BreakerPermit<'_> {
    fn drop(&mut self) {
        if !self.is_probe {
            return;
        }
        // The next caller may probe. After a record the circuit is not probing, so this changes nothing.
        if let CircuitState::Open { probing, .. } = &mut *self.breaker.lock_state() {
            *probing = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(breaker: &CircuitBreaker, times: u32, now: Instant) {
        for _ in 0..times {
            breaker.acquire_permit(now).unwrap().record_failure(now);
        }
    }

    #[test]
    fn threshold_of_consecutive_failures_opens_the_circuit() {
        let (breaker, now) = (CircuitBreaker::new(), Instant::now());
        fail(&breaker, FAILURE_THRESHOLD - 1, now);
        breaker.acquire_permit(now).unwrap().record_success();
        fail(&breaker, FAILURE_THRESHOLD - 1, now);
        assert!(!breaker.is_open());
        fail(&breaker, 1, now);
        assert_eq!(breaker.acquire_permit(now).unwrap_err(), FIRST_COOL_DOWN);
    }

    #[test]
    fn one_probe_passes_after_cool_down_and_success_closes() {
        let (breaker, now) = (CircuitBreaker::new(), Instant::now());
        fail(&breaker, FAILURE_THRESHOLD, now);
        let later = now + FIRST_COOL_DOWN;
        let probe = breaker.acquire_permit(later).unwrap();
        assert!(breaker.acquire_permit(later).is_err());
        probe.record_success();
        assert!(!breaker.is_open());
        fail(&breaker, FAILURE_THRESHOLD - 1, later);
        assert!(!breaker.is_open());
    }

    #[test]
    fn failed_probes_double_the_cool_down_up_to_a_limit() {
        let (breaker, mut now) = (CircuitBreaker::new(), Instant::now());
        fail(&breaker, FAILURE_THRESHOLD, now);
        for seconds in [1, 2, 4, 8, 16, 30, 30] {
            let wait = breaker.acquire_permit(now).unwrap_err();
            assert_eq!(wait, Duration::from_secs(seconds));
            now += wait;
            fail(&breaker, 1, now);
        }
    }

    #[test]
    fn dropped_probe_permit_allows_the_next_probe() {
        let (breaker, now) = (CircuitBreaker::new(), Instant::now());
        fail(&breaker, FAILURE_THRESHOLD, now);
        let later = now + FIRST_COOL_DOWN;
        drop(breaker.acquire_permit(later).unwrap());
        assert!(breaker.acquire_permit(later).is_ok());
    }

    #[test]
    fn failure_of_an_older_call_keeps_the_cool_down() {
        let (breaker, now) = (CircuitBreaker::new(), Instant::now());
        let old = breaker.acquire_permit(now).unwrap();
        fail(&breaker, FAILURE_THRESHOLD, now);
        old.record_failure(now + Duration::from_millis(500));
        assert_eq!(breaker.acquire_permit(now).unwrap_err(), FIRST_COOL_DOWN);
    }
}
