//! Completes the OpenAPI description that utoipa derives from the handlers.
//!
//! A route describes its parameters, its responses and, by status and code, its problems. This file adds what all
//! routes share: the body and headers of problems, the header `x-request-id`, tags, security schemes and the server; and
//! the requests that we send, to the shop's endpoints. People generate clients from it, so it says what a generator needs:
//! which routes are public, and a name for each object.

use std::collections::BTreeMap;

use utoipa::OpenApi as _;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::{
    HttpMethod, Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn, PathItem, Paths,
    PathsBuilder,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::Response;
use utoipa::openapi::schema::{ArrayItems, Object, Schema, SchemaType, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Content, Info, License, OpenApi, Ref, RefOr, Required, Server};

use super::admin::attention::AttentionView;
use super::admin::hold_list::HoldSortView;
use super::admin::summary::SummaryByView;
use super::error::ProblemDetails;
use super::event_view::EventView;
use super::scopes::scope_of;
use crate::domain::access_key::Scope;
use crate::domain::event_out::EventOutKind;

const DESCRIPTION: &str = "Sells time slots through Stripe Checkout: no slot is sold twice, and no payment is kept \
    without its slot.\n\nTimes are RFC 3339: requests may have any offset, responses are in UTC. Money is an integer in \
    the currency's minor unit. Members that are not described here are refused. Every error is a problem (RFC 9457) \
    with a stable `code`.\n\nIf operators have an address of their own (`HOLDFAST_ADMIN_LISTEN`), the routes under `/v1/admin` \
    and `/metrics` are there.";

#[derive(utoipa::OpenApi)]
#[openapi(
    components(schemas(ProblemDetails, AttentionView, EventView, HoldSortView, SummaryByView)),
    tags(
        (name = "holds", description = "For checkout pages: slots and holds."),
        (name = "stripe", description = "For Stripe: receives events about payments."),
        (name = "operators", description = "For operators: the catalogue, holds, money, events and commands."),
        (name = "events", description = "What Holdfast sends to the shop's endpoints, by Standard Webhooks 1.0.0."),
        (name = "ops", description = "For machines: health checks, metrics, this description."),
    ),
)]
struct CommonParts;

/// Adds the parts that all routes share.
pub(super) fn complete_description(mut api: OpenApi) -> OpenApi {
    api.info = Info::new("Holdfast", env!("CARGO_PKG_VERSION"));
    api.info.description = Some(DESCRIPTION.to_owned());
    let mut license = License::new(env!("CARGO_PKG_LICENSE"));
    license.identifier = Some(license.name.clone());
    api.info.license = Some(license);
    let mut server = Server::new("/");
    server.description = Some("The address that serves this description.".to_owned());
    api.servers = Some(vec![server]);
    api.merge(CommonParts::openapi());
    let components = api.components.get_or_insert_default();
    components.add_security_scheme(
        "hold_token",
        bearer_scheme(
            "The hold's token, `hft_…`: gives the right to cancel, move, extend or replace the hold.",
        ),
    );
    components.add_security_scheme(
        "admin_key",
        bearer_scheme("An operator's key, `hfk_…`; each route needs its scope, as its 403 says."),
    );
    components.add_security_scheme(
        "checkout_key",
        bearer_scheme("The key of a shop's server, `hfk_…`, with the scope `checkout`."),
    );
    refer_to_entries(&mut components.schemas);
    api.webhooks = Some(describe_events());
    let items = api.paths.paths.iter_mut();
    for (path, method, operation) in items.flat_map(list_operations) {
        if operation.tags.iter().flatten().any(|tag| tag == "operators") {
            add_operator_problems(operation, scope_of(method, path));
        }
        // An operation that names no key is public. Without the empty list it would not say so.
        operation.security.get_or_insert_default();
        for (status, response) in &mut operation.responses.responses {
            if let RefOr::T(response) = response {
                complete_response(status, response);
            }
        }
        add_oversized_header(&mut operation.responses.responses);
    }
    api
}

/// Lets lists refer to the schema of their entries. utoipa repeats the whole schema in each list, and a generator makes
/// another type of each repetition.
fn refer_to_entries(schemas: &mut BTreeMap<String, RefOr<Schema>>) {
    let names: Vec<String> = schemas.keys().cloned().collect();
    for (name, schema) in schemas {
        let Some(entry) = name.strip_prefix("List_") else {
            continue;
        };
        if let RefOr::T(Schema::Object(list)) = schema
            && let Some(RefOr::T(Schema::Array(data))) = list.properties.get_mut("data")
            && names.iter().any(|known| known == entry)
        {
            data.items = ArrayItems::RefOrSchema(Box::new(Ref::from_schema_name(entry).into()));
        }
    }
}

/// Adds what the server refuses before any route is asked, to routes that refuse nothing themselves.
fn add_oversized_header(responses: &mut BTreeMap<String, RefOr<Response>>) {
    if !responses.keys().any(|status| status.starts_with('4')) {
        let refusal = Response::new("The header of the request is too large; the response has no body");
        responses.insert("431".to_owned(), RefOr::T(refusal));
    }
}

/// Describes the requests that are sent to endpoints: one for each type of event.
fn describe_events() -> Paths {
    let describe = |paths: PathsBuilder, kind: &EventOutKind| {
        let word = kind.as_str();
        let body = Content::new(Some(Ref::from_schema_name("Event")));
        let body = RequestBodyBuilder::new()
            .content("application/json", body)
            .required(Some(Required::True));
        let operation = OperationBuilder::new()
            .operation_id(Some(format!("send:{word}")))
            .tag("events")
            .summary(Some(kind.meaning()))
            .parameter(describe_header("webhook-id", "The id of the event, the same at each attempt."))
            .parameter(describe_header(
                "webhook-timestamp",
                "When the attempt was signed, in seconds since the Unix epoch.",
            ))
            .parameter(describe_header(
                "webhook-signature",
                "`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`; one for each secret that signs, separated \
                 by blanks: the current one, and for 24 hours after each new secret the one before it, eight old ones at most.",
            ))
            .request_body(Some(body.build()))
            .securities(Some(Vec::new()))
            .response("2XX", Response::new("The endpoint has the event"))
            .response("410", Response::new("The endpoint is disabled: nothing more is sent to it"))
            .response("429", Response::new("The endpoint is left alone for as long as `Retry-After` says"))
            .response("default", Response::new("The event is sent again, nine times within four days"));
        paths.path(word, PathItem::new(HttpMethod::Post, operation))
    };
    let kinds = EventOutKind::ALL.iter();
    kinds.fold(PathsBuilder::new(), describe).build()
}

fn describe_header(name: &str, description: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::True)
        .schema(Some(Object::with_type(SchemaType::Type(Type::String))))
        .description(Some(description))
        .build()
}

fn list_operations<'a>(
    (path, item): (&'a String, &'a mut PathItem),
) -> impl Iterator<Item = (&'a str, &'static str, &'a mut Operation)> {
    [
        ("GET", &mut item.get),
        ("PUT", &mut item.put),
        ("POST", &mut item.post),
        ("DELETE", &mut item.delete),
    ]
    .into_iter()
    .filter_map(|(method, operation)| Some((path.as_str(), method, operation.as_mut()?)))
}

/// Adds the problems that every operator route can return, unless the route describes them itself.
fn add_operator_problems(operation: &mut Operation, scope: Scope) {
    let forbidden = format!(
        "`forbidden`: the route needs a key with the scope `{}`",
        scope.as_str()
    );
    for (status, code) in [
        ("401", "`unauthorized`"),
        ("403", &forbidden),
        ("429", "`rate_limited`: too many wrong keys from this address"),
        ("500", "`internal`"),
        ("503", "`store_unavailable`"),
    ] {
        let responses = &mut operation.responses.responses;
        responses
            .entry(status.to_owned())
            .or_insert_with(|| RefOr::T(Response::new(code)));
    }
}

fn complete_response(status: &str, response: &mut Response) {
    let mut add = |name: &str, header: Header| {
        response.headers.insert(name.to_owned(), RefOr::T(header));
    };
    add(
        "x-request-id",
        build_header(Type::String, "The request's id, as in the log."),
    );
    match status {
        "401" => add("WWW-Authenticate", build_header(Type::String, "Always `Bearer`.")),
        "409" => add(
            "Retry-After",
            build_header(Type::Integer, "With `idempotency_in_progress`: seconds to wait."),
        ),
        "429" | "503" => add("Retry-After", build_header(Type::Integer, "Seconds to wait.")),
        _ => {}
    }
    if status.starts_with(['4', '5']) {
        let problem = Content::new(Some(Ref::from_schema_name("ProblemDetails")));
        response
            .content
            .insert("application/problem+json".to_owned(), RefOr::T(problem));
    }
}

fn build_header(kind: Type, description: &str) -> Header {
    HeaderBuilder::new()
        .schema(Some(Object::with_type(SchemaType::Type(kind))))
        .description(Some(description))
        .build()
}

fn bearer_scheme(description: &str) -> SecurityScheme {
    let mut scheme = Http::new(HttpAuthScheme::Bearer);
    scheme.description = Some(description.to_owned());
    SecurityScheme::Http(scheme)
}
