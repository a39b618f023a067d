//! Settling: a fact becomes a transition, whoever told it: an event, Stripe's answer to a question, or to an order.
//!
//! Load, decide by the pure rule, compare-and-swap; where another was faster, decide again on what it left. The event,
//! its effect, its history line and the commands that it causes are one transaction (I5), so an answer of 2xx means that
//! all of it is on the books, and a repeated event finds itself there.

use super::{Context, MOST_ROUNDS, Trouble, slots};
use crate::domain::booking::{Booking, Cause};
use crate::domain::hold::{Decision, Fact, Status, Transition, Why, decide};
use crate::domain::ids::HoldId;
use crate::domain::payment::Receipt;
use crate::domain::session::HoldRefs;
use crate::gateway::webhook::{Event, Told};
use crate::store::{Applied, Change, EventRecord, Step};

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
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
/// [`Trouble`]; nothing is written then, and Stripe must send it again.
pub async fn event(context: &Context, event: Event, payload: &str) -> Result<Outcome, Trouble> {
    let record = EventRecord {
        id: event.id.clone(),
        kind: event.kind.clone(),
        payload: payload.to_owned(),
    };
    let outcome = sort(context, &event, Cause::Event(event.id.clone()), Some(record)).await?;
    let (id, kind) = (&event.id, &event.kind);
    tracing::info!(event = %id, kind, ?outcome, "webhook settled");
    Ok(outcome)
}

/// Finds out whom an event concerns, and settles it. Without a `record` it is not one that comes for the first time:
/// then it counts as applied where it changes something.
///
/// # Errors
/// [`Trouble`]; nothing is written then.
pub(super) async fn sort(
    context: &Context,
    event: &Event,
    cause: Cause,
    record: Option<EventRecord>,
) -> Result<Outcome, Trouble> {
    if event.livemode != context.settings.livemode {
        return Ok(Outcome::Ignored);
    }
    let Told::About {
        refs,
        fact,
        money,
        ours,
    } = &event.told
    else {
        return Ok(Outcome::Ignored);
    };
    match context.store.find_booking(refs).await? {
        Some(booking) => Ok(match settle(context, booking, fact, cause, record).await? {
            Settled::Written(_) => Outcome::Applied,
            Settled::AsItWas(_) | Settled::Seen => Outcome::Duplicate,
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
) -> Result<Outcome, Trouble> {
    let (Some(claimed), Some(receipt)) = (refs.hold, money) else {
        return Ok(Outcome::Ignored);
    };
    // Another installation on the same account looks after its own money.
    let installation = context.installation().await?;
    if refs
        .installation
        .as_ref()
        .is_some_and(|other| other != installation)
    {
        return Ok(Outcome::Ignored);
    }
    match context
        .store
        .apply_orphan(record.as_ref(), Some(claimed), receipt, context.now())
        .await?
    {
        Applied::Done { .. } => {
            context.new_commands.notify_one();
            metrics::counter!("holdfast_payments_without_slot_total", "kind" => "no_hold").increment(1);
            tracing::error!(hold = %claimed, intent = %receipt.intent, "payment for a hold that is not on the books; it is being refunded");
            Ok(Outcome::Applied)
        }
        Applied::Seen | Applied::Lost => Ok(Outcome::Duplicate),
    }
}

/// Settles a fact that Stripe told us as an answer; the hold as it is afterwards.
///
/// # Errors
/// [`Trouble`]; nothing is written then.
pub(super) async fn apply_fact(
    context: &Context,
    booking: Booking,
    fact: &Fact,
    cause: Cause,
) -> Result<Booking, Trouble> {
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
    cause: Cause,
    record: Option<EventRecord>,
) -> Result<Settled, Trouble> {
    let id = booking.hold.id;
    for _ in 0..MOST_ROUNDS {
        let step = match decide(&booking.hold, fact, context.settings.policy) {
            Decision::Stay(_) if record.is_none() => return Ok(Settled::AsItWas(Box::new(booking))),
            Decision::Stay(_) => None,
            Decision::Change(transition) => Some(Step::Take(transition)),
            Decision::Reclaim { free, taken } => Some(reclaim(context, &booking, free, taken).await?),
        };
        let change = change(context, &booking, step, &cause, &record);
        let applied = context.store.apply(&change).await?;
        match applied {
            Applied::Done { orders } => {
                announce(context, &change, orders);
                let booking = reload(context, id).await?;
                return Ok(Settled::Written(Box::new(booking)));
            }
            Applied::Seen => return Ok(Settled::Seen),
            Applied::Lost => booking = reload(context, id).await?,
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
) -> Result<Step, Trouble> {
    let Some(units) = slots::free_again(context, booking).await? else {
        return Ok(Step::Take(taken));
    };
    let before: Vec<_> = booking.segments.iter().map(|one| one.resource.as_str()).collect();
    let now: Vec<_> = units.iter().map(|one| one.segment.resource.as_str()).collect();
    if now != before {
        free.why = Why::LatePaymentGotOthers(now.join(", "));
    }
    Ok(Step::Reclaim {
        transition: free,
        units,
    })
}

fn change(
    context: &Context,
    booking: &Booking,
    step: Option<Step>,
    cause: &Cause,
    record: &Option<EventRecord>,
) -> Change {
    let now = context.now();
    let starts_processing = matches!(&step, Some(Step::Take(t)) if t.next.status == Status::Processing)
        && booking.hold.status != Status::Processing;
    Change {
        event: record.clone(),
        hold: booking.hold.id,
        version: booking.version,
        step,
        cause: cause.clone(),
        now,
        check_at: starts_processing.then(|| now + context.settings.ask_processing_after),
    }
}

async fn reload(context: &Context, id: HoldId) -> Result<Booking, Trouble> {
    let booking = context.store.booking(id).await?;
    booking.ok_or_else(|| impossible(id, "a hold vanished"))
}

fn impossible(id: HoldId, what: &str) -> Trouble {
    Trouble::Internal(format!("{what}: {id}").into())
}

/// Tells the outbox worker, the metrics and the operator.
fn announce(context: &Context, change: &Change, orders: usize) {
    if orders > 0 {
        context.new_commands.notify_one();
    }
    let Some(Step::Take(transition) | Step::Reclaim { transition, .. }) = &change.step else {
        return;
    };
    let (hold, status, why) = (change.hold, transition.next.status, &transition.why);
    metrics::counter!("holdfast_transitions_total", "to" => super::inspect::status_name(status)).increment(1);
    match why {
        Why::LatePaymentGotItsSlot
        | Why::LatePaymentGotOthers(_)
        | Why::LatePaymentRefunded
        | Why::PaymentAfterCancellation
        | Why::SecondPayment => {
            metrics::counter!("holdfast_payments_without_slot_total", "kind" => "late").increment(1);
            tracing::error!(%hold, %why, "a payment came when its hold could not take it");
        }
        Why::RefundFailed | Why::Disputed => tracing::error!(%hold, %why, "an operator should look"),
        _ if transition.next.price_mismatch => {
            tracing::error!(%hold, %why, "what was paid is not what was asked")
        }
        _ => tracing::info!(%hold, ?status, %why, "hold settled"),
    }
}
