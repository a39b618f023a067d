//! Who is booked on a day or in a week, by resource, in the shop's zone. The page reads itself again when something changes.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use chrono::{Datelike, Days, NaiveDate};
use maud::{Markup, html};

use self::view::{PlanView, Span};
use super::access::ConsoleRoutes;
use super::changes;
use super::components::{ButtonKind, Field, link_button, submit};
use super::form_values::QueryValues;
use super::navigation::MenuPage;
use super::signed_in::SignedIn;
use super::states::{describe_status, status_badge};
use crate::domain::hold::Status;
use crate::domain::time::Window;
use crate::http::error::Problem;
use crate::http::server::Server;
use crate::workflow::day_plan;

mod timeline;
mod view;
mod week;

/// Adds the route of the page.
pub(super) fn add_routes(routes: ConsoleRoutes) -> ConsoleRoutes {
    routes.page(MenuPage::Today.path(), MenuPage::Today.scope(), get(show))
}

async fn show(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    query: QueryValues,
) -> Result<Response, Problem> {
    let span = match query.text("view") {
        Some("week") => Span::Week,
        _ => Span::Day,
    };
    let today = signed_in.day_of(signed_in.now);
    let day = match query.text("day") {
        Some(text) => text
            .parse()
            .map_err(|_| Problem::invalid_field("day", "must be a day such as 2026-11-27"))?,
        None => today,
    };
    let (first, days) = list_days(&server, span, day)?;
    let within =
        Window::new(days[0].1.starts_at(), days[days.len() - 1].1.ends_at()).ok_or_else(beyond_range)?;
    // Before the plan is read, so that a change meanwhile is heard.
    let stream = changes::find_stream(&server).await?;
    let plan = day_plan::load_plan(&server.context, within).await?;
    let view = PlanView::new(&signed_in, &plan);
    let words = view.words;
    let title = match span {
        Span::Day => signed_in.day(day),
        Span::Week => format!("{} {}", words.week_title, signed_in.day(first)),
    };
    let content = html! {
        (navigate(&view, span, first, today))
        (changes::note_pause(signed_in.language))
        div data-live=(stream) {
            (summarize(&view))
            @if !plan.is_complete { p.problem { (words.incomplete) } }
            @if plan.resources.is_empty() { p { (words.no_resources) } }
            @match span {
                Span::Day => (timeline::show_day(&view, day)),
                Span::Week => (week::show_week(&view, &days)),
            }
            p.quiet { (words.zone) ": " (signed_in.zone.as_str()) }
        }
    };
    Ok(signed_in.page(MenuPage::Today, title).show(content))
}

fn beyond_range() -> Problem {
    Problem::invalid_field("day", "is beyond the range of dates")
}

/// Lists the days of a page with their times. A week begins on Monday.
fn list_days(
    server: &Server,
    span: Span,
    day: NaiveDate,
) -> Result<(NaiveDate, Vec<(NaiveDate, Window)>), Problem> {
    let back = match span {
        Span::Day => 0,
        Span::Week => u64::from(day.weekday().num_days_from_monday()),
    };
    let first = day.checked_sub_days(Days::new(back)).ok_or_else(beyond_range)?;
    let days = (0..span.days()).map(|number| {
        let day = first.checked_add_days(Days::new(number))?;
        let of_day = server.context.settings.find_day(day)?;
        Some((day, Window::new(of_day.start, of_day.end)?))
    });
    let days: Option<Vec<_>> = days.collect();
    Ok((first, days.ok_or_else(beyond_range)?))
}

/// Says how many are booked, by status.
fn summarize(view: &PlanView<'_>) -> Markup {
    let language = view.signed_in.language;
    let statuses = [Status::Confirmed, Status::Processing, Status::Held];
    let counts = statuses.map(|status| {
        let guests = view.plan.list_guests();
        let count = guests.filter(|booking| booking.hold.status == status).count();
        (count, describe_status(status, language).0, status)
    });
    html! {
        p.summary {
            @if view.plan.is_complete && view.plan.list_guests().next().is_none() { (view.words.nobody) }
            @for (count, _, status) in counts.iter().filter(|(count, ..)| *count > 0) {
                span { strong { (count) } " " (status_badge(*status, language)) } " "
            }
        }
    }
}

/// Shows the ways to other days.
fn navigate(view: &PlanView<'_>, span: Span, first: NaiveDate, today: NaiveDate) -> Markup {
    let words = view.words;
    let step = Days::new(span.days());
    let (previous, next) = (first.checked_sub_days(step), first.checked_add_days(step));
    let day = first.to_string();
    let field = Field {
        name: "day",
        label: words.choose_day,
        kind: "date",
        value: &day,
        is_required: true,
        ..Field::default()
    };
    let plain = |path: String, label| link_button(ButtonKind::Plain, &path, label);
    html! {
        nav.days aria-label=(words.views) {
            div.buttons {
                @if let Some(previous) = previous { (plain(span.query(previous), words.previous)) }
                (plain(span.query(today), words.today))
                @if let Some(next) = next { (plain(span.query(next), words.next)) }
                @match span {
                    Span::Day => (plain(Span::Week.query(first), words.as_week)),
                    Span::Week => (plain(Span::Day.query(first), words.as_day)),
                }
            }
            form.row method="get" action=(MenuPage::Today.path()) {
                @if span == Span::Week { input type="hidden" name="view" value="week"; }
                (field.show())
                (submit(ButtonKind::Plain, words.show))
            }
        }
    }
}
