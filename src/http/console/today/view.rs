//! How entries of a plan are shown, in a day and in a week.

use std::collections::HashMap;

use chrono::NaiveDate;
use maud::{Markup, html};

use crate::domain::booking::Booking;
use crate::domain::day_plan::{PlanEntry, PlanEntryKind, ResourcePlan};
use crate::domain::hold::Status;
use crate::http::console::navigation::MenuPage;
use crate::http::console::signed_in::SignedIn;
use crate::http::console::states::status_badge;
use crate::workflow::day_plan::LoadedPlan;

/// The words of the page.
pub(super) struct TodayWords {
    pub(super) week_title: &'static str,
    pub(super) nobody: &'static str,
    pub(super) no_resources: &'static str,
    pub(super) incomplete: &'static str,
    pub(super) free: &'static str,
    pub(super) closed: &'static str,
    pub(super) no_name: &'static str,
    pub(super) places: &'static str,
    pub(super) previous: &'static str,
    pub(super) today: &'static str,
    pub(super) next: &'static str,
    pub(super) as_day: &'static str,
    pub(super) as_week: &'static str,
    pub(super) choose_day: &'static str,
    pub(super) show: &'static str,
    pub(super) views: &'static str,
    pub(super) resource: &'static str,
    pub(super) zone: &'static str,
}

static ENGLISH: TodayWords = TodayWords {
    week_title: "Week from",
    nobody: "Nobody is booked.",
    no_resources: "There is no resource yet. Add one in the catalogue, and an event type that it serves.",
    incomplete: "There is more than this page shows, so it shows no free times. Search finds the rest.",
    free: "free",
    closed: "closed",
    no_name: "no name",
    places: "places",
    previous: "Earlier",
    today: "Today",
    next: "Later",
    as_day: "Day",
    as_week: "Week",
    choose_day: "Day to show",
    show: "Show",
    views: "Days",
    resource: "Resource",
    zone: "Time zone",
};

static GERMAN: TodayWords = TodayWords {
    week_title: "Woche ab",
    nobody: "Niemand ist gebucht.",
    no_resources: "Es gibt noch keine Ressource. Legen Sie im Katalog eine an, und ein Angebot, das sie nutzt.",
    incomplete: "Es gibt mehr, als diese Seite zeigt, daher zeigt sie keine freien Zeiten. Die Suche findet den Rest.",
    free: "frei",
    closed: "geschlossen",
    no_name: "ohne Namen",
    places: "Plätze",
    previous: "Früher",
    today: "Heute",
    next: "Später",
    as_day: "Tag",
    as_week: "Woche",
    choose_day: "Anzuzeigender Tag",
    show: "Anzeigen",
    views: "Tage",
    resource: "Ressource",
    zone: "Zeitzone",
};

/// The days that a page shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Span {
    /// One day, from its midnight on.
    Day,
    /// The days from Monday to Sunday.
    Week,
}

impl Span {
    /// Returns how many they are.
    pub(super) fn days(self) -> u64 {
        match self {
            Self::Day => 1,
            Self::Week => 7,
        }
    }

    /// Returns the path of the page for these days.
    pub(super) fn query(self, first: NaiveDate) -> String {
        let path = MenuPage::Today.path();
        match self {
            Self::Day => format!("{path}?day={first}"),
            Self::Week => format!("{path}?view=week&day={first}"),
        }
    }
}

/// What a page shows of a plan.
pub(super) struct PlanView<'a> {
    pub(super) signed_in: &'a SignedIn,
    pub(super) words: &'static TodayWords,
    pub(super) plan: &'a LoadedPlan,
    names: HashMap<&'a str, &'a str>,
}

impl<'a> PlanView<'a> {
    /// Makes the view of a plan.
    pub(super) fn new(signed_in: &'a SignedIn, plan: &'a LoadedPlan) -> Self {
        let event_types = plan.event_types.iter();
        let names = event_types.map(|event_type| (event_type.id.as_str(), event_type.name.as_str()));
        Self {
            signed_in,
            words: signed_in.language.choose(&ENGLISH, &GERMAN),
            plan,
            names: names.collect(),
        }
    }

    /// Returns the name of what was booked; its id if the shop sells it no more.
    fn name_of(&self, booking: &'a Booking) -> &'a str {
        let id = booking.event_type.as_str();
        self.names.get(id).copied().unwrap_or(id)
    }

    fn name_guest(&self, booking: &'a Booking) -> &'a str {
        let guest = &booking.guest;
        let email = Some(guest.email.as_str()).filter(|email| !email.is_empty());
        guest.name.as_deref().or(email).unwrap_or(self.words.no_name)
    }

    /// Shows who is booked, whether they have paid, and how much.
    fn show_booking(&self, booking: &'a Booking) -> Markup {
        let hold = &booking.hold;
        html! {
            a href={ "/console/holds/" (hold.id) } { (self.name_guest(booking)) }
            @if booking.quantity > 1 { " × " (booking.quantity) }
            " " (status_badge(hold.status, self.signed_in.language))
            " " span.money { (self.signed_in.money_of(hold)) }
        }
    }

    /// Shows an entry of a resource's plan.
    pub(super) fn show_entry(&self, plan: &ResourcePlan, entry: &PlanEntry) -> Markup {
        let window = entry.window;
        let time = self.signed_in.range(window.starts_at(), window.ends_at());
        html! {
            span.when { (time) } " "
            @match &entry.kind {
                PlanEntryKind::Gap => (self.words.free),
                PlanEntryKind::Closed => (self.words.closed),
                PlanEntryKind::Bookings(indexes) => (self.show_bookings(plan, indexes)),
            }
        }
    }

    fn show_bookings(&self, plan: &ResourcePlan, indexes: &[usize]) -> Markup {
        let bookings: Vec<&Booking> = indexes.iter().map(|index| &self.plan.bookings[*index]).collect();
        let places: u32 = bookings.iter().map(|booking| booking.quantity).sum();
        let what = bookings.first().map(|booking| self.name_of(booking));
        html! {
            span.what { (what.unwrap_or_default()) }
            @if plan.resource.capacity > 1 {
                " " span.places { (places) "/" (plan.resource.capacity) " " (self.words.places) }
                ul { @for booking in &bookings { li { (self.show_booking(booking)) } } }
            } @else {
                @for booking in &bookings { " " (self.show_booking(booking)) }
            }
        }
    }

    /// Returns the class of an entry: its tone.
    pub(super) fn class_of(&self, entry: &PlanEntry) -> &'static str {
        match &entry.kind {
            PlanEntryKind::Gap => "gap",
            PlanEntryKind::Closed => "gone",
            PlanEntryKind::Bookings(indexes) => {
                let mut bookings = indexes.iter().map(|index| &self.plan.bookings[*index]);
                let is_paid = bookings.all(|booking| booking.hold.status == Status::Confirmed);
                if is_paid { "good" } else { "wait" }
            }
        }
    }
}
