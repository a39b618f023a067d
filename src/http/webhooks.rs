//! Receives the events that Stripe sends. An event is believed only if its signature is valid, and answered
//! 2xx only after it is stored, because Stripe does not send an event again after a 2xx.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request, State};
use axum::http::HeaderValue;
use serde::Serialize;
use utoipa::ToSchema;

use super::client_address::ClientAddress;
use super::error::{Problem, ProblemCode};
use super::json_body::read_bytes;
use super::server::Server;
use crate::gateway::webhook::{self, SignatureError};
use crate::workflow::WorkflowError;
use crate::workflow::apply_event::{self, EventOutcome};

/// The result of receiving an event.
#[derive(Serialize, ToSchema)]
#[schema(as = Received)]
pub(super) struct EventReceipt {
    /// Confirms the receipt; always true.
    received: bool,
    /// The effect of the event.
    outcome: EventOutcomeView,
}

/// The effect of an event.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = EventOutcome)]
enum EventOutcomeView {
    /// The event and its changes are stored.
    Applied,
    /// The event was stored before.
    Duplicate,
    /// The event does not concern Holdfast.
    Ignored,
}

/// Receives an event from Stripe. A delivery whose signature cannot be genuine is refused before its body is read.
#[utoipa::path(
    post, path = "/webhooks/stripe", operation_id = "receiveEvent", tag = "stripe",
    params(("Stripe-Signature" = String, Header, description = "`t=…,v1=…`: HMAC-SHA256 over `{t}.{body}`")),
    request_body(content = serde_json::Value, description = "a Stripe event", content_type = "application/json"),
    responses(
        (status = 200, description = "The event is stored, or does not concern Holdfast", body = EventReceipt),
        (status = 400, description = "`bad_signature` or `malformed`"),
        (status = 413, description = "`malformed`"),
        (status = 429, description = "`rate_limited`: too many events without a valid signature"),
        (status = 500, description = "`internal`, also for an event of this installation that this version cannot read: send it again"),
        (status = 503, description = "`store_unavailable` or `too_busy`: send the event again"),
    )
)]
pub(super) async fn receive_event(
    State(server): State<Arc<Server>>,
    client: ClientAddress,
    request: Request,
) -> Result<Json<EventReceipt>, Problem> {
    let header = request.headers().get("stripe-signature").cloned();
    let header = header.as_ref().map(HeaderValue::as_bytes);
    let refuse = |error| refuse_delivery(&server, client, error);
    let signature =
        webhook::parse_signature_header(header, server.context.now(), webhook::SIGNATURE_TOLERANCE);
    let signature = signature.map_err(refuse)?;
    let body = read_bytes(Bytes::from_request(request, &()).await)?;
    signature.verify(&body, &server.webhook_secrets).map_err(refuse)?;
    let (event, text) = webhook::parse_event(&body)
        .ok()
        .zip(std::str::from_utf8(&body).ok())
        .ok_or_else(|| Problem::new(ProblemCode::Malformed, "the body is not an event"))?;
    let applied = apply_event::apply_event(&server.context, event, text).await;
    let name = match &applied {
        Ok(EventOutcome::Applied) => Some("applied"),
        Ok(EventOutcome::Duplicate) => Some("duplicate"),
        Ok(EventOutcome::Ignored) => Some("ignored"),
        Err(WorkflowError::UnreadableEvent) => Some("unreadable"),
        Err(_) => None,
    };
    if let Some(name) = name {
        metrics::counter!("holdfast_webhooks_total", "outcome" => name).increment(1);
    }
    Ok(Json(applied?.into()))
}

fn refuse_delivery(server: &Server, client: ClientAddress, error: SignatureError) -> Problem {
    metrics::counter!("holdfast_webhooks_total", "outcome" => "bad_signature").increment(1);
    // Before the log line, so that a flood of forged events does not flood the log.
    if let Err(limited) = server.rate_limiter.count_forged_webhook(client) {
        return limited;
    }
    tracing::warn!(%error, "webhook refused");
    Problem::new(ProblemCode::BadSignature, error.to_string())
}

impl From<EventOutcome> for EventReceipt {
    fn from(outcome: EventOutcome) -> Self {
        Self {
            received: true,
            outcome: match outcome {
                EventOutcome::Applied => EventOutcomeView::Applied,
                EventOutcome::Duplicate => EventOutcomeView::Duplicate,
                EventOutcome::Ignored => EventOutcomeView::Ignored,
            },
        }
    }
}
