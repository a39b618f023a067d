//! The steps of an API call: authentication, routing, faults, idempotency key, effect, response.
//!
//! Clients can observe the order of the steps, so it is Stripe's. A request with a bad API key is neither
//! counted nor saved. A fault acts before or after the effect, never within it. An effect that has begun
//! happens even if the caller disconnects.

use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{Method, header};
use axum::response::Response;

use super::api_error::ApiError;
use super::api_operations::{self, ApiCall};
use super::authentication::authenticate;
use super::endpoint::Endpoint;
use super::event_log::ChangeContext;
use super::fault_injection::FaultKind;
use super::fault_plan::CallPlan;
use super::form_params::FormParams;
use super::idempotency_keys::SavedResponse;
use super::responses::{self, ApiResponse, RequestInfo};
use super::simulator::Simulator;

const MAX_BODY_BYTES: usize = 1 << 20;

/// Handles every request that is neither for a control nor for the payment page.
pub(super) async fn handle_api_request(State(simulator): State<Simulator>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let info = RequestInfo::new(&parts.headers, simulator.now());
    let Ok(body) = to_bytes(body, MAX_BODY_BYTES).await else {
        let error = ApiError::invalid_request("The request body is too large or broken.");
        return ApiResponse::from_error(&error).into_http_response(&info);
    };
    let call = match parse_call(&parts, &body) {
        Ok(call) => call,
        Err(error) => return ApiResponse::from_error(&error).into_http_response(&info),
    };
    simulator.update_counts(|counts| counts.add_call(call.endpoint));
    let plan = simulator.plan_call(call.endpoint);
    let key = find_idempotency_key(&parts);
    let execution = execute_plan(simulator, call, key, plan.clone(), info);
    if plan.latency.is_zero() {
        return execution.await;
    }
    // The HTTP server drops this future if the caller disconnects. A separate task keeps the delayed effect alive.
    tokio::spawn(execution)
        .await
        .unwrap_or_else(|_| responses::closed_connection_response())
}

fn parse_call(parts: &Parts, body: &Bytes) -> Result<ApiCall, ApiError> {
    authenticate(&parts.headers)?;
    let path = parts.uri.path();
    let (endpoint, id) = Endpoint::parse_route(&parts.method, path)
        .ok_or_else(|| ApiError::no_such_route(parts.method.as_str(), path))?;
    let form = match parts.method {
        Method::GET => parts.uri.query().unwrap_or_default().as_bytes(),
        _ => body,
    };
    let host = parts
        .headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    // Without a Host header, the URI may contain the authority.
    let host = host.or_else(|| parts.uri.authority().map(|authority| authority.as_str()));
    Ok(ApiCall {
        endpoint,
        id,
        params: FormParams::parse(form),
        host: host.unwrap_or("127.0.0.1").to_owned(),
    })
}

/// Returns the idempotency key of a POST; Stripe ignores the header of other methods.
fn find_idempotency_key(parts: &Parts) -> Option<String> {
    let key = parts
        .headers
        .get("idempotency-key")
        .filter(|_| parts.method == Method::POST);
    key.and_then(|key| key.to_str().ok()).map(str::to_owned)
}

async fn execute_plan(
    simulator: Simulator,
    call: ApiCall,
    key: Option<String>,
    plan: CallPlan,
    info: RequestInfo,
) -> Response {
    // The key is in use from here on, so a second request that arrives during the latency gets 409.
    let begun = match &key {
        Some(key) => simulator.begin_key(key, &call, info.received_at.timestamp()),
        None => Ok(None),
    };
    if !plan.latency.is_zero() {
        tokio::time::sleep(plan.latency).await;
    }
    let response = match (begun, ApiResponse::from_fault(&plan)) {
        (Err(error), _) => ApiResponse::from_error(&error),
        (Ok(saved), Some(faulty)) => {
            // A fault on a replay must not touch the response that is saved already.
            if saved.is_none() {
                simulator.end_key(key.as_deref(), faulty.fault_to_save(&info));
            }
            faulty
        }
        (Ok(Some(saved)), None) => {
            if call.endpoint == Endpoint::CreateSession {
                simulator.update_counts(|counts| counts.create_replayed += 1);
            }
            ApiResponse::from_saved(saved)
        }
        (Ok(None), None) => simulator.execute_call(&call, key.as_deref(), &info),
    };
    let response = response.with_idempotency_key(key).into_http_response(&info);
    match plan.fault.map(|fault| fault.kind) {
        Some(FaultKind::LostAnswer) => responses::closed_connection_response(),
        Some(FaultKind::Hang) => {
            tokio::time::sleep(plan.hang).await;
            response
        }
        _ => response,
    }
}

impl Simulator {
    fn begin_key(&self, key: &str, call: &ApiCall, now: i64) -> Result<Option<SavedResponse>, ApiError> {
        let path = format!("{:?}/{}", call.endpoint, call.id);
        self.idempotency_keys()
            .begin(key, call.params.fingerprint(&path), now)
    }

    fn end_key(&self, key: Option<&str>, response: Option<SavedResponse>) {
        match (key, response) {
            (Some(key), Some(response)) => self.idempotency_keys().save_response(key, response),
            (Some(key), None) => self.idempotency_keys().release(key),
            (None, _) => return,
        }
        self.shared.account_changed.notify_one();
    }

    fn execute_call(&self, call: &ApiCall, key: Option<&str>, info: &RequestInfo) -> ApiResponse {
        // Not `received_at`: an injected latency may have passed since then.
        let now = self.now().timestamp();
        let operation = match api_operations::parse_operation(call, now) {
            Ok(operation) => operation,
            Err(error) => {
                // Stripe saves no response whose parameters failed validation.
                self.end_key(key, None);
                return ApiResponse::from_error(&error);
            }
        };
        let context = ChangeContext {
            now,
            request_id: Some(info.request_id.clone()),
            idempotency_key: key.map(str::to_owned),
        };
        let result =
            self.change_state(|state| api_operations::perform_operation(state, call, operation, &context));
        let response = match result {
            Ok(object) => ApiResponse::from_object(&object),
            Err(error) => ApiResponse::from_error(&error),
        };
        self.end_key(key, Some(response.to_saved(&info.request_id)));
        response
    }
}
