//! Applies facts: from a webhook event, or from Stripe's response to a call.
//!
//! Loads the hold, decides by the pure rule, and writes by compare-and-swap; after a conflict it decides again. The
//! event, its effect, its history line and the commands that it causes are one transaction (I5). So a 2xx response to
//! Stripe means that everything is stored, and a repeated event is recognised.

use super::availability;
use super::context::{Context, MAX_CONFLICTS};
use super::error::WorkflowError;
use super::queries::status_name;
use crate::domain::booking::{Actor, Booking};
use crate::domain::hold::{Decision, Fact, Status, Transition, TransitionReason, decide};
use crate::domain::ids::HoldId;
use crate::domain::payment::Receipt;
use crate::domain::session::HoldRefs;
use crate::gateway::webhook::{Event, EventContent};
use crate::store::{ApplyOutcome, EventRecord, HoldChange, OrphanPayment, StateChange};

/// The result of a webhook event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventOutcome {
    /// The event and its effect are stored.
    Applied,
    /// The event was stored before.
    Duplicate,
    /// The event is not about a hold of this installation.
    Ignored,
}

/// Applies a webhook event whose signature was verified. `payload` is its body, which is kept for a replay.
///
/// # Errors
/// [`WorkflowError`] if nothing was written: Stripe must send the event again.
pub async fn apply_event(
    context: &Context,
    event: Event,
    payload: &str,
) -> Result<EventOutcome, WorkflowError> {
    let record = EventRecord {
        id: event.id.clone(),
        kind: event.kind.clone(),
        payload: payload.to_owned(),
    };
    let actor = Actor::Event(event.id.clone());
    let outcome = apply_event_content(context, &event, actor, Some(record)).await?;
    let (id, kind) = (&event.id, &event.kind);
    tracing::info!(event = %id, kind, ?outcome, "webhook event applied");
    Ok(outcome)
}

/// Finds the hold that an event is about, and applies the event to it.
///
/// `record` is `None` on a replay: the outcome is then `Applied` only if the hold changes.
///
/// # Errors
/// [`WorkflowError`] if nothing was written.
pub(super) async fn apply_event_content(
    context: &Context,
    event: &Event,
    actor: Actor,
    record: Option<EventRecord>,
) -> Result<EventOutcome, WorkflowError> {
    if event.livemode != context.settings.livemode {
        return Ok(EventOutcome::Ignored);
    }
    let EventContent::Relevant {
        refs,
        fact,
        money,
        has_our_metadata,
    } = &event.content
    else {
        return Ok(EventOutcome::Ignored);
    };
    match context.store.find_booking_by_refs(refs).await? {
        Some(booking) => Ok(
            match decide_and_write(context, booking, fact, actor, record).await? {
                WriteOutcome::Written(_) => EventOutcome::Applied,
                WriteOutcome::Unchanged(_) | WriteOutcome::Duplicate => EventOutcome::Duplicate,
            },
        ),
        None => {
            record_orphan_payment(
                context,
                refs,
                money.as_ref().filter(|_| *has_our_metadata),
                record,
            )
            .await
        }
    }
}

/// Records and refunds a payment that carries our metadata but has no hold (I3). Ignores everything else without a
/// hold: it belongs to another product on the same Stripe account.
pub(super) async fn record_orphan_payment(
    context: &Context,
    refs: &HoldRefs,
    receipt: Option<&Receipt>,
    record: Option<EventRecord>,
) -> Result<EventOutcome, WorkflowError> {
    let (Some(claimed), Some(receipt)) = (refs.hold, receipt) else {
        return Ok(EventOutcome::Ignored);
    };
    // Another installation on the same account refunds its own payments.
    let installation = context.installation_id().await?;
    if refs
        .installation
        .as_ref()
        .is_some_and(|other| other != installation)
    {
        return Ok(EventOutcome::Ignored);
    }
    let orphan = OrphanPayment {
        event: record,
        claimed_hold: Some(claimed),
        receipt: receipt.clone(),
        livemode: context.settings.livemode,
        now: context.now(),
    };
    match context.store.record_orphan_payment(&orphan).await? {
        ApplyOutcome::Done { .. } => {
            context.new_commands.notify_one();
            metrics::counter!("holdfast_payments_without_slot_total", "kind" => "no_hold").increment(1);
            let intent = &receipt.intent;
            tracing::error!(hold = %claimed.log_id(), %intent, "payment for an unknown hold; it is being refunded");
            Ok(EventOutcome::Applied)
        }
        ApplyOutcome::Duplicate | ApplyOutcome::Conflict => Ok(EventOutcome::Duplicate),
    }
}

/// Applies a fact from Stripe's response to a call. Returns the hold as it is then.
///
/// # Errors
/// [`WorkflowError`] if nothing was written.
pub(super) async fn apply_fact(
    context: &Context,
    booking: Booking,
    fact: &Fact,
    actor: Actor,
) -> Result<Booking, WorkflowError> {
    let id = booking.hold.id;
    match decide_and_write(context, booking, fact, actor, None).await? {
        WriteOutcome::Written(booking) | WriteOutcome::Unchanged(booking) => Ok(*booking),
        WriteOutcome::Duplicate => Err(internal_error(id, "the store took a response for an event")),
    }
}

/// What applying a fact wrote, with the hold as it is then.
enum WriteOutcome {
    /// The event or a change was written.
    Written(Box<Booking>),
    /// There was nothing to write.
    Unchanged(Box<Booking>),
    /// The event was stored before.
    Duplicate,
}

async fn decide_and_write(
    context: &Context,
    mut booking: Booking,
    fact: &Fact,
    actor: Actor,
    record: Option<EventRecord>,
) -> Result<WriteOutcome, WorkflowError> {
    let id = booking.hold.id;
    for _ in 0..MAX_CONFLICTS {
        let step = match decide(&booking.hold, fact, context.settings.policy) {
            Decision::Stay(_) if record.is_none() => {
                return Ok(WriteOutcome::Unchanged(Box::new(booking)));
            }
            // The event is stored even if it changes nothing, so that its next delivery is recognised.
            Decision::Stay(_) => None,
            Decision::Change(transition) => Some(StateChange::Transition(transition)),
            Decision::Reclaim { free, taken } => Some(choose_reclaim(context, &booking, free, taken).await?),
        };
        let change = to_hold_change(context, &booking, step, &actor, &record).await?;
        let applied = context.store.apply_change(&change).await?;
        match applied {
            ApplyOutcome::Done { commands } => {
                announce_change(context, &change, commands);
                let booking = reload_booking(context, id).await?;
                return Ok(WriteOutcome::Written(Box::new(booking)));
            }
            ApplyOutcome::Duplicate => return Ok(WriteOutcome::Duplicate),
            ApplyOutcome::Conflict => booking = reload_booking(context, id).await?,
        }
    }
    Err(internal_error(id, "too many conflicts while applying a fact"))
}

/// Chooses for a late payment: the slot if it is free and has not begun, else the refund (I3).
///
/// If another hold takes the units first, the write ends in a conflict and the fact is decided again.
async fn choose_reclaim(
    context: &Context,
    booking: &Booking,
    mut free: Transition,
    mut taken: Transition,
) -> Result<StateChange, WorkflowError> {
    if booking.has_begun(context.database_now().await?) {
        taken.reason = TransitionReason::LatePaymentAfterStart;
        return Ok(StateChange::Transition(taken));
    }
    let Some(units) = availability::find_units_for_reclaim(context, booking).await? else {
        return Ok(StateChange::Transition(taken));
    };
    let before: Vec<_> = booking
        .segments
        .iter()
        .map(|segment| segment.resource.as_str())
        .collect();
    let now: Vec<_> = units
        .iter()
        .map(|allocation| allocation.segment.resource.as_str())
        .collect();
    if now != before {
        free.reason = TransitionReason::LatePaymentGotOthers(now.join(", "));
    }
    Ok(StateChange::Reclaim {
        transition: free,
        units,
    })
}

async fn to_hold_change(
    context: &Context,
    booking: &Booking,
    step: Option<StateChange>,
    actor: &Actor,
    record: &Option<EventRecord>,
) -> Result<HoldChange, WorkflowError> {
    let starts_processing = matches!(&step, Some(StateChange::Transition(t)) if t.next.status == Status::Processing)
        && booking.hold.status != Status::Processing;
    // A delayed payment takes days, so the sweep must not ask about it at the hold's usual time.
    let check_at = match starts_processing {
        true => Some(context.database_now().await? + context.settings.ask_processing_after),
        false => None,
    };
    Ok(HoldChange {
        event: record.clone(),
        hold: booking.hold.id,
        version: booking.version,
        step,
        actor: actor.clone(),
        now: context.now(),
        check_at,
    })
}

async fn reload_booking(context: &Context, id: HoldId) -> Result<Booking, WorkflowError> {
    let booking = context.store.find_booking(id).await?;
    booking.ok_or_else(|| internal_error(id, "a hold disappeared from the store"))
}

fn internal_error(id: HoldId, message: &str) -> WorkflowError {
    WorkflowError::Internal(format!("{message}: {}", id.log_id()).into())
}

/// Wakes the outbox worker, counts the transition, and logs it; what an operator must check is an error.
fn announce_change(context: &Context, change: &HoldChange, commands: usize) {
    if commands > 0 {
        context.new_commands.notify_one();
    }
    let Some(StateChange::Transition(transition) | StateChange::Reclaim { transition, .. }) = &change.step
    else {
        return;
    };
    let (hold, status, reason) = (change.hold, transition.next.status, &transition.reason);
    metrics::counter!("holdfast_transitions_total", "to" => status_name(status)).increment(1);
    match reason {
        TransitionReason::LatePaymentGotItsSlot
        | TransitionReason::LatePaymentGotOthers(_)
        | TransitionReason::LatePaymentRefunded
        | TransitionReason::LatePaymentAfterStart
        | TransitionReason::PaymentAfterCancellation
        | TransitionReason::SecondPayment => {
            metrics::counter!("holdfast_payments_without_slot_total", "kind" => "late").increment(1);
            tracing::error!(hold = %hold.log_id(), %reason, "a payment arrived for a hold that was not waiting for it");
        }
        TransitionReason::RefundFailed | TransitionReason::Disputed => {
            tracing::error!(hold = %hold.log_id(), %reason, "an operator must check this hold")
        }
        _ if transition.next.price_mismatch => {
            tracing::error!(hold = %hold.log_id(), %reason, "the guest paid another amount than the price")
        }
        _ => tracing::info!(hold = %hold.log_id(), ?status, %reason, "hold changed"),
    }
}
