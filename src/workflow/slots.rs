//! What is free: looking at the books for a checkout or a move, getting overdue holds out of the way, and the slots on
//! show. Every answer is read from the books when it is asked for; nothing is kept.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};

use super::gate::{Entry, Turn};
use super::release::{self, Outcome};
use super::{Context, Trouble};
use crate::domain::availability::{ALTERNATIVES, Calendar, Chance, REACH, Slot, Wish};
use crate::domain::booking::{Cause, Segment};
use crate::domain::catalogue::EventType;
use crate::domain::ids::EventTypeId;
use crate::domain::time::Window;

/// How many look for alternatives at once.
pub(super) const LOOKS_FOR_ALTERNATIVES: usize = 4;

/// An event type and its slots.
#[derive(Clone, Debug)]
pub struct Offer {
    /// What.
    pub event_type: EventType,
    /// By start.
    pub slots: Vec<Slot>,
}

/// The slots of an event type that start within a window; `None` where there is no such event type.
///
/// # Errors
/// [`Trouble::Store`].
pub async fn offer(
    context: &Context,
    id: &EventTypeId,
    within: Window,
    quantity: u32,
) -> Result<Option<Offer>, Trouble> {
    let Some(event_type) = context.store.event_type(id).await? else {
        return Ok(None);
    };
    let wish = Wish {
        event_type: &event_type,
        quantity,
        resource: None,
        moving: None,
    };
    let slots = on_show(context, &wish, within).await?;
    Ok(Some(Offer { event_type, slots }))
}

/// Slots that start within a window, as the books are now.
async fn on_show(context: &Context, wish: &Wish<'_>, within: Window) -> Result<Vec<Slot>, Trouble> {
    let (starts, calendar) = for_sale(context, wish, within).await?;
    Ok(starts
        .into_iter()
        .filter_map(|start| calendar.slot(wish, start))
        .collect())
}

/// What is for sale within a window, and what the books say about it.
async fn for_sale(
    context: &Context,
    wish: &Wish<'_>,
    within: Window,
) -> Result<(Vec<DateTime<Utc>>, Calendar), Trouble> {
    let starts = wish.event_type.starts(within, context.now());
    let spans = starts.first().zip(starts.last());
    let spans = spans.and_then(|(first, last)| wish.event_type.span(*first).zip(wish.event_type.span(*last)));
    let calendar = match spans {
        Some((first, last)) => read(context, wish, first.hull(&last)).await?,
        None => Calendar::default(),
    };
    Ok((starts, calendar))
}

/// The free slots nearest to a start that was refused.
///
/// # Errors
/// [`Trouble::Store`].
pub(super) async fn alternatives(
    context: &Context,
    wish: &Wish<'_>,
    starts_at: DateTime<Utc>,
) -> Result<Vec<Slot>, Trouble> {
    // A crowd of losers asks for these; who still looks for a slot must not stand in line behind them.
    let _turn = context.alternatives.acquire().await;
    let mut found = Vec::new();
    for reach in REACH {
        let around = Window::new(starts_at - reach, starts_at + reach + Duration::seconds(1));
        if let Some(around) = around {
            let (starts, calendar) = for_sale(context, wish, around).await?;
            found = calendar.nearest(wish, starts, starts_at);
        }
        if found.len() >= ALTERNATIVES {
            break;
        }
    }
    Ok(found)
}

async fn read(context: &Context, wish: &Wish<'_>, within: Window) -> Result<Calendar, Trouble> {
    let resources = wish.event_type.resources();
    let calendar = context
        .store
        .calendar(&resources, within, wish.moving, context.now());
    Ok(calendar.await?)
}

/// What the books say about one start; empty where time itself is at its end.
pub(super) async fn look(
    context: &Context,
    wish: &Wish<'_>,
    starts_at: DateTime<Utc>,
) -> Result<Calendar, Trouble> {
    match wish.event_type.span(starts_at) {
        Some(span) => read(context, wish, span).await,
        None => Ok(Calendar::default()),
    }
}

/// A turn at a slot, with segments that are free; `None` where it is taken.
pub(super) async fn turn_at(
    context: &Context,
    wish: &Wish<'_>,
    starts_at: DateTime<Utc>,
) -> Result<Option<(Turn, Vec<Segment>)>, Trouble> {
    let Some(first) = wish.event_type.needs.first().and_then(|need| need.any_of.first()) else {
        return Ok(None);
    };
    let key = (first.clone(), starts_at);
    let mut room = 0;
    loop {
        let busy = match context.gate.enter(&key, wish.quantity, room) {
            Entry::Turn(turn) => {
                let segments = free_segments(context, wish, starts_at).await?;
                return Ok(segments.map(|segments| (turn, segments)));
            }
            Entry::Busy(busy) => busy,
        };
        let seen = look(context, wish, starts_at).await?.room(wish, starts_at);
        if seen < wish.quantity {
            return Ok(None);
        }
        room = 0;
        if busy.units.saturating_add(wish.quantity) <= seen {
            room = seen;
        } else {
            // All who waited look at once, and only those who still see room ask for a turn.
            busy.half_are_done().await;
        }
    }
}

/// Segments that are free now, overdue holds released where they are in the way; `None` where it is taken.
pub(super) async fn free_segments(
    context: &Context,
    wish: &Wish<'_>,
    starts_at: DateTime<Utc>,
) -> Result<Option<Vec<Segment>>, Trouble> {
    let mut asked = BTreeSet::new();
    loop {
        let overdue = match look(context, wish, starts_at).await?.chance(wish, starts_at) {
            Chance::Free(segments) => return Ok(Some(segments)),
            Chance::Taken => return Ok(None),
            Chance::Overdue(holds) => holds,
        };
        for hold in overdue {
            if !asked.insert(hold) {
                return Ok(None);
            }
            match release::release(context, hold, None, Cause::Checkout).await? {
                Outcome::Over(booking) if booking.hold.status.is_live() => return Ok(None),
                Outcome::Over(_) | Outcome::Missing => {}
            }
        }
    }
}
