//! The calendar feeds whose events become blocks: lists, sets and removes them, and has one read now.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, html};
use serde_json::json;
use url::Url;

use super::access::{Act, ConsoleRoutes};
use super::components::{ButtonKind, Confirmation, Field, hidden, link_button, next_page, submit, table};
use super::form_values::{FormValues, QueryValues};
use super::navigation::MenuPage;
use super::notice::{Notice, redirect_with_notice};
use super::signed_in::SignedIn;
use super::states::{Tone, badge};
use crate::domain::access_key::Scope;
use crate::domain::calendar_feed::{Feed, FeedState};
use crate::domain::listing::PageRequest;
use crate::http::admin::resources::calendar_feed::{reread_feed, store_feed};
use crate::http::audit_trail::AuditNote;
use crate::http::error::{Problem, ProblemCode};
use crate::http::path_id::{PathId, parse_resource_id};
use crate::http::server::Server;
use crate::workflow::catalogue;

/// How many feeds a page lists.
const PER_PAGE: u32 = 50;
/// How many resources the form offers.
const MAX_RESOURCES: u32 = 200;

const SAVED: Notice = Notice {
    code: "saved",
    english: "The feed is set. It is read shortly; reload this page to see how that went.",
    german: "Der Feed ist gesetzt. Er wird gleich gelesen; laden Sie die Seite neu, um zu sehen, wie es ging.",
};
const REREAD: Notice = Notice {
    code: "reread",
    english: "The feed is read shortly; reload this page to see how that went. Until then its blocks stay.",
    german: "Der Feed wird gleich gelesen; laden Sie die Seite neu, um zu sehen, wie es ging. Bis dahin bleiben seine Sperren.",
};
const REMOVED: Notice = Notice {
    code: "removed",
    english: "The feed is removed, with its blocks.",
    german: "Der Feed ist entfernt, mit seinen Sperren.",
};
static NOTICES: [Notice; 3] = [SAVED, REREAD, REMOVED];

struct FeedWords {
    feeds_are: &'static str,
    none: &'static str,
    heads: [&'static str; 5],
    waits: &'static str,
    ok: &'static str,
    partial: &'static str,
    failed: &'static str,
    entries: &'static str,
    faults: &'static str,
    next: &'static str,
    read_now: &'static str,
    read_title: &'static str,
    read_means: &'static str,
    change: &'static str,
    remove: &'static str,
    remove_title: &'static str,
    remove_means: &'static str,
    set: &'static str,
    resource: &'static str,
    no_resource: &'static str,
    url: &'static str,
    url_help: &'static str,
    zone: &'static str,
    zone_help: &'static str,
    save: &'static str,
    replaces: &'static str,
    please_check: &'static str,
    not_accepted: &'static str,
    back: &'static str,
}

static ENGLISH: FeedWords = FeedWords {
    feeds_are: "Events of other calendars block resources. The calendars are read every quarter of an hour. Addresses are not shown, because they are often secrets.",
    none: "There is no calendar feed.",
    heads: ["Resource", "Calendar", "State", "Last read", "What was wrong"],
    waits: "not read yet",
    ok: "read",
    partial: "read in part",
    failed: "failed",
    entries: "entries",
    faults: "faults",
    next: "Next read",
    read_now: "Read now",
    read_title: "Read this feed now?",
    read_means: "The calendar is fetched again. If that fails, its last blocks stay.",
    change: "Change",
    remove: "Remove",
    remove_title: "Remove this feed?",
    remove_means: "The blocks that it brought are removed too: their times are for sale again at once.",
    set: "Set a feed",
    resource: "Resource",
    no_resource: "There is no resource yet.",
    url: "Address of the calendar",
    url_help: "An https or webcal address of an iCalendar feed, at most 2000 characters.",
    zone: "Time zone",
    zone_help: "For whole days and times without a zone, such as Europe/Berlin. Empty: the one that the feed names.",
    save: "Set the feed",
    replaces: "A feed that the resource has already is replaced, with its blocks.",
    please_check: "Nothing is saved. Please check the marked fields.",
    not_accepted: "This value is not accepted.",
    back: "Back, change nothing",
};

static GERMAN: FeedWords = FeedWords {
    feeds_are: "Die Termine dieser Kalender halten Ressourcen belegt. Sie werden jede Viertelstunde gelesen. Adressen werden nicht \
        gezeigt, weil sie oft geheim sind.",
    none: "Es gibt keinen Kalender-Feed.",
    heads: [
        "Ressource",
        "Kalender",
        "Zustand",
        "Zuletzt gelesen",
        "Was nicht stimmte",
    ],
    waits: "noch nicht gelesen",
    ok: "gelesen",
    partial: "zum Teil gelesen",
    failed: "gescheitert",
    entries: "Einträge",
    faults: "Fehler",
    next: "Nächstes Lesen",
    read_now: "Jetzt lesen",
    read_title: "Diesen Feed jetzt lesen?",
    read_means: "Der Kalender wird erneut geholt. Scheitert das, bleiben seine letzten Sperren.",
    change: "Ändern",
    remove: "Entfernen",
    remove_title: "Diesen Feed entfernen?",
    remove_means: "Die Sperren, die er gebracht hat, entfallen auch: Ihre Zeiten sind sofort wieder im Verkauf.",
    set: "Feed setzen",
    resource: "Ressource",
    no_resource: "Es gibt noch keine Ressource.",
    url: "Adresse des Kalenders",
    url_help: "Eine https- oder webcal-Adresse eines iCalendar-Feeds, höchstens 2000 Zeichen.",
    zone: "Zeitzone",
    zone_help: "Für ganze Tage und Zeiten ohne Zone, zum Beispiel Europe/Berlin. Leer: die der Feed nennt.",
    save: "Feed setzen",
    replaces: "Ein Feed, den die Ressource schon hat, wird ersetzt, mit seinen Sperren.",
    please_check: "Nichts ist gespeichert. Bitte prüfen Sie die markierten Felder.",
    not_accepted: "Diese Angabe wird nicht angenommen.",
    back: "Zurück, nichts ändern",
};

/// Adds the pages of calendar feeds.
pub(super) fn add_routes(routes: ConsoleRoutes) -> ConsoleRoutes {
    let put = Act::of("PUT", "/v1/admin/resources/{id}/calendar");
    routes
        .page(MenuPage::Feeds.path(), MenuPage::Feeds.scope(), get(list_feeds))
        .page("/console/new-feed", put.scope(), get(show_new))
        .act("/console/new-feed", put.clone(), post(save_feed))
        .page(
            "/console/resources/{id}/calendar/read",
            put.scope(),
            get(ask_to_read),
        )
        .act(
            "/console/resources/{id}/calendar/read",
            put.clone(),
            post(read_now),
        )
        .page(
            "/console/resources/{id}/calendar/remove",
            put.scope(),
            get(ask_to_remove),
        )
        .act("/console/resources/{id}/calendar/remove", put, post(remove_feed))
}

async fn list_feeds(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    query: QueryValues,
) -> Result<Response, Problem> {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let page = query.page(PER_PAGE);
    let found = catalogue::list_feeds(&server.context, &page).await?;
    let may_change = signed_in.may(Scope::Admin);
    let rows = html! { @for feed in &found.entries { (to_row(&signed_in, words, feed, may_change)) } };
    let (title, path) = (MenuPage::Feeds.title(signed_in.language), MenuPage::Feeds.path());
    Ok(signed_in
        .page(MenuPage::Feeds, title)
        .notices(&NOTICES)
        .show(html! {
            p { (words.feeds_are) }
            @if may_change { p { (link_button(ButtonKind::Main, "/console/new-feed", words.set)) } }
            @if found.entries.is_empty() { p { (words.none) } }
            @else { (table(title, &words.heads, rows)) }
            (next_page(signed_in.language, path, found.next.as_deref()))
        }))
}

/// Returns the host of a feed's address, because the rest is often a secret.
fn host_of(feed: &Feed) -> String {
    let url = Url::parse(&feed.url).ok();
    url.as_ref().and_then(Url::host_str).unwrap_or("–").to_owned()
}

fn to_row(signed_in: &SignedIn, words: &FeedWords, feed: &Feed, may_change: bool) -> Markup {
    let state = match feed.state {
        None => badge(Tone::Wait, words.waits),
        Some(FeedState::Ok) => badge(Tone::Good, words.ok),
        Some(FeedState::Partial) => badge(Tone::Wait, words.partial),
        Some(FeedState::Failed) => badge(Tone::Bad, words.failed),
    };
    let path = format!("/console/resources/{}/calendar", feed.resource);
    html! {
        tr {
            th scope="row" {
                (feed.resource)
                @if may_change {
                    br; a href={ (path) "/read" } { (words.read_now) }
                    " · " a href={ "/console/new-feed?resource=" (feed.resource) } { (words.change) }
                    " · " a href={ (path) "/remove" } { (words.remove) }
                }
            }
            td.address { (host_of(feed)) @if let Some(zone) = &feed.timezone { br; span.quiet { (zone) } } }
            td { (state) br; (feed.entries) " " (words.entries) ", " (feed.fault_count) " " (words.faults) }
            td {
                @if let Some(at) = feed.read_at { (signed_in.time(at)) } @else { "–" }
                br; span.quiet { (words.next) ": " (signed_in.time(feed.due_at)) }
            }
            td lang="en" {
                @if let Some(fault) = &feed.fault { p { (fault) } }
                @if !feed.faults.is_empty() { ul { @for fault in &feed.faults { li { (fault) } } } }
            }
        }
    }
}

async fn show_new(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    query: QueryValues,
) -> Result<Response, Problem> {
    show_form(&server, &signed_in, &query, &[], StatusCode::OK).await
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
        @if choices.is_empty() { p { (words.no_resource) } }
        (field("resource", words.resource, words.replaces).show_choice(&choices))
        (Field { is_required: true, ..field("url", words.url, words.url_help) }.show())
        (field("timezone", words.zone, words.zone_help).show())
        div.buttons {
            (submit(ButtonKind::Main, words.save))
            (link_button(ButtonKind::Plain, MenuPage::Feeds.path(), words.back))
        }
    };
    let content = signed_in.form("/console/new-feed", fields);
    Ok(signed_in
        .page(MenuPage::Feeds, words.set)
        .status(status)
        .show(content))
}

async fn save_feed(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    Extension(note): Extension<AuditNote>,
    values: FormValues,
) -> Result<Response, Problem> {
    let id = values.text("resource").unwrap_or_default();
    if let Ok(id) = parse_resource_id(id) {
        note.set_target(format!("resources/{id}"));
    }
    let body = json!({"url": values.text("url").unwrap_or_default(), "timezone": values.text("timezone")});
    match store_feed(&server, &note, id, body).await {
        Ok(_) => Ok(redirect_with_notice(MenuPage::Feeds.path(), &SAVED)),
        Err(problem) if problem.code() == ProblemCode::Invalid => {
            let wrong: Vec<&str> = problem
                .errors()
                .iter()
                .map(|error| error.field.as_str())
                .collect();
            show_form(&server, &signed_in, &values, &wrong, problem.status()).await
        }
        Err(problem) => Err(problem),
    }
}

async fn ask_to_read(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    PathId(id): PathId,
) -> Result<Response, Problem> {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let texts = [words.read_title, words.read_means, words.read_now];
    ask(&server, &signed_in, (&id, "read"), texts, ButtonKind::Main).await
}

async fn ask_to_remove(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    PathId(id): PathId,
) -> Result<Response, Problem> {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let texts = [words.remove_title, words.remove_means, words.remove];
    ask(&server, &signed_in, (&id, "remove"), texts, ButtonKind::Danger).await
}

async fn ask(
    server: &Server,
    signed_in: &SignedIn,
    (id, act): (&str, &str),
    [title, means, button]: [&str; 3],
    kind: ButtonKind,
) -> Result<Response, Problem> {
    let feed = catalogue::find_feed(&server.context, &parse_resource_id(id)?).await?;
    let feed = feed.ok_or_else(|| Problem::not_found("calendar feed"))?;
    Ok(signed_in.confirm(Confirmation {
        page: MenuPage::Feeds,
        title,
        explanation: html! {
            p { strong { (feed.resource) } " (" (host_of(&feed)) ")" }
            p { (means) }
        },
        button,
        kind,
        action: &format!("/console/resources/{}/calendar/{act}", feed.resource),
        fields: hidden("act", act),
        back: MenuPage::Feeds.path(),
    }))
}

async fn read_now(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    Extension(note): Extension<AuditNote>,
) -> Result<Response, Problem> {
    reread_feed(&server, &note, &parse_resource_id(&id)?).await?;
    Ok(redirect_with_notice(MenuPage::Feeds.path(), &REREAD))
}

async fn remove_feed(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    Extension(note): Extension<AuditNote>,
) -> Result<Response, Problem> {
    store_feed(&server, &note, &id, json!({"url": null})).await?;
    Ok(redirect_with_notice(MenuPage::Feeds.path(), &REMOVED))
}
