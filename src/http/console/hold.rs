//! The page of a hold: what was booked and by whom, its money, its history, what the shop's systems received, and what an
//! operator can do. Each act has a file of its own below `hold/`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use maud::html;

use self::named_booking::NamedBooking;
use super::access::ConsoleRoutes;
use super::navigation::MenuPage;
use super::signed_in::SignedIn;
use super::states::status_badge;
use super::stripe_links::StripeLinks;
use crate::domain::access_key::Scope;
use crate::domain::booking::HistoryLine;
use crate::domain::listing::{PageRequest, StoredEvent};
use crate::http::error::Problem;
use crate::http::path_id::{PathId, parse_hold_id};
use crate::http::server::Server;
use crate::workflow::hold_events::{self, HoldEvent};
use crate::workflow::queries;

mod act_problem;
mod ask_stripe;
mod booking;
mod cancel;
mod erase;
mod events;
mod history;
mod history_german;
mod money;
mod move_to;
pub(super) mod named_booking;
mod notices;
mod offered_acts;
mod preview;
mod refund;
mod release;
mod resend;
mod stripe_event;

/// How many of Stripe's events the page names.
const STRIPE_EVENTS: u32 = 50;

/// Adds the page and its acts.
pub(super) fn add_routes(routes: ConsoleRoutes) -> ConsoleRoutes {
    let routes = routes.page("/console/holds/{id}", Scope::Read, get(show_hold));
    let routes = release::add_routes(routes);
    let routes = ask_stripe::add_routes(routes);
    let routes = cancel::add_routes(routes);
    let routes = refund::add_routes(routes);
    let routes = move_to::add_routes(routes);
    let routes = resend::add_routes(routes);
    let routes = stripe_event::add_routes(routes);
    erase::add_routes(routes)
}

/// A hold with all that its page shows.
struct HoldOnPage {
    named: NamedBooking,
    history: Vec<HistoryLine>,
    events: Vec<HoldEvent>,
    stripe_events: Vec<StoredEvent>,
    links: StripeLinks,
}

async fn show_hold(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    signed_in: SignedIn,
) -> Result<Response, Problem> {
    let page = load(&server, &id).await?;
    let (named, booking) = (&page.named, &page.named.booking);
    let content = html! {
        p { (status_badge(booking.hold.status, signed_in.language)) }
        (offered_acts::show(&signed_in, named))
        (booking::show(&signed_in, named))
        (money::show(&signed_in, booking, page.links))
        (history::show(&signed_in, &page.history, page.links))
        (events::show_sent(&signed_in, &page.events))
        (events::show_stripe(&signed_in, booking, &page.stripe_events, page.links))
    };
    let title = named.summary(&signed_in);
    let builder = signed_in.page(MenuPage::Search, title).notices(&notices::ALL);
    Ok(builder.show(content))
}

async fn load(server: &Server, id: &str) -> Result<HoldOnPage, Problem> {
    let (context, id) = (&server.context, parse_hold_id(id)?);
    let found = queries::find_hold_with_history(context, id).await?;
    let (booking, history) = found.ok_or_else(|| Problem::not_found("hold"))?;
    let first = PageRequest {
        limit: STRIPE_EVENTS,
        cursor: None,
    };
    Ok(HoldOnPage {
        links: StripeLinks::of_session(server, &booking.hold.session),
        stripe_events: queries::list_events(context, Some(id), &first).await?.entries,
        events: hold_events::list_hold_events(context, id).await?,
        named: NamedBooking::name(server, booking).await?,
        history,
    })
}
