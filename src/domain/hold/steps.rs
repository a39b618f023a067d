//! The steps that the other steps are made of: recording a payment, ordering refunds, and changes without money.
//!
//! A payment is recorded once, refunded at most once, and never kept for a hold without a slot (I3). `payment_steps`
//! decides about money that comes in, `reversal_steps` about refunds and disputes.

use super::state::{CancelReason, Hold, ReleaseReason, ReleaseRequester, Status};
use super::transition::{Decision, HoldPolicy, Transition};
use super::transition_reason::TransitionReason;
use crate::domain::command::CommandAction;
use crate::domain::ids::IntentId;
use crate::domain::money::Money;
use crate::domain::payment::{Payment, Receipt};

/// Makes a decision that changes the hold without a command to Stripe.
pub(super) fn change_hold(next: Hold, reason: TransitionReason) -> Decision {
    Decision::Change(Transition {
        next,
        commands: Vec::new(),
        reason,
    })
}

/// Returns the reason of a release: it depends on who asked for it.
pub(super) fn release_reason(hold: &Hold) -> ReleaseReason {
    match hold.requested_by {
        Some(ReleaseRequester::Guest) => ReleaseReason::Guest,
        Some(ReleaseRequester::Operator) => ReleaseReason::Operator,
        None => ReleaseReason::Expired,
    }
}

/// Tells whether this is at least the price. Money in another currency never is.
pub(super) fn covers_price(hold: &Hold, money: Money) -> bool {
    money.currency == hold.price.currency && money.amount >= hold.price.amount
}

/// Returns the hold with this payment recorded, in the given status.
pub(super) fn record_payment(hold: &Hold, receipt: &Receipt, status: Status) -> Hold {
    let mut next = Hold {
        status,
        requested_by: None,
        intent: Some(receipt.intent.clone()),
        ..hold.clone()
    };
    next.record(receipt);
    next
}

/// Confirms a hold that was paid, or cancels it: a full refund of all its payments at Stripe does that if the shop chose so.
/// A refund that was ordered here never does, and a lost dispute neither. Returns the commands of a cancellation: nothing is
/// kept, also if one of those refunds fails later.
pub(super) fn set_status_of_paid(next: &mut Hold, policy: HoldPolicy) -> Vec<CommandAction> {
    let is_paid = next.payments.iter().any(Payment::pays_for_booking);
    let is_refunded = next.payments.iter().any(Payment::is_refunded_at_stripe);
    if !is_refunded || is_paid || !policy.full_refund_frees_slot {
        next.status = Status::Confirmed;
        return Vec::new();
    }
    next.status = Status::Cancelled(CancelReason::Refunded);
    refund_other_payments(next, None)
}

/// Orders the refund of every payment that is with the shop, except of the one that the hold keeps.
///
/// In a hold that is not confirmed, these are payments below the price that waited for their session.
pub(super) fn refund_other_payments(next: &mut Hold, kept: Option<&IntentId>) -> Vec<CommandAction> {
    let is_other = |payment: &&mut Payment| {
        payment.decisions.reason.is_for_booking() && kept.is_none_or(|kept| payment.intent != *kept)
    };
    next.payments
        .iter_mut()
        .filter(is_other)
        .filter_map(Payment::give_back)
        .collect()
}

/// Makes the transition that records a payment that must go back, with the command to refund what is left of it.
pub(super) fn refund_payment(hold: Hold, receipt: &Receipt, reason: TransitionReason) -> Transition {
    let mut next = hold;
    let payment = next.record(receipt);
    let commands = payment.give_back().into_iter().collect();
    next.intent.get_or_insert_with(|| receipt.intent.clone());
    Transition {
        next,
        commands,
        reason,
    }
}

pub(super) fn start_processing(hold: &Hold, intent: Option<&IntentId>) -> Decision {
    let intent = hold.intent.clone().or_else(|| intent.cloned());
    change_hold(
        Hold {
            status: Status::Processing,
            requested_by: None,
            intent,
            ..hold.clone()
        },
        TransitionReason::PaymentUnderway,
    )
}

/// Releases the hold and its slot. What was paid below the price was not paid through its own session, and goes back.
pub(super) fn release_hold(hold: &Hold, release_reason: ReleaseReason, reason: TransitionReason) -> Decision {
    let mut next = Hold {
        status: Status::Released(release_reason),
        requested_by: None,
        ..hold.clone()
    };
    let commands = refund_other_payments(&mut next, None);
    Decision::Change(Transition {
        next,
        commands,
        reason,
    })
}

/// Links the first intent that is named. The intent that pays replaces it in [`record_payment`]; after that none does.
pub(super) fn link_intent(hold: &Hold, intent: &IntentId) -> Decision {
    match hold.intent {
        Some(_) => Decision::Stay(TransitionReason::AlreadySo),
        None => change_hold(
            Hold {
                intent: Some(intent.clone()),
                ..hold.clone()
            },
            TransitionReason::IntentLinked,
        ),
    }
}

/// Records a failed payment attempt in the history; the guest may try again.
pub(super) fn note_attempt(hold: &Hold, intent: &IntentId, reason: TransitionReason) -> Decision {
    let intent = hold.intent.clone().unwrap_or_else(|| intent.clone());
    change_hold(
        Hold {
            intent: Some(intent),
            ..hold.clone()
        },
        reason,
    )
}
