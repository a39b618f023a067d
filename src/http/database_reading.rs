//! What the database says about itself, for health checks and metrics: whether it is ready, and the figures.
//!
//! Anybody may call these routes as often as they like, so all of them together read the database at most once a second.
//! An outage shows as soon as that second is over.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::domain::figures::FigureCounts;
use crate::workflow::{Context, queries};

/// How long a reading is good for.
const MAX_AGE: Duration = Duration::from_secs(1);
/// How long the database may take to say that it is ready.
const READY_TIMEOUT: Duration = Duration::from_secs(2);
/// How long the database may take to count the figures.
const FIGURES_TIMEOUT: Duration = Duration::from_secs(5);

/// The last reading of the database, which all requests use together.
#[derive(Default)]
pub struct DatabaseReadings(Arc<Mutex<Option<DatabaseReading>>>);

/// What the database said at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct DatabaseReading {
    read_at: Instant,
    pub(super) readiness: DatabaseReadiness,
    /// Absent if the database did not count them.
    pub(super) figures: Option<FigureCounts>,
}

/// Whether the database can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DatabaseReadiness {
    Ready,
    OtherSchema,
    Unavailable,
}

impl DatabaseReadings {
    /// Returns the last reading, or a new one if that is too old. Requests that come meanwhile wait for the same one.
    pub(super) async fn current(&self, context: &Arc<Context>) -> DatabaseReading {
        let context = context.clone();
        self.current_by(move || async move { read_database(&context).await })
            .await
    }

    async fn current_by<F: Future<Output = DatabaseReading> + Send>(
        &self,
        read: impl FnOnce() -> F + Send + 'static,
    ) -> DatabaseReading {
        let last = self.0.clone();
        // In a task of its own: a client that disconnects must not make the next one read again.
        let current = tokio::spawn(async move {
            let mut last = last.lock().await;
            match *last {
                Some(reading) if reading.read_at.elapsed() < MAX_AGE => reading,
                _ => *last.insert(read().await),
            }
        });
        current.await.unwrap_or_else(|_| DatabaseReading::unavailable())
    }
}

impl DatabaseReading {
    fn unavailable() -> Self {
        Self {
            read_at: Instant::now(),
            readiness: DatabaseReadiness::Unavailable,
            figures: None,
        }
    }
}

async fn read_database(context: &Context) -> DatabaseReading {
    let readiness = match timeout(READY_TIMEOUT, queries::is_ready(context)).await {
        Ok(Ok(true)) => DatabaseReadiness::Ready,
        Ok(Ok(false)) => DatabaseReadiness::OtherSchema,
        Ok(Err(error)) => {
            tracing::warn!(%error, "not ready");
            return DatabaseReading::unavailable();
        }
        Err(_) => {
            tracing::warn!("not ready: the database does not answer in time");
            return DatabaseReading::unavailable();
        }
    };
    let figures = timeout(FIGURES_TIMEOUT, queries::count_figures(context)).await;
    DatabaseReading {
        read_at: Instant::now(),
        readiness,
        figures: figures.ok().and_then(Result::ok),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Counts the readings, each of which takes a moment.
    #[derive(Clone, Default)]
    struct CountedReadings(Arc<AtomicUsize>);

    impl CountedReadings {
        async fn read(self) -> DatabaseReading {
            self.0.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(300)).await;
            DatabaseReading::unavailable()
        }

        fn count(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn requests_within_a_second_share_one_reading() {
        let (readings, counted) = (DatabaseReadings::default(), CountedReadings::default());
        let request = || {
            let counted = counted.clone();
            readings.current_by(move || counted.read())
        };
        futures::future::join_all((0..100).map(|_| request())).await;
        assert_eq!(counted.count(), 1);
        tokio::time::advance(MAX_AGE - Duration::from_millis(1)).await;
        request().await;
        assert_eq!(counted.count(), 1);
        tokio::time::advance(Duration::from_millis(1)).await;
        futures::future::join_all((0..100).map(|_| request())).await;
        assert_eq!(counted.count(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn disconnected_request_leaves_its_reading_to_the_next() {
        let (readings, counted) = (DatabaseReadings::default(), CountedReadings::default());
        for _ in 0..50 {
            let counted = counted.clone();
            let request = readings.current_by(move || counted.read());
            assert!(timeout(Duration::from_millis(1), request).await.is_err());
        }
        let again = counted.clone();
        readings.current_by(move || again.read()).await;
        assert_eq!(counted.count(), 1);
    }
}
