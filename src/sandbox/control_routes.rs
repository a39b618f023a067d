//! The HTTP routes under `/sandbox`: people and black-box tests control the simulator through them.
//!
//! They need no API key, because the simulator runs on loopback and moves no real money. Responses are JSON; an error
//! has its reason in `error.message`. Rust tests call `test_controls` directly.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::control_error::ControlError;
use super::fault_injection::Faults;
use super::payment_links::PaymentLinkVisit;
use super::payments::PaymentOutcome;
use super::simulator::Simulator;
use super::webhook_endpoint::WebhookEndpointSettings;

impl IntoResponse for ControlError {
    fn into_response(self) -> Response {
        let status = match self {
            ControlError::NoSuchSession
            | ControlError::NoSuchIntent
            | ControlError::NoSuchRefund
            | ControlError::NoSuchDispute
            | ControlError::NotDeliverable => StatusCode::NOT_FOUND,
            ControlError::Malformed(_) => StatusCode::BAD_REQUEST,
            ControlError::NotPayable(_)
            | ControlError::MethodNotAllowed
            | ControlError::NothingToDispute
            | ControlError::Refused(_) => StatusCode::CONFLICT,
        };
        (status, Json(json!({ "error": { "message": self.to_string() } }))).into_response()
    }
}

/// The request body of a payment.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PaymentRequest {
    outcome: PaymentOutcome,
}

pub(super) async fn list_sessions(State(simulator): State<Simulator>) -> Response {
    Json(json!({ "data": simulator.sessions() })).into_response()
}

pub(super) async fn visit_payment_link(
    State(simulator): State<Simulator>,
    headers: HeaderMap,
    Json(visit): Json<PaymentLinkVisit>,
) -> Response {
    if let Some(fault) = visit.find_fault() {
        let body = json!({ "error": { "message": fault } });
        return (StatusCode::BAD_REQUEST, Json(body)).into_response();
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let opened = simulator.visit_payment_link_at(visit, host.unwrap_or("127.0.0.1"));
    (StatusCode::CREATED, Json(opened)).into_response()
}

pub(super) async fn pay_session(
    State(simulator): State<Simulator>,
    Path(id): Path<String>,
    Json(payment): Json<PaymentRequest>,
) -> Result<Response, ControlError> {
    simulator.pay(&id, payment.outcome)?;
    session_response(&simulator, &id)
}

/// The request body of a promotion code.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PromotionCode {
    code: String,
}

pub(super) async fn apply_promotion_code(
    State(simulator): State<Simulator>,
    Path(id): Path<String>,
    Json(promotion): Json<PromotionCode>,
) -> Result<Response, ControlError> {
    simulator.apply_promotion_code(&id, &promotion.code)?;
    session_response(&simulator, &id)
}

pub(super) async fn expire_session(
    State(simulator): State<Simulator>,
    Path(id): Path<String>,
) -> Result<Response, ControlError> {
    simulator.expire(&id)?;
    session_response(&simulator, &id)
}

fn session_response(simulator: &Simulator, id: &str) -> Result<Response, ControlError> {
    let view = simulator.session(id).ok_or(ControlError::NoSuchSession)?;
    Ok(Json(view).into_response())
}

pub(super) async fn list_events(State(simulator): State<Simulator>) -> Response {
    let pending: Vec<String> = simulator
        .pending_events()
        .into_iter()
        .map(|event| event.id)
        .collect();
    Json(json!({ "data": simulator.events(), "pending": pending })).into_response()
}

pub(super) async fn deliver_event(
    State(simulator): State<Simulator>,
    Path(id): Path<String>,
) -> Result<Response, ControlError> {
    let delivery = simulator.deliver(&id).await.ok_or(ControlError::NotDeliverable)?;
    Ok(Json(delivery).into_response())
}

pub(super) async fn set_faults(State(simulator): State<Simulator>, Json(faults): Json<Faults>) -> Response {
    simulator.set_faults(faults);
    Json(simulator.faults()).into_response()
}

pub(super) async fn get_faults(State(simulator): State<Simulator>) -> Response {
    Json(simulator.faults()).into_response()
}

pub(super) async fn get_call_counts(State(simulator): State<Simulator>) -> Response {
    Json(simulator.calls()).into_response()
}

pub(super) async fn set_webhook_endpoint(
    State(simulator): State<Simulator>,
    Json(settings): Json<WebhookEndpointSettings>,
) -> Result<Response, ControlError> {
    simulator.set_webhook_endpoint(settings)?;
    Ok(Json(simulator.webhook_endpoint()).into_response())
}

pub(super) async fn get_webhook_endpoint(State(simulator): State<Simulator>) -> Response {
    Json(simulator.webhook_endpoint()).into_response()
}

pub(super) async fn prune_idempotency_keys(State(simulator): State<Simulator>) -> Response {
    simulator.prune_idempotency_keys();
    Json(json!({})).into_response()
}
