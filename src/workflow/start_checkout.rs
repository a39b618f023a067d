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
use uuid::{NoContext, Timestamp, Uuid};

use super::context::Context;
use super::error::WorkflowError;
use super::hold_limits::LimitError;
use super::write_change::count_placing;
use super::{acquire_slot, availability, hold_limits, outbox, waiting_payments};
use crate::domain::availability::SlotRequest;
use crate::domain::booking::Booking;
use crate::domain::catalogue::EventType;
use crate::domain::hold::Hold;
use crate::domain::ids::HoldId;
use crate::domain::segment::{Allocation, allocated_segments};
use crate::domain::session::{NewSession, SessionTerms, first_check_at, hold_expiry, session_expiry};
use crate::domain::token::TokenKeyName;
use crate::domain::zone::ZoneDatabase;
use crate::store::{AttemptEnd, Claim, HoldLimits, LookupQuery, NewAttempt, PlaceOutcome};

mod failed_attempt;
mod request;

use failed_attempt::{end_attempt, end_failed_attempt};
pub use request::{Checkout, CheckoutError, CheckoutRequest};

/// How often other units are tried after the slot was lost. Each loss means that another checkout has won, so only a
/// rush on a large pool reaches this limit.
const MAX_PLACE_TRIES: u32 = 50;

/// Starts a checkout in a task of its own, so that it finishes even if the client disconnects.
///
/// # Errors
/// [`CheckoutError`] if no hold was placed.
pub async fn start_checkout(
    context: &Arc<Context>,
    request: CheckoutRequest,
) -> Result<Checkout, CheckoutError> {
    let saga = Arc::clone(context);
    let task = context
        .sagas
        .spawn(async move { run_checkout(&saga, request).await });
    match task.await {
        Ok(result) => result,
        Err(panicked) => Err(CheckoutError::Workflow(WorkflowError::Internal(Box::new(
            panicked,
        )))),
    }
}

async fn run_checkout(context: &Arc<Context>, request: CheckoutRequest) -> Result<Checkout, CheckoutError> {
    let found = context.store.look_up(&request.to_lookup()).await?;
    if let Some(booking) = find_placed(context, found.claim).await? {
        return Ok(Checkout::Replayed(booking));
    }
    let event_type = found.event_type.ok_or(CheckoutError::UnknownEventType)?;
    // One reading for the whole checkout, so that all its times are consistent.
    let now = context.clock.database_now(found.now);
    let result = acquire_and_place(context, &request, &event_type, now).await;
    match result {
        // Only now, after the slot is lost: the permit is free again, so the search delays no other checkout.
        Err(CheckoutError::SlotTaken(_)) => {
            let slot_request = request.to_slot_request(&event_type);
            let near = availability::find_alternatives(context, &slot_request, request.starts_at).await;
            Err(CheckoutError::SlotTaken(near.unwrap_or_default()))
        }
        other => other,
    }
}

async fn acquire_and_place(
    context: &Arc<Context>,
    request: &CheckoutRequest,
    event_type: &EventType,
    now: DateTime<Utc>,
) -> Result<Checkout, CheckoutError> {
    request.check(now, event_type, &context.settings.zones)?;
    let slot_request = request.to_slot_request(event_type);
    let permit = acquire_slot::acquire_permit(context, &slot_request, request.starts_at, now);
    let permit = tokio::time::timeout(context.settings.wait_timeout, permit).await;
    // The permit lives until the end of this function, when the hold is placed or lost.
    let Some((_permit, units)) = permit.map_err(|_| WorkflowError::Stripe { retry_after: None })?? else {
        // If the client sent this request twice, the hold in the slot is the request's own.
        let placed = find_placed_by_key(context, request).await?;
        return placed
            .map(Checkout::Replayed)
            .ok_or(CheckoutError::SlotTaken(Vec::new()));
    };
    let limits = hold_limits::find_allowances(context, &request.guest, request.client.as_ref()).await?;
    let installation = context.installation_id().await?.to_owned();
    let token_key = context.token_keys().await?.signing_key_name();
    let draft = Draft::new(context, request, event_type, installation, token_key, now);
    match claim_attempt(context, &draft).await? {
        Some(booking) => Ok(Checkout::Replayed(booking)),
        None => create_and_place(context, draft, units, limits)
            .await
            .map(Checkout::Placed),
    }
}

impl CheckoutRequest {
    fn to_lookup(&self) -> LookupQuery {
        LookupQuery {
            event_type: self.event_type.clone(),
            key: self.key.clone().map(|key| (key, self.fingerprint.clone())),
        }
    }

    fn to_slot_request<'a>(&'a self, event_type: &'a EventType) -> SlotRequest<'a> {
        SlotRequest {
            event_type,
            quantity: self.quantity,
            requested_resource: self.resource.as_ref(),
            moving: None,
        }
    }

    /// Checks that the catalogue sells what is requested.
    fn check(
        &self,
        now: DateTime<Utc>,
        event_type: &EventType,
        zones: &ZoneDatabase,
    ) -> Result<(), CheckoutError> {
        event_type
            .check_start(self.starts_at, now, zones)
            .map_err(CheckoutError::Start)?;
        if let Some(requested) = &self.resource
            && !event_type.is_served_by(requested)
        {
            return Err(CheckoutError::UnknownResource);
        }
        event_type
            .total_price(self.quantity)
            .map(drop)
            .ok_or(CheckoutError::TooDear)
    }
}

/// Finds the hold that an earlier request with this key has placed.
async fn find_placed_by_key(
    context: &Context,
    request: &CheckoutRequest,
) -> Result<Option<Booking>, CheckoutError> {
    if request.key.is_none() {
        return Ok(None);
    }
    let found = context.store.look_up(&request.to_lookup()).await?;
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

/// A checkout with all its terms.
struct Draft<'a> {
    request: &'a CheckoutRequest,
    event_type: &'a EventType,
    terms: SessionTerms,
    token_key: TokenKeyName,
    /// The time of the request, by the database's clock.
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

impl<'a> Draft<'a> {
    fn new(
        context: &Context,
        request: &'a CheckoutRequest,
        event_type: &'a EventType,
        installation: String,
        token_key: TokenKeyName,
        now: DateTime<Utc>,
    ) -> Self {
        let expires_at = hold_expiry(now, context.settings.hold_ttl, request.starts_at);
        let hold = new_hold_id(now);
        context.account.record_checkout(now);
        let terms = SessionTerms {
            hold,
            event_type: Some(event_type.id.clone()),
            name: event_type.name.clone(),
            price: event_type.price,
            quantity: request.quantity,
            email: request.guest.email.clone(),
            success_url: insert_hold_id(&request.success_url, hold),
            cancel_url: insert_hold_id(&request.cancel_url, hold),
            expires_at: session_expiry(now, expires_at),
            payment_methods: event_type.payment_methods.clone(),
            installation,
        };
        Self {
            request,
            event_type,
            terms,
            token_key,
            now,
            expires_at,
        }
    }

    fn booking(&self, session: NewSession, units: &[Allocation]) -> Booking {
        // The fallback is never used: `check` has verified that the total price exists.
        let price = self
            .event_type
            .total_price(self.request.quantity)
            .unwrap_or(self.terms.price);
        Booking {
            hold: Hold::new(self.terms.hold, session.id, price),
            event_type: self.request.event_type.clone(),
            segments: allocated_segments(units),
            quantity: self.request.quantity,
            requested_resource: self.request.resource.clone(),
            change_policy: self.event_type.change_policy,
            cancel_right_passed: false,
            guest: self.request.guest.clone(),
            metadata: self.request.metadata.clone(),
            token_key: Some(self.token_key.clone()),
            checkout_url: session.url,
            expires_at: self.expires_at,
            session_expires_at: self.terms.expires_at,
            created_at: self.now,
            updated_at: self.now,
            changed_at: Default::default(),
            due_at: Some(first_check_at(self.expires_at, self.terms.expires_at)),
            tries: 0,
            version: 1,
        }
    }
}

/// Makes a hold id that is ordered by time and unguessable.
///
/// The order keeps the index of holds compact, and tells which of two holds is younger. The 74 random bits make the id
/// unguessable.
fn new_hold_id(now: DateTime<Utc>) -> HoldId {
    let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
    HoldId(Uuid::new_v7(Timestamp::from_unix(
        NoContext,
        seconds,
        now.timestamp_subsec_nanos(),
    )))
}

fn insert_hold_id(url: &str, hold: HoldId) -> String {
    url.replace("{HOLD_ID}", &hold.to_string())
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
    let hold = draft.terms.hold;
    let session = match context.gateway.create_session(&draft.terms).await {
        Ok(session) => session,
        Err(error) => return Err(end_failed_attempt(context, hold, error).await),
    };
    context.account.record_made(&session.id);
    let mut booking = draft.booking(session, &units);
    match place_hold(context, &draft, &mut booking, units, limits).await {
        Ok(placed @ (PlaceOutcome::Placed | PlaceOutcome::PlacedWithMoney)) => {
            tracing::info!(hold = %hold.log_id(), event_type = %booking.event_type, "hold placed");
            metrics::counter!("holdfast_checkouts_total", "outcome" => "placed").increment(1);
            count_placing(booking.hold.status);
            Ok(match placed {
                PlaceOutcome::PlacedWithMoney => waiting_payments::settle_placed(context, booking).await,
                _ => booking,
            })
        }
        Ok(lost @ (PlaceOutcome::SlotTaken | PlaceOutcome::LimitReached)) => {
            close_lost_attempt(context, &booking).await?;
            metrics::counter!("holdfast_checkouts_total", "outcome" => "lost").increment(1);
            Err(match lost {
                PlaceOutcome::LimitReached => CheckoutError::TooMany {
                    retry_after: hold_limits::retry_after_limit(context),
                },
                _ => CheckoutError::SlotTaken(Vec::new()),
            })
        }
        // This checkout took so long that the sweep counted it as dead and expired the session.
        Ok(PlaceOutcome::AttemptClosed) => Err(WorkflowError::Stripe { retry_after: None }.into()),
        // Unknown whether the hold was committed. If it was, a repeated request finds it by its key. If not, the sweep
        // recovers the attempt and expires the session, whose URL no guest got.
        Err(error) => {
            end_attempt(context, hold, AttemptEnd::Unsettled).await;
            Err(error.into())
        }
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

/// Closes the attempt and enqueues the expiry of its session, whose URL no guest got.
async fn close_lost_attempt(context: &Arc<Context>, booking: &Booking) -> Result<(), CheckoutError> {
    let hold = booking.hold.id;
    match context
        .store
        .close_lost_attempt(hold, &booking.hold.session, context.now())
        .await
    {
        Ok(Some(command)) => {
            tracing::info!(hold = %hold.log_id(), "hold not placed; its session is being expired");
            outbox::run_command_soon(context, command).await;
            Ok(())
        }
        Ok(None) => Ok(()),
        Err(error) => {
            end_attempt(context, hold, AttemptEnd::Unsettled).await;
            Err(error.into())
        }
    }
}
