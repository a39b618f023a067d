//! The page of the funnel: how many checkouts end in a booking, by day and by event type, and what live holds keep from sale.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use chrono::NaiveDate;
use maud::{Markup, html};

use self::chart::Series;
use super::access::ConsoleRoutes;
use super::components::{ButtonKind, Field, submit, table};
use super::form_values::QueryValues;
use super::navigation::MenuPage;
use super::signed_in::SignedIn;
use crate::domain::access_key::Scope;
use crate::domain::figures::LiveHolds;
use crate::domain::listing::StatusKind;
use crate::domain::money::{Currency, Money};
use crate::domain::summary::{SummaryDivision, SummaryFigures};
use crate::http::error::Problem;
use crate::http::server::Server;
use crate::workflow::queries;
use crate::workflow::summary::{self, RangeSummary, SummaryBound, SummaryError, SummaryRequest};

mod chart;
mod words;

use self::words::{ENGLISH, FunnelWords, GERMAN};

/// Adds the page of the funnel.
pub(super) fn add_routes(routes: ConsoleRoutes) -> ConsoleRoutes {
    routes.page(MenuPage::Funnel.path(), Scope::Read, get(show_funnel))
}

async fn show_funnel(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    query: QueryValues,
) -> Result<Response, Problem> {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let day = |name: &str| query.text(name).and_then(|text| text.parse::<NaiveDate>().ok());
    let (from, to) = (day("from"), day("to"));
    let by_day = summarize(&server, from, to, SummaryDivision::Period).await?;
    let by_type = summarize(&server, from, to, SummaryDivision::EventType).await?;
    let live = queries::count_live_holds(&server.context).await?;
    let title = MenuPage::Funnel.title(signed_in.language);
    Ok(signed_in.page(MenuPage::Funnel, title).show(html! {
        (range_form(&signed_in, words, &by_day))
        (show_days(&signed_in, words, &by_day))
        (show_event_types(&signed_in, words, &by_type))
        (show_live(&signed_in, words, &live))
    }))
}

async fn summarize(
    server: &Server,
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
    division: SummaryDivision,
) -> Result<RangeSummary, Problem> {
    let request = SummaryRequest {
        from: from.map(SummaryBound::Day),
        to: to.map(SummaryBound::Day),
        division,
    };
    summary::summarize(&server.context, request)
        .await
        .map_err(|error| match error {
            SummaryError::Range(field, detail) => Problem::invalid_field(field, detail),
            SummaryError::Workflow(error) => error.into(),
        })
}

/// Shows the form that chooses the range. The last day is a part of it.
fn range_form(signed_in: &SignedIn, words: &FunnelWords, summary: &RangeSummary) -> Markup {
    let first = signed_in.day_of(summary.from);
    let last = signed_in.day_of(summary.to - chrono::Duration::seconds(1));
    let (first, last) = (first.to_string(), last.to_string());
    let field = |name, label, value| Field {
        name,
        label,
        value,
        kind: "date",
        ..Field::default()
    };
    html! {
        form.filters method="get" action=(MenuPage::Funnel.path()) {
            (field("from", words.from, &first).show())
            (field("to", words.to, &last).show())
            (submit(ButtonKind::Plain, words.show))
        }
    }
}

/// Shows the figures of each day, as a chart and as a table.
fn show_days(signed_in: &SignedIn, words: &'static FunnelWords, summary: &RangeSummary) -> Markup {
    let series = list_series(words, summary);
    let days = summary
        .parts
        .iter()
        .filter_map(|part| Some((part.day?, &part.figures)));
    let days: Vec<(NaiveDate, &SummaryFigures)> = days.collect();
    let (first, last) = (days.first(), days.last());
    let rows = days
        .iter()
        .map(|(day, figures)| (html! { (signed_in.short_day(*day)) }, *figures));
    html! {
        section {
            h2 { (words.by_day) }
            figure.chart-frame {
                p.chart-top { (chart::find_top(&series)) }
                (chart::draw(words.chart, &series))
                p.chart-days {
                    @for (day, _) in first.into_iter().chain(last) { span { (signed_in.short_day(*day)) } }
                }
                figcaption {
                    ul.legend {
                        @for one in &series {
                            li {
                                svg.key viewBox="0 0 40 4" aria-hidden="true" {
                                    line class=(one.class) x1="0" x2="40" y1="2" y2="2" {}
                                }
                                (one.name) ": " (one.values.iter().sum::<i64>())
                            }
                        }
                    }
                }
            }
            details {
                summary { (words.as_table) }
                (figures_table(words, words.by_day, words.day, rows.collect()))
            }
        }
    }
}

/// Reads one of the figures of a day.
type ReadFigure = fn(&SummaryFigures) -> i64;

fn list_series(words: &'static FunnelWords, summary: &RangeSummary) -> Vec<Series> {
    let read: [(&str, &str, ReadFigure); 5] = [
        ("series-started", words.started, |figures| figures.started),
        ("series-placed", words.placed, |figures| figures.placed),
        ("series-paid", words.paid, |figures| figures.paid),
        ("series-lost", words.lost, |figures| figures.lost_races),
        ("series-lapsed", words.lapsed, |figures| figures.lapsed),
    ];
    let series = read.into_iter().map(|(class, name, read)| Series {
        class,
        name,
        values: summary.parts.iter().map(|part| read(&part.figures)).collect(),
    });
    series.collect()
}

fn show_event_types(signed_in: &SignedIn, words: &FunnelWords, summary: &RangeSummary) -> Markup {
    let rows = summary.parts.iter().map(|part| {
        let name = match &part.event_type {
            Some(id) => html! { (id) },
            None => html! { (words.unknown) },
        };
        (name, &part.figures)
    });
    let rows: Vec<(Markup, &SummaryFigures)> = rows.collect();
    html! {
        section {
            h2 { (words.by_event_type) }
            @if rows.is_empty() {
                p { (words.nothing) }
            } @else {
                (figures_table(words, words.by_event_type, words.event_type, rows))
                (show_money(signed_in, words, summary))
            }
        }
    }
}

fn figures_table(
    words: &FunnelWords,
    caption: &str,
    first: &str,
    rows: Vec<(Markup, &SummaryFigures)>,
) -> Markup {
    let heads = [
        first,
        words.started,
        words.placed,
        words.paid,
        words.lost,
        words.lapsed,
        words.given_back,
        words.cancelled,
        words.refunded,
        words.median,
    ];
    let counts = |figures: &SummaryFigures| {
        [
            figures.started,
            figures.placed,
            figures.paid,
            figures.lost_races,
            figures.lapsed,
            figures.given_back,
            figures.cancelled,
            figures.refunded,
        ]
    };
    let body = html! {
        @for (name, figures) in rows {
            tr {
                th scope="row" { (name) }
                @for count in counts(figures) { td.number { (count) } }
                td.number { (write_median(figures.median_seconds_to_pay)) }
            }
        }
    };
    table(caption, &heads, body)
}

/// Writes the time that half of the guests took to pay, in minutes and seconds.
fn write_median(seconds: Option<i64>) -> String {
    seconds.map_or_else(
        || "–".to_owned(),
        |seconds| format!("{}:{:02}", seconds / 60, seconds % 60),
    )
}

/// Shows the money of the range, of all event types together.
fn show_money(signed_in: &SignedIn, words: &FunnelWords, summary: &RangeSummary) -> Markup {
    let mut sums: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for (code, flow) in summary.parts.iter().flat_map(|part| &part.figures.money) {
        let sum = sums.entry(code).or_default();
        *sum = (sum.0 + flow.received, sum.1 + flow.returned);
    }
    let sums = sums
        .into_iter()
        .filter_map(|(code, sum)| Some((Currency::parse(code)?, sum)));
    let money = |amount: i64, currency: Currency| signed_in.money(Money { amount, currency });
    html! {
        @for (currency, (received, returned)) in sums {
            p { (words.received) " " strong { (money(received, currency)) } ", " (words.returned) " "
                strong { (money(returned, currency)) } }
        }
    }
}

/// Shows the live holds by event type and status, and what they keep from sale.
fn show_live(signed_in: &SignedIn, words: &FunnelWords, live: &[LiveHolds]) -> Markup {
    let heads = [
        words.event_type,
        words.status,
        words.holds,
        words.units,
        words.busy,
        words.worth,
        words.first_expiry,
    ];
    html! {
        section {
            h2 { (words.live) }
            p { (words.live_means) }
            @if live.is_empty() {
                p { (words.no_live) }
            } @else {
                @let rows = html! { @for row in live { (live_row(signed_in, words, row)) } };
                (table(words.live, &heads, rows))
            }
        }
    }
}

fn live_row(signed_in: &SignedIn, words: &FunnelWords, row: &LiveHolds) -> Markup {
    let (status, is_unpaid) = match row.status {
        StatusKind::Held => (words.held, true),
        StatusKind::Processing => (words.processing, false),
        StatusKind::Confirmed | StatusKind::Released | StatusKind::Cancelled => (words.confirmed, false),
    };
    let minutes = row.busy_seconds / 60;
    html! {
        tr {
            th scope="row" { (row.event_type) }
            td { (status) }
            td.number { (row.holds) }
            td.number { (row.units) }
            td.number { (minutes / 60) ":" (format!("{:02}", minutes % 60)) }
            td.number { (signed_in.money(row.price)) }
            td { @if is_unpaid { (signed_in.time(row.first_expiry)) } @else { "–" } }
        }
    }
}
