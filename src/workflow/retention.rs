//! Forgetting what is no longer needed: old keys, the bodies of webhooks, and who the guests of ended holds were.
//!
//! Bounded in each sweep, so that the first one after a long time, or after a shorter setting, holds nothing up; the
//! rest is left to the next.

use chrono::Duration;

use super::{Context, WorkflowError};

/// Of each kind, in one sweep.
const MOST: u32 = 1_000;
/// How much longer than its body an event's id is kept. Stripe repeats a delivery for 3 days, and can be made to send
/// an event again for as long as it keeps it, 30 days; until then a repeat must be known as one.
const IDS_LONGER: Duration = Duration::days(60);

/// Forgets what is due.
///
/// # Errors
/// [`WorkflowError::Store`].
pub(super) async fn run(context: &Context) -> Result<(), WorkflowError> {
    let (store, settings, now) = (&context.store, &context.settings, context.now());
    store
        .delete_old_attempts(now - settings.remember_keys, MOST)
        .await?;
    let payloads = store
        .clear_event_payloads(now - settings.keep_events, MOST)
        .await?;
    let events = store
        .delete_old_events(now - settings.keep_events - IDS_LONGER, MOST)
        .await?;
    let guests = store.erase_guests(now - settings.forget_after, MOST).await?;
    store
        .delete_idle_clients(now - settings.remember_keys, MOST)
        .await?;
    if payloads + events + guests > 0 {
        tracing::info!(payloads, events, guests, "forgotten");
    }
    Ok(())
}
