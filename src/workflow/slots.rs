//! What is free: looking at the books for a checkout or a move, getting overdue holds out of the way, and the slots on
//! show. Every answer is read from the books when it is asked for; nothing is kept.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};

use super::gate::{Entry, Turn};
use super::release::{self, Outcome};
use super::{Context, Trouble};
use crate::domain::availability::{ALTERNATIVES, Calendar, Chance, REACH, Slot, Wish};
use crate::domain::booking::{Allocation, Booking, Cause, Segment};
use crate::domain::catalogue::EventType;
use crate::domain::ids::EventTypeId;
use crate::domain::time::Window;
use crate::store::Question;

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
    let (starts, calendar) = for_sale(context, wish, within, Some(context.now())).await?;
    Ok(starts
        .into_iter()
        .filter_map(|start| calendar.slot(wish, start))
        .collect())
}

/// What is for sale within a window, and what the books say about it; `tenures_at` as in [`Question`].
async fn for_sale(
    context: &Context,
    wish: &Wish<'_>,
    within: Window,
    tenures_at: Option<DateTime<Utc>>,
) -> Result<(Vec<DateTime<Utc>>, Calendar), Trouble> {
    let starts = wish.event_type.starts(within, context.now());
    let spans = starts.first().zip(starts.last());
    let spans = spans.and_then(|(first, last)| wish.event_type.span(*first).zip(wish.event_type.span(*last)));
    let calendar = match spans {
        Some((first, last)) => read(context, wish, first.hull(&last), tenures_at).await?,
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
            let (starts, calendar) = for_sale(context, wish, around, None).await?;
            found = calendar.nearest(wish, starts, starts_at);
        }
        if found.len() >= ALTERNATIVES {
            break;
        }
    }
    Ok(found)
}

async fn read(
    context: &Context,
    wish: &Wish<'_>,
    within: Window,
    tenures_at: Option<DateTime<Utc>>,
) -> Result<Calendar, Trouble> {
    let question = Question {
        resources: &wish.event_type.resources(),
        within,
        moving: wish.moving,
        tenures_at,
    };
    Ok(context.store.calendar(&question).await?)
}

/// What the books say about one start, with who may still end; empty where time itself is at its end.
async fn look(context: &Context, wish: &Wish<'_>, starts_at: DateTime<Utc>) -> Result<Calendar, Trouble> {
    match wish.event_type.span(starts_at) {
        Some(span) => read(context, wish, span, Some(context.now())).await,
        None => Ok(Calendar::default()),
    }
}

/// Units that are free just now; `None` where there are not as many. `rivals` as in [`Calendar::allocate`].
pub(super) async fn free_now(
    context: &Context,
    wish: &Wish<'_>,
    starts_at: DateTime<Utc>,
    rivals: u32,
) -> Result<Option<Vec<Allocation>>, Trouble> {
    let Some(span) = wish.event_type.span(starts_at) else {
        return Ok(None);
    };
    let calendar = read(context, wish, span, None).await?;
    Ok(calendar.units(wish, starts_at, rivals))
}

/// Units for a hold that gave its slot up and wants it back: its own resources, or others who serve the same where its
/// guest did not ask for somebody. `None` where there are not as many.
pub(super) async fn free_again(
    context: &Context,
    booking: &Booking,
) -> Result<Option<Vec<Allocation>>, Trouble> {
    if let Some(own) = own_again(context, booking).await? {
        return Ok(Some(own));
    }
    let Some(event_type) = context.store.event_type(&booking.event_type).await? else {
        return Ok(None);
    };
    let wish = Wish {
        event_type: &event_type,
        quantity: booking.quantity,
        resource: booking.wish.as_ref(),
        moving: None,
    };
    let others = free_now(context, &wish, booking.window().starts_at(), 0).await?;
    // What is on sale may have changed since it was booked.
    let times = |segment: &Segment| (segment.window, segment.busy);
    let is_the_same = |units: &Vec<Allocation>| {
        let segments = units.iter().map(|one| times(&one.segment));
        segments.eq(booking.segments.iter().map(times))
    };
    Ok(others.filter(is_the_same))
}

async fn own_again(context: &Context, booking: &Booking) -> Result<Option<Vec<Allocation>>, Trouble> {
    let busy = booking.segments.iter().map(|segment| segment.busy);
    let Some(within) = busy.reduce(|all, one| all.hull(&one)) else {
        return Ok(None);
    };
    let resources: BTreeSet<_> = booking.segments.iter().map(|one| one.resource.clone()).collect();
    let question = Question {
        resources: &Vec::from_iter(resources),
        within,
        moving: None,
        tenures_at: None,
    };
    let calendar = context.store.calendar(&question).await?;
    Ok(calendar.allocate(booking.segments.clone(), booking.quantity, 0))
}

/// A turn at a slot, with units that are free; `None` where it is taken.
pub(super) async fn turn_at(
    context: &Context,
    wish: &Wish<'_>,
    starts_at: DateTime<Utc>,
) -> Result<Option<(Turn, Vec<Allocation>)>, Trouble> {
    let Some(first) = wish.event_type.needs.first().and_then(|need| need.any_of.first()) else {
        return Ok(None);
    };
    let key = (first.clone(), starts_at);
    let mut room = 0;
    loop {
        let busy = match context.gate.enter(&key, wish.quantity, room) {
            Entry::Turn(turn) => {
                let units = free_units(context, wish, starts_at, turn.rivals).await?;
                return Ok(units.map(|units| (turn, units)));
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

/// Units that are free, overdue holds released where they are in the way; `None` where it is taken.
pub(super) async fn free_units(
    context: &Context,
    wish: &Wish<'_>,
    starts_at: DateTime<Utc>,
    rivals: u32,
) -> Result<Option<Vec<Allocation>>, Trouble> {
    let mut asked = BTreeSet::new();
    loop {
        // Most slots that somebody wants are free, and then nobody's tenure matters.
        if let Some(units) = free_now(context, wish, starts_at, rivals).await? {
            return Ok(Some(units));
        }
        let calendar = look(context, wish, starts_at).await?;
        let overdue = match calendar.chance(wish, starts_at, rivals) {
            Chance::Free(units) => return Ok(Some(units)),
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
