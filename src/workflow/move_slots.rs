//! Lists where a hold can move to, by the same rules as the move itself.

use super::availability::{EventTypeSlots, load_starts};
use super::context::Context;
use super::error::WorkflowError;
use crate::domain::availability::{SlotRequest, SlotSelection};
use crate::domain::booking::Booking;
use crate::domain::ids::ResourceId;
use crate::domain::time::Window;

/// Lists the slots within a window for a hold that moves: with its own quantity, on the given resource or on any, and as if
/// its own windows were free. `None` if its event type is not on sale any more.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable, [`WorkflowError::TooBusy`] if the list is long and too many
/// others are being computed.
pub async fn list_move_slots(
    context: &Context,
    booking: &Booking,
    within: Window,
    resource: Option<ResourceId>,
) -> Result<Option<EventTypeSlots>, WorkflowError> {
    let Some(event_type) = context.store.find_event_type(&booking.event_type).await? else {
        return Ok(None);
    };
    let permit = context
        .heavy_work
        .admit(event_type.estimate_list_work(within))
        .await?;
    let now = context.database_now().await?;
    let starts = event_type.list_starts(within, now, &context.settings.zones);
    let (quantity, moving) = (booking.quantity, Some(booking.hold.id));
    let request = SlotRequest {
        event_type: &event_type,
        quantity,
        requested_resource: resource.as_ref(),
        moving,
    };
    let availability = load_starts(context, &request, &starts, Some(now)).await?;
    let listed = permit.run(move |cancelled| {
        let request = SlotRequest {
            event_type: &event_type,
            quantity,
            requested_resource: resource.as_ref(),
            moving,
        };
        let starts = starts.into_iter().take_while(|_| !cancelled.is_cancelled());
        let slots = availability
            .list_slots(&request, SlotSelection::default(), starts)
            .collect();
        EventTypeSlots { event_type, slots }
    });
    listed.await.map(Some)
}
