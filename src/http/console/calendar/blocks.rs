//! The pages that put and remove a block of a resource.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use maud::html;
use serde_json::json;
use uuid::Uuid;

use super::after_acts::{BLOCKED, UNBLOCKED, week_path};
use super::conflicts::show_conflicts;
use super::words::{ENGLISH, GERMAN};
use crate::domain::catalogue::Block;
use crate::domain::ids::ResourceId;
use crate::domain::listing::PageRequest;
use crate::domain::zone::{LocalInstants, ZoneRules};
use crate::http::admin::resources::blocks::{parse_block, remove_block, store_block};
use crate::http::audit_trail::AuditNote;
use crate::http::console::components::{ButtonKind, Confirmation, Field, hidden, link_button, submit};
use crate::http::console::form_values::{FormValues, QueryValues};
use crate::http::console::navigation::MenuPage;
use crate::http::console::notice::redirect_with_notice;
use crate::http::console::signed_in::SignedIn;
use crate::http::error::{Problem, ProblemCode};
use crate::http::field_errors::FieldErrors;
use crate::http::path_id::parse_resource_id;
use crate::http::server::Server;
use crate::workflow::{catalogue, shop_calendar};

/// The path of the form for a new block.
pub(super) const NEW: &str = "/console/new-block";
/// The path that the form is sent to, to see which holds it meets.
pub(super) const PREVIEW: &str = "/console/block-preview";

/// How many resources the form offers.
const MAX_RESOURCES: u32 = 200;

/// Shows the form for a new block.
pub(super) async fn show_new(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    query: QueryValues,
) -> Result<Response, Problem> {
    let day = query.day_from(signed_in.day_of(signed_in.now));
    let values = begin_values(day, query.text("resource").unwrap_or_default());
    show_form(&server, &signed_in, &values, &[], StatusCode::OK).await
}

/// Makes the values of the form for a block on a day.
fn begin_values(day: NaiveDate, resource: &str) -> FormValues {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    for name in ["from-day", "to-day"] {
        form.append_pair(name, &day.to_string());
    }
    form.append_pair("resource", resource);
    FormValues::parse(form.finish().as_bytes())
}

async fn show_form(
    server: &Server,
    signed_in: &SignedIn,
    values: &FormValues,
    wrong: &[&str],
    status: StatusCode,
) -> Result<Response, Problem> {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let page = PageRequest {
        limit: MAX_RESOURCES,
        cursor: None,
    };
    let resources = catalogue::list_resources(&server.context, &page).await?.entries;
    let choices: Vec<(&str, &str)> = resources
        .iter()
        .map(|resource| (resource.id.as_str(), resource.name.as_str()))
        .collect();
    let field = |name: &'static str, label, help, kind| Field {
        name,
        label,
        help,
        kind,
        value: values.raw(name).unwrap_or_default(),
        is_required: kind != "text" || name.ends_with("time"),
        error: wrong.contains(&name).then_some(words.not_accepted),
    };
    let fields = html! {
        @if !wrong.is_empty() { div.problem role="alert" { p { (words.please_check) } } }
        (field("resource", words.resource, "", "text").show_choice(&choices))
        div.row {
            (field("from-day", words.from_day, "", "date").show())
            (field("from-time", words.from_time, words.time_help, "text").show())
        }
        div.row {
            (field("to-day", words.to_day, "", "date").show())
            (field("to-time", words.to_time, words.end_help, "text").show())
        }
        (field("note", words.note, words.note_help, "text").show())
        div.buttons {
            (submit(ButtonKind::Main, words.go_on))
            (link_button(ButtonKind::Plain, MenuPage::Calendar.path(), words.back))
        }
    };
    let content = signed_in.form(PREVIEW, fields);
    Ok(signed_in
        .page(MenuPage::Calendar, words.new_block)
        .status(status)
        .show(content))
}

/// Asks whether to block the time, and shows the live holds that it meets.
pub(super) async fn ask_to_put(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    values: FormValues,
) -> Result<Response, Problem> {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let id = format!("console-{}", &Uuid::new_v4().simple().to_string()[..12]);
    let (resource, block) = match read_block(&server, &signed_in, &values, &id).await? {
        Ok(read) => read,
        Err(wrong) => {
            let status = ProblemCode::Invalid.status();
            return show_form(&server, &signed_in, &values, &wrong, status).await;
        }
    };
    let (from, to) = (block.window.starts_at(), block.window.ends_at());
    let only = std::slice::from_ref(&resource);
    let (holds, are_all) = shop_calendar::find_conflicts(&server.context, Some(only), block.window).await?;
    Ok(signed_in.confirm(Confirmation {
        page: MenuPage::Calendar,
        title: words.block_title,
        explanation: html! {
            p { strong { (resource) } ": " (signed_in.time(from)) " – " (signed_in.time(to)) }
            p { (words.block_means) }
            (show_conflicts(&signed_in, words, &holds, are_all))
        },
        button: words.block,
        kind: ButtonKind::Main,
        action: &format!("/console/resources/{resource}/blocks/{id}"),
        fields: html! {
            (hidden("starts_at", &from.to_rfc3339()))
            (hidden("ends_at", &to.to_rfc3339()))
            (hidden("note", &block.note))
        },
        back: &week_path(signed_in.day_of(from)),
    }))
}

/// Reads the block of a form, or the names of the fields that are wrong.
async fn read_block(
    server: &Server,
    signed_in: &SignedIn,
    values: &FormValues,
    id: &str,
) -> Result<Result<(ResourceId, Block), Vec<&'static str>>, Problem> {
    let mut wrong = Vec::new();
    let resource = values.text("resource").and_then(|id| ResourceId::parse(id).ok());
    let is_known = match &resource {
        Some(id) => catalogue::find_resource(&server.context, id).await?.is_some(),
        None => false,
    };
    if !is_known {
        wrong.push("resource");
    }
    let rules = signed_in.rules();
    let from = read_instant(values, ["from-day", "from-time"], rules, false);
    let to = read_instant(values, ["to-day", "to-time"], rules, true);
    if from.is_none() {
        wrong.push("from-time");
    }
    if to.is_none() {
        wrong.push("to-time");
    }
    let (Some(resource), Some(from), Some(to), true) = (resource, from, to, wrong.is_empty()) else {
        return Ok(Err(wrong));
    };
    let note = values.text("note").unwrap_or_default();
    let body = json!({"starts_at": from.to_rfc3339(), "ends_at": to.to_rfc3339(), "note": note});
    let parsed = parse_block(id, body, server.context.now());
    Ok(parsed.map(|block| (resource, block)).map_err(|errors| {
        let fields = errors
            .into_list()
            .into_iter()
            .map(|error| match error.field.as_str() {
                "starts_at" => "from-time",
                "note" => "note",
                _ => "to-time",
            });
        fields.collect()
    }))
}

/// Reads a day and a time of the shop's clocks. Of a time that comes twice, a start is the first one and an end the last; one that
/// the clocks skip is the time that they show instead.
fn read_instant(
    values: &FormValues,
    [day, time]: [&str; 2],
    rules: Option<&ZoneRules>,
    is_end: bool,
) -> Option<DateTime<Utc>> {
    let day: NaiveDate = values.text(day)?.parse().ok()?;
    let local = read_local(day, values.text(time)?)?;
    match rules {
        None => Some(local.and_utc()),
        Some(rules) => match rules.find_instants(local)? {
            LocalInstants::Once(at) | LocalInstants::Skipped(at) => Some(at),
            LocalInstants::Twice(first, last) => Some(if is_end { last } else { first }),
        },
    }
}

/// Reads a time of a day, such as `9`, `09:30` or `24:00`.
fn read_local(day: NaiveDate, time: &str) -> Option<NaiveDateTime> {
    let (hour, minute) = time.split_once([':', '.']).unwrap_or((time, "0"));
    let number = |text: &str| {
        let is_number = (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        is_number.then(|| text.parse().ok()).flatten()
    };
    match (number(hour)?, number(minute)?) {
        (24, 0) => Some(
            day.checked_add_signed(Duration::days(1))?
                .and_time(NaiveTime::MIN),
        ),
        (hour, minute) => day.and_hms_opt(hour, minute, 0),
    }
}

/// Puts the block that was shown.
pub(super) async fn put(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    Path((resource, id)): Path<(String, String)>,
    Extension(note): Extension<AuditNote>,
    values: FormValues,
) -> Result<Response, Problem> {
    let text = |name| values.text(name).unwrap_or_default();
    let body = json!({"starts_at": text("starts_at"), "ends_at": text("ends_at"), "note": text("note")});
    let block = parse_block(&id, body, server.context.now()).map_err(FieldErrors::into_problem)?;
    store_block(&server, &note, &parse_resource_id(&resource)?, &block).await?;
    let day = signed_in.day_of(block.window.starts_at());
    Ok(redirect_with_notice(&week_path(day), &BLOCKED))
}

/// Asks whether to remove a block.
pub(super) async fn ask_to_delete(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    Path((resource, id)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let block = find_block(&server, &resource, &id).await?;
    let (from, to) = (block.window.starts_at(), block.window.ends_at());
    Ok(signed_in.confirm(Confirmation {
        page: MenuPage::Calendar,
        title: words.unblock_title,
        explanation: html! {
            p { strong { (resource) } ": " (signed_in.time(from)) " – " (signed_in.time(to)) }
            @if !block.note.is_empty() { p { (block.note) } }
            p { (words.unblock_means) }
        },
        button: words.remove,
        kind: ButtonKind::Danger,
        action: &format!("/console/resources/{resource}/blocks/{id}/delete"),
        fields: html! {},
        back: &week_path(signed_in.day_of(from)),
    }))
}

/// Removes a block of an operator.
pub(super) async fn delete(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    Path((resource, id)): Path<(String, String)>,
    Extension(note): Extension<AuditNote>,
) -> Result<Response, Problem> {
    let block = find_block(&server, &resource, &id).await?;
    remove_block(&server, &note, &parse_resource_id(&resource)?, &id).await?;
    let day = signed_in.day_of(block.window.starts_at());
    Ok(redirect_with_notice(&week_path(day), &UNBLOCKED))
}

async fn find_block(server: &Server, resource: &str, id: &str) -> Result<Block, Problem> {
    let found = catalogue::find_block(&server.context, &parse_resource_id(resource)?, id).await?;
    found.ok_or_else(|| Problem::not_found("block"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::zone::{ZoneDatabase, ZoneName};

    #[test]
    fn time_is_read_on_the_clocks_of_the_shop() {
        let zones = ZoneDatabase::linked();
        let berlin = zones.find(&ZoneName::new("Europe/Berlin"));
        for (day, time, is_end, expected) in [
            ("2026-12-01", "9", false, Some("2026-12-01T08:00:00Z")),
            ("2026-12-01", "09.30", false, Some("2026-12-01T08:30:00Z")),
            ("2026-12-01", "24:00", true, Some("2026-12-01T23:00:00Z")),
            ("2026-10-25", "02:30", false, Some("2026-10-25T00:30:00Z")),
            ("2026-10-25", "02:30", true, Some("2026-10-25T01:30:00Z")),
            ("2026-03-29", "02:30", false, Some("2026-03-29T01:30:00Z")),
            ("2026-12-01", "24:01", false, None),
            ("2026-12-01", "9:3x", false, None),
            ("2026-12-01", "+9", false, None),
            ("2026-13-01", "09:00", false, None),
        ] {
            let values = FormValues::parse(format!("day={day}&time={time}").replace('+', "%2B").as_bytes());
            let read = read_instant(&values, ["day", "time"], berlin, is_end);
            let expected = expected.map(|at| at.parse::<DateTime<Utc>>().unwrap());
            assert_eq!(read, expected, "{day} {time}");
        }
    }
}
