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

/// What a problem is, and what to do next.
struct ProblemWords {
    english: (&'static str, &'static str),
    german: (&'static str, &'static str),
}

static NOT_ACCEPTABLE: ProblemWords = ProblemWords {
    english: (
        "Not acceptable",
        "Nothing was changed. Go back, correct what is named here, and send it again.",
    ),
    german: (
        "Nicht annehmbar",
        "Es wurde nichts geändert. Gehen Sie zurück, berichtigen Sie das Genannte und senden Sie es noch einmal.",
    ),
};

static NOT_ALLOWED: ProblemWords = ProblemWords {
    english: (
        "Not allowed",
        "Nothing was changed. Open the page again, or sign in with a key that may do this.",
    ),
    german: (
        "Nicht erlaubt",
        "Es wurde nichts geändert. Öffnen Sie die Seite neu, oder melden Sie sich mit einem Schlüssel an, der das darf.",
    ),
};

static NOT_FOUND: ProblemWords = ProblemWords {
    english: (
        "Not found",
        "It does not exist, or no longer. Search for it, or choose a page above.",
    ),
    german: (
        "Nicht gefunden",
        "Das gibt es nicht, oder nicht mehr. Suchen Sie danach, oder wählen Sie oben eine Seite.",
    ),
};

static SLOT_TAKEN: ProblemWords = ProblemWords {
    english: ("The slot is taken", "Nothing was changed. Choose another time."),
    german: (
        "Der Termin ist vergeben",
        "Es wurde nichts geändert. Wählen Sie eine andere Zeit.",
    ),
};

static CONFLICT: ProblemWords = ProblemWords {
    english: (
        "The state does not allow it",
        "Nothing was changed. The state may be another one by now: open the page again, then decide.",
    ),
    german: (
        "Der Zustand erlaubt es nicht",
        "Es wurde nichts geändert. Vielleicht ist der Zustand inzwischen ein anderer: öffnen Sie die Seite neu und entscheiden Sie dann.",
    ),
};

static TOO_MUCH: ProblemWords = ProblemWords {
    english: ("Too much at once", "Wait a moment, then try again."),
    german: (
        "Zu viel auf einmal",
        "Warten Sie einen Augenblick und versuchen Sie es dann wieder.",
    ),
};

static STRIPE: ProblemWords = ProblemWords {
    english: (
        "Stripe did not do it",
        "Open what it concerns again: the page says whether something was changed. Then try again.",
    ),
    german: (
        "Stripe hat es nicht ausgeführt",
        "Öffnen Sie das Betroffene neu: dort steht, ob etwas geändert wurde. Versuchen Sie es dann wieder.",
    ),
};

static NO_DATABASE: ProblemWords = ProblemWords {
    english: (
        "The database is unavailable",
        "Try again in a minute. If it stays so, look after the database, and read the log.",
    ),
    german: (
        "Die Datenbank ist nicht erreichbar",
        "Versuchen Sie es in einer Minute wieder. Wenn es so bleibt, prüfen Sie die Datenbank und lesen Sie das Log.",
    ),
};

static PROGRAM: ProblemWords = ProblemWords {
    english: (
        "An error of the program",
        "The log has the details. Open what it concerns again before you repeat anything.",
    ),
    german: (
        "Ein Fehler im Programm",
        "Näheres steht im Log. Öffnen Sie das Betroffene neu, bevor Sie etwas wiederholen.",
    ),
};

/// Returns what a problem is, and what to do next.
pub(super) fn describe(language: Language, code: ProblemCode) -> (&'static str, &'static str) {
    let words = match code {
        ProblemCode::Malformed | ProblemCode::Invalid => &NOT_ACCEPTABLE,
        ProblemCode::Unauthorized | ProblemCode::Forbidden => &NOT_ALLOWED,
        ProblemCode::NotFound => &NOT_FOUND,
        ProblemCode::SlotTaken => &SLOT_TAKEN,
        ProblemCode::AlreadyPaid
        | ProblemCode::NotCancellable
        | ProblemCode::NotMovable
        | ProblemCode::Conflict
        | ProblemCode::IdempotencyMismatch => &CONFLICT,
        ProblemCode::IdempotencyInProgress
        | ProblemCode::TooBusy
        | ProblemCode::RateLimited
        | ProblemCode::TooManyHolds => &TOO_MUCH,
        ProblemCode::StripeUnavailable | ProblemCode::StripeRefused => &STRIPE,
        ProblemCode::StoreUnavailable => &NO_DATABASE,
        ProblemCode::BadSignature | ProblemCode::Internal => &PROGRAM,
    };
    language.choose(words.english, words.german)
}
