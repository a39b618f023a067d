//! Links to the pages of Stripe's objects in Stripe's dashboard. A simulator has no dashboard: then an id is only text.

use maud::{Markup, html};

use super::signed_in::SignedIn;
use crate::domain::ids::{IntentId, SessionId};
use crate::http::server::Server;

/// The address of Stripe's dashboard.
const DASHBOARD: &str = "https://dashboard.stripe.com";

/// Where the objects of one mode are in the dashboard.
#[derive(Clone, Copy, Debug)]
pub(super) struct StripeLinks {
    /// `None` if Stripe is simulated.
    livemode: Option<bool>,
}

impl StripeLinks {
    /// Returns the links for objects of this session: its id tells the mode, as an object of the other mode is elsewhere.
    pub(super) fn of_session(server: &Server, session: &SessionId) -> Self {
        let livemode = session.is_of_mode(true);
        Self {
            livemode: server.is_real_stripe.then_some(livemode),
        }
    }

    /// Shows a payment by the id of its intent.
    pub(super) fn payment(self, id: &str) -> Markup {
        self.link(&["payments"], id)
    }

    /// Shows a refund by its id.
    pub(super) fn refund(self, id: &str) -> Markup {
        self.link(&["refunds"], id)
    }

    /// Shows a dispute by its id.
    pub(super) fn dispute(self, id: &str) -> Markup {
        self.link(&["disputes"], id)
    }

    /// Shows an event by its id.
    pub(super) fn event(self, id: &str) -> Markup {
        self.link(&["events"], id)
    }

    /// Shows a session by its id.
    pub(super) fn session(self, id: &str) -> Markup {
        self.link(&["checkout", "sessions"], id)
    }

    fn link(self, kind: &[&str], id: &str) -> Markup {
        match self.address(kind, id) {
            Some(address) => html! { a href=(address) rel="noreferrer" { code { (id) } } },
            None => html! { code { (id) } },
        }
    }

    fn address(self, kind: &[&str], id: &str) -> Option<String> {
        // What a version before the ledger counted has no object at Stripe.
        let livemode = self.livemode.filter(|_| !id.starts_with("unverified_"))?;
        let mut url = url::Url::parse(DASHBOARD).ok()?;
        let mode: &[&str] = if livemode { &[] } else { &["test"] };
        // Each part is escaped, so an id cannot lead to another page.
        url.path_segments_mut()
            .ok()?
            .clear()
            .extend(mode)
            .extend(kind)
            .push(id);
        Some(url.into())
    }
}

impl SignedIn {
    /// Returns the address of a payment that need not have a hold, in the mode of the shop's key. The dashboard shows its refunds
    /// and disputes too. `None` if Stripe is simulated, or if only a version before the ledger counted the payment.
    pub(super) fn stripe_payment(&self, intent: &IntentId) -> Option<String> {
        let livemode = self.is_real_stripe.then_some(self.livemode);
        StripeLinks { livemode }.address(&["payments"], &intent.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_leads_to_the_object_in_its_mode() {
        let [live, test, simulated] =
            [Some(true), Some(false), None].map(|livemode| StripeLinks { livemode });
        let shown = |markup: Markup| markup.into_string();
        assert!(shown(live.payment("pi_1")).contains(r#"href="https://dashboard.stripe.com/payments/pi_1""#));
        assert!(
            shown(test.refund("re_1")).contains(r#"href="https://dashboard.stripe.com/test/refunds/re_1""#)
        );
        let session = shown(test.session("cs_test_1"));
        assert!(session.contains(r#"href="https://dashboard.stripe.com/test/checkout/sessions/cs_test_1""#));
        assert_eq!(shown(simulated.dispute("du_1")), "<code>du_1</code>");
    }

    #[test]
    fn id_cannot_lead_to_another_page() {
        let live = StripeLinks { livemode: Some(true) };
        let address = live.address(&["payments"], "../login?\"><b>").unwrap();
        assert_eq!(
            address,
            "https://dashboard.stripe.com/payments/..%2Flogin%3F%22%3E%3Cb%3E"
        );
    }
}
