//! A week as a table: a row for each resource, a column for each day.

use chrono::NaiveDate;
use maud::{Markup, html};

use super::view::{PlanView, Span};
use crate::domain::day_plan::{PlanEntry, PlanEntryKind, ResourcePlan};
use crate::domain::time::Window;

/// Shows the plan of a week. Gaps are left out: a week has too many.
pub(super) fn show_week(view: &PlanView<'_>, days: &[(NaiveDate, Window)]) -> Markup {
    let caption = format!("{} {}", view.words.week_title, view.signed_in.day(days[0].0));
    html! {
        div.region #plan-week role="region" aria-label=(caption) tabindex="0" {
            table.week {
                caption { (caption) }
                thead {
                    tr {
                        th scope="col" { (view.words.resource) }
                        @for (day, _) in days {
                            th scope="col" {
                                a href=(Span::Day.query(*day)) { (view.signed_in.short_day(*day)) }
                            }
                        }
                    }
                }
                tbody {
                    @for plan in &view.plan.resources {
                        tr {
                            th scope="row" { (plan.resource.name) }
                            @for (_, window) in days { td { (show_cell(view, plan, *window)) } }
                        }
                    }
                }
            }
        }
    }
}

fn show_cell(view: &PlanView<'_>, plan: &ResourcePlan, day: Window) -> Markup {
    let entries = plan.entries.iter();
    let entries: Vec<&PlanEntry> = entries
        .filter(|entry| entry.kind != PlanEntryKind::Gap && entry.window.overlaps(&day))
        .collect();
    html! {
        @if entries.is_empty() { "–" }
        @else {
            ul.entries {
                @for entry in entries {
                    li class={ "entry " (view.class_of(entry)) } { (view.show_entry(plan, entry)) }
                }
            }
        }
    }
}
