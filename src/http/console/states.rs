//! Statuses as a word and a colour, never as a colour alone.

use maud::{Markup, html};

use super::language::Language;
use crate::domain::hold::Status;

/// What a badge says besides its word. Each tone is a colour, and in forced colours a border.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "each page uses the tones that it needs")]
pub(super) enum Tone {
    /// All is as it should be.
    Good,
    /// It is not decided yet.
    Wait,
    /// Somebody must act on it.
    Bad,
    /// It is over, and needs nothing.
    Gone,
}

impl Tone {
    /// Returns the name of the tone in the style.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Wait => "wait",
            Self::Bad => "bad",
            Self::Gone => "gone",
        }
    }
}

/// Makes a badge with a word.
pub(super) fn badge(tone: Tone, word: &str) -> Markup {
    html! { span class={ "badge " (tone.class()) } { (word) } }
}

/// Returns the word for a hold's status, and its tone.
pub(super) fn describe_status(status: Status, language: Language) -> (&'static str, Tone) {
    match status {
        Status::Held => (language.choose("not paid yet", "noch nicht bezahlt"), Tone::Wait),
        Status::Processing => (
            language.choose("payment in progress", "Zahlung läuft"),
            Tone::Wait,
        ),
        Status::Confirmed => (language.choose("booked", "gebucht"), Tone::Good),
        Status::Released(_) => (language.choose("released", "freigegeben"), Tone::Gone),
        Status::Cancelled(_) => (language.choose("cancelled", "storniert"), Tone::Gone),
    }
}

/// Makes the badge of a hold's status.
pub(super) fn status_badge(status: Status, language: Language) -> Markup {
    let (word, tone) = describe_status(status, language);
    badge(tone, word)
}
