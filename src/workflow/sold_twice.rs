//! Looks for units that two live holds have at once. The database refuses them (I1), so there is one only if somebody took
//! the guard away, wrote rows by hand, or the guard's index is broken.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::error::{WorkflowError, format_error_chain};

/// The pause between two counts. Each reads all occupancy that has not ended, so it is not done for every scrape.
const PAUSE: Duration = Duration::from_mins(5);

/// Counts such units for the metrics, every few minutes until `stop`.
pub async fn run_worker(context: Arc<Context>, stop: CancellationToken) {
    loop {
        let counted = tokio::select! {
            () = stop.cancelled() => return,
            counted = count_units(&context) => counted,
        };
        if let Err(error) = counted {
            let error = format_error_chain(&error);
            tracing::warn!(
                error,
                "units that are sold twice were not counted; it is tried again"
            );
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

#[allow(clippy::cast_precision_loss)]
async fn count_units(context: &Context) -> Result<(), WorkflowError> {
    let now = context.database_now().await?;
    let count = context.store.count_units_sold_twice(now).await?;
    if count > 0 {
        tracing::error!(count, "units have two live holds at once");
    }
    metrics::gauge!("holdfast_units_sold_twice").set(count as f64);
    Ok(())
}
