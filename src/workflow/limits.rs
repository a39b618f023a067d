//! How many slots one visitor may keep from the others without paying.
//!
//! Checked before Stripe is called, so that a refusal is cheap; decided with the placing of the hold, by the database,
//! so that it holds across instances and in any race.

use std::time::Duration;

use super::Context;
use super::checkout::CheckoutError;
use crate::domain::booking::{ClientId, Guest};

/// So many holds in a row must lapse before a client has to wait.
const LAPSES: u32 = 5;

/// The shop's choices.
#[derive(Clone, Copy, Debug)]
pub struct LimitSettings {
    /// Most `held` holds of one guest.
    pub per_guest: u32,
    /// Most `held` holds from one client address.
    pub per_client: u32,
    /// How long a client waits whose last holds all lapsed.
    pub lapse_cooldown: Duration,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            per_guest: 3,
            per_client: 10,
            lapse_cooldown: Duration::from_mins(15),
        }
    }
}

/// Whether the guest, and whoever sits at that address, may have one more.
///
/// # Errors
/// [`CheckoutError::TooMany`] where not.
pub(super) async fn check(
    context: &Context,
    guest: &Guest,
    client: Option<&ClientId>,
) -> Result<(), CheckoutError> {
    let limits = &context.settings.limits;
    let standing = context
        .store
        .count_unpaid_holds(&guest.normalized_email(), client)
        .await?;
    if standing.guest_held >= limits.per_guest
        || client.is_some() && standing.client_held >= limits.per_client
    {
        return Err(too_many(context));
    }
    let Some(lapsed_at) = standing
        .client_lapsed_at
        .filter(|_| standing.client_lapses >= LAPSES)
    else {
        return Ok(());
    };
    let waited = (context.now() - lapsed_at).to_std().unwrap_or_default();
    match limits
        .lapse_cooldown
        .checked_sub(waited)
        .filter(|rest| !rest.is_zero())
    {
        Some(retry_after) => Err(CheckoutError::TooMany { retry_after }),
        None => Ok(()),
    }
}

/// The refusal of who has as many as they may: one of them is over when its time is, if not before.
pub(super) fn too_many(context: &Context) -> CheckoutError {
    let retry_after = context.settings.hold_ttl.to_std().unwrap_or_default();
    CheckoutError::TooMany { retry_after }
}
