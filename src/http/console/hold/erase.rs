//! Erases the guest of a hold, from this hold and from all others.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use maud::{Markup, html};
use serde_json::json;

use super::named_booking::{NamedBooking, path_of};
use super::{act_problem, notices};
use crate::domain::booking::{Booking, normalize_email};
use crate::domain::listing::{HoldFilter, HoldKey, PageRequest};
use crate::http::audit_trail::AuditNote;
use crate::http::console::access::{Act, ConsoleRoutes};
use crate::http::console::components::{ButtonKind, Confirmation, hidden};
use crate::http::console::form_values::FormValues;
use crate::http::console::language::Language;
use crate::http::console::navigation::MenuPage;
use crate::http::console::notice::redirect_with_notice;
use crate::http::console::signed_in::SignedIn;
use crate::http::error::{Problem, ProblemCode};
use crate::http::hold_acts;
use crate::http::path_id::PathId;
use crate::http::server::Server;
use crate::workflow::queries;

const PATH: &str = "/console/holds/{id}/erase";
const ADDRESS: &str = "address";
/// How many holds of a guest are counted before the act.
const MOST_COUNTED: u32 = 200;

struct EraseWords {
    title: &'static str,
    what: &'static str,
    stays: &'static str,
    unpaid: &'static str,
    button: &'static str,
    refused: &'static str,
    failed: &'static str,
}

static ENGLISH: EraseWords = EraseWords {
    title: "Erase this guest for good?",
    what: "Name, e-mail address and the shop's data go from all holds of this guest, also from bookings that are still to come, and so do the bodies of Stripe's events. This cannot be undone.",
    stays: "What was booked and paid stays, without a name. Stripe keeps its own data: erase the guest there too.",
    unpaid: "The guest must have no unpaid hold: Stripe needs the address for it.",
    button: "Erase the guest",
    refused: "The guest is not erased: there is an unpaid hold, or a checkout that has not ended. Release it, or wait until it has ended, then erase the guest.",
    failed: "The guest is not erased from all holds yet. Send the form again: what is left follows.",
};

static GERMAN: EraseWords = EraseWords {
    title: "Diesen Gast endgültig löschen?",
    what: "Name, E-Mail-Adresse und die Angaben des Shops verschwinden aus allen Reservierungen dieses Gastes, auch aus künftigen Buchungen, ebenso der Inhalt der Ereignisse von Stripe. Das lässt sich nicht rückgängig machen.",
    stays: "Was gebucht und bezahlt wurde, bleibt ohne Namen. Stripe behält eigene Daten: löschen Sie den Gast auch dort.",
    unpaid: "Der Gast darf keine unbezahlte Reservierung haben: Stripe braucht dafür die Adresse.",
    button: "Gast löschen",
    refused: "Der Gast ist nicht gelöscht: es gibt eine unbezahlte Reservierung oder einen Checkout, der noch läuft. Geben Sie sie frei, oder warten Sie, bis er beendet ist, und löschen Sie den Gast dann.",
    failed: "Der Gast ist noch nicht aus allen Reservierungen gelöscht. Senden Sie das Formular noch einmal: der Rest folgt.",
};

/// Returns the act, as the audit trail names it.
pub(super) fn act() -> Act {
    Act::of("POST", "/v1/admin/guests/erase")
}

/// Tells whether the hold still names its guest.
pub(super) fn is_possible(booking: &Booking) -> bool {
    !booking.guest.email.is_empty()
}

pub(super) fn add_routes(routes: ConsoleRoutes) -> ConsoleRoutes {
    routes
        .page(PATH, act().scope(), get(ask))
        .act(PATH, act(), post(erase))
}

async fn ask(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    signed_in: SignedIn,
) -> Result<Response, Problem> {
    let named = NamedBooking::load(&server, &id).await?;
    let path = path_of(named.id());
    if !is_possible(&named.booking) {
        return Ok(Redirect::to(&path).into_response());
    }
    let count = count_holds(&server, signed_in.language, &named.booking).await?;
    let email = &named.booking.guest.email;
    let whom = html! { p { strong { (email) } ": " (count) } };
    Ok(show_question(&signed_in, &named, email, whom))
}

/// Asks once before the act. The form carries the address: a part of the holds may be erased already, this one among them.
fn show_question(signed_in: &SignedIn, named: &NamedBooking, email: &str, first: Markup) -> Response {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let path = path_of(named.id());
    signed_in.confirm(Confirmation {
        page: MenuPage::Search,
        title: words.title,
        explanation: html! {
            (first)
            p { (words.what) }
            p { (words.stays) }
            p { (words.unpaid) }
        },
        button: words.button,
        kind: ButtonKind::Danger,
        action: &format!("{path}/erase"),
        fields: hidden(ADDRESS, email),
        back: &path,
    })
}

/// Says how many holds the guest has.
async fn count_holds(server: &Server, language: Language, booking: &Booking) -> Result<String, Problem> {
    let filter = HoldFilter {
        key: Some(HoldKey::Guest(normalize_email(&booking.guest.email))),
        ..HoldFilter::default()
    };
    let page = PageRequest {
        limit: MOST_COUNTED,
        cursor: None,
    };
    let found = queries::list_holds(&server.context, filter, &page).await?;
    let count = found.entries.len();
    Ok(match (count, found.next) {
        (_, Some(_)) => language
            .choose("more than 200 holds", "mehr als 200 Reservierungen")
            .to_owned(),
        (1, None) => language.choose("1 hold", "1 Reservierung").to_owned(),
        (count, None) => format!("{count} {}", language.choose("holds", "Reservierungen")),
    })
}

async fn erase(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    signed_in: SignedIn,
    Extension(note): Extension<AuditNote>,
    form: FormValues,
) -> Result<Response, Problem> {
    let named = NamedBooking::load(&server, &id).await?;
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let email = form.text(ADDRESS).unwrap_or_default();
    let own = named.booking.guest.normalized_email();
    if email.is_empty() || (is_possible(&named.booking) && own != normalize_email(email)) {
        return Ok(act_problem::show(&signed_in, &named, &Problem::hold_changed()));
    }
    // The hold may be erased while others of its guest are not: an erasure that failed goes on where it stopped.
    let erased = match hold_acts::erase_guest(&server, email).await {
        Ok(erased) => erased,
        Err(problem) if problem.code() == ProblemCode::Conflict => {
            let shown = act_problem::show_with_advice(&signed_in, &named, &problem, words.refused);
            return Ok(shown);
        }
        Err(problem) => {
            let failed = html! { div.problem role="alert" { p { (words.failed) } p lang="en" { (problem.detail()) } } };
            let mut asked = show_question(&signed_in, &named, email, failed);
            *asked.status_mut() = problem.status();
            return Ok(asked);
        }
    };
    note.set_after(json!({"holds": erased.holds, "events": erased.events}));
    let notice = if erased.holds == 0 {
        &notices::NOTHING_TO_ERASE
    } else {
        &notices::ERASED
    };
    Ok(redirect_with_notice(&path_of(named.id()), notice))
}
