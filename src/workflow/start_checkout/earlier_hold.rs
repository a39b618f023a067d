//! Finds the earlier unpaid hold of the guest that a request names, and lets it go on if it is what the request asks for.

use chrono::{DateTime, Utc};

use super::request::{CheckoutError, CheckoutRequest};
use crate::domain::booking::Booking;
use crate::domain::hold::Status;
use crate::domain::ids::{HoldId, ResourceId};
use crate::store::{MOVED, NewDetails};
use crate::workflow::context::{Context, MAX_CONFLICTS};
use crate::workflow::error::WorkflowError;
use crate::workflow::write_fact::internal_error;

/// The earlier hold that a request replaces.
pub(super) enum Earlier {
    /// It is what the request asks for, and goes on.
    Same(Box<Booking>),
    /// It is another one, and is still held.
    Other(Box<Booking>),
    /// There is nothing to replace, or no longer.
    None,
}

/// Finds the earlier hold of a request, and writes the new details if it goes on.
///
/// # Errors
/// [`CheckoutError::AlreadyPaid`] if it is paid or being paid.
pub(super) async fn find_earlier(
    context: &Context,
    request: &CheckoutRequest,
    now: DateTime<Utc>,
) -> Result<Earlier, CheckoutError> {
    let Some(id) = request.replaces else {
        return Ok(Earlier::None);
    };
    for _ in 0..MAX_CONFLICTS {
        let Some(booking) = context.store.find_booking(id).await? else {
            return Ok(Earlier::None);
        };
        match booking.hold.status {
            Status::Held => {}
            Status::Processing | Status::Confirmed => return Err(CheckoutError::AlreadyPaid),
            Status::Released(_) | Status::Cancelled(_) => return Ok(Earlier::None),
        }
        // An overdue hold lapses, and is not saved from that by being replaced.
        if booking.expires_at <= now {
            return Ok(Earlier::None);
        }
        // One whose release was requested has perhaps lost its session.
        let goes_on = booking.hold.requested_by.is_none();
        if !(goes_on && request.asks_for(&booking)) || was_moved(context, id).await? {
            return Ok(Earlier::Other(Box::new(booking)));
        }
        if request.has_details_of(&booking) {
            return Ok(Earlier::Same(Box::new(booking)));
        }
        let details = NewDetails {
            booking: &booking,
            name: request.guest.name.as_deref(),
            metadata: &request.metadata,
            now,
        };
        // After either result the hold is read again.
        context.store.update_details(&details).await?;
    }
    Err(internal_error(id, "too many conflicts while writing details").into())
}

/// Tells whether a hold was moved: then the line of its payment page is that of another start, and no session changes its line.
async fn was_moved(context: &Context, id: HoldId) -> Result<bool, WorkflowError> {
    let history = context.store.list_history(id).await?;
    Ok(history.iter().any(|line| line.transition == MOVED))
}

impl CheckoutRequest {
    /// Tells whether a hold is for the slot, the quantity and the guest of this request, with a resource that serves it and a
    /// payment page where the request wants it.
    fn asks_for(&self, booking: &Booking) -> bool {
        let serves = |resource: &ResourceId| {
            booking
                .segments
                .iter()
                .any(|segment| segment.resource == *resource)
        };
        self.event_type == booking.event_type
            && self.starts_at == booking.window().starts_at()
            && self.quantity == booking.quantity
            && self.resource.as_ref().is_none_or(serves)
            && self.guest.normalized_email() == booking.guest.normalized_email()
            && booking
                .payment_page
                .as_ref()
                .is_some_and(|page| page.ui() == self.ui)
    }

    fn has_details_of(&self, booking: &Booking) -> bool {
        self.guest.name == booking.guest.name && self.metadata == booking.metadata
    }
}
