//! What an act will do to the money, before it is confirmed.

use maud::{Markup, html};

use super::money::show_sums;
use crate::domain::hold::MoneyPreview;
use crate::http::console::signed_in::SignedIn;

struct PreviewWords {
    nothing: &'static str,
    goes_back: &'static str,
    caption: &'static str,
}

static ENGLISH: PreviewWords = PreviewWords {
    nothing: "No money goes back.",
    goes_back: "Goes back to the guest:",
    caption: "The money of this booking",
};

static GERMAN: PreviewWords = PreviewWords {
    nothing: "Es geht kein Geld zurück.",
    goes_back: "Geht an den Gast zurück:",
    caption: "Das Geld dieser Buchung",
};

/// Shows what goes back, and where the money is before and after.
pub(super) fn show(signed_in: &SignedIn, preview: &MoneyPreview) -> Markup {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    html! {
        @match preview.refunds.as_slice() {
            [] => p { strong { (words.nothing) } },
            [(_, money)] => p { (words.goes_back) " " strong { (signed_in.money(*money)) } },
            several => {
                p { (words.goes_back) }
                ul { @for (intent, money) in several { li { strong { (signed_in.money(*money)) } " (" code { (intent) } ")" } } }
            }
        }
        (show_places(signed_in, preview))
    }
}

/// Shows where the money is before and after.
pub(super) fn show_places(signed_in: &SignedIn, preview: &MoneyPreview) -> Markup {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    html! {
        @if preview.before.paid > 0 {
            (show_sums(signed_in, words.caption, &[preview.before, preview.after], preview.currency))
        }
    }
}
