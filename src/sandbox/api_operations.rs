//! What each API call does, in two steps: parse the parameters, then change the account.
//!
//! The steps differ in their errors. Stripe saves an error under the idempotency key only if execution has begun, so
//! errors of the second step are saved and errors of the first are not. Nothing here is asynchronous.

use serde_json::Value;

use super::account_state::AccountState;
use super::api_error::ApiError;
use super::endpoint::Endpoint;
use super::event_log::ChangeContext;
use super::form_params::FormParams;
use super::objects::{RefundParams, SessionParams};
use super::{object_json, refund_params, session_params};

/// A routed API call with its parameters.
#[derive(Debug)]
pub(super) struct ApiCall {
    pub(super) endpoint: Endpoint,
    /// The id in the path; empty if the endpoint has none.
    pub(super) id: String,
    pub(super) params: FormParams,
    /// The authority that the caller used to reach the simulator.
    pub(super) host: String,
}

/// An operation whose parameters are valid.
#[derive(Debug)]
pub(super) enum Operation {
    CreateSession(Box<SessionParams>),
    ListSessions(SessionListing),
    CreateRefund(RefundParams),
    /// Any other endpoint, which needs only the id in the path.
    Other,
}

/// The page and the filters of a session list (docs.stripe.com/api/pagination).
#[derive(Debug)]
pub(super) struct SessionListing {
    limit: usize,
    starting_after: Option<String>,
    status: Option<String>,
    intent: Option<String>,
}

/// Performs the first step: checks the parameters. `now` is in Unix seconds.
pub(super) fn parse_operation(call: &ApiCall, now: i64) -> Result<Operation, ApiError> {
    let operation = match call.endpoint {
        Endpoint::CreateSession => {
            let params = session_params::parse_session_params(&call.params, now)?;
            Operation::CreateSession(Box::new(params))
        }
        Endpoint::ListSessions => Operation::ListSessions(parse_listing(&call.params)?),
        Endpoint::CreateRefund => Operation::CreateRefund(refund_params::parse_refund_params(&call.params)?),
        _ => {
            call.params.refuse_unknown(&["expand[*]"])?;
            Operation::Other
        }
    };
    const EXPANDABLE: &[&str] = &[
        "payment_intent",
        "payment_intent.latest_charge",
        "latest_charge",
        "charge",
        "line_items",
    ];
    for path in call.params.list_values("expand") {
        // In a list, Stripe's paths start with `data.`.
        if !EXPANDABLE.contains(&path.strip_prefix("data.").unwrap_or(path)) {
            return Err(ApiError::invalid_param(
                "expand",
                format!("This property cannot be expanded ({path})."),
            ));
        }
    }
    Ok(operation)
}

fn parse_listing(params: &FormParams) -> Result<SessionListing, ApiError> {
    params.refuse_unknown(&["limit", "starting_after", "status", "payment_intent", "expand[*]"])?;
    let limit = params.parse_integer("limit")?.unwrap_or(10);
    let limit = usize::try_from(limit)
        .ok()
        .filter(|limit| (1..=100).contains(limit))
        .ok_or_else(|| {
            ApiError::invalid_param("limit", "Invalid integer: This value must be between 1 and 100.")
                .with_code("parameter_invalid_integer")
        })?;
    let text = |name: &str| params.get(name).map(str::to_owned);
    Ok(SessionListing {
        limit,
        starting_after: text("starting_after"),
        status: text("status"),
        intent: text("payment_intent"),
    })
}

/// Performs the second step: changes the account and returns the object of the response.
pub(super) fn perform_operation(
    state: &mut AccountState,
    call: &ApiCall,
    operation: Operation,
    context: &ChangeContext,
) -> Result<Value, ApiError> {
    let id = call.id.as_str();
    let mut object = match operation {
        Operation::CreateSession(params) => {
            object_json::session_to_json(state.create_session(*params, &call.host, context))
        }
        Operation::ListSessions(listing) => list_sessions(state, &listing)?,
        Operation::CreateRefund(params) => object_json::refund_to_json(state.create_refund(params, context)?),
        Operation::Other => match call.endpoint {
            Endpoint::ExpireSession => {
                state.expire_session(id, context)?;
                object_json::session_to_json(state.find_session(id)?)
            }
            Endpoint::RetrieveIntent => {
                let intent = state.intents.get(id);
                object_json::intent_to_json(
                    intent.ok_or_else(|| ApiError::no_such_object("payment_intent", "intent", id))?,
                )
            }
            Endpoint::RetrieveRefund => {
                let refund = state.refunds.get(id);
                object_json::refund_to_json(
                    refund.ok_or_else(|| ApiError::no_such_object("refund", "refund", id))?,
                )
            }
            Endpoint::Balance => object_json::balance_json(),
            Endpoint::Account => object_json::account_json(),
            _ => object_json::session_to_json(state.find_session(id)?),
        },
    };
    for path in call.params.list_values("expand") {
        expand_field(state, &mut object, path);
    }
    Ok(object)
}

/// Lists sessions as Stripe does: newest first.
fn list_sessions(state: &AccountState, listing: &SessionListing) -> Result<Value, ApiError> {
    let end = match &listing.starting_after {
        None => state.sessions.len(),
        Some(id) => state
            .sessions
            .get_index_of(id)
            .ok_or_else(|| ApiError::no_such_object("checkout.session", "starting_after", id))?,
    };
    let matches = |filter: &Option<String>, value: Option<&str>| {
        filter.as_deref().is_none_or(|wanted| Some(wanted) == value)
    };
    let mut older = state.sessions.values().take(end).rev().filter(|session| {
        matches(&listing.status, Some(session.status.as_str()))
            && matches(&listing.intent, session.payment_intent.as_deref())
    });
    let page: Vec<Value> = older
        .by_ref()
        .take(listing.limit)
        .map(object_json::session_to_json)
        .collect();
    Ok(object_json::list_json(
        page,
        older.next().is_some(),
        "/v1/checkout/sessions",
    ))
}

/// Replaces the id at `path` by its object (docs.stripe.com/api/expanding_objects); a null stays null.
fn expand_field(state: &AccountState, object: &mut Value, path: &str) {
    let (field, rest) = path.split_once('.').unwrap_or((path, ""));
    if field == "data" {
        let items = object["data"].as_array_mut().into_iter().flatten();
        return items.for_each(|item| expand_field(state, item, rest));
    }
    // A session has no `line_items` of its own: the session's id finds them.
    let id = object[if field == "line_items" { "id" } else { field }].as_str();
    let found = id.and_then(|id| match field {
        "line_items" => state.sessions.get(id).map(object_json::line_items_to_json),
        "payment_intent" => state.intents.get(id).map(object_json::intent_to_json),
        _ => state.charges.get(id).map(object_json::charge_to_json),
    });
    if let Some(found) = found {
        object[field] = found;
    }
    if !rest.is_empty() && object[field].is_object() {
        expand_field(state, &mut object[field], rest);
    }
}
