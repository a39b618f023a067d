//! Panics of background workers: each is a bug, and nobody waits for the task that it ends.

use tokio::task::JoinError;

/// Logs and counts the panic of a task of this worker, which is started again.
pub fn record_panic(worker: &'static str, error: &JoinError) {
    tracing::error!(worker, %error, "a worker panicked; it starts again after a pause");
    metrics::counter!("holdfast_worker_restarts_total", "worker" => worker).increment(1);
}
