//! Who is booked on a day, by resource, in the shop's zone.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use chrono::NaiveDate;
use maud::{Markup, html};

use super::access::ConsoleRoutes;
use super::form_values::QueryValues;
use super::navigation::Page;
use super::signed_in::SignedIn;
use super::states::status_badge;
use crate::domain::booking::Booking;
use crate::domain::listing::{HoldFilter, HoldSort, PageRequest, StatusKind};
use crate::http::error::Problem;
use crate::http::server::Server;
use crate::workflow::queries;

struct TodayWords {
    nobody: &'static str,
    headings: [&'static str; 5],
}

static ENGLISH: TodayWords = TodayWords {
    nobody: "Nobody is booked.",
    headings: ["Time", "Resource", "Guest", "Status", "Money"],
};

static GERMAN: TodayWords = TodayWords {
    nobody: "Niemand ist gebucht.",
    headings: ["Zeit", "Ressource", "Gast", "Status", "Geld"],
};

/// Adds the page.
pub(super) fn add_routes(routes: ConsoleRoutes) -> ConsoleRoutes {
    routes.page(Page::Today.path(), Page::Today.scope(), get(show_day))
}

async fn show_day(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    query: QueryValues,
) -> Result<Response, Problem> {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let day: NaiveDate = match query.text("day") {
        Some(text) => text
            .parse()
            .map_err(|_| Problem::invalid_field("day", "must be a day such as 2026-11-27"))?,
        None => signed_in.day_of(signed_in.now),
    };
    let of_day = server.context.settings.find_day(day);
    let of_day = of_day.ok_or_else(|| Problem::invalid_field("day", "is beyond the range of dates"))?;
    let filter = HoldFilter {
        statuses: vec![StatusKind::Held, StatusKind::Processing, StatusKind::Confirmed],
        from: Some(of_day.start),
        to: Some(of_day.end),
        sort: HoldSort::Start,
        ..HoldFilter::default()
    };
    let page = PageRequest {
        limit: 200,
        cursor: None,
    };
    let found = queries::list_holds(&server.context, filter, &page).await?;
    let rows = html! { @for booking in &found.entries { (to_row(&signed_in, booking)) } };
    let title = signed_in.day(day);
    let content = html! {
        @if found.entries.is_empty() { p { (words.nobody) } }
        @else { (super::components::table(&title, &words.headings, rows)) }
    };
    Ok(signed_in.page(Page::Today, title).show(content))
}

fn to_row(signed_in: &SignedIn, booking: &Booking) -> Markup {
    let window = booking.window();
    html! {
        tr {
            th scope="row" { (signed_in.range(window.starts_at(), window.ends_at())) }
            td { (booking.resource()) }
            td { a href={ "/console/holds/" (booking.hold.id) } { (booking.guest.name.as_deref().unwrap_or("–")) } }
            td { (status_badge(booking.hold.status, signed_in.language)) }
            td { (signed_in.money(booking.hold.price)) }
        }
    }
}
