//! The controls under `/sandbox`: what a person or a black-box test may do to the simulated world.
//!
//! No key is asked for: everything here is loopback and play. Answers are JSON; a refusal says why in `error`.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::{ControlError, Faults, Outcome, Simulator};

impl IntoResponse for ControlError {
    fn into_response(self) -> Response {
        let status = match self {
            ControlError::NoSuchSession | ControlError::NoSuchIntent | ControlError::NotDeliverable => {
                StatusCode::NOT_FOUND
            }
            ControlError::NotPayable(_)
            | ControlError::MethodNotAllowed
            | ControlError::NothingToDispute
            | ControlError::Refused(_) => StatusCode::CONFLICT,
        };
        (status, Json(json!({ "error": { "message": self.to_string() } }))).into_response()
    }
}

/// The body of a payment.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Payment {
    outcome: Outcome,
}

/// The body of a refund; absent is all that is left.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RefundOrder {
    amount: Option<i64>,
}

pub(super) async fn sessions(State(simulator): State<Simulator>) -> Response {
    Json(json!({ "data": simulator.sessions() })).into_response()
}

pub(super) async fn pay(
    State(simulator): State<Simulator>,
    Path(id): Path<String>,
    Json(payment): Json<Payment>,
) -> Result<Response, ControlError> {
    simulator.pay(&id, payment.outcome)?;
    session(&simulator, &id)
}

pub(super) async fn expire(
    State(simulator): State<Simulator>,
    Path(id): Path<String>,
) -> Result<Response, ControlError> {
    simulator.expire(&id)?;
    session(&simulator, &id)
}

fn session(simulator: &Simulator, id: &str) -> Result<Response, ControlError> {
    let view = simulator.session(id).ok_or(ControlError::NoSuchSession)?;
    Ok(Json(view).into_response())
}

pub(super) async fn refund(
    State(simulator): State<Simulator>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Response> {
    let order = match body.as_ref() {
        b"" => RefundOrder::default(),
        json => serde_json::from_slice(json).map_err(|error| bad_request(&error))?,
    };
    simulator
        .refund_from_dashboard(&id, order.amount)
        .map_err(IntoResponse::into_response)?;
    Ok(Json(json!({ "refunds": simulator.refunds() })).into_response())
}

fn bad_request(error: &serde_json::Error) -> Response {
    let body = json!({ "error": { "message": error.to_string() } });
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}

pub(super) async fn dispute(
    State(simulator): State<Simulator>,
    Path(id): Path<String>,
) -> Result<Response, ControlError> {
    simulator.dispute(&id)?;
    Ok(Json(json!({})).into_response())
}

pub(super) async fn events(State(simulator): State<Simulator>) -> Response {
    let pending: Vec<String> = simulator
        .pending_events()
        .into_iter()
        .map(|event| event.id)
        .collect();
    Json(json!({ "data": simulator.events(), "pending": pending })).into_response()
}

pub(super) async fn deliver(
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

pub(super) async fn faults(State(simulator): State<Simulator>) -> Response {
    Json(simulator.faults()).into_response()
}

pub(super) async fn calls(State(simulator): State<Simulator>) -> Response {
    Json(simulator.calls()).into_response()
}
