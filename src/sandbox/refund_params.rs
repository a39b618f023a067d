//! Parses and checks the parameters of `POST /v1/refunds` (docs.stripe.com/api/refunds/create).

use super::api_error::ApiError;
use super::form_params::FormParams;
use super::objects::RefundParams;

const KNOWN_PARAMS: &[&str] = &[
    "payment_intent",
    "charge",
    "amount",
    "reason",
    "metadata[*]",
    "expand[*]",
];
const REASONS: &[&str] = &["duplicate", "fraudulent", "requested_by_customer"];

/// Checks the parameters by themselves; whether the charge allows the refund is checked in `refunds`.
pub(super) fn parse_refund_params(form: &FormParams) -> Result<RefundParams, ApiError> {
    form.refuse_unknown(KNOWN_PARAMS)?;
    let text = |name: &str| form.get(name).map(str::to_owned);
    let params = RefundParams {
        intent: text("payment_intent"),
        charge: text("charge"),
        amount: form.parse_integer("amount")?,
        reason: text("reason"),
        metadata: form.parse_metadata("metadata")?,
    };
    if params.intent.is_none() && params.charge.is_none() {
        let message =
            "One of the following params should be provided for this request: payment_intent or charge.";
        return Err(ApiError::invalid_request(message));
    }
    if params.amount.is_some_and(|amount| amount < 1) {
        let message = "Invalid positive integer: This value must be greater than or equal to 1.";
        return Err(ApiError::invalid_param("amount", message).with_code("parameter_invalid_integer"));
    }
    match &params.reason {
        Some(reason) if !REASONS.contains(&reason.as_str()) => Err(ApiError::invalid_param(
            "reason",
            format!("Invalid reason: must be one of {}", REASONS.join(", ")),
        )),
        _ => Ok(params),
    }
}
