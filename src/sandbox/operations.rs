//! What each API call does, in two steps: read the parameters, then act on the state.
//!
//! The steps differ in what becomes of a refusal: one of the parameters is not kept under an idempotency key, one of
//! the order itself is. Nothing here waits.

use serde_json::Value;

use super::endpoint::Endpoint;
use super::error::ApiError;
use super::params::Params;
use super::refunds::NewRefund;
use super::sessions::NewSession;
use super::state::{Moment, State};
use super::{objects, session_params};

/// One API call, taken apart.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) endpoint: Endpoint,
    /// The id in the path, or empty.
    pub(super) id: String,
    pub(super) params: Params,
    /// The authority under which the caller reached us.
    pub(super) host: String,
}

/// A call whose parameters are in order.
#[derive(Debug)]
pub(super) enum Order {
    CreateSession(Box<NewSession>),
    ListSessions(Listing),
    Refund(NewRefund),
    /// The rest needs nothing but the id in the path.
    Plain,
}

/// Which page of a list.
#[derive(Debug)]
pub(super) struct Listing {
    limit: usize,
    starting_after: Option<String>,
    status: Option<String>,
    intent: Option<String>,
}

/// The first step. `now` in Unix seconds.
pub(super) fn read(call: &Call, now: i64) -> Result<Order, ApiError> {
    let order = match call.endpoint {
        Endpoint::CreateSession => Order::CreateSession(Box::new(session_params::read(&call.params, now)?)),
        Endpoint::ListSessions => Order::ListSessions(listing(&call.params)?),
        Endpoint::CreateRefund => Order::Refund(NewRefund::read(&call.params)?),
        _ => {
            call.params.only(&["expand[*]"])?;
            Order::Plain
        }
    };
    const EXPANDABLE: &[&str] = &[
        "payment_intent",
        "payment_intent.latest_charge",
        "latest_charge",
        "charge",
        "line_items",
    ];
    for path in call.params.list("expand") {
        if !EXPANDABLE.contains(&path.strip_prefix("data.").unwrap_or(path)) {
            return Err(ApiError::about(
                "expand",
                format!("This property cannot be expanded ({path})."),
            ));
        }
    }
    Ok(order)
}

fn listing(params: &Params) -> Result<Listing, ApiError> {
    params.only(&["limit", "starting_after", "status", "payment_intent", "expand[*]"])?;
    let limit = params.integer("limit")?.unwrap_or(10);
    let limit = usize::try_from(limit)
        .ok()
        .filter(|limit| (1..=100).contains(limit))
        .ok_or_else(|| {
            ApiError::about("limit", "Invalid integer: This value must be between 1 and 100.")
                .with_code("parameter_invalid_integer")
        })?;
    let text = |name: &str| params.get(name).map(str::to_owned);
    Ok(Listing {
        limit,
        starting_after: text("starting_after"),
        status: text("status"),
        intent: text("payment_intent"),
    })
}

/// The second step: the effect, and the object to answer with.
pub(super) fn perform(
    state: &mut State,
    call: &Call,
    order: Order,
    moment: &Moment,
) -> Result<Value, ApiError> {
    let id = call.id.as_str();
    let mut object = match order {
        Order::CreateSession(new) => objects::session(state.create_session(*new, &call.host, moment)),
        Order::ListSessions(listing) => list_sessions(state, &listing)?,
        Order::Refund(new) => objects::refund(state.refund(new, moment)?),
        Order::Plain => match call.endpoint {
            Endpoint::ExpireSession => {
                state.expire_session(id, moment)?;
                objects::session(state.session(id)?)
            }
            Endpoint::RetrieveIntent => {
                let intent = state.intents.get(id);
                objects::intent(intent.ok_or_else(|| ApiError::no_such("payment_intent", "intent", id))?)
            }
            Endpoint::RetrieveRefund => {
                let refund = state.refunds.get(id);
                objects::refund(refund.ok_or_else(|| ApiError::no_such("refund", "refund", id))?)
            }
            Endpoint::Balance => objects::balance(),
            Endpoint::Account => objects::account(),
            _ => objects::session(state.session(id)?),
        },
    };
    for path in call.params.list("expand") {
        expand(state, &mut object, path);
    }
    Ok(object)
}

/// Newest first, as Stripe lists.
fn list_sessions(state: &State, listing: &Listing) -> Result<Value, ApiError> {
    let end = match &listing.starting_after {
        None => state.sessions.len(),
        Some(id) => state
            .sessions
            .get_index_of(id)
            .ok_or_else(|| ApiError::no_such("checkout.session", "starting_after", id))?,
    };
    let fits = |wanted: &Option<String>, is: Option<&str>| wanted.as_deref().is_none_or(|w| Some(w) == is);
    let mut older = state.sessions.values().take(end).rev().filter(|session| {
        fits(&listing.status, Some(session.status.as_str()))
            && fits(&listing.intent, session.payment_intent.as_deref())
    });
    let page: Vec<Value> = older.by_ref().take(listing.limit).map(objects::session).collect();
    Ok(objects::list(
        page,
        older.next().is_some(),
        "/v1/checkout/sessions",
    ))
}

/// Replaces an id by its object along `path`; a null stays null.
fn expand(state: &State, object: &mut Value, path: &str) {
    let (field, rest) = path.split_once('.').unwrap_or((path, ""));
    if field == "data" {
        let items = object["data"].as_array_mut().into_iter().flatten();
        return items.for_each(|item| expand(state, item, rest));
    }
    let id = object[if field == "line_items" { "id" } else { field }].as_str();
    let found = id.and_then(|id| match field {
        "line_items" => state.sessions.get(id).map(objects::line_items),
        "payment_intent" => state.intents.get(id).map(objects::intent),
        _ => state.charges.get(id).map(objects::charge),
    });
    if let Some(found) = found {
        object[field] = found;
    }
    if !rest.is_empty() && object[field].is_object() {
        expand(state, &mut object[field], rest);
    }
}
