//! Settling: a fact becomes a transition, whoever told it: an event, Stripe's answer to a question, or to an order.
//!
//! Load, decide by the pure rule, compare-and-swap; where another was faster, decide again on what it left. The event,
//! its effect, its history line and the commands that it causes are one transaction (I5), so an answer of 2xx means that
//! all of it is on the books, and a repeated event finds itself there.

use super::{Context, MOST_ROUNDS, WorkflowError, slots};
use crate::domain::booking::{Actor, Booking};
use crate::domain::hold::{Decision, Fact, Status, Transition, TransitionReason, decide};
use crate::domain::ids::HoldId;
use crate::domain::payment::Receipt;
use crate::domain::session::HoldRefs;
use crate::gateway::webhook::{Event, EventContent};
use crate::store::{ApplyOutcome, EventRecord, HoldChange, StateChange};

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventOutcome {
    /// It and whatever it changed are on the books.
    Applied,
    /// It was on the books already.
    Duplicate,
    /// It is none of our business.
    Ignored,
}

/// Settles a webhook event whose signature was found good. `payload` is its body, kept for a replay.
///
/// # Errors
/// [`WorkflowError`]; nothing is written then, and Stripe must send it again.
pub async fn event(context: &Context, event: Event, payload: &str) -> Result<EventOutcome, WorkflowError> {
    let record = EventRecord {
        id: event.id.clone(),
        kind: event.kind.clone(),
        payload: payload.to_owned(),
    };
    let outcome = sort(context, &event, Actor::Event(event.id.clone()), Some(record)).await?;
    let (id, kind) = (&event.id, &event.kind);
    tracing::info!(event = %id, kind, ?outcome, "webhook settled");
    Ok(outcome)
}

/// Finds out whom an event concerns, and settles it. Without a `record` it is not one that comes for the first time:
/// then it counts as applied where it changes something.
///
/// # Errors
/// [`WorkflowError`]; nothing is written then.
pub(super) async fn sort(
    context: &Context,
    event: &Event,
    cause: Actor,
    record: Option<EventRecord>,
) -> Result<EventOutcome, WorkflowError> {
    if event.livemode != context.settings.livemode {
        return Ok(EventOutcome::Ignored);
    }
    let EventContent::Relevant {
        refs,
        fact,
        money,
        ours,
    } = &event.content
    else {
        return Ok(EventOutcome::Ignored);
    };
    match context.store.find_booking_by_refs(refs).await? {
        Some(booking) => Ok(match settle(context, booking, fact, cause, record).await? {
            Settled::Written(_) => EventOutcome::Applied,
            Settled::AsItWas(_) | Settled::Seen => EventOutcome::Duplicate,
        }),
        None => stray(context, refs, money.as_ref().filter(|_| *ours), record).await,
    }
}

/// An event for a hold that we do not have. Another product on the same account is none of our business; money that
/// carries our metadata is a payment without a slot, and goes back (I3).
pub(super) async fn stray(
    context: &Context,
    refs: &HoldRefs,
    money: Option<&Receipt>,
    record: Option<EventRecord>,
) -> Result<EventOutcome, WorkflowError> {
    let (Some(claimed), Some(receipt)) = (refs.hold, money) else {
        return Ok(EventOutcome::Ignored);
    };
    // Another installation on the same account looks after its own money.
    let installation = context.installation().await?;
    if refs
        .installation
        .as_ref()
        .is_some_and(|other| other != installation)
    {
        return Ok(EventOutcome::Ignored);
    }
    match context
        .store
        .record_orphan_payment(record.as_ref(), Some(claimed), receipt, context.now())
        .await?
    {
        ApplyOutcome::Done { .. } => {
            context.new_commands.notify_one();
            metrics::counter!("holdfast_payments_without_slot_total", "kind" => "no_hold").increment(1);
            tracing::error!(hold = %claimed, intent = %receipt.intent, "payment for a hold that is not on the books; it is being refunded");
            Ok(EventOutcome::Applied)
        }
        ApplyOutcome::Duplicate | ApplyOutcome::Conflict => Ok(EventOutcome::Duplicate),
    }
}

/// Settles a fact that Stripe told us as an answer; the hold as it is afterwards.
///
/// # Errors
/// [`WorkflowError`]; nothing is written then.
pub(super) async fn apply_fact(
    context: &Context,
    booking: Booking,
    fact: &Fact,
    cause: Actor,
) -> Result<Booking, WorkflowError> {
    let id = booking.hold.id;
    match settle(context, booking, fact, cause, None).await? {
        Settled::Written(booking) | Settled::AsItWas(booking) => Ok(*booking),
        Settled::Seen => Err(impossible(id, "an answer was taken for an event")),
    }
}

/// How a fact was settled, with the hold as it is afterwards.
enum Settled {
    /// The event, or a change, is on the books.
    Written(Box<Booking>),
    /// There was nothing to write.
    AsItWas(Box<Booking>),
    /// The event was on the books already.
    Seen,
}

async fn settle(
    context: &Context,
    mut booking: Booking,
    fact: &Fact,
    cause: Actor,
    record: Option<EventRecord>,
) -> Result<Settled, WorkflowError> {
    let id = booking.hold.id;
    for _ in 0..MOST_ROUNDS {
        let step = match decide(&booking.hold, fact, context.settings.policy) {
            Decision::Stay(_) if record.is_none() => return Ok(Settled::AsItWas(Box::new(booking))),
            Decision::Stay(_) => None,
            Decision::Change(transition) => Some(StateChange::Transition(transition)),
            Decision::Reclaim { free, taken } => Some(reclaim(context, &booking, free, taken).await?),
        };
        let change = change(context, &booking, step, &cause, &record);
        let applied = context.store.apply_change(&change).await?;
        match applied {
            ApplyOutcome::Done { orders } => {
                announce(context, &change, orders);
                let booking = reload(context, id).await?;
                return Ok(Settled::Written(Box::new(booking)));
            }
            ApplyOutcome::Duplicate => return Ok(Settled::Seen),
            ApplyOutcome::Conflict => booking = reload(context, id).await?,
        }
    }
    Err(impossible(id, "the hold changed faster than it could be settled"))
}

/// The slot for late money where it is free, else the way back for the money (I3). That somebody is faster for the slot
/// shows when it is taken; then it is decided again.
async fn reclaim(
    context: &Context,
    booking: &Booking,
    mut free: Transition,
    taken: Transition,
) -> Result<StateChange, WorkflowError> {
    let Some(units) = slots::find_units_again(context, booking).await? else {
        return Ok(StateChange::Transition(taken));
    };
    let before: Vec<_> = booking.segments.iter().map(|one| one.resource.as_str()).collect();
    let now: Vec<_> = units.iter().map(|one| one.segment.resource.as_str()).collect();
    if now != before {
        free.why = TransitionReason::LatePaymentGotOthers(now.join(", "));
    }
    Ok(StateChange::Reclaim {
        transition: free,
        units,
    })
}

fn change(
    context: &Context,
    booking: &Booking,
    step: Option<StateChange>,
    cause: &Actor,
    record: &Option<EventRecord>,
) -> HoldChange {
    let now = context.now();
    let starts_processing = matches!(&step, Some(StateChange::Transition(t)) if t.next.status == Status::Processing)
        && booking.hold.status != Status::Processing;
    HoldChange {
        event: record.clone(),
        hold: booking.hold.id,
        version: booking.version,
        step,
        cause: cause.clone(),
        now,
        check_at: starts_processing.then(|| now + context.settings.ask_processing_after),
    }
}

async fn reload(context: &Context, id: HoldId) -> Result<Booking, WorkflowError> {
    let booking = context.store.find_booking(id).await?;
    booking.ok_or_else(|| impossible(id, "a hold vanished"))
}

fn impossible(id: HoldId, what: &str) -> WorkflowError {
    WorkflowError::Internal(format!("{what}: {id}").into())
}

/// Tells the outbox worker, the metrics and the operator.
fn announce(context: &Context, change: &HoldChange, orders: usize) {
    if orders > 0 {
        context.new_commands.notify_one();
    }
    let Some(StateChange::Transition(transition) | StateChange::Reclaim { transition, .. }) = &change.step
    else {
        return;
    };
    let (hold, status, why) = (change.hold, transition.next.status, &transition.why);
    metrics::counter!("holdfast_transitions_total", "to" => super::inspect::status_name(status)).increment(1);
    match why {
        TransitionReason::LatePaymentGotItsSlot
        | TransitionReason::LatePaymentGotOthers(_)
        | TransitionReason::LatePaymentRefunded
        | TransitionReason::PaymentAfterCancellation
        | TransitionReason::SecondPayment => {
            metrics::counter!("holdfast_payments_without_slot_total", "kind" => "late").increment(1);
            tracing::error!(%hold, %why, "a payment came when its hold could not take it");
        }
        TransitionReason::RefundFailed | TransitionReason::Disputed => {
            tracing::error!(%hold, %why, "an operator should look")
        }
        _ if transition.next.price_mismatch => {
            tracing::error!(%hold, %why, "what was paid is not what was asked")
        }
        _ => tracing::info!(%hold, ?status, %why, "hold settled"),
    }
}
