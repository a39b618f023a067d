//! What needs a person: each matter with what to do about it, and the button.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use maud::html;
use uuid::Uuid;

use self::acts::{SWEEP, retry_act, sweep_act};
use self::command::explain_retry;
use self::sections::list_sections;
use super::access::ConsoleRoutes;
use super::changes;
use super::components::{ButtonKind, Confirmation};
use super::navigation::MenuPage;
use super::notice::{Notice, redirect_with_notice};
use super::signed_in::SignedIn;
use super::states::{Tone, badge};
use crate::domain::ids::CommandId;
use crate::http::admin::commands::CommandView;
use crate::http::admin::sweep::SweepReportView;
use crate::http::audit_trail::AuditNote;
use crate::http::error::Problem;
use crate::http::server::Server;
use crate::workflow::outbox::{self, RetryOutcome};
use crate::workflow::{attention, queries, sweep};

mod acts;
mod command;
mod sections;
mod words;

static NOTICES: [Notice; 4] = [
    Notice {
        code: "swept",
        english: "The sweep has run. What is still listed needs more than that.",
        german: "Der Aufräumlauf ist fertig. Was noch aufgeführt ist, braucht mehr als das.",
    },
    Notice {
        code: "carried-out",
        english: "Stripe has carried out the command.",
        german: "Stripe hat den Befehl ausgeführt.",
    },
    Notice {
        code: "not-carried-out",
        english: "Stripe has not carried out the command. It is still listed, with the error, and is tried again.",
        german: "Stripe hat den Befehl nicht ausgeführt. Er steht weiter in der Liste, mit dem Fehler, und wird wieder versucht.",
    },
    Notice {
        code: "not-decided",
        english: "Stripe has not decided the payment yet. The command asks again by itself.",
        german: "Stripe hat über die Zahlung noch nicht entschieden. Der Befehl fragt von selbst wieder nach.",
    },
];

/// Adds the page and its acts.
pub(super) fn add_routes(routes: ConsoleRoutes) -> ConsoleRoutes {
    let page = MenuPage::Attention;
    routes
        .page(page.path(), page.scope(), get(show))
        .page(SWEEP, sweep_act().scope(), get(ask_sweep))
        .act(SWEEP, sweep_act(), post(run_sweep))
        .page(
            "/console/commands/{id}/retry",
            retry_act().scope(),
            get(ask_retry),
        )
        .act("/console/commands/{id}/retry", retry_act(), post(retry_command))
}

async fn show(State(server): State<Arc<Server>>, signed_in: SignedIn) -> Result<Response, Problem> {
    let language = signed_in.language;
    let words = language.choose(&words::ENGLISH, &words::GERMAN);
    let stream = changes::find_stream(&server).await?;
    let report = attention::load_report(&server.context).await?;
    let sections = list_sections(&signed_in, words, &report);
    let (open, done): (Vec<_>, Vec<_>) = sections.into_iter().partition(|section| section.count > 0);
    let content = html! {
        (changes::note_pause(language))
        div data-live=(stream) {
            @if open.is_empty() { p { (badge(Tone::Good, words.nothing)) } }
            @for section in &open {
                section.card aria-labelledby=(section.id) {
                    h2 id=(section.id) { (section.title) " " (badge(section.tone, &section.count.to_string())) }
                    p { (section.advice) }
                    (section.entries)
                }
            }
            @if !done.is_empty() {
                h2 { (words.fine) }
                ul { @for section in &done { li { (section.title) ": " (section.entries_or_none(words)) } } }
            }
        }
    };
    let title = MenuPage::Attention.title(language);
    Ok(signed_in
        .page(MenuPage::Attention, title)
        .notices(&NOTICES)
        .show(content))
}

async fn ask_sweep(signed_in: SignedIn) -> Response {
    let words = signed_in.language.choose(&words::ENGLISH, &words::GERMAN);
    signed_in.confirm(Confirmation {
        page: MenuPage::Attention,
        title: words.sweep_title,
        explanation: html! { p { (words.sweep_explanation) } },
        button: words.sweep,
        kind: ButtonKind::Main,
        action: SWEEP,
        fields: html! {},
        back: MenuPage::Attention.path(),
    })
}

async fn run_sweep(
    State(server): State<Arc<Server>>,
    Extension(note): Extension<AuditNote>,
) -> Result<Response, Problem> {
    let report = SweepReportView::from(sweep::sweep_once(&server.context).await?);
    note.set_after(&report);
    Ok(redirect_with_notice(MenuPage::Attention.path(), &NOTICES[0]))
}

async fn ask_retry(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let words = signed_in.language.choose(&words::ENGLISH, &words::GERMAN);
    let command = queries::find_pending_command(&server.context, CommandId(id)).await?;
    let command = command.ok_or_else(|| Problem::not_found("pending command"))?;
    Ok(signed_in.confirm(Confirmation {
        page: MenuPage::Attention,
        title: words.retry_title,
        explanation: explain_retry(&signed_in, words, &command),
        button: words.retry,
        kind: ButtonKind::Main,
        action: &format!("/console/commands/{id}/retry"),
        fields: html! {},
        back: MenuPage::Attention.path(),
    }))
}

async fn retry_command(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    Path(id): Path<Uuid>,
    Extension(note): Extension<AuditNote>,
) -> Result<Response, Problem> {
    let actor = signed_in.holder.to_actor();
    match outbox::retry_command(&server.context, CommandId(id), None, actor).await? {
        RetryOutcome::Tried(command) => {
            note.set_after(CommandView::from(&*command));
            let notice = match (command.done_at, command.tries) {
                (Some(_), _) => 1,
                (None, 0) => 3,
                (None, _) => 2,
            };
            Ok(redirect_with_notice(MenuPage::Attention.path(), &NOTICES[notice]))
        }
        // Without a decision there is nothing that could be undecidable.
        RetryOutcome::Missing | RetryOutcome::NothingToDecide => Err(Problem::not_found("pending command")),
    }
}
