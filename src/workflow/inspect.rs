//! Looking without touching: holds, commands, figures.

use super::{Context, Trouble};
use crate::domain::booking::{Booking, HistoryLine};
use crate::domain::books::{CommandFilter, Figures, HoldFilter, Page, PageRequest, StoredEvent};
use crate::domain::command::Command;
use crate::domain::hold::Status;
use crate::domain::ids::HoldId;

/// Reads a hold.
///
/// # Errors
/// [`Trouble::Store`].
pub async fn hold(context: &Context, id: HoldId) -> Result<Option<Booking>, Trouble> {
    Ok(context.store.booking(id).await?)
}

/// Reads a hold with its history, oldest line first.
///
/// # Errors
/// [`Trouble::Store`].
pub async fn hold_with_history(
    context: &Context,
    id: HoldId,
) -> Result<Option<(Booking, Vec<HistoryLine>)>, Trouble> {
    let Some(booking) = context.store.booking(id).await? else {
        return Ok(None);
    };
    Ok(Some((booking, context.store.history(id).await?)))
}

/// Reads many holds, newest first.
///
/// # Errors
/// [`Trouble::Store`].
pub async fn holds(
    context: &Context,
    filter: &HoldFilter,
    page: &PageRequest,
) -> Result<Page<Booking>, Trouble> {
    Ok(context.store.bookings(filter, page).await?)
}

/// Reads many commands, newest first.
///
/// # Errors
/// [`Trouble::Store`].
pub async fn commands(
    context: &Context,
    filter: CommandFilter,
    page: &PageRequest,
) -> Result<Page<Command>, Trouble> {
    Ok(context.store.commands(filter, page).await?)
}

/// Reads many applied events, newest first; of one hold, or all.
///
/// # Errors
/// [`Trouble::Store`].
pub async fn events(
    context: &Context,
    hold: Option<HoldId>,
    page: &PageRequest,
) -> Result<Page<StoredEvent>, Trouble> {
    Ok(context.store.events(hold, page).await?)
}

/// Plays a checkout through on the books and takes it back: see [`crate::store::Store::rehearse`].
///
/// # Errors
/// [`Trouble`] where it did not go well.
pub async fn rehearse(context: &Context) -> Result<(), Trouble> {
    Ok(context.store.rehearse(context.now()).await?)
}

/// Counts of what is live, due and wrong.
///
/// # Errors
/// [`Trouble::Store`].
pub async fn figures(context: &Context) -> Result<Figures, Trouble> {
    Ok(context.store.figures(context.now()).await?)
}

/// Whether the database answers and its schema is ours.
///
/// # Errors
/// [`Trouble::Store`].
pub async fn is_ready(context: &Context) -> Result<bool, Trouble> {
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
