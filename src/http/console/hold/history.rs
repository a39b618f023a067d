//! The history of a hold in words, with who did it.

use maud::{Markup, html};

use super::booking::describe_with_reason;
use super::history_german::describe_in_german;
use crate::domain::booking::{Actor, HistoryLine};
use crate::domain::hold::HistoryDetail;
use crate::http::console::components::table;
use crate::http::console::language::Language;
use crate::http::console::signed_in::SignedIn;
use crate::http::console::stripe_links::StripeLinks;

struct HistoryWords {
    history: &'static str,
    caption: &'static str,
    columns: [&'static str; 4],
    unchanged: &'static str,
    checkout: &'static str,
    stripe: &'static str,
    sweep: &'static str,
    guest: &'static str,
    operator: &'static str,
    command: &'static str,
}

static ENGLISH: HistoryWords = HistoryWords {
    history: "History",
    caption: "What happened, the latest first",
    columns: ["When", "What happened", "Status after it", "Who"],
    unchanged: "unchanged",
    checkout: "the checkout",
    stripe: "Stripe",
    sweep: "Holdfast, by its sweep",
    guest: "the guest",
    operator: "an operator",
    command: "Holdfast, by an order to Stripe",
};

static GERMAN: HistoryWords = HistoryWords {
    history: "Verlauf",
    caption: "Was geschah, das Neueste zuerst",
    columns: ["Wann", "Was geschah", "Status danach", "Wer"],
    unchanged: "unverändert",
    checkout: "der Checkout",
    stripe: "Stripe",
    sweep: "Holdfast, beim regelmäßigen Durchgang",
    guest: "der Gast",
    operator: "ein Betreiber",
    command: "Holdfast, durch einen Auftrag an Stripe",
};

/// Shows the history, latest line first.
pub(super) fn show(signed_in: &SignedIn, history: &[HistoryLine], links: StripeLinks) -> Markup {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    html! {
        section {
            h2 #history { (words.history) }
            (table(words.caption, &words.columns, html! {
                @for line in history.iter().rev() {
                    tr {
                        td { (signed_in.time(line.at)) }
                        td { (describe_line(signed_in, line)) }
                        td {
                            @if line.from == Some(line.to) { (words.unchanged) }
                            @else { (describe_with_reason(line.to, signed_in.language)) }
                        }
                        td { (show_actor(&line.actor, words, links)) }
                    }
                }
            }))
        }
    }
}

fn show_actor(actor: &Actor, words: &HistoryWords, links: StripeLinks) -> Markup {
    html! {
        @match actor {
            Actor::Checkout => { (words.checkout) }
            Actor::Event(id) => { (words.stripe) " (" (links.event(id.as_str())) ")" }
            Actor::Sweep => { (words.sweep) }
            Actor::Guest => { (words.guest) }
            Actor::Operator(Some(name)) => { strong { (name) } }
            Actor::Operator(None) => { (words.operator) }
            Actor::Command => { (words.command) }
        }
    }
}

/// Says in words what happened. Amounts and times are written for people; the rest is the stored sentence, or its German one.
fn describe_line(signed_in: &SignedIn, line: &HistoryLine) -> String {
    let language = signed_in.language;
    let sentence = match language {
        Language::English => None,
        Language::German => describe_in_german(&line.transition),
    };
    match HistoryDetail::parse(&line.transition, &line.message) {
        Some(HistoryDetail::Returned(money, note)) => {
            let (english, german) = match line.transition.as_str() {
                "settled_outside" => ("settled elsewhere", "außerhalb von Stripe beglichen"),
                _ => ("a refund is ordered", "eine Erstattung ist beauftragt"),
            };
            format!(
                "{}: {}. {note}",
                language.choose(english, german),
                signed_in.money(money)
            )
        }
        Some(HistoryDetail::Moved(from, to)) => {
            let (from, to) = (signed_in.moment(from), signed_in.moment(to));
            match language {
                Language::English => format!("moved from {from} to {to}"),
                Language::German => format!("verschoben von {from} auf {to}"),
            }
        }
        Some(
            HistoryDetail::Note(detail) | HistoryDetail::Failure(detail) | HistoryDetail::Resources(detail),
        ) => sentence.map_or_else(
            || line.message.clone(),
            |sentence| format!("{sentence}: {detail}"),
        ),
        None => sentence.map_or_else(|| line.message.clone(), str::to_owned),
    }
}
