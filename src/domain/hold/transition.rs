//! What can follow from a fact: nothing, a transition, or one of two transitions.

use super::state::Hold;
use super::transition_reason::TransitionReason;
use crate::domain::command::CommandAction;

/// The shop's settings that the rules depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldPolicy {
    /// Whether a full refund made at Stripe cancels the hold and frees the slot.
    pub full_refund_frees_slot: bool,
}

impl Default for HoldPolicy {
    fn default() -> Self {
        Self {
            full_refund_frees_slot: true,
        }
    }
}

/// What follows from a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The hold stays as it is: the fact is known already, or no longer matters.
    Stay(TransitionReason),
    /// The hold changes by this transition.
    Change(Transition),
    /// A payment for a slot that was given up (I3). What happens depends on whether the slot is free and has not begun.
    ///
    /// Only the store and its clock know that. The caller looks for free units and commits `free` together with them. If another
    /// hold gets the units first, the caller decides again.
    Reclaim {
        /// Applies if the hold gets its slot back.
        free: Transition,
        /// Applies if the slot is taken or has begun.
        taken: Transition,
    },
}

/// One step in a hold's life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The hold after the step.
    pub next: Hold,
    /// The commands to Stripe that the step causes.
    pub commands: Vec<CommandAction>,
    /// The cause, for the history.
    pub reason: TransitionReason,
}
