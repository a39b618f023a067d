//! The stream of events out: gives events their places, and completes each with what is filled in when it is sent.

use std::collections::{BTreeSet, HashMap};

use super::context::Context;
use super::error::WorkflowError;
use crate::domain::booking::Booking;
use crate::domain::event_out::{EventOut, EventOutId, StreamEnd};
use crate::domain::hold::Status;
use crate::domain::ids::HoldId;

/// How many events get their place in one transaction.
const NUMBERED_AT_ONCE: u32 = 1_000;
/// How many such transactions follow each other at most, before the stream is read.
const MAX_ROUNDS: usize = 20;

/// An event with all that is sent of it.
#[derive(Clone, Debug)]
pub struct EventToSend {
    /// The event as it is stored.
    pub event: EventOut,
    /// The id of the event, as endpoints get it.
    pub id: String,
    /// The hold: its guest and its payments as they are now, its status and its slot as the event left them. `None` for money
    /// without a hold, or if the hold is deleted.
    pub booking: Option<Booking>,
}

/// Reads the stream after the event with this id, or from its beginning. `None` if the id is of no event of ours.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn read_stream(
    context: &Context,
    after: Option<&str>,
    limit: u32,
) -> Result<Option<Vec<EventToSend>>, WorkflowError> {
    let installation = context.installation_id().await?;
    let after = match after.map(|text| EventOutId::parse(text, installation)) {
        Some(None) => return Ok(None),
        Some(known) => known,
        None => None,
    };
    number_events(context).await?;
    let events = context.store.list_events_out(after, limit).await?;
    Ok(Some(load_events(context, events).await?))
}

/// Reads how far events have been written: it changes when something happens to a hold or to money. This is a hint for pages
/// that want to read again: it may be late, but misses no change.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn read_stream_end(context: &Context) -> Result<StreamEnd, WorkflowError> {
    Ok(context.store.read_stream_end().await?)
}

/// Gives a place to the events that are committed.
pub(super) async fn number_events(context: &Context) -> Result<(), WorkflowError> {
    for _ in 0..MAX_ROUNDS {
        let numbered = context.store.number_events_out(NUMBERED_AT_ONCE).await?;
        if numbered < u64::from(NUMBERED_AT_ONCE) {
            break;
        }
    }
    Ok(())
}

/// Completes events with their holds, in their order.
pub(super) async fn load_events(
    context: &Context,
    events: Vec<EventOut>,
) -> Result<Vec<EventToSend>, WorkflowError> {
    let holds: BTreeSet<HoldId> = events.iter().filter_map(|event| event.hold).collect();
    let found = context.store.find_bookings(&Vec::from_iter(holds)).await?;
    let bookings: HashMap<HoldId, Booking> =
        HashMap::from_iter(found.into_iter().map(|booking| (booking.hold.id, booking)));
    let mut loaded = Vec::with_capacity(events.len());
    for event in events {
        let booking = event.hold.and_then(|hold| bookings.get(&hold).cloned());
        loaded.push(complete_event(context, event, booking).await?);
    }
    Ok(loaded)
}

/// Shows the hold as the event left it.
async fn complete_event(
    context: &Context,
    event: EventOut,
    mut booking: Option<Booking>,
) -> Result<EventToSend, WorkflowError> {
    let id = event.id.to_text(context.installation_id().await?);
    if let (Some(booking), Some(left)) = (&mut booking, &event.left) {
        // The payment page of a hold that is over by now, or paid, is of no use to anybody.
        if booking.hold.status != Status::Held {
            booking.payment_page = None;
        }
        booking.hold.status = left.status;
        booking.segments.clone_from(&left.segments);
        // The hold has moved to another resource since: that one's name was read.
        if booking.resource_name().is_none()
            && let Some(resource) = context.store.find_resource(booking.resource()).await?
        {
            booking.names.resources.insert(resource.id, resource.name);
        }
    }
    Ok(EventToSend { event, id, booking })
}
