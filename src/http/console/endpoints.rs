//! The endpoints of the shop, to which events out are sent: lists, sets, tests and deletes them.
//!
//! Secrets are shown once, on the page that answers the act that made them, and are in no address.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, html};
use serde_json::json;

use self::one_endpoint::{NOTICES, SAVED, find_endpoint, path_of, show_secret, state_badge};
use self::words::{ENGLISH, EndpointWords, GERMAN};
use super::access::{Act, ConsoleRoutes};
use super::components::{ButtonKind, Field, checkbox, link_button, submit, table};
use super::form_values::FormValues;
use super::navigation::MenuPage;
use super::notice::redirect_with_notice;
use super::signed_in::SignedIn;
use crate::domain::event_endpoint::{EndpointKinds, EventEndpoint};
use crate::domain::event_out::EventOutKind;
use crate::domain::ids::EndpointId;
use crate::http::admin::endpoints::store_endpoint;
use crate::http::audit_trail::AuditNote;
use crate::http::error::{Problem, ProblemCode};
use crate::http::path_id::PathId;
use crate::http::server::Server;
use crate::workflow::event_endpoints;

mod acts;
mod deliveries;
mod one_endpoint;
mod words;

/// The path of the form for a new endpoint.
const NEW: &str = "/console/new-endpoint";

/// Adds the pages of endpoints.
pub(super) fn add_routes(routes: ConsoleRoutes) -> ConsoleRoutes {
    let put = Act::of("PUT", "/v1/admin/webhook-endpoints/{id}");
    let delete = Act::of("DELETE", "/v1/admin/webhook-endpoints/{id}");
    let rotate = Act::of("POST", "/v1/admin/webhook-endpoints/{id}/rotate");
    let test = Act::of("POST", "/v1/admin/webhook-endpoints/{id}/test");
    let routes = routes
        .page(
            MenuPage::Endpoints.path(),
            MenuPage::Endpoints.scope(),
            get(list_endpoints),
        )
        .page(NEW, put.scope(), get(show_new))
        .act(NEW, put.clone(), post(save_new))
        .page("/console/webhook-endpoints/{id}", put.scope(), get(show_one))
        .act("/console/webhook-endpoints/{id}", put, post(save_one))
        .page(
            "/console/webhook-endpoints/{id}/delete",
            delete.scope(),
            get(acts::ask_to_delete),
        )
        .act(
            "/console/webhook-endpoints/{id}/delete",
            delete,
            post(acts::delete),
        )
        .page(
            "/console/webhook-endpoints/{id}/rotate",
            rotate.scope(),
            get(acts::ask_to_rotate),
        )
        .act(
            "/console/webhook-endpoints/{id}/rotate",
            rotate,
            post(acts::rotate),
        )
        .page(
            "/console/webhook-endpoints/{id}/test",
            test.scope(),
            get(acts::ask_to_test),
        )
        .act(
            "/console/webhook-endpoints/{id}/test",
            test,
            post(acts::send_test),
        );
    deliveries::add_routes(routes)
}

async fn list_endpoints(State(server): State<Arc<Server>>, signed_in: SignedIn) -> Result<Response, Problem> {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let endpoints = event_endpoints::list_endpoints(&server.context).await?;
    let rows = html! { @for endpoint in &endpoints { (to_row(&signed_in, words, endpoint)) } };
    let title = MenuPage::Endpoints.title(signed_in.language);
    Ok(signed_in
        .page(MenuPage::Endpoints, title)
        .notices(&NOTICES)
        .show(html! {
            p { (words.endpoints_are) }
            p { (link_button(ButtonKind::Main, NEW, words.new)) }
            @if endpoints.is_empty() { p { (words.none) } }
            @else { (table(title, &words.heads, rows)) }
        }))
}

fn to_row(signed_in: &SignedIn, words: &EndpointWords, endpoint: &EventEndpoint) -> Markup {
    html! {
        tr {
            th scope="row" { a href=(path_of(&endpoint.id)) { (endpoint.id) } }
            td.address { (endpoint.url) }
            td { (state_badge(words, endpoint)) }
            td {
                @if let Some(since) = endpoint.failing_since { (words.failing_since) " " (signed_in.time(since)) }
                @if let Some(fault) = &endpoint.last_fault { br; span lang="en" { (fault) } }
            }
            td { a href={ (path_of(&endpoint.id)) "/deliveries" } { (words.deliveries) } }
        }
    }
}

async fn show_new(signed_in: SignedIn) -> Response {
    let values = FormValues::parse(b"all=yes&enabled=yes");
    show_form(&signed_in, None, &values, &[], StatusCode::OK)
}

async fn show_one(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    PathId(id): PathId,
) -> Result<Response, Problem> {
    let endpoint = find_endpoint(&server, &id).await?;
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("url", &endpoint.url);
    match &endpoint.kinds {
        EndpointKinds::All => {
            form.append_pair("all", "yes");
        }
        EndpointKinds::These(kinds) => {
            form.extend_pairs(kinds.iter().map(|kind| ("events", kind.as_str())));
        }
    }
    if endpoint.is_enabled {
        form.append_pair("enabled", "yes");
    }
    let values = FormValues::parse(form.finish().as_bytes());
    Ok(show_form(
        &signed_in,
        Some(&endpoint),
        &values,
        &[],
        StatusCode::OK,
    ))
}

/// Shows the form of an endpoint, and what can be done with one that exists.
fn show_form(
    signed_in: &SignedIn,
    known: Option<&EventEndpoint>,
    values: &FormValues,
    wrong: &[&str],
    status: StatusCode,
) -> Response {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let error = |name: &str| wrong.contains(&name).then_some(words.not_accepted);
    let id = Field {
        name: "id",
        label: words.id,
        help: words.id_help,
        value: values.raw("id").unwrap_or_default(),
        is_required: true,
        error: error("id"),
        ..Field::default()
    };
    let address = Field {
        name: "url",
        label: words.url,
        help: words.url_help,
        kind: "url",
        value: values.raw("url").unwrap_or_default(),
        is_required: true,
        error: error("url"),
    };
    let fields = html! {
        @if !wrong.is_empty() { div.problem role="alert" { p { (words.please_check) } } }
        @if known.is_none() { (id.show()) }
        (address.show())
        (kind_fields(words, values, error("events")))
        (checkbox("enabled", "yes", words.enabled, values.has("enabled")))
        div.buttons {
            (submit(ButtonKind::Main, words.save))
            (link_button(ButtonKind::Plain, MenuPage::Endpoints.path(), words.back))
        }
    };
    let action = known.map_or_else(|| NEW.to_owned(), |endpoint| path_of(&endpoint.id));
    let title = known.map_or_else(|| words.new.to_owned(), |endpoint| endpoint.id.to_string());
    let content = html! {
        @if let Some(endpoint) = known { (show_state(signed_in, words, endpoint)) }
        (signed_in.form(&action, fields))
    };
    signed_in
        .page(MenuPage::Endpoints, title)
        .status(status)
        .show(content)
}

/// Makes the choice of the types of events that an endpoint gets.
fn kind_fields(words: &EndpointWords, values: &FormValues, error: Option<&str>) -> Markup {
    let chosen: Vec<&str> = values.all("events").collect();
    html! {
        fieldset {
            legend { (words.events) }
            @if let Some(error) = error { p.error { (error) } }
            (checkbox("all", "yes", words.all_events, values.has("all")))
            p.help { (words.or_these) }
            @for kind in EventOutKind::ALL {
                (checkbox("events", kind.as_str(), kind.as_str(), chosen.contains(&kind.as_str())))
            }
        }
    }
}

/// Shows how an endpoint is, and what can be done with it.
fn show_state(signed_in: &SignedIn, words: &EndpointWords, endpoint: &EventEndpoint) -> Markup {
    let path = path_of(&endpoint.id);
    let link = |act: &str| format!("{path}/{act}");
    html! {
        div.card {
            p { (state_badge(words, endpoint)) }
            dl.facts {
                @if let Some(since) = endpoint.failing_since {
                    dt { (words.failing_since) } dd { (signed_in.time(since)) }
                }
                @if let Some(status) = endpoint.last_status { dt { (words.last_answer) } dd { (status) } }
                @if let Some(fault) = &endpoint.last_fault {
                    dt { (words.last_fault) } dd lang="en" { (fault) }
                }
                @if let Some(until) = endpoint.paused_until.filter(|until| *until > signed_in.now) {
                    dt { (words.paused_until) } dd { (signed_in.time(until)) }
                }
                dt { (words.made) } dd { (signed_in.time(endpoint.created_at)) }
            }
            div.buttons {
                (link_button(ButtonKind::Plain, &link("deliveries"), words.deliveries))
                (link_button(ButtonKind::Plain, &link("test"), words.test))
                (link_button(ButtonKind::Plain, &link("replay"), words.replay))
                (link_button(ButtonKind::Danger, &link("rotate"), words.rotate))
                (link_button(ButtonKind::Danger, &link("delete"), words.delete))
            }
        }
    }
}

async fn save_new(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    Extension(note): Extension<AuditNote>,
    values: FormValues,
) -> Result<Response, Problem> {
    let id = values.text("id").and_then(|id| EndpointId::parse(id).ok());
    let Some(id) = id else {
        return Ok(show_form(
            &signed_in,
            None,
            &values,
            &["id"],
            ProblemCode::Invalid.status(),
        ));
    };
    note.set_target(format!("webhook-endpoints/{id}"));
    if event_endpoints::find_endpoint(&server.context, &id)
        .await?
        .is_some()
    {
        return Ok(show_form(
            &signed_in,
            None,
            &values,
            &["id"],
            ProblemCode::Conflict.status(),
        ));
    }
    save_values(&server, &signed_in, &note, (&id, None), &values).await
}

async fn save_one(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    PathId(id): PathId,
    Extension(note): Extension<AuditNote>,
    values: FormValues,
) -> Result<Response, Problem> {
    let known = find_endpoint(&server, &id).await?;
    let id = known.id.clone();
    save_values(&server, &signed_in, &note, (&id, Some(&known)), &values).await
}

async fn save_values(
    server: &Server,
    signed_in: &SignedIn,
    note: &AuditNote,
    (id, known): (&EndpointId, Option<&EventEndpoint>),
    values: &FormValues,
) -> Result<Response, Problem> {
    let events: Vec<&str> = match values.has("all") {
        true => vec!["*"],
        false => values.all("events").collect(),
    };
    let body = json!({
        "url": values.text("url").unwrap_or_default(),
        "events": events,
        "enabled": values.has("enabled"),
    });
    match store_endpoint(server, note, id, body).await {
        Ok((endpoint, Some(secret))) => Ok(show_secret(signed_in, &endpoint.id, &secret, None)),
        Ok((_, None)) => Ok(redirect_with_notice(MenuPage::Endpoints.path(), &SAVED)),
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
