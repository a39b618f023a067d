//! What resources do within a window, for the people who work there: bookings, closed times, and the gaps between them.

use std::collections::BTreeMap;

use chrono::Duration;

use super::booking::Booking;
use super::catalogue::{EventType, Resource};
use super::ids::{EventTypeId, ResourceId};
use super::time::Window;
use super::zone::ZoneDatabase;

/// What a plan is made from.
#[derive(Clone, Copy, Debug)]
pub struct PlanFacts<'a> {
    /// The time of the plan.
    pub within: Window,
    /// The resources, in the order of the plan.
    pub resources: &'a [Resource],
    /// The live holds that overlap the time.
    pub bookings: &'a [Booking],
    /// The times for which resources are blocked.
    pub blocks: &'a [(ResourceId, Window)],
    /// What the shop sells: its schedules say when a resource is open.
    pub event_types: &'a [EventType],
}

/// What one resource does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourcePlan {
    /// The resource that the plan is of.
    pub resource: Resource,
    /// What it does, in the order of time.
    pub entries: Vec<PlanEntry>,
}

/// A part of a resource's plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanEntry {
    /// The time of the entry. That of bookings is the guest's, without buffers.
    pub window: Window,
    /// What the resource does then.
    pub kind: PlanEntryKind,
}

/// What a resource does in a part of its plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanEntryKind {
    /// It serves these bookings of one event type at the same time, by their index in the facts.
    Bookings(Vec<usize>),
    /// It is blocked, and serves nothing.
    Closed,
    /// It is open and does nothing, for long enough to serve something.
    Gap,
}

/// Makes the plan of each resource.
pub fn plan_resources(facts: PlanFacts<'_>, zones: &ZoneDatabase) -> Vec<ResourcePlan> {
    let resources = facts.resources.iter();
    resources
        .map(|resource| plan_resource(facts, resource, zones))
        .collect()
}

fn plan_resource(facts: PlanFacts<'_>, resource: &Resource, zones: &ZoneDatabase) -> ResourcePlan {
    let mut busy = Vec::new();
    let mut groups: BTreeMap<(Window, &EventTypeId), Vec<usize>> = BTreeMap::new();
    for (index, booking) in facts.bookings.iter().enumerate() {
        let segments = booking.segments.iter();
        for segment in segments.filter(|segment| segment.resource == resource.id) {
            if segment.busy.overlaps(&facts.within) {
                busy.push(segment.busy);
            }
            if segment.window.overlaps(&facts.within) {
                let group = groups.entry((segment.window, &booking.event_type)).or_default();
                group.push(index);
            }
        }
    }
    let blocks = facts.blocks.iter().filter(|(id, _)| *id == resource.id);
    let closed: Vec<Window> = blocks
        .filter_map(|(_, window)| cut(*window, facts.within))
        .collect();
    busy.extend(&closed);
    let booked = groups.into_iter().map(|((window, _), bookings)| PlanEntry {
        window,
        kind: PlanEntryKind::Bookings(bookings),
    });
    let of_kind = |windows: Vec<Window>, kind: PlanEntryKind| {
        windows.into_iter().map(move |window| PlanEntry {
            window,
            kind: kind.clone(),
        })
    };
    let gaps = list_gaps(facts, &resource.id, busy, zones);
    let mut entries: Vec<PlanEntry> = booked
        .chain(of_kind(merge(closed), PlanEntryKind::Closed))
        .chain(of_kind(gaps, PlanEntryKind::Gap))
        .collect();
    entries.sort_by_key(|entry| (entry.window.starts_at(), entry.window.ends_at()));
    ResourcePlan {
        resource: resource.clone(),
        entries,
    }
}

/// Lists the times in which the resource is open and does nothing, if its shortest segment fits in. A resource of something
/// without a schedule is always open: between its first and its last occupied time.
fn list_gaps(
    facts: PlanFacts<'_>,
    resource: &ResourceId,
    busy: Vec<Window>,
    zones: &ZoneDatabase,
) -> Vec<Window> {
    let served = facts.event_types.iter();
    let served: Vec<&EventType> = served
        .filter(|event_type| event_type.is_served_by(resource))
        .collect();
    let segments = served.iter().flat_map(|event_type| &event_type.segments);
    let own = segments.filter(|segment| segment.any_of.contains(resource));
    let Some(shortest) = own.map(|segment| segment.duration_minutes).min() else {
        return Vec::new();
    };
    let busy = merge(busy);
    let mut open: Vec<Window> = served
        .iter()
        .filter_map(|event_type| event_type.schedule.as_ref())
        .flat_map(|schedule| schedule.list_open_windows(facts.within, zones))
        .collect();
    if served.iter().any(|event_type| event_type.schedule.is_none())
        && let (Some(first), Some(last)) = (busy.first(), busy.last())
    {
        open.extend(cut(first.hull(last), facts.within));
    }
    let mut gaps = Vec::new();
    for opening in merge(open) {
        let mut start = opening.starts_at();
        for window in busy.iter().filter(|window| window.overlaps(&opening)) {
            gaps.extend(Window::new(start, window.starts_at()));
            start = start.max(window.ends_at());
        }
        gaps.extend(Window::new(start, opening.ends_at()));
    }
    gaps.retain(|gap| gap.length() >= Duration::minutes(shortest));
    gaps
}

/// Returns the part of a window that lies within another; `None` if there is none.
fn cut(window: Window, within: Window) -> Option<Window> {
    let start = window.starts_at().max(within.starts_at());
    Window::new(start, window.ends_at().min(within.ends_at()))
}

/// Merges windows that overlap or touch, and sorts them.
fn merge(mut windows: Vec<Window>) -> Vec<Window> {
    windows.sort_by_key(Window::starts_at);
    let mut merged: Vec<Window> = Vec::new();
    for window in windows {
        match merged.last_mut() {
            Some(last) if window.starts_at() <= last.ends_at() => *last = last.hull(&window),
            _ => merged.push(window),
        }
    }
    merged
}

#[cfg(test)]
mod tests;
