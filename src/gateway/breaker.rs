//! A circuit breaker: while Stripe cannot be reached, calls fail at once instead of each waiting out its budget.
//!
//! Closed, it counts calls in a row that Stripe did not answer; [`THRESHOLD`] of them open it for a cool-down, after
//! which one probe at a time is let through. An answer closes it, a failed probe doubles the cool-down. The time
//! is passed in. Which outcome is an answer is left to the transport.
//!
//! Of the crates for this, `failsafe` lets all callers through once the cool-down is over and `recloser` judges by
//! rates; neither says when to come back, which the callers' `Retry-After` needs.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// So many calls in a row without an answer open the circuit.
pub(super) const THRESHOLD: u32 = 5;

const FIRST_COOL_DOWN: Duration = Duration::from_secs(1);
const LONGEST_COOL_DOWN: Duration = Duration::from_secs(30);

/// One breaker guards one Stripe account's API.
#[derive(Debug)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Debug)]
enum State {
    Closed {
        unanswered: u32,
    },
    Open {
        until: Instant,
        cool_down: Duration,
        probing: bool,
    },
}

impl Breaker {
    /// A closed one.
    pub(super) fn new() -> Self {
        Self(Mutex::new(State::Closed { unanswered: 0 }))
    }

    /// Lets a call through, or says how long to keep away.
    pub(super) fn admit(&self, now: Instant) -> Result<Pass<'_>, Duration> {
        let probe = match &mut *self.state() {
            State::Closed { .. } => false,
            State::Open { until, .. } if now < *until => return Err(*until - now),
            State::Open { probing: true, .. } => return Err(FIRST_COOL_DOWN),
            State::Open { probing, .. } => {
                *probing = true;
                true
            }
        };
        Ok(Pass { breaker: self, probe })
    }

    /// Whether calls are kept back, or only probed.
    pub(super) fn is_open(&self) -> bool {
        matches!(*self.state(), State::Open { .. })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is a single assignment: a state left behind by a panic is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leave for one call. Dropped without a report, as when the caller goes away, it leaves the circuit as it was.
#[derive(Debug)]
pub(super) struct Pass<'a> {
    breaker: &'a Breaker,
    probe: bool,
}

impl Pass<'_> {
    /// Stripe answered, whatever it said.
    pub(super) fn answered(self) {
        let before = std::mem::replace(&mut *self.breaker.state(), State::Closed { unanswered: 0 });
        if matches!(before, State::Open { .. }) {
            tracing::info!("stripe answers again");
        }
    }

    /// Stripe did not answer, or only with trouble of its own.
    pub(super) fn unanswered(self, now: Instant) {
        let mut state = self.breaker.state();
        *state = match *state {
            State::Closed { unanswered } if unanswered + 1 < THRESHOLD => State::Closed {
                unanswered: unanswered + 1,
            },
            State::Closed { .. } => {
                tracing::warn!("stripe does not answer: calls are kept back for a while");
                open(now, FIRST_COOL_DOWN)
            }
            State::Open { cool_down, .. } if self.probe => open(now, (cool_down * 2).min(LONGEST_COOL_DOWN)),
            // A call from before it opened: known already.
            State::Open { .. } => return,
        };
    }
}

fn open(now: Instant, cool_down: Duration) -> State {
    State::Open {
        until: now + cool_down,
        cool_down,
        probing: false,
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if !self.probe {
            return;
        }
        if let State::Open { probing, .. } = &mut *self.breaker.state() {
            *probing = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(breaker: &Breaker, times: u32, now: Instant) {
        for _ in 0..times {
            breaker.admit(now).unwrap().unanswered(now);
        }
    }

    #[test]
    fn it_opens_after_so_many_failures_in_a_row_and_not_before() {
        let (breaker, now) = (Breaker::new(), Instant::now());
        fail(&breaker, THRESHOLD - 1, now);
        breaker.admit(now).unwrap().answered();
        fail(&breaker, THRESHOLD - 1, now);
        assert!(!breaker.is_open());
        fail(&breaker, 1, now);
        assert_eq!(breaker.admit(now).unwrap_err(), FIRST_COOL_DOWN);
    }

    #[test]
    fn after_the_cool_down_one_probe_at_a_time_is_let_through_and_an_answer_closes_it() {
        let (breaker, now) = (Breaker::new(), Instant::now());
        fail(&breaker, THRESHOLD, now);
        let later = now + FIRST_COOL_DOWN;
        let probe = breaker.admit(later).unwrap();
        assert!(breaker.admit(later).is_err());
        probe.answered();
        assert!(!breaker.is_open());
        fail(&breaker, THRESHOLD - 1, later);
        assert!(!breaker.is_open());
    }

    #[test]
    fn failed_probes_double_the_cool_down_up_to_its_bound() {
        let (breaker, mut now) = (Breaker::new(), Instant::now());
        fail(&breaker, THRESHOLD, now);
        for seconds in [1, 2, 4, 8, 16, 30, 30] {
            let wait = breaker.admit(now).unwrap_err();
            assert_eq!(wait, Duration::from_secs(seconds));
            now += wait;
            fail(&breaker, 1, now);
        }
    }

    #[test]
    fn a_probe_whose_caller_went_away_makes_room_for_the_next() {
        let (breaker, now) = (Breaker::new(), Instant::now());
        fail(&breaker, THRESHOLD, now);
        let later = now + FIRST_COOL_DOWN;
        drop(breaker.admit(later).unwrap());
        assert!(breaker.admit(later).is_ok());
    }

    #[test]
    fn calls_from_before_it_opened_do_not_lengthen_the_cool_down() {
        let (breaker, now) = (Breaker::new(), Instant::now());
        let old = breaker.admit(now).unwrap();
        fail(&breaker, THRESHOLD, now);
        old.unanswered(now + Duration::from_millis(500));
        assert_eq!(breaker.admit(now).unwrap_err(), FIRST_COOL_DOWN);
    }
}
