//! Applies facts: from a webhook event, or from Stripe's response to a call.
//!
//! Loads the hold, decides by the pure rule, and writes by compare-and-swap; after a conflict it decides again. The
//! event, its effect, its history line and the commands that it causes are one transaction (I5). So a 2xx response to
//! Stripe means that everything is stored, and a repeated event is recognised.

use super::availability;
use super::context::{Context, MAX_CONFLICTS};
use super::error::WorkflowError;
use super::event_owner::{self, EventOwner};
use super::queries::status_name;
use super::record_money;
use crate::domain::booking::{Actor, Booking};
use crate::domain::hold::{Decision, Fact, Hold, Status, Transition, TransitionReason, decide};
use crate::domain::ids::{HoldId, IntentId, SessionId};
use crate::domain::payment::Receipt;
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
        payload: Some(payload.to_owned()),
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
    if let Some(fact) = &event.ledger {
        return record_money::apply_ledger_event(context, event, fact, actor, record).await;
    }
    let EventContent::Relevant { refs, fact, money } = &event.content else {
        return Ok(EventOutcome::Ignored);
    };
    for _ in 0..MAX_CONFLICTS {
        let claimed = match event_owner::find_event_owner(context, refs, fact).await? {
            EventOwner::Hold(booking, fact) => {
                return Ok(
                    match write_and_settle(context, *booking, &fact, actor, record).await? {
                        WriteOutcome::Written(_) => EventOutcome::Applied,
                        WriteOutcome::Unchanged(_) | WriteOutcome::Duplicate => EventOutcome::Duplicate,
                    },
                );
            }
            EventOwner::MissingHold(claimed) => claimed,
            EventOwner::HoldWithoutEffect | EventOwner::Foreign => return Ok(EventOutcome::Ignored),
        };
        let Some(receipt) = money else {
            return Ok(EventOutcome::Ignored);
        };
        let by_session = refs.session.as_ref();
        if let Some(outcome) =
            record_orphan_payment(context, claimed, receipt, by_session, record.clone()).await?
        {
            return Ok(outcome);
        }
    }
    Err(WorkflowError::Internal("a hold is placed and not found".into()))
}

/// Records a payment that is ours but has no hold, and refunds it unless an attempt may still place the hold (I3). `None` if
/// the hold was placed since the caller looked for it.
pub(super) async fn record_orphan_payment(
    context: &Context,
    claimed: HoldId,
    receipt: &Receipt,
    session: Option<&SessionId>,
    record: Option<EventRecord>,
) -> Result<Option<EventOutcome>, WorkflowError> {
    let facts = context.store.find_money_facts(&receipt.intent).await?;
    let orphan = OrphanPayment {
        event: record,
        claimed_hold: Some(claimed),
        session: session.cloned(),
        payment: receipt.to_payment(facts),
        livemode: context.settings.livemode,
        now: context.now(),
    };
    let intent = &receipt.intent;
    match context.store.record_orphan_payment(&orphan).await? {
        ApplyOutcome::Done { commands: 0 } => {
            tracing::info!(hold = %claimed.log_id(), %intent, "payment for a hold that is not placed; no refund is due");
            Ok(Some(EventOutcome::Applied))
        }
        ApplyOutcome::Done { .. } => {
            context.new_commands.notify_one();
            tracing::info!(hold = %claimed.log_id(), %intent, "payment without a hold recorded");
            Ok(Some(EventOutcome::Applied))
        }
        ApplyOutcome::Duplicate => Ok(Some(EventOutcome::Duplicate)),
        ApplyOutcome::Conflict => Ok(None),
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
    match write_and_settle(context, booking, fact, actor, None).await? {
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

/// Applies a fact; then, if it tied an intent to the hold, also what was kept of that intent.
async fn write_and_settle(
    context: &Context,
    booking: Booking,
    fact: &Fact,
    actor: Actor,
    record: Option<EventRecord>,
) -> Result<WriteOutcome, WorkflowError> {
    let before = booking.hold.clone();
    let written = decide_and_write(context, booking, fact, actor, record).await?;
    let WriteOutcome::Written(after) = &written else {
        return Ok(written);
    };
    let mut is_settled = false;
    for intent in newly_tied_intents(&before, &after.hold) {
        is_settled |= settle_or_leave(context, &intent).await?;
    }
    if !is_settled {
        return Ok(written);
    }
    let booking = reload_booking(context, before.id).await?;
    Ok(WriteOutcome::Written(Box::new(booking)))
}

/// Lets the hold take notice of what is known of a payment that was tied to it just now; `false` if nothing is. A failure is
/// left to the sweep, because what tied the payment is committed.
async fn settle_or_leave(context: &Context, intent: &IntentId) -> Result<bool, WorkflowError> {
    let is_any = !context.store.find_money_facts(intent).await?.is_empty()
        || !context.store.find_unowned_facts(intent).await?.is_empty();
    if is_any && let Err(error) = Box::pin(record_money::settle_intent(context, intent)).await {
        tracing::warn!(%intent, %error, "refunds and disputes not noted; the sweep tries again");
    }
    Ok(is_any)
}

/// Returns the intents that are the hold's now and were not before.
fn newly_tied_intents(before: &Hold, after: &Hold) -> Vec<IntentId> {
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

async fn decide_and_write(
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
        add_unmatched_facts(context, &mut booking.hold, fact).await?;
        let step = match decide(&booking.hold, fact, context.settings.policy) {
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

/// Adds what is known of the refunds and disputes of a payment that the hold does not know yet.
async fn add_unmatched_facts(context: &Context, hold: &mut Hold, fact: &Fact) -> Result<(), WorkflowError> {
    let Some(receipt) = fact.receipt() else {
        return Ok(());
    };
    if hold.find_payment(&receipt.intent).is_none() {
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
        | TransitionReason::SecondPayment
        | TransitionReason::PaidElsewhere
        | TransitionReason::UnderpaidElsewhere => {
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
