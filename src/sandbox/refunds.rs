//! Operations on refunds, which the API and the operator's dashboard share.
//!
//! The refunds of a charge that did not fail never exceed its amount. A refund begins in the state that the test has set,
//! and a test moves it on as the guest's bank does; its events are recorded in the order in which Stripe sends them
//! (docs.stripe.com/refunds).

use super::account_state::AccountState;
use super::api_error::ApiError;
use super::control_error::ControlError;
use super::event_log::ChangeContext;
use super::objects::{Charge, Refund, RefundOutcome, RefundParams, RefundStatus};
use super::{currencies, ids, object_json};

impl AccountState {
    pub(super) fn create_refund(
        &mut self,
        params: RefundParams,
        context: &ChangeContext,
    ) -> Result<&Refund, ApiError> {
        let charge = self.find_charge_to_refund(&params)?;
        if self.is_money_withdrawn(&charge.id) {
            let message = format!(
                "Charge {} has been charged back; cannot issue a refund.",
                charge.id
            );
            return Err(ApiError::invalid_request(message).with_code("charge_disputed"));
        }
        let amount = check_refund_amount(charge, params.amount)?;
        let outcome = &self.refund_outcome;
        let refund = Refund {
            id: ids::generate_refund_id(),
            created: context.now,
            charge: charge.id.clone(),
            intent: charge.intent.clone(),
            amount,
            currency: charge.currency.clone(),
            status: outcome.status,
            failure_reason: outcome.failure_reason(),
            reason: params.reason,
            metadata: params.metadata,
        };
        let (id, status) = (refund.id.clone(), refund.status);
        if status.returns_money()
            && let Some(charge) = self.charges.get_mut(&refund.charge)
        {
            charge.amount_refunded += amount;
        }
        let (charge_id, object) = (refund.charge.clone(), object_json::refund_to_json(&refund));
        self.refunds.insert(id.clone(), refund);
        if self.events.endpoint.receives_refund_events() {
            self.record_event("refund.created", object, context);
        }
        if status.returns_money() {
            self.record_charge_event("charge.refunded", &charge_id, context);
        }
        self.record_refund_change(&id, context);
        self.refunds.get(&id).ok_or_else(ApiError::server_error)
    }

    /// Moves a refund on, as the guest's bank, Stripe or an operator in the dashboard does.
    pub(super) fn change_refund(
        &mut self,
        id: &str,
        outcome: &RefundOutcome,
        context: &ChangeContext,
    ) -> Result<(), ControlError> {
        let refund = self.refunds.get_mut(id).ok_or(ControlError::NoSuchRefund)?;
        if outcome.status <= refund.status || !refund.status.returns_money() {
            return Err(ControlError::Refused("a refund only moves forward".into()));
        }
        refund.status = outcome.status;
        refund.failure_reason = outcome.failure_reason();
        if !outcome.status.returns_money()
            && let Some(charge) = self.charges.get_mut(&refund.charge)
        {
            charge.amount_refunded -= refund.amount;
        }
        self.record_refund_change(id, context);
        Ok(())
    }

    /// Fails the refunds of a charge whose money a dispute took before they reached the guest.
    pub(super) fn fail_pending_refunds(&mut self, charge: &str, context: &ChangeContext) {
        let outcome = RefundOutcome {
            status: RefundStatus::Failed,
            failure_reason: Some("charge_for_pending_refund_disputed".to_owned()),
        };
        let is_pending = |refund: &&Refund| {
            refund.charge == charge
                && matches!(
                    refund.status,
                    RefundStatus::Pending | RefundStatus::RequiresAction
                )
        };
        let pending: Vec<String> = self
            .refunds
            .values()
            .filter(is_pending)
            .map(|refund| refund.id.clone())
            .collect();
        for id in pending {
            // Never refused: a pending refund can fail.
            let _ = self.change_refund(&id, &outcome, context);
        }
    }

    fn record_refund_change(&mut self, id: &str, context: &ChangeContext) {
        let Some(refund) = self.refunds.get(id) else {
            return;
        };
        let (object, has_failed) = (
            object_json::refund_to_json(refund),
            refund.status == RefundStatus::Failed,
        );
        if self.events.endpoint.receives_refund_events() {
            if has_failed {
                self.record_event("refund.failed", object.clone(), context);
            }
            self.record_event("refund.updated", object.clone(), context);
        }
        self.record_event("charge.refund.updated", object, context);
    }

    fn find_charge_to_refund(&self, params: &RefundParams) -> Result<&Charge, ApiError> {
        let id = match (&params.charge, &params.intent) {
            (Some(charge), _) => charge.clone(),
            (None, Some(id)) => {
                let intent = self
                    .intents
                    .get(id)
                    .ok_or_else(|| ApiError::no_such_object("payment_intent", "payment_intent", id))?;
                intent.latest_charge.clone().ok_or_else(|| {
                    let message =
                        format!("This PaymentIntent ({id}) does not have a successful charge to refund.");
                    ApiError::invalid_param("payment_intent", message)
                })?
            }
            (None, None) => return Err(ApiError::missing_param("charge")),
        };
        self.charges
            .get(&id)
            .ok_or_else(|| ApiError::no_such_object("charge", "charge", &id))
    }
}

/// Returns the amount to refund: the requested one, or everything that is left.
fn check_refund_amount(charge: &Charge, requested: Option<i64>) -> Result<i64, ApiError> {
    let remaining = charge.amount - charge.amount_refunded;
    if remaining == 0 {
        let message = format!("Charge {} has already been refunded.", charge.id);
        return Err(ApiError::invalid_request(message).with_code("charge_already_refunded"));
    }
    match requested {
        // The API refuses it before; the controls do not.
        Some(amount) if amount < 1 => Err(ApiError::invalid_param(
            "amount",
            "This value must be at least 1.",
        )),
        Some(amount) if amount > remaining => Err(ApiError::invalid_param(
            "amount",
            format!(
                "Refund amount ({}) is greater than unrefunded amount on charge ({})",
                currencies::format_amount(amount, &charge.currency),
                currencies::format_amount(remaining, &charge.currency)
            ),
        )),
        _ => Ok(requested.unwrap_or(remaining)),
    }
}
