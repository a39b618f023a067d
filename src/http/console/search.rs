//! Finds holds: by a text, by status, by day, by what an operator must look at.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};

use super::access::ConsoleRoutes;
use super::components::{ButtonKind, Field, next_page, submit, table};
use super::form_status;
use super::form_values::{FormValues, QueryValues};
use super::hold::named_booking::path_of;
use super::navigation::MenuPage;
use super::signed_in::SignedIn;
use super::states::status_badge;
use crate::domain::booking::Booking;
use crate::domain::ids::ResourceId;
use crate::domain::listing::{Attention, HoldFilter, HoldSort, PageRequest};
use crate::http::admin::hold_list::split_search;
use crate::http::error::Problem;
use crate::http::field_values::{parse_day, parse_search, parse_statuses};
use crate::http::server::Server;
use crate::workflow::{catalogue, queries};

const TEXT: &str = "q";
const STATUS: &str = "status";
const DAY: &str = "day";
const ATTENTION: &str = "attention";
/// How many holds a page has.
const PAGE: u32 = 50;

struct SearchWords {
    text: &'static str,
    text_help: &'static str,
    status: &'static str,
    any_status: &'static str,
    day: &'static str,
    attention: &'static str,
    any_attention: &'static str,
    search: &'static str,
    not_a_text: &'static str,
    not_a_day: &'static str,
    found: &'static str,
    none: &'static str,
    none_yet: &'static str,
    columns: [&'static str; 6],
    erased: &'static str,
}

static ENGLISH: SearchWords = SearchWords {
    text: "Guest, hold or session",
    text_help: "A part of the name or the e-mail address, the reference that the guest says, or the id of a hold or of a session at Stripe.",
    status: "Status",
    any_status: "Any",
    day: "Day of the booking",
    attention: "Needs a person because of",
    any_attention: "Anything or nothing",
    search: "Search",
    not_a_text: "Use at most 255 characters.",
    not_a_day: "Enter a day such as 2026-11-27.",
    found: "Holds that were found",
    none: "Nothing was found. Use a shorter text, or fewer filters.",
    none_yet: "Nothing was found in this part of the list. It goes on with the next page.",
    columns: ["When", "Event type", "Guest", "Resource", "Status", "Price"],
    erased: "erased",
};

static GERMAN: SearchWords = SearchWords {
    text: "Gast, Reservierung oder Sitzung",
    text_help: "Ein Teil des Namens oder der E-Mail-Adresse, die Buchungsnummer, die der Gast nennt, oder die Kennung einer Reservierung oder einer Sitzung bei Stripe.",
    status: "Status",
    any_status: "Jeder",
    day: "Tag der Buchung",
    attention: "Braucht einen Menschen wegen",
    any_attention: "Etwas oder nichts",
    search: "Suchen",
    not_a_text: "Höchstens 255 Zeichen.",
    not_a_day: "Geben Sie einen Tag wie 2026-11-27 ein.",
    found: "Gefundene Reservierungen",
    none: "Es wurde nichts gefunden. Nehmen Sie einen kürzeren Text oder weniger Filter.",
    none_yet: "In diesem Teil der Liste wurde nichts gefunden. Sie geht auf der nächsten Seite weiter.",
    columns: ["Wann", "Angebot", "Gast", "Ressource", "Status", "Preis"],
    erased: "gelöscht",
};

/// The statuses of the filter, with their words. Several together are one of the choices.
const STATUSES: [(&str, &str, &str); 6] = [
    ("held,processing,confirmed", "Keeps a slot", "Belegt einen Termin"),
    ("held", "Not paid yet", "Noch nicht bezahlt"),
    ("processing", "Payment in progress", "Zahlung läuft"),
    ("confirmed", "Booked", "Gebucht"),
    ("released", "Released", "Freigegeben"),
    ("cancelled", "Cancelled", "Storniert"),
];

/// What an operator must look at, with its words.
const ATTENTIONS: [(&str, Attention, &str, &str); 8] = [
    (
        "money_without_slot",
        Attention::MoneyWithoutSlot,
        "Money without a slot",
        "Geld ohne Termin",
    ),
    (
        "slot_without_money",
        Attention::SlotWithoutMoney,
        "Slot without money",
        "Termin ohne Geld",
    ),
    (
        "refund_failed",
        Attention::RefundFailed,
        "Failed refund",
        "Fehlgeschlagene Erstattung",
    ),
    (
        "price_mismatch",
        Attention::PriceMismatch,
        "Another amount than the price",
        "Anderer Betrag als der Preis",
    ),
    ("disputed", Attention::Disputed, "Dispute", "Anfechtung"),
    (
        "does_not_add_up",
        Attention::DoesNotAddUp,
        "Money that does not add up",
        "Geld, das nicht aufgeht",
    ),
    ("overdue", Attention::Overdue, "Overdue", "Überfällig"),
    (
        "processing_long",
        Attention::ProcessingLong,
        "Payment in progress for long",
        "Zahlung läuft seit langem",
    ),
];

/// Adds the page of the search.
pub(super) fn add_routes(routes: ConsoleRoutes) -> ConsoleRoutes {
    routes.page(MenuPage::Search.path(), MenuPage::Search.scope(), get(search))
}

async fn search(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    query: QueryValues,
) -> Result<Response, Problem> {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let title = MenuPage::Search.title(signed_in.language);
    let page = signed_in.page(MenuPage::Search, title);
    let filter = match parse_filter(&server, &query, words) {
        Ok(filter) => filter,
        Err((field, fault)) => {
            let form = show_form(&signed_in, &query, Some((field, fault)), words);
            return Ok(page.status(form_status::of_form(Some(fault))).show(form));
        }
    };
    let cursor = query.text("cursor").map(str::to_owned);
    // A cursor of another list leads nowhere: this one begins anew.
    let cursor = cursor.filter(|cursor| queries::is_cursor_of_holds(&filter, cursor));
    let request = PageRequest { limit: PAGE, cursor };
    let found = queries::list_holds(&server.context, filter, &request).await?;
    let names = name_resources(&server, &found.entries).await?;
    let path = write_path(&query);
    Ok(page.show(html! {
        (show_form(&signed_in, &query, None, words))
        @match (found.entries.is_empty(), found.next.is_some()) {
            (true, true) => p role="status" { (words.none_yet) },
            (true, false) => p role="status" { (words.none) },
            _ => (table(words.found, &words.columns, html! {
                @for booking in &found.entries { (show_row(&signed_in, booking, &names, words)) }
            })),
        }
        (next_page(signed_in.language, &path, found.next.as_deref()))
    }))
}

/// Reads the filter; or else the field that is wrong, and why.
fn parse_filter(
    server: &Server,
    query: &FormValues,
    words: &SearchWords,
) -> Result<HoldFilter, (&'static str, &'static str)> {
    let mut filter = HoldFilter {
        statuses: query
            .text(STATUS)
            .map_or(Some(Vec::new()), parse_statuses)
            .unwrap_or_default(),
        attention: query.text(ATTENTION).and_then(find_attention),
        ..HoldFilter::default()
    };
    if let Some(text) = query.text(TEXT) {
        let text = parse_search(text).map_err(|_| (TEXT, words.not_a_text))?;
        (filter.key, filter.text) = split_search(text);
    }
    if let Some(text) = query.text(DAY) {
        let of_day = parse_day(text).and_then(|day| server.context.settings.find_day(day));
        let of_day = of_day.ok_or((DAY, words.not_a_day))?;
        (filter.from, filter.to) = (Some(of_day.start), Some(of_day.end));
        filter.sort = HoldSort::Start;
    }
    Ok(filter)
}

fn find_attention(word: &str) -> Option<Attention> {
    let found = ATTENTIONS.iter().find(|(its_word, ..)| *its_word == word);
    found.map(|(_, attention, ..)| *attention)
}

fn show_form(
    signed_in: &SignedIn,
    query: &FormValues,
    fault: Option<(&str, &str)>,
    words: &SearchWords,
) -> Markup {
    let language = signed_in.language;
    let field = |name, label| Field {
        name,
        label,
        value: query.text(name).unwrap_or_default(),
        error: fault.filter(|(field, _)| *field == name).map(|(_, fault)| fault),
        ..Field::default()
    };
    let text = Field {
        help: words.text_help,
        kind: "search",
        ..field(TEXT, words.text)
    };
    let day = Field {
        kind: "date",
        ..field(DAY, words.day)
    };
    let mut statuses = vec![("", words.any_status)];
    statuses.extend(
        STATUSES
            .iter()
            .map(|(word, english, german)| (*word, language.choose(*english, *german))),
    );
    let mut attentions = vec![("", words.any_attention)];
    let choose = |(word, _, english, german): &(&'static str, Attention, &'static str, &'static str)| {
        (*word, language.choose(*english, *german))
    };
    attentions.extend(ATTENTIONS.iter().map(choose));
    html! {
        form.card.stack role="search" method="get" action=(MenuPage::Search.path()) {
            (text.show())
            div.row {
                (field(STATUS, words.status).show_choice(&statuses))
                (day.show())
                (field(ATTENTION, words.attention).show_choice(&attentions))
                div.buttons { (submit(ButtonKind::Main, words.search)) }
            }
        }
    }
}

/// Writes the path of this search without its cursor.
fn write_path(query: &FormValues) -> String {
    let mut pairs = url::form_urlencoded::Serializer::new(String::new());
    for name in [TEXT, STATUS, DAY, ATTENTION] {
        if let Some(value) = query.text(name) {
            pairs.append_pair(name, value);
        }
    }
    format!("{}?{}", MenuPage::Search.path(), pairs.finish())
}

async fn name_resources(
    server: &Server,
    bookings: &[Booking],
) -> Result<BTreeMap<ResourceId, String>, Problem> {
    let mut ids: Vec<ResourceId> = bookings
        .iter()
        .map(|booking| booking.resource().clone())
        .collect();
    ids.sort();
    ids.dedup();
    let found = catalogue::find_resources(&server.context, &ids).await?;
    Ok(found
        .into_iter()
        .map(|resource| (resource.id, resource.name))
        .collect())
}

fn show_row(
    signed_in: &SignedIn,
    booking: &Booking,
    names: &BTreeMap<ResourceId, String>,
    words: &SearchWords,
) -> Markup {
    let guest = &booking.guest;
    let resource = booking.resource();
    html! {
        tr {
            th scope="row" {
                a href=(path_of(booking.hold.id)) { (signed_in.time(booking.window().starts_at())) }
            }
            td { (booking.event_type) }
            td {
                @if let Some(name) = &guest.name { (name) br; }
                @if guest.email.is_empty() { (words.erased) } @else { (guest.email) }
            }
            td { (names.get(resource).map_or(resource.as_str(), String::as_str)) }
            td { (status_badge(booking.hold.status, signed_in.language)) }
            td.number { (signed_in.money(booking.hold.price)) }
        }
    }
}
