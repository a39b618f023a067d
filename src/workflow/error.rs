//! The errors of workflows that are not the caller's fault.

use std::time::Duration;

use crate::gateway::{GatewayError, Refusal};
use crate::store::StoreError;

/// Why a workflow failed although the request was valid.
#[derive(Debug, thiserror::Error)]
pub enum WorkflowError {
    /// Stripe timed out, limits our rate, or is down. If the call had an effect, a later workflow finds it.
    #[error("Stripe is unavailable")]
    Stripe {
        /// How long to wait before another try, if known.
        retry_after: Option<Duration>,
    },
    /// Stripe does not know a session of this store, and that is not believed: nothing has changed.
    #[error("Stripe does not know the session")]
    UnknownSession,
    /// Stripe understood the call and refused it, and would refuse it again: the shop must change something.
    #[error("Stripe refused: {0}")]
    Refused(Refusal),
    /// Stripe sent an event of this installation that this version cannot read: nothing has changed.
    #[error("this version cannot read the event")]
    UnreadableEvent,
    /// An earlier version may have carried out an order to refund: several refunds at Stripe may be the one.
    #[error("a person must decide which refund at Stripe carried out this order, if any did: {0}")]
    UndecidedOrder(String),
    /// The database is unreachable.
    #[error("the database is unavailable")]
    Store(#[source] StoreError),
    /// Too much heavy work runs already.
    #[error("too much work is running")]
    TooBusy,
    /// A bug in this program.
    #[error("an internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<StoreError> for WorkflowError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::Store(error),
            StoreError::Broken(_) | StoreError::Unsuitable(_) => Self::Internal(Box::new(error)),
        }
    }
}

impl From<GatewayError> for WorkflowError {
    fn from(error: GatewayError) -> Self {
        match error {
            GatewayError::Refused(refusal) => Self::Refused(refusal),
            GatewayError::Unavailable { retry_after } => Self::Stripe { retry_after },
            GatewayError::Unknown => Self::Stripe { retry_after: None },
        }
    }
}

/// Formats an error and its causes as one line, for the log.
pub fn format_error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
