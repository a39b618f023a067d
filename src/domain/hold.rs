//! The life of a hold: every status, every fact, and what follows from each pair.
//!
//! [`decide`] is pure: `(hold, fact) -> (next hold, commands to Stripe, reason)`. The slot follows the status: a live
//! hold keeps its windows, any other gives them up; the store does that in the same transaction. Asking Stripe, storing
//! and sending belong to `workflow`.

mod cancel;
mod decide;
mod fact;
mod history_detail;
mod money_preview;
mod payment_steps;
mod release_processing;
mod release_unknown;
mod return_money;
mod reversal_steps;
mod state;
mod steps;
mod transition;
mod transition_reason;

pub use cancel::{CancelError, Refund, cancel};
pub use decide::decide;
pub use fact::{Fact, FailureCode};
pub use history_detail::HistoryDetail;
pub use money_preview::MoneyPreview;
pub use payment_steps::is_session_needed;
pub use release_processing::release_processing;
pub use release_unknown::release_unknown;
pub use return_money::{
    ReturnFault, ReturnWay, TooMuchToReturn, check_return_step, find_most_returnable, return_money,
};
pub use state::{CancelReason, Hold, ReleaseReason, ReleaseRequester, Status};
pub use transition::{Decision, HoldPolicy, Transition};
pub use transition_reason::{ReturnedMoney, TransitionReason};

#[cfg(test)]
mod tests;
