//! The menu of the console: its pages, and the scope that each needs.

use super::language::Language;
use crate::domain::access_key::Scope;

/// The path of all pages of the console.
pub(super) const CONSOLE: &str = "/console";
/// The page that an operator sees after signing in.
pub(super) const FIRST_PAGE: &str = "/console/today";

/// A page of the menu. A page that is reached from one of them shows it as the current one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "a page names itself only where it has a file")]
pub(super) enum MenuPage {
    /// Who is booked on a day or in a week.
    Today,
    /// What an operator must look at.
    Attention,
    /// Finds holds and guests.
    Search,
    /// Blocks and closures of a week.
    Calendar,
    /// Event types, resources and schedules.
    Catalogue,
    /// How many checkouts end in a booking.
    Funnel,
    /// The shop's own systems that get events.
    Endpoints,
    /// Calendars of others that Holdfast reads.
    Feeds,
    /// Who may use the API and the console.
    Keys,
    /// What operators did, and when.
    Audit,
}

impl MenuPage {
    /// Every page, in the order of the menu.
    pub(super) const ALL: [Self; 10] = [
        Self::Today,
        Self::Attention,
        Self::Search,
        Self::Calendar,
        Self::Catalogue,
        Self::Funnel,
        Self::Endpoints,
        Self::Feeds,
        Self::Keys,
        Self::Audit,
    ];

    /// Returns the path of the page.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Today => FIRST_PAGE,
            Self::Attention => "/console/attention",
            Self::Search => "/console/search",
            Self::Calendar => "/console/calendar",
            Self::Catalogue => "/console/catalogue",
            Self::Funnel => "/console/funnel",
            Self::Endpoints => "/console/webhook-endpoints",
            Self::Feeds => "/console/feeds",
            Self::Keys => "/console/keys",
            Self::Audit => "/console/audit",
        }
    }

    /// Returns the scope that the page needs; it is that of the operators' route with the same data.
    pub(super) fn scope(self) -> Scope {
        match self {
            Self::Endpoints | Self::Keys => Scope::Admin,
            Self::Today
            | Self::Attention
            | Self::Search
            | Self::Calendar
            | Self::Catalogue
            | Self::Funnel
            | Self::Feeds
            | Self::Audit => Scope::Read,
        }
    }

    /// Returns the title of the page in the menu.
    pub(super) fn title(self, language: Language) -> &'static str {
        let (english, german) = match self {
            Self::Today => ("Today", "Heute"),
            Self::Attention => ("Needs a person", "Zu erledigen"),
            Self::Search => ("Search", "Suche"),
            Self::Calendar => ("Calendar", "Kalender"),
            Self::Catalogue => ("Catalogue", "Katalog"),
            Self::Funnel => ("Funnel", "Abschlüsse"),
            Self::Endpoints => ("Endpoints", "Endpunkte"),
            Self::Feeds => ("Feeds", "Kalender-Feeds"),
            Self::Keys => ("Keys", "Schlüssel"),
            Self::Audit => ("Audit", "Protokoll"),
        };
        language.choose(english, german)
    }
}
