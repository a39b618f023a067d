//! Starting a checkout: session first, then the hold, in one saga that no crash and no hang-up leaves half-way.
//!
//! 1. Look: the key may have its answer already, the slot may be visibly taken; neither costs a write or a call.
//!    Overdue holds in the way are released first, by `release`.
//! 2. Claim the attempt (commit): from here on, a crash leaves a row that says what Stripe may have been asked.
//! 3. Create the session at Stripe, with no transaction open (I6).
//! 4. Place the hold (commit): the database decides who gets the slot (I1). Only now does the URL leave the process
//!    (I4). Who loses goes for whoever else is free; where nobody is, the attempt is closed and the command to end its
//!    session written, in one transaction.
//!
//! What a process that died left behind is mended by `recover`, on the sweep.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::{NoContext, Timestamp, Uuid};

use super::{Context, WorkflowError, limits, slots};
use crate::domain::availability::SlotRequest;
use crate::domain::booking::{Allocation, Booking, segments_of};
use crate::domain::catalogue::EventType;
use crate::domain::hold::Hold;
use crate::domain::ids::HoldId;
use crate::domain::session::{NewSession, SessionTerms, first_check, session_expiry};
use crate::gateway::GatewayError;
use crate::store::{AttemptEnd, Claim, HoldLimits, NewAttempt, PlaceOutcome};

mod request;

pub use request::{Checkout, CheckoutError, CheckoutRequest};

/// How often another candidate is tried after a lost race. Each loss means that someone else has won, so this is only
/// reached where a crowd fights for a pool.
const CANDIDATES: u32 = 50;

/// Starts a checkout in a task of its own, so that a guest who hangs up stops nothing half-way.
///
/// # Errors
/// [`CheckoutError`]; nothing is held then.
pub async fn checkout(context: &Arc<Context>, request: CheckoutRequest) -> Result<Checkout, CheckoutError> {
    let saga = Arc::clone(context);
    let task = context.sagas.spawn(async move { run(&saga, request).await });
    match task.await {
        Ok(answer) => answer,
        Err(died) => Err(CheckoutError::Workflow(WorkflowError::Internal(Box::new(died)))),
    }
}

async fn run(context: &Arc<Context>, request: CheckoutRequest) -> Result<Checkout, CheckoutError> {
    if let Some(booking) = answer_to_key(context, &request).await? {
        return Ok(Checkout::Replayed(booking));
    }
    let event_type = context.store.find_event_type(&request.event_type).await?;
    let event_type = event_type.ok_or(CheckoutError::UnknownEventType)?;
    let result = buy(context, &request, &event_type).await;
    match result {
        // Looked for only now: who gets the slot does not wait for it.
        Err(CheckoutError::SlotTaken(_)) => {
            let slot_request = request.slot_request(&event_type);
            let near = slots::alternatives(context, &slot_request, request.starts_at).await;
            Err(CheckoutError::SlotTaken(near.unwrap_or_default()))
        }
        other => other,
    }
}

async fn buy(
    context: &Arc<Context>,
    request: &CheckoutRequest,
    event_type: &EventType,
) -> Result<Checkout, CheckoutError> {
    request.check(context, event_type)?;
    let slot_request = request.slot_request(event_type);
    let turn = slots::acquire_permit(context, &slot_request, request.starts_at);
    let turn = tokio::time::timeout(context.settings.wait_timeout, turn).await;
    let Some((_turn, units)) = turn.map_err(|_| WorkflowError::Stripe { retry_after: None })?? else {
        // The hold in the way may be this very request's, sent twice.
        let mine = answer_to_key(context, request).await?;
        return mine
            .map(Checkout::Replayed)
            .ok_or(CheckoutError::SlotTaken(Vec::new()));
    };
    limits::check(context, &request.guest, request.client.as_ref()).await?;
    let installation = context.installation().await?.to_owned();
    let draft = Draft::new(context, request, event_type, installation);
    match claim(context, &draft).await? {
        Some(booking) => Ok(Checkout::Replayed(booking)),
        None => create_and_place(context, draft, units)
            .await
            .map(Checkout::Placed),
    }
}

impl CheckoutRequest {
    fn slot_request<'a>(&'a self, event_type: &'a EventType) -> SlotRequest<'a> {
        SlotRequest {
            event_type,
            quantity: self.quantity,
            requested_resource: self.resource.as_ref(),
            moving: None,
        }
    }

    /// Whether it asks for something that is on sale.
    fn check(&self, context: &Context, event_type: &EventType) -> Result<(), CheckoutError> {
        event_type
            .offers(self.starts_at, context.now())
            .map_err(CheckoutError::Start)?;
        if let Some(wanted) = &self.resource
            && !event_type.is_served_by(wanted)
        {
            return Err(CheckoutError::UnknownResource);
        }
        event_type
            .total_price(self.quantity)
            .map(drop)
            .ok_or(CheckoutError::TooDear)
    }
}

/// The hold that this key has already got, where it has one.
async fn answer_to_key(
    context: &Context,
    request: &CheckoutRequest,
) -> Result<Option<Booking>, CheckoutError> {
    let Some(key) = &request.key else { return Ok(None) };
    match context.store.find_claim(key, &request.fingerprint).await? {
        Claim::Free => Ok(None),
        Claim::Running => Err(CheckoutError::InProgress),
        Claim::Mismatch => Err(CheckoutError::Mismatch),
        Claim::Placed(id) => Ok(context.store.find_booking(id).await?),
    }
}

/// A checkout whose terms are settled.
struct Draft<'a> {
    request: &'a CheckoutRequest,
    event_type: &'a EventType,
    terms: SessionTerms,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

impl<'a> Draft<'a> {
    fn new(
        context: &Context,
        request: &'a CheckoutRequest,
        event_type: &'a EventType,
        installation: String,
    ) -> Self {
        let now = context.now();
        let expires_at = now + context.settings.hold_ttl;
        let hold = new_hold_id(now);
        let terms = SessionTerms {
            hold,
            name: event_type.name.clone(),
            price: event_type.price,
            quantity: request.quantity,
            email: request.guest.email.clone(),
            success_url: with_hold_id(&request.success_url, hold),
            cancel_url: with_hold_id(&request.cancel_url, hold),
            expires_at: session_expiry(now, expires_at),
            payment_methods: event_type.payment_methods.clone(),
            installation,
        };
        Self {
            request,
            event_type,
            terms,
            now,
            expires_at,
        }
    }

    fn booking(&self, session: NewSession, units: &[Allocation]) -> Booking {
        // `check` has seen that so many can be paid for at once.
        let price = self
            .event_type
            .total_price(self.request.quantity)
            .unwrap_or(self.terms.price);
        Booking {
            hold: Hold::placed(self.terms.hold, session.id, price),
            event_type: self.request.event_type.clone(),
            segments: segments_of(units),
            quantity: self.request.quantity,
            requested_resource: self.request.resource.clone(),
            change_policy: self.event_type.change_policy,
            guest: self.request.guest.clone(),
            metadata: self.request.metadata.clone(),
            checkout_url: session.url,
            expires_at: self.expires_at,
            session_expires_at: self.terms.expires_at,
            created_at: self.now,
            updated_at: self.now,
            due_at: Some(first_check(self.expires_at, self.terms.expires_at)),
            tries: 0,
            version: 1,
        }
    }

    fn limits(&self, context: &Context) -> HoldLimits {
        HoldLimits {
            per_guest: context.settings.limits.per_guest,
            client: self.request.client.clone(),
            per_client: context.settings.limits.per_client,
        }
    }
}

/// Time-ordered, which keeps the index of holds compact and tells which of two is younger; its 74 random bits make it
/// unguessable.
fn new_hold_id(now: DateTime<Utc>) -> HoldId {
    let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
    HoldId(Uuid::new_v7(Timestamp::from_unix(
        NoContext,
        seconds,
        now.timestamp_subsec_nanos(),
    )))
}

fn with_hold_id(url: &str, hold: HoldId) -> String {
    url.replace("{HOLD_ID}", &hold.to_string())
}

/// Writes the attempt; the hold that the key already has, where another request was faster.
async fn claim(context: &Context, draft: &Draft<'_>) -> Result<Option<Booking>, CheckoutError> {
    let attempt = NewAttempt {
        terms: draft.terms.clone(),
        key: draft.request.key.clone(),
        fingerprint: draft.request.fingerprint.clone(),
        now: draft.now,
        lease: context.settings.attempt_lease,
    };
    match context.store.claim_attempt(&attempt).await? {
        Claim::Free => Ok(None),
        Claim::Running => Err(CheckoutError::InProgress),
        Claim::Mismatch => Err(CheckoutError::Mismatch),
        // It was placed a moment ago and may have been released since; then its caller may simply ask again.
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
) -> Result<Booking, CheckoutError> {
    let hold = draft.terms.hold;
    let session = match context.gateway.create_session(&draft.terms).await {
        Ok(session) => session,
        Err(error) => return Err(give_up(context, hold, error).await),
    };
    let mut booking = draft.booking(session, &units);
    match place(context, &draft, &mut booking, units).await {
        Ok(PlaceOutcome::Placed) => {
            tracing::info!(%hold, event_type = %booking.event_type, "hold placed");
            metrics::counter!("holdfast_checkouts_total", "outcome" => "placed").increment(1);
            Ok(booking)
        }
        Ok(lost @ (PlaceOutcome::SlotTaken | PlaceOutcome::LimitReached)) => {
            end_session(context, &booking).await?;
            metrics::counter!("holdfast_checkouts_total", "outcome" => "lost").increment(1);
            Err(match lost {
                PlaceOutcome::LimitReached => limits::too_many(context),
                _ => CheckoutError::SlotTaken(Vec::new()),
            })
        }
        // We took so long that the sweep took us for dead; it ends the session.
        Ok(PlaceOutcome::AttemptClosed) => Err(WorkflowError::Stripe { retry_after: None }.into()),
        // Not known whether it was committed. If it was, the key finds it; if not, the attempt is still running, and
        // the session that nobody was given is found through it.
        Err(error) => {
            end_attempt(context, hold, AttemptEnd::Unsettled).await;
            Err(error.into())
        }
    }
}

/// Places the hold, with other units where a race for the first ones is lost and others are free.
async fn place(
    context: &Context,
    draft: &Draft<'_>,
    booking: &mut Booking,
    mut units: Vec<Allocation>,
) -> Result<PlaceOutcome, WorkflowError> {
    let slot_request = draft.request.slot_request(draft.event_type);
    let limits = draft.limits(context);
    for _ in 0..CANDIDATES {
        let placement = context.store.place_hold(booking, &units, &limits).await?;
        if placement != PlaceOutcome::SlotTaken {
            return Ok(placement);
        }
        // Who lost together does not go for the same units again.
        match slots::find_free_units(context, &slot_request, draft.request.starts_at, rand::random()).await? {
            Some(others) => {
                booking.segments = segments_of(&others);
                units = others;
            }
            None => break,
        }
    }
    Ok(PlaceOutcome::SlotTaken)
}

/// Closes the attempt and orders the end of its session, which nobody was given.
async fn end_session(context: &Arc<Context>, booking: &Booking) -> Result<(), CheckoutError> {
    let hold = booking.hold.id;
    match context
        .store
        .close_lost_attempt(hold, &booking.hold.session, context.now())
        .await
    {
        Ok(Some(command)) => {
            tracing::info!(%hold, "slot lost to another checkout; its session is being expired");
            super::commands::run_soon(context, command).await;
            Ok(())
        }
        Ok(None) => Ok(()),
        Err(error) => {
            end_attempt(context, hold, AttemptEnd::Unsettled).await;
            Err(error.into())
        }
    }
}

/// Sorts what a failed creation leaves behind.
async fn give_up(context: &Context, hold: HoldId, error: GatewayError) -> CheckoutError {
    let end = match &error {
        GatewayError::Refused(_) | GatewayError::Unavailable { .. } => AttemptEnd::Abandoned,
        GatewayError::Unknown => AttemptEnd::Unsettled,
    };
    end_attempt(context, hold, end).await;
    metrics::counter!("holdfast_checkouts_total", "outcome" => "stripe_failed").increment(1);
    match error {
        GatewayError::Refused(refusal) if refusal.param.as_deref() == Some("customer_email") => {
            CheckoutError::Email
        }
        other => CheckoutError::Workflow(other.into()),
    }
}

async fn end_attempt(context: &Context, hold: HoldId, end: AttemptEnd) {
    if let Err(error) = context.store.end_attempt(hold, end, context.now()).await {
        // It stays `running`, and the sweep finds it when its lease is over.
        tracing::warn!(%hold, %error, "attempt left to the sweep");
    }
}
