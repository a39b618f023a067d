//! For Stripe: events, believed only with a good signature, answered 2xx only after they are on the books.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::HeaderMap;
use serde::Serialize;
use utoipa::ToSchema;

use super::client::Client;
use super::error::{Code, Problem};
use super::{Server, body};
use crate::gateway::webhook;
use crate::workflow::apply_fact::{self, EventOutcome};

/// What became of an event.
#[derive(Serialize, ToSchema)]
pub(super) struct Received {
    /// Always true.
    received: bool,
    /// What became of it.
    outcome: OutcomeView,
}

/// What became of an event.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = EventOutcome)]
enum OutcomeView {
    /// It and whatever it changed are on the books.
    Applied,
    /// It was on the books already.
    Duplicate,
    /// It is none of our business.
    Ignored,
}

/// Takes an event from Stripe.
#[utoipa::path(
    post, path = "/webhooks/stripe", operation_id = "receiveEvent", tag = "stripe",
    params(("Stripe-Signature" = String, Header, description = "`t=…,v1=…`: HMAC-SHA256 over `{t}.{body}`")),
    request_body(content = serde_json::Value, description = "a Stripe event", content_type = "application/json"),
    responses(
        (status = 200, description = "The event is on the books, or none of our business", body = Received),
        (status = 400, description = "`bad_signature` or `malformed`"),
        (status = 413, description = "`malformed`"),
        (status = 429, description = "`rate_limited`: too many without a good signature"),
        (status = 500, description = "`internal`"),
        (status = 503, description = "`store_unavailable`: send it again"),
    )
)]
pub(super) async fn receive(
    State(server): State<Arc<Server>>,
    client: Client,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Received>, Problem> {
    let body = body::bytes(body)?;
    let signature = headers.get("stripe-signature").map(|value| value.as_bytes());
    let now = server.context.now();
    if let Err(error) = webhook::verify(signature, &body, &server.webhook_secrets, now, webhook::TOLERANCE) {
        metrics::counter!("holdfast_webhooks_total", "outcome" => "bad_signature").increment(1);
        server.rate_limiter.forgery(&client)?;
        tracing::warn!(%error, "webhook refused");
        return Err(Problem::new(Code::BadSignature, error.to_string()));
    }
    let (event, text) = webhook::read(&body)
        .ok()
        .zip(std::str::from_utf8(&body).ok())
        .ok_or_else(|| Problem::new(Code::Malformed, "the body is not an event"))?;
    let outcome = apply_fact::apply_event(&server.context, event, text).await?;
    let name = match outcome {
        EventOutcome::Applied => "applied",
        EventOutcome::Duplicate => "duplicate",
        EventOutcome::Ignored => "ignored",
    };
    metrics::counter!("holdfast_webhooks_total", "outcome" => name).increment(1);
    Ok(Json(outcome.into()))
}

impl From<EventOutcome> for Received {
    fn from(outcome: EventOutcome) -> Self {
        Self {
            received: true,
            outcome: match outcome {
                EventOutcome::Applied => OutcomeView::Applied,
                EventOutcome::Duplicate => OutcomeView::Duplicate,
                EventOutcome::Ignored => OutcomeView::Ignored,
            },
        }
    }
}
