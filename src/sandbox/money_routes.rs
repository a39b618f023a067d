//! The HTTP routes under `/sandbox` that control refunds and disputes. Responses are as in `control_routes`.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::control_error::ControlError;
use super::disputes::NewDispute;
use super::objects::{DisputeStatus, RefundOutcome};
use super::simulator::Simulator;

/// The request body of a refund; without an amount, everything that is left is refunded.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RefundRequest {
    amount: Option<i64>,
}

/// The request body of a change of a dispute.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DisputeChange {
    status: DisputeStatus,
}

/// Parses a body that may be empty, which `Json` would refuse.
fn parse_optional<T: Default + DeserializeOwned>(body: &Bytes) -> Result<T, ControlError> {
    match body.as_ref() {
        b"" => Ok(T::default()),
        json => serde_json::from_slice(json).map_err(|error| ControlError::Malformed(error.to_string())),
    }
}

pub(super) async fn refund_intent(
    State(simulator): State<Simulator>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, ControlError> {
    let request: RefundRequest = parse_optional(&body)?;
    simulator.refund_from_dashboard(&id, request.amount)?;
    Ok(list_refunds(State(simulator)).await)
}

pub(super) async fn list_refunds(State(simulator): State<Simulator>) -> Response {
    Json(json!({ "refunds": simulator.refunds() })).into_response()
}

pub(super) async fn set_refund_outcome(
    State(simulator): State<Simulator>,
    Json(outcome): Json<RefundOutcome>,
) -> Response {
    simulator.set_refund_outcome(outcome.clone());
    Json(outcome).into_response()
}

pub(super) async fn change_refund(
    State(simulator): State<Simulator>,
    Path(id): Path<String>,
    Json(outcome): Json<RefundOutcome>,
) -> Result<Response, ControlError> {
    simulator.change_refund(&id, &outcome)?;
    Ok(list_refunds(State(simulator)).await)
}

pub(super) async fn dispute_intent(
    State(simulator): State<Simulator>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, ControlError> {
    let new: NewDispute = parse_optional(&body)?;
    let id = simulator.open_dispute(&id, new)?;
    Ok(Json(json!({ "id": id })).into_response())
}

pub(super) async fn list_disputes(State(simulator): State<Simulator>) -> Response {
    Json(json!({ "disputes": simulator.disputes() })).into_response()
}

pub(super) async fn change_dispute(
    State(simulator): State<Simulator>,
    Path(id): Path<String>,
    Json(change): Json<DisputeChange>,
) -> Result<Response, ControlError> {
    simulator.change_dispute(&id, change.status)?;
    Ok(list_disputes(State(simulator)).await)
}
