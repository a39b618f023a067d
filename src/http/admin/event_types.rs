//! What is on sale.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use deserr::Deserr;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::super::Server;
use super::super::body::{self, Faults};
use super::super::error::Problem;
use super::super::fields::{Amount, Cursor, Limit, Minutes, Name, PaymentMethods};
use super::super::path_id::PathId;
use super::{List, Paging, page};
use crate::domain::books::Put;
use crate::domain::catalogue::EventType;
use crate::domain::ids::{EventTypeId, ResourceId};
use crate::domain::money::{Currency, Money};
use crate::workflow::catalogue;

/// Something to be put on sale.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct NewEventType {
    /// What the guest reads on the payment page: 1 to 200 characters.
    #[schema(value_type = String, example = "Intro call", min_length = 1, max_length = 200)]
    name: Name,
    /// The resource it needs; made where it is new.
    #[schema(value_type = String, example = "ana", pattern = "^[a-z0-9-]{1,64}$")]
    resource: ResourceId,
    /// How long it takes.
    #[schema(value_type = i64, example = 30, minimum = 1, maximum = 10080)]
    duration_minutes: Minutes,
    /// Its price in the currency's minor unit.
    #[schema(value_type = i64, example = 5000, minimum = 1, maximum = 99999999)]
    amount: Amount,
    /// Lower-case ISO code of a currency that Stripe takes.
    #[schema(value_type = String, example = "eur", pattern = "^[a-z]{3}$")]
    currency: Currency,
    /// The methods that a guest may pay with, by Stripe's names; without it, all that the account allows. Name only
    /// immediate ones, such as `card`, to exclude delayed ones.
    #[deserr(default)]
    #[schema(value_type = Option<Vec<String>>, example = json!(["card"]), min_items = 1, max_items = 20)]
    payment_methods: Option<PaymentMethods>,
}

/// Something on sale.
#[derive(Serialize, ToSchema)]
#[schema(as = EventType)]
pub(in crate::http) struct EventTypeView {
    /// Its id.
    id: String,
    /// What the guest reads on the payment page.
    name: String,
    /// The resource it needs.
    resource: String,
    /// How long it takes.
    duration_minutes: i64,
    /// Its price in the currency's minor unit.
    amount: i64,
    /// Lower-case ISO code.
    currency: String,
    /// The methods that a guest may pay with; null: all that the account allows.
    payment_methods: Option<Vec<String>>,
}

impl From<&EventType> for EventTypeView {
    fn from(event_type: &EventType) -> Self {
        Self {
            id: event_type.id.to_string(),
            name: event_type.name.clone(),
            resource: event_type.resource.to_string(),
            duration_minutes: event_type.duration_minutes,
            amount: event_type.price.amount,
            currency: event_type.price.currency.to_string(),
            payment_methods: match event_type.payment_methods.as_slice() {
                [] => None,
                names => Some(names.iter().map(|name| name.as_str().to_owned()).collect()),
            },
        }
    }
}

/// Puts something on sale, or changes it. Holds keep the terms that they were made on.
#[utoipa::path(
    put, path = "/v1/admin/event-types/{id}", operation_id = "putEventType", tag = "operators",
    params(("id" = String, Path, description = "1 to 64 of a-z, 0-9 and -", pattern = "^[a-z0-9-]{1,64}$")),
    request_body = NewEventType,
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "Changed", body = EventTypeView),
        (status = 201, description = "New", body = EventTypeView),
        (status = 400, description = "`malformed`"),
        (status = 413, description = "`malformed`"),
        (status = 415, description = "`malformed`"),
        (status = 422, description = "`invalid`"),
    )
)]
pub(in crate::http) async fn put(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<EventTypeView>), Problem> {
    let event_type = read(&id, body::json(&headers, body)?)?;
    let status = match catalogue::put(&server.context, &event_type).await? {
        Put::Created => StatusCode::CREATED,
        Put::Replaced => StatusCode::OK,
    };
    Ok((status, Json(EventTypeView::from(&event_type))))
}

fn read(id: &str, body: Value) -> Result<EventType, Problem> {
    let mut faults = Faults::default();
    let id = faults.take("id", EventTypeId::parse(id));
    let new: Option<NewEventType> = body::parse(body, &mut faults);
    match (id, new) {
        (Some(id), Some(new)) if faults.is_empty() => Ok(EventType {
            id,
            name: new.name.0,
            resource: new.resource,
            duration_minutes: new.duration_minutes.0,
            price: Money {
                amount: new.amount.0,
                currency: new.currency,
            },
            payment_methods: new.payment_methods.map(|methods| methods.0).unwrap_or_default(),
        }),
        _ => Err(faults.into_problem()),
    }
}

/// Shows one.
#[utoipa::path(
    get, path = "/v1/admin/event-types/{id}", operation_id = "getEventType", tag = "operators",
    params(("id" = String, Path, description = "the event type's id", pattern = "^[a-z0-9-]{1,64}$")),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The event type", body = EventTypeView),
        (status = 404, description = "`not_found`"),
    )
)]
pub(in crate::http) async fn show(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
) -> Result<Json<EventTypeView>, Problem> {
    let event_type = catalogue::get(&server.context, &known(&id)?).await?;
    let event_type = event_type.ok_or_else(|| Problem::not_found("event type"))?;
    Ok(Json(EventTypeView::from(&event_type)))
}

fn known(id: &str) -> Result<EventTypeId, Problem> {
    EventTypeId::parse(id).map_err(|_| Problem::not_found("event type"))
}

#[derive(Debug, Deserr)]
#[deserr(error = Faults, deny_unknown_fields)]
struct ListQuery {
    #[deserr(default)]
    limit: Option<Limit>,
    #[deserr(default)]
    cursor: Option<Cursor>,
}

/// Shows all, newest first.
#[utoipa::path(
    get, path = "/v1/admin/event-types", operation_id = "listEventTypes", tag = "operators",
    params(
        Paging,
    ),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "Event types", body = List<EventTypeView>),
        (status = 422, description = "`invalid`"),
    )
)]
pub(in crate::http) async fn list(
    State(server): State<Arc<Server>>,
    RawQuery(query): RawQuery,
) -> Result<Json<List<EventTypeView>>, Problem> {
    let query: ListQuery = body::query(query.as_deref())?;
    let found = catalogue::list(&server.context, &page(query.limit, query.cursor)).await?;
    let data = found.entries.iter().map(EventTypeView::from).collect();
    Ok(Json(List {
        data,
        next_cursor: found.next,
    }))
}

/// Takes one off sale. Live holds keep their terms.
#[utoipa::path(
    delete, path = "/v1/admin/event-types/{id}", operation_id = "deleteEventType", tag = "operators",
    params(("id" = String, Path, description = "the event type's id", pattern = "^[a-z0-9-]{1,64}$")),
    security(("admin_key" = [])),
    responses(
        (status = 204, description = "Off sale"),
        (status = 404, description = "`not_found`"),
    )
)]
pub(in crate::http) async fn delete(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
) -> Result<StatusCode, Problem> {
    match catalogue::delete(&server.context, &known(&id)?).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::not_found("event type")),
    }
}
