//! The calendar of a week, by resource: holds, blocks and closures, which are put and removed from here.
//!
//! Days and times are those of the shop's zone.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use chrono::{Duration, NaiveDate};
use maud::{Markup, html};

use self::after_acts::{NOTICES, find_monday, week_path};
use self::week::ShownDay;
use self::words::{CalendarWords, ENGLISH, GERMAN};
use super::access::{Act, ConsoleRoutes};
use super::components::{ButtonKind, Field, link_button, next_page, submit};
use super::form_values::QueryValues;
use super::navigation::MenuPage;
use super::signed_in::SignedIn;
use crate::domain::closure::DatedClosure;
use crate::domain::listing::PageRequest;
use crate::domain::time::Window;
use crate::http::error::Problem;
use crate::http::server::Server;
use crate::workflow::{closures, shop_calendar};

mod after_acts;
mod blocks;
mod closing;
mod conflicts;
mod week;
mod words;

/// How many resources a page shows.
const RESOURCES: u32 = 20;
/// How many closures are looked at for those of a week.
const MAX_CLOSURES: usize = 1_000;

/// Adds the pages of the calendar.
pub(super) fn add_routes(routes: ConsoleRoutes) -> ConsoleRoutes {
    let put_block = Act::of("PUT", "/v1/admin/resources/{id}/blocks/{block}");
    let delete_block = Act::of("DELETE", "/v1/admin/resources/{id}/blocks/{block}");
    let put_closure = Act::of("PUT", "/v1/admin/closures/{id}");
    let delete_closure = Act::of("DELETE", "/v1/admin/closures/{id}");
    let block = "/console/resources/{id}/blocks/{block}";
    routes
        .page(
            MenuPage::Calendar.path(),
            MenuPage::Calendar.scope(),
            get(show_week),
        )
        .page(blocks::NEW, put_block.scope(), get(blocks::show_new))
        .preview(blocks::PREVIEW, put_block.scope(), post(blocks::ask_to_put))
        .act(block, put_block, post(blocks::put))
        .page(
            "/console/resources/{id}/blocks/{block}/delete",
            delete_block.scope(),
            get(blocks::ask_to_delete),
        )
        .act(
            "/console/resources/{id}/blocks/{block}/delete",
            delete_block,
            post(blocks::delete),
        )
        .page(closing::NEW, put_closure.scope(), get(closing::show_new))
        .preview(closing::PREVIEW, put_closure.scope(), post(closing::ask_to_put))
        .act("/console/closures/{id}", put_closure, post(closing::put))
        .page(
            "/console/closures/{id}/delete",
            delete_closure.scope(),
            get(closing::ask_to_delete),
        )
        .act(
            "/console/closures/{id}/delete",
            delete_closure,
            post(closing::delete),
        )
}

async fn show_week(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    query: QueryValues,
) -> Result<Response, Problem> {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let asked = query.text("week").and_then(|text| text.parse().ok());
    let monday = find_monday(asked.unwrap_or_else(|| signed_in.day_of(signed_in.now)));
    let days = list_days(&server, monday)?;
    let within = days
        .first()
        .zip(days.last())
        .and_then(|(first, last)| Window::new(first.start, last.end));
    let within = within.ok_or_else(beyond_dates)?;
    let page = query.page(RESOURCES);
    let calendar = shop_calendar::load_calendar(&server.context, within, &page).await?;
    let closed = list_closures(&server, within).await?;
    let may_block = signed_in.may(Act::of("PUT", "/v1/admin/closures/{id}").scope());
    let next = calendar.resources.next.as_deref();
    let title = format!("{} {}", words.week_of, signed_in.day(monday));
    let content = html! {
        (week_menu(words, monday))
        @if may_block {
            div.buttons {
                (link_button(ButtonKind::Main, &format!("{}?day={monday}", blocks::NEW), words.new_block))
                (link_button(ButtonKind::Plain, &format!("{}?day={monday}", closing::NEW), words.new_closure))
            }
        }
        (show_closures(&signed_in, words, &closed, may_block))
        @if calendar.resources.entries.is_empty() { p { (words.no_resource) } }
        @else { (week::show_table(&signed_in, words, &days, &calendar.resources.entries, may_block)) }
        @if !calendar.is_complete { p { (words.not_complete) } }
        (next_page(signed_in.language, &week_path(monday), next))
        p.quiet { (words.zone_is) " " (signed_in.zone) }
    };
    Ok(signed_in
        .page(MenuPage::Calendar, title)
        .notices(&NOTICES)
        .show(content))
}

fn beyond_dates() -> Problem {
    Problem::invalid_field("week", "is beyond the range of dates")
}

/// Lists the days of a week. A day that the clocks skip is left out.
fn list_days(server: &Server, monday: NaiveDate) -> Result<Vec<ShownDay>, Problem> {
    let mut days = Vec::new();
    for offset in 0..7 {
        let day = monday
            .checked_add_signed(Duration::days(offset))
            .ok_or_else(beyond_dates)?;
        let time = server.context.settings.find_day(day).ok_or_else(beyond_dates)?;
        if time.start < time.end {
            days.push(ShownDay {
                day,
                start: time.start,
                end: time.end,
            });
        }
    }
    Ok(days)
}

/// Makes the links to other weeks.
fn week_menu(words: &CalendarWords, monday: NaiveDate) -> Markup {
    let week = |days: i64| monday.checked_add_signed(Duration::days(days)).unwrap_or(monday);
    let value = monday.to_string();
    let field = Field {
        name: "week",
        label: words.go_to_day,
        kind: "date",
        value: &value,
        ..Field::default()
    };
    html! {
        nav.sub-menu aria-label=(words.weeks) {
            ul {
                li { a rel="prev" href=(week_path(week(-7))) { (words.week_before) } }
                li { a href=(MenuPage::Calendar.path()) { (words.this_week) } }
                li { a rel="next" href=(week_path(week(7))) { (words.week_after) } }
            }
        }
        form.filters method="get" action=(MenuPage::Calendar.path()) {
            (field.show())
            (submit(ButtonKind::Plain, words.show))
        }
    }
}

/// Lists the closures that overlap a window.
async fn list_closures(server: &Server, within: Window) -> Result<Vec<DatedClosure>, Problem> {
    let mut page = PageRequest {
        limit: 200,
        cursor: None,
    };
    let (mut found, mut seen) = (Vec::new(), 0);
    loop {
        let listed = closures::list_closures(&server.context, &page).await?;
        seen += listed.entries.len();
        found.extend(
            listed
                .entries
                .into_iter()
                .filter(|closure| closure.window.overlaps(&within)),
        );
        if listed.next.is_none() || seen >= MAX_CLOSURES {
            found.sort_by_key(|closure| closure.closure.first_day);
            return Ok(found);
        }
        page.cursor = listed.next;
    }
}

fn show_closures(
    signed_in: &SignedIn,
    words: &CalendarWords,
    closed: &[DatedClosure],
    may_remove: bool,
) -> Markup {
    html! {
        @if !closed.is_empty() {
            h2 { (words.closures) }
            ul {
                @for dated in closed {
                    @let closure = &dated.closure;
                    li {
                        strong {
                            (signed_in.short_day(closure.first_day))
                            @if closure.last_day != closure.first_day { " – " (signed_in.short_day(closure.last_day)) }
                        }
                        ": "
                        @match &closure.resources {
                            None => (words.whole_shop),
                            Some(ids) => { @for (n, id) in ids.iter().enumerate() { @if n > 0 { ", " } (id) } },
                        }
                        @if !closure.note.is_empty() { " (" (closure.note) ")" }
                        @if may_remove {
                            " " a href={ "/console/closures/" (closure.id) "/delete" } { (words.reopen) }
                        }
                    }
                }
            }
        }
    }
}
