//! Acquires a slot for a checkout or a move: a permit of the gate, free units, and the release of overdue holds.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::availability::{find_free_units, load_slot};
use super::context::Context;
use super::error::WorkflowError;
use super::release_hold::{ReleaseOutcome, release_hold};
use super::slot_gate::{GateEntry, GateMoment, Permit};
use crate::domain::availability::{Availability, SlotAvailability, SlotRequest};
use crate::domain::booking::Actor;
use crate::domain::segment::Allocation;

/// What a checkout has read of its slot before it asked for a permit.
pub(super) struct SlotRead<'a> {
    /// What occupies the slot's resources.
    pub(super) availability: &'a Availability,
    /// A moment before the read.
    pub(super) since: GateMoment,
}

/// A slot that a checkout may take.
pub(super) struct AcquiredSlot {
    /// Keeps other checkouts for the slot waiting.
    pub(super) permit: Permit,
    /// The free units to take.
    pub(super) units: Vec<Allocation>,
    /// Whether they were found in what was read before, so that the checkout waited for nobody.
    pub(super) was_read: bool,
}

/// Waits for a permit for a slot and finds free units, in what was `read` unless that is old by then; `None` if the slot is taken. Holds
/// are overdue at `now`, by the database's clock.
pub(super) async fn acquire_permit(
    context: &Context,
    slot_request: &SlotRequest<'_>,
    starts_at: DateTime<Utc>,
    now: DateTime<Utc>,
    mut read: Option<SlotRead<'_>>,
) -> Result<Option<AcquiredSlot>, WorkflowError> {
    let Some(resource) = slot_request
        .event_type
        .segments
        .first()
        .and_then(|template| template.any_of.first())
    else {
        return Ok(None);
    };
    let key = (resource.clone(), starts_at);
    let first_units = read
        .as_ref()
        .map(|read| read.availability.find_units(slot_request, starts_at, 0));
    // Of a slot that is taken there is nothing to wait for. A permit would make other checkouts wait, or read again.
    if first_units == Some(None) && is_taken(context, slot_request, starts_at, now).await? {
        return Ok(None);
    }
    // With a capacity of zero the gate admits a checkout only if none runs, so most checkouts need no extra query.
    let mut capacity = 0;
    let permit = loop {
        let full = match context.gate.acquire(&key, slot_request.quantity, capacity) {
            GateEntry::Permit(permit) => break permit,
            GateEntry::Full(full) => full,
        };
        read = None;
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
    };
    let offset = permit.unit_offset;
    let read = read.filter(|read| !context.gate.has_ended_since(&key, read.since));
    let found = read.map(|read| match first_units {
        Some(units) if offset == 0 => units,
        _ => read.availability.find_units(slot_request, starts_at, offset),
    });
    let was_read = matches!(found, Some(Some(_)));
    let units = match found {
        Some(Some(units)) => Some(units),
        // Perhaps an overdue hold has it.
        Some(None) => release_and_find_units(context, slot_request, starts_at, now, offset).await?,
        None => find_units_or_release(context, slot_request, starts_at, now, offset).await?,
    };
    Ok(units.map(|units| AcquiredSlot {
        permit,
        units,
        was_read,
    }))
}

/// Tells whether a slot is taken by what does not end at `now`.
async fn is_taken(
    context: &Context,
    slot_request: &SlotRequest<'_>,
    starts_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<bool, WorkflowError> {
    let found = load_slot(context, slot_request, starts_at, now).await?;
    Ok(found.check_slot(slot_request, starts_at, 0) == SlotAvailability::Taken)
}

/// Finds free units, and releases holds that are overdue at `now` if they block the slot; `None` if the slot is taken.
pub(super) async fn find_units_or_release(
    context: &Context,
    slot_request: &SlotRequest<'_>,
    starts_at: DateTime<Utc>,
    now: DateTime<Utc>,
    unit_offset: u32,
) -> Result<Option<Vec<Allocation>>, WorkflowError> {
    // Most requested slots are free, and the query without statuses is the cheaper one.
    match find_free_units(context, slot_request, starts_at, unit_offset).await? {
        Some(units) => Ok(Some(units)),
        None => release_and_find_units(context, slot_request, starts_at, now, unit_offset).await,
    }
}

/// Releases holds that are overdue at `now` and block the slot, and finds units that are free then; `None` if the slot is taken.
async fn release_and_find_units(
    context: &Context,
    slot_request: &SlotRequest<'_>,
    starts_at: DateTime<Utc>,
    now: DateTime<Utc>,
    unit_offset: u32,
) -> Result<Option<Vec<Allocation>>, WorkflowError> {
    let mut asked = BTreeSet::new();
    loop {
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
        if let Some(units) = find_free_units(context, slot_request, starts_at, unit_offset).await? {
            return Ok(Some(units));
        }
    }
}
