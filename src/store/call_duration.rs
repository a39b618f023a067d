//! Records how long calls of the database take, on both engines.

use std::time::Instant;

/// Records a call that began then, with what it has waited for connections and locks.
pub(super) fn record_call(began: Instant) {
    metrics::histogram!("holdfast_store_call_seconds").record(began.elapsed());
}
