//! Problems as pages: what went wrong, and what to do next.

use axum::response::Response;
use maud::{Markup, html};

use super::frame;
use super::language::Language;
use super::navigation::MenuPage;
use super::signed_in::SignedIn;
use crate::http::error::{CompleteResponse, Problem, ProblemCode};

/// Shows a problem of a handler as a page; any other response stays as it is.
pub(super) fn show_instead(signed_in: &SignedIn, mut response: Response) -> Response {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let problem = match response.extensions_mut().remove::<Problem>() {
        Some(problem) => problem,
        None if is_error && response.extensions().get::<CompleteResponse>().is_none() => {
            Problem::from_status(status)
        }
        None => return response,
    };
    let (title, _) = describe(signed_in.language, problem.code());
    let page = signed_in.page(MenuPage::Today, title).status(problem.status());
    page.show(explain(signed_in.language, &problem))
}

/// Shows a problem to somebody who is not signed in.
pub(super) fn show_signed_out(language: Language, problem: &Problem) -> Response {
    let (title, _) = describe(language, problem.code());
    let content = explain(language, problem);
    frame::render_signed_out(language, problem.status(), title, "/console", content)
}

/// Says what went wrong and what to do next. The detail is in English, as in the API.
pub(super) fn explain(language: Language, problem: &Problem) -> Markup {
    let (_, advice) = describe(language, problem.code());
    html! {
        div.problem role="alert" {
            p { (advice) }
            p lang="en" { (problem.detail()) }
            @if !problem.errors().is_empty() {
                ul lang="en" {
                    @for error in problem.errors() {
                        li { strong { (error.field) } " " (error.detail) }
                    }
                }
            }
        }
    }
}

/// Returns what a problem is, and what to do next.
pub(super) fn describe(language: Language, code: ProblemCode) -> (&'static str, &'static str) {
    let (english, german) = match code {
        ProblemCode::Malformed | ProblemCode::Invalid => (
            (
                "Not acceptable",
                "Nothing was changed. Go back, correct what is named here, and send it again.",
            ),
            (
                "Nicht annehmbar",
                "Es wurde nichts geändert. Gehen Sie zurück, berichtigen Sie das Genannte und senden Sie es noch einmal.",
            ),
        ),
        ProblemCode::Unauthorized | ProblemCode::Forbidden => (
            (
                "Not allowed",
                "Nothing was changed. Open the page again, or sign in with a key that may do this.",
            ),
            (
                "Nicht erlaubt",
                "Es wurde nichts geändert. Öffnen Sie die Seite neu, oder melden Sie sich mit einem Schlüssel an, der das darf.",
            ),
        ),
        ProblemCode::NotFound => (
            (
                "Not found",
                "It does not exist, or no longer. Search for it, or choose a page above.",
            ),
            (
                "Nicht gefunden",
                "Das gibt es nicht, oder nicht mehr. Suchen Sie danach, oder wählen Sie oben eine Seite.",
            ),
        ),
        ProblemCode::SlotTaken => (
            ("The slot is taken", "Nothing was changed. Choose another time."),
            (
                "Der Termin ist vergeben",
                "Es wurde nichts geändert. Wählen Sie eine andere Zeit.",
            ),
        ),
        ProblemCode::AlreadyPaid
        | ProblemCode::NotCancellable
        | ProblemCode::NotMovable
        | ProblemCode::Conflict
        | ProblemCode::IdempotencyMismatch => (
            (
                "The state does not allow it",
                "Nothing was changed. It may have changed meanwhile: look at it again, then decide.",
            ),
            (
                "Der Zustand erlaubt es nicht",
                "Es wurde nichts geändert. Vielleicht hat sich inzwischen etwas geändert: sehen Sie noch einmal nach und entscheiden Sie dann.",
            ),
        ),
        ProblemCode::IdempotencyInProgress
        | ProblemCode::TooBusy
        | ProblemCode::RateLimited
        | ProblemCode::TooManyHolds => (
            ("Too much at once", "Wait a moment, then try again."),
            (
                "Zu viel auf einmal",
                "Warten Sie einen Augenblick und versuchen Sie es dann wieder.",
            ),
        ),
        ProblemCode::StripeUnavailable | ProblemCode::StripeRefused => (
            (
                "Stripe did not do it",
                "Look at what it concerns again: it says whether something was changed. Then try again.",
            ),
            (
                "Stripe hat es nicht ausgeführt",
                "Sehen Sie das Betroffene noch einmal an: dort steht, ob etwas geändert wurde. Versuchen Sie es dann wieder.",
            ),
        ),
        ProblemCode::StoreUnavailable => (
            (
                "The database is unavailable",
                "Try again in a minute. If it stays so, look at the database and the log.",
            ),
            (
                "Die Datenbank ist nicht erreichbar",
                "Versuchen Sie es in einer Minute wieder. Wenn es so bleibt, sehen Sie nach der Datenbank und in das Log.",
            ),
        ),
        ProblemCode::BadSignature | ProblemCode::Internal => (
            (
                "An error of the program",
                "The log has the details. Look at what it concerns again before you repeat anything.",
            ),
            (
                "Ein Fehler im Programm",
                "Näheres steht im Log. Sehen Sie das Betroffene noch einmal an, bevor Sie etwas wiederholen.",
            ),
        ),
    };
    language.choose(english, german)
}
