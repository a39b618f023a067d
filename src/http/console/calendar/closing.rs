//! The pages that put and remove a closure: days on which the shop, or some of its resources, sells nothing.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use serde_json::{Value, json};
use uuid::Uuid;

use super::after_acts::{CLOSED, REOPENED, week_path};
use super::conflicts::show_conflicts;
use super::words::{CalendarWords, ENGLISH, GERMAN};
use crate::domain::closure::{Closure, DatedClosure};
use crate::domain::listing::PageRequest;
use crate::http::admin::closures::{parse_closure, remove_closure, store_closure};
use crate::http::audit_trail::AuditNote;
use crate::http::console::components::{
    ButtonKind, Confirmation, Field, checkbox, hidden, link_button, submit,
};
use crate::http::console::form_values::{FormValues, QueryValues};
use crate::http::console::navigation::MenuPage;
use crate::http::console::notice::redirect_with_notice;
use crate::http::console::signed_in::SignedIn;
use crate::http::error::{Problem, ProblemCode};
use crate::http::field_errors::FieldErrors;
use crate::http::path_id::{PathId, parse_closure_id};
use crate::http::server::Server;
use crate::workflow::{catalogue, closures};

/// The path of the form for a new closure.
pub(super) const NEW: &str = "/console/new-closure";
/// The path that the form is sent to, to see which holds it meets.
pub(super) const PREVIEW: &str = "/console/closure-preview";

/// How many resources the form offers.
const MAX_RESOURCES: u32 = 200;

/// Shows the form for a new closure.
pub(super) async fn show_new(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    query: QueryValues,
) -> Result<Response, Problem> {
    let day = query.day_from(signed_in.day_of(signed_in.now));
    let values = FormValues::parse(format!("from={day}&to={day}&all=yes").as_bytes());
    show_form(&server, &signed_in, &values, &[], StatusCode::OK).await
}

async fn show_form(
    server: &Server,
    signed_in: &SignedIn,
    values: &FormValues,
    wrong: &[String],
    status: StatusCode,
) -> Result<Response, Problem> {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let is_wrong = |name: &str| wrong.iter().any(|wrong| wrong == name);
    let field = |name, label, help, kind| Field {
        name,
        label,
        help,
        kind,
        value: values.raw(name).unwrap_or_default(),
        is_required: kind == "date",
        error: is_wrong(name).then_some(words.not_accepted),
    };
    let resources = resource_fields(server, words, values, is_wrong("resources")).await?;
    let fields = html! {
        @if !wrong.is_empty() { div.problem role="alert" { p { (words.please_check) } } }
        div.row {
            (field("from", words.first_day, "", "date").show())
            (field("to", words.last_day, words.last_day_help, "date").show())
        }
        (resources)
        (field("note", words.note, words.note_help, "text").show())
        div.buttons {
            (submit(ButtonKind::Main, words.go_on))
            (link_button(ButtonKind::Plain, MenuPage::Calendar.path(), words.back))
        }
    };
    let content = signed_in.form(PREVIEW, fields);
    Ok(signed_in
        .page(MenuPage::Calendar, words.new_closure)
        .status(status)
        .show(content))
}

async fn resource_fields(
    server: &Server,
    words: &CalendarWords,
    values: &FormValues,
    is_wrong: bool,
) -> Result<Markup, Problem> {
    let page = PageRequest {
        limit: MAX_RESOURCES,
        cursor: None,
    };
    let resources = catalogue::list_resources(&server.context, &page).await?.entries;
    let chosen: Vec<&str> = values.all("resources").collect();
    Ok(html! {
        fieldset {
            legend { (words.who_is_closed) }
            @if is_wrong { p.error { (words.not_accepted) } }
            (checkbox("all", "yes", words.whole_shop, values.has("all")))
            p.help { (words.or_these) }
            @for resource in &resources {
                @let id = resource.id.as_str();
                (checkbox("resources", id, &resource.name, chosen.contains(&id)))
            }
        }
    })
}

/// Makes the body of the operators' route from the values of a form.
fn to_body(values: &FormValues) -> Value {
    let text = |name| values.text(name).unwrap_or_default();
    let resources: Vec<&str> = values.all("resources").collect();
    let resources = match values.has("all") {
        true => Value::Null,
        false => json!(resources),
    };
    json!({"from": text("from"), "to": text("to"), "note": text("note"), "resources": resources})
}

/// Asks whether to close the days, and shows the live holds that they meet.
pub(super) async fn ask_to_put(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    values: FormValues,
) -> Result<Response, Problem> {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let id = format!("console-{}", &Uuid::new_v4().simple().to_string()[..12]);
    let closure = match parse_closure(&id, to_body(&values), server.context.now()) {
        Ok(closure) => closure,
        Err(errors) => {
            let wrong: Vec<String> = errors.into_list().into_iter().map(|error| error.field).collect();
            let status = ProblemCode::Invalid.status();
            return show_form(&server, &signed_in, &values, &wrong, status).await;
        }
    };
    let (dated, holds, are_all) = closures::preview_closure(&server.context, &closure).await?;
    Ok(signed_in.confirm(Confirmation {
        page: MenuPage::Calendar,
        title: words.close_title,
        explanation: html! {
            (describe(&signed_in, words, &dated))
            p { (words.close_means) }
            (show_conflicts(&signed_in, words, &holds, are_all))
        },
        button: words.close,
        kind: ButtonKind::Main,
        action: &format!("/console/closures/{id}"),
        fields: carry_on(&closure),
        back: &week_path(closure.first_day),
    }))
}

/// Carries a closure on, so that exactly what is shown is put.
fn carry_on(closure: &Closure) -> Markup {
    html! {
        (hidden("from", &closure.first_day.to_string()))
        (hidden("to", &closure.last_day.to_string()))
        (hidden("note", &closure.note))
        @match &closure.resources {
            None => (hidden("all", "yes")),
            Some(ids) => { @for id in ids { (hidden("resources", id.as_str())) } },
        }
    }
}

fn describe(signed_in: &SignedIn, words: &CalendarWords, dated: &DatedClosure) -> Markup {
    let closure = &dated.closure;
    html! {
        p {
            strong { (signed_in.day(closure.first_day)) " – " (signed_in.day(closure.last_day)) }
            " (" (dated.timezone) ")"
        }
        p {
            @match &closure.resources {
                None => (words.whole_shop),
                Some(ids) => { @for (n, id) in ids.iter().enumerate() { @if n > 0 { ", " } (id) } },
            }
        }
        @if !closure.note.is_empty() { p { (closure.note) } }
    }
}

/// Puts the closure that was shown.
pub(super) async fn put(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    Extension(note): Extension<AuditNote>,
    values: FormValues,
) -> Result<Response, Problem> {
    let closure = parse_closure(&id, to_body(&values), server.context.now());
    let closure = closure.map_err(FieldErrors::into_problem)?;
    store_closure(&server, &note, &closure).await?;
    Ok(redirect_with_notice(&week_path(closure.first_day), &CLOSED))
}

/// Asks whether to remove a closure.
pub(super) async fn ask_to_delete(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    PathId(id): PathId,
) -> Result<Response, Problem> {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let dated = find_closure(&server, &id).await?;
    Ok(signed_in.confirm(Confirmation {
        page: MenuPage::Calendar,
        title: words.reopen_title,
        explanation: html! {
            (describe(&signed_in, words, &dated))
            p { (words.reopen_means) }
        },
        button: words.reopen,
        kind: ButtonKind::Danger,
        action: &format!("/console/closures/{}/delete", dated.closure.id),
        fields: html! {},
        back: &week_path(dated.closure.first_day),
    }))
}

/// Removes a closure with its blocks.
pub(super) async fn delete(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    Extension(note): Extension<AuditNote>,
) -> Result<Response, Problem> {
    let dated = find_closure(&server, &id).await?;
    remove_closure(&server, &note, &dated.closure.id).await?;
    Ok(redirect_with_notice(
        &week_path(dated.closure.first_day),
        &REOPENED,
    ))
}

async fn find_closure(server: &Server, id: &str) -> Result<DatedClosure, Problem> {
    let found = closures::find_closure(&server.context, &parse_closure_id(id)?).await?;
    let (dated, _) = found.ok_or_else(|| Problem::not_found("closure"))?;
    Ok(dated)
}
