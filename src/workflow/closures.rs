//! Closures: puts, shows, lists and deletes them, and keeps their days in the shop's zone.
//!
//! The zone is the one that all schedules share, else the configured one. It changes with the schedules, with the
//! configuration and with the rules of time zones, and any version may write a schedule: so the sweep dates closures anew too.

use super::context::Context;
use super::error::WorkflowError;
use crate::domain::catalogue::{BlockConflict, UnknownResources};
use crate::domain::closure::{Closure, DatedClosure, ShopZones};
use crate::domain::ids::ClosureId;
use crate::domain::listing::{Page, PageRequest, PutOutcome};
use crate::domain::zone::{ZoneName, ZoneRules};
use crate::store::{Store, StoreError};

/// Why a closure is not written.
#[derive(Debug, thiserror::Error)]
pub enum PutClosureError {
    /// It names resources that do not exist.
    #[error("names resources that do not exist")]
    UnknownResources(UnknownResources),
    /// The shop's zone skips all of its days.
    #[error("the shop's zone has no such day")]
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

/// Neither the zone of the schedules nor the configured one has rules.
#[derive(Debug, thiserror::Error)]
#[error("the rules of the shop's time zone are not known")]
struct NoShopZone;

/// Finds the zone of the shop's days.
pub(super) async fn find_shop_zone<'a>(
    store: &dyn Store,
    zones: ShopZones<'a>,
) -> Result<(ZoneName, &'a ZoneRules), WorkflowError> {
    choose_shop_zone(&store.list_all_schedule_zones().await?, zones)
}

/// Chooses the zone of the shop's days among those of schedules, each named once, and the configured one.
pub(super) fn choose_shop_zone<'a>(
    of_schedules: &[String],
    zones: ShopZones<'a>,
) -> Result<(ZoneName, &'a ZoneRules), WorkflowError> {
    let chosen = zones.choose(of_schedules);
    chosen.ok_or_else(|| WorkflowError::Internal(Box::new(NoShopZone)))
}

/// Writes a closure to the database. No new hold is placed in it from then on. Returns the live holds that it overlaps, which stay.
///
/// # Errors
/// [`PutClosureError`] if it was not written.
pub async fn put_closure(
    context: &Context,
    closure: &Closure,
) -> Result<(PutOutcome, DatedClosure, Vec<BlockConflict>), PutClosureError> {
    let store = context.store.as_ref();
    let (zone, rules) = find_shop_zone(store, context.settings.shop_zones()).await?;
    let dated = closure.date_in(zone, rules).ok_or(PutClosureError::NoSuchDay)?;
    let written = store.put_closure(&dated, context.now()).await?;
    let (outcome, conflicts) = written.map_err(PutClosureError::UnknownResources)?;
    // A schedule may have got another zone meanwhile.
    date_closures(store, context.settings.shop_zones()).await?;
    Ok((outcome, dated, conflicts))
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

/// Moves the closures whose days are at another time by now, because the shop's zone or its rules have changed.
pub(super) async fn date_closures(store: &dyn Store, zones: ShopZones<'_>) -> Result<(), WorkflowError> {
    let mut page = PageRequest {
        limit: 200,
        cursor: None,
    };
    let mut shop_zone = None;
    loop {
        let found = store.list_closures(&page).await?;
        for known in found.entries {
            let (zone, rules) = match &shop_zone {
                Some(zone) => zone,
                None => shop_zone.insert(find_shop_zone(store, zones).await?),
            };
            // One whose days the zone skips keeps its time: it closes rather too much than too little.
            let dated = known.closure.date_in(zone.clone(), rules);
            if let Some(dated) = dated.filter(|dated| *dated != known)
                && store.date_closure(&dated).await?
            {
                tracing::info!(closure = %known.closure.id, zone = %zone, "the closure is in another zone now");
            }
        }
        if found.next.is_none() {
            return Ok(());
        }
        page.cursor = found.next;
    }
}
