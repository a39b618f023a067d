//! Releases a hold that is not paid.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use maud::html;

use super::named_booking::{NamedBooking, path_of};
use super::{act_problem, notices};
use crate::domain::booking::Booking;
use crate::domain::hold::release_unknown;
use crate::http::audit_trail::AuditNote;
use crate::http::console::access::{Act, ConsoleRoutes};
use crate::http::console::components::{ButtonKind, Confirmation, checkbox};
use crate::http::console::form_values::FormValues;
use crate::http::console::navigation::MenuPage;
use crate::http::console::notice::redirect_with_notice;
use crate::http::console::signed_in::SignedIn;
use crate::http::error::Problem;
use crate::http::hold_acts;
use crate::http::path_id::PathId;
use crate::http::server::Server;

const PATH: &str = "/console/holds/{id}/release";
const WITHOUT_STRIPE: &str = "without_stripe";

struct ReleaseWords {
    title: &'static str,
    what: &'static str,
    late: &'static str,
    without_stripe: &'static str,
    button: &'static str,
}

static ENGLISH: ReleaseWords = ReleaseWords {
    title: "Release this hold?",
    what: "Its payment session ends at Stripe first, then its slot is for sale again. If the guest has paid in the meantime, the hold is booked instead.",
    late: "Money that comes later gets the slot back if it is free, otherwise it goes back to the guest.",
    without_stripe: "Release it even if Stripe does not know its session, such as after a change of the Stripe account",
    button: "Release the hold",
};

static GERMAN: ReleaseWords = ReleaseWords {
    title: "Diese Reservierung freigeben?",
    what: "Zuerst endet ihre Zahlungssitzung bei Stripe, dann ist der Termin wieder im Verkauf. Hat der Gast inzwischen bezahlt, ist die Reservierung stattdessen gebucht.",
    late: "Geld, das später kommt, bekommt den Termin zurück, wenn er frei ist, sonst geht es an den Gast zurück.",
    without_stripe: "Auch freigeben, wenn Stripe die Sitzung nicht kennt, etwa nach einem Wechsel des Stripe-Kontos",
    button: "Reservierung freigeben",
};

/// Returns the act, as the audit trail names it.
pub(super) fn act() -> Act {
    Act::of("POST", "/v1/admin/holds/{id}/release")
}

/// Tells whether the hold is unpaid and live.
pub(super) fn is_possible(booking: &Booking) -> bool {
    release_unknown(&booking.hold).is_some()
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
    Ok(signed_in.confirm(Confirmation {
        page: MenuPage::Search,
        title: words.title,
        explanation: html! {
            p { strong { (named.summary(&signed_in)) } }
            p { (words.what) }
            p { (words.late) }
        },
        button: words.button,
        kind: ButtonKind::Danger,
        action: &format!("{path}/release"),
        fields: checkbox(WITHOUT_STRIPE, "yes", words.without_stripe, false),
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
    let (hold, actor) = (named.id(), signed_in.holder.to_actor());
    let released = hold_acts::release(&server, hold, form.has(WITHOUT_STRIPE), actor, &note).await;
    Ok(match released {
        Ok(_) => redirect_with_notice(&path_of(hold), &notices::RELEASED),
        Err(problem) => act_problem::show(&signed_in, &named, &problem),
    })
}
