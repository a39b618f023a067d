//! Starts a checkout: creates the session, then places the hold, as a saga that survives crashes and disconnects.
//!
//! 1. Check: the key may have its result already, or the slot may be taken; neither costs a write or a call. Overdue
//!    holds in the slot are released first.
//! 2. Claim the attempt (commit): from here on, a crash leaves a row that says what Stripe may have been asked.
//! 3. Create the session at Stripe, with no transaction open (I6).
//! 4. Place the hold (commit): the database decides who gets the slot (I1). Only then does the URL leave the process
//!    (I4). If the slot is taken, retry with other free units. If none are left, close the attempt and enqueue
//!    `ExpireSession` in the same transaction.
//!
//! The sweep recovers the attempts of a process that died, by `recover_attempts`.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::acquire_slot::{AcquiredSlot, SlotRead};
use super::context::Context;
use super::error::WorkflowError;
use super::hold_limits::{AllowedBeside, LimitCheck, LimitError, find_allowances_beside};
use super::slot_gate::GateMoment;
use super::{acquire_slot, availability, hold_limits};
use crate::domain::availability::SlotRequest;
use crate::domain::booking::Booking;
use crate::domain::catalogue::EventType;
use crate::domain::segment::{Allocation, allocated_segments};
use crate::store::{Claim, HoldLimits, NewAttempt, OwnHoldQuery, PlaceOutcome, SlotReading};

mod draft;
mod earlier_hold;
mod failed_attempt;
mod placing;
mod replacement;
mod request;

use draft::{Draft, DraftTimes, SoldSlot};
use earlier_hold::Earlier;
use placing::{MAX_PLACE_TRIES, create_session, finish_placing, leave_unsettled};
use replacement::EarlierHold;
pub use request::{Checkout, CheckoutError, CheckoutRequest};

/// Starts a checkout in a task of its own, so that it finishes even if the client disconnects.
///
/// # Errors
/// [`CheckoutError`] if no hold was placed.
pub async fn start_checkout(
    context: &Arc<Context>,
    request: CheckoutRequest,
) -> Result<Checkout, CheckoutError> {
    let owned = Arc::clone(context);
    let task = context
        .sagas
        .spawn(async move { run_checkout(&owned, request).await });
    match task.await {
        Ok(result) => result,
        Err(panicked) => Err(CheckoutError::Workflow(WorkflowError::Internal(Box::new(
            panicked,
        )))),
    }
}

async fn run_checkout(context: &Arc<Context>, request: CheckoutRequest) -> Result<Checkout, CheckoutError> {
    let limits = LimitCheck::new(context, &request.guest, request.client.as_ref());
    // An earlier hold counts neither in the limits nor, perhaps, in the slot, and is found only now.
    let limits = Some(limits).filter(|_| request.replaces.is_none());
    let since = context.gate.now();
    let found = context.store.look_up(&request.to_lookup(limits.as_ref())).await?;
    if let Some(booking) = find_placed(context, found.claim).await? {
        let booking = replacement::settle_replay(context, &request, booking).await?;
        return Ok(Checkout::Replayed(booking));
    }
    // One reading for the whole checkout, so that all its times are consistent.
    let now = context.clock.database_now(found.now);
    let earlier = match earlier_hold::find_earlier(context, &request, now).await? {
        Earlier::Same(booking) => return Ok(Checkout::Replayed(*booking)),
        Earlier::Other(booking) => Some(*booking),
        Earlier::None => None,
    };
    let event_type = found.event_type.ok_or(CheckoutError::UnknownEventType)?;
    let certain = event_type.certain_resource(request.resource.as_ref());
    let sold = SoldSlot {
        event_type: &event_type,
        resource_name: certain
            .and_then(|id| found.resource_names.get(id))
            .map(String::as_str),
    };
    let read = limits.zip(found.slot);
    let read = read.map(|(limits, found)| FirstRead { since, found, limits });
    let result = acquire_and_place(context, &request, sold, earlier, now, read).await;
    match result {
        Ok(Checkout::Placed(booking)) => {
            let names = event_type.to_names(found.resource_names);
            Ok(Checkout::Placed(Booking { names, ..booking }))
        }
        // Only now, after the slot is lost: the permit is free again, so the search delays no other checkout.
        Err(CheckoutError::SlotTaken(_)) => Err(explain_refusal(context, &request, &event_type).await),
        other => other,
    }
}

/// Says what the guest may do instead, once the slot is taken. The refusal itself does not depend on that.
async fn explain_refusal(
    context: &Context,
    request: &CheckoutRequest,
    event_type: &EventType,
) -> CheckoutError {
    let slot_request = request.to_slot_request(event_type);
    let near = availability::find_alternatives(context, &slot_request, request.starts_at).await;
    match is_kept_by_guest(context, request, event_type).await {
        Ok(true) => CheckoutError::OwnHold(near),
        Ok(false) | Err(_) => CheckoutError::SlotTaken(near),
    }
}

/// Tells whether the guest keeps the slot, by an unpaid hold from the same client that the request does not name. A client
/// without a network is a shop's server: it has all its guests, so one of them would learn what another one holds.
async fn is_kept_by_guest(
    context: &Context,
    request: &CheckoutRequest,
    event_type: &EventType,
) -> Result<bool, WorkflowError> {
    let client = request.client.as_ref().filter(|client| client.network.is_some());
    let (Some(client), Some(within)) = (client, event_type.occupied_span(request.starts_at)) else {
        return Ok(false);
    };
    let query = OwnHoldQuery {
        resources: event_type.list_resources(),
        within,
        guest: request.guest.normalized_email(),
        client: client.id.clone(),
        except: request.replaces,
    };
    Ok(context.store.is_kept_by_guest(&query).await?)
}

/// What the first read found of the slot and the limits.
struct FirstRead {
    /// A moment before the read.
    since: GateMoment,
    found: SlotReading,
    limits: LimitCheck,
}

impl FirstRead {
    fn of_slot(&self) -> SlotRead<'_> {
        SlotRead {
            availability: &self.found.availability,
            since: self.since,
        }
    }
}

async fn acquire_and_place(
    context: &Arc<Context>,
    request: &CheckoutRequest,
    sold: SoldSlot<'_>,
    earlier: Option<Booking>,
    now: DateTime<Utc>,
    read: Option<FirstRead>,
) -> Result<Checkout, CheckoutError> {
    let event_type = sold.event_type;
    request.check(now, event_type, &context.settings.zones)?;
    let slot_request = request.to_slot_request(event_type);
    let slot_read = read.as_ref().map(FirstRead::of_slot);
    let acquired = acquire(
        context,
        &slot_request,
        request.starts_at,
        earlier.as_ref(),
        now,
        slot_read,
    );
    let acquired = tokio::time::timeout(context.settings.wait_timeout, acquired).await;
    // The permit lives until the end of this function, when the hold is placed or lost.
    let acquired = acquired.map_err(|_| WorkflowError::Stripe { retry_after: None })??;
    let Some((acquired, is_in_the_way)) = acquired else {
        // If the client sent this request twice, the hold in the slot is the request's own.
        let placed = find_placed_by_key(context, request).await?;
        return placed
            .map(Checkout::Replayed)
            .ok_or(CheckoutError::SlotTaken(Vec::new()));
    };
    let AcquiredSlot {
        permit: _permit,
        units,
        was_read,
    } = acquired;
    let replaced = match earlier {
        Some(booking) => Some(EarlierHold::find(context, booking, is_in_the_way, &units).await?),
        None => None,
    };
    let earlier = replaced.as_ref().map(|replaced| replaced.booking.hold.id);
    let allowed = match read.filter(|_| was_read) {
        Some(read) => AllowedBeside::none(read.limits.decide(context, &read.found.usage).await?),
        None => find_allowances_beside(context, &request.guest, request.client.as_ref(), earlier).await?,
    };
    let installation = context.installation_id().await?.to_owned();
    let token_key = context.token_keys().await?.signing_key_name();
    let latest_end = replaced.as_ref().and_then(EarlierHold::latest_end);
    let times = DraftTimes { now, latest_end };
    let draft = Draft::new(context, request, sold, installation, token_key, times);
    if let Some(booking) = claim_attempt(context, &draft).await? {
        return Ok(Checkout::Replayed(booking));
    }
    let placed = match replaced {
        None => create_and_place(context, draft, units, allowed.limits).await,
        Some(replaced) => replacement::create_and_place(context, draft, units, allowed, replaced).await,
    };
    placed.map(Checkout::Placed)
}

/// Acquires the slot; also tells whether that needs units of the earlier hold. Other units come first, because then the guest
/// loses nothing if the new hold is not placed.
async fn acquire(
    context: &Context,
    slot_request: &SlotRequest<'_>,
    starts_at: DateTime<Utc>,
    earlier: Option<&Booking>,
    now: DateTime<Utc>,
    read: Option<SlotRead<'_>>,
) -> Result<Option<(AcquiredSlot, bool)>, WorkflowError> {
    let free = acquire_slot::acquire_permit(context, slot_request, starts_at, now, read).await?;
    if let Some(acquired) = free {
        return Ok(Some((acquired, false)));
    }
    let Some(earlier) = earlier else {
        return Ok(None);
    };
    let beside = SlotRequest {
        moving: Some(earlier.hold.id),
        ..*slot_request
    };
    let own = acquire_slot::acquire_permit(context, &beside, starts_at, now, None).await?;
    Ok(own.map(|acquired| (acquired, true)))
}

/// Finds the hold that an earlier request with this key has placed.
async fn find_placed_by_key(
    context: &Context,
    request: &CheckoutRequest,
) -> Result<Option<Booking>, CheckoutError> {
    if request.key.is_none() {
        return Ok(None);
    }
    let found = context.store.look_up(&request.to_lookup(None)).await?;
    find_placed(context, found.claim).await
}

/// Finds the hold that a request has placed that has the key.
async fn find_placed(context: &Context, claim: Claim) -> Result<Option<Booking>, CheckoutError> {
    match claim {
        Claim::Free => Ok(None),
        Claim::Running => Err(CheckoutError::InProgress),
        Claim::Mismatch => Err(CheckoutError::Mismatch),
        Claim::Placed(id) => Ok(context.store.find_booking(id).await?),
    }
}

/// Writes the attempt to the store. Returns the hold of another request with the same key, if that request was faster.
async fn claim_attempt(context: &Context, draft: &Draft<'_>) -> Result<Option<Booking>, CheckoutError> {
    let attempt = NewAttempt {
        terms: draft.terms.clone(),
        key: draft.request.key.clone(),
        fingerprint: draft.request.fingerprint.clone(),
        livemode: context.settings.livemode,
        now: draft.now,
        lease: context.settings.attempt_lease,
    };
    match context.store.claim_attempt(&attempt).await? {
        Claim::Free => Ok(None),
        Claim::Running => Err(CheckoutError::InProgress),
        Claim::Mismatch => Err(CheckoutError::Mismatch),
        // The hold was placed a moment ago. If its row is gone, the caller may repeat the request.
        Claim::Placed(id) => context
            .store
            .find_booking(id)
            .await?
            .map(Some)
            .ok_or(CheckoutError::InProgress),
    }
}

async fn create_and_place(
    context: &Arc<Context>,
    draft: Draft<'_>,
    units: Vec<Allocation>,
    limits: HoldLimits,
) -> Result<Booking, CheckoutError> {
    let mut booking = create_session(context, &draft, &units).await?;
    match place_hold(context, &draft, &mut booking, units, limits).await {
        Ok(outcome) => finish_placing(context, booking, outcome).await,
        Err(error) => Err(leave_unsettled(context, &booking, error).await),
    }
}

/// Places the hold in the store. If another checkout gets its units or allowances first, tries again with others that are
/// free.
async fn place_hold(
    context: &Context,
    draft: &Draft<'_>,
    booking: &mut Booking,
    mut units: Vec<Allocation>,
    mut limits: HoldLimits,
) -> Result<PlaceOutcome, WorkflowError> {
    let request = draft.request;
    let slot_request = request.to_slot_request(draft.event_type);
    for _ in 0..MAX_PLACE_TRIES {
        let outcome = context.store.place_hold(booking, &units, &limits).await?;
        if !matches!(outcome, PlaceOutcome::SlotTaken | PlaceOutcome::LimitReached) {
            return Ok(outcome);
        }
        // The random offset keeps checkouts that lost the same race from competing for the same units again.
        match availability::find_free_units(context, &slot_request, request.starts_at, rand::random()).await?
        {
            Some(others) => {
                booking.segments = allocated_segments(&others);
                units = others;
            }
            None => break,
        }
        limits = match hold_limits::find_allowances(context, &request.guest, request.client.as_ref()).await {
            // From now on it waits, so that it is refused only if the others really get the last allowances.
            Ok(found) => HoldLimits { waits: true, ..found },
            Err(LimitError::TooMany { .. }) => return Ok(PlaceOutcome::LimitReached),
            Err(LimitError::Workflow(error)) => return Err(error),
        };
    }
    Ok(PlaceOutcome::SlotTaken)
}
