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
use super::listing::{Listed, Listing};
use super::objects::{Dispute, Refund, RefundParams, Session, SessionParams};
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
    List(Listing),
    CreateRefund(RefundParams),
    /// Any other endpoint, which needs only the id in the path.
    Other,
}

/// Performs the first step: checks the parameters. `now` is in Unix seconds.
pub(super) fn parse_operation(call: &ApiCall, now: i64) -> Result<Operation, ApiError> {
    let operation = match call.endpoint {
        Endpoint::CreateSession => {
            let params = session_params::parse_session_params(&call.params, now)?;
            Operation::CreateSession(Box::new(params))
        }
        Endpoint::ListSessions => {
            Operation::List(Listing::parse(&call.params, &["status", "payment_intent"])?)
        }
        Endpoint::ListRefunds | Endpoint::ListDisputes => {
            Operation::List(Listing::parse(&call.params, &["payment_intent", "charge"])?)
        }
        Endpoint::ListWebhookEndpoints => Operation::List(Listing::parse(&call.params, &[])?),
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
        Operation::List(listing) => match call.endpoint {
            Endpoint::ListRefunds => listing.render_page(&state.refunds, &LISTED_REFUNDS)?,
            Endpoint::ListDisputes => listing.render_page(&state.disputes, &LISTED_DISPUTES)?,
            Endpoint::ListWebhookEndpoints => state.list_webhook_endpoints(),
            _ => listing.render_page(&state.sessions, &LISTED_SESSIONS)?,
        },
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
            Endpoint::RetrieveDispute => {
                let dispute = state.disputes.get(id);
                object_json::dispute_to_json(
                    dispute.ok_or_else(|| ApiError::no_such_object("dispute", "dispute", id))?,
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

const LISTED_SESSIONS: Listed<Session> = Listed {
    noun: "checkout.session",
    url: "/v1/checkout/sessions",
    created: |session| session.created,
    field: |session, name| match name {
        "status" => Some(session.status.as_str()),
        _ => session.payment_intent.as_deref(),
    },
    render: object_json::session_to_json,
};

const LISTED_REFUNDS: Listed<Refund> = Listed {
    noun: "refund",
    url: "/v1/refunds",
    created: |refund| refund.created,
    field: |refund, name| {
        Some(match name {
            "charge" => &refund.charge,
            _ => &refund.intent,
        })
    },
    render: object_json::refund_to_json,
};

const LISTED_DISPUTES: Listed<Dispute> = Listed {
    noun: "dispute",
    url: "/v1/disputes",
    created: |dispute| dispute.created,
    field: |dispute, name| {
        Some(match name {
            "charge" => &dispute.charge,
            _ => &dispute.intent,
        })
    },
    render: object_json::dispute_to_json,
};

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
