//! Sends the events of a hold to an endpoint of the shop again.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use maud::html;
use serde_json::json;

use super::named_booking::{NamedBooking, path_of};
use super::{act_problem, notices};
use crate::domain::access_key::Scope;
use crate::domain::event_endpoint::EventEndpoint;
use crate::domain::ids::EndpointId;
use crate::http::audit_trail::AuditNote;
use crate::http::console::access::{Act, ConsoleRoutes};
use crate::http::console::components::{ButtonKind, Confirmation, Field, link_button};
use crate::http::console::form_values::FormValues;
use crate::http::console::navigation::MenuPage;
use crate::http::console::notice::redirect_with_notice;
use crate::http::console::signed_in::SignedIn;
use crate::http::error::Problem;
use crate::http::path_id::PathId;
use crate::http::server::Server;
use crate::workflow::event_endpoints::list_endpoints;
use crate::workflow::hold_events::resend_hold_events;

const PATH: &str = "/console/holds/{id}/resend";
const ENDPOINT: &str = "endpoint";

struct ResendWords {
    title: &'static str,
    what: &'static str,
    endpoint: &'static str,
    disabled: &'static str,
    button: &'static str,
    none: &'static str,
    back: &'static str,
}

static ENGLISH: ResendWords = ResendWords {
    title: "Send the events of this hold again?",
    what: "The endpoint gets all events of this hold that it takes, in their order and with their ids. A system that has them already recognises them by their ids. What waits for another attempt is sent at once.",
    endpoint: "Endpoint",
    disabled: "disabled: it gets them once it is enabled",
    button: "Send the events again",
    none: "There is no endpoint yet.",
    back: "Show the hold",
};

static GERMAN: ResendWords = ResendWords {
    title: "Ereignisse dieser Reservierung wieder senden?",
    what: "Der Endpunkt bekommt alle Ereignisse dieser Reservierung, die er nimmt, in ihrer Reihenfolge und mit ihren Kennungen. Ein System, das sie schon hat, erkennt sie an den Kennungen. Was auf einen weiteren Versuch wartet, wird sofort gesendet.",
    endpoint: "Endpunkt",
    disabled: "ausgeschaltet: er bekommt sie, sobald er eingeschaltet ist",
    button: "Ereignisse wieder senden",
    none: "Es gibt noch keinen Endpunkt.",
    back: "Reservierung ansehen",
};

/// Returns the act, which has no operators' route. It needs the scope that the replay to an endpoint and the list of endpoints
/// need.
pub(super) fn act() -> Act {
    Act::new("resendHoldEvents", Scope::Admin)
}

pub(super) fn add_routes(routes: ConsoleRoutes) -> ConsoleRoutes {
    routes
        .page(PATH, act().scope(), get(ask))
        .act(PATH, act(), post(resend))
}

async fn ask(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    signed_in: SignedIn,
) -> Result<Response, Problem> {
    let named = NamedBooking::load(&server, &id).await?;
    let endpoints = list_endpoints(&server.context).await?;
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let path = path_of(named.id());
    if endpoints.is_empty() {
        return Ok(signed_in.page(MenuPage::Search, words.title).show(html! {
            p { (words.none) }
            div.buttons { (link_button(ButtonKind::Plain, &path, words.back)) }
        }));
    }
    let names: Vec<String> = endpoints.iter().map(|endpoint| name(endpoint, words)).collect();
    let ids = endpoints.iter().map(|endpoint| endpoint.id.as_str());
    let choices: Vec<(&str, &str)> = ids.zip(names.iter().map(String::as_str)).collect();
    let field = Field {
        name: ENDPOINT,
        label: words.endpoint,
        is_required: true,
        ..Field::default()
    };
    Ok(signed_in.confirm(Confirmation {
        page: MenuPage::Search,
        title: words.title,
        explanation: html! {
            p { strong { (named.summary(&signed_in)) } }
            p { (words.what) }
        },
        button: words.button,
        kind: ButtonKind::Main,
        action: &format!("{path}/resend"),
        fields: field.show_choice(&choices),
        back: &path,
    }))
}

fn name(endpoint: &EventEndpoint, words: &ResendWords) -> String {
    match endpoint.is_enabled {
        true => endpoint.id.to_string(),
        false => format!("{} ({})", endpoint.id, words.disabled),
    }
}

async fn resend(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    signed_in: SignedIn,
    Extension(note): Extension<AuditNote>,
    form: FormValues,
) -> Result<Response, Problem> {
    let named = NamedBooking::load(&server, &id).await?;
    let endpoint = EndpointId::parse(form.text(ENDPOINT).unwrap_or_default());
    let endpoint = endpoint.map_err(|_| Problem::not_found("endpoint"))?;
    let resent = resend_hold_events(&server.context, named.id(), &endpoint).await?;
    let path = path_of(named.id());
    Ok(match resent {
        None => act_problem::show(&signed_in, &named, &Problem::not_found("endpoint")),
        Some(events) => {
            note.set_after(json!({"endpoint": endpoint.as_str(), "events": events}));
            let notice = if events == 0 {
                &notices::NOTHING_TO_RESEND
            } else {
                &notices::RESENT
            };
            redirect_with_notice(&path, notice)
        }
    })
}
