//! Orders to refund that an earlier version wrote and did not finish. It may have called Stripe for them, and its refunds name
//! no order: they are found by their amount and time. Where that is not certain, a person decides.

use chrono::Duration;

use super::context::Context;
use super::error::WorkflowError;
use super::record_money;
use crate::domain::booking::Actor;
use crate::domain::command::{Command, CommandAction};
use crate::domain::ids::IntentId;
use crate::domain::ledger::snapshots::{PaymentFacts, RefundSnapshot};
use crate::domain::money::Money;

/// How much earlier than its order a refund may seem to be made: Stripe's clock is another one, and has whole seconds.
const CLOCK_DIFFERENCE: Duration = Duration::seconds(60);

/// Tells whether an earlier version ordered this command, and nobody since.
pub(super) fn is_of_earlier_version(command: &Command) -> bool {
    command.ordered_by.is_none()
}

/// Looks among the refunds that Stripe has for the one that carried out the order; `true` if it is found.
///
/// # Errors
/// [`WorkflowError::UndecidedOrder`] if several may be the one.
pub(super) async fn adopt_refund(
    context: &Context,
    command: &Command,
    intent: &IntentId,
    money: Money,
    facts: &PaymentFacts,
) -> Result<bool, WorkflowError> {
    match list_candidates(command, money, facts).as_slice() {
        [] => Ok(false),
        [one] => adopt(context, command, intent, one).await.map(|()| true),
        several => {
            let ids: Vec<&str> = several.iter().map(|refund| refund.id.as_str()).collect();
            Err(WorkflowError::UndecidedOrder(ids.join(", ")))
        }
    }
}

/// Writes down what a person decided about an order: whether a refund at Stripe carried it out. `false` if there is nothing to
/// decide about it, or no such refund.
///
/// # Errors
/// [`WorkflowError`] if the database or Stripe does not answer.
pub(super) async fn decide_order(
    context: &Context,
    command: &Command,
    is_carried_out: bool,
    actor: &Actor,
) -> Result<bool, WorkflowError> {
    let CommandAction::Refund { intent, money, .. } = &command.action else {
        return Ok(false);
    };
    if !is_of_earlier_version(command) {
        return Ok(false);
    }
    if !is_carried_out {
        context.store.order_command(command.id, actor).await?;
        return Ok(true);
    }
    record_money::read_money(context, intent).await?;
    let facts = context.store.find_money_facts(intent).await?;
    // They have the same amount, so it is the same money whichever it was.
    match list_candidates(command, *money, &facts).first() {
        Some(refund) => adopt(context, command, intent, refund).await.map(|()| true),
        None => Ok(false),
    }
}

/// Returns the refunds that may have carried out the order, oldest first: no order has them.
fn list_candidates<'a>(command: &Command, money: Money, facts: &'a PaymentFacts) -> Vec<&'a RefundSnapshot> {
    let is_candidate = |refund: &&RefundSnapshot| {
        refund.command.is_none()
            && !refund.id.is_unverified()
            && refund.money == money
            && refund.created >= command.created_at - CLOCK_DIFFERENCE
    };
    let mut candidates: Vec<&RefundSnapshot> = facts.refunds.values().filter(is_candidate).collect();
    candidates.sort_by_key(|refund| refund.created);
    candidates
}

async fn adopt(
    context: &Context,
    command: &Command,
    intent: &IntentId,
    refund: &RefundSnapshot,
) -> Result<(), WorkflowError> {
    tracing::info!(command = %command.id, refund = %refund.id, "the refund carried out the order of an earlier version");
    let ours = RefundSnapshot {
        command: Some(command.id),
        ..refund.clone()
    };
    record_money::record_refund(context, intent, ours).await
}
