//! Retries a Stripe call until it succeeds, fails for good, or reaches its deadline.
//!
//! A call that changes something is retried only with its idempotency key. If one attempt may have had its effect, the
//! whole call is [`GatewayError::Unknown`] unless a later attempt gets a definite answer.

use std::time::Duration;

use rand::Rng as _;
use tokio::time::Instant;

use super::GatewayError;
use super::response::{AttemptError, unavailable};
use super::transport::{StripeCall, Transport};

/// The most retries of one call, if its deadline allows them.
const MAX_RETRIES: u32 = 4;

/// The upper limit of the first pause. It doubles with each further pause.
const FIRST_PAUSE_LIMIT: Duration = Duration::from_millis(250);

/// Sends a call, and retries it if that is safe and may help.
pub(super) async fn send_with_retries<T>(
    transport: &Transport,
    call: &StripeCall<'_, T>,
    deadline: Instant,
) -> Result<T, Box<AttemptError>> {
    let mut may_have_effect = false;
    for attempt in 1.. {
        let mut failure = match transport.send_attempt(call, attempt, deadline).await {
            Ok(value) => return Ok(value),
            Err(failure) => failure,
        };
        may_have_effect |= failure.error == GatewayError::Unknown;
        let pause = random_pause_after(attempt).max(failure.retry_after.unwrap_or_default());
        // An attempt without enough time for its response could only leave the effect unknown.
        let has_time = Instant::now() + pause + transport.attempt_timeout() / 4 < deadline;
        if !(failure.is_retryable && call.is_repeatable() && attempt <= MAX_RETRIES && has_time) {
            let has_effect = call.has_effect();
            failure.error = judge_last_error(failure.error, may_have_effect && has_effect, has_effect);
            return Err(failure);
        }
        metrics::counter!("holdfast_stripe_retries_total", "call" => call.endpoint.name()).increment(1);
        tokio::time::sleep(pause).await;
    }
    Err(AttemptError::from_unreadable_response())
}

/// Returns the error of the whole call, given the error of its last attempt.
fn judge_last_error(last: GatewayError, may_have_effect: bool, has_effect: bool) -> GatewayError {
    match last {
        GatewayError::Unknown if !has_effect => unavailable(None),
        GatewayError::Unavailable { .. } if may_have_effect => GatewayError::Unknown,
        // A refused key or permission says nothing about the attempt before. Any other refusal came for the same
        // idempotency key, so it is Stripe's answer to the request itself.
        GatewayError::Refused(refusal) if may_have_effect && matches!(refusal.status, 401 | 403) => {
            GatewayError::Unknown
        }
        error => error,
    }
}

/// Returns an exponential pause with full jitter, so that callers that failed together do not retry together.
fn random_pause_after(attempt: u32) -> Duration {
    let limit = FIRST_PAUSE_LIMIT * (1 << attempt.saturating_sub(1).min(MAX_RETRIES));
    limit.mul_f64(rand::rng().random_range(0.0..=1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::Refusal;

    fn refused(status: u16) -> GatewayError {
        GatewayError::Refused(Refusal {
            status,
            ..Refusal::default()
        })
    }

    #[test]
    fn unknown_effect_outlives_indefinite_later_errors() {
        let unknown = GatewayError::Unknown;
        for (last, expected) in [
            (unavailable(None), unknown.clone()),
            (refused(401), unknown.clone()),
            (refused(403), unknown.clone()),
            (unknown.clone(), unknown.clone()),
            (refused(400), refused(400)),
        ] {
            assert_eq!(judge_last_error(last.clone(), true, true), expected, "{last:?}");
        }
        assert_eq!(
            judge_last_error(unavailable(None), false, true),
            unavailable(None)
        );
        assert_eq!(judge_last_error(refused(401), false, true), refused(401));
    }

    #[test]
    fn call_without_effect_is_never_unknown() {
        assert_eq!(
            judge_last_error(GatewayError::Unknown, false, false),
            unavailable(None)
        );
    }

    #[test]
    fn pauses_stay_below_a_doubling_limit() {
        for attempt in 1..=MAX_RETRIES {
            for _ in 0..100 {
                assert!(
                    random_pause_after(attempt) <= FIRST_PAUSE_LIMIT * (1 << (attempt - 1)),
                    "{attempt}"
                );
            }
        }
    }
}
