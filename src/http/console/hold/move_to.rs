//! Moves a booking: first a free slot of a week, then a page that asks once, then the act.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use chrono::{DateTime, Days, NaiveDate, Utc};
use maud::{Markup, html};

use super::named_booking::{NamedBooking, path_of};
use super::{act_problem, notices};
use crate::domain::access_key::Scope;
use crate::domain::availability::{Slot, SlotStatus};
use crate::domain::catalogue::EventType;
use crate::domain::hold::Status;
use crate::domain::ids::ResourceId;
use crate::domain::time::Window;
use crate::http::audit_trail::AuditNote;
use crate::http::console::access::{Act, ConsoleRoutes};
use crate::http::console::components::{ButtonKind, Confirmation, Field, hidden, link_button, submit};
use crate::http::console::form_values::{FormValues, QueryValues};
use crate::http::console::navigation::MenuPage;
use crate::http::console::notice::redirect_with_notice;
use crate::http::console::signed_in::SignedIn;
use crate::http::error::{Problem, ProblemCode};
use crate::http::hold_acts;
use crate::http::path_id::PathId;
use crate::http::server::Server;
use crate::workflow::move_hold::{self, MoveError, MoveRequest};
use crate::workflow::move_slots::list_move_slots;

mod words;

use words::{ENGLISH, GERMAN, MoveWords};

const PATH: &str = "/console/holds/{id}/move";
const STARTS_AT: &str = "starts_at";
const RESOURCE: &str = "resource";
const FROM: &str = "from";
const SEEN: &str = super::cancel::SEEN;
/// How many days one page shows.
const DAYS: u64 = 7;

/// Returns the act, as the audit trail names it. Guests share the operators' route, which needs this scope of a key.
pub(super) fn act() -> Act {
    Act::new("moveHold", Scope::Operate)
}

/// Tells whether the booking can move, and there is something to move to.
pub(super) fn is_possible(named: &NamedBooking) -> bool {
    named.event_type.is_some() && move_hold::is_movable(&named.booking)
}

pub(super) fn add_routes(routes: ConsoleRoutes) -> ConsoleRoutes {
    routes
        .page(PATH, act().scope(), get(choose))
        .page("/console/holds/{id}/move/confirm", act().scope(), get(ask))
        .act(PATH, act(), post(move_to))
}

async fn choose(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    signed_in: SignedIn,
    query: QueryValues,
) -> Result<Response, Problem> {
    let named = NamedBooking::load(&server, &id).await?;
    if !is_possible(&named) {
        return Ok(act_problem::show(&signed_in, &named, &not_movable()));
    }
    let resource = match find_resource(&named, &query) {
        Ok(resource) => resource,
        Err(problem) => return Ok(act_problem::show(&signed_in, &named, &problem)),
    };
    let from = find_first_day(&signed_in, &named, &query);
    let week = find_week(&server, from).ok_or_else(|| Problem::not_found("day"))?;
    let listed = list_move_slots(&server.context, &named.booking, week, resource.clone()).await;
    let listed = match listed.map_err(Problem::from) {
        Ok(Some(listed)) => listed,
        Ok(None) => return Ok(act_problem::show(&signed_in, &named, &not_movable())),
        Err(problem) => return Ok(act_problem::show(&signed_in, &named, &problem)),
    };
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let free = listed.slots.iter().filter(|slot| slot.state == SlotStatus::Free);
    let days = group_by_day(&signed_in, free);
    Ok(signed_in.page(MenuPage::Search, words.title).show(html! {
        p { strong { (named.summary(&signed_in)) } }
        (show_filter(&named, from, resource.as_ref(), words))
        (show_days(&signed_in, &named, &days, resource.as_ref(), words))
        h2 { (words.other_days) }
        (show_other_weeks(&signed_in, &named, from, resource.as_ref(), words))
    }))
}

fn not_movable() -> Problem {
    Problem::new(
        ProblemCode::NotMovable,
        "only a held or a confirmed hold of an event type on sale can be moved",
    )
}

/// Reads the resource that is to serve; `None` leaves the choice to the placing.
///
/// # Errors
/// `invalid` if the text is no id: it must not leave the choice to the placing.
fn parse_resource(values: &FormValues) -> Result<Option<ResourceId>, Problem> {
    let parse = |text| ResourceId::parse(text).map_err(|_| MoveError::UnknownResource.into());
    values.text(RESOURCE).map(parse).transpose()
}

/// Reads the resource that is to serve, and checks that it can, as the move does.
///
/// # Errors
/// `invalid` if the event type has no such resource.
fn find_resource(named: &NamedBooking, values: &FormValues) -> Result<Option<ResourceId>, Problem> {
    let resource = parse_resource(values)?;
    let serves = |id: &ResourceId| {
        named
            .event_type
            .iter()
            .any(|event_type| event_type.is_served_by(id))
    };
    if resource.as_ref().is_some_and(|id| !serves(id)) {
        return Err(MoveError::UnknownResource.into());
    }
    Ok(resource)
}

/// Returns the first day to show: the one that was asked for, else that of the booking, but none that has passed.
fn find_first_day(signed_in: &SignedIn, named: &NamedBooking, query: &FormValues) -> NaiveDate {
    let today = signed_in.day_of(signed_in.now);
    let asked = query.text(FROM).and_then(|day| day.parse().ok());
    let own = || signed_in.day_of(named.booking.window().starts_at());
    asked.unwrap_or_else(own).max(today)
}

fn find_week(server: &Server, from: NaiveDate) -> Option<Window> {
    let settings = &server.context.settings;
    let last = from.checked_add_days(Days::new(DAYS - 1))?;
    Window::new(settings.find_day(from)?.start, settings.find_day(last)?.end)
}

fn group_by_day<'a>(
    signed_in: &SignedIn,
    slots: impl Iterator<Item = &'a Slot>,
) -> Vec<(NaiveDate, Vec<&'a Slot>)> {
    let mut days: Vec<(NaiveDate, Vec<&Slot>)> = Vec::new();
    for slot in slots {
        let day = signed_in.day_of(slot.window.starts_at());
        match days.last_mut() {
            Some((last, slots)) if *last == day => slots.push(slot),
            _ => days.push((day, vec![slot])),
        }
    }
    days
}

fn show_filter(
    named: &NamedBooking,
    from: NaiveDate,
    resource: Option<&ResourceId>,
    words: &MoveWords,
) -> Markup {
    let served: Vec<ResourceId> = named
        .event_type
        .iter()
        .flat_map(EventType::list_resources)
        .collect();
    let mut choices = vec![("", words.any_resource)];
    choices.extend(served.iter().map(|id| (id.as_str(), named.resource_name(id))));
    let day = from.to_string();
    let day = Field {
        name: FROM,
        label: words.from,
        kind: "date",
        value: &day,
        ..Field::default()
    };
    let who = Field {
        name: RESOURCE,
        label: words.resource,
        value: resource.map_or("", ResourceId::as_str),
        ..Field::default()
    };
    html! {
        form.row method="get" action={ (path_of(named.id())) "/move" } {
            (day.show())
            (who.show_choice(&choices))
            div.buttons { (submit(ButtonKind::Plain, words.show)) }
        }
    }
}

fn show_days(
    signed_in: &SignedIn,
    named: &NamedBooking,
    days: &[(NaiveDate, Vec<&Slot>)],
    resource: Option<&ResourceId>,
    words: &MoveWords,
) -> Markup {
    html! {
        @if days.is_empty() { p { (words.none) } }
        @for (day, slots) in days {
            section {
                h2 id={ "day-" (day) } { (signed_in.day(*day)) }
                div.buttons {
                    @for slot in slots {
                        @let start = slot.window.starts_at();
                        @if start == named.booking.window().starts_at() && resource.is_none() {
                            span { span.badge.gone { (signed_in.clock_time(start)) " " (words.now) } }
                        } @else {
                            (link_button(ButtonKind::Plain, &confirm_path(named, start, resource), &signed_in.clock_time(start)))
                        }
                    }
                }
            }
        }
    }
}

fn confirm_path(named: &NamedBooking, starts_at: DateTime<Utc>, resource: Option<&ResourceId>) -> String {
    let query = write_query(STARTS_AT, &write_start(starts_at), resource);
    format!("{}/move/confirm?{query}", path_of(named.id()))
}

fn write_query(name: &str, value: &str, resource: Option<&ResourceId>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair(name, value);
    if let Some(resource) = resource {
        query.append_pair(RESOURCE, resource.as_str());
    }
    query.finish()
}

fn write_start(starts_at: DateTime<Utc>) -> String {
    starts_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

fn show_other_weeks(
    signed_in: &SignedIn,
    named: &NamedBooking,
    from: NaiveDate,
    resource: Option<&ResourceId>,
    words: &MoveWords,
) -> Markup {
    let path = path_of(named.id());
    let link = |day: NaiveDate| format!("{path}/move?{}", write_query(FROM, &day.to_string(), resource));
    let today = signed_in.day_of(signed_in.now);
    let before = from.checked_sub_days(Days::new(DAYS)).filter(|_| from > today);
    html! {
        p.buttons {
            @if let Some(before) = before {
                (link_button(ButtonKind::Plain, &link(before.max(today)), words.earlier))
            }
            @if let Some(after) = from.checked_add_days(Days::new(DAYS)) {
                (link_button(ButtonKind::Plain, &link(after), words.later))
            }
            (link_button(ButtonKind::Plain, &path, words.back))
        }
    }
}

fn parse_start(values: &FormValues) -> Result<DateTime<Utc>, Problem> {
    let start = values.text(STARTS_AT).and_then(|text| text.parse().ok());
    start.ok_or_else(|| Problem::not_found("slot"))
}

async fn ask(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    signed_in: SignedIn,
    query: QueryValues,
) -> Result<Response, Problem> {
    let named = NamedBooking::load(&server, &id).await?;
    let starts_at = parse_start(&query)?;
    if !is_possible(&named) {
        return Ok(act_problem::show(&signed_in, &named, &not_movable()));
    }
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let resource = match find_resource(&named, &query) {
        Ok(resource) => resource,
        Err(problem) => return Ok(act_problem::show(&signed_in, &named, &problem)),
    };
    let path = path_of(named.id());
    Ok(signed_in.confirm(Confirmation {
        page: MenuPage::Search,
        title: words.question,
        explanation: html! {
            p { strong { (named.summary(&signed_in)) } }
            dl.facts {
                dt { (words.now_at) } dd { (signed_in.time(named.booking.window().starts_at())) }
                dt { (words.then_at) } dd { strong { (signed_in.time(starts_at)) } }
                dt { (words.resource) }
                dd { (resource.as_ref().map_or(words.any_resource, |id| named.resource_name(id))) }
            }
            p { (if is_paid(&named) { words.price_stays } else { words.price_stays_unpaid }) }
            p { (words.tell_guest) }
        },
        button: words.button,
        kind: ButtonKind::Main,
        action: &format!("{path}/move"),
        fields: html! {
            (hidden(STARTS_AT, &write_start(starts_at)))
            (hidden(RESOURCE, resource.as_ref().map_or("", ResourceId::as_str)))
            (hidden(SEEN, &named.booking.version.to_string()))
        },
        back: &format!("{path}/move"),
    }))
}

async fn move_to(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    signed_in: SignedIn,
    Extension(note): Extension<AuditNote>,
    form: FormValues,
) -> Result<Response, Problem> {
    let named = NamedBooking::load(&server, &id).await?;
    let seen = form.text(SEEN).and_then(|version| version.parse().ok());
    let request = MoveRequest {
        hold: named.id(),
        starts_at: parse_start(&form)?,
        // The move itself refuses one that cannot serve, also if the catalogue has changed since the page that asked.
        resource: parse_resource(&form)?,
        actor: signed_in.holder.to_actor(),
        // A form without the version was not made by the page that asks: no version is the one that it saw.
        seen: Some(seen.unwrap_or_default()),
    };
    let path = path_of(named.id());
    let notice = if is_paid(&named) {
        &notices::MOVED
    } else {
        &notices::MOVED_UNPAID
    };
    if is_done(&named, &request) {
        return Ok(redirect_with_notice(&path, notice));
    }
    Ok(match hold_acts::move_to(&server, request, Some(&note)).await {
        Ok(_) => redirect_with_notice(&path, notice),
        Err(problem) => act_problem::show(&signed_in, &named, &problem),
    })
}

/// Tells whether the guest has paid: an unpaid hold keeps its price and is still to be paid.
fn is_paid(named: &NamedBooking) -> bool {
    named.booking.hold.status == Status::Confirmed
}

/// Tells whether the form was carried out before: then it was sent twice, and the hold has moved since the page that asked.
fn is_done(named: &NamedBooking, request: &MoveRequest) -> bool {
    let booking = &named.booking;
    let has_moved = request.seen.is_some_and(|seen| seen < booking.version);
    let is_there = booking.window().starts_at() == request.starts_at;
    let is_served = request.resource.is_none() || request.resource == booking.requested_resource;
    has_moved && is_there && is_served && move_hold::is_movable(booking)
}
