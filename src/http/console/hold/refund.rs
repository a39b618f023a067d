//! Returns money without cancelling: first how much, then a preview that asks once, then the act.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, html};
use serde_json::json;

use super::cancel::{SEEN, parse_nonce, parse_seen, refuse};
use super::named_booking::{NamedBooking, path_of};
use super::{act_problem, notices, preview};
use crate::domain::booking::{Actor, Booking};
use crate::domain::hold::{MoneyPreview, ReturnFault, ReturnWay, TooMuchToReturn, find_most_returnable};
use crate::domain::ids::HoldId;
use crate::domain::money::Money;
use crate::http::audit_trail::AuditNote;
use crate::http::console::access::{Act, ConsoleRoutes};
use crate::http::console::components::{ButtonKind, Confirmation, Field, hidden, link_button, nonce, submit};
use crate::http::console::form_status;
use crate::http::console::form_values::{FormValues, QueryValues};
use crate::http::console::navigation::MenuPage;
use crate::http::console::notice::redirect_with_notice;
use crate::http::console::signed_in::SignedIn;
use crate::http::error::Problem;
use crate::http::field_values::parse_note;
use crate::http::hold_acts;
use crate::http::idempotency_key::digest_body;
use crate::http::path_id::PathId;
use crate::http::server::Server;
use crate::workflow::return_money::ReturnRequest;

const PATH: &str = "/console/holds/{id}/refund";
const WAY: &str = "way";
const AMOUNT: &str = "amount";
const NOTE: &str = "note";

struct RefundWords {
    title: &'static str,
    nothing: &'static str,
    most: &'static str,
    most_outside: &'static str,
    way: &'static str,
    by_stripe: &'static str,
    outside: &'static str,
    amount: &'static str,
    amount_help: &'static str,
    next: &'static str,
    back: &'static str,
    not_an_amount: &'static str,
    too_much: &'static str,
    fraction: &'static str,
    question: &'static str,
    question_outside: &'static str,
    stays: &'static str,
    records: &'static str,
    note: &'static str,
    note_help: &'static str,
    note_error: &'static str,
    button: &'static str,
    button_outside: &'static str,
}

static ENGLISH: RefundWords = RefundWords {
    title: "Return money",
    nothing: "There is no money of this hold that can go back.",
    most: "At most this much can go back by a refund at Stripe:",
    most_outside: "At most this much is due back and can be recorded as settled elsewhere:",
    way: "How does it go back?",
    by_stripe: "By a refund at Stripe",
    outside: "It was settled elsewhere, such as in cash: only record it",
    amount: "Amount",
    amount_help: "Without the currency, such as 12.50.",
    next: "Show what will happen",
    back: "Back, change nothing",
    not_an_amount: "Enter an amount such as 12.50.",
    too_much: "At most this much can go back this way:",
    fraction: "Stripe refunds no smaller fractions. Enter a multiple of",
    question: "Order this refund?",
    question_outside: "Record that this was settled elsewhere?",
    stays: "This does not cancel the booking. A refund at Stripe cannot be taken back.",
    records: "Nothing is ordered at Stripe. The money no longer counts as due back.",
    note: "Why, for the history",
    note_help: "Only operators see it. At most 500 characters.",
    note_error: "Say why, with at most 500 characters in one line.",
    button: "Order the refund",
    button_outside: "Record it",
};

static GERMAN: RefundWords = RefundWords {
    title: "Geld zurückgeben",
    nothing: "Zu dieser Reservierung gibt es kein Geld, das zurückgehen kann.",
    most: "So viel kann durch eine Erstattung bei Stripe höchstens zurückgehen:",
    most_outside: "So viel ist zurückzugeben und kann höchstens als außerhalb beglichen vermerkt werden:",
    way: "Wie geht es zurück?",
    by_stripe: "Durch eine Erstattung bei Stripe",
    outside: "Es wurde außerhalb von Stripe beglichen, etwa bar: nur vermerken",
    amount: "Betrag",
    amount_help: "Ohne die Währung, zum Beispiel 12,50.",
    next: "Zeigen, was geschehen wird",
    back: "Zurück, nichts ändern",
    not_an_amount: "Geben Sie einen Betrag wie 12,50 ein.",
    too_much: "So viel kann auf diesem Weg höchstens zurückgehen:",
    fraction: "Stripe erstattet keine kleineren Bruchteile. Geben Sie ein Vielfaches an von",
    question: "Diese Erstattung beauftragen?",
    question_outside: "Vermerken, dass dies außerhalb von Stripe beglichen wurde?",
    stays: "Die Buchung wird dadurch nicht storniert. Eine Erstattung bei Stripe lässt sich nicht zurücknehmen.",
    records: "Bei Stripe wird nichts beauftragt. Das Geld zählt nicht mehr als zurückzugeben.",
    note: "Warum, für den Verlauf",
    note_help: "Nur Betreiber sehen es. Höchstens 500 Zeichen.",
    note_error: "Sagen Sie, warum: höchstens 500 Zeichen in einer Zeile.",
    button: "Erstattung beauftragen",
    button_outside: "Vermerken",
};

/// Returns the act, as the audit trail names it.
pub(super) fn act() -> Act {
    Act::of("POST", "/v1/admin/holds/{id}/refund")
}

/// Tells whether any money can go back.
pub(super) fn is_possible(booking: &Booking) -> bool {
    let ways = [ReturnWay::Refund, ReturnWay::Outside];
    ways.into_iter()
        .any(|way| find_most_returnable(&booking.hold, way) > 0)
}

pub(super) fn add_routes(routes: ConsoleRoutes) -> ConsoleRoutes {
    routes
        .page(PATH, act().scope(), get(choose))
        .page("/console/holds/{id}/refund/confirm", act().scope(), get(ask))
        .act(PATH, act(), post(refund))
}

async fn choose(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    signed_in: SignedIn,
) -> Result<Response, Problem> {
    let named = NamedBooking::load(&server, &id).await?;
    Ok(show_form(&signed_in, &named, &FormValues::default(), None))
}

fn show_form(
    signed_in: &SignedIn,
    named: &NamedBooking,
    values: &FormValues,
    fault: Option<&str>,
) -> Response {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let (path, hold) = (path_of(named.id()), &named.booking.hold);
    let currency = hold.ledger_currency();
    let most = |way| Money {
        amount: find_most_returnable(hold, way),
        currency,
    };
    let (refundable, outside) = (most(ReturnWay::Refund), most(ReturnWay::Outside));
    let status = form_status::of_form(fault);
    let page = signed_in.page(MenuPage::Search, words.title).status(status);
    if refundable.amount == 0 && outside.amount == 0 {
        return page.show(html! {
            p { strong { (named.summary(signed_in)) } }
            p { (words.nothing) }
            div.buttons { (link_button(ButtonKind::Plain, &path, words.back)) }
        });
    }
    let amount = Field {
        name: AMOUNT,
        label: words.amount,
        help: words.amount_help,
        value: values.text(AMOUNT).unwrap_or_default(),
        is_required: true,
        error: fault,
        ..Field::default()
    };
    page.show(html! {
        p { strong { (named.summary(signed_in)) } }
        p { (words.most) " " strong { (signed_in.money(refundable)) } }
        @if outside.amount > 0 { p { (words.most_outside) " " strong { (signed_in.money(outside)) } } }
        form.stack method="get" action={ (path) "/refund/confirm" } {
            (show_ways(values, outside.amount > 0, words))
            (amount.show())
            div.buttons {
                (submit(ButtonKind::Main, words.next))
                (link_button(ButtonKind::Plain, &path, words.back))
            }
        }
    })
}

fn show_ways(values: &FormValues, has_outside: bool, words: &RefundWords) -> Markup {
    let chosen = values.text(WAY).unwrap_or("stripe");
    let choices = [("stripe", words.by_stripe), ("outside", words.outside)];
    html! {
        @if has_outside {
            fieldset {
                legend { (words.way) }
                @for (value, label) in choices {
                    div.check {
                        input id={ "way-" (value) } type="radio" name=(WAY) value=(value) checked[value == chosen];
                        label for={ "way-" (value) } { (label) }
                    }
                }
            }
        }
    }
}

fn parse_way(values: &FormValues) -> ReturnWay {
    match values.text(WAY) {
        Some("outside") => ReturnWay::Outside,
        _ => ReturnWay::Refund,
    }
}

/// Reads the amount; at least the smallest unit.
fn parse_amount(signed_in: &SignedIn, values: &FormValues, booking: &Booking) -> Option<i64> {
    let text = values.text(AMOUNT).unwrap_or_default();
    let money = signed_in.read_amount(text, booking.hold.ledger_currency())?;
    Some(money.amount).filter(|amount| *amount > 0)
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

/// Shows what the return will do, and asks once.
fn ask_about(
    signed_in: &SignedIn,
    named: &NamedBooking,
    values: &FormValues,
    note_fault: Option<&str>,
) -> Response {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let (booking, way) = (&named.booking, parse_way(values));
    let Some(amount) = parse_amount(signed_in, values, booking) else {
        return show_form(signed_in, named, values, Some(words.not_an_amount));
    };
    let request = build_request(named.id(), amount, way, String::new(), Actor::Operator(None));
    let transition = match request.decide(booking) {
        Ok(transition) => transition,
        Err(fault) => {
            let (text, amount) = match fault {
                ReturnFault::TooMuch(TooMuchToReturn(most)) => (words.too_much, most),
                ReturnFault::Fraction(step) => (words.fraction, step),
            };
            let currency = booking.hold.ledger_currency();
            let bound = signed_in.money(Money { amount, currency });
            return show_form(signed_in, named, values, Some(&format!("{text} {bound}")));
        }
    };
    let (title, explanation, button) = match way {
        ReturnWay::Refund => (words.question, words.stays, words.button),
        ReturnWay::Outside => (words.question_outside, words.records, words.button_outside),
    };
    let path = path_of(named.id());
    signed_in.confirm(Confirmation {
        page: MenuPage::Search,
        title,
        explanation: html! {
            p { strong { (named.summary(signed_in)) } }
            p { (explanation) }
            (show_preview(signed_in, way, &transition.preview_money(&booking.hold)))
        },
        button,
        kind: ButtonKind::Danger,
        action: &format!("{path}/refund"),
        fields: show_fields(values, booking, words, note_fault),
        back: &path,
    })
}

/// Shows what goes back by a refund; what is only recorded moves no money.
fn show_preview(signed_in: &SignedIn, way: ReturnWay, preview: &MoneyPreview) -> Markup {
    match way {
        ReturnWay::Refund => preview::show(signed_in, preview),
        ReturnWay::Outside => preview::show_places(signed_in, preview),
    }
}

fn show_fields(
    values: &FormValues,
    booking: &Booking,
    words: &RefundWords,
    note_fault: Option<&str>,
) -> Markup {
    let note = Field {
        name: NOTE,
        label: words.note,
        help: words.note_help,
        value: values.text(NOTE).unwrap_or_default(),
        is_required: true,
        error: note_fault,
        ..Field::default()
    };
    html! {
        (hidden(WAY, values.text(WAY).unwrap_or_default()))
        (hidden(AMOUNT, values.text(AMOUNT).unwrap_or_default()))
        (hidden(SEEN, &booking.version.to_string()))
        (nonce())
        (note.show())
    }
}

/// Builds the request to return money. Its fingerprint is that of the same request to the API.
fn build_request(hold: HoldId, amount: i64, way: ReturnWay, note: String, actor: Actor) -> ReturnRequest {
    let body = json!({"amount": amount, "note": note, "outside": way == ReturnWay::Outside});
    ReturnRequest {
        hold,
        amount,
        way,
        fingerprint: digest_body(&json!({"hold": hold.0, "body": body})),
        note,
        actor,
        key: None,
        seen: None,
    }
}

async fn refund(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    signed_in: SignedIn,
    Extension(note): Extension<AuditNote>,
    form: FormValues,
) -> Result<Response, Problem> {
    let named = NamedBooking::load(&server, &id).await?;
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let (hold, way) = (named.id(), parse_way(&form));
    let Some(amount) = parse_amount(&signed_in, &form, &named.booking) else {
        return Ok(show_form(&signed_in, &named, &form, Some(words.not_an_amount)));
    };
    let Some(text) = form.text(NOTE).and_then(parse_note) else {
        let asked = ask_about(&signed_in, &named, &form, Some(words.note_error));
        return Ok(refuse(asked));
    };
    // A form without either was not made by the preview.
    let Some((seen, key)) = parse_seen(&form).zip(parse_nonce(&form)) else {
        return Ok(act_problem::show(&signed_in, &named, &Problem::hold_changed()));
    };
    let request = ReturnRequest {
        key: Some(key),
        seen: Some(seen),
        ..build_request(hold, amount, way, text, signed_in.holder.to_actor())
    };
    let notice = match way {
        ReturnWay::Refund => &notices::REFUNDED,
        ReturnWay::Outside => &notices::SETTLED,
    };
    Ok(match hold_acts::return_money(&server, request, &note).await {
        Ok(_) => redirect_with_notice(&path_of(hold), notice),
        Err(problem) => act_problem::show(&signed_in, &named, &problem),
    })
}
