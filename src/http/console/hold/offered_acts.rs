//! What an operator can do to a hold. The rules are those of the acts themselves; the key's scope decides what is offered.

use maud::{Markup, html};

use super::named_booking::{NamedBooking, path_of};
use super::{ask_stripe, cancel, erase, move_to, refund, release, resend};
use crate::http::console::access::Act;
use crate::http::console::components::{ButtonKind, link_button};
use crate::http::console::signed_in::SignedIn;

struct ActWords {
    heading: &'static str,
    none: &'static str,
    release: &'static str,
    cancel: &'static str,
    refund: &'static str,
    move_to: &'static str,
    ask_stripe: &'static str,
    resend: &'static str,
    erase: &'static str,
}

static ENGLISH: ActWords = ActWords {
    heading: "What you can do",
    none: "Your key may only read.",
    release: "Release",
    cancel: "Cancel",
    refund: "Return money",
    move_to: "Move",
    ask_stripe: "Ask Stripe",
    resend: "Send the events again",
    erase: "Erase the guest",
};

static GERMAN: ActWords = ActWords {
    heading: "Was Sie tun können",
    none: "Ihr Schlüssel darf nur lesen.",
    release: "Freigeben",
    cancel: "Stornieren",
    refund: "Geld zurückgeben",
    move_to: "Verschieben",
    ask_stripe: "Stripe fragen",
    resend: "Ereignisse wieder senden",
    erase: "Gast löschen",
};

/// Shows the acts that the hold and the key allow, as links to the pages that ask once.
pub(super) fn show(signed_in: &SignedIn, named: &NamedBooking) -> Markup {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let booking = &named.booking;
    let (main, plain, danger) = (ButtonKind::Main, ButtonKind::Plain, ButtonKind::Danger);
    let offered: [(Act, bool, ButtonKind, &str, &str); 7] = [
        (
            move_to::act(),
            move_to::is_possible(named),
            main,
            "move",
            words.move_to,
        ),
        (
            refund::act(),
            refund::is_possible(booking),
            plain,
            "refund",
            words.refund,
        ),
        (ask_stripe::act(), true, plain, "refresh", words.ask_stripe),
        (resend::act(), true, plain, "resend", words.resend),
        (
            release::act(),
            release::is_possible(booking),
            danger,
            "release",
            words.release,
        ),
        (
            cancel::act(),
            cancel::is_possible(booking),
            danger,
            "cancel",
            words.cancel,
        ),
        (
            erase::act(),
            erase::is_possible(booking),
            danger,
            "erase",
            words.erase,
        ),
    ];
    let mut links = offered
        .into_iter()
        .filter(|(act, is_possible, ..)| *is_possible && signed_in.may(act.scope()))
        .peekable();
    let path = path_of(named.id());
    html! {
        section {
            h2 #acts { (words.heading) }
            @if links.peek().is_none() { p { (words.none) } }
            p.buttons {
                @for (_, _, kind, page, word) in links { (link_button(kind, &format!("{path}/{page}"), word)) }
            }
        }
    }
}
