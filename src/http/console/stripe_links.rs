//! Links to Stripe's dashboard.

use super::signed_in::SignedIn;
use crate::domain::ids::IntentId;

impl SignedIn {
    /// Returns the address of a payment in Stripe's dashboard, which shows its refunds and disputes too.
    pub(super) fn stripe_payment(&self, intent: &IntentId) -> String {
        let mode = if self.livemode { "" } else { "test/" };
        format!("https://dashboard.stripe.com/{mode}payments/{intent}")
    }
}
