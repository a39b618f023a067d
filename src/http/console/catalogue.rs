//! The catalogue: what the shop sells, and who serves it. Event types and resources are listed, made, changed and deleted.
//!
//! An event type is saved only as it was previewed, with the slots that it would have.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, html};

use self::lists::{NEW_EVENT_TYPE, NOTICES, PER_PAGE, PREVIEW, sub_menu};
use self::words::{CatalogueWords, ENGLISH, GERMAN};
use super::access::{Act, ConsoleRoutes};
use super::components::{ButtonKind, link_button, next_page, table};
use super::form_values::QueryValues;
use super::navigation::MenuPage;
use super::signed_in::SignedIn;
use crate::domain::access_key::Scope;
use crate::domain::catalogue::EventType;
use crate::http::error::Problem;
use crate::http::server::Server;
use crate::workflow::catalogue;

mod event_type_acts;
mod event_type_fields;
mod event_type_form;
mod event_type_preview;
mod event_type_values;
mod lists;
mod resources;
mod words;

/// Adds the pages of the catalogue.
pub(super) fn add_routes(routes: ConsoleRoutes) -> ConsoleRoutes {
    let save = Act::of("PUT", "/v1/admin/event-types/{id}");
    let delete = Act::of("DELETE", "/v1/admin/event-types/{id}");
    let routes = routes
        .page(MenuPage::Catalogue.path(), Scope::Read, get(list_event_types))
        .page(NEW_EVENT_TYPE, save.scope(), get(event_type_acts::show_new))
        .page(
            "/console/event-types/{id}",
            save.scope(),
            get(event_type_acts::show_one),
        )
        .preview(PREVIEW, save.scope(), post(event_type_preview::preview))
        .page(
            "/console/event-types/{id}/delete",
            delete.scope(),
            get(event_type_acts::ask_to_delete),
        )
        .act(
            "/console/event-types/{id}/save",
            save,
            post(event_type_acts::save),
        )
        .act(
            "/console/event-types/{id}/delete",
            delete,
            post(event_type_acts::delete),
        );
    resources::add_routes(routes)
}

async fn list_event_types(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    query: QueryValues,
) -> Result<Response, Problem> {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let page = query.page(PER_PAGE);
    let found = catalogue::list_event_types(&server.context, &page).await?;
    let may_change = signed_in.may(Scope::Admin);
    let rows =
        html! { @for event_type in &found.entries { (to_row(&signed_in, words, event_type, may_change)) } };
    let path = MenuPage::Catalogue.path();
    let content = html! {
        (sub_menu(words, path))
        @if may_change {
            p { (link_button(ButtonKind::Main, NEW_EVENT_TYPE, words.new_event_type)) }
        }
        @if found.entries.is_empty() { p { (words.nothing_on_sale) } }
        @else { (table(words.event_types, &words.event_type_heads, rows)) }
        (next_page(signed_in.language, path, found.next.as_deref()))
    };
    let title = MenuPage::Catalogue.title(signed_in.language);
    Ok(signed_in
        .page(MenuPage::Catalogue, title)
        .notices(&NOTICES)
        .show(content))
}

fn to_row(signed_in: &SignedIn, words: &CatalogueWords, event_type: &EventType, may_change: bool) -> Markup {
    let minutes = event_type.length().num_minutes();
    let resources = event_type.list_resources();
    let schedule = event_type.schedule.as_ref();
    html! {
        tr {
            th scope="row" {
                @if may_change {
                    a href={ "/console/event-types/" (event_type.id) } { (event_type.name) }
                } @else { (event_type.name) }
                br; span.quiet { (event_type.id) }
            }
            td.number { (minutes) " min" }
            td.number { (signed_in.money(event_type.price)) }
            td {
                @for (n, resource) in resources.iter().enumerate() { @if n > 0 { ", " } (resource) }
            }
            td {
                @match schedule {
                    Some(schedule) => { (words.opening_hours) " (" (schedule.timezone) ")" },
                    None => (words.any_time),
                }
            }
        }
    }
}
