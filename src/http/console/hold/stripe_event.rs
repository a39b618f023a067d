//! Applies an event that Stripe sent about a hold again, after the effect of a bug.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use maud::html;

use super::named_booking::{self, NamedBooking};
use super::{act_problem, notices};
use crate::domain::ids::{EventId, HoldId};
use crate::http::admin::events::{apply_again, parse_event_id};
use crate::http::audit_trail::AuditNote;
use crate::http::console::access::{Act, ConsoleRoutes};
use crate::http::console::components::{ButtonKind, Confirmation, hidden};
use crate::http::console::form_values::{FormValues, QueryValues};
use crate::http::console::navigation::MenuPage;
use crate::http::console::notice::redirect_with_notice;
use crate::http::console::signed_in::SignedIn;
use crate::http::error::Problem;
use crate::http::path_id::PathId;
use crate::http::server::Server;
use crate::workflow::apply_event::EventOutcome;
use crate::workflow::queries;

const PATH: &str = "/console/events/{id}/replay";
/// The hold whose page comes before and after.
const HOLD: &str = "hold";

struct EventWords {
    title: &'static str,
    what: &'static str,
    button: &'static str,
}

static ENGLISH: EventWords = EventWords {
    title: "Apply this event of Stripe again?",
    what: "What the event reports is applied by the rules of today, with you as the one who did it. What is known already has no second effect.",
    button: "Apply the event",
};

static GERMAN: EventWords = EventWords {
    title: "Dieses Ereignis von Stripe wieder anwenden?",
    what: "Was das Ereignis meldet, wird nach den heutigen Regeln angewendet, und der Verlauf nennt Sie. Was schon bekannt ist, wirkt kein zweites Mal.",
    button: "Ereignis anwenden",
};

/// Returns the act, as the audit trail names it.
pub(super) fn act() -> Act {
    Act::of("POST", "/v1/admin/events/{id}/replay")
}

/// Returns the path of the page that asks about an event of a hold.
pub(super) fn path_of(event: &EventId, hold: HoldId) -> String {
    let event: String = url::form_urlencoded::byte_serialize(event.as_str().as_bytes()).collect();
    format!("/console/events/{event}/replay?{HOLD}={hold}")
}

pub(super) fn add_routes(routes: ConsoleRoutes) -> ConsoleRoutes {
    routes
        .page(PATH, act().scope(), get(ask))
        .act(PATH, act(), post(apply))
}

/// Loads the hold that a page names, if the event is about it: what is shown must be what the event changes.
///
/// # Errors
/// `not_found` if there is no such hold or event, or the event is about something else.
async fn load_hold_of(server: &Server, event: &str, values: &FormValues) -> Result<NamedBooking, Problem> {
    let named = NamedBooking::load(server, values.text(HOLD).unwrap_or_default()).await?;
    let missing = || Problem::not_found("event of this hold");
    let id = parse_event_id(event.to_owned()).ok_or_else(missing)?;
    let found = queries::find_event(&server.context, &id).await?;
    match found.and_then(|event| event.hold) {
        Some(hold) if hold == named.id() => Ok(named),
        _ => Err(missing()),
    }
}

async fn ask(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    signed_in: SignedIn,
    query: QueryValues,
) -> Result<Response, Problem> {
    let named = load_hold_of(&server, &id, &query).await?;
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let hold = named.id();
    Ok(signed_in.confirm(Confirmation {
        page: MenuPage::Search,
        title: words.title,
        explanation: html! {
            p { strong { (named.summary(&signed_in)) } }
            p { code { (id) } }
            p { (words.what) }
        },
        button: words.button,
        kind: ButtonKind::Main,
        action: &path_of(&EventId::new(id.clone()), hold),
        fields: hidden(HOLD, &hold.to_string()),
        back: &named_booking::path_of(hold),
    }))
}

async fn apply(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    signed_in: SignedIn,
    Extension(note): Extension<AuditNote>,
    form: FormValues,
) -> Result<Response, Problem> {
    let named = load_hold_of(&server, &id, &form).await?;
    let applied = apply_again(&server, id, signed_in.holder.to_actor(), &note).await;
    let notice = match applied {
        Ok(EventOutcome::Applied) => &notices::APPLIED,
        Ok(EventOutcome::Duplicate | EventOutcome::Ignored) => &notices::NOTHING_TO_APPLY,
        Err(problem) => return Ok(act_problem::show(&signed_in, &named, &problem)),
    };
    Ok(redirect_with_notice(&named_booking::path_of(named.id()), notice))
}
