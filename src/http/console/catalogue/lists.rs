//! What the pages of the catalogue share: their addresses, the links between the lists, and what they say after an act.

use maud::{Markup, html};

use super::words::CatalogueWords;
use crate::http::console::navigation::MenuPage;
use crate::http::console::notice::Notice;

/// The path of the list of resources.
pub(super) const RESOURCES: &str = "/console/resources";
/// The path of the form for a new event type.
pub(super) const NEW_EVENT_TYPE: &str = "/console/new-event-type";
/// The path that a form for an event type is sent to, to see what it would be.
pub(super) const PREVIEW: &str = "/console/event-type-preview";

/// How many event types or resources a page lists.
pub(super) const PER_PAGE: u32 = 50;

pub(super) const SAVED: Notice = Notice {
    code: "saved",
    english: "The event type is on sale as you saved it. Holds that are there keep their terms.",
    german: "Das Angebot ist so im Verkauf, wie Sie es gespeichert haben. Bestehende Reservierungen behalten ihre Bedingungen.",
};
pub(super) const DELETED: Notice = Notice {
    code: "deleted",
    english: "The event type is off sale. Live holds keep their terms.",
    german: "Das Angebot ist nicht mehr im Verkauf. Laufende Reservierungen behalten ihre Bedingungen.",
};

/// What the page says after an act.
pub(super) static NOTICES: [Notice; 2] = [SAVED, DELETED];

/// Makes the links between the two lists of the catalogue.
pub(super) fn sub_menu(words: &CatalogueWords, current: &str) -> Markup {
    let links = [
        (MenuPage::Catalogue.path(), words.event_types),
        (RESOURCES, words.resources),
    ];
    html! {
        nav.sub-menu aria-label=(words.lists) {
            ul {
                @for (path, name) in links {
                    li { a href=(path) aria-current=[(path == current).then_some("page")] { (name) } }
                }
            }
        }
    }
}
