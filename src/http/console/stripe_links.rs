//! Links to Stripe's dashboard.

use super::signed_in::SignedIn;
use crate::domain::ids::IntentId;

impl SignedIn {
    /// Returns the address of a payment in Stripe's dashboard, which shows its refunds and disputes too. `None` if Stripe is
    /// simulated, or if a version before the ledger counted the payment: the dashboard does not have those.
    pub(super) fn stripe_payment(&self, intent: &IntentId) -> Option<String> {
        let id = intent.to_string();
        if !self.is_real_stripe || id.starts_with("unverified_") {
            return None;
        }
        let mut url = url::Url::parse("https://dashboard.stripe.com").ok()?;
        let mode = if self.livemode { None } else { Some("test") };
        // The id is escaped, so it cannot lead to another page.
        url.path_segments_mut()
            .ok()?
            .clear()
            .extend(mode)
            .push("payments")
            .push(&id);
        Some(url.into())
    }
}
