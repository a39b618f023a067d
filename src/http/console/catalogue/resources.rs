//! The resources of the catalogue: lists, makes, changes and deletes them, and shows the address of a calendar export.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, html};
use serde_json::{Map, Value, json};

use super::lists::{PER_PAGE, RESOURCES as LIST, sub_menu};
use super::words::{CatalogueWords, ENGLISH, GERMAN};
use crate::domain::access_key::Scope;
use crate::domain::calendar_feed::FeedState;
use crate::domain::catalogue::{Resource, ResourceNeeds};
use crate::http::admin::resources::{remove_resource, store_resource};
use crate::http::audit_trail::AuditNote;
use crate::http::console::access::{Act, ConsoleRoutes};
use crate::http::console::components::{
    ButtonKind, Confirmation, Field, hidden, link_button, next_page, submit, table,
};
use crate::http::console::form_values::{FormValues, QueryValues};
use crate::http::console::navigation::MenuPage;
use crate::http::console::notice::{Notice, redirect_with_notice};
use crate::http::console::signed_in::SignedIn;
use crate::http::console::states::{Tone, badge};
use crate::http::error::{Problem, ProblemCode};
use crate::http::path_id::{PathId, parse_resource_id};
use crate::http::server::Server;
use crate::workflow::catalogue;

/// The path of the form for a new resource.
const NEW: &str = "/console/new-resource";

const SAVED: Notice = Notice {
    code: "saved",
    english: "The resource is saved.",
    german: "Die Ressource ist gespeichert.",
};
const DELETED: Notice = Notice {
    code: "deleted",
    english: "The resource is deleted.",
    german: "Die Ressource ist gelöscht.",
};
const RENEWED: Notice = Notice {
    code: "renewed",
    english: "This is the new address. The old one has ended.",
    german: "Das ist die neue Adresse. Die alte gilt nicht mehr.",
};
static NOTICES: [Notice; 3] = [SAVED, DELETED, RENEWED];

/// Adds the pages of resources.
pub(super) fn add_routes(routes: ConsoleRoutes) -> ConsoleRoutes {
    let save = Act::of("PUT", "/v1/admin/resources/{id}");
    let delete = Act::of("DELETE", "/v1/admin/resources/{id}");
    let renew = Act::of("POST", "/v1/admin/resources/{id}/calendar-key");
    routes
        .page(LIST, Scope::Read, get(list_resources))
        .page(NEW, save.scope(), get(show_new))
        .page("/console/resources/{id}", save.scope(), get(show_one))
        .act("/console/new-resource", save.clone(), post(save_new))
        .act("/console/resources/{id}", save, post(save_one))
        .page(
            "/console/resources/{id}/delete",
            delete.scope(),
            get(ask_to_delete),
        )
        .act("/console/resources/{id}/delete", delete, post(delete_one))
        .page(
            "/console/resources/{id}/calendar-key",
            renew.scope(),
            get(show_export),
        )
        .page(
            "/console/resources/{id}/calendar-key/new",
            renew.scope(),
            get(ask_to_renew),
        )
        .act("/console/resources/{id}/calendar-key", renew, post(renew_export))
}

async fn list_resources(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    query: QueryValues,
) -> Result<Response, Problem> {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let page = query.page(PER_PAGE);
    let found = catalogue::list_resources(&server.context, &page).await?;
    let may_change = signed_in.may(Scope::Admin);
    let mut rows = Vec::new();
    for resource in &found.entries {
        let feed = catalogue::find_feed(&server.context, &resource.id).await?;
        let state = feed.map(|feed| feed.state);
        rows.push(to_row(words, resource, state, may_change));
    }
    let content = html! {
        (sub_menu(words, LIST))
        @if may_change { p { (link_button(ButtonKind::Main, NEW, words.new_resource)) } }
        @if rows.is_empty() { p { (words.no_resource_yet) } }
        @else { (table(words.resources, &words.resource_heads, html! { @for row in &rows { (row) } })) }
        (next_page(signed_in.language, LIST, found.next.as_deref()))
    };
    Ok(signed_in
        .page(MenuPage::Catalogue, words.resources)
        .notices(&NOTICES)
        .show(content))
}

fn to_row(
    words: &CatalogueWords,
    resource: &Resource,
    feed: Option<Option<FeedState>>,
    may_change: bool,
) -> Markup {
    let path = format!("{LIST}/{}", resource.id);
    let feed = match feed {
        None => html! { span.quiet { (words.no_feed) } },
        Some(None) => badge(Tone::Wait, words.feed_waits),
        Some(Some(FeedState::Ok)) => badge(Tone::Good, words.feed_ok),
        Some(Some(FeedState::Partial | FeedState::Failed)) => badge(Tone::Bad, words.feed_wrong),
    };
    html! {
        tr {
            th scope="row" {
                @if may_change { a href=(path) { (resource.name) } } @else { (resource.name) }
                br; span.quiet { (resource.id) }
            }
            td.number { (resource.capacity) }
            td { (feed) }
            td { @if may_change { a href={ (path) "/calendar-key" } { (words.export) } } }
        }
    }
}

async fn show_new(signed_in: SignedIn) -> Response {
    show_form(
        &signed_in,
        None,
        &FormValues::parse(b"capacity=1"),
        &[],
        StatusCode::OK,
    )
}

async fn show_one(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    PathId(id): PathId,
) -> Result<Response, Problem> {
    let resource = find_resource(&server, &id).await?;
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("name", &resource.name);
    form.append_pair("capacity", &resource.capacity.to_string());
    let values = FormValues::parse(form.finish().as_bytes());
    Ok(show_form(&signed_in, Some(&id), &values, &[], StatusCode::OK))
}

/// Shows the form of a resource; `id` is that of one that exists.
fn show_form(
    signed_in: &SignedIn,
    id: Option<&str>,
    values: &FormValues,
    wrong: &[&str],
    status: StatusCode,
) -> Response {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let field = |name, label, help| Field {
        name,
        label,
        help,
        value: values.raw(name).unwrap_or_default(),
        error: wrong.contains(&name).then_some(words.not_accepted),
        ..Field::default()
    };
    let fields = html! {
        @if !wrong.is_empty() { div.problem role="alert" { p { (words.please_check) } } }
        @if id.is_none() { (Field { is_required: true, ..field("id", words.id, words.id_help) }.show()) }
        (Field { is_required: true, ..field("name", words.name, words.resource_name_help) }.show())
        (Field { kind: "number", is_required: true, ..field("capacity", words.capacity, words.capacity_help) }.show())
        @if id.is_some() { p.help { (words.capacity_shrinks) } }
        div.buttons {
            (submit(ButtonKind::Main, words.save_resource))
            (link_button(ButtonKind::Plain, LIST, words.back))
        }
        @if let Some(id) = id { p { a href={ (LIST) "/" (id) "/delete" } { (words.delete_resource) } } }
    };
    let action = id.map_or_else(|| NEW.to_owned(), |id| format!("{LIST}/{id}"));
    let title = match id {
        Some(_) => values.text("name").unwrap_or(words.resource),
        None => words.new_resource,
    };
    let content = signed_in.form(&action, fields);
    signed_in
        .page(MenuPage::Catalogue, title)
        .status(status)
        .show(content)
}

async fn save_new(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    Extension(note): Extension<AuditNote>,
    values: FormValues,
) -> Result<Response, Problem> {
    let id = values.text("id").unwrap_or_default();
    if let Ok(id) = parse_resource_id(id) {
        note.set_target(format!("resources/{id}"));
        if catalogue::find_resource(&server.context, &id).await?.is_some() {
            return Ok(show_form(
                &signed_in,
                None,
                &values,
                &["id"],
                ProblemCode::Conflict.status(),
            ));
        }
    }
    save_values(&server, &signed_in, &note, (id, None), &values).await
}

async fn save_one(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    PathId(id): PathId,
    Extension(note): Extension<AuditNote>,
    values: FormValues,
) -> Result<Response, Problem> {
    find_resource(&server, &id).await?;
    save_values(&server, &signed_in, &note, (&id, Some(&id)), &values).await
}

async fn save_values(
    server: &Server,
    signed_in: &SignedIn,
    note: &AuditNote,
    (id, known): (&str, Option<&str>),
    values: &FormValues,
) -> Result<Response, Problem> {
    let mut body = Map::new();
    body.insert("name".to_owned(), json!(values.text("name").unwrap_or_default()));
    if let Some(text) = values.text("capacity") {
        let capacity = text.parse::<i64>().map_or_else(|_| json!(text), Value::from);
        body.insert("capacity".to_owned(), capacity);
    }
    match store_resource(server, note, id, Value::Object(body)).await {
        Ok(_) => Ok(redirect_with_notice(LIST, &SAVED)),
        Err(problem) if problem.code() == ProblemCode::Invalid => {
            let wrong: Vec<&str> = problem
                .errors()
                .iter()
                .map(|error| error.field.as_str())
                .collect();
            Ok(show_form(signed_in, known, values, &wrong, problem.status()))
        }
        Err(problem) => Err(problem),
    }
}

async fn ask_to_delete(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    PathId(id): PathId,
) -> Result<Response, Problem> {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let resource = find_resource(&server, &id).await?;
    let path = format!("{LIST}/{id}/delete");
    Ok(signed_in.confirm(Confirmation {
        page: MenuPage::Catalogue,
        title: words.delete_resource,
        explanation: html! {
            p { strong { (resource.name) } " (" (resource.id) ")" }
            p { (words.delete_resource_means) }
        },
        button: words.delete,
        kind: ButtonKind::Danger,
        action: &path,
        fields: html! {},
        back: LIST,
    }))
}

async fn delete_one(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    PathId(id): PathId,
    Extension(note): Extension<AuditNote>,
) -> Result<Response, Problem> {
    match remove_resource(&server, &note, &parse_resource_id(&id)?).await? {
        Ok(()) => Ok(redirect_with_notice(LIST, &DELETED)),
        Err(needs) => Ok(show_needs(&signed_in, &needs)),
    }
}

/// Says why a resource is not deleted.
fn show_needs(signed_in: &SignedIn, needs: &ResourceNeeds) -> Response {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let list = |ids: Vec<String>| (!ids.is_empty()).then(|| ids.join(", "));
    let of_kind = [
        (
            words.needs_event_types,
            list(needs.event_types.iter().map(ToString::to_string).collect()),
        ),
        (
            words.needs_holds,
            (needs.live_holds > 0).then(|| needs.live_holds.to_string()),
        ),
        (words.needs_blocks, list(needs.blocks.clone())),
        (
            words.needs_closures,
            list(needs.closures.iter().map(ToString::to_string).collect()),
        ),
        (words.needs_feed, needs.has_feed.then(String::new)),
    ];
    let page = signed_in
        .page(MenuPage::Catalogue, words.in_use)
        .status(ProblemCode::Conflict.status());
    page.show(html! {
        div.problem role="alert" {
            p { (words.in_use_means) }
            ul {
                @for (kind, what) in of_kind {
                    @if let Some(what) = what {
                        li { (kind) @if !what.is_empty() { ": " (what) } }
                    }
                }
            }
        }
        p { (link_button(ButtonKind::Plain, LIST, words.back)) }
    })
}

/// Shows the address of a resource's calendar export, which is a secret.
async fn show_export(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    PathId(id): PathId,
) -> Result<Response, Problem> {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let id = parse_resource_id(&id)?;
    let key = catalogue::find_calendar_key(&server.context, &id).await?;
    let key = key.ok_or_else(|| Problem::not_found("resource"))?;
    let page = signed_in
        .page(MenuPage::Catalogue, words.export_title)
        .notices(&NOTICES);
    Ok(page.show(html! {
        p { (words.export_means) }
        p { code.secret { "/v1/resources/" (id) "/calendar.ics?key=" (key) } }
        div.buttons {
            (link_button(ButtonKind::Danger, &format!("{LIST}/{id}/calendar-key/new"), words.renew))
            (link_button(ButtonKind::Plain, LIST, words.back))
        }
    }))
}

async fn ask_to_renew(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    PathId(id): PathId,
) -> Result<Response, Problem> {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let resource = find_resource(&server, &id).await?;
    let path = format!("{LIST}/{id}/calendar-key");
    Ok(signed_in.confirm(Confirmation {
        page: MenuPage::Catalogue,
        title: words.renew_title,
        explanation: html! {
            p { strong { (resource.name) } }
            p { (words.renew_means) }
        },
        button: words.renew,
        kind: ButtonKind::Danger,
        action: &path,
        fields: hidden("renew", "yes"),
        back: &path,
    }))
}

async fn renew_export(State(server): State<Arc<Server>>, PathId(id): PathId) -> Result<Response, Problem> {
    let id = parse_resource_id(&id)?;
    let renewed = catalogue::renew_calendar_key(&server.context, &id).await?;
    renewed.ok_or_else(|| Problem::not_found("resource"))?;
    Ok(redirect_with_notice(
        &format!("{LIST}/{id}/calendar-key"),
        &RENEWED,
    ))
}

async fn find_resource(server: &Server, id: &str) -> Result<Resource, Problem> {
    let found = catalogue::find_resource(&server.context, &parse_resource_id(id)?).await?;
    found.ok_or_else(|| Problem::not_found("resource"))
}
