//! Waits for a state with a deadline. Tests never wait for a fixed time.

use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(10);

/// Polls until there is a value; panics after the deadline.
#[track_caller]
pub(crate) fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut ask: impl FnMut() -> F,
) -> impl Future<Output = T> {
    let deadline = Instant::now() + DEADLINE;
    async move {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            assert!(Instant::now() < deadline, "{what}: not within {DEADLINE:?}");
            tokio::time::sleep(PAUSE).await;
        }
    }
}
