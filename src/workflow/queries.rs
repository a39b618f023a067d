//! Read-only queries: holds, commands, events, figures.

use super::context::Context;
use super::error::WorkflowError;
use crate::domain::booking::{Booking, HistoryLine};
use crate::domain::command::Command;
use crate::domain::figures::FigureCounts;
use crate::domain::hold::Status;
use crate::domain::ids::HoldId;
use crate::domain::listing::{CommandFilter, HoldFilter, Page, PageRequest, StoredEvent};

/// Finds a hold with its booking.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn find_hold(context: &Context, id: HoldId) -> Result<Option<Booking>, WorkflowError> {
    Ok(context.store.find_booking(id).await?)
}

/// Finds a hold and its history, oldest line first.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn find_hold_with_history(
    context: &Context,
    id: HoldId,
) -> Result<Option<(Booking, Vec<HistoryLine>)>, WorkflowError> {
    let Some(booking) = context.store.find_booking(id).await? else {
        return Ok(None);
    };
    Ok(Some((booking, context.store.list_history(id).await?)))
}

/// Lists holds, newest first.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn list_holds(
    context: &Context,
    filter: &HoldFilter,
    page: &PageRequest,
) -> Result<Page<Booking>, WorkflowError> {
    Ok(context.store.list_bookings(filter, page).await?)
}

/// Lists commands, newest first.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn list_commands(
    context: &Context,
    filter: CommandFilter,
    page: &PageRequest,
) -> Result<Page<Command>, WorkflowError> {
    Ok(context.store.list_commands(filter, page).await?)
}

/// Lists applied events, newest first: of one hold, or of all.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn list_events(
    context: &Context,
    hold: Option<HoldId>,
    page: &PageRequest,
) -> Result<Page<StoredEvent>, WorkflowError> {
    Ok(context.store.list_events(hold, page).await?)
}

/// Runs a checkout in the store and rolls it back: see [`crate::store::Store::dry_run_checkout`].
///
/// # Errors
/// [`WorkflowError`] if it failed.
pub async fn dry_run_checkout(context: &Context) -> Result<(), WorkflowError> {
    Ok(context.store.dry_run_checkout(context.now()).await?)
}

/// Counts what is live, due and wrong.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn count_figures(context: &Context) -> Result<FigureCounts, WorkflowError> {
    Ok(context.store.count_figures(context.database_now().await?).await?)
}

/// Tells whether the database is reachable and has the expected schema.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn is_ready(context: &Context) -> Result<bool, WorkflowError> {
    Ok(context.store.is_ready().await?)
}

/// Returns a status as one word, as JSON and metrics show it.
pub fn status_name(status: Status) -> &'static str {
    match status {
        Status::Held => "held",
        Status::Processing => "processing",
        Status::Confirmed => "confirmed",
        Status::Released(_) => "released",
        Status::Cancelled(_) => "cancelled",
    }
}

/// Tells whether a text is a valid cursor: the `next` of a page is.
pub fn is_cursor(text: &str) -> bool {
    crate::store::is_cursor(text)
}
