//! How fast events are sent while checkouts run: a guest waits for a checkout, and nobody for an event.
//!
//! Both need the processors and the database. While checkouts for many different slots run, each endpoint pauses after each round of
//! its deliveries, six times as long as the round worked, but not long. The events wait in their order, and are sent faster when
//! fewer checkouts run.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// Events are sent more slowly while checkouts run for at least this many slots.
const MANY_SLOTS: usize = 32;
/// A pause is this many times as long as the work of its round.
const PAUSE_PER_WORK: u32 = 6;
/// The longest pause, so that events are also sent while the database is slow.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// Waits after a round of deliveries, if checkouts run for many `slots`. `work` is how long the round took without its requests: who
/// waits for an endpoint takes nothing from a checkout. A stop of the process ends the pause; what is leased is still sent.
pub(super) async fn pause_after_round(slots: usize, work: Duration, stop: &CancellationToken) {
    if slots < MANY_SLOTS {
        return;
    }
    let pause = work.saturating_mul(PAUSE_PER_WORK).min(LONGEST_PAUSE);
    tokio::select! { () = stop.cancelled() => {}, () = tokio::time::sleep(pause) => {} }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    /// How long it waits, by the runtime's clock.
    async fn pause(slots: usize, work: Duration, stop: &CancellationToken) -> Duration {
        let began = Instant::now();
        pause_after_round(slots, work, stop).await;
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn pause_follows_a_round_while_many_checkouts_run() {
        let [short, long] = [10, 3000].map(Duration::from_millis);
        let stop = CancellationToken::new();
        assert_eq!(pause(MANY_SLOTS - 1, short, &stop).await, Duration::ZERO);
        assert_eq!(pause(MANY_SLOTS, short, &stop).await, short * 6);
        assert_eq!(pause(1000, long, &stop).await, LONGEST_PAUSE);
    }

    #[tokio::test(start_paused = true)]
    async fn stop_ends_a_pause() {
        let stop = CancellationToken::new();
        let (waited, ()) = tokio::join!(pause(1000, LONGEST_PAUSE, &stop), async { stop.cancel() });
        assert_eq!(waited, Duration::ZERO);
    }
}
