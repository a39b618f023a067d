//! Operations on refunds, which the API and the operator's dashboard share.
//!
//! The refunds of a charge never exceed its amount. In the simulator a refund succeeds at once; its events are recorded
//! in the order in which Stripe sends them (docs.stripe.com/refunds).

use super::account_state::AccountState;
use super::api_error::ApiError;
use super::event_log::ChangeContext;
use super::objects::{Charge, Refund, RefundParams};
use super::{currencies, ids, object_json};

impl AccountState {
    pub(super) fn create_refund(
        &mut self,
        params: RefundParams,
        context: &ChangeContext,
    ) -> Result<&Refund, ApiError> {
        let charge = self.find_charge_to_refund(&params)?;
        let amount = check_refund_amount(charge, params.amount)?;
        let refund = Refund {
            id: ids::generate_refund_id(),
            created: context.now,
            charge: charge.id.clone(),
            intent: charge.intent.clone(),
            amount,
            currency: charge.currency.clone(),
            reason: params.reason,
            metadata: params.metadata,
        };
        charge.amount_refunded += amount;
        let (id, charge_id) = (refund.id.clone(), refund.charge.clone());
        let object = object_json::refund_to_json(&refund);
        self.refunds.insert(id.clone(), refund);
        self.record_event("refund.created", object.clone(), context);
        self.record_charge_event("charge.refunded", &charge_id, context);
        self.record_event("refund.updated", object, context);
        self.refunds.get(&id).ok_or_else(ApiError::server_error)
    }

    fn find_charge_to_refund(&mut self, params: &RefundParams) -> Result<&mut Charge, ApiError> {
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
            .get_mut(&id)
            .ok_or_else(|| ApiError::no_such_object("charge", "charge", &id))
    }
}

/// Returns the amount to refund: the requested one, or everything that is left.
fn check_refund_amount(charge: &Charge, requested: Option<i64>) -> Result<i64, ApiError> {
    let remaining = charge.amount - charge.amount_refunded;
    if charge.disputed {
        let message = format!(
            "Charge {} has been charged back; cannot issue a refund.",
            charge.id
        );
        return Err(ApiError::invalid_request(message).with_code("charge_disputed"));
    }
    if remaining == 0 {
        let message = format!("Charge {} has already been refunded.", charge.id);
        return Err(ApiError::invalid_request(message).with_code("charge_already_refunded"));
    }
    match requested {
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
