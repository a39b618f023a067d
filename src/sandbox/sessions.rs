//! Operations on Checkout Sessions: create one, find one, expire one.
//!
//! A session's status only moves forward: from `open` to `complete` (see `payments`) or to `expired` (here). The rules
//! for a new session's parameters are in `session_params`.

use super::account_state::AccountState;
use super::api_error::ApiError;
use super::event_log::ChangeContext;
use super::objects::{Metadata, PageParams, PaymentStatus, Session, SessionParams, SessionStatus};
use super::{ids, payments};

impl AccountState {
    /// Creates an open session, whose payment page is served under the public URL, else under `host`.
    ///
    /// `host` is the authority that the caller used to reach the simulator.
    pub(super) fn create_session(
        &mut self,
        params: SessionParams,
        host: &str,
        context: &ChangeContext,
    ) -> &Session {
        let id = ids::generate_session_id();
        let origin = self
            .public_url
            .clone()
            .unwrap_or_else(|| format!("http://{host}"));
        let client_secret = params
            .return_url
            .as_ref()
            .map(|_| ids::generate_client_secret(&id));
        let session = Session {
            id: id.clone(),
            created: context.now,
            status: SessionStatus::Open,
            payment_status: match params.amount_subtotal {
                0 => PaymentStatus::NoPaymentRequired,
                _ => PaymentStatus::Unpaid,
            },
            // Stripe creates the PaymentIntent when the guest confirms, not with the session.
            payment_intent: None,
            url: match &client_secret {
                None => format!("{origin}/c/pay/{id}"),
                Some(secret) => format!("{origin}/c/embedded/{secret}"),
            },
            client_secret,
            discount: 0,
            tax: 0,
            params,
        };
        self.open_sessions_by_expiry
            .insert((session.params.expires_at, id.clone()));
        self.sessions.entry(id).or_insert(session)
    }

    /// Adds an expired session with this id and no terms, unless there is one.
    pub(super) fn add_expired_session(&mut self, id: &str, now: i64) {
        let params = SessionParams {
            line_items: Vec::new(),
            currency: "eur".to_owned(),
            amount_subtotal: 0,
            success_url: String::new(),
            cancel_url: None,
            return_url: None,
            client_reference_id: None,
            customer_email: None,
            metadata: Metadata::default(),
            intent_metadata: Metadata::default(),
            intent_description: None,
            allowed_payment_method_types: Vec::new(),
            locale: None,
            submit_type: None,
            page: PageParams::default(),
            payment_link: None,
            expires_at: now,
        };
        self.sessions.entry(id.to_owned()).or_insert(Session {
            id: id.to_owned(),
            created: now,
            status: SessionStatus::Expired,
            payment_status: PaymentStatus::Unpaid,
            payment_intent: None,
            url: String::new(),
            client_secret: None,
            discount: 0,
            tax: 0,
            params,
        });
    }

    pub(super) fn find_session(&self, id: &str) -> Result<&Session, ApiError> {
        self.sessions
            .get(id)
            .ok_or_else(|| ApiError::no_such_object("checkout.session", "session", id))
    }

    pub(super) fn expire_session(&mut self, id: &str, context: &ChangeContext) -> Result<(), ApiError> {
        let status = self.find_session(id)?.status;
        if status != SessionStatus::Open {
            // Stripe sends no `code` here, and it refuses a repeated expire too, so the call is not idempotent.
            return Err(ApiError::invalid_request(format!(
                "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a \
                 status of `{}`.",
                status.as_str()
            )));
        }
        self.close_session(id, SessionStatus::Expired);
        if let Some(intent) = self
            .sessions
            .get(id)
            .and_then(|session| session.payment_intent.clone())
        {
            payments::cancel_intent(self, &intent, context);
        }
        self.record_session_event("checkout.session.expired", id, context);
        Ok(())
    }

    /// Expires every open session whose `expires_at` is not after `now`.
    pub(super) fn expire_due_sessions(&mut self, now: i64) {
        while let Some((expires_at, id)) = self.open_sessions_by_expiry.first().cloned() {
            if expires_at > now {
                break;
            }
            let context = ChangeContext::without_request(now);
            if self.expire_session(&id, &context).is_err() {
                // Without this removal, an entry that cannot be expired would make the loop endless.
                self.open_sessions_by_expiry.remove(&(expires_at, id));
            }
        }
    }
}
