//! What is done with an endpoint: a test, a new secret, its end.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use sha2::{Digest, Sha256};

use super::one_endpoint::{DELETED, find_endpoint, path_of, show_secret};
use super::words::{ENGLISH, GERMAN};
use crate::domain::event_endpoint::EventEndpoint;
use crate::http::admin::endpoints::secrets::too_many_secrets;
use crate::http::admin::endpoints::{parse_endpoint_id, remove_endpoint};
use crate::http::audit_trail::AuditNote;
use crate::http::console::components::{ButtonKind, Confirmation, hidden, link_button};
use crate::http::console::form_values::FormValues;
use crate::http::console::navigation::MenuPage;
use crate::http::console::notice::redirect_with_notice;
use crate::http::console::signed_in::SignedIn;
use crate::http::console::states::{Tone, badge};
use crate::http::error::{Problem, ProblemCode};
use crate::http::event_view::render_test;
use crate::http::path_id::PathId;
use crate::http::server::Server;
use crate::workflow::event_endpoints::NewSecret;
use crate::workflow::{deliver_events, event_endpoints};

/// The field that names the secret that an endpoint had when the operator was asked.
const SEEN: &str = "seen";

/// Names the secret of an endpoint by a part of its digest, which discloses nothing of its 256 random bits.
fn name_secret(endpoint: &EventEndpoint) -> String {
    let digest = Sha256::digest(endpoint.secret.reveal());
    hex::encode(&digest[..8])
}

/// Asks whether to delete an endpoint.
pub(super) async fn ask_to_delete(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    PathId(id): PathId,
) -> Result<Response, Problem> {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    ask(
        &server,
        &signed_in,
        &id,
        AskedAct {
            act: "delete",
            fields: html! {},
            title: words.delete_title,
            means: words.delete_means,
            button: words.delete,
            kind: ButtonKind::Danger,
        },
    )
    .await
}

/// Deletes an endpoint and what is left to be sent to it.
pub(super) async fn delete(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    Extension(note): Extension<AuditNote>,
) -> Result<Response, Problem> {
    remove_endpoint(&server, &note, &parse_endpoint_id(&id)?).await?;
    Ok(redirect_with_notice(MenuPage::Endpoints.path(), &DELETED))
}

/// Asks whether to make a new secret.
pub(super) async fn ask_to_rotate(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    PathId(id): PathId,
) -> Result<Response, Problem> {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let endpoint = find_endpoint(&server, &id).await?;
    ask(
        &server,
        &signed_in,
        &id,
        AskedAct {
            act: "rotate",
            fields: hidden(SEEN, &name_secret(&endpoint)),
            title: words.rotate_title,
            means: words.rotate_means,
            button: words.rotate,
            kind: ButtonKind::Danger,
        },
    )
    .await
}

/// Makes a new secret, and shows it this once. A form that is sent again makes no second one.
pub(super) async fn rotate(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    PathId(id): PathId,
    values: FormValues,
) -> Result<Response, Problem> {
    let endpoint = find_endpoint(&server, &id).await?;
    if values.text(SEEN) != Some(name_secret(&endpoint).as_str()) {
        let detail = "the secret has changed since the question was asked";
        return Err(Problem::new(ProblemCode::Conflict, detail));
    }
    let id = endpoint.id;
    let rotated = event_endpoints::rotate_secret(&server.context, &id).await?;
    let (secret, until) = match rotated {
        NewSecret::Made(secret, until) => (secret, until),
        NewSecret::TooMany => return Err(too_many_secrets()),
        NewSecret::Unknown => return Err(Problem::not_found("endpoint")),
    };
    Ok(show_secret(&signed_in, &id, &secret, Some(signed_in.time(until))))
}

/// Asks whether to send a test event.
pub(super) async fn ask_to_test(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    PathId(id): PathId,
) -> Result<Response, Problem> {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    ask(
        &server,
        &signed_in,
        &id,
        AskedAct {
            act: "test",
            fields: html! {},
            title: words.test_title,
            means: words.test_means,
            button: words.test,
            kind: ButtonKind::Main,
        },
    )
    .await
}

/// Sends a test event once, and shows how the endpoint answered.
pub(super) async fn send_test(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    PathId(id): PathId,
) -> Result<Response, Problem> {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let id = parse_endpoint_id(&id)?;
    let body = render_test(server.context.now());
    let tested = deliver_events::send_test(&server.context, &id, body).await?;
    let tested = tested.ok_or_else(|| Problem::not_found("endpoint"))?;
    let verdict: Markup = match &tested.fault {
        None => badge(Tone::Good, words.test_taken),
        Some(_) => badge(Tone::Bad, words.test_refused),
    };
    Ok(signed_in
        .page(MenuPage::Endpoints, words.test_result)
        .show(html! {
            p { strong { (id) } }
            p role="status" { (verdict) }
            dl.facts {
                @if let Some(status) = tested.status { dt { (words.last_answer) } dd { (status) } }
                @if let Some(fault) = &tested.fault { dt { (words.last_fault) } dd lang="en" { (fault) } }
            }
            div.buttons {
                (link_button(ButtonKind::Plain, &path_of(&id), words.to_endpoint))
                (link_button(ButtonKind::Plain, MenuPage::Endpoints.path(), words.to_list))
            }
        }))
}

/// What the page that asks once says.
struct AskedAct<'a> {
    act: &'a str,
    fields: Markup,
    title: &'a str,
    means: &'a str,
    button: &'a str,
    kind: ButtonKind,
}

async fn ask(
    server: &Server,
    signed_in: &SignedIn,
    id: &str,
    question: AskedAct<'_>,
) -> Result<Response, Problem> {
    let endpoint = find_endpoint(server, id).await?;
    let path = path_of(&endpoint.id);
    Ok(signed_in.confirm(Confirmation {
        page: MenuPage::Endpoints,
        title: question.title,
        explanation: html! {
            p { strong { (endpoint.id) } " " span.address { (endpoint.url) } }
            p { (question.means) }
        },
        button: question.button,
        kind: question.kind,
        action: &format!("{path}/{}", question.act),
        fields: question.fields,
        back: &path,
    }))
}
