//! The access keys: lists, makes and revokes them. The text of a key is shown once, on the page that answers the act that made
//! it, and is in no address.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use chrono::NaiveDate;
use maud::{Markup, html};
use serde_json::{Map, json};
use uuid::Uuid;

use super::access::{Act, ConsoleRoutes};
use super::components::{ButtonKind, Confirmation, Field, link_button, next_page, submit, table};
use super::form_values::{FormValues, QueryValues};
use super::navigation::MenuPage;
use super::notice::{Notice, redirect_with_notice};
use super::signed_in::SignedIn;
use super::states::{Tone, badge};
use crate::domain::access_key::{AccessKey, KeyText};
use crate::domain::ids::AccessKeyId;
use crate::http::admin::keys::{make_key, remove_key};
use crate::http::audit_trail::AuditNote;
use crate::http::error::{Problem, ProblemCode};
use crate::http::path_id::PathId;
use crate::http::server::Server;

/// The path of the form for a new key.
const NEW: &str = "/console/new-key";

/// How many keys a page lists.
const PER_PAGE: u32 = 50;

const REVOKED: Notice = Notice {
    code: "revoked",
    english: "The key is revoked. No instance accepts it any more, and its sessions here have ended.",
    german: "Der Schlüssel ist widerrufen. Er wird nirgends mehr angenommen, und wer damit angemeldet war, ist abgemeldet.",
};
static NOTICES: [Notice; 1] = [REVOKED];

struct KeyWords {
    keys_are: &'static str,
    new: &'static str,
    none: &'static str,
    heads: [&'static str; 6],
    name: &'static str,
    name_help: &'static str,
    scope: &'static str,
    scopes: [(&'static str, &'static str); 4],
    expires: &'static str,
    expires_help: &'static str,
    never: &'static str,
    expired: &'static str,
    make: &'static str,
    back: &'static str,
    please_check: &'static str,
    not_accepted: &'static str,
    key_title: &'static str,
    key_once: &'static str,
    to_list: &'static str,
    revoke: &'static str,
    revoke_title: &'static str,
    revoke_means: &'static str,
    revoke_own: &'static str,
}

static ENGLISH: KeyWords = KeyWords {
    keys_are: "Keys let people and servers in. The key of the environment is not in this list.",
    new: "New key",
    none: "There is no key yet.",
    heads: ["Name", "May", "Made", "Last used", "Good until", "End it"],
    name: "Name",
    name_help: "Who has the key: 1 to 200 characters. The history and the audit trail show it. No two keys have one name.",
    scope: "May",
    scopes: [
        (
            "checkout",
            "checkout: start checkouts for many guests (for your shop's server)",
        ),
        ("read", "read: read everything but the keys and endpoints"),
        ("operate", "operate: also release, cancel, refund, move and block"),
        ("admin", "admin: everything"),
    ],
    expires: "Good until the end of this day",
    expires_help: "Empty: until it is revoked.",
    never: "until revoked",
    expired: "expired",
    make: "Make the key",
    back: "Back, change nothing",
    please_check: "No key is made. Please check the marked fields.",
    not_accepted: "This value is not accepted, or another key has it.",
    key_title: "The new key",
    key_once: "This is the key. It is shown now and never again. Copy it before you leave this page.",
    to_list: "All keys",
    revoke: "Revoke",
    revoke_title: "Revoke this key?",
    revoke_means: "No instance accepts it from then on. This cannot be undone.",
    revoke_own: "You are signed in with this key: you will be signed out.",
};

static GERMAN: KeyWords = KeyWords {
    keys_are: "Schlüssel lassen Menschen und Server ein. Der Schlüssel der Umgebung steht nicht in dieser Liste.",
    new: "Neuer Schlüssel",
    none: "Es gibt noch keinen Schlüssel.",
    heads: [
        "Name",
        "Darf",
        "Angelegt",
        "Zuletzt benutzt",
        "Gültig bis",
        "Beenden",
    ],
    name: "Name",
    name_help: "Wer den Schlüssel hat: 1 bis 200 Zeichen. Verlauf und Protokoll zeigen ihn. Keine zwei Schlüssel heißen gleich.",
    scope: "Darf",
    scopes: [
        (
            "checkout",
            "checkout: Bestellvorgänge für viele Gäste beginnen (für den Server Ihres Geschäfts)",
        ),
        ("read", "read: alles lesen außer Schlüsseln und Endpunkten"),
        (
            "operate",
            "operate: auch freigeben, stornieren, erstatten, verschieben und sperren",
        ),
        ("admin", "admin: alles"),
    ],
    expires: "Gültig bis zum Ende dieses Tages",
    expires_help: "Leer: bis er widerrufen wird.",
    never: "bis zum Widerruf",
    expired: "abgelaufen",
    make: "Schlüssel anlegen",
    back: "Zurück, nichts ändern",
    please_check: "Es ist kein Schlüssel angelegt. Bitte prüfen Sie die markierten Felder.",
    not_accepted: "Diese Angabe wird nicht angenommen, oder ein anderer Schlüssel hat sie.",
    key_title: "Der neue Schlüssel",
    key_once: "Das ist der Schlüssel. Er wird jetzt gezeigt und nie wieder. Kopieren Sie ihn, bevor Sie diese Seite verlassen.",
    to_list: "Alle Schlüssel",
    revoke: "Widerrufen",
    revoke_title: "Diesen Schlüssel widerrufen?",
    revoke_means: "Ab dann wird er nirgends mehr angenommen. Das lässt sich nicht rückgängig machen.",
    revoke_own: "Sie sind mit diesem Schlüssel angemeldet: Sie werden abgemeldet.",
};

/// Adds the pages of access keys.
pub(super) fn add_routes(routes: ConsoleRoutes) -> ConsoleRoutes {
    let create = Act::of("POST", "/v1/admin/keys");
    let revoke = Act::of("DELETE", "/v1/admin/keys/{id}");
    routes
        .page(MenuPage::Keys.path(), MenuPage::Keys.scope(), get(list_keys))
        .page(NEW, create.scope(), get(show_new))
        .act(NEW, create, post(create_key))
        .page("/console/keys/{id}/revoke", revoke.scope(), get(ask_to_revoke))
        .act("/console/keys/{id}/revoke", revoke, post(revoke_key))
}

async fn list_keys(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    query: QueryValues,
) -> Result<Response, Problem> {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let page = query.page(PER_PAGE);
    let found = server.context.keys().list_keys(&page).await?;
    let rows = html! { @for key in &found.entries { (to_row(&signed_in, words, key)) } };
    let (title, path) = (MenuPage::Keys.title(signed_in.language), MenuPage::Keys.path());
    Ok(signed_in
        .page(MenuPage::Keys, title)
        .notices(&NOTICES)
        .show(html! {
            p { (words.keys_are) }
            p { (link_button(ButtonKind::Main, NEW, words.new)) }
            @if found.entries.is_empty() { p { (words.none) } }
            @else { (table(title, &words.heads, rows)) }
            (next_page(signed_in.language, path, found.next.as_deref()))
        }))
}

fn to_row(signed_in: &SignedIn, words: &KeyWords, key: &AccessKey) -> Markup {
    html! {
        tr {
            th scope="row" { (key.name) }
            td { (key.scope.as_str()) }
            td { (signed_in.time(key.created_at)) }
            td { @if let Some(at) = key.last_used_at { (signed_in.time(at)) } @else { "–" } }
            td {
                @match key.expires_at {
                    None => (words.never),
                    Some(at) if key.is_expired(signed_in.now) => {
                        (badge(Tone::Bad, words.expired)) " " (signed_in.time(at))
                    },
                    Some(at) => (signed_in.time(at)),
                }
            }
            td { a href={ "/console/keys/" (key.id) "/revoke" } { (words.revoke) " " span.quiet { (key.name) } } }
        }
    }
}

async fn show_new(signed_in: SignedIn) -> Response {
    show_form(&signed_in, &FormValues::parse(b"scope=read"), &[], StatusCode::OK)
}

fn show_form(signed_in: &SignedIn, values: &FormValues, wrong: &[&str], status: StatusCode) -> Response {
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
        (Field { is_required: true, ..field("name", words.name, words.name_help) }.show())
        (field("scope", words.scope, "").show_choice(&words.scopes))
        (Field { kind: "date", ..field("expires_at", words.expires, words.expires_help) }.show())
        div.buttons {
            (submit(ButtonKind::Main, words.make))
            (link_button(ButtonKind::Plain, MenuPage::Keys.path(), words.back))
        }
    };
    let content = signed_in.form(NEW, fields);
    signed_in
        .page(MenuPage::Keys, words.new)
        .status(status)
        .show(content)
}

async fn create_key(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    Extension(note): Extension<AuditNote>,
    values: FormValues,
) -> Result<Response, Problem> {
    let mut body = Map::new();
    body.insert("name".to_owned(), json!(values.text("name").unwrap_or_default()));
    body.insert(
        "scope".to_owned(),
        json!(values.text("scope").unwrap_or_default()),
    );
    if let Some(text) = values.text("expires_at") {
        let last = text.parse::<NaiveDate>().ok();
        let end = last
            .and_then(|day| server.context.settings.find_day(day))
            .map(|day| day.end);
        let expires_at = end.map_or_else(|| text.to_owned(), |end| end.to_rfc3339());
        body.insert("expires_at".to_owned(), json!(expires_at));
    }
    match make_key(&server, &note, body.into()).await {
        Ok((key, text)) => Ok(show_key(&signed_in, &key, &text)),
        Err(problem) if problem.code() == ProblemCode::Invalid => {
            let wrong: Vec<&str> = problem
                .errors()
                .iter()
                .map(|error| error.field.as_str())
                .collect();
            Ok(show_form(&signed_in, &values, &wrong, problem.status()))
        }
        Err(problem) if problem.code() == ProblemCode::Conflict => {
            Ok(show_form(&signed_in, &values, &["name"], problem.status()))
        }
        Err(problem) => Err(problem),
    }
}

/// Shows a new key, this once: a form that is sent again is refused, because its name is taken.
fn show_key(signed_in: &SignedIn, key: &AccessKey, text: &KeyText) -> Response {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    signed_in.page(MenuPage::Keys, words.key_title).show(html! {
        p { strong { (key.name) } " (" (key.scope.as_str()) ")" }
        p role="status" { (words.key_once) }
        p { code.secret { (text.reveal()) } }
        p { (link_button(ButtonKind::Plain, MenuPage::Keys.path(), words.to_list)) }
    })
}

async fn ask_to_revoke(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    PathId(id): PathId,
) -> Result<Response, Problem> {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let key = find_key(&server, &id).await?;
    let is_own = signed_in.holder.name() == key.name;
    Ok(signed_in.confirm(Confirmation {
        page: MenuPage::Keys,
        title: words.revoke_title,
        explanation: html! {
            p { strong { (key.name) } " (" (key.scope.as_str()) ")" }
            p { (words.revoke_means) }
            @if is_own { p { strong { (words.revoke_own) } } }
        },
        button: words.revoke,
        kind: ButtonKind::Danger,
        action: &format!("/console/keys/{}/revoke", key.id),
        fields: html! {},
        back: MenuPage::Keys.path(),
    }))
}

async fn revoke_key(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    Extension(note): Extension<AuditNote>,
) -> Result<Response, Problem> {
    remove_key(&server, &note, &id).await?;
    Ok(redirect_with_notice(MenuPage::Keys.path(), &REVOKED))
}

async fn find_key(server: &Server, id: &str) -> Result<AccessKey, Problem> {
    let missing = || Problem::not_found("key");
    let id = Uuid::try_parse(id).map(AccessKeyId).map_err(|_| missing())?;
    server.context.keys().find_key(id).await?.ok_or_else(missing)
}
