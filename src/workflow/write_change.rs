//! Writes a change to a hold, and counts the transition if the change is one.
//!
//! All changes of a hold's status go through here, so that the metric counts each of them once. A note, such as a payment
//! intent that became known, leaves the status as it is and is no transition.

use super::context::Context;
use crate::domain::hold::Status;
use crate::store::{ApplyOutcome, HoldChange, RefundRequest, StateChange, StoreError};

/// Writes a change that was decided on a hold with this status.
pub(super) async fn write_change(
    context: &Context,
    before: Status,
    change: &HoldChange,
) -> Result<ApplyOutcome, StoreError> {
    let outcome = context.store.apply_change(change).await?;
    count_change(before, change, &outcome);
    Ok(outcome)
}

/// Writes a change together with the request that asks for it, so that the request is carried out once.
pub(super) async fn write_requested_change(
    context: &Context,
    before: Status,
    change: &HoldChange,
    request: &RefundRequest,
) -> Result<ApplyOutcome, StoreError> {
    let outcome = context.store.apply_refund_request(change, request).await?;
    count_change(before, change, &outcome);
    Ok(outcome)
}

fn count_change(before: Status, change: &HoldChange, outcome: &ApplyOutcome) {
    if let (ApplyOutcome::Done { .. }, Some(step)) = (outcome, &change.step) {
        let (StateChange::Transition(transition) | StateChange::Reclaim { transition, .. }) = step;
        count_transition(Some(before), transition.next.status);
    }
}

/// Counts a hold that became released in the transaction of another change.
pub(super) fn count_release(before: Status, after: Status) {
    count_transition(Some(before), after);
}

/// Counts a hold that was placed.
pub(super) fn count_placing(status: Status) {
    count_transition(None, status);
}

fn count_transition(from: Option<Status>, to: Status) {
    let name = status_name(to);
    if from.is_none_or(|from| status_name(from) != name) {
        metrics::counter!("holdfast_transitions_total", "to" => name).increment(1);
    }
}

/// Returns a status as one word, as metrics show it.
fn status_name(status: Status) -> &'static str {
    match status {
        Status::Held => "held",
        Status::Processing => "processing",
        Status::Confirmed => "confirmed",
        Status::Released(_) => "released",
        Status::Cancelled(_) => "cancelled",
    }
}
