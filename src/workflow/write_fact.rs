//! Writes what follows from a fact to its hold.
//!
//! Decides by the pure rule, and writes by compare-and-swap; after a conflict it decides again. The event, its effect, its
//! history line and the commands that it causes are one transaction (I5).

use super::availability;
use super::context::{Context, MAX_CONFLICTS};
use super::error::WorkflowError;
use super::own_payment;
use super::write_change::write_change;
use crate::domain::booking::{Actor, Booking};
use crate::domain::hold::{Decision, Fact, Hold, Status, Transition, TransitionReason, decide};
use crate::domain::ids::{HoldId, IntentId};
use crate::store::{ApplyOutcome, EventRecord, HoldChange, StateChange};

/// What applying a fact wrote.
pub(super) enum WriteOutcome {
    /// The event or a change was written.
    Written {
        /// The intents that the change tied to the hold.
        tied: Vec<IntentId>,
    },
    /// There was nothing to write to this hold.
    Unchanged(Box<Booking>),
    /// The event was stored before.
    Duplicate,
}

/// Decides what follows from a fact for its hold, and writes it with the event that reports it, if one does.
///
/// # Errors
/// [`WorkflowError`] if nothing was written.
pub(super) async fn write_fact(
    context: &Context,
    mut booking: Booking,
    fact: &Fact,
    actor: Actor,
    record: Option<EventRecord>,
) -> Result<WriteOutcome, WorkflowError> {
    let id = booking.hold.id;
    let noted = match fact {
        Fact::MoneyMoved(intent) => Some(intent.clone()),
        _ => None,
    };
    for _ in 0..MAX_CONFLICTS {
        let fact = own_payment::find_own_payment(context, &booking, fact).await?;
        add_unmatched_facts(context, &mut booking.hold, &fact).await?;
        let step = match decide(&booking.hold, &fact, context.settings.policy) {
            Decision::Stay(_) if record.is_none() && noted.is_none() => {
                return Ok(WriteOutcome::Unchanged(Box::new(booking)));
            }
            // The event is stored even if it changes nothing, so that its next delivery is recognised.
            Decision::Stay(_) => None,
            Decision::Change(transition) => Some(StateChange::Transition(transition)),
            Decision::Reclaim { free, taken } => Some(choose_reclaim(context, &booking, free, taken).await?),
        };
        let mut change = to_hold_change(context, &booking, step, &actor, &record).await?;
        change.noted.clone_from(&noted);
        let applied = write_change(context, booking.hold.status, &change).await?;
        match applied {
            ApplyOutcome::Done { commands } => {
                announce_change(context, &change, commands);
                let tied = newly_tied_intents(&booking.hold, &change);
                return Ok(WriteOutcome::Written { tied });
            }
            ApplyOutcome::Duplicate => return Ok(WriteOutcome::Duplicate),
            ApplyOutcome::Conflict => booking = reload_booking(context, id).await?,
        }
    }
    Err(internal_error(id, "too many conflicts while applying a fact"))
}

/// Adds what is known of the refunds and disputes of a payment that the hold does not know yet.
async fn add_unmatched_facts(context: &Context, hold: &mut Hold, fact: &Fact) -> Result<(), WorkflowError> {
    let Some(receipt) = fact.receipt() else {
        return Ok(());
    };
    if hold.find_payment(&receipt.intent).is_none() && !hold.unmatched.contains_key(&receipt.intent) {
        let facts = context.store.find_money_facts(&receipt.intent).await?;
        hold.unmatched.insert(receipt.intent.clone(), facts);
    }
    Ok(())
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
        noted: None,
        step,
        actor: actor.clone(),
        now: context.now(),
        check_at,
    })
}

/// Returns the intents that are the hold's by this change and were not before.
fn newly_tied_intents(before: &Hold, change: &HoldChange) -> Vec<IntentId> {
    let Some(StateChange::Transition(transition) | StateChange::Reclaim { transition, .. }) = &change.step
    else {
        return Vec::new();
    };
    let after = &transition.next;
    let mut intents: Vec<IntentId> = after
        .payments
        .iter()
        .map(|payment| payment.intent.clone())
        .collect();
    intents.extend(after.intent.clone());
    intents.sort();
    intents.dedup();
    intents.retain(|intent| before.intent.as_ref() != Some(intent) && before.find_payment(intent).is_none());
    intents
}

pub(super) async fn reload_booking(context: &Context, id: HoldId) -> Result<Booking, WorkflowError> {
    let booking = context.store.find_booking(id).await?;
    booking.ok_or_else(|| internal_error(id, "a hold disappeared from the store"))
}

pub(super) fn internal_error(id: HoldId, message: &str) -> WorkflowError {
    WorkflowError::Internal(format!("{message}: {}", id.log_id()).into())
}

/// Wakes the outbox worker and logs the transition; what an operator must check is an error.
fn announce_change(context: &Context, change: &HoldChange, commands: usize) {
    if commands > 0 {
        context.new_commands.notify_one();
    }
    let Some(StateChange::Transition(transition) | StateChange::Reclaim { transition, .. }) = &change.step
    else {
        return;
    };
    let (hold, status, reason) = (change.hold, transition.next.status, &transition.reason);
    match reason {
        TransitionReason::LatePaymentGotItsSlot
        | TransitionReason::LatePaymentGotOthers(_)
        | TransitionReason::LatePaymentRefunded
        | TransitionReason::LatePaymentAfterStart
        | TransitionReason::PaymentAfterOperatorRelease
        | TransitionReason::PaymentAfterCancellation
        | TransitionReason::SecondPayment
        | TransitionReason::PaidElsewhere
        | TransitionReason::UnderpaidElsewhere
            // A session that left nothing to pay brings no money.
            if !transition.next.payments.is_empty() =>
        {
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
