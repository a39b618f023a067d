//! What the pages of one endpoint share: its address, its state, its new secret, and what a page says after an act.

use axum::response::Response;
use maud::{Markup, html};

use super::words::{ENGLISH, EndpointWords, GERMAN};
use crate::domain::event_endpoint::{EndpointSecret, EventEndpoint};
use crate::domain::ids::EndpointId;
use crate::http::admin::endpoints::parse_endpoint_id;
use crate::http::console::components::{ButtonKind, link_button};
use crate::http::console::navigation::MenuPage;
use crate::http::console::notice::Notice;
use crate::http::console::signed_in::SignedIn;
use crate::http::console::states::{Tone, badge};
use crate::http::error::Problem;
use crate::http::server::Server;
use crate::workflow::event_endpoints;

pub(super) const SAVED: Notice = Notice {
    code: "saved",
    english: "The endpoint is saved. It keeps its secret.",
    german: "Der Endpunkt ist gespeichert. Er behält sein Geheimnis.",
};
pub(super) const DELETED: Notice = Notice {
    code: "deleted",
    english: "The endpoint is deleted, with what was left to be sent to it.",
    german: "Der Endpunkt ist gelöscht, mit allem, was noch an ihn zu senden war.",
};
pub(super) const REPLAYED: Notice = Notice {
    code: "replayed",
    english: "The events of the range are sent again, in order. The list shows them.",
    german: "Die Ereignisse des Zeitraums werden der Reihe nach erneut gesendet. Die Liste zeigt sie.",
};
pub(super) static NOTICES: [Notice; 3] = [SAVED, DELETED, REPLAYED];

/// Returns the address of an endpoint's page.
pub(super) fn path_of(id: &EndpointId) -> String {
    format!("{}/{id}", MenuPage::Endpoints.path())
}

/// Makes the badge of how an endpoint is.
pub(super) fn state_badge(words: &EndpointWords, endpoint: &EventEndpoint) -> Markup {
    match endpoint.failing_since {
        _ if endpoint.is_gone => badge(Tone::Bad, words.gone),
        _ if !endpoint.is_enabled => badge(Tone::Gone, words.disabled),
        Some(_) => badge(Tone::Bad, words.failing),
        None => badge(Tone::Good, words.ok),
    }
}

/// Shows a new secret, this once: a reload sends the form again, which finds that it is done or makes another secret.
pub(super) fn show_secret(
    signed_in: &SignedIn,
    id: &EndpointId,
    secret: &EndpointSecret,
    old_until: Option<Markup>,
) -> Response {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    signed_in
        .page(MenuPage::Endpoints, words.secret_title)
        .show(html! {
            p { strong { (id) } }
            p { (words.secret_once) }
            p { code.secret { (secret.reveal()) } }
            @if let Some(until) = old_until { p { (words.old_signs_until) " " (until) } }
            p { (words.try_it) }
            div.buttons {
                (link_button(ButtonKind::Main, &format!("{}/test", path_of(id)), words.test))
                (link_button(ButtonKind::Plain, MenuPage::Endpoints.path(), words.to_list))
            }
        })
}

/// Finds an endpoint by the id in a path.
///
/// # Errors
/// `not_found` if there is none.
pub(super) async fn find_endpoint(server: &Server, id: &str) -> Result<EventEndpoint, Problem> {
    let found = event_endpoints::find_endpoint(&server.context, &parse_endpoint_id(id)?).await?;
    found.ok_or_else(|| Problem::not_found("endpoint"))
}
