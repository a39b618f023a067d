//! Cancels a paid booking: first how much goes back, then a preview that asks once, then the act.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, html};
use serde_json::json;
use uuid::Uuid;

use super::named_booking::{NamedBooking, path_of};
use super::{act_problem, notices, preview};
use crate::domain::booking::Booking;
use crate::domain::hold::{CancelError, Refund, Transition};
use crate::domain::ids::IdempotencyKey;
use crate::domain::money::Money;
use crate::http::audit_trail::AuditNote;
use crate::http::console::access::{Act, ConsoleRoutes};
use crate::http::console::components::{
    ButtonKind, Confirmation, Field, NONCE, hidden, link_button, nonce, submit,
};
use crate::http::console::form_status;
use crate::http::console::form_values::{FormValues, QueryValues};
use crate::http::console::navigation::MenuPage;
use crate::http::console::notice::redirect_with_notice;
use crate::http::console::signed_in::SignedIn;
use crate::http::error::Problem;
use crate::http::field_values::parse_note;
use crate::http::hold_acts::{self, SeenAct};
use crate::http::idempotency_key::digest_body;
use crate::http::path_id::PathId;
use crate::http::server::Server;
use crate::workflow::cancel_hold::{Cancellation, SeenHold};

const PATH: &str = "/console/holds/{id}/cancel";
const REFUND: &str = "refund";
const AMOUNT: &str = "amount";
const NOTE: &str = "note";
/// The version of the hold that the preview was made from.
pub(super) const SEEN: &str = "seen";

struct CancelWords {
    title: &'static str,
    how_much: &'static str,
    full: &'static str,
    part: &'static str,
    none: &'static str,
    amount: &'static str,
    amount_help: &'static str,
    next: &'static str,
    back: &'static str,
    choose: &'static str,
    not_an_amount: &'static str,
    too_much: &'static str,
    fraction: &'static str,
    question: &'static str,
    slot: &'static str,
    note: &'static str,
    note_help: &'static str,
    note_error: &'static str,
    button: &'static str,
    already_over: &'static str,
}

static ENGLISH: CancelWords = CancelWords {
    title: "Cancel this booking",
    how_much: "How much goes back?",
    full: "All that has not gone back yet",
    part: "A part of it",
    none: "Nothing: the shop keeps it",
    amount: "Amount, if a part goes back",
    amount_help: "Without the currency, such as 12.50.",
    next: "Show what will happen",
    back: "Back, change nothing",
    choose: "Choose how much goes back.",
    not_an_amount: "Enter an amount such as 12.50.",
    too_much: "At most this much can go back:",
    fraction: "Stripe refunds no smaller fractions. Enter a multiple of",
    question: "Cancel this booking for good?",
    slot: "The slot is for sale again at once. A cancelled booking does not come back.",
    note: "Note for the history",
    note_help: "Only operators see it. At most 500 characters.",
    note_error: "Use at most 500 characters in one line.",
    button: "Cancel the booking",
    already_over: "This booking was already cancelled. Your choice about the money was not carried out. Look at the hold: it says who cancelled it, and what goes back.",
};

static GERMAN: CancelWords = CancelWords {
    title: "Diese Buchung stornieren",
    how_much: "Wie viel geht zurück?",
    full: "Alles, was noch nicht zurückgegangen ist",
    part: "Ein Teil davon",
    none: "Nichts: der Shop behält es",
    amount: "Betrag, falls ein Teil zurückgeht",
    amount_help: "Ohne die Währung, zum Beispiel 12,50.",
    next: "Zeigen, was geschehen wird",
    back: "Zurück, nichts ändern",
    choose: "Wählen Sie, wie viel zurückgeht.",
    not_an_amount: "Geben Sie einen Betrag wie 12,50 ein.",
    too_much: "So viel kann höchstens zurückgehen:",
    fraction: "Stripe erstattet keine kleineren Bruchteile. Geben Sie ein Vielfaches an von",
    question: "Diese Buchung endgültig stornieren?",
    slot: "Der Termin ist sofort wieder im Verkauf. Eine stornierte Buchung kommt nicht zurück.",
    note: "Notiz für den Verlauf",
    note_help: "Nur Betreiber sehen sie. Höchstens 500 Zeichen.",
    note_error: "Höchstens 500 Zeichen in einer Zeile.",
    button: "Buchung stornieren",
    already_over: "Diese Buchung war schon storniert. Ihre Wahl zum Geld wurde nicht ausgeführt. Sehen Sie die Reservierung an: dort steht, wer sie storniert hat und was zurückgeht.",
};

/// Returns the act, as the audit trail names it.
pub(super) fn act() -> Act {
    Act::of("POST", "/v1/admin/holds/{id}/cancel")
}

/// Tells whether the booking can be cancelled.
pub(super) fn is_possible(booking: &Booking) -> bool {
    decide(booking, Refund::None).is_ok()
}

pub(super) fn add_routes(routes: ConsoleRoutes) -> ConsoleRoutes {
    routes
        .page(PATH, act().scope(), get(choose))
        .page("/console/holds/{id}/cancel/confirm", act().scope(), get(ask))
        .act(PATH, act(), post(cancel))
}

fn decide(booking: &Booking, refund: Refund) -> Result<Transition, CancelError> {
    let cancellation = Cancellation { refund, note: None };
    cancellation.decide(booking)
}

async fn choose(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    signed_in: SignedIn,
) -> Result<Response, Problem> {
    let named = NamedBooking::load(&server, &id).await?;
    Ok(match decide(&named.booking, Refund::None) {
        Ok(_) => show_form(&signed_in, &named, &FormValues::default(), None),
        Err(error) => act_problem::show(&signed_in, &named, &hold_acts::refuse_cancellation(error)),
    })
}

fn show_form(
    signed_in: &SignedIn,
    named: &NamedBooking,
    values: &FormValues,
    fault: Option<&str>,
) -> Response {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let path = path_of(named.id());
    let amount = Field {
        name: AMOUNT,
        label: words.amount,
        help: words.amount_help,
        value: values.text(AMOUNT).unwrap_or_default(),
        error: fault,
        ..Field::default()
    };
    let chosen = values.text(REFUND).unwrap_or("full");
    let choices = [("full", words.full), ("part", words.part), ("none", words.none)];
    let status = form_status::of_form(fault);
    signed_in.page(MenuPage::Search, words.title).status(status).show(html! {
        p { strong { (named.summary(signed_in)) } }
        form.stack method="get" action={ (path) "/cancel/confirm" } {
            fieldset {
                legend { (words.how_much) }
                @for (value, label) in choices {
                    div.check {
                        input id={ "refund-" (value) } type="radio" name=(REFUND) value=(value) checked[value == chosen];
                        label for={ "refund-" (value) } { (label) }
                    }
                }
            }
            (amount.show())
            div.buttons {
                (submit(ButtonKind::Main, words.next))
                (link_button(ButtonKind::Plain, &path, words.back))
            }
        }
    })
}

/// Reads how much goes back.
fn parse_refund(
    signed_in: &SignedIn,
    values: &FormValues,
    booking: &Booking,
    words: &CancelWords,
) -> Result<Refund, &'static str> {
    match values.text(REFUND) {
        Some("full") => Ok(Refund::Full),
        Some("none") => Ok(Refund::None),
        Some("part") => {
            let text = values.text(AMOUNT).unwrap_or_default();
            let money = signed_in.read_amount(text, booking.hold.ledger_currency());
            let money = money
                .filter(|money| money.amount > 0)
                .ok_or(words.not_an_amount)?;
            Ok(Refund::Part(money.amount))
        }
        _ => Err(words.choose),
    }
}

async fn ask(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    signed_in: SignedIn,
    query: QueryValues,
) -> Result<Response, Problem> {
    let named = NamedBooking::load(&server, &id).await?;
    Ok(ask_about(&signed_in, &named, &query, None))
}

/// Shows what the cancellation will do, and asks once.
fn ask_about(
    signed_in: &SignedIn,
    named: &NamedBooking,
    values: &FormValues,
    note_fault: Option<&str>,
) -> Response {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let booking = &named.booking;
    let refund = match parse_refund(signed_in, values, booking, words) {
        Ok(refund) => refund,
        Err(fault) => return show_form(signed_in, named, values, Some(fault)),
    };
    let transition = match decide(booking, refund) {
        Ok(transition) => transition,
        Err(error) => {
            let (text, amount) = match error {
                CancelError::TooMuch(most) => (words.too_much, most),
                CancelError::Fraction(step) => (words.fraction, step),
                CancelError::NotConfirmed => {
                    return act_problem::show(signed_in, named, &hold_acts::refuse_cancellation(error));
                }
            };
            let currency = booking.hold.ledger_currency();
            let bound = signed_in.money(Money { amount, currency });
            return show_form(signed_in, named, values, Some(&format!("{text} {bound}")));
        }
    };
    let path = path_of(named.id());
    signed_in.confirm(Confirmation {
        page: MenuPage::Search,
        title: words.question,
        explanation: html! {
            p { strong { (named.summary(signed_in)) } }
            p { (words.slot) }
            (preview::show(signed_in, &transition.preview_money(&booking.hold)))
        },
        button: words.button,
        kind: ButtonKind::Danger,
        action: &format!("{path}/cancel"),
        fields: show_fields(values, booking, words, note_fault),
        back: &path,
    })
}

fn show_fields(
    values: &FormValues,
    booking: &Booking,
    words: &CancelWords,
    note_fault: Option<&str>,
) -> Markup {
    let note = Field {
        name: NOTE,
        label: words.note,
        help: words.note_help,
        value: values.text(NOTE).unwrap_or_default(),
        error: note_fault,
        ..Field::default()
    };
    html! {
        (hidden(REFUND, values.text(REFUND).unwrap_or_default()))
        (hidden(AMOUNT, values.text(AMOUNT).unwrap_or_default()))
        (hidden(SEEN, &booking.version.to_string()))
        (nonce())
        (note.show())
    }
}

async fn cancel(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    signed_in: SignedIn,
    Extension(note): Extension<AuditNote>,
    form: FormValues,
) -> Result<Response, Problem> {
    let named = NamedBooking::load(&server, &id).await?;
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let refund = match parse_refund(&signed_in, &form, &named.booking, words) {
        Ok(refund) => refund,
        Err(fault) => return Ok(show_form(&signed_in, &named, &form, Some(fault))),
    };
    let Some(text) = form
        .text(NOTE)
        .map_or(Some(None), |text| parse_note(text).map(Some))
    else {
        let asked = ask_about(&signed_in, &named, &form, Some(words.note_error));
        return Ok(refuse(asked));
    };
    // A form without either was not made by the preview.
    let Some((version, key)) = parse_seen(&form).zip(parse_nonce(&form)) else {
        return Ok(act_problem::show(&signed_in, &named, &Problem::hold_changed()));
    };
    let (hold, actor) = (named.id(), signed_in.holder.to_actor());
    let choice = [form.text(REFUND), form.text(AMOUNT), text.as_deref()];
    let seen = SeenHold {
        version,
        key,
        fingerprint: digest_body(&json!({"cancel": hold.0, "choice": choice})),
    };
    let cancellation = Cancellation { refund, note: text };
    let cancelled = hold_acts::cancel_as_seen(&server, hold, seen, cancellation, actor, &note).await;
    Ok(match cancelled {
        Ok(SeenAct::Done) => redirect_with_notice(&path_of(hold), &notices::CANCELLED),
        Ok(SeenAct::AlreadyOver) => {
            let problem = SeenAct::already_over();
            act_problem::show_with_advice(&signed_in, &named, &problem, words.already_over)
        }
        Err(problem) => act_problem::show(&signed_in, &named, &problem),
    })
}

/// Reads the version of the hold that the page showed before the act.
pub(super) fn parse_seen(form: &FormValues) -> Option<i64> {
    form.text(SEEN)?.parse().ok()
}

/// Reads what tells a form that is sent twice from two forms.
pub(super) fn parse_nonce(form: &FormValues) -> Option<IdempotencyKey> {
    let nonce = Uuid::try_parse(form.text(NONCE)?).ok()?;
    Some(IdempotencyKey::from_uuid(nonce))
}

/// Gives a page that asks again the status of a refusal.
pub(super) fn refuse(mut page: Response) -> Response {
    *page.status_mut() = form_status::of_form(Some(""));
    page
}
