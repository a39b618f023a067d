//! A call's way through the simulated API: key, route, trouble, idempotency, effect, answer.
//!
//! The order of these steps is Stripe's, because clients see it: a refused key is never counted or kept, a fault
//! strikes before the effect or after it, and an effect once begun happens even if the caller hangs up.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State as Shared};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use axum::response::Response;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::answer::{self, Answer, Stamp};
use super::dice::Plan;
use super::endpoint::Endpoint;
use super::error::ApiError;
use super::events::Origin;
use super::faults::FaultKind;
use super::idempotency::Kept;
use super::operations::{self, Call};
use super::params::Params;
use super::state::Moment;
use super::{Simulator, ids};

const LARGEST_BODY: usize = 1 << 20;

/// Every request that is not for the controls or the payment page.
pub(super) async fn handle(Shared(simulator): Shared<Simulator>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let stamp = Stamp::new(&parts.headers, simulator.now());
    let Ok(body) = to_bytes(body, LARGEST_BODY).await else {
        return Answer::refusal(&ApiError::invalid("The request body is too large or broken."))
            .respond(&stamp);
    };
    let call = match admit(&parts, &body) {
        Ok(call) => call,
        Err(refusal) => return Answer::refusal(&refusal).respond(&stamp),
    };
    simulator.count(|counts| counts.count(call.endpoint));
    let plan = simulator.plan(call.endpoint);
    let key = idempotency_key(&parts);
    let run = run(simulator, call, key, plan.clone(), stamp);
    if plan.delay.is_zero() {
        return run.await;
    }
    // In a task of its own: a caller that gives up while it waits must not undo what it ordered.
    tokio::spawn(run).await.unwrap_or_else(|_| answer::cut())
}

fn admit(parts: &Parts, body: &Bytes) -> Result<Call, ApiError> {
    authenticate(&parts.headers)?;
    let path = parts.uri.path();
    let (endpoint, id) = Endpoint::of(&parts.method, path)
        .ok_or_else(|| ApiError::no_such_route(parts.method.as_str(), path))?;
    let form = match parts.method {
        Method::GET => parts.uri.query().unwrap_or_default().as_bytes(),
        _ => body,
    };
    let host = parts
        .headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let host = host.or_else(|| parts.uri.authority().map(|authority| authority.as_str()));
    Ok(Call {
        endpoint,
        id,
        params: Params::parse(form),
        host: host.unwrap_or("127.0.0.1").to_owned(),
    })
}

/// Any test key will do: there is one account and nothing to protect. Live keys are refused, lest one be leaked here.
fn authenticate(headers: &HeaderMap) -> Result<(), ApiError> {
    let given = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let key = match given.split_once(' ') {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => key.trim().to_owned(),
        Some((scheme, pair)) if scheme.eq_ignore_ascii_case("basic") => basic_user(pair.trim()),
        _ => String::new(),
    };
    if key.is_empty() {
        return Err(ApiError::unauthorized(
            "You did not provide an API key. You need to provide your API key in the Authorization header, using \
             Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
        ));
    }
    match key.split_once('_') {
        Some(("sk" | "rk", rest)) if !rest.starts_with("live_") => Ok(()),
        Some(("sk" | "rk", _)) => Err(ApiError::unauthorized(
            "This is a simulator: live keys are refused.",
        )),
        _ => Err(ApiError::unauthorized("Invalid API Key provided.")),
    }
}

fn basic_user(pair: &str) -> String {
    let decoded = BASE64_STANDARD.decode(pair).unwrap_or_default();
    let text = String::from_utf8(decoded).unwrap_or_default();
    text.split(':').next().unwrap_or_default().to_owned()
}

fn idempotency_key(parts: &Parts) -> Option<String> {
    let key = parts
        .headers
        .get("idempotency-key")
        .filter(|_| parts.method == Method::POST);
    key.and_then(|key| key.to_str().ok()).map(str::to_owned)
}

async fn run(simulator: Simulator, call: Call, key: Option<String>, plan: Plan, stamp: Stamp) -> Response {
    let begun = match &key {
        Some(key) => simulator.begin(key, &call, stamp.at.timestamp()),
        None => Ok(None),
    };
    if !plan.delay.is_zero() {
        tokio::time::sleep(plan.delay).await;
    }
    let answer = match (begun, Answer::instead_of_effect(&plan)) {
        (Err(refusal), _) => Answer::refusal(&refusal),
        (Ok(replay), Some(trouble)) => {
            if replay.is_none() {
                simulator.end(key.as_deref(), trouble.kept(&stamp));
            }
            trouble
        }
        (Ok(Some(kept)), None) => {
            if call.endpoint == Endpoint::CreateSession {
                simulator.count(|counts| counts.create_replayed += 1);
            }
            Answer::replay(kept)
        }
        (Ok(None), None) => simulator.execute(&call, key.as_deref(), &stamp),
    };
    let response = answer.with_key(key).respond(&stamp);
    match plan.fault.map(|fault| fault.kind) {
        Some(FaultKind::LostAnswer) => answer::cut(),
        Some(FaultKind::Hang) => {
            tokio::time::sleep(plan.hang).await;
            response
        }
        _ => response,
    }
}

impl Simulator {
    fn begin(&self, key: &str, call: &Call, now: i64) -> Result<Option<Kept>, ApiError> {
        let path = format!("{:?}/{}", call.endpoint, call.id);
        self.ledger().begin(key, call.params.fingerprint(&path), now)
    }

    fn end(&self, key: Option<&str>, kept: Option<Kept>) {
        match (key, kept) {
            (Some(key), Some(kept)) => self.ledger().keep(key, kept),
            (Some(key), None) => self.ledger().release(key),
            (None, _) => {}
        }
    }

    fn execute(&self, call: &Call, key: Option<&str>, stamp: &Stamp) -> Answer {
        // The time is read anew: the call may have been kept waiting since it was received.
        let now = self.now().timestamp();
        let order = match operations::read(call, now) {
            Ok(order) => order,
            Err(refusal) => {
                self.end(key, None);
                return Answer::refusal(&refusal);
            }
        };
        let origin = Origin {
            request_id: Some(stamp.request_id.clone()),
            idempotency_key: key.map(str::to_owned),
        };
        let moment = Moment { now, origin };
        let answer = match self.change(|state| operations::perform(state, call, order, &moment)) {
            Ok(object) => Answer::object(&object),
            Err(refusal) => Answer::refusal(&refusal),
        };
        self.end(key, Some(answer.to_keep(&stamp.request_id)));
        answer
    }
}

impl Stamp {
    fn new(headers: &HeaderMap, at: chrono::DateTime<chrono::Utc>) -> Stamp {
        let version = headers.get("stripe-version").cloned();
        Stamp {
            request_id: ids::request(),
            at,
            version,
        }
    }
}

/// A body that fails before its first byte, upon which the server closes the connection without sending anything.
pub(super) fn broken_body() -> Body {
    Body::from_stream(futures::stream::once(async {
        Err::<Bytes, _>(std::io::Error::other("cut"))
    }))
}
