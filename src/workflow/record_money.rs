//! Records what Stripe says about refunds and disputes, and lets the payment's hold take notice.
//!
//! Each report is merged into the ledger first, with its event, and then the hold decides what follows. What a report says
//! does not depend on its source: an event, the answer to a call, or a list read from Stripe. A crash between the two steps
//! loses nothing, because the ledger marks what no hold has taken notice of: the sweep goes on with it.

use super::context::Context;
use super::error::{WorkflowError, format_error_chain};
use super::write_fact;
use crate::domain::booking::{Actor, Booking};
use crate::domain::hold::Fact;
use crate::domain::ids::{IntentId, RefundId};
use crate::domain::ledger::snapshots::{DisputeStatus, PaymentFacts, RefundSnapshot, RefundStatus};
use crate::domain::ledger::unverified::ReadLists;
use crate::domain::session::HoldRefs;
use crate::gateway::GatewayError;
use crate::store::{MergeOutcome, MoneyReport};

/// How many payments one sweep looks at whose hold has not taken notice of all refunds and disputes.
const UNNOTED: u32 = 100;

/// Lets the hold of a payment take notice of what was kept before the payment was its own; `false` if no hold has it.
pub(super) async fn settle_intent(context: &Context, intent: &IntentId) -> Result<bool, WorkflowError> {
    if find_owner(context, intent).await?.is_none() {
        return Ok(false);
    }
    let hints = context.store.find_unowned_facts(intent).await?;
    if !hints.is_empty() {
        // Without the permission the hints go all the same: the daily reading finds the refunds once there is one.
        read_if_allowed(context, intent).await?;
        for event in &hints {
            context.store.delete_unowned_fact(event).await?;
        }
    }
    note_money(context, intent, Actor::Command).await
}

/// Lets holds take notice of what a process left which died, and reads what was kept for them. A failure is left to the next
/// sweep: the rest of this one does not depend on it.
pub(super) async fn settle_unnoted(context: &Context) {
    let intents = match list_unsettled(context).await {
        Ok(intents) => intents,
        Err(error) => {
            let error = format_error_chain(&error);
            tracing::warn!(
                error,
                "refunds and disputes not looked for; the next sweep tries again"
            );
            return;
        }
    };
    for intent in intents {
        if let Err(error) = settle_intent(context, &intent).await {
            tracing::warn!(%intent, %error, "refunds and disputes not noted; the next sweep tries again");
        }
    }
}

/// Lists payments whose hold has not taken notice of everything.
async fn list_unsettled(context: &Context) -> Result<Vec<IntentId>, WorkflowError> {
    let mut intents = context.store.list_unnoted_money(UNNOTED).await?;
    intents.extend(context.store.list_tied_facts(UNNOTED).await?);
    intents.dedup();
    Ok(intents)
}

/// Reads the refunds and disputes of a payment from Stripe, and merges them. Disputes that the key may not read are left out.
/// Returns what was read.
///
/// # Errors
/// [`WorkflowError`] if the database or Stripe does not answer, or the key may not read refunds.
pub(super) async fn read_money(context: &Context, intent: &IntentId) -> Result<ReadLists, WorkflowError> {
    let (facts, read) = read_lists(context, intent).await?;
    merge_lists(context, intent, facts, read).await?;
    Ok(read)
}

/// Reads them as [`read_money`] does; `false` without a change if the key may not.
pub(super) async fn read_if_allowed(context: &Context, intent: &IntentId) -> Result<bool, WorkflowError> {
    let Some((facts, read)) = unless_forbidden(read_lists(context, intent).await)? else {
        return Ok(false);
    };
    merge_lists(context, intent, facts, read).await?;
    Ok(true)
}

/// Merges what was read from Stripe.
async fn merge_lists(
    context: &Context,
    intent: &IntentId,
    facts: PaymentFacts,
    read: ReadLists,
) -> Result<(), WorkflowError> {
    let report = MoneyReport {
        event: None,
        hold: None,
        intent: intent.clone(),
        facts,
        read,
        now: context.now(),
    };
    merge(context, &report).await.map(drop)
}

/// What the ledger makes of refunds or disputes that a list of Stripe has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListedMoney {
    /// Their payment is not ours.
    Foreign,
    /// They say nothing new.
    Known,
    /// They say something new.
    Changed,
}

/// Merges refunds and disputes of one intent that a list of the account has, if the payment is ours. The first ones of a
/// payment with an earlier version's counter make its own lists be read.
pub(super) async fn record_listed(
    context: &Context,
    intent: &IntentId,
    listed: PaymentFacts,
) -> Result<ListedMoney, WorkflowError> {
    if find_owner(context, intent).await?.is_none() && !context.store.is_payment_known(intent).await? {
        return Ok(ListedMoney::Foreign);
    }
    let known = context.store.find_money_facts(intent).await?;
    let all = match known.is_verified() {
        true => None,
        false => unless_forbidden(read_lists(context, intent).await)?,
    };
    let (facts, read) = all.unwrap_or((listed, ReadLists::default()));
    if known.clone().merge_report(facts.clone(), read) == known {
        return Ok(ListedMoney::Known);
    }
    merge_lists(context, intent, facts, read).await?;
    note_money(context, intent, Actor::Sweep).await?;
    Ok(ListedMoney::Changed)
}

/// Reads the refunds and disputes of a payment from Stripe, and lets its hold take notice.
pub(super) async fn read_and_note(context: &Context, intent: &IntentId) -> Result<(), WorkflowError> {
    read_money(context, intent).await?;
    note_money(context, intent, Actor::Sweep).await.map(drop)
}

/// Reads all refunds and disputes of a payment from Stripe.
pub(super) async fn read_lists(
    context: &Context,
    intent: &IntentId,
) -> Result<(PaymentFacts, ReadLists), GatewayError> {
    let refunds = context.gateway.list_refunds(intent).await?;
    let disputes = unless_forbidden(context.gateway.list_disputes(intent).await)?;
    let read = ReadLists {
        refunds: true,
        disputes: disputes.is_some(),
    };
    let disputes = disputes.into_iter().flatten();
    let facts = PaymentFacts {
        refunds: by_id(refunds),
        disputes: disputes.map(|dispute| (dispute.id.clone(), dispute)).collect(),
    };
    Ok((facts, read))
}

/// Returns `None` where the key lacks a permission, which stops nothing: `doctor` names it.
pub(super) fn unless_forbidden<T>(answer: Result<T, GatewayError>) -> Result<Option<T>, GatewayError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.is_forbidden() => {
            tracing::warn!(%error, "the key may not read refunds or disputes");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Merges a refund that a call answered with, and lets the hold take notice.
pub(super) async fn record_refund(
    context: &Context,
    intent: &IntentId,
    refund: RefundSnapshot,
) -> Result<(), WorkflowError> {
    let facts = PaymentFacts {
        refunds: by_id([refund]),
        ..PaymentFacts::default()
    };
    merge_lists(context, intent, facts, ReadLists::default()).await
}

/// Lets the hold of a payment take notice of where its money is now; `false` if no hold has it.
pub(super) async fn note_money(
    context: &Context,
    intent: &IntentId,
    actor: Actor,
) -> Result<bool, WorkflowError> {
    let Some(booking) = find_owner(context, intent).await? else {
        return Ok(false);
    };
    if booking.hold.find_payment(intent).is_some() {
        write_fact::write_fact(context, booking, &Fact::MoneyMoved(intent.clone()), actor, None).await?;
    }
    Ok(true)
}

pub(super) async fn find_owner(
    context: &Context,
    intent: &IntentId,
) -> Result<Option<Booking>, WorkflowError> {
    let by_intent = HoldRefs {
        intent: Some(intent.clone()),
        ..HoldRefs::default()
    };
    Ok(context.store.find_booking_by_refs(&by_intent).await?)
}

/// Merges a report, and warns the operator of a status that we do not know: it changes nothing.
pub(super) async fn merge(context: &Context, report: &MoneyReport) -> Result<MergeOutcome, WorkflowError> {
    for refund in report.facts.refunds.values() {
        if let RefundStatus::Unknown(word) = &refund.status {
            tracing::error!(intent = %report.intent, refund = %refund.id, status = %word, "Stripe reports a status that this version does not know");
            metrics::counter!("holdfast_unknown_statuses_total", "object" => "refund").increment(1);
        }
    }
    for dispute in report.facts.disputes.values() {
        if let DisputeStatus::Unknown(word) = &dispute.status {
            tracing::error!(intent = %report.intent, dispute = %dispute.id, status = %word, "Stripe reports a status that this version does not know");
            metrics::counter!("holdfast_unknown_statuses_total", "object" => "dispute").increment(1);
        }
    }
    Ok(context.store.merge_money(report).await?)
}

pub(super) fn by_id(
    refunds: impl IntoIterator<Item = RefundSnapshot>,
) -> std::collections::BTreeMap<RefundId, RefundSnapshot> {
    refunds
        .into_iter()
        .map(|refund| (refund.id.clone(), refund))
        .collect()
}
