//! Closures: puts, shows, lists and deletes them, and keeps their days in the zone of closures.
//!
//! The zone is the one that all schedules share, else the configured one. What changes a schedule moves the closures in its own
//! transaction. The zone changes with the configuration and with the rules of time zones too, and the version before moves
//! closures after it has written a schedule: so the sweep looks as well.

use super::context::Context;
use super::error::WorkflowError;
use super::shop_calendar::find_conflicts;
use crate::domain::booking::Booking;
use crate::domain::catalogue::{BlockConflict, UnknownResources};
use crate::domain::closure::{Closure, ClosureZones, DatedClosure};
use crate::domain::ids::ClosureId;
use crate::domain::listing::{Page, PageRequest, PutOutcome};
use crate::store::{ClosureRefusal, Store, StoreError};

/// Why a closure is not written.
#[derive(Debug, thiserror::Error)]
pub enum PutClosureError {
    /// It names resources that do not exist.
    #[error("names resources that do not exist")]
    UnknownResources(UnknownResources),
    /// The zone of closures skips all of its days.
    #[error("the zone of closures has no such day")]
    NoSuchDay,
    /// The request was valid, but the database failed.
    #[error(transparent)]
    Workflow(#[from] WorkflowError),
}

impl From<StoreError> for PutClosureError {
    fn from(error: StoreError) -> Self {
        Self::Workflow(error.into())
    }
}

impl From<ClosureRefusal> for PutClosureError {
    fn from(refusal: ClosureRefusal) -> Self {
        match refusal {
            ClosureRefusal::UnknownResources(unknown) => Self::UnknownResources(unknown),
            ClosureRefusal::NoSuchDay(_) => Self::NoSuchDay,
        }
    }
}

/// Writes a closure to the database. No new hold is placed in it from then on. Returns the live holds that it overlaps, which stay.
///
/// # Errors
/// [`PutClosureError`] if it was not written.
pub async fn put_closure(
    context: &Context,
    closure: &Closure,
) -> Result<(PutOutcome, DatedClosure, Vec<BlockConflict>), PutClosureError> {
    let zones = context.settings.closure_zones();
    Ok(context.store.put_closure(closure, zones, context.now()).await??)
}

/// Says when a closure would be, and which live holds it would overlap; whether these are all. Nothing is written.
///
/// # Errors
/// [`PutClosureError`] if it could not be written.
pub async fn preview_closure(
    context: &Context,
    closure: &Closure,
) -> Result<(DatedClosure, Vec<Booking>, bool), PutClosureError> {
    let store = context.store.as_ref();
    let zones = context.settings.closure_zones();
    let chosen = zones.choose(&store.list_all_schedule_zones().await?);
    let (zone, rules) = chosen.ok_or(PutClosureError::NoSuchDay)?;
    let dated = closure.date_in(zone, rules).ok_or(PutClosureError::NoSuchDay)?;
    let resources = closure.resources.as_deref();
    let (holds, are_all) = find_conflicts(context, resources, dated.window).await?;
    Ok((dated, holds, are_all))
}

/// Finds a closure with the live holds that it overlaps.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn find_closure(
    context: &Context,
    id: &ClosureId,
) -> Result<Option<(DatedClosure, Vec<BlockConflict>)>, WorkflowError> {
    let Some(closure) = context.store.find_closure(id).await? else {
        return Ok(None);
    };
    let conflicts = context.store.list_closure_conflicts(id).await?;
    Ok(Some((closure, conflicts)))
}

/// Lists closures, newest first.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn list_closures(
    context: &Context,
    page: &PageRequest,
) -> Result<Page<DatedClosure>, WorkflowError> {
    Ok(context.store.list_closures(page).await?)
}

/// Deletes a closure: its days are for sale again. `false` if there was none.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn delete_closure(context: &Context, id: &ClosureId) -> Result<bool, WorkflowError> {
    Ok(context.store.delete_closure(id).await?)
}

/// Moves the closures whose days are at another time by now, if there are any: the configuration or the rules of zones may have
/// changed, or a version that moves none wrote a schedule.
pub(super) async fn date_closures(store: &dyn Store, zones: ClosureZones<'_>) -> Result<(), WorkflowError> {
    let mut page = PageRequest {
        limit: 200,
        cursor: None,
    };
    let mut chosen = None;
    loop {
        let found = store.list_closures(&page).await?;
        for known in found.entries {
            let (zone, rules) = match &chosen {
                Some(zone) => zone,
                None => match zones.choose(&store.list_all_schedule_zones().await?) {
                    Some(zone) => chosen.insert(zone),
                    None => return Ok(()),
                },
            };
            let dated = known.closure.date_in(zone.clone(), rules);
            if dated.is_some_and(|dated| dated != known) {
                tracing::info!(zone = %zone, "closures move to another zone");
                return Ok(store.date_closures(zones).await?);
            }
        }
        if found.next.is_none() {
            return Ok(());
        }
        page.cursor = found.next;
    }
}
