//! Asks Stripe about a hold, whatever its status, and applies what it says.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use maud::html;

use super::named_booking::{NamedBooking, path_of};
use super::{act_problem, notices};
use crate::http::audit_trail::AuditNote;
use crate::http::console::access::{Act, ConsoleRoutes};
use crate::http::console::components::{ButtonKind, Confirmation};
use crate::http::console::navigation::MenuPage;
use crate::http::console::notice::redirect_with_notice;
use crate::http::console::signed_in::SignedIn;
use crate::http::error::Problem;
use crate::http::hold_acts;
use crate::http::path_id::PathId;
use crate::http::server::Server;

const PATH: &str = "/console/holds/{id}/refresh";

struct AskWords {
    title: &'static str,
    what: &'static str,
    open: &'static str,
    button: &'static str,
}

static ENGLISH: AskWords = AskWords {
    title: "Ask Stripe about this hold?",
    what: "Holdfast reads the payment session at Stripe and applies what it says, as if Stripe's event had come now. Use it if an event was lost.",
    open: "A session that is still open stays open, and the hold stays as it is.",
    button: "Ask Stripe",
};

static GERMAN: AskWords = AskWords {
    title: "Stripe nach dieser Reservierung fragen?",
    what: "Holdfast liest die Zahlungssitzung bei Stripe und wendet an, was sie sagt, als käme Stripes Ereignis jetzt. Nutzen Sie das, wenn ein Ereignis verloren ging.",
    open: "Eine Sitzung, die noch offen ist, bleibt offen, und die Reservierung bleibt, wie sie ist.",
    button: "Stripe fragen",
};

/// Returns the act, as the audit trail names it.
pub(super) fn act() -> Act {
    Act::of("POST", "/v1/admin/holds/{id}/refresh")
}

pub(super) fn add_routes(routes: ConsoleRoutes) -> ConsoleRoutes {
    routes
        .page(PATH, act().scope(), get(ask))
        .act(PATH, act(), post(ask_stripe))
}

async fn ask(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    signed_in: SignedIn,
) -> Result<Response, Problem> {
    let named = NamedBooking::load(&server, &id).await?;
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let path = path_of(named.id());
    Ok(signed_in.confirm(Confirmation {
        page: MenuPage::Search,
        title: words.title,
        explanation: html! {
            p { strong { (named.summary(&signed_in)) } }
            p { (words.what) }
            p { (words.open) }
        },
        button: words.button,
        kind: ButtonKind::Main,
        action: &format!("{path}/refresh"),
        fields: html! {},
        back: &path,
    }))
}

async fn ask_stripe(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    signed_in: SignedIn,
    Extension(note): Extension<AuditNote>,
) -> Result<Response, Problem> {
    let named = NamedBooking::load(&server, &id).await?;
    let actor = signed_in.holder.to_actor();
    Ok(
        match hold_acts::refresh(&server, named.id(), actor, &note).await {
            Ok(_) => redirect_with_notice(&path_of(named.id()), &notices::ASKED),
            Err(problem) => act_problem::show(&signed_in, &named, &problem),
        },
    )
}
