//! Reads which slots are free: lists of slots, alternatives of a refusal, and free units for a hold.
//!
//! Every result is read from the store when it is asked for; nothing is cached. Searches for the same
//! alternatives that have not begun run as one.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};

use super::alternative_searches::RefusedSlot;
use super::context::Context;
use super::error::WorkflowError;
use crate::domain::availability::{
    ALTERNATIVE_RANGES, ALTERNATIVES, Availability, ListVersion, ListVersioner, Slot, SlotRequest,
    SlotSelection,
};
use crate::domain::booking::Booking;
use crate::domain::catalogue::EventType;
use crate::domain::ids::{EventTypeId, ResourceId};
use crate::domain::segment::{Allocation, Segment};
use crate::domain::time::Window;
use crate::domain::zone::ZoneDatabase;
use crate::store::{AvailabilityQuery, StoreError};

/// An event type and its slots within a window.
#[derive(Clone, Debug)]
pub struct EventTypeSlots {
    /// The event type that is offered.
    pub event_type: EventType,
    /// Its slots, in order of their start.
    pub slots: Vec<Slot>,
}

/// Which slots of an event type to list.
#[derive(Clone, Debug)]
pub struct SlotListRequest {
    /// Only slots that start within this window.
    pub within: Window,
    /// Units of each segment.
    pub quantity: u32,
    /// The resource that must be one of the booking's. `None` takes any.
    pub resource: Option<ResourceId>,
    /// Which slots of the window to list.
    pub selection: SlotSelection,
}

impl SlotListRequest {
    fn to_slot_request<'a>(&'a self, event_type: &'a EventType) -> SlotRequest<'a> {
        SlotRequest {
            event_type,
            quantity: self.quantity,
            requested_resource: self.resource.as_ref(),
            moving: None,
        }
    }

    /// Lists the starts to look at. Without a look at each, nobody knows which are free, so those cannot be counted here.
    fn list_starts(
        &self,
        event_type: &EventType,
        now: DateTime<Utc>,
        zones: &ZoneDatabase,
    ) -> Vec<DateTime<Utc>> {
        let mut starts = event_type.list_starts(self.within, now, zones);
        if !self.selection.only_free {
            starts.truncate(self.selection.limit.unwrap_or(usize::MAX));
        }
        starts
    }
}

/// Why slots are not listed.
#[derive(Debug, thiserror::Error)]
pub enum SlotListError {
    /// There is no such event type.
    #[error("no such event type")]
    UnknownEventType,
    /// The requested resource serves no segment of the event type.
    #[error("the resource does not serve the event type")]
    UnknownResource,
    /// The list could not be computed.
    #[error(transparent)]
    Workflow(#[from] WorkflowError),
}

impl From<StoreError> for SlotListError {
    fn from(error: StoreError) -> Self {
        Self::Workflow(error.into())
    }
}

/// A list of slots, in the caller's own form.
#[derive(Clone, Debug)]
pub struct ListedSlots<T> {
    /// Names what the list is computed from.
    pub version: ListVersion,
    /// The list; `None` if its version is known to the caller.
    pub list: Option<T>,
}

/// Lists slots of an event type.
///
/// A version that the caller `is_known` to have is not computed again. `show` makes the caller's own form of the list. It runs
/// where the list is computed, because a long list is heavy work in either form.
///
/// # Errors
/// [`SlotListError`]; of its workflow errors, [`WorkflowError::Store`] if the database is unreachable, and
/// [`WorkflowError::TooBusy`] if the list is long and too many others are being computed.
pub async fn list_slots<T: Send + 'static>(
    context: &Context,
    id: &EventTypeId,
    list: SlotListRequest,
    is_known: impl FnOnce(&ListVersion) -> bool + Send + 'static,
    show: impl FnOnce(EventTypeSlots) -> T + Send + 'static,
) -> Result<ListedSlots<T>, SlotListError> {
    let event_type = context.store.find_event_type(id).await?;
    let event_type = event_type.ok_or(SlotListError::UnknownEventType)?;
    if list
        .resource
        .as_ref()
        .is_some_and(|resource| !event_type.is_served_by(resource))
    {
        return Err(SlotListError::UnknownResource);
    }
    let estimated_work = event_type.estimate_list_work(list.within);
    // Before the query: loading what a long list needs is work too.
    let permit = context.heavy_work.admit(estimated_work).await?;
    let (starts, availability) = load_list(context, &event_type, &list).await?;
    let versioner = ListVersioner::new(context.token_keys().await?);
    let shown = permit.run(move |cancelled| {
        let request = list.to_slot_request(&event_type);
        let version = ListVersion::new(versioner, &availability, &request, list.selection, &starts);
        if is_known(&version) {
            return ListedSlots { version, list: None };
        }
        let starts = starts.into_iter().take_while(|_| !cancelled.is_cancelled());
        let slots = availability
            .list_slots(&request, list.selection, starts)
            .collect();
        let list = Some(show(EventTypeSlots { event_type, slots }));
        ListedSlots { version, list }
    });
    Ok(shown.await?)
}

/// Lists the slots that an event type would have if it was on sale as it is here: by the same rules as [`list_slots`], beside the
/// holds and blocks that are there. Nothing is written.
///
/// # Errors
/// As [`list_slots`].
pub async fn preview_slots(
    context: &Context,
    event_type: EventType,
    list: SlotListRequest,
) -> Result<EventTypeSlots, WorkflowError> {
    let permit = context
        .heavy_work
        .admit(event_type.estimate_list_work(list.within))
        .await?;
    let (starts, availability) = load_list(context, &event_type, &list).await?;
    let listed = permit.run(move |cancelled| {
        let request = list.to_slot_request(&event_type);
        let starts = starts.into_iter().take_while(|_| !cancelled.is_cancelled());
        let slots = availability
            .list_slots(&request, list.selection, starts)
            .collect();
        EventTypeSlots { event_type, slots }
    });
    listed.await
}

/// Lists the starts of a list of slots, and loads what occupies the resources around them.
async fn load_list(
    context: &Context,
    event_type: &EventType,
    list: &SlotListRequest,
) -> Result<(Vec<DateTime<Utc>>, Availability), WorkflowError> {
    let now = context.database_now().await?;
    let starts = list.list_starts(event_type, now, &context.settings.zones);
    let request = list.to_slot_request(event_type);
    let availability = load_starts(context, &request, &starts, Some(now)).await?;
    Ok((starts, availability))
}

/// Finds the free slots nearest to a refused start. Finds fewer while too much other work runs, and none if the database is
/// unreachable: what is refused does not depend on them.
pub(super) async fn find_alternatives(
    context: &Context,
    slot_request: &SlotRequest<'_>,
    starts_at: DateTime<Utc>,
) -> Vec<Slot> {
    let refused = RefusedSlot::new(slot_request, starts_at);
    let search = async {
        let found = search_alternatives(context, slot_request, starts_at).await;
        found.unwrap_or_default()
    };
    context.alternative_searches.run(refused, search).await
}

async fn search_alternatives(
    context: &Context,
    slot_request: &SlotRequest<'_>,
    starts_at: DateTime<Utc>,
) -> Result<Vec<Slot>, WorkflowError> {
    let now = context.database_now().await?;
    let mut found = Vec::new();
    for range in ALTERNATIVE_RANGES {
        // A window excludes its end; the second more includes a start exactly at the distance.
        let around = Window::new(starts_at - range, starts_at + range + Duration::seconds(1));
        if let Some(around) = around {
            match find_free_slots_around(context, slot_request, around, starts_at, now).await {
                Ok(slots) => found = slots,
                Err(WorkflowError::TooBusy) => break,
                Err(error) => return Err(error),
            }
        }
        if found.len() >= ALTERNATIVES {
            break;
        }
    }
    Ok(found)
}

async fn find_free_slots_around(
    context: &Context,
    request: &SlotRequest<'_>,
    around: Window,
    refused: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Vec<Slot>, WorkflowError> {
    let estimated_work = request.event_type.estimate_list_work(around);
    let permit = context.heavy_work.admit(estimated_work).await?;
    let starts = request
        .event_type
        .list_starts(around, now, &context.settings.zones);
    let availability = load_starts(context, request, &starts, None).await?;
    // A thread cannot borrow from the request.
    let event_type = request.event_type.clone();
    let requested_resource = request.requested_resource.cloned();
    let (quantity, moving) = (request.quantity, request.moving);
    let found = permit.run(move |cancelled| {
        let request = SlotRequest {
            event_type: &event_type,
            quantity,
            requested_resource: requested_resource.as_ref(),
            moving,
        };
        availability.nearest_free_slots(&request, starts, refused, || cancelled.is_cancelled())
    });
    found.await
}

/// Finds units that are free now; `None` if there are too few. For `unit_offset` see [`Availability::allocate_units`].
pub(super) async fn find_free_units(
    context: &Context,
    slot_request: &SlotRequest<'_>,
    starts_at: DateTime<Utc>,
    unit_offset: u32,
) -> Result<Option<Vec<Allocation>>, WorkflowError> {
    let Some(span) = slot_request.event_type.occupied_span(starts_at) else {
        return Ok(None);
    };
    let availability = load_availability(context, slot_request, span, None).await?;
    Ok(availability.find_units(slot_request, starts_at, unit_offset))
}

/// Finds units for a released hold that was paid late; `None` if there are too few.
///
/// Tries the hold's own resources first, then others if the guest did not ask for one by name.
pub(super) async fn find_units_for_reclaim(
    context: &Context,
    booking: &Booking,
) -> Result<Option<Vec<Allocation>>, WorkflowError> {
    if let Some(own) = find_units_of_own_resources(context, booking).await? {
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
    // The catalogue may have changed since the booking: the guest gets the times that they paid for, or no slot.
    let times = |segment: &Segment| (segment.window, segment.busy);
    let has_same_times = |units: &Vec<Allocation>| {
        let segments = units.iter().map(|allocation| times(&allocation.segment));
        segments.eq(booking.segments.iter().map(times))
    };
    Ok(others.filter(has_same_times))
}

async fn find_units_of_own_resources(
    context: &Context,
    booking: &Booking,
) -> Result<Option<Vec<Allocation>>, WorkflowError> {
    let windows = booking.segments.iter().map(|segment| segment.busy);
    let Some(within) = windows.reduce(|all, next| all.hull(&next)) else {
        return Ok(None);
    };
    let resources: BTreeSet<_> = booking
        .segments
        .iter()
        .map(|segment| segment.resource.clone())
        .collect();
    let query = AvailabilityQuery {
        resources: &Vec::from_iter(resources),
        within,
        moving: None,
        statuses_at: None,
    };
    let availability = context.store.load_availability(&query).await?;
    Ok(availability.allocate_units(booking.segments.clone(), booking.quantity, 0))
}

/// Loads what occupies the resources around one start, with the statuses of holds at `now`, by the database's clock;
/// empty beyond the range of dates.
pub(super) async fn load_slot(
    context: &Context,
    slot_request: &SlotRequest<'_>,
    starts_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Availability, WorkflowError> {
    match slot_request.event_type.occupied_span(starts_at) {
        Some(span) => load_availability(context, slot_request, span, Some(now)).await,
        None => Ok(Availability::default()),
    }
}

/// Loads what occupies the resources around these starts, which are in order. For `statuses_at` see
/// [`AvailabilityQuery`].
pub(super) async fn load_starts(
    context: &Context,
    slot_request: &SlotRequest<'_>,
    starts: &[DateTime<Utc>],
    statuses_at: Option<DateTime<Utc>>,
) -> Result<Availability, WorkflowError> {
    let event_type = slot_request.event_type;
    // One query covers all starts: from the first one's buffers to the last one's.
    let spans = starts.first().zip(starts.last()).and_then(|(first, last)| {
        event_type
            .occupied_span(*first)
            .zip(event_type.occupied_span(*last))
    });
    match spans {
        Some((first, last)) => load_availability(context, slot_request, first.hull(&last), statuses_at).await,
        None => Ok(Availability::default()),
    }
}

async fn load_availability(
    context: &Context,
    slot_request: &SlotRequest<'_>,
    within: Window,
    statuses_at: Option<DateTime<Utc>>,
) -> Result<Availability, WorkflowError> {
    let query = AvailabilityQuery {
        resources: &slot_request.event_type.list_resources(),
        within,
        moving: slot_request.moving,
        statuses_at,
    };
    Ok(context.store.load_availability(&query).await?)
}
