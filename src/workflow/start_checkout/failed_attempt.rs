//! Ends the attempt of a checkout for which Stripe created no session, or perhaps none.

use super::request::CheckoutError;
use crate::domain::ids::HoldId;
use crate::gateway::{GatewayError, Refusal};
use crate::store::AttemptEnd;
use crate::workflow::context::Context;

/// Ends the attempt of a failed create call, and converts the error.
pub(super) async fn end_failed_attempt(
    context: &Context,
    hold: HoldId,
    error: GatewayError,
) -> CheckoutError {
    let end = match &error {
        // The guest can correct it, so it tells an operator nothing.
        GatewayError::Refused(refusal) if is_about_email(refusal) => AttemptEnd::Abandoned,
        GatewayError::Refused(refusal) => AttemptEnd::Refused(refusal.classify()),
        // Stripe created no session, so there is nothing to recover.
        GatewayError::Unavailable { .. } => AttemptEnd::Abandoned,
        // Stripe may have created a session that we do not know: the sweep recovers the attempt.
        GatewayError::Unknown => AttemptEnd::Unsettled,
    };
    end_attempt(context, hold, end).await;
    match error {
        GatewayError::Refused(refusal) if is_about_email(&refusal) => {
            count_checkout("stripe_failed");
            CheckoutError::Email
        }
        GatewayError::Refused(refusal) => {
            report_refusal(hold, &refusal);
            CheckoutError::Workflow(GatewayError::Refused(refusal).into())
        }
        other => {
            count_checkout("stripe_failed");
            CheckoutError::Workflow(other.into())
        }
    }
}

/// Ends an attempt of a checkout. If that fails, the attempt stays `running`, and the sweep finds it when its lease ends.
pub(super) async fn end_attempt(context: &Context, hold: HoldId, end: AttemptEnd) {
    if let Err(error) = context.store.end_attempt(hold, end, context.now()).await {
        tracing::warn!(hold = %hold.log_id(), %error, "attempt not ended; the sweep recovers it");
    }
}

fn is_about_email(refusal: &Refusal) -> bool {
    refusal.param.as_deref() == Some("customer_email")
}

fn count_checkout(outcome: &'static str) {
    metrics::counter!("holdfast_checkouts_total", "outcome" => outcome).increment(1);
}

/// Logs and counts a refusal. This is the only line about it, so it has all that Stripe's support asks for.
fn report_refusal(hold: HoldId, refusal: &Refusal) {
    tracing::warn!(
        hold = %hold.log_id(),
        status = refusal.status,
        kind = refusal.kind,
        code = refusal.code,
        param = refusal.param,
        request_id = refusal.request_id,
        "Stripe refused the checkout"
    );
    count_checkout("stripe_refused");
    let code = refusal.classify().as_str();
    metrics::counter!("holdfast_checkouts_refused_total", "code" => code).increment(1);
}
