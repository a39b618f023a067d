//! The pages that make, change and delete an event type.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::html;
use serde_json::Value;

use super::event_type_fields::{fits_form, write_values};
use super::event_type_form::FormPage;
use super::event_type_values::EventTypeBody;
use super::lists::{DELETED, SAVED};
use super::words::{ENGLISH, GERMAN};
use crate::domain::catalogue::EventType;
use crate::domain::listing::{HoldFilter, PageRequest, StatusKind};
use crate::http::admin::event_types;
use crate::http::audit_trail::AuditNote;
use crate::http::console::components::{ButtonKind, Confirmation};
use crate::http::console::form_values::FormValues;
use crate::http::console::navigation::MenuPage;
use crate::http::console::notice::redirect_with_notice;
use crate::http::console::signed_in::SignedIn;
use crate::http::error::{Problem, ProblemCode};
use crate::http::path_id::{PathId, parse_event_type_id};
use crate::http::server::Server;
use crate::workflow::{catalogue, queries};

/// How many live holds are counted one by one.
const COUNTED_HOLDS: u32 = 200;

/// Shows the form for a new event type, with what most shops would type.
pub(super) async fn show_new(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
) -> Result<Response, Problem> {
    let zone = url::form_urlencoded::byte_serialize(signed_in.zone.as_str().as_bytes());
    let mut form = format!(
        "is_new=yes&currency=EUR&segments=1&segment-0-minutes=60&scheduled=yes&step_minutes=30&exceptions=1&timezone={}",
        zone.collect::<String>()
    );
    for day in ["mon", "tue", "wed", "thu", "fri"] {
        form += &format!("&{day}-0-from=09:00&{day}-0-to=17:00");
    }
    let values = FormValues::parse(form.as_bytes());
    FormPage::new(&values)
        .show(&server, &signed_in, StatusCode::OK)
        .await
}

/// Shows the form with an event type that is on sale.
pub(super) async fn show_one(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    PathId(id): PathId,
) -> Result<Response, Problem> {
    let event_type = find_event_type(&server, &id).await?;
    if !fits_form(&event_type) {
        let words = signed_in.language.choose(&ENGLISH, &GERMAN);
        let page = signed_in.page(MenuPage::Catalogue, event_type.name.clone());
        return Ok(page.show(html! { p { (words.does_not_fit) } }));
    }
    let values = write_values(&event_type);
    FormPage::new(&values)
        .show(&server, &signed_in, StatusCode::OK)
        .await
}

/// Puts the event type on sale as it was previewed.
pub(super) async fn save(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    Extension(note): Extension<AuditNote>,
    values: FormValues,
) -> Result<Response, Problem> {
    let mut body = EventTypeBody::read(&values);
    keep_unshown(&server, &id, &mut body.json).await?;
    if let Err(problem) = refuse_existing(&server, &id, &values).await {
        // A form that was sent twice has done what it says.
        let sent = event_types::check_event_type(&server, &id, body.json).await?;
        let is_done = find_event_type(&server, &id).await? == sent;
        return match is_done {
            true => Ok(redirect_with_notice(MenuPage::Catalogue.path(), &SAVED)),
            false => Err(problem),
        };
    }
    event_types::store_event_type(&server, &note, &id, body.json).await?;
    Ok(redirect_with_notice(MenuPage::Catalogue.path(), &SAVED))
}

/// Keeps what the form does not show of an event type that is on sale already.
pub(super) async fn keep_unshown(server: &Server, id: &str, body: &mut Value) -> Result<(), Problem> {
    if let Ok(id) = parse_event_type_id(id)
        && let Some(known) = catalogue::find_event_type(&server.context, &id).await?
    {
        event_types::keep_checkout(body, &known);
    }
    Ok(())
}

/// Refuses a new event type with the id of another one, which it would replace.
///
/// # Errors
/// `conflict` if there is one.
pub(super) async fn refuse_existing(server: &Server, id: &str, values: &FormValues) -> Result<(), Problem> {
    let is_new = values.has("is_new");
    if let (true, Ok(id)) = (is_new, parse_event_type_id(id))
        && catalogue::find_event_type(&server.context, &id).await?.is_some()
    {
        let detail = "there is an event type with this id already";
        return Err(Problem::new(ProblemCode::Conflict, detail));
    }
    Ok(())
}

/// Asks whether to delete an event type, and says which live holds it has.
pub(super) async fn ask_to_delete(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    PathId(id): PathId,
) -> Result<Response, Problem> {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let event_type = find_event_type(&server, &id).await?;
    let filter = HoldFilter {
        statuses: vec![StatusKind::Held, StatusKind::Processing],
        event_type: Some(event_type.id.clone()),
        ..HoldFilter::default()
    };
    let page = PageRequest {
        limit: COUNTED_HOLDS,
        cursor: None,
    };
    let unpaid = queries::list_holds(&server.context, filter, &page).await?;
    let more = if unpaid.next.is_some() { "+" } else { "" };
    let path = format!("/console/event-types/{id}/delete");
    Ok(signed_in.confirm(Confirmation {
        page: MenuPage::Catalogue,
        title: words.delete_event_type,
        explanation: html! {
            p { strong { (event_type.name) } " (" (event_type.id) ")" }
            p { (words.delete_means) }
            p { (words.unpaid_holds) " " strong { (unpaid.entries.len()) (more) } }
        },
        button: words.delete,
        kind: ButtonKind::Danger,
        action: &path,
        fields: html! {},
        back: MenuPage::Catalogue.path(),
    }))
}

/// Deletes an event type.
pub(super) async fn delete(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    Extension(note): Extension<AuditNote>,
) -> Result<Response, Problem> {
    event_types::remove_event_type(&server, &note, &parse_event_type_id(&id)?).await?;
    Ok(redirect_with_notice(MenuPage::Catalogue.path(), &DELETED))
}

async fn find_event_type(server: &Server, id: &str) -> Result<EventType, Problem> {
    let found = catalogue::find_event_type(&server.context, &parse_event_type_id(id)?).await?;
    found.ok_or_else(|| Problem::not_found("event type"))
}
