//! What banks and the shop do with money after a payment: refunds that fail, and disputes.

use holdfast::sandbox::{DisputeStatus, NewDispute, RefundOutcome, RefundStatus, Simulator};
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

/// How the bank of a guest ends a refund that succeeded at first, or is on its way.
const ENDS: [RefundStatus; 2] = [RefundStatus::Succeeded, RefundStatus::Failed];

/// The next states of a dispute.
const MOVES: [DisputeStatus; 3] = [
    DisputeStatus::UnderReview,
    DisputeStatus::Won,
    DisputeStatus::Lost,
];

/// Opens a dispute, moves one, or ends a refund.
pub(crate) fn move_money(simulator: &Simulator, rng: &mut StdRng) {
    match rng.random_range(0..3) {
        0 => {
            let paid: Vec<_> = simulator.intents();
            let paid: Vec<_> = paid.iter().filter(|intent| intent.amount_received > 0).collect();
            if let Some(intent) = paid.choose(rng) {
                // The bank disputes a payment once at a time.
                let _ = simulator.open_dispute(&intent.id, NewDispute::default());
            }
        }
        1 => {
            if let Some(dispute) = simulator.disputes().choose(rng) {
                // A dispute that is closed stays so.
                let _ = simulator.change_dispute(&dispute.id, *MOVES.choose(rng).unwrap());
            }
        }
        _ => {
            // A refund by hand that fails is seen to by the person who made it.
            let mut refunds = simulator.refunds();
            refunds.retain(|refund| refund.metadata.contains_key("holdfast_command"));
            if let Some(refund) = refunds.choose(rng) {
                let end = RefundOutcome::new(*ENDS.choose(rng).unwrap());
                // A refund that failed stays so.
                let _ = simulator.change_refund(&refund.id, &end);
            }
        }
    }
}

/// Decides how the next refunds begin.
pub(crate) fn decide_next_refunds(simulator: &Simulator, rng: &mut StdRng) {
    let begins = [RefundStatus::Succeeded, RefundStatus::Pending];
    simulator.set_refund_outcome(RefundOutcome::new(*begins.choose(rng).unwrap()));
}

/// Closes all disputes, and ends all refunds that are on their way.
pub(crate) fn settle(simulator: &Simulator, rng: &mut StdRng) {
    simulator.set_refund_outcome(RefundOutcome::default());
    for dispute in simulator.disputes() {
        let end = if rng.random_bool(0.5) {
            DisputeStatus::Won
        } else {
            DisputeStatus::Lost
        };
        // It may be closed already.
        let _ = simulator.change_dispute(&dispute.id, end);
    }
    for refund in simulator.refunds() {
        let is_ours = refund.metadata.contains_key("holdfast_command");
        if refund.status == RefundStatus::Pending {
            let fails = is_ours && rng.random_bool(0.3);
            let end = RefundOutcome::new(ENDS[usize::from(fails)]);
            simulator.change_refund(&refund.id, &end).unwrap();
        }
    }
}
