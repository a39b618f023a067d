//! What is free: looking at the books for a checkout or a move, getting overdue holds out of the way, and the slots on
//! show. Every answer is read from the books when it is asked for; nothing is kept.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};

use super::gate::{GateEntry, Permit};
use super::release::{self, ReleaseOutcome};
use super::{Context, WorkflowError};
use crate::domain::availability::{ALTERNATIVES, Availability, REACH, Slot, SlotAvailability, SlotRequest};
use crate::domain::booking::{Actor, Allocation, Booking, Segment};
use crate::domain::catalogue::EventType;
use crate::domain::ids::EventTypeId;
use crate::domain::time::Window;
use crate::store::AvailabilityQuery;

/// How many look for alternatives at once.
pub(super) const LOOKS_FOR_ALTERNATIVES: usize = 4;

/// An event type and its slots.
#[derive(Clone, Debug)]
pub struct EventTypeSlots {
    /// What.
    pub event_type: EventType,
    /// By start.
    pub slots: Vec<Slot>,
}

/// The slots of an event type that start within a window; `None` where there is no such event type.
///
/// # Errors
/// [`WorkflowError::Store`].
pub async fn offer(
    context: &Context,
    id: &EventTypeId,
    within: Window,
    quantity: u32,
) -> Result<Option<EventTypeSlots>, WorkflowError> {
    let Some(event_type) = context.store.find_event_type(id).await? else {
        return Ok(None);
    };
    let slot_request = SlotRequest {
        event_type: &event_type,
        quantity,
        requested_resource: None,
        moving: None,
    };
    let slots = on_show(context, &slot_request, within).await?;
    Ok(Some(EventTypeSlots { event_type, slots }))
}

/// Slots that start within a window, as the books are now.
async fn on_show(
    context: &Context,
    slot_request: &SlotRequest<'_>,
    within: Window,
) -> Result<Vec<Slot>, WorkflowError> {
    let (starts, calendar) = for_sale(context, slot_request, within, Some(context.now())).await?;
    Ok(starts
        .into_iter()
        .filter_map(|start| calendar.slot(slot_request, start))
        .collect())
}

/// What is for sale within a window, and what the books say about it; `statuses_at` as in [`AvailabilityQuery`].
async fn for_sale(
    context: &Context,
    slot_request: &SlotRequest<'_>,
    within: Window,
    statuses_at: Option<DateTime<Utc>>,
) -> Result<(Vec<DateTime<Utc>>, Availability), WorkflowError> {
    let starts = slot_request.event_type.starts(within, context.now());
    let spans = starts.first().zip(starts.last());
    let spans = spans.and_then(|(first, last)| {
        slot_request
            .event_type
            .span(*first)
            .zip(slot_request.event_type.span(*last))
    });
    let calendar = match spans {
        Some((first, last)) => read(context, slot_request, first.hull(&last), statuses_at).await?,
        None => Availability::default(),
    };
    Ok((starts, calendar))
}

/// The free slots nearest to a start that was refused.
///
/// # Errors
/// [`WorkflowError::Store`].
pub(super) async fn alternatives(
    context: &Context,
    slot_request: &SlotRequest<'_>,
    starts_at: DateTime<Utc>,
) -> Result<Vec<Slot>, WorkflowError> {
    // A crowd of losers asks for these; who still looks for a slot must not stand in line behind them.
    let _turn = context.alternatives.acquire().await;
    let mut found = Vec::new();
    for reach in REACH {
        let around = Window::new(starts_at - reach, starts_at + reach + Duration::seconds(1));
        if let Some(around) = around {
            let (starts, calendar) = for_sale(context, slot_request, around, None).await?;
            found = calendar.nearest(slot_request, starts, starts_at);
        }
        if found.len() >= ALTERNATIVES {
            break;
        }
    }
    Ok(found)
}

async fn read(
    context: &Context,
    slot_request: &SlotRequest<'_>,
    within: Window,
    statuses_at: Option<DateTime<Utc>>,
) -> Result<Availability, WorkflowError> {
    let question = AvailabilityQuery {
        resources: &slot_request.event_type.resources(),
        within,
        moving: slot_request.moving,
        statuses_at,
    };
    Ok(context.store.load_availability(&question).await?)
}

/// What the books say about one start, with who may still end; empty where time itself is at its end.
async fn look(
    context: &Context,
    slot_request: &SlotRequest<'_>,
    starts_at: DateTime<Utc>,
) -> Result<Availability, WorkflowError> {
    match slot_request.event_type.span(starts_at) {
        Some(span) => read(context, slot_request, span, Some(context.now())).await,
        None => Ok(Availability::default()),
    }
}

/// Units that are free just now; `None` where there are not as many. `unit_offset` as in [`Availability::allocate`].
pub(super) async fn find_free_units(
    context: &Context,
    slot_request: &SlotRequest<'_>,
    starts_at: DateTime<Utc>,
    unit_offset: u32,
) -> Result<Option<Vec<Allocation>>, WorkflowError> {
    let Some(span) = slot_request.event_type.span(starts_at) else {
        return Ok(None);
    };
    let calendar = read(context, slot_request, span, None).await?;
    Ok(calendar.units(slot_request, starts_at, unit_offset))
}

/// Units for a hold that gave its slot up and wants it back: its own resources, or others who serve the same where its
/// guest did not ask for somebody. `None` where there are not as many.
pub(super) async fn find_units_again(
    context: &Context,
    booking: &Booking,
) -> Result<Option<Vec<Allocation>>, WorkflowError> {
    if let Some(own) = find_own_units_again(context, booking).await? {
        return Ok(Some(own));
    }
    let Some(event_type) = context.store.find_event_type(&booking.event_type).await? else {
        return Ok(None);
    };
    let slot_request = SlotRequest {
        event_type: &event_type,
        quantity: booking.quantity,
        requested_resource: booking.requested_resource.as_ref(),
        moving: None,
    };
    let others = find_free_units(context, &slot_request, booking.window().starts_at(), 0).await?;
    // What is on sale may have changed since it was booked.
    let times = |segment: &Segment| (segment.window, segment.busy);
    let is_the_same = |units: &Vec<Allocation>| {
        let segments = units.iter().map(|one| times(&one.segment));
        segments.eq(booking.segments.iter().map(times))
    };
    Ok(others.filter(is_the_same))
}

async fn find_own_units_again(
    context: &Context,
    booking: &Booking,
) -> Result<Option<Vec<Allocation>>, WorkflowError> {
    let busy = booking.segments.iter().map(|segment| segment.busy);
    let Some(within) = busy.reduce(|all, one| all.hull(&one)) else {
        return Ok(None);
    };
    let resources: BTreeSet<_> = booking.segments.iter().map(|one| one.resource.clone()).collect();
    let question = AvailabilityQuery {
        resources: &Vec::from_iter(resources),
        within,
        moving: None,
        statuses_at: None,
    };
    let calendar = context.store.load_availability(&question).await?;
    Ok(calendar.allocate(booking.segments.clone(), booking.quantity, 0))
}

/// A turn at a slot, with units that are free; `None` where it is taken.
pub(super) async fn acquire_permit(
    context: &Context,
    slot_request: &SlotRequest<'_>,
    starts_at: DateTime<Utc>,
) -> Result<Option<(Permit, Vec<Allocation>)>, WorkflowError> {
    let Some(first) = slot_request
        .event_type
        .segments
        .first()
        .and_then(|need| need.any_of.first())
    else {
        return Ok(None);
    };
    let key = (first.clone(), starts_at);
    let mut room = 0;
    loop {
        let busy = match context.gate.enter(&key, slot_request.quantity, room) {
            GateEntry::Permit(turn) => {
                let units = free_units_or_release(context, slot_request, starts_at, turn.unit_offset).await?;
                return Ok(units.map(|units| (turn, units)));
            }
            GateEntry::Full(busy) => busy,
        };
        let seen = look(context, slot_request, starts_at)
            .await?
            .room(slot_request, starts_at);
        if seen < slot_request.quantity {
            return Ok(None);
        }
        room = 0;
        if busy.units.saturating_add(slot_request.quantity) <= seen {
            room = seen;
        } else {
            // All who waited look at once, and only those who still see room ask for a turn.
            busy.half_are_done().await;
        }
    }
}

/// Units that are free, overdue holds released where they are in the way; `None` where it is taken.
pub(super) async fn free_units_or_release(
    context: &Context,
    slot_request: &SlotRequest<'_>,
    starts_at: DateTime<Utc>,
    unit_offset: u32,
) -> Result<Option<Vec<Allocation>>, WorkflowError> {
    let mut asked = BTreeSet::new();
    loop {
        // Most slots that somebody wants are free, and then nobody's tenure matters.
        if let Some(units) = find_free_units(context, slot_request, starts_at, unit_offset).await? {
            return Ok(Some(units));
        }
        let calendar = look(context, slot_request, starts_at).await?;
        let overdue = match calendar.chance(slot_request, starts_at, unit_offset) {
            SlotAvailability::Free(units) => return Ok(Some(units)),
            SlotAvailability::Taken => return Ok(None),
            SlotAvailability::Overdue(holds) => holds,
        };
        for hold in overdue {
            if !asked.insert(hold) {
                return Ok(None);
            }
            match release::release(context, hold, None, Actor::Checkout).await? {
                ReleaseOutcome::Over(booking) if booking.hold.status.is_live() => return Ok(None),
                ReleaseOutcome::Over(_) | ReleaseOutcome::Missing => {}
            }
        }
    }
}
