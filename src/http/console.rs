//! The console at `/console`: pages for operators, made by the server. It needs no script for reading or acting.
//!
//! # How a page is added
//! 1. A file here with the name of the page, such as `audit.rs`. Its words are a `struct …Words` with two statics, `ENGLISH` and
//!    `GERMAN`, so that a missing translation does not compile; `signed_in.language.choose(&ENGLISH, &GERMAN)` picks one.
//! 2. `pub(super) fn add_routes(routes: ConsoleRoutes) -> ConsoleRoutes` in the file, and its line in [`routes`]:
//!    - [`ConsoleRoutes::page`] for a page that is read. It says the scope.
//!    - [`ConsoleRoutes::act`] for a form that changes something: `Act::of("POST", "/v1/admin/holds/{id}/release")` names the
//!      operators' route that does the same, and gives the scope and the name in the audit trail; [`Act::new`] where there is
//!      none. The path must name the target as that route does (`/console/holds/{id}/release`), because the audit trail reads
//!      the target from it; a handler notes states and other targets in its `AuditNote`.
//!    - [`ConsoleRoutes::preview`] for a form that is posted and changes nothing.
//!
//!    Each checks session and scope before the handler; the two latter also that our own page sent the form.
//! 3. A handler takes [`SignedIn`] and, after a form, [`FormValues`], calls the workflow that the operators' route calls, and
//!    returns `Result<Response, Problem>`. A [`Problem`](super::error::Problem) becomes a page of its own with its status.
//!    - A page: `signed_in.page(MenuPage::Audit, title).show(html! { … })`. Values in `html!` are escaped; nothing of the data is
//!      ever `PreEscaped`.
//!    - A form: `signed_in.form("/console/…", html! { … })`, which adds the form's token. Fields, tables, confirmations are in
//!      `components`.
//!    - An act asks once: a link leads to a page (`GET`) with [`Confirmation`](components::Confirmation), whose form posts to
//!      the act. A form that is filled in may post to a `preview` that shows the confirmation with the values as hidden fields.
//!    - After an act: [`redirect_with_notice`](notice::redirect_with_notice) to a page that passes its `NOTICES` to
//!      [`PageBuilder::notices`](frame::PageBuilder::notices): a cookie carries a code with its MAC, and the page says it once.
//! 4. A line in `navigation.rs`, if the page is to be in the menu.
//! 5. Times, days and money: `signed_in.time(…)`, `signed_in.day(…)`, `signed_in.money(…)` in `formats`. Statuses as a word and
//!    a colour: `states`.
//! 6. `tests/it/console/…`: over HTTP with `SignedInClient`, and in the browser with axe (`tests/it/console.rs`).

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{any, get, post};

use self::access::ConsoleRoutes;
use super::request_size::{self, BodyLimit};
use super::server::Server;

mod access;
mod assets;
mod attention;
mod audit;
mod calendar;
mod catalogue;
mod changes;
mod choose_language;
mod components;
mod cookies;
mod endpoints;
mod feeds;
mod form_status;
mod form_values;
mod formats;
mod frame;
mod funnel;
mod headers;
mod hold;
mod keys;
mod language;
mod money_words;
mod navigation;
mod notice;
mod origin;
mod problem_page;
mod return_path;
mod search;
mod sign_in;
mod signed_in;
mod states;
mod stripe_links;
mod timeline_style;
mod today;
mod unknown_path;

/// Builds the router of the console.
pub(super) fn routes(server: &Arc<Server>) -> Router<Arc<Server>> {
    let routes = ConsoleRoutes::new(server.clone());
    let routes = today::add_routes(changes::add_routes(routes));
    let routes = attention::add_routes(routes);
    let routes = calendar::add_routes(routes);
    let routes = catalogue::add_routes(routes);
    let routes = funnel::add_routes(routes);
    let routes = endpoints::add_routes(routes);
    let routes = feeds::add_routes(routes);
    let routes = keys::add_routes(routes);
    let routes = audit::add_routes(routes);
    let routes = hold::add_routes(routes);
    let routes = search::add_routes(routes);
    // One line for each page.
    let pages = unknown_path::add_routes(routes).into_router();
    pages
        .route(navigation::CONSOLE, get(sign_in::enter_console))
        .route(
            return_path::SIGN_IN,
            get(sign_in::show_form).post(sign_in::sign_in),
        )
        .route("/console/sign-out", post(sign_in::sign_out))
        .route("/console/language/{language}", get(choose_language::set_language))
        .route("/console/assets/{version}/{file}", any(assets::serve))
        .layer(from_fn_with_state(
            BodyLimit::new(form_values::MAX_FORM),
            request_size::limit_body,
        ))
        .layer(from_fn(headers::add_headers))
}
