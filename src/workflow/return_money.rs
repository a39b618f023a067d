//! Returns money of a hold for an operator, without cancelling it: a durable command refunds it at Stripe, or it is recorded
//! that it was settled elsewhere.

use std::sync::Arc;

use uuid::Uuid;

use super::context::{Context, MAX_CONFLICTS};
use super::error::WorkflowError;
use crate::domain::booking::{Actor, Booking};
use crate::domain::hold::{ReturnFault, ReturnWay, Transition, check_return_step, return_money};
use crate::domain::ids::{HoldId, IdempotencyKey};
use crate::store::{ApplyOutcome, HoldChange, RefundRequest, StateChange, StoreError};

/// Why no money is returned.
#[derive(Debug, thiserror::Error)]
pub enum ReturnError {
    /// There is no such hold.
    #[error("no such hold")]
    Missing,
    /// So much cannot be returned.
    #[error(transparent)]
    Refused(#[from] ReturnFault),
    /// The key was used for another request.
    #[error("the key was used for another request")]
    OtherRequest,
    /// The hold is not as the operator saw it any more.
    #[error("the hold has changed")]
    Changed,
    /// The request was valid, but the workflow failed.
    #[error(transparent)]
    Workflow(#[from] WorkflowError),
}

impl From<StoreError> for ReturnError {
    fn from(error: StoreError) -> Self {
        Self::Workflow(error.into())
    }
}

/// What an operator asks for.
#[derive(Clone, Debug)]
pub struct ReturnRequest {
    /// Identifies the hold whose money it is.
    pub hold: HoldId,
    /// How much is returned, in minor units; at least 1.
    pub amount: i64,
    /// How it is returned.
    pub way: ReturnWay,
    /// Why, for the history.
    pub note: String,
    /// On whose behalf it is returned.
    pub actor: Actor,
    /// The idempotency key that the caller chose, if any.
    pub key: Option<IdempotencyKey>,
    /// A digest of the hold and the body, which tells a repetition from another request with the same key.
    pub fingerprint: String,
    /// The only version of the hold whose money is returned: that of the preview, if there was one.
    pub seen: Option<i64>,
}

impl ReturnRequest {
    /// Decides what the request does to a hold. What is shown before and what is done come from here.
    ///
    /// # Errors
    /// [`ReturnFault`] if less can be returned, or only in larger steps.
    pub fn decide(&self, booking: &Booking) -> Result<Transition, ReturnFault> {
        let transition = return_money(&booking.hold, self.amount, self.way, self.note.clone())?;
        check_return_step(&booking.hold, self.amount, self.way)?;
        Ok(transition)
    }
}

/// Returns money in a task of its own, and the hold as it is then. A request that was carried out before changes nothing.
///
/// # Errors
/// [`ReturnError`] if nothing was changed.
pub async fn return_money_in_task(
    context: &Arc<Context>,
    request: ReturnRequest,
) -> Result<Booking, ReturnError> {
    let owned = Arc::clone(context);
    let task = context
        .sagas
        .spawn(async move { decide_and_write(&owned, &request).await });
    task.await
        .unwrap_or_else(|panicked| Err(WorkflowError::Internal(Box::new(panicked)).into()))
}

async fn decide_and_write(context: &Context, request: &ReturnRequest) -> Result<Booking, ReturnError> {
    let id = request.hold;
    // Also a request without a key must order once, should a call to the store be repeated.
    let keyed = RefundRequest {
        key: request
            .key
            .clone()
            .unwrap_or_else(|| IdempotencyKey::from_uuid(Uuid::new_v4())),
        fingerprint: request.fingerprint.clone(),
    };
    for _ in 0..MAX_CONFLICTS {
        let booking = context.store.find_booking(id).await?;
        let booking = booking.ok_or(ReturnError::Missing)?;
        if is_repeated(context, &keyed).await? {
            return Ok(booking);
        }
        if request.seen.is_some_and(|version| version != booking.version) {
            return Err(ReturnError::Changed);
        }
        let transition = request.decide(&booking)?;
        let change = HoldChange {
            event: None,
            hold: id,
            version: booking.version,
            noted: None,
            step: Some(StateChange::Transition(transition)),
            actor: request.actor.clone(),
            now: context.now(),
            check_at: None,
        };
        match context.store.apply_refund_request(&change, &keyed).await? {
            ApplyOutcome::Done { commands } => {
                if commands > 0 {
                    context.new_commands.notify_one();
                }
                tracing::info!(hold = %id.log_id(), way = ?request.way, amount = request.amount, "money is returned");
                let written = context.store.find_booking(id).await?;
                return written.ok_or(ReturnError::Missing);
            }
            // The next round decides on the hold as it is then, or finds the request that came first.
            ApplyOutcome::Conflict | ApplyOutcome::Duplicate => {}
        }
    }
    let message = format!("too many conflicts while returning money of hold {}", id.log_id());
    Err(WorkflowError::Internal(message.into()).into())
}

/// Tells whether this request was carried out before.
async fn is_repeated(context: &Context, keyed: &RefundRequest) -> Result<bool, ReturnError> {
    match context.store.find_refund_request(&keyed.key).await? {
        None => Ok(false),
        Some(fingerprint) if fingerprint == keyed.fingerprint => Ok(true),
        Some(_) => Err(ReturnError::OtherRequest),
    }
}
