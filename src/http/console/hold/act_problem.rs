//! Says why an act on a hold was not done, and what to do next.

use axum::response::Response;
use maud::html;

use super::named_booking::{NamedBooking, path_of};
use crate::http::console::components::{ButtonKind, link_button};
use crate::http::console::navigation::MenuPage;
use crate::http::console::problem_page::describe;
use crate::http::console::signed_in::SignedIn;
use crate::http::error::{Problem, ProblemCode};

/// Shows the problem of an act on a hold, with the pages on which an operator can go on.
pub(super) fn show(signed_in: &SignedIn, named: &NamedBooking, problem: &Problem) -> Response {
    let language = signed_in.language;
    let (_, general) = describe(language, problem.code());
    let advice = advise(problem.code()).map_or(general, |(english, german)| language.choose(english, german));
    show_with_advice(signed_in, named, problem, advice)
}

/// Shows the problem of an act with the act's own advice.
pub(super) fn show_with_advice(
    signed_in: &SignedIn,
    named: &NamedBooking,
    problem: &Problem,
    advice: &str,
) -> Response {
    let language = signed_in.language;
    let (title, _) = describe(language, problem.code());
    let path = path_of(named.id());
    let next = match problem.code() {
        ProblemCode::SlotTaken => Some(("move", "Choose another slot", "Anderen Termin wählen")),
        ProblemCode::StripeUnavailable => Some(("refresh", "Ask Stripe", "Stripe fragen")),
        _ => None,
    };
    let page = signed_in.page(MenuPage::Search, title).status(problem.status());
    page.show(html! {
        p { strong { (named.summary(signed_in)) } }
        div.problem role="alert" {
            p { (advice) }
            p lang="en" { (problem.detail()) }
            @for error in problem.errors() {
                p lang="en" { strong { (error.field) } " " (error.detail) }
            }
        }
        div.buttons {
            @if let Some((page, english, german)) = next {
                (link_button(ButtonKind::Main, &format!("{path}/{page}"), language.choose(english, german)))
            }
            (link_button(ButtonKind::Plain, &path, language.choose("Show the hold", "Reservierung ansehen")))
        }
    })
}

/// Says in both languages what an operator can do after a problem; `None` if there is nothing special to holds.
fn advise(code: ProblemCode) -> Option<(&'static str, &'static str)> {
    Some(match code {
        ProblemCode::SlotTaken => (
            "The slot is taken now, and the booking is where it was. Choose another slot.",
            "Der Termin ist inzwischen vergeben, die Buchung ist geblieben, wo sie war. Wählen Sie einen anderen Termin.",
        ),
        ProblemCode::AlreadyPaid => (
            "The guest has paid, or a payment is in progress, so the hold keeps its slot. Once it is booked, you can cancel it and decide about the money.",
            "Der Gast hat bezahlt, oder eine Zahlung läuft, deshalb behält die Reservierung ihren Termin. Sobald sie gebucht ist, können Sie sie stornieren und über das Geld entscheiden.",
        ),
        ProblemCode::NotCancellable => (
            "Only a booking that is paid can be cancelled. Check the status: a hold that is not paid can be released.",
            "Nur eine bezahlte Buchung kann storniert werden. Sehen Sie nach ihrem Status: eine unbezahlte Reservierung können Sie freigeben.",
        ),
        ProblemCode::NotMovable => (
            "The booking cannot be moved: it has ended, or its event type is no longer on sale. Put the event type on sale again, or cancel the booking.",
            "Die Buchung kann nicht verschoben werden: sie ist beendet, oder ihr Angebot ist nicht mehr im Verkauf. Nehmen Sie das Angebot wieder in den Verkauf, oder stornieren Sie die Buchung.",
        ),
        ProblemCode::Conflict => (
            "Nothing was changed. Something has happened meanwhile: look at the hold again, then decide anew.",
            "Es wurde nichts geändert. Inzwischen ist etwas geschehen: sehen Sie die Reservierung noch einmal an und entscheiden Sie dann neu.",
        ),
        ProblemCode::StripeUnavailable => (
            "Stripe did not say what became of the payment, so the hold keeps its slot. Try again in a minute.",
            "Stripe hat nicht gesagt, was aus der Zahlung geworden ist, deshalb behält die Reservierung ihren Termin. Versuchen Sie es in einer Minute wieder.",
        ),
        _ => return None,
    })
}
