//! Deletes what is no longer needed: old idempotency keys, bodies of webhook events, personal data of guests, commands that
//! are done, released holds that never had money, events out, old entries of the audit trail, and console
//! sessions that have ended.
//!
//! Each sweep deletes a bounded number of rows, so that the first sweep after a long pause or a shorter setting blocks
//! nothing. The next sweeps delete the rest.

use chrono::Duration;

use super::context::Context;
use super::error::WorkflowError;
use crate::domain::console_session::CONSOLE_IDLE_END;
use crate::domain::event_out::KEEP_EVENTS_OUT;

/// Most rows of each kind that one sweep deletes.
const BATCH: u32 = 1_000;

/// How much longer an event's id is kept than its body. Stripe repeats a delivery for 3 days, and an operator can
/// resend an event for 30 days; until then a repeated event must be recognised.
const KEEP_EVENT_IDS_LONGER: Duration = Duration::days(60);

/// How long a command is kept after it was done, for an operator who looks at what happened.
const KEEP_DONE_COMMANDS: Duration = Duration::days(90);
/// How long a refund or a dispute of an unknown intent is kept. Stripe repeats a delivery for 3 days and an operator can
/// resend an event for 30, so an intent that is not ours by then never is.
const KEEP_UNOWNED_FACTS: Duration = Duration::days(35);

/// Deletes what is due.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub(super) async fn delete_expired_data(context: &Context) -> Result<(), WorkflowError> {
    let (store, settings, now) = (&context.store, &context.settings, context.now());
    store
        .delete_old_attempts(now - settings.remember_keys, BATCH)
        .await?;
    store
        .delete_old_refund_requests(now - settings.remember_keys, BATCH)
        .await?;
    let payloads = store
        .clear_event_payloads(now - settings.keep_events, BATCH)
        .await?;
    let events = store
        .delete_old_events(now - settings.keep_events - KEEP_EVENT_IDS_LONGER, BATCH)
        .await?;
    store
        .delete_old_unowned_facts(now - KEEP_UNOWNED_FACTS, BATCH)
        .await?;
    store
        .delete_foreign_money(now - KEEP_UNOWNED_FACTS, BATCH)
        .await?;
    let forget_before = now - settings.forget_after;
    let guests = store.erase_guests(forget_before, BATCH).await?;
    let metadata = store.clear_leftover_metadata(forget_before, BATCH).await?;
    let holds = store
        .delete_released_holds(now - settings.keep_released, BATCH)
        .await?;
    let commands = store
        .delete_done_commands(now - KEEP_DONE_COMMANDS, BATCH)
        .await?;
    store
        .delete_idle_clients(now - settings.remember_keys, BATCH)
        .await?;
    // By the database's clock, which dates them.
    let database_now = context.database_now().await?;
    let events_out = store
        .delete_old_events_out(database_now - KEEP_EVENTS_OUT, BATCH)
        .await?;
    if events_out > 0 {
        store.release_deliveries(now).await?;
    }
    let audit = store.delete_old_audit(now - settings.keep_audit, BATCH).await?;
    // A session that is too old is used no more, so it is idle soon after.
    store
        .delete_idle_console_sessions(database_now - CONSOLE_IDLE_END, BATCH)
        .await?;
    if payloads + events + events_out + guests + metadata + holds + commands + audit > 0 {
        tracing::info!(
            payloads,
            events,
            events_out,
            guests,
            metadata,
            holds,
            commands,
            audit,
            "expired data deleted"
        );
    }
    Ok(())
}
