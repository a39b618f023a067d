//! What is on sale.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use deserr::Deserr;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::body::{self, Faults};
use super::super::error::{Problem, ProblemDetails};
use super::super::{Server, fields};
use super::{List, page};
use crate::domain::books::Put;
use crate::domain::catalogue::{EventType, MAX_DURATION_MINUTES, PaymentMethod};
use crate::domain::ids::{EventTypeId, ResourceId};
use crate::domain::money::{Currency, Money};
use crate::workflow::catalogue;

/// Something to be put on sale.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(in crate::http) struct NewEventType {
    /// What the guest reads on the payment page: 1 to 200 characters.
    #[schema(example = "Intro call", min_length = 1, max_length = 200)]
    name: String,
    /// The resource it needs; made where it is new.
    #[schema(example = "ana", pattern = "^[a-z0-9-]{1,64}$")]
    resource: String,
    /// How long it takes.
    #[schema(example = 30, minimum = 1, maximum = 10080)]
    duration_minutes: i64,
    /// Its price in the currency's minor unit.
    #[schema(example = 5000, minimum = 1, maximum = 99999999)]
    amount: i64,
    /// Lower-case ISO code of a currency that Stripe takes.
    #[schema(example = "eur", pattern = "^[a-z]{3}$")]
    currency: String,
    /// The methods that a guest may pay with, by Stripe's names; without it, all that the account allows. Name only
    /// immediate ones, such as `card`, to exclude delayed ones.
    #[deserr(default)]
    #[schema(example = json!(["card"]), max_items = 20)]
    payment_methods: Option<Vec<String>>,
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
    put, path = "/v1/admin/event-types/{id}", tag = "operators",
    params(("id" = String, Path, description = "1 to 64 of a-z, 0-9 and -")),
    request_body = NewEventType,
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "Changed", body = EventTypeView),
        (status = 201, description = "New", body = EventTypeView),
        (status = 400, description = "`malformed`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 401, description = "`unauthorized`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 413, description = "`malformed`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 415, description = "`malformed`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "`invalid`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 500, description = "`internal`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "`store_unavailable`", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn put(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<EventTypeView>), Problem> {
    let event_type = read(&id, body::parse(body::json(&headers, body)?)?)?;
    let status = match catalogue::put(&server.context, &event_type).await? {
        Put::Created => StatusCode::CREATED,
        Put::Replaced => StatusCode::OK,
    };
    Ok((status, Json(EventTypeView::from(&event_type))))
}

fn read(id: &str, new: NewEventType) -> Result<EventType, Problem> {
    let mut faults = Faults::default();
    let id = faults.take("id", EventTypeId::parse(id));
    let name = faults.take("name", fields::name(&new.name));
    let resource = faults.take("resource", ResourceId::parse(&new.resource));
    let currency =
        Currency::parse(&new.currency).ok_or("must be the lower-case code of a currency that Stripe takes");
    let currency = faults.take("currency", currency);
    let duration_minutes = new.duration_minutes;
    if !(1..=MAX_DURATION_MINUTES).contains(&duration_minutes) {
        faults.add("duration_minutes", "must be 1 to 10080");
    }
    let payment_methods = new
        .payment_methods
        .map(|names| faults.take("payment_methods", methods(&names)));
    let payment_methods = payment_methods.flatten().unwrap_or_default();
    // Any currency will do to judge the amount by.
    let price = currency
        .or(Currency::parse("eur"))
        .and_then(|currency| Money::price(new.amount, currency));
    if price.is_none() {
        faults.add("amount", "must be 1 to 99999999");
    }
    match (id, name, resource, price) {
        (Some(id), Some(name), Some(resource), Some(price)) if faults.is_empty() => Ok(EventType {
            id,
            name,
            resource,
            duration_minutes,
            price,
            payment_methods,
        }),
        _ => Err(faults.into_problem()),
    }
}

fn methods(names: &[String]) -> Result<Vec<PaymentMethod>, &'static str> {
    let parsed: Option<Vec<_>> = names.iter().map(|name| PaymentMethod::parse(name)).collect();
    let few = (1..=20).contains(&names.len());
    parsed
        .filter(|_| few)
        .ok_or("must be 1 to 20 of Stripe's names, such as card")
}

/// Shows one.
#[utoipa::path(
    get, path = "/v1/admin/event-types/{id}", tag = "operators",
    params(("id" = String, Path, description = "the event type's id")),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The event type", body = EventTypeView),
        (status = 401, description = "`unauthorized`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "`not_found`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 500, description = "`internal`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "`store_unavailable`", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn show(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
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
    limit: Option<String>,
    #[deserr(default)]
    cursor: Option<String>,
}

/// Shows all, newest first.
#[utoipa::path(
    get, path = "/v1/admin/event-types", tag = "operators",
    params(
        ("limit" = Option<u32>, Query, description = "1 to 200, 50 by default"),
        ("cursor" = Option<String>, Query, description = "the `next_cursor` of the part before"),
    ),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "Event types", body = List<EventTypeView>),
        (status = 401, description = "`unauthorized`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "`invalid`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 500, description = "`internal`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "`store_unavailable`", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn list(
    State(server): State<Arc<Server>>,
    RawQuery(query): RawQuery,
) -> Result<Json<List<EventTypeView>>, Problem> {
    let query: ListQuery = body::query(query.as_deref())?;
    let mut faults = Faults::default();
    let page = page(query.limit, query.cursor, &mut faults);
    if !faults.is_empty() {
        return Err(faults.into_problem());
    }
    let found = catalogue::list(&server.context, &page).await?;
    let data = found.entries.iter().map(EventTypeView::from).collect();
    Ok(Json(List {
        data,
        next_cursor: found.next,
    }))
}

/// Takes one off sale. Live holds keep their terms.
#[utoipa::path(
    delete, path = "/v1/admin/event-types/{id}", tag = "operators",
    params(("id" = String, Path, description = "the event type's id")),
    security(("admin_key" = [])),
    responses(
        (status = 204, description = "Off sale"),
        (status = 401, description = "`unauthorized`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "`not_found`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 500, description = "`internal`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "`store_unavailable`", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn delete(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    match catalogue::delete(&server.context, &known(&id)?).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::not_found("event type")),
    }
}
