//! Gives a guest more time to pay, once.
//!
//! Stripe ends a session no earlier than half an hour after it was made, so the session often outlives its hold. An extended hold
//! ends with its session, or when its slot starts.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};

use super::context::{Context, MAX_CONFLICTS};
use super::error::WorkflowError;
use super::write_fact::internal_error;
use crate::domain::booking::{Booking, HistoryLine};
use crate::domain::hold::Status;
use crate::domain::ids::HoldId;
use crate::domain::session::first_check_at;
use crate::store::{EXTENDED, HoldExtension};

/// Why a hold gets no more time.
#[derive(Debug, thiserror::Error)]
pub enum ExtendError {
    /// There is no such hold.
    #[error("no such hold")]
    Missing,
    /// It does not wait for a payment any more, or its time is over.
    #[error("the hold does not wait for a payment any more")]
    NotHeld,
    /// It was extended before.
    #[error("the hold was extended before")]
    Extended,
    /// It ends with its session or its slot already.
    #[error("the payment or the slot ends at the same time as the hold")]
    NothingLeft,
    /// The request was valid, but the workflow failed.
    #[error(transparent)]
    Workflow(#[from] WorkflowError),
}

impl From<crate::store::StoreError> for ExtendError {
    fn from(error: crate::store::StoreError) -> Self {
        Self::Workflow(error.into())
    }
}

/// Extends a hold for its guest, and returns it as it is then. A lost answer of the database is asked again.
///
/// # Errors
/// [`ExtendError`] if the hold keeps its end.
pub async fn extend_hold(context: &Arc<Context>, id: HoldId) -> Result<Booking, ExtendError> {
    let owned = Arc::clone(context);
    let task = context
        .sagas
        .spawn(async move { extend_until_decided(&owned, id).await });
    task.await
        .unwrap_or_else(|panicked| Err(WorkflowError::Internal(Box::new(panicked)).into()))
}

/// Finds until when a guest would have time to pay if the hold was extended now; `None` if it cannot be extended.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn find_extension(
    context: &Context,
    booking: &Booking,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, WorkflowError> {
    let Ok(later_end) = find_later_end(booking, now) else {
        return Ok(None);
    };
    let history = context.store.list_history(booking.hold.id).await?;
    Ok((!was_extended(&history)).then_some(later_end))
}

async fn extend_until_decided(context: &Context, id: HoldId) -> Result<Booking, ExtendError> {
    let mut tried = None;
    for _ in 0..MAX_CONFLICTS {
        let booking = context
            .store
            .find_booking(id)
            .await?
            .ok_or(ExtendError::Missing)?;
        let now = context.database_now().await?;
        let history = context.store.list_history(id).await?;
        if was_extended(&history) {
            // It may have been this call, whose answer was lost.
            let is_ours = tried == Some(booking.expires_at);
            return is_ours.then_some(booking).ok_or(ExtendError::Extended);
        }
        let expires_at = find_later_end(&booking, now)?;
        let extension = HoldExtension {
            hold: id,
            version: booking.version,
            expires_at,
            due_at: first_check_at(expires_at, booking.session_expires_at),
            message: describe_extension(expires_at),
            now,
        };
        tried = Some(expires_at);
        if context.store.extend_hold(&extension).await? {
            tracing::info!(hold = %id.log_id(), "hold extended");
            let extended = context.store.find_booking(id).await?;
            return extended.ok_or(ExtendError::Missing);
        }
    }
    Err(internal_error(id, "too many conflicts while extending a hold").into())
}

/// Tells whether a hold was extended, or has the extension of the one that it replaced.
pub(super) fn was_extended(history: &[HistoryLine]) -> bool {
    history.iter().any(|line| line.transition == EXTENDED)
}

/// Finds the later end of a hold: that of its session, and not after its start.
fn find_later_end(booking: &Booking, now: DateTime<Utc>) -> Result<DateTime<Utc>, ExtendError> {
    let hold = &booking.hold;
    // An overdue hold may be released at any moment, and so may one whose release was requested.
    if hold.status != Status::Held || hold.requested_by.is_some() || booking.expires_at <= now {
        return Err(ExtendError::NotHeld);
    }
    let end = booking.session_expires_at.min(booking.window().starts_at());
    (end > booking.expires_at)
        .then_some(end)
        .ok_or(ExtendError::NothingLeft)
}

fn describe_extension(expires_at: DateTime<Utc>) -> String {
    let until = expires_at.to_rfc3339_opts(SecondsFormat::Secs, true);
    format!("the guest has until {until} to pay")
}
