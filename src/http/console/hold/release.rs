//! Releases a hold that is not paid, or whose payment is still in progress.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use maud::html;

use super::cancel::{SEEN, parse_seen};
use super::named_booking::{NamedBooking, path_of};
use super::{act_problem, notices};
use crate::domain::booking::Booking;
use crate::domain::hold::Status;
use crate::http::audit_trail::AuditNote;
use crate::http::console::access::{Act, ConsoleRoutes};
use crate::http::console::components::{ButtonKind, Confirmation, checkbox, hidden};
use crate::http::console::form_values::FormValues;
use crate::http::console::navigation::MenuPage;
use crate::http::console::notice::redirect_with_notice;
use crate::http::console::signed_in::SignedIn;
use crate::http::error::Problem;
use crate::http::hold_acts::{self, SeenAct};
use crate::http::holds::require_released;
use crate::http::path_id::PathId;
use crate::http::server::Server;
use crate::workflow::release_as_seen::SeenRelease;

const PATH: &str = "/console/holds/{id}/release";
const WITHOUT_STRIPE: &str = "without_stripe";

struct ReleaseWords {
    title: &'static str,
    what: &'static str,
    late: &'static str,
    processing: &'static str,
    processing_late: &'static str,
    without_stripe: &'static str,
    button: &'static str,
    already_over: &'static str,
}

static ENGLISH: ReleaseWords = ReleaseWords {
    title: "Release this hold?",
    what: "Its payment session ends at Stripe first, then its slot is for sale again. If the guest has paid in the meantime, the hold is booked instead.",
    late: "Money that comes later gets the slot back if it is free, otherwise it goes back to the guest.",
    processing: "The guest's payment is still in progress. The slot is for sale at once, and the guest does not get it any more.",
    processing_late: "If the payment succeeds later, all of it goes back to the guest, even if the slot is still free. If it fails, nothing more happens.",
    without_stripe: "Release it even if Stripe does not know its session, such as after a change of the Stripe account",
    button: "Release the hold",
    already_over: "This hold had ended before, and nothing was done. Look at the hold: it says who or what ended it.",
};

static GERMAN: ReleaseWords = ReleaseWords {
    title: "Diese Reservierung freigeben?",
    what: "Zuerst endet ihre Zahlungssitzung bei Stripe, dann ist der Termin wieder im Verkauf. Hat der Gast inzwischen bezahlt, ist die Reservierung stattdessen gebucht.",
    late: "Geld, das später kommt, bekommt den Termin zurück, wenn er frei ist, sonst geht es an den Gast zurück.",
    processing: "Die Zahlung des Gastes läuft noch. Der Termin ist sofort wieder im Verkauf, und der Gast bekommt ihn nicht mehr.",
    processing_late: "Gelingt die Zahlung später, geht sie ganz an den Gast zurück, auch wenn der Termin noch frei ist. Scheitert sie, geschieht nichts weiter.",
    without_stripe: "Auch freigeben, wenn Stripe die Sitzung nicht kennt, etwa nach einem Wechsel des Stripe-Kontos",
    button: "Reservierung freigeben",
    already_over: "Diese Reservierung war schon beendet, es wurde nichts getan. Sehen Sie die Reservierung an: dort steht, wer oder was sie beendet hat.",
};

/// Returns the act, as the audit trail names it.
pub(super) fn act() -> Act {
    Act::of("POST", "/v1/admin/holds/{id}/release")
}

/// Tells whether the hold waits for its payment, or for the end of a delayed one.
pub(super) fn is_possible(booking: &Booking) -> bool {
    matches!(booking.hold.status, Status::Held | Status::Processing)
}

pub(super) fn add_routes(routes: ConsoleRoutes) -> ConsoleRoutes {
    routes
        .page(PATH, act().scope(), get(ask))
        .act(PATH, act(), post(release))
}

async fn ask(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    signed_in: SignedIn,
) -> Result<Response, Problem> {
    let named = NamedBooking::load(&server, &id).await?;
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let path = path_of(named.id());
    if !is_possible(&named.booking) {
        return Ok(match require_released(&named.booking) {
            Ok(()) => show_already_over(&signed_in, &named),
            Err(problem) => act_problem::show(&signed_in, &named, &problem),
        });
    }
    let is_processing = named.booking.hold.status == Status::Processing;
    let (what, late) = match is_processing {
        true => (words.processing, words.processing_late),
        false => (words.what, words.late),
    };
    Ok(signed_in.confirm(Confirmation {
        page: MenuPage::Search,
        title: words.title,
        explanation: html! {
            p { strong { (named.summary(&signed_in)) } }
            p { (what) }
            p { (late) }
        },
        button: words.button,
        kind: ButtonKind::Danger,
        action: &format!("{path}/release"),
        fields: html! {
            (hidden(SEEN, &named.booking.version.to_string()))
            @if !is_processing { (checkbox(WITHOUT_STRIPE, "yes", words.without_stripe, false)) }
        },
        back: &path,
    }))
}

async fn release(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    signed_in: SignedIn,
    Extension(note): Extension<AuditNote>,
    form: FormValues,
) -> Result<Response, Problem> {
    let named = NamedBooking::load(&server, &id).await?;
    // A form without the version was not made by the page that asks.
    let Some(seen) = parse_seen(&form) else {
        return Ok(act_problem::show(&signed_in, &named, &Problem::hold_changed()));
    };
    let order = SeenRelease {
        hold: named.id(),
        seen,
        without_stripe: form.has(WITHOUT_STRIPE),
        actor: signed_in.holder.to_actor(),
    };
    Ok(match hold_acts::release_as_seen(&server, order, &note).await {
        Ok(SeenAct::Done) => redirect_with_notice(&path_of(named.id()), &notices::RELEASED),
        Ok(SeenAct::AlreadyOver) => show_already_over(&signed_in, &named),
        Err(problem) => act_problem::show(&signed_in, &named, &problem),
    })
}

fn show_already_over(signed_in: &SignedIn, named: &NamedBooking) -> Response {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    act_problem::show_with_advice(signed_in, named, &SeenAct::already_over(), words.already_over)
}
