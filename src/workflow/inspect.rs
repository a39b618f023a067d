//! Looking without touching: holds, commands, figures.

use super::{Context, WorkflowError};
use crate::domain::booking::{Booking, HistoryLine};
use crate::domain::command::Command;
use crate::domain::hold::Status;
use crate::domain::ids::HoldId;
use crate::domain::listing::{CommandFilter, FigureCounts, HoldFilter, Page, PageRequest, StoredEvent};

/// Reads a hold.
///
/// # Errors
/// [`WorkflowError::Store`].
pub async fn hold(context: &Context, id: HoldId) -> Result<Option<Booking>, WorkflowError> {
    Ok(context.store.find_booking(id).await?)
}

/// Reads a hold with its history, oldest line first.
///
/// # Errors
/// [`WorkflowError::Store`].
pub async fn hold_with_history(
    context: &Context,
    id: HoldId,
) -> Result<Option<(Booking, Vec<HistoryLine>)>, WorkflowError> {
    let Some(booking) = context.store.find_booking(id).await? else {
        return Ok(None);
    };
    Ok(Some((booking, context.store.list_history(id).await?)))
}

/// Reads many holds, newest first.
///
/// # Errors
/// [`WorkflowError::Store`].
pub async fn holds(
    context: &Context,
    filter: &HoldFilter,
    page: &PageRequest,
) -> Result<Page<Booking>, WorkflowError> {
    Ok(context.store.list_bookings(filter, page).await?)
}

/// Reads many commands, newest first.
///
/// # Errors
/// [`WorkflowError::Store`].
pub async fn commands(
    context: &Context,
    filter: CommandFilter,
    page: &PageRequest,
) -> Result<Page<Command>, WorkflowError> {
    Ok(context.store.list_commands(filter, page).await?)
}

/// Reads many applied events, newest first; of one hold, or all.
///
/// # Errors
/// [`WorkflowError::Store`].
pub async fn events(
    context: &Context,
    hold: Option<HoldId>,
    page: &PageRequest,
) -> Result<Page<StoredEvent>, WorkflowError> {
    Ok(context.store.list_events(hold, page).await?)
}

/// Plays a checkout through on the books and takes it back: see [`crate::store::Store::rehearse`].
///
/// # Errors
/// [`WorkflowError`] where it did not go well.
pub async fn rehearse(context: &Context) -> Result<(), WorkflowError> {
    Ok(context.store.dry_run_checkout(context.now()).await?)
}

/// Counts of what is live, due and wrong.
///
/// # Errors
/// [`WorkflowError::Store`].
pub async fn figures(context: &Context) -> Result<FigureCounts, WorkflowError> {
    Ok(context.store.count_figures(context.now()).await?)
}

/// Whether the database answers and its schema is ours.
///
/// # Errors
/// [`WorkflowError::Store`].
pub async fn is_ready(context: &Context) -> Result<bool, WorkflowError> {
    Ok(context.store.is_ready().await?)
}

/// A status in one word, as it is shown in answers and metrics.
pub fn status_name(status: Status) -> &'static str {
    match status {
        Status::Held => "held",
        Status::Processing => "processing",
        Status::Confirmed => "confirmed",
        Status::Released(_) => "released",
        Status::Cancelled(_) => "cancelled",
    }
}

/// Whether a list can go on there: every `next` of a page can.
pub fn is_cursor(text: &str) -> bool {
    crate::store::is_cursor(text)
}
