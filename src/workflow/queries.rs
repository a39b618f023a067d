//! Read-only queries: holds, commands, events, figures.

use chrono::{DateTime, Utc};

use super::context::Context;
use super::error::WorkflowError;
use super::unknown_session::is_object_unknown;
use crate::domain::booking::{Booking, HistoryLine};
use crate::domain::command::Command;
use crate::domain::figures::{FigureCounts, LiveHolds, OtherModeWork};
use crate::domain::ids::{CommandId, EventId, HoldId, ResourceId};
use crate::domain::listing::{
    Attention, CommandFilter, HoldFilter, ListedPayment, Page, PageRequest, PaymentFilter, StoredEvent,
};
use crate::domain::refusal_code::RefusalCode;
pub use crate::store::ServerFault;
use crate::store::SessionSearch;

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

/// Lists holds, in the order of the filter.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn list_holds(
    context: &Context,
    filter: HoldFilter,
    page: &PageRequest,
) -> Result<Page<Booking>, WorkflowError> {
    let now = match filter.attention {
        Some(Attention::Overdue | Attention::ProcessingLong | Attention::PriceMismatch) => {
            context.database_now().await?
        }
        _ => DateTime::default(),
    };
    let filter = HoldFilter { now, ..filter };
    Ok(context.store.list_bookings(&filter, page).await?)
}

/// Tells whether a cursor was issued for the list of holds with this filter.
pub fn is_cursor_of_holds(filter: &HoldFilter, cursor: &str) -> bool {
    crate::store::is_cursor_of_holds(filter, cursor)
}

/// Lists why Stripe refused the checkouts that ended last, latest first; `None` for each that it did not refuse, or whose cause
/// a later session shows to be corrected.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn list_latest_refusals(
    context: &Context,
    limit: u32,
) -> Result<Vec<Option<String>>, WorkflowError> {
    let ends = context.store.list_latest_ends(limit).await?;
    let mut took_later = false;
    let refusals = ends.into_iter().map(|end| {
        let is_over = |code: &String| took_later && RefusalCode::stops_every_checkout(code);
        let refusal = end.refusal.filter(|code| !is_over(code));
        took_later |= end.has_session;
        refusal
    });
    Ok(refusals.collect())
}

/// Lists the confirmed holds that keep a resource busy after `from`, newest first.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn list_confirmed(
    context: &Context,
    resource: &ResourceId,
    from: DateTime<Utc>,
    limit: u32,
) -> Result<Vec<Booking>, WorkflowError> {
    Ok(context
        .store
        .list_confirmed_of_resource(resource, from, limit)
        .await?)
}

/// Lists payments, newest first.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn list_payments(
    context: &Context,
    filter: PaymentFilter,
    page: &PageRequest,
) -> Result<Page<ListedPayment>, WorkflowError> {
    let now = context.now();
    let filter = PaymentFilter { now, ..filter };
    Ok(context.store.list_payments(&filter, page).await?)
}

/// Finds a command that is not done.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn find_pending_command(
    context: &Context,
    id: CommandId,
) -> Result<Option<Command>, WorkflowError> {
    let command = context.store.find_command(id).await?;
    Ok(command.filter(|command| command.done_at.is_none()))
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

/// Finds an applied event.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn find_event(context: &Context, id: &EventId) -> Result<Option<StoredEvent>, WorkflowError> {
    Ok(context.store.find_event(id).await?)
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

/// Counts the live holds by event type, status and currency, with what they keep from sale. Confirmed holds count if their start is
/// to come.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn count_live_holds(context: &Context) -> Result<Vec<LiveHolds>, WorkflowError> {
    Ok(context
        .store
        .count_live_holds(context.database_now().await?)
        .await?)
}

/// Counts what is left to do in the other mode than that of our key.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn count_other_mode_work(context: &Context) -> Result<OtherModeWork, WorkflowError> {
    let livemode = context.settings.livemode;
    Ok(context
        .store
        .count_other_mode_work(livemode, context.now())
        .await?)
}

/// What Stripe says about the newest session of this store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewestSession {
    /// This store has no session of our key's mode.
    Missing,
    /// Stripe knows the newest session.
    Known,
    /// Stripe does not know the newest session.
    Unknown,
}

/// Asks Stripe about the newest session that is not paid yet; if there is none, about the newest one.
///
/// # Errors
/// [`WorkflowError`] if Stripe or the database gave no answer.
pub async fn check_newest_session(context: &Context) -> Result<NewestSession, WorkflowError> {
    let livemode = context.settings.livemode;
    let newest = match context.store.find_newest_unpaid_session(livemode).await? {
        Some(unpaid) => Some(unpaid),
        None => {
            let any = SessionSearch {
                livemode,
                older_than: None,
                except: None,
            };
            context
                .store
                .find_newest_session(&any)
                .await?
                .map(|found| found.id)
        }
    };
    let Some(session) = newest else {
        return Ok(NewestSession::Missing);
    };
    match context.gateway.retrieve_session(&session).await {
        Ok(_) => Ok(NewestSession::Known),
        Err(error) if is_object_unknown(&error) => Ok(NewestSession::Unknown),
        Err(error) => Err(error.into()),
    }
}

/// Tells whether the database is reachable and has the expected schema.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn is_ready(context: &Context) -> Result<bool, WorkflowError> {
    Ok(context.store.is_ready().await?)
}

/// Tells whether the database has no tables: nobody has used it yet.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn is_database_empty(context: &Context) -> Result<bool, WorkflowError> {
    Ok(context.store.is_empty().await?)
}

/// Finds what keeps this program from working on the database's server.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn find_server_faults(context: &Context) -> Result<Vec<ServerFault>, WorkflowError> {
    Ok(context.store.find_server_faults().await?)
}

/// Tells whether a text is a valid cursor: the `next` of a page is.
pub fn is_cursor(text: &str) -> bool {
    crate::store::is_cursor(text)
}
