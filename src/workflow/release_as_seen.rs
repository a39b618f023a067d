//! Releases a hold for an operator who has seen it: only the hold that was seen, and with an answer that tells whether this
//! operator's release ended it.

use std::sync::Arc;

use tokio::time::Instant;

use super::ask_session::to_stripe_error;
use super::context::Context;
use super::error::WorkflowError;
use super::release_hold::{give_lease_back, release_leased_hold, wait_for_other_owner};
use super::release_processing::release_as_read;
use super::unknown_session::{UnknownRelease, release_unknown_session};
use crate::domain::booking::{Actor, Booking, HistoryLine};
use crate::domain::hold::{ReleaseReason, ReleaseRequester, Status};
use crate::domain::ids::HoldId;
use crate::store::ReleaseLease;

/// What an operator who saw a hold orders.
#[derive(Clone, Debug)]
pub struct SeenRelease {
    /// Identifies the hold to release.
    pub hold: HoldId,
    /// The version of the hold that the operator saw.
    pub seen: i64,
    /// Whether to release it even if Stripe does not know its session.
    pub without_stripe: bool,
    /// The operator who releases it.
    pub actor: Actor,
}

/// The result of a release of a hold that was seen.
#[derive(Clone, Debug)]
pub enum SeenReleaseOutcome {
    /// This operator's release is done, now or before, or Stripe says that it cannot be: this is the hold now.
    Over(Box<Booking>),
    /// Something else ended the hold before, so nothing was done.
    AlreadyOver,
    /// The hold is not as the operator saw it any more, so nothing was done.
    Changed,
    /// There is no such hold.
    Missing,
}

/// Releases a hold that was seen, in a task of its own, so that it finishes even if the client disconnects.
///
/// # Errors
/// [`WorkflowError::Stripe`] if Stripe gave no answer: nothing has changed, and the sweep asks again.
pub async fn release_as_seen_in_task(
    context: &Arc<Context>,
    order: SeenRelease,
) -> Result<SeenReleaseOutcome, WorkflowError> {
    let owned = Arc::clone(context);
    context
        .run_in_task(async move { release_as_seen(&owned, &order).await })
        .await
}

async fn release_as_seen(
    context: &Context,
    order: &SeenRelease,
) -> Result<SeenReleaseOutcome, WorkflowError> {
    let deadline = Instant::now() + context.settings.wait_timeout;
    loop {
        let Some(booking) = context.store.find_booking(order.hold).await? else {
            return Ok(SeenReleaseOutcome::Missing);
        };
        if !matches!(booking.hold.status, Status::Held | Status::Processing) {
            return judge_end(context, booking, &order.actor).await;
        }
        if !order.is_of(&booking) {
            return Ok(SeenReleaseOutcome::Changed);
        }
        if order.without_stripe {
            let (version, actor) = (Some(booking.version), order.actor.clone());
            let released = release_unknown_session(context, order.hold, version, actor).await;
            match released.map_err(to_stripe_error)? {
                UnknownRelease::Known => {}
                // The next round says what it is now.
                UnknownRelease::Over(_) | UnknownRelease::Changed => continue,
                UnknownRelease::Missing => return Ok(SeenReleaseOutcome::Missing),
            }
        }
        if booking.hold.status == Status::Processing {
            // The next round says what it is now: released, or another one than was seen.
            release_as_read(context, &booking, &order.actor).await?;
            continue;
        }
        match lease(context, order, booking.version).await? {
            SeenLease::Leased(booking) => {
                let booking = release_leased_hold(context, *booking, order.actor.clone()).await?;
                return Ok(SeenReleaseOutcome::Over(Box::new(booking)));
            }
            SeenLease::OtherVersion => {}
            // Another owner asks Stripe now, which may be this form, sent twice.
            SeenLease::Elsewhere if Instant::now() < deadline => wait_for_other_owner().await,
            SeenLease::Elsewhere => return Err(WorkflowError::Stripe { retry_after: None }),
        }
    }
}

impl SeenRelease {
    /// Tells whether a live hold is the one that was seen. The lease of an operator's release adds a version: it may be that of
    /// this form, which was sent before and had no answer from Stripe yet.
    fn is_of(&self, booking: &Booking) -> bool {
        let is_requested = booking.hold.requested_by == Some(ReleaseRequester::Operator);
        booking.version == self.seen || (is_requested && booking.version == self.seen + 1)
    }
}

/// What came of leasing the hold in one version.
enum SeenLease {
    /// It is leased, in this version.
    Leased(Box<Booking>),
    /// It has another version now, or is not held any more.
    OtherVersion,
    /// Another owner has it.
    Elsewhere,
}

async fn lease(context: &Context, order: &SeenRelease, version: i64) -> Result<SeenLease, WorkflowError> {
    let requester = Some(ReleaseRequester::Operator);
    let duration = context.settings.lease;
    Ok(
        match context
            .store
            .lease_release(order.hold, requester, duration)
            .await?
        {
            // The lease itself adds one.
            ReleaseLease::Leased(booking) if booking.version == version + 1 => {
                SeenLease::Leased(Box::new(booking))
            }
            ReleaseLease::Leased(booking) => {
                give_lease_back(context, &booking).await?;
                SeenLease::OtherVersion
            }
            ReleaseLease::NotHeld(_) | ReleaseLease::Missing => SeenLease::OtherVersion,
            ReleaseLease::LeasedElsewhere => SeenLease::Elsewhere,
        },
    )
}

/// Tells whether this operator's release ended the hold. A hold that was paid is reported as it is.
async fn judge_end(
    context: &Context,
    booking: Booking,
    actor: &Actor,
) -> Result<SeenReleaseOutcome, WorkflowError> {
    match booking.hold.status {
        Status::Released(ReleaseReason::Operator) => {}
        Status::Released(_) | Status::Cancelled(_) => return Ok(SeenReleaseOutcome::AlreadyOver),
        Status::Held | Status::Processing | Status::Confirmed => {
            return Ok(SeenReleaseOutcome::Over(Box::new(booking)));
        }
    }
    let history = context.store.list_history(booking.hold.id).await?;
    let is_end = |line: &&HistoryLine| line.from != Some(line.to) && line.to == booking.hold.status;
    // Stripe's event of the session may come before its answer, and then it is what ended the hold.
    Ok(match history.iter().rfind(is_end).map(|line| &line.actor) {
        Some(other @ Actor::Operator(_)) if other != actor => SeenReleaseOutcome::AlreadyOver,
        _ => SeenReleaseOutcome::Over(Box::new(booking)),
    })
}
