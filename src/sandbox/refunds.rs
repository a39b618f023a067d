//! Giving money back, in whole or in part, by the API or by hand.
//!
//! A charge never gives back more than it took. A refund succeeds at once; the events follow in Stripe's order.

use super::error::ApiError;
use super::params::{Metadata, Params};
use super::payments::Charge;
use super::state::{Moment, State};
use super::{ids, money};

const KNOWN: &[&str] = &[
    "payment_intent",
    "charge",
    "amount",
    "reason",
    "metadata[*]",
    "expand[*]",
];
const REASONS: &[&str] = &["duplicate", "fraudulent", "requested_by_customer"];

/// What the caller asked for, checked as far as the form goes.
#[derive(Debug, Clone, Default)]
pub(super) struct NewRefund {
    pub(super) intent: Option<String>,
    pub(super) charge: Option<String>,
    pub(super) amount: Option<i64>,
    pub(super) reason: Option<String>,
    pub(super) metadata: Metadata,
}

/// A Refund.
#[derive(Debug, Clone)]
pub(super) struct Refund {
    pub(super) id: String,
    pub(super) created: i64,
    pub(super) charge: String,
    pub(super) intent: String,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) reason: Option<String>,
    pub(super) metadata: Metadata,
}

impl NewRefund {
    pub(super) fn read(params: &Params) -> Result<NewRefund, ApiError> {
        params.only(KNOWN)?;
        let text = |name: &str| params.get(name).map(str::to_owned);
        let order = NewRefund {
            intent: text("payment_intent"),
            charge: text("charge"),
            amount: params.integer("amount")?,
            reason: text("reason"),
            metadata: params.metadata("metadata")?,
        };
        if order.intent.is_none() && order.charge.is_none() {
            let message =
                "One of the following params should be provided for this request: payment_intent or charge.";
            return Err(ApiError::invalid(message));
        }
        if order.amount.is_some_and(|amount| amount < 1) {
            let message = "Invalid positive integer: This value must be greater than or equal to 1.";
            return Err(ApiError::about("amount", message).with_code("parameter_invalid_integer"));
        }
        match &order.reason {
            Some(reason) if !REASONS.contains(&reason.as_str()) => Err(ApiError::about(
                "reason",
                format!("Invalid reason: must be one of {}", REASONS.join(", ")),
            )),
            _ => Ok(order),
        }
    }
}

impl State {
    pub(super) fn refund(&mut self, order: NewRefund, moment: &Moment) -> Result<&Refund, ApiError> {
        let charge = self.charge_to_refund(&order)?;
        let amount = refundable(charge, order.amount)?;
        let refund = Refund {
            id: ids::refund(),
            created: moment.now,
            charge: charge.id.clone(),
            intent: charge.intent.clone(),
            amount,
            currency: charge.currency.clone(),
            reason: order.reason,
            metadata: order.metadata,
        };
        charge.amount_refunded += amount;
        let (id, charge_id) = (refund.id.clone(), refund.charge.clone());
        let object = super::objects::refund(&refund);
        self.refunds.insert(id.clone(), refund);
        self.emit("refund.created", object.clone(), moment);
        self.emit_charge("charge.refunded", &charge_id, moment);
        self.emit("refund.updated", object, moment);
        self.refunds.get(&id).ok_or_else(ApiError::server)
    }

    fn charge_to_refund(&mut self, order: &NewRefund) -> Result<&mut Charge, ApiError> {
        let id = match (&order.charge, &order.intent) {
            (Some(charge), _) => charge.clone(),
            (None, Some(id)) => {
                let intent = self
                    .intents
                    .get(id)
                    .ok_or_else(|| ApiError::no_such("payment_intent", "payment_intent", id))?;
                intent.latest_charge.clone().ok_or_else(|| {
                    let message =
                        format!("This PaymentIntent ({id}) does not have a successful charge to refund.");
                    ApiError::about("payment_intent", message)
                })?
            }
            (None, None) => return Err(ApiError::missing("charge")),
        };
        self.charges
            .get_mut(&id)
            .ok_or_else(|| ApiError::no_such("charge", "charge", &id))
    }
}

/// The amount to give back: what was asked, or the rest.
fn refundable(charge: &Charge, asked: Option<i64>) -> Result<i64, ApiError> {
    let rest = charge.amount - charge.amount_refunded;
    if charge.disputed {
        let message = format!(
            "Charge {} has been charged back; cannot issue a refund.",
            charge.id
        );
        return Err(ApiError::invalid(message).with_code("charge_disputed"));
    }
    if rest == 0 {
        let message = format!("Charge {} has already been refunded.", charge.id);
        return Err(ApiError::invalid(message).with_code("charge_already_refunded"));
    }
    match asked {
        Some(amount) if amount > rest => Err(ApiError::about(
            "amount",
            format!(
                "Refund amount ({}) is greater than unrefunded amount on charge ({})",
                money::format(amount, &charge.currency),
                money::format(rest, &charge.currency)
            ),
        )),
        asked => Ok(asked.unwrap_or(rest)),
    }
}
