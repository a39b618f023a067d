//! Carries out orders to refund: each at most once at Stripe, for exactly what was ordered.
//!
//! Stripe forgets idempotency keys after a day, so a late repeat first looks for the refund that an earlier try made: it
//! names the order in its metadata. Before an order of an earlier version is sent at all, `earlier_order` looks for what that
//! version made of it. A refusal uses up its key, because Stripe repeats the refusal for it; an unknown outcome
//! keeps its key.

use chrono::Duration;

use super::context::Context;
use super::error::WorkflowError;
use super::{earlier_order, record_money, unknown_session};
use crate::domain::booking::Actor;
use crate::domain::command::Command;
use crate::domain::ids::IntentId;
use crate::domain::ledger::snapshots::{DisputeStatus, PaymentFacts, RefundStatus};
use crate::domain::money::Money;
use crate::gateway::{GatewayError, Refusal};

/// How long after its first try an order is repeated without looking for its refund. Stripe keeps keys at least 24 h.
const KEY_IS_SURE: Duration = Duration::hours(12);

/// Stripe's codes for payments of which refunds or the bank have taken what was ordered.
const NOTHING_LEFT: [&str; 4] = [
    "charge_already_refunded",
    "charge_disputed",
    "charge_not_refundable",
    "refund_disputed_payment",
];

/// Why an order was not carried out.
pub(super) struct OrderFailure {
    pub(super) error: WorkflowError,
    /// Whether Stripe refused it, so that the next try needs another key.
    pub(super) is_refused: bool,
}

impl<E: Into<WorkflowError>> From<E> for OrderFailure {
    fn from(error: E) -> Self {
        Self {
            error: error.into(),
            is_refused: false,
        }
    }
}

/// Carries out an order; `Ok` once Stripe has answered it for good, by a refund or because nothing is left to refund.
pub(super) async fn carry_out(
    context: &Context,
    command: &Command,
    intent: &IntentId,
    money: Money,
) -> Result<(), OrderFailure> {
    let now = context.now();
    // A version before this one did not write when it first tried.
    let first_try = command
        .first_tried_at
        .or((command.tries > 0).then_some(command.created_at));
    context
        .store
        .begin_command(command.id, first_try.unwrap_or(now))
        .await?;
    let is_of_earlier_version = earlier_order::is_of_earlier_version(command);
    let mut facts = context.store.find_money_facts(intent).await?;
    // An order that is as old may have been tried before the database was restored from a backup. A fresh key follows a
    // refusal, and what was tried before it may have succeeded without an answer.
    let must_look = is_of_earlier_version
        || now - first_try.unwrap_or(command.created_at) > KEY_IS_SURE
        || command.stripe_key.is_some();
    if must_look {
        record_money::read_money(context, intent).await?;
        facts = context.store.find_money_facts(intent).await?;
    } else if !facts.is_verified() {
        // The counter of an earlier version may have counted this refund or not once it is made.
        record_money::read_if_allowed(context, intent).await?;
        facts = context.store.find_money_facts(intent).await?;
    }
    if is_carried_out(&facts, command)
        || is_of_earlier_version
            && earlier_order::adopt_refund(context, command, intent, money, &facts).await?
    {
        return Ok(());
    }
    let first_key = command.id.to_string();
    let key = command.stripe_key.as_deref().unwrap_or(&first_key);
    match context
        .gateway
        .create_refund(intent, money, command.id, key)
        .await
    {
        Ok(mut refund) => {
            // Also of a call that an earlier version made with this key, without metadata.
            refund.command = Some(command.id);
            Ok(record_money::record_refund(context, intent, refund).await?)
        }
        Err(GatewayError::Refused(refusal)) => {
            decide_refusal(context, command, (intent, money), refusal).await
        }
        Err(error) => Err(error.into()),
    }
}

fn is_carried_out(facts: &PaymentFacts, command: &Command) -> bool {
    facts
        .refunds
        .values()
        .any(|refund| refund.command == Some(command.id))
}

/// Decides what a refusal means: where nothing is left to refund the order ends, else it is tried again with another key.
async fn decide_refusal(
    context: &Context,
    command: &Command,
    (intent, money): (&IntentId, Money),
    refusal: Refusal,
) -> Result<(), OrderFailure> {
    let code = refusal.code.as_deref();
    let is_about_money =
        code.is_some_and(|code| NOTHING_LEFT.contains(&code)) || refusal.param.as_deref() == Some("amount");
    let is_key_used = refusal.kind == "idempotency_error";
    let error = GatewayError::Refused(refusal);
    if unknown_session::is_object_unknown(&error) {
        unknown_session::raise_alarm(command.hold);
    }
    if is_about_money || is_key_used {
        let read = record_money::read_money(context, intent).await?;
        let facts = context.store.find_money_facts(intent).await?;
        let is_over = is_about_money && read.disputes && is_nothing_left(&facts);
        // The version before sends the same key without metadata while it serves beside this one.
        if is_carried_out(&facts, command)
            || is_key_used && earlier_order::adopt_refund(context, command, intent, money, &facts).await?
            || is_over
        {
            return Ok(());
        }
    }
    Err(OrderFailure {
        error: error.into(),
        is_refused: true,
    })
}

/// Tells whether refunds or the bank have taken money of the payment, so that Stripe refuses this order for good. While the
/// bank decides, it may still succeed.
fn is_nothing_left(facts: &PaymentFacts) -> bool {
    let is_open = facts.disputes.values().any(|dispute| dispute.status.is_open());
    let is_taken = facts
        .disputes
        .values()
        .any(|dispute| dispute.status == DisputeStatus::Lost)
        || facts
            .refunds
            .values()
            .any(|refund| !refund.status.is_over() && !matches!(refund.status, RefundStatus::Unknown(_)));
    is_taken && !is_open
}

/// Lets the hold of a payment take notice of an order that was carried out. A failure is left to the sweep.
pub(super) async fn let_hold_notice(context: &Context, intent: &IntentId, actor: Actor) {
    if let Err(error) = record_money::note_money(context, intent, actor).await {
        tracing::warn!(%intent, %error, "refund not noted; the sweep tries again");
    }
}
