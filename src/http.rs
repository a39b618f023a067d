//! The audiences: checkout pages, Stripe, operators, machines, guests. The whole route table is [`router`].
//!
//! Reads requests, calls a workflow, shows its answer. Decides nothing, and never touches the store.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;
use secrecy::SecretString;
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};
use tower_http::timeout::RequestBodyTimeoutLayer;
use url::Origin;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::error::{Code, Problem};
use crate::domain::figures::Figures;
use crate::workflow::Context;

pub(crate) mod admin;
mod body;
mod calendar;
pub mod client;
mod demo;
mod description;
mod error;
mod fields;
mod holds;
mod metadata;
mod moving;
mod ops;
mod oversize;
mod pages;
mod path_id;
mod request_id;
mod schedule;
mod slots;
mod unique;
mod views;
mod webhooks;

/// Largest JSON body, in bytes.
const MAX_BODY: usize = 64 * 1024;
/// Largest webhook body, in bytes.
const MAX_WEBHOOK: usize = 1024 * 1024;
/// Checkouts under way at once in one instance.
pub const MAX_CHECKOUTS: usize = 4_096;
/// How long a body may pause on its way in.
const BODY_PAUSE: std::time::Duration = std::time::Duration::from_secs(15);

/// Writes metrics out, with the figures of the books where there are any.
pub type RenderMetrics = Arc<dyn Fn(Option<Figures>) -> String + Send + Sync>;

/// What the handlers work with.
pub struct Server {
    /// The workflows' tools.
    pub context: Arc<Context>,
    /// The operators' key; without one nobody is an operator.
    pub admin_key: Option<SecretString>,
    /// Webhook secrets, several while one is rolled.
    pub webhook_secrets: Vec<SecretString>,
    /// Origins that return URLs may have: the shop's and our own.
    pub origins: Vec<Origin>,
    /// Origins of checkout pages, for CORS.
    pub cors_origins: Vec<HeaderValue>,
    /// Where Stripe sends the guest who paid, unless the caller says otherwise.
    pub success_url: String,
    /// Where Stripe sends the guest who turned back, unless the caller says otherwise.
    pub cancel_url: String,
    /// Writes metrics out.
    pub render_metrics: RenderMetrics,
    /// Whether the demo page is served at `/`.
    pub demo: bool,
    /// One for each checkout that may be under way at once: what memory and patience are there for.
    pub places: Semaphore,
    /// Who is let in, and how often.
    pub rate_limiter: client::ClientRateLimiter,
    /// Whether calendar feeds may lie on private addresses.
    pub calendar_allow_private: bool,
    /// The description of the routes; see [`description`].
    pub openapi: String,
}

fn api(server: Option<&Arc<Server>>) -> OpenApiRouter<Arc<Server>> {
    let mut public = OpenApiRouter::new()
        .routes(routes!(holds::create))
        .routes(routes!(holds::show, holds::cancel))
        .routes(routes!(moving::move_hold))
        .routes(routes!(slots::list))
        .routes(routes!(calendar::show));
    if let Some(server) = server {
        public = public.layer(from_fn_with_state(server.clone(), client::limit));
    }
    let public = public.layer(from_fn_with_state(MAX_BODY, oversize::refuse));
    let stripe = OpenApiRouter::new()
        .routes(routes!(webhooks::receive))
        .layer(DefaultBodyLimit::max(MAX_WEBHOOK))
        .layer(from_fn_with_state(MAX_WEBHOOK, oversize::refuse));
    let machines = OpenApiRouter::new()
        .routes(routes!(ops::livez))
        .routes(routes!(ops::readyz))
        .routes(routes!(ops::metrics))
        .routes(routes!(ops::openapi));
    OpenApiRouter::new().merge(public).merge(stripe).merge(machines)
}

fn operators() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(
            admin::event_types::put,
            admin::event_types::show,
            admin::event_types::delete
        ))
        .routes(routes!(admin::event_types::list))
        .routes(routes!(admin::resources::put, admin::resources::show))
        .routes(routes!(admin::resources::list))
        .routes(routes!(
            admin::resources::blocks::put,
            admin::resources::blocks::delete
        ))
        .routes(routes!(admin::resources::calendar::put))
        .routes(routes!(admin::holds::list))
        .routes(routes!(admin::holds::show))
        .routes(routes!(admin::holds::release))
        .routes(routes!(admin::holds::refresh))
        .routes(routes!(admin::holds::cancel))
        .routes(routes!(admin::events::list))
        .routes(routes!(admin::events::replay))
        .routes(routes!(admin::sweep::run))
        .routes(routes!(admin::commands::list))
        .routes(routes!(admin::commands::retry))
        .layer(from_fn_with_state(MAX_BODY, oversize::refuse))
}

/// All routes, ready to serve.
pub fn router(server: Arc<Server>) -> Router {
    let key = from_fn_with_state(server.clone(), admin::require_key);
    let (api, _) = api(Some(&server)).split_for_parts();
    let (operators, _) = operators().route_layer(key).split_for_parts();
    let mut router = api
        // Before the CORS layer, which answers preflights: a fallback set later would take its place.
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .layer(cors(&server))
        .merge(operators)
        .route("/checkout/done", get(pages::back_from_stripe))
        .route("/checkout/cancelled", get(pages::back_from_stripe))
        .route("/checkout/page.js", get(pages::script))
        .route("/checkout/words.js", get(pages::words))
        .route("/checkout/page.css", get(pages::style));
    if server.demo {
        router = router
            .route("/", get(demo::page))
            .route("/demo/page.js", get(demo::script))
            .route("/demo/draw.js", get(demo::drawing))
            .route("/demo/event-types", get(demo::event_types));
    }
    router
        .fallback(async || Problem::not_found("path"))
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(RequestBodyTimeoutLayer::new(BODY_PAUSE))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(error::render))
        .layer(from_fn(request_id::assign))
        .with_state(server)
}

/// A sweep's report as `POST /v1/admin/sweep` answers it.
pub fn sweep_report(report: crate::workflow::sweep::SweepReport) -> impl serde::Serialize {
    admin::sweep::SweepReportView::from(report)
}

/// OpenAPI 3.1, from the handlers that serve.
pub fn description() -> OpenApi {
    let (_, api) = api(None).merge(operators()).split_for_parts();
    description::complete(api)
}

fn cors(server: &Server) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(server.cors_origins.clone()))
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_headers([
            header::CONTENT_TYPE,
            header::AUTHORIZATION,
            HeaderName::from_static("idempotency-key"),
        ])
        .expose_headers([request_id::HEADER, header::RETRY_AFTER])
}

/// A bug in a handler is a 500 for one request, not the end of the process.
fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let what = panic.downcast_ref::<String>().map(String::as_str);
    let what = what
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("(no message)");
    tracing::error!(what, "a handler panicked");
    axum::response::IntoResponse::into_response(Problem::new(Code::Internal, "the log has the details"))
}
