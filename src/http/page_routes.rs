//! The routes of the pages that are part of the program, with their scripts and styles. None of them is part of the API.

use std::sync::Arc;

use axum::Router;
use axum::middleware::map_request;
use axum::routing::get;

use super::server::Server;
use super::{compression, demo_page, reference_page, return_pages, widget};

/// Builds the routes of the pages. Everything is compressed for clients that take it.
pub(super) fn page_routes(server: &Server) -> Router<Arc<Server>> {
    let router = Router::new()
        .route("/widget.js", get(widget::serve_script))
        .merge(return_pages::routes())
        .route("/docs", get(reference_page::serve_page))
        .route("/docs/reference.js", get(reference_page::serve_script))
        .route("/docs/swagger-ui-bundle.js", get(reference_page::serve_renderer))
        .route("/docs/swagger-ui.css", get(reference_page::serve_renderer_style));
    let router = if server.demo {
        router
            .route("/", get(demo_page::serve_page))
            .route("/demo/demo.js", get(demo_page::serve_script))
    } else {
        router
    };
    router
        .layer(compression::compression_layer())
        .layer(map_request(compression::prepare_request))
}
