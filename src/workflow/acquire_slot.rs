//! Acquires a slot for a checkout or a move: a permit of the gate, free units, and the release of overdue holds.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::availability::{find_free_units, load_slot};
use super::context::Context;
use super::error::WorkflowError;
use super::release_hold::{ReleaseOutcome, release_hold};
use super::slot_gate::{GateEntry, Permit};
use crate::domain::availability::{SlotAvailability, SlotRequest};
use crate::domain::booking::Actor;
use crate::domain::segment::Allocation;

/// Waits for a permit for a slot and finds free units; `None` if the slot is taken. Holds are overdue at `now`, by the
/// database's clock.
pub(super) async fn acquire_permit(
    context: &Context,
    slot_request: &SlotRequest<'_>,
    starts_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Option<(Permit, Vec<Allocation>)>, WorkflowError> {
    let Some(resource) = slot_request
        .event_type
        .segments
        .first()
        .and_then(|template| template.any_of.first())
    else {
        return Ok(None);
    };
    let key = (resource.clone(), starts_at);
    // With a capacity of zero the gate admits a checkout only if none runs, so most checkouts need no extra query.
    let mut capacity = 0;
    loop {
        let full = match context.gate.acquire(&key, slot_request.quantity, capacity) {
            GateEntry::Permit(permit) => {
                let units =
                    find_units_or_release(context, slot_request, starts_at, now, permit.unit_offset).await?;
                return Ok(units.map(|units| (permit, units)));
            }
            GateEntry::Full(full) => full,
        };
        let free = load_slot(context, slot_request, starts_at, now)
            .await?
            .count_free_units(slot_request, starts_at);
        if free < slot_request.quantity {
            return Ok(None);
        }
        capacity = 0;
        if full.units.saturating_add(slot_request.quantity) <= free {
            capacity = free;
        } else {
            // All waiters then check the slot at the same time, and only those that still find free units try again.
            full.wait_for_half().await;
        }
    }
}

/// Finds free units, and releases holds that are overdue at `now` if they block the slot; `None` if the slot is taken.
pub(super) async fn find_units_or_release(
    context: &Context,
    slot_request: &SlotRequest<'_>,
    starts_at: DateTime<Utc>,
    now: DateTime<Utc>,
    unit_offset: u32,
) -> Result<Option<Vec<Allocation>>, WorkflowError> {
    let mut asked = BTreeSet::new();
    loop {
        // Most requested slots are free, and the query without statuses is the cheaper one.
        if let Some(units) = find_free_units(context, slot_request, starts_at, unit_offset).await? {
            return Ok(Some(units));
        }
        let availability = load_slot(context, slot_request, starts_at, now).await?;
        let overdue = match availability.check_slot(slot_request, starts_at, unit_offset) {
            SlotAvailability::Free(units) => return Ok(Some(units)),
            SlotAvailability::Taken => return Ok(None),
            SlotAvailability::Overdue(holds) => holds,
        };
        for hold in overdue {
            // Asked before, and still overdue: Stripe has not decided, so the slot counts as taken.
            if !asked.insert(hold) {
                return Ok(None);
            }
            match release_hold(context, hold, None, Actor::Checkout).await {
                Ok(ReleaseOutcome::Over(booking)) if booking.hold.status.is_live() => return Ok(None),
                Ok(ReleaseOutcome::Over(_) | ReleaseOutcome::Missing) => {}
                // Only an operator can free this slot, so a repeat of the request is no use: it counts as taken.
                Err(WorkflowError::UnknownSession) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }
}
