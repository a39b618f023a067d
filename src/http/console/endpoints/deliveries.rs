//! What was sent to an endpoint and what is to be, and the form that sends the events of a range again.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use chrono::{DateTime, Duration, NaiveDate, Utc};
use maud::{Markup, html};

use super::one_endpoint::{NOTICES, REPLAYED, find_endpoint, path_of};
use super::words::{ENGLISH, EndpointWords, GERMAN};
use crate::domain::access_key::Scope;
use crate::domain::event_endpoint::{DeliveryState, EventEndpoint};
use crate::http::console::access::{Act, ConsoleRoutes};
use crate::http::console::components::{
    ButtonKind, Confirmation, Field, hidden, link_button, next_page, submit, table,
};
use crate::http::console::form_values::{FormValues, QueryValues};
use crate::http::console::navigation::MenuPage;
use crate::http::console::notice::redirect_with_notice;
use crate::http::console::signed_in::SignedIn;
use crate::http::console::states::{Tone, badge};
use crate::http::error::{Problem, ProblemCode};
use crate::http::path_id::PathId;
use crate::http::server::Server;
use crate::workflow::event_endpoints::{self, DeliveryWithId};

/// How many deliveries a page lists.
const PER_PAGE: u32 = 50;

/// Adds the pages of deliveries.
pub(super) fn add_routes(routes: ConsoleRoutes) -> ConsoleRoutes {
    let replay = Act::of("POST", "/v1/admin/webhook-endpoints/{id}/replay");
    routes
        .page(
            "/console/webhook-endpoints/{id}/deliveries",
            Scope::Read,
            get(list_deliveries),
        )
        .page(
            "/console/webhook-endpoints/{id}/replay",
            replay.scope(),
            get(show_replay),
        )
        .preview(
            "/console/webhook-endpoints/{id}/replay-preview",
            replay.scope(),
            post(ask_to_replay),
        )
        .act(
            "/console/webhook-endpoints/{id}/replay",
            replay,
            post(replay_events),
        )
}

async fn list_deliveries(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    PathId(id): PathId,
    query: QueryValues,
) -> Result<Response, Problem> {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let endpoint = find_endpoint(&server, &id).await?;
    let chosen = query.text("state").unwrap_or_default();
    let state = match chosen {
        "pending" => Some(DeliveryState::Pending),
        "done" => Some(DeliveryState::Done),
        "failed" => Some(DeliveryState::Failed),
        _ => None,
    };
    let page = query.page(PER_PAGE);
    let found = event_endpoints::list_deliveries(&server.context, &endpoint.id, state, &page).await?;
    let found = found.ok_or_else(|| Problem::not_found("endpoint"))?;
    let path = format!("{}/deliveries", path_of(&endpoint.id));
    let rows = html! { @for delivery in &found.entries { (to_row(&signed_in, words, delivery)) } };
    let choices = [
        ("", words.all_states),
        ("pending", words.pending),
        ("done", words.done),
        ("failed", words.failed),
    ];
    let filter = Field {
        name: "state",
        label: words.state,
        value: chosen,
        ..Field::default()
    };
    let next = match chosen {
        "" => path.clone(),
        chosen => format!("{path}?state={chosen}"),
    };
    let title = format!("{}: {}", words.deliveries, endpoint.id);
    Ok(signed_in.page(MenuPage::Endpoints, title.clone()).notices(&NOTICES).show(html! {
        form.row method="get" action=(path) {
            (filter.show_choice(&choices))
            (submit(ButtonKind::Plain, words.show))
            @if signed_in.may(Scope::Admin) {
                (link_button(ButtonKind::Plain, &format!("{}/replay", path_of(&endpoint.id)), words.replay))
            }
        }
        @if found.entries.is_empty() { p { (words.no_delivery) } }
        @else { (table(&title, &words.delivery_heads, rows)) }
        (next_page(signed_in.language, &next, found.next.as_deref()))
    }))
}

fn to_row(signed_in: &SignedIn, words: &EndpointWords, named: &DeliveryWithId) -> Markup {
    let delivery = &named.delivery;
    let state = match delivery.state {
        DeliveryState::Pending => badge(Tone::Wait, words.pending),
        DeliveryState::Done => badge(Tone::Good, words.done),
        DeliveryState::Failed => badge(Tone::Bad, words.failed),
    };
    html! {
        tr {
            th scope="row" {
                (delivery.kind.map_or(words.deleted_event, |kind| kind.as_str()))
                @if let Some(event) = &named.event { br; span.quiet.address { (event) } }
            }
            td {
                @if let Some(hold) = delivery.hold { a.address href={ "/console/holds/" (hold) } { (hold) } }
            }
            td { (state) }
            td.number { (delivery.attempts) }
            td { @if let Some(at) = delivery.last_attempt_at { (signed_in.time(at)) } }
            td { @if let Some(at) = delivery.due_at { (signed_in.time(at)) } }
            td {
                @if let Some(status) = delivery.last_status { (status) " " }
                @if let Some(fault) = &delivery.last_fault { span lang="en" { (fault) } }
            }
        }
    }
}

async fn show_replay(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    PathId(id): PathId,
) -> Result<Response, Problem> {
    let endpoint = find_endpoint(&server, &id).await?;
    let today = signed_in.day_of(signed_in.now).to_string();
    let values = FormValues::parse(format!("from={today}&to={today}").as_bytes());
    Ok(show_form(&signed_in, &endpoint, &values, false))
}

/// Shows the form that chooses the days whose events are sent again.
fn show_form(
    signed_in: &SignedIn,
    endpoint: &EventEndpoint,
    values: &FormValues,
    is_wrong: bool,
) -> Response {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let field = |name, label| Field {
        name,
        label,
        kind: "date",
        value: values.raw(name).unwrap_or_default(),
        is_required: true,
        error: is_wrong.then_some(words.not_accepted),
        ..Field::default()
    };
    let path = path_of(&endpoint.id);
    let fields = html! {
        p { (words.replay_help) }
        div.row { (field("from", words.first_day).show()) (field("to", words.last_day).show()) }
        div.buttons {
            (submit(ButtonKind::Main, words.go_on))
            (link_button(ButtonKind::Plain, &path, words.back))
        }
    };
    let status = match is_wrong {
        true => ProblemCode::Invalid.status(),
        false => StatusCode::OK,
    };
    let title = format!("{}: {}", words.replay, endpoint.id);
    let content = signed_in.form(&format!("{path}/replay-preview"), fields);
    signed_in
        .page(MenuPage::Endpoints, title)
        .status(status)
        .show(content)
}

async fn ask_to_replay(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    PathId(id): PathId,
    values: FormValues,
) -> Result<Response, Problem> {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let endpoint = find_endpoint(&server, &id).await?;
    let Some((first, last)) = read_days(&values).filter(|days| find_range(&server, *days).is_some()) else {
        return Ok(show_form(&signed_in, &endpoint, &values, true));
    };
    let path = path_of(&endpoint.id);
    Ok(signed_in.confirm(Confirmation {
        page: MenuPage::Endpoints,
        title: words.replay_title,
        explanation: html! {
            p { strong { (endpoint.id) } " " span.address { (endpoint.url) } }
            p { (signed_in.day(first)) " – " (signed_in.day(last)) }
            p { (words.replay_means) }
        },
        button: words.replay,
        kind: ButtonKind::Main,
        action: &format!("{path}/replay"),
        fields: html! { (hidden("from", &first.to_string())) (hidden("to", &last.to_string())) },
        back: &format!("{path}/replay"),
    }))
}

async fn replay_events(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    PathId(id): PathId,
    values: FormValues,
) -> Result<Response, Problem> {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let endpoint = find_endpoint(&server, &id).await?;
    let Some((from, to)) = read_days(&values).and_then(|days| find_range(&server, days)) else {
        return Ok(show_form(&signed_in, &endpoint, &values, true));
    };
    let replayed = event_endpoints::replay_events(&server.context, &endpoint.id, from, to).await?;
    let replayed = replayed.ok_or_else(|| Problem::not_found("endpoint"))?;
    let path = path_of(&endpoint.id);
    match replayed.next_from {
        None => Ok(redirect_with_notice(&format!("{path}/deliveries"), &REPLAYED)),
        Some(next) => Ok(signed_in.page(MenuPage::Endpoints, words.replay).show(html! {
            p role="status" { (words.replayed_part) " " (signed_in.time(next)) }
            (link_button(ButtonKind::Plain, &format!("{path}/deliveries"), words.deliveries))
        })),
    }
}

fn read_days(values: &FormValues) -> Option<(NaiveDate, NaiveDate)> {
    let day = |name| values.text(name)?.parse().ok();
    Some((day("from")?, day("to")?))
}

/// Finds the time from the start of the first day to the end of the last, if it is one.
fn find_range(
    server: &Server,
    (first, last): (NaiveDate, NaiveDate),
) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let settings = &server.context.settings;
    let (from, to) = (settings.find_day(first)?.start, settings.find_day(last)?.end);
    // Events are kept for weeks; a longer range is a mistake.
    (from < to && to - from < Duration::days(400)).then_some((from, to))
}
