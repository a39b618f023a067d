//! A day as a timeline: the time runs down, and each resource has a column. On a narrow screen it is a list.

use chrono::{NaiveDate, Timelike};
use maud::{Markup, html};

use super::view::PlanView;
use crate::domain::day_plan::{PlanEntry, PlanEntryKind, ResourcePlan};
use crate::http::console::timeline_style::{MAX_COLUMNS, MAX_ROWS};

/// Minutes of one row.
const STEP: u32 = 15;
/// The hours that a day has at least.
const USUAL_HOURS: (u32, u32) = (9, 17);
/// The columns of a timeline besides that of the hours.
const RESOURCE_COLUMNS: usize = MAX_COLUMNS - 1;

/// An entry with its place.
struct PlacedEntry<'a> {
    entry: &'a PlanEntry,
    /// The minutes of the day's wall clock.
    from: u32,
    to: u32,
    /// The column within those of its resource, from 0 on.
    lane: usize,
}

impl PlacedEntry<'_> {
    /// Tells whether a part of the entry is in these hours. Others are of closed times only.
    fn is_within(&self, (first, last): (u32, u32)) -> bool {
        self.from < last * 60 && first * 60 < self.to
    }

    /// Returns the first row of the entry and how many rows it has.
    fn rows(&self, (first, last): (u32, u32)) -> (usize, usize) {
        let row = row_of(self.from, first);
        let end = row_of(self.to.min(last * 60).next_multiple_of(STEP), first);
        (row, end.saturating_sub(row).max(1))
    }
}

/// A resource with its columns.
struct PlacedResource<'a> {
    plan: &'a ResourcePlan,
    entries: Vec<PlacedEntry<'a>>,
    lanes: usize,
}

/// Shows the plan of a day.
pub(super) fn show_day(view: &PlanView<'_>, day: NaiveDate) -> Markup {
    let resources: Vec<PlacedResource<'_>> = view
        .plan
        .resources
        .iter()
        .map(|plan| place(view, plan, day))
        .collect();
    let entries = resources.iter().flat_map(|resource| &resource.entries);
    let busy: Vec<&PlacedEntry<'_>> = entries
        .filter(|placed| placed.entry.kind != PlanEntryKind::Closed)
        .collect();
    let first = busy.iter().map(|placed| placed.from / 60).min();
    let last = busy.iter().map(|placed| placed.to.div_ceil(60)).max();
    let hours = (
        first.map_or(USUAL_HOURS.0, |first| first.min(USUAL_HOURS.0)),
        last.map_or(USUAL_HOURS.1, |last| last.max(USUAL_HOURS.1)),
    );
    html! { @for group in group_columns(&resources) { (show_group(view, group, hours)) } }
}

/// Places the entries of a resource. Entries that overlap stand beside each other.
fn place<'a>(view: &PlanView<'_>, plan: &'a ResourcePlan, day: NaiveDate) -> PlacedResource<'a> {
    let mut ends: Vec<u32> = Vec::new();
    let mut entries = Vec::new();
    for entry in &plan.entries {
        let minute = |at| {
            let local = view.signed_in.local(at);
            match local.date().cmp(&day) {
                std::cmp::Ordering::Less => 0,
                std::cmp::Ordering::Equal => local.hour() * 60 + local.minute(),
                std::cmp::Ordering::Greater => 24 * 60,
            }
        };
        let from = minute(entry.window.starts_at());
        // Where the clocks go back, an entry may end on the wall clock before it starts.
        let to = minute(entry.window.ends_at()).max(from + STEP).min(24 * 60);
        let from = from.min(to - STEP);
        let free = ends.iter().position(|end| *end <= from);
        let lane = free.unwrap_or(ends.len()).min(RESOURCE_COLUMNS - 1);
        match ends.get_mut(lane) {
            Some(end) => *end = to.max(*end),
            None => ends.push(to),
        }
        entries.push(PlacedEntry {
            entry,
            from,
            to,
            lane,
        });
    }
    PlacedResource {
        plan,
        entries,
        lanes: ends.len().max(1),
    }
}

/// Divides resources into timelines with few enough columns.
fn group_columns<'a, 'b>(resources: &'b [PlacedResource<'a>]) -> Vec<&'b [PlacedResource<'a>]> {
    let mut groups = Vec::new();
    let (mut begin, mut columns) = (0, 0);
    for (index, resource) in resources.iter().enumerate() {
        if columns + resource.lanes > RESOURCE_COLUMNS {
            groups.push(&resources[begin..index]);
            (begin, columns) = (index, 0);
        }
        columns += resource.lanes;
    }
    groups.push(&resources[begin..]);
    groups.retain(|group| !group.is_empty());
    groups
}

fn show_group(view: &PlanView<'_>, resources: &[PlacedResource<'_>], hours: (u32, u32)) -> Markup {
    let columns: usize = resources.iter().map(|resource| resource.lanes).sum();
    let mut column = 2;
    let placed = resources.iter().map(|resource| {
        let its_column = column;
        column += resource.lanes;
        (resource, its_column)
    });
    let label = resources
        .iter()
        .map(|resource| resource.plan.resource.name.as_str());
    let label = label.collect::<Vec<_>>().join(", ");
    html! {
        // The script finds the focus again by the id.
        div.region.plan id={ "plan-" (resources[0].plan.resource.id) } role="region" aria-label=(label) tabindex="0" {
            div.timeline {
                @for hour in hours.0..hours.1 {
                    div aria-hidden="true" class={ "hour row-" (row_of(hour * 60, hours.0)) " rows-4 column-1 columns-" (columns + 1) } {
                        (format!("{hour:02}:00"))
                    }
                }
                @for (resource, column) in placed { (show_resource(view, resource, column, hours)) }
            }
        }
    }
}

/// Returns the row of a minute of the day. The first row has the names.
fn row_of(minute: u32, first_hour: u32) -> usize {
    let rows = minute.saturating_sub(first_hour * 60) / STEP;
    (rows as usize + 2).min(MAX_ROWS)
}

fn show_resource(
    view: &PlanView<'_>,
    resource: &PlacedResource<'_>,
    column: usize,
    hours: (u32, u32),
) -> Markup {
    let plan = resource.plan;
    let heading = format!("resource-{}", plan.resource.id);
    html! {
        section aria-labelledby=(heading) {
            h2 id=(heading) class={ "row-1 column-" (column) " columns-" (resource.lanes) } { (plan.resource.name) }
            @if plan.entries.is_empty() {
                p class={ "quiet row-2 rows-4 column-" (column) } { (view.words.nobody) }
            } @else {
                ol {
                    @for placed in resource.entries.iter().filter(|placed| placed.is_within(hours)) {
                        @let (row, rows) = placed.rows(hours);
                        li class={
                            "entry " (view.class_of(placed.entry)) " row-" (row) " rows-" (rows)
                            " column-" (column + placed.lane)
                        } { (view.show_entry(plan, placed.entry)) }
                    }
                }
            }
        }
    }
}
