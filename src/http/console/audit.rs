//! The audit trail: who did what to what, when, and what changed. It can be filtered, and is read page by page.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use chrono::NaiveDate;
use maud::{Markup, html};

use super::access::ConsoleRoutes;
use super::components::{ButtonKind, Field, next_page, submit, table};
use super::form_values::QueryValues;
use super::navigation::MenuPage;
use super::signed_in::SignedIn;
use super::states::{Tone, badge};
use crate::domain::audit::{AuditEntry, AuditFilter, AuditOutcome};
use crate::domain::listing::PageRequest;
use crate::http::error::Problem;
use crate::http::server::Server;

/// How many entries a page lists.
const PER_PAGE: u32 = 50;

/// The fields of the filter, as they are in the address.
const FIELDS: [&str; 5] = ["actor", "action", "target", "from", "to"];

struct AuditWords {
    trail_is: &'static str,
    none: &'static str,
    heads: [&'static str; 5],
    actor: &'static str,
    actor_help: &'static str,
    action: &'static str,
    action_help: &'static str,
    target: &'static str,
    target_help: &'static str,
    from: &'static str,
    to: &'static str,
    show: &'static str,
    done: &'static str,
    refused: &'static str,
    failed: &'static str,
    open: &'static str,
    change: &'static str,
    before: &'static str,
    after: &'static str,
    request: &'static str,
}

static ENGLISH: AuditWords = AuditWords {
    trail_is: "What operators did, newest first. Reads are listed once an hour for each key. It has no data of guests.",
    none: "There is no entry.",
    heads: ["When", "Who", "What", "To what", "Outcome and change"],
    actor: "Who",
    actor_help: "The name of a key, exactly.",
    action: "What",
    action_help: "Such as putEventType or cancelHold.",
    target: "To what",
    target_help: "Such as event-types/intro-call.",
    from: "First day",
    to: "Last day",
    show: "Show",
    done: "done",
    refused: "refused",
    failed: "failed",
    open: "no outcome",
    change: "Change",
    before: "Before",
    after: "After",
    request: "Request",
};

static GERMAN: AuditWords = AuditWords {
    trail_is: "Was das Personal getan hat, Neues zuerst. Lesen steht einmal je Stunde und Schlüssel hier. Es enthält keine Daten von Gästen.",
    none: "Es gibt keinen Eintrag.",
    heads: ["Wann", "Wer", "Was", "Woran", "Ergebnis und Änderung"],
    actor: "Wer",
    actor_help: "Der Name eines Schlüssels, genau.",
    action: "Was",
    action_help: "Zum Beispiel putEventType oder cancelHold.",
    target: "Woran",
    target_help: "Zum Beispiel event-types/intro-call.",
    from: "Erster Tag",
    to: "Letzter Tag",
    show: "Anzeigen",
    done: "erledigt",
    refused: "abgelehnt",
    failed: "gescheitert",
    open: "kein Ergebnis",
    change: "Änderung",
    before: "Vorher",
    after: "Nachher",
    request: "Anfrage",
};

/// Adds the page of the audit trail.
pub(super) fn add_routes(routes: ConsoleRoutes) -> ConsoleRoutes {
    routes.page(MenuPage::Audit.path(), MenuPage::Audit.scope(), get(list_audit))
}

async fn list_audit(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    query: QueryValues,
) -> Result<Response, Problem> {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let day = |name: &str| {
        let day: NaiveDate = query.text(name)?.parse().ok()?;
        server.context.settings.find_day(day)
    };
    let text = |name: &str| query.text(name).map(str::to_owned);
    let filter = AuditFilter {
        actor: text("actor"),
        action: text("action"),
        target: text("target"),
        from: day("from").map(|day| day.start),
        to: day("to").map(|day| day.end),
    };
    let page = PageRequest {
        limit: PER_PAGE,
        cursor: text("cursor"),
    };
    let found = server.context.audit().list(&filter, &page).await?;
    let rows = html! { @for entry in &found.entries { (to_row(&signed_in, words, entry)) } };
    let title = MenuPage::Audit.title(signed_in.language);
    Ok(signed_in.page(MenuPage::Audit, title).show(html! {
        p { (words.trail_is) }
        (filter_form(words, &query))
        @if found.entries.is_empty() { p { (words.none) } }
        @else { (table(title, &words.heads, rows)) }
        (next_page(signed_in.language, &path_of(&query), found.next.as_deref()))
    }))
}

/// Returns the address of the page with its filter, without its cursor.
fn path_of(query: &QueryValues) -> String {
    let mut members = url::form_urlencoded::Serializer::new(String::new());
    for name in FIELDS {
        if let Some(value) = query.text(name) {
            members.append_pair(name, value);
        }
    }
    match members.finish() {
        none if none.is_empty() => MenuPage::Audit.path().to_owned(),
        members => format!("{}?{members}", MenuPage::Audit.path()),
    }
}

fn filter_form(words: &AuditWords, query: &QueryValues) -> Markup {
    let field = |name, label, help, kind| Field {
        name,
        label,
        help,
        kind,
        value: query.raw(name).unwrap_or_default(),
        ..Field::default()
    };
    html! {
        form.filters method="get" action=(MenuPage::Audit.path()) {
            (field("actor", words.actor, words.actor_help, "text").show())
            (field("action", words.action, words.action_help, "text").show())
            (field("target", words.target, words.target_help, "text").show())
            (field("from", words.from, "", "date").show())
            (field("to", words.to, "", "date").show())
            (submit(ButtonKind::Plain, words.show))
        }
    }
}

fn to_row(signed_in: &SignedIn, words: &AuditWords, entry: &AuditEntry) -> Markup {
    let outcome = match entry.outcome {
        Some(AuditOutcome::Done) => badge(Tone::Good, words.done),
        Some(AuditOutcome::Refused) => badge(Tone::Gone, words.refused),
        Some(AuditOutcome::Failed) => badge(Tone::Bad, words.failed),
        None => badge(Tone::Wait, words.open),
    };
    html! {
        tr {
            th scope="row" { (signed_in.time(entry.at)) }
            td.address { (entry.act.actor) }
            td.address { (entry.act.action) }
            td.address { (entry.act.target.as_deref().unwrap_or("–")) }
            td {
                (outcome)
                @if entry.before.is_some() || entry.after.is_some() || entry.act.request_id.is_some() {
                    details {
                        summary { (words.change) }
                        dl.facts {
                            @for (name, state) in [(words.before, &entry.before), (words.after, &entry.after)] {
                                @if let Some(state) = state { dt { (name) } dd { code { (state) } } }
                            }
                            @if let Some(id) = entry.act.request_id { dt { (words.request) } dd { code { (id) } } }
                        }
                    }
                }
            }
        }
    }
}
