//! Applies the events that Stripe's webhooks deliver, and replays of them.
//!
//! An event is applied once: it is stored in the transaction of its effect (I5). So a 2xx response to Stripe means that
//! everything is stored, and a repeated event is recognised.

use super::apply_fact;
use super::context::{Context, MAX_CONFLICTS};
use super::error::WorkflowError;
use super::event_owner::{self, EventOwner};
use super::record_money::{self, by_id, unless_forbidden};
use super::write_fact::WriteOutcome;
use crate::domain::booking::{Actor, Booking};
use crate::domain::ids::{HoldId, IntentId, SessionId};
use crate::domain::ledger::fact::LedgerFact;
use crate::domain::ledger::snapshots::{DisputeSnapshot, DisputeStatus, PaymentFacts, RefundStatus};
use crate::domain::ledger::unverified::ReadLists;
use crate::domain::payment::Receipt;
use crate::domain::session::HoldClaim;
use crate::gateway::webhook::{Event, EventContent};
use crate::store::{ApplyOutcome, EventRecord, MergeOutcome, MoneyReport, OrphanPayment, UnownedFact};

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
        return apply_ledger_event(context, event, fact, actor, record).await;
    }
    let (refs, fact, money) = match &event.content {
        EventContent::Relevant { refs, fact, money } => (refs, fact, money),
        EventContent::Unreadable(claim) => return judge_unreadable(context, event, claim).await,
        EventContent::Irrelevant(_) => return Ok(EventOutcome::Ignored),
    };
    for _ in 0..MAX_CONFLICTS {
        let claimed = match event_owner::find_event_owner(context, refs, fact).await? {
            EventOwner::Hold(booking, fact) => {
                return Ok(
                    match apply_fact::write_and_settle(context, *booking, &fact, actor, record).await? {
                        WriteOutcome::Written { .. } => EventOutcome::Applied,
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

/// Decides about an event that cannot be read. A foreign one is ignored.
///
/// # Errors
/// [`WorkflowError::UnreadableEvent`] if it is ours: it may be about money, and another version may be able to read it.
async fn judge_unreadable(
    context: &Context,
    event: &Event,
    claim: &HoldClaim,
) -> Result<EventOutcome, WorkflowError> {
    if claim.installation != context.installation_id().await? {
        return Ok(EventOutcome::Ignored);
    }
    let (hold, id, kind) = (claim.hold, &event.id, &event.kind);
    tracing::error!(hold = %hold.log_id(), event = %id, kind, "an event of ours cannot be read by this version; Stripe sends it again");
    Err(WorkflowError::UnreadableEvent)
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

/// Applies an event about a refund or a dispute.
///
/// # Errors
/// [`WorkflowError`] if the database or, where the refunds must be read, Stripe does not answer: Stripe must send the event
/// again.
async fn apply_ledger_event(
    context: &Context,
    event: &Event,
    fact: &LedgerFact,
    actor: Actor,
    record: Option<EventRecord>,
) -> Result<EventOutcome, WorkflowError> {
    let Some(intent) = fact.intent() else {
        return Ok(EventOutcome::Ignored);
    };
    let booking = record_money::find_owner(context, intent).await?;
    if booking.is_none() && !context.store.is_payment_known(intent).await? {
        return keep_for_owner(context, event, fact, intent).await;
    }
    let (facts, read) = complete_facts(context, booking.as_ref(), intent, fact).await?;
    let report = MoneyReport {
        event: record,
        hold: booking.as_ref().map(|booking| booking.hold.id),
        intent: intent.clone(),
        facts,
        read,
        now: context.now(),
    };
    match record_money::merge(context, &report).await? {
        MergeOutcome::Duplicate => Ok(EventOutcome::Duplicate),
        MergeOutcome::Merged { is_changed } => {
            record_money::note_money(context, intent, actor).await?;
            // A replay of what is known says so.
            Ok(match is_changed || report.event.is_some() {
                true => EventOutcome::Applied,
                false => EventOutcome::Duplicate,
            })
        }
    }
}

/// Keeps what an event says of a payment that is not known to be ours, without effect. If it became ours in this moment,
/// it counts at once.
async fn keep_for_owner(
    context: &Context,
    event: &Event,
    fact: &LedgerFact,
    intent: &IntentId,
) -> Result<EventOutcome, WorkflowError> {
    let report = MoneyReport {
        event: None,
        hold: None,
        intent: intent.clone(),
        facts: stated_facts(fact),
        read: ReadLists::default(),
        now: context.now(),
    };
    record_money::merge(context, &report).await?;
    if let LedgerFact::ChargeRefunded {
        paid,
        amount_refunded,
        ..
    } = fact
    {
        let kept = UnownedFact {
            event: event.id.clone(),
            kind: event.kind.clone(),
            intent: intent.clone(),
            paid: *paid,
            refunded: *amount_refunded,
            reported_at: context.now(),
        };
        context.store.keep_unowned_fact(&kept).await?;
    }
    match record_money::settle_intent(context, intent).await? {
        true => Ok(EventOutcome::Applied),
        false => Ok(EventOutcome::Ignored),
    }
}

/// Returns what an event states, and reads from Stripe where it states less than it implies, or where only an earlier
/// version's counter says what was there before. Without a permission to read, what it states must do.
async fn complete_facts(
    context: &Context,
    booking: Option<&Booking>,
    intent: &IntentId,
    fact: &LedgerFact,
) -> Result<(PaymentFacts, ReadLists), WorkflowError> {
    let stated = stated_facts(fact);
    let known = match booking.and_then(|booking| booking.hold.find_payment(intent)) {
        Some(payment) => payment.facts.clone(),
        None => context.store.find_money_facts(intent).await?,
    };
    let must_read = match fact {
        _ if !known.is_verified() => true,
        LedgerFact::ChargeRefunded { amount_refunded, .. } => {
            sum_of_refunds(&known.merge(stated.clone())) < *amount_refunded
        }
        // The refund that prevented the dispute says where the money is.
        LedgerFact::DisputeSeen(dispute) => dispute.status == DisputeStatus::Prevented,
        LedgerFact::RefundSeen(_) => false,
    };
    if !must_read {
        return Ok((stated, ReadLists::default()));
    }
    let listed = unless_forbidden(record_money::read_lists(context, intent).await)?;
    Ok(match listed {
        Some((listed, read)) => (stated.merge(listed), read),
        None => (stated, ReadLists::default()),
    })
}

fn stated_facts(fact: &LedgerFact) -> PaymentFacts {
    match fact {
        LedgerFact::RefundSeen(refund) => PaymentFacts {
            refunds: by_id([refund.clone()]),
            ..PaymentFacts::default()
        },
        LedgerFact::DisputeSeen(dispute) => PaymentFacts {
            disputes: [(dispute.id.clone(), DisputeSnapshot::clone(dispute))].into(),
            ..PaymentFacts::default()
        },
        LedgerFact::ChargeRefunded { refunds, .. } => PaymentFacts {
            refunds: by_id(refunds.clone()),
            ..PaymentFacts::default()
        },
    }
}

/// Sums up the refunds as a charge does: those that did not end without giving the money back.
fn sum_of_refunds(facts: &PaymentFacts) -> i64 {
    let counted = facts
        .refunds
        .values()
        .filter(|refund| !matches!(refund.status, RefundStatus::Canceled | RefundStatus::Failed));
    counted.map(|refund| refund.money.amount).sum()
}
