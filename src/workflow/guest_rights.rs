//! What a guest may do to a hold now, for a page that offers it.
//!
//! Each right is decided by the rule that the act itself obeys, at the time of the database. It may end before the guest uses it: the
//! act decides again.

use chrono::{DateTime, Utc};

use super::context::Context;
use super::error::WorkflowError;
use super::{cancel_hold, extend_hold, move_hold};
use crate::domain::booking::Booking;
use crate::domain::hold::Status;
use crate::domain::money::Money;

/// What a guest may do to a hold now; `None` for what is not allowed, or no longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestRights {
    /// The right to cancel a paid hold.
    pub cancel: Option<CancelRight>,
    /// The last instant at which the guest may move the hold.
    pub move_until: Option<DateTime<Utc>>,
    /// Until when the guest would have time to pay, if the hold was extended now.
    pub extend_to: Option<DateTime<Utc>>,
}

/// A guest's right to cancel a paid hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CancelRight {
    /// The last instant at which the guest may cancel.
    pub until: DateTime<Utc>,
    /// How much goes back, read off the transition that the cancellation would write.
    pub refund: Money,
}

/// Finds what the guest of a hold may do now.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn find_guest_rights(context: &Context, booking: &Booking) -> Result<GuestRights, WorkflowError> {
    let now = context.database_now().await?;
    let extend_to = match booking.hold.status {
        Status::Held => extend_hold::find_extension(context, booking, now).await?,
        _ => None,
    };
    let may_move = move_hold::is_movable(booking) && booking.is_move_in_time(now);
    let starts_at = booking.window().starts_at();
    Ok(GuestRights {
        cancel: find_cancel_right(booking, now),
        move_until: may_move
            .then(|| booking.change_policy.move_deadline(starts_at))
            .flatten(),
        extend_to,
    })
}

fn find_cancel_right(booking: &Booking, now: DateTime<Utc>) -> Option<CancelRight> {
    if !booking.is_cancel_in_time(now) {
        return None;
    }
    let cancellation = cancel_hold::decide_for_guest(booking).ok()?;
    let preview = cancellation.preview_money(&booking.hold);
    Some(CancelRight {
        until: booking
            .change_policy
            .cancel_deadline(booking.window().starts_at())?,
        refund: Money {
            amount: preview.refunded(),
            currency: preview.currency,
        },
    })
}
