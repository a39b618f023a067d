//! The HTTP layer: one file per audience and group of routes. The whole route table is
//! [`router`].
//!
//! A handler reads a request, calls a workflow and shows the result. It decides nothing and never calls the store.
//!
//! - Guests and checkout pages: `event_types`, `slots`, `holds`, `guest_hold`, `embedded_page`, `check_hold`, `extend_hold`, `move_hold`,
//!   `return_pages`, `calendar_export`, `hold_calendar`.
//! - Stripe: `webhooks`. Operators: `admin`, `console`. Machines: `health`. Programmers: `reference_page`. Shops' own
//!   pages: `widget`. The demo shop: `demo_page`.
//! - What comes in: `json_body`, `query_string`, `field_values`, `schedule`, `metadata`, `path_id`,
//!   `idempotency_key`.
//! - Who may call, how often and how slowly: `auth`, `scopes`, `audit_trail`, `client_address`, `rate_limit`,
//!   `request_limits`, `request_size`, `response_size`, `connections`,
//!   `stream_permits`, `slot_streams`, `console_streams`. `shared_service` lets the layers that do this share a route.
//! - What goes out: `views`, `hold_detail`, `money_views`, `slot_view`, `event_view`, `appointments`, `entity_tags`, `compression`,
//!   `error` (the only file that makes a status of an error), `openapi`, `response_headers`.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderName, Method, header};
use axum::middleware::{Next, from_fn, from_fn_with_state, map_request, map_response};
use axum::response::{IntoResponse, Response};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use self::catalogue_file::ImportRules;
use self::client_address::ClientAddress;
pub use self::connections::serve_connections;
pub use self::console_streams::ConsoleStreams;
pub use self::database_reading::DatabaseReadings;
use self::error::{Problem, ProblemCode};
pub use self::event_view::render_event;
pub use self::field_values::parse_name;
pub use self::operation_names::OperationNames;
use self::request_size::BodyLimit;
pub use self::response_size::ResponseSpace;
pub use self::server::{RenderMetrics, Server};
use self::shared_service::ShareLayer;
pub use self::slot_streams::SlotStreams;
use crate::domain::access_key::{AccessKey, KeyText};
use crate::domain::booking::Booking;
use crate::workflow::catalogue_file::CatalogueCopy;

pub(crate) mod admin;
mod appointments;
mod audit_trail;
mod auth;
mod calendar_export;
mod catalogue_file;
mod check_hold;
pub mod client_address;
mod compression;
mod connections;
mod console;
mod console_streams;
mod database_reading;
mod demo_page;
mod duplicate_members;
mod embedded_page;
mod entity_tags;
mod error;
mod event_types;
mod event_view;
mod extend_hold;
mod field_errors;
mod field_values;
mod guest_hold;
mod health;
mod hold_acts;
mod hold_calendar;
mod hold_detail;
mod hold_state;
mod holds;
mod idempotency_key;
mod json_body;
mod language;
mod metadata;
mod money_views;
mod move_hold;
mod openapi;
mod operation_names;
mod page_routes;
mod path_id;
mod query_string;
pub mod rate_limit;
mod reference_page;
mod request_id;
mod request_limits;
mod request_size;
mod response_headers;
mod response_size;
mod return_pages;
mod schedule;
mod scopes;
mod server;
mod shared_service;
mod slot_streams;
mod slot_view;
mod slots;
mod static_assets;
mod stream_permits;
mod timestamps;
mod views;
mod webhooks;
mod widget;

/// The largest JSON body, in bytes.
const MAX_JSON_BODY: usize = 64 * 1024;
/// The largest webhook body, in bytes.
const MAX_WEBHOOK_BODY: usize = 1024 * 1024;
/// The most checkouts that run at once in one process.
pub const MAX_CHECKOUTS: usize = 4_096;
/// The most access keys that are looked up at once in one process.
pub const MAX_KEY_LOOKUPS: usize = 2;
/// The most console sessions that are looked up at once in one process.
pub const MAX_SESSION_LOOKUPS: usize = 2;

/// The routes for everybody but operators. Without a `server` there is no rate limit; the description needs none.
fn public_routes(server: Option<&Arc<Server>>) -> OpenApiRouter<Arc<Server>> {
    let mut guests = OpenApiRouter::new()
        .routes(routes!(holds::start_checkout))
        .routes(routes!(guest_hold::get_hold, guest_hold::cancel_hold))
        .routes(routes!(check_hold::check_hold))
        .routes(routes!(extend_hold::extend_hold))
        .routes(routes!(move_hold::move_hold))
        .routes(routes!(hold_calendar::get_hold_calendar))
        .routes(routes!(slots::stream::stream_slots))
        .routes(routes!(calendar_export::export_calendar));
    let mut lists = OpenApiRouter::new()
        .routes(routes!(event_types::list_offers))
        .routes(routes!(event_types::get_offer))
        .routes(routes!(slots::list_slots))
        .routes(routes!(health::get_openapi));
    if let Some(server) = server {
        let bound_size = from_fn_with_state(server.clone(), bound_large_response);
        lists = lists
            .layer(bound_size.clone())
            .layer(compression::compression_layer())
            .layer(map_request(compression::prepare_request));
        let limit_body = from_fn_with_state(BodyLimit::new(MAX_JSON_BODY), request_size::limit_body);
        let layers = ServiceBuilder::new()
            .layer(limit_body)
            .layer(from_fn_with_state(server.clone(), auth::identify_caller))
            .layer(from_fn_with_state(server.clone(), request_limits::limit_requests))
            .layer(from_fn_with_state(server.clone(), audit_trail::record_act))
            .layer(ShareLayer);
        guests = guests.layer(bound_size).merge(lists).layer(layers);
    } else {
        guests = guests.merge(lists);
    }
    let stripe = OpenApiRouter::new()
        .routes(routes!(webhooks::receive_event))
        .layer(DefaultBodyLimit::max(MAX_WEBHOOK_BODY))
        .layer(from_fn_with_state(
            BodyLimit::new(MAX_WEBHOOK_BODY),
            request_size::limit_body,
        ));
    let machines = OpenApiRouter::new()
        .routes(routes!(health::check_liveness))
        .routes(routes!(health::check_readiness));
    OpenApiRouter::new().merge(guests).merge(stripe).merge(machines)
}

/// The route that shows the metrics: not for the public, but without a key.
fn metrics_route() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new().routes(routes!(health::get_metrics))
}

fn operator_routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(
            admin::event_types::put_event_type,
            admin::event_types::get_event_type,
            admin::event_types::delete_event_type
        ))
        .routes(routes!(admin::event_types::list_event_types))
        .routes(routes!(
            admin::resources::put_resource,
            admin::resources::get_resource,
            admin::resources::delete_resource
        ))
        .routes(routes!(admin::resources::list_resources))
        .routes(routes!(admin::resources::renew_calendar_key))
        .routes(routes!(
            admin::resources::blocks::put_block,
            admin::resources::blocks::delete_block
        ))
        .routes(routes!(admin::resources::block_list::list_blocks))
        .routes(routes!(admin::resources::calendar_feed::put_calendar_feed))
        .routes(routes!(
            admin::closures::put_closure,
            admin::closures::get_closure,
            admin::closures::delete_closure
        ))
        .routes(routes!(admin::closures::list_closures))
        .routes(routes!(admin::hold_list::list_holds))
        .routes(routes!(admin::holds::get_hold))
        .routes(routes!(admin::holds::release_hold))
        .routes(routes!(admin::holds::refresh_hold))
        .routes(routes!(admin::holds::cancel_hold))
        .routes(routes!(admin::refunds::refund_hold))
        .routes(routes!(admin::payments::list_payments))
        .routes(routes!(admin::summary::show_summary))
        .routes(routes!(admin::guests::export_guest))
        .routes(routes!(admin::guests::erase_guest))
        .routes(routes!(admin::events::list_events))
        .routes(routes!(admin::events::replay_event))
        .routes(routes!(admin::sweep::run_sweep))
        .routes(routes!(admin::commands::list_commands))
        .routes(routes!(admin::commands::retry_command))
        .routes(routes!(admin::keys::create_key, admin::keys::list_keys))
        .routes(routes!(admin::keys::revoke_key))
        .routes(routes!(admin::audit::list_audit))
        .merge(event_routes())
        .layer(from_fn_with_state(
            BodyLimit::new(MAX_JSON_BODY),
            request_size::limit_body,
        ))
}

fn event_routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(
            admin::endpoints::put_endpoint,
            admin::endpoints::get_endpoint,
            admin::endpoints::delete_endpoint
        ))
        .routes(routes!(admin::endpoints::list_endpoints))
        .routes(routes!(admin::endpoints::secrets::rotate_secret))
        .routes(routes!(admin::endpoints::test_endpoint))
        .routes(routes!(admin::endpoints::deliveries::list_deliveries))
        .routes(routes!(admin::endpoints::deliveries::replay_events))
        .routes(routes!(admin::events_out::pull_events))
}

/// Builds the router of an instance that serves everything on one address.
pub fn router(server: Arc<Server>) -> Router {
    let routes = build_public_router(&server).merge(build_operator_router(&server));
    complete_router(routes, server)
}

/// Builds the two routers of an instance that serves operators on an address of their own: the public's and theirs.
pub fn split_routers(server: Arc<Server>) -> (Router, Router) {
    let (public, operators) = (build_public_router(&server), build_operator_router(&server));
    (
        complete_router(public, server.clone()),
        complete_router(operators, server),
    )
}

fn build_operator_router(server: &Arc<Server>) -> Router<Arc<Server>> {
    let require_operator = from_fn_with_state(server.clone(), auth::require_operator);
    let record_act = from_fn_with_state(server.clone(), audit_trail::record_act);
    let operators = operator_routes()
        .route_layer(record_act)
        .route_layer(require_operator);
    let (router, _) = operators.merge(metrics_route()).split_for_parts();
    router.merge(console::routes(server))
}

fn build_public_router(server: &Arc<Server>) -> Router<Arc<Server>> {
    let (public, _) = public_routes(Some(server)).split_for_parts();
    let router = public
        // Must come before the CORS layer, which answers preflights: a fallback set later would replace that.
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .layer(cors_layer(server));
    router.merge(page_routes::page_routes(server))
}

/// Adds what all routes share: errors for what no route takes, bounds on bodies, ids of requests.
fn complete_router(router: Router<Arc<Server>>, server: Arc<Server>) -> Router {
    let layers = ServiceBuilder::new()
        .layer(map_response(response_headers::add_security_headers))
        .layer(from_fn(request_id::assign_request_id))
        .layer(from_fn(error::render_problems))
        .layer(CatchPanicLayer::custom(respond_to_panic))
        .layer(from_fn_with_state(server.clone(), health::refuse_until_open))
        .layer(DefaultBodyLimit::max(MAX_JSON_BODY))
        .layer(ShareLayer);
    router
        .fallback(async || Problem::not_found("path"))
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .layer(layers)
        .with_state(server)
}

/// Shows a sweep's report as `POST /v1/admin/sweep` does.
pub fn sweep_report_view(report: crate::workflow::sweep::SweepReport) -> impl serde::Serialize {
    admin::sweep::SweepReportView::from(report)
}

/// Shows holds as `GET /v1/admin/holds` does, all on one page.
pub fn admin_hold_list(bookings: &[Booking]) -> impl serde::Serialize + use<> {
    admin::hold_list::to_whole_list(bookings)
}

/// Shows an access key as `GET /v1/admin/keys` does.
pub fn access_key_view(key: &AccessKey) -> impl serde::Serialize + use<> {
    admin::keys::AccessKeyView::from(key)
}

/// Shows a new access key with its text, as `POST /v1/admin/keys` does.
pub fn created_key_view(key: &AccessKey, text: &KeyText) -> impl serde::Serialize + use<> {
    admin::keys::CreatedKeyView::new(key, text)
}

/// Shows the whole catalogue as `holdfast export` prints it.
pub fn catalogue_view(catalogue: &CatalogueCopy) -> impl serde::Serialize + use<> {
    catalogue_file::CatalogueFileView::from(catalogue)
}

/// Shows what an import has replaced, for the audit trail.
pub fn audited_catalogue(replaced: &CatalogueCopy) -> impl serde::Serialize + use<> {
    catalogue_file::AuditedCatalogue::from(replaced)
}

/// Reads what [`catalogue_view`] shows. Returns what of it can be read, and a line for each error.
pub fn parse_catalogue(text: &str, rules: ImportRules<'_>) -> (CatalogueCopy, Vec<String>) {
    catalogue_file::parse_file(text, rules)
}

/// Builds the OpenAPI 3.1 description from the handlers that serve the routes.
pub fn describe_api() -> OpenApi {
    let (_, api) = public_routes(None)
        .merge(operator_routes())
        .merge(metrics_route())
        .split_for_parts();
    openapi::complete_description(api)
}

/// Bounds the memory of responses that their clients have not read yet.
async fn bound_large_response(
    State(server): State<Arc<Server>>,
    client: ClientAddress,
    request: Request,
    next: Next,
) -> Response {
    server.response_space.bound(client, next.run(request).await)
}

fn cors_layer(server: &Server) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(server.cors_origins.clone()))
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_headers([
            header::CONTENT_TYPE,
            header::AUTHORIZATION,
            header::IF_NONE_MATCH,
            HeaderName::from_static("idempotency-key"),
        ])
        .expose_headers([
            request_id::REQUEST_ID_HEADER,
            header::RETRY_AFTER,
            header::ETAG,
            // The time to pay ends by the clock of the service.
            header::DATE,
        ])
}

/// Turns a panic in a handler into a 500 for its request, so that the process goes on.
fn respond_to_panic(panic: Box<dyn std::any::Any + Send>) -> Response {
    let message = panic.downcast_ref::<String>().map(String::as_str);
    let message = message
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("(no message)");
    tracing::error!(panic = message, "a handler panicked");
    Problem::new(ProblemCode::Internal, "the log has the details").into_response()
}
