//! Finds the hold that owns an event, and what the event means for it.
//!
//! Other products and other installations share the Stripe account, and a buyer can write any text into the
//! `client_reference_id` of a Payment Link. So an event concerns a hold only by one of three proofs: its session is the
//! hold's own; its object carries metadata of this installation; or, for a refund or a dispute, its intent is tied to
//! the hold by such an event or by an answer of Stripe.

use super::context::Context;
use crate::domain::booking::Booking;
use crate::domain::hold::Fact;
use crate::domain::ids::HoldId;
use crate::domain::session::{EventRefs, HoldRefs};
use crate::store::StoreError;

/// The owner of an event.
pub(super) enum EventOwner {
    /// This hold owns it, and it has this fact for the hold.
    Hold(Box<Booking>, Fact),
    /// It is about another session of this hold, and says nothing about the hold.
    HoldWithoutEffect,
    /// It carries metadata of this installation, but there is no such hold.
    MissingHold(HoldId),
    /// It is not ours.
    Foreign,
}

/// Finds the owner of an event with this fact.
pub(super) async fn find_event_owner(
    context: &Context,
    refs: &EventRefs,
    fact: &Fact,
) -> Result<EventOwner, StoreError> {
    let claimed = find_claimed_hold(context, refs).await?;
    let proofs = HoldRefs {
        hold: claimed,
        session: refs.session.clone(),
        intent: claimed.and(refs.intent.clone()),
        paid: fact.receipt().map(|receipt| receipt.intent.clone()),
    };
    if let Some(booking) = context.store.find_booking_by_refs(&proofs).await? {
        return Ok(owned_by(booking, refs, fact));
    }
    Ok(claimed.map_or(EventOwner::Foreign, EventOwner::MissingHold))
}

/// Returns the hold that our metadata names, if this installation wrote it.
async fn find_claimed_hold(context: &Context, refs: &EventRefs) -> Result<Option<HoldId>, StoreError> {
    let Some(claim) = &refs.claim else { return Ok(None) };
    let is_ours = claim.installation == context.installation_id().await?;
    Ok(is_ours.then_some(claim.hold))
}

fn owned_by(booking: Booking, refs: &EventRefs, fact: &Fact) -> EventOwner {
    let names_other_session = refs
        .session
        .as_ref()
        .is_some_and(|session| *session != booking.hold.session);
    let fact = if names_other_session {
        fact.clone().from_other_session()
    } else {
        Some(fact.clone())
    };
    fact.map_or(EventOwner::HoldWithoutEffect, |fact| {
        EventOwner::Hold(Box::new(booking), fact)
    })
}
