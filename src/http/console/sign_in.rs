//! Signing in with a key, and out again.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use maud::{Markup, html};
use secrecy::ExposeSecret;

use super::cookies;
use super::form_values::FORM_TOKEN;
use super::form_values::{QueryValues, read_form, require_form_token};
use super::frame;
use super::language::Language;
use super::navigation;
use super::origin::require_own_origin;
use super::problem_page;
use super::return_path::{SIGN_IN as PATH, find_safe_path};
use crate::domain::access_key::Scope;
use crate::domain::audit::{AuditOutcome, AuditedAct, AuditedChange};
use crate::domain::console_session::ConsoleToken;
use crate::http::auth::{self, KeyHolder};
use crate::http::client_address::ClientAddress;
use crate::http::error::{Problem, ProblemCode};
use crate::http::request_id::RequestId;
use crate::http::server::Server;
use crate::workflow::console_sessions;

struct SignInWords {
    title: &'static str,
    key: &'static str,
    key_help: &'static str,
    button: &'static str,
    ended: &'static str,
    signed_out: &'static str,
    wrong: &'static str,
    too_many: &'static str,
    checkout_key: &'static str,
    resume: &'static str,
}

static ENGLISH: SignInWords = SignInWords {
    title: "Sign in",
    key: "Access key",
    key_help: "A key with the scope read, operate or admin. “holdfast key create” makes one.",
    button: "Sign in",
    ended: "Your session had ended, so nothing was changed. Sign in again.",
    signed_out: "You are signed out.",
    wrong: "This key is wrong, revoked or expired.",
    too_many: "Too many wrong keys came from your address. Wait a minute, then try again.",
    checkout_key: "This key is for a shop's server. The console needs a key with the scope read, operate or admin.",
    resume: "Already signed in? Continue",
};

static GERMAN: SignInWords = SignInWords {
    title: "Anmelden",
    key: "Zugangsschlüssel",
    key_help: "Ein Schlüssel mit dem Bereich read, operate oder admin. „holdfast key create“ erzeugt einen.",
    button: "Anmelden",
    ended: "Ihre Sitzung war beendet, es wurde nichts geändert. Melden Sie sich wieder an.",
    signed_out: "Sie sind abgemeldet.",
    wrong: "Dieser Schlüssel ist falsch, widerrufen oder abgelaufen.",
    too_many: "Von Ihrer Adresse kamen zu viele falsche Schlüssel. Warten Sie eine Minute und versuchen Sie es dann wieder.",
    checkout_key: "Dieser Schlüssel ist für den Server eines Shops. Die Konsole braucht einen Schlüssel mit dem Bereich read, operate oder admin.",
    resume: "Schon angemeldet? Weiter",
};

/// Leads from `/console` to the first page.
pub(super) async fn enter_console() -> Redirect {
    Redirect::to(navigation::FIRST_PAGE)
}

/// Shows the form of the sign-in.
pub(super) async fn show_form(query: QueryValues, request: Request) -> Response {
    let language = Language::of(request.headers());
    let words = language.choose(&ENGLISH, &GERMAN);
    let next = find_safe_path(query.raw("next").unwrap_or_default());
    let message = match query.raw("because") {
        Some("ended") => Some(words.ended),
        Some("signed-out") => Some(words.signed_out),
        _ => None,
    };
    let message = message.map(|text| html! { p.notice role="status" { (text) } });
    // A link from another site, such as one in an e-mail, comes without our cookie, and a link from here comes with it.
    let is_from_elsewhere = request
        .headers()
        .get("sec-fetch-site")
        .is_some_and(|site| site == "cross-site" || site == "same-site");
    let resume = is_from_elsewhere.then(|| html! { p { a href=(next) { (words.resume) } } });
    show(
        language,
        StatusCode::OK,
        &next,
        html! { @if let Some(message) = message { (message) } @if let Some(resume) = resume { (resume) } },
    )
}

fn show(language: Language, status: StatusCode, next: &str, message: Markup) -> Response {
    let words = language.choose(&ENGLISH, &GERMAN);
    let content = html! {
        (message)
        form.stack method="post" action=(PATH) {
            input type="hidden" name="next" value=(next);
            // Password managers want a name for what they keep.
            input type="text" name="username" autocomplete="username" value="holdfast" hidden readonly;
            div.field {
                label for="key" { (words.key) }
                p.help #key-help { (words.key_help) }
                input #key name="key" type="password" required autocomplete="current-password" autocapitalize="none"
                    spellcheck="false" aria-describedby="key-help" autofocus;
            }
            div.buttons { button.main type="submit" { (words.button) } }
        }
    };
    let location = format!("{PATH}?{}", encode_next(next));
    frame::render_signed_out(language, status, words.title, &location, content)
}

fn encode_next(next: &str) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .append_pair("next", next)
        .finish()
}

/// Begins a session with the key of the form.
pub(super) async fn sign_in(
    State(server): State<Arc<Server>>,
    client: ClientAddress,
    request: Request,
) -> Response {
    let language = Language::of(request.headers());
    let answered = try_sign_in(&server, client, language, request).await;
    answered.unwrap_or_else(|problem| problem_page::show_signed_out(language, &problem))
}

async fn try_sign_in(
    server: &Arc<Server>,
    client: ClientAddress,
    language: Language,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let is_https = require_own_origin(&parts.headers)?;
    let form = read_form(&parts, body).await?;
    let next = find_safe_path(form.raw("next").unwrap_or_default());
    let words = language.choose(&ENGLISH, &GERMAN);
    let refuse = |status, text: &str| {
        let message = html! { p.problem role="alert" { (text) } };
        Ok(show(language, status, &next, message))
    };
    let Some(key) = auth::find_holder(server, form.text("key").unwrap_or_default()).await? else {
        let refusal = auth::refuse_wrong_key(server, client).await;
        return match refusal.code() {
            ProblemCode::RateLimited => refuse(refusal.status(), words.too_many),
            _ => refuse(refusal.status(), words.wrong),
        };
    };
    let holder = KeyHolder::from(key.clone());
    if let Err(refusal) = holder.require_scope(Scope::Read) {
        return refuse(refusal.status(), words.checkout_key);
    }
    // Several sessions are nobody's: the one of this browser ends by itself.
    let previous = cookies::find_token(&parts.headers).unwrap_or_default();
    let bootstrap = server.admin_key.as_ref().map(ExposeSecret::expose_secret);
    let trail = server.context.audit();
    let number = trail
        .begin(&describe_act(
            "signIn",
            &holder,
            parts.extensions.get::<RequestId>(),
        ))
        .await?;
    let begun = console_sessions::begin_session(&server.context, &key, bootstrap, previous.as_ref()).await;
    trail
        .finish(number, outcome_of(&begun), &AuditedChange::default())
        .await;
    let cookies = cookies::keep_token(&begun?, is_https);
    let cookies = cookies.into_iter().map(|cookie| (header::SET_COOKIE, cookie));
    Ok((AppendHeaders(cookies), Redirect::to(&next)).into_response())
}

fn outcome_of<T, E>(result: &Result<T, E>) -> AuditOutcome {
    match result {
        Ok(_) => AuditOutcome::Done,
        Err(_) => AuditOutcome::Failed,
    }
}

fn describe_act(action: &str, holder: &KeyHolder, request: Option<&RequestId>) -> AuditedAct {
    AuditedAct {
        actor: holder.name().to_owned(),
        action: action.to_owned(),
        target: None,
        request_id: request.map(RequestId::to_uuid),
    }
}

/// Ends the session of the browser. It works without a good key, so that nobody stays signed in because of it.
pub(super) async fn sign_out(State(server): State<Arc<Server>>, request: Request) -> Response {
    let language = Language::of(request.headers());
    let answered = try_sign_out(&server, request).await;
    answered.unwrap_or_else(|problem| problem_page::show_signed_out(language, &problem))
}

/// Begins the entry of a sign-out in the audit trail; `None` if the session has ended before, or if the entry cannot be written:
/// the trail must not keep anybody signed in.
async fn begin_entry(
    server: &Server,
    token: &ConsoleToken,
    request: Option<&RequestId>,
) -> Result<Option<i64>, Problem> {
    let bootstrap = server.admin_key.as_ref().map(ExposeSecret::expose_secret);
    let Some(found) = console_sessions::find_session_key(&server.context, token, bootstrap).await? else {
        return Ok(None);
    };
    let act = describe_act("signOut", &found.key.into(), request);
    let begun = server.context.audit().begin(&act).await;
    Ok(begun
        .inspect_err(|error| tracing::error!(%error, "a sign-out is not in the audit trail"))
        .ok())
}

async fn try_sign_out(server: &Arc<Server>, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    require_own_origin(&parts.headers)?;
    let form = read_form(&parts, body).await?;
    if let Some(token) = cookies::find_token(&parts.headers)? {
        require_form_token(&token, form.raw(FORM_TOKEN))?;
        let entry = begin_entry(server, &token, parts.extensions.get::<RequestId>()).await?;
        let ended = console_sessions::end_session(&server.context, &token).await;
        if let Some(entry) = entry {
            let trail = server.context.audit();
            trail
                .finish(entry, outcome_of(&ended), &AuditedChange::default())
                .await;
        }
        ended?;
    }
    let cookies = cookies::remove_token().map(|cookie| (header::SET_COOKIE, cookie));
    let signed_out = Redirect::to(&format!("{PATH}?because=signed-out"));
    Ok((AppendHeaders(cookies), signed_out).into_response())
}
