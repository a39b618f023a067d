//! Limits how many slots one visitor can hold without paying.
//!
//! The check runs before Stripe is called, so that a refusal is cheap. The database checks again when it places the
//! hold, so that the limit also holds across instances and under concurrency.

use std::time::Duration;

use super::context::Context;
use super::error::WorkflowError;
use crate::domain::booking::{ClientId, Guest};
use crate::store::StoreError;

/// So many holds in a row must expire unpaid before a client has to wait.
const MAX_LAPSES: u32 = 5;

/// Why a visitor may not place another hold.
#[derive(Debug, thiserror::Error)]
pub(super) enum LimitError {
    /// The guest or the client address has too many unpaid holds, or its last ones all expired.
    #[error("too many holds")]
    TooMany {
        /// How long to wait before another try.
        retry_after: Duration,
    },
    /// The check itself failed.
    #[error(transparent)]
    Workflow(#[from] WorkflowError),
}

impl From<StoreError> for LimitError {
    fn from(error: StoreError) -> Self {
        Self::Workflow(error.into())
    }
}

/// Checks that the guest and the client address may place one more hold.
///
/// # Errors
/// [`LimitError::TooMany`] if they may not.
pub(super) async fn check_hold_limits(
    context: &Context,
    guest: &Guest,
    client: Option<&ClientId>,
) -> Result<(), LimitError> {
    let limits = &context.settings.limits;
    let counts = context
        .store
        .count_unpaid_holds(&guest.normalized_email(), client)
        .await?;
    if counts.guest_held >= limits.per_guest || client.is_some() && counts.client_held >= limits.per_client {
        let retry_after = retry_after_limit(context);
        return Err(LimitError::TooMany { retry_after });
    }
    let Some(lapsed_at) = counts
        .client_lapsed_at
        .filter(|_| counts.client_lapses >= MAX_LAPSES)
    else {
        return Ok(());
    };
    let waited = (context.now() - lapsed_at).to_std().unwrap_or_default();
    match limits
        .lapse_cooldown
        .checked_sub(waited)
        .filter(|rest| !rest.is_zero())
    {
        Some(retry_after) => Err(LimitError::TooMany { retry_after }),
        None => Ok(()),
    }
}

/// Returns how long a visitor with too many holds must wait: after that time, every hold of today is paid or released.
pub(super) fn retry_after_limit(context: &Context) -> Duration {
    context.settings.hold_ttl.to_std().unwrap_or_default()
}
