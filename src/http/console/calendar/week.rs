//! The table of a week: a row for each resource, a column for each day.

use std::cmp::Ordering;

use chrono::{DateTime, NaiveDate, Utc};
use maud::{Markup, html};

use super::words::CalendarWords;
use crate::domain::booking::Booking;
use crate::domain::catalogue::{BlockSource, ListedBlock};
use crate::domain::time::Window;
use crate::http::console::signed_in::SignedIn;
use crate::http::console::states::{Tone, badge, status_badge};
use crate::workflow::shop_calendar::ResourceTimes;

/// A day of the week that is shown, with its time.
pub(super) struct ShownDay {
    /// The day in the shop's zone.
    pub(super) day: NaiveDate,
    /// The first instant of the day.
    pub(super) start: DateTime<Utc>,
    /// The first instant after it.
    pub(super) end: DateTime<Utc>,
}

/// Shows what keeps resources busy on the days of a week.
pub(super) fn show_table(
    signed_in: &SignedIn,
    words: &CalendarWords,
    days: &[ShownDay],
    resources: &[ResourceTimes],
    may_block: bool,
) -> Markup {
    html! {
        div.region role="region" aria-label=(words.by_resource) tabindex="0" {
            table.calendar-week {
                caption { (words.by_resource) }
                thead {
                    tr {
                        th scope="col" { (words.resource) }
                        @for shown in days { th scope="col" { (signed_in.short_day(shown.day)) } }
                    }
                }
                tbody {
                    @for times in resources {
                        tr {
                            th scope="row" { (times.resource.name) br; span.quiet { (times.resource.id) } }
                            @for shown in days {
                                td { (show_cell(signed_in, words, shown, times, may_block)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What keeps a resource busy.
enum Entry<'a> {
    Hold(&'a Booking, Window),
    Block(&'a ListedBlock),
}

impl Entry<'_> {
    fn window(&self) -> Window {
        match self {
            Self::Hold(_, window) => *window,
            Self::Block(listed) => listed.block.window,
        }
    }

    fn compare(&self, other: &Self) -> Ordering {
        self.window().cmp(&other.window())
    }
}

fn show_cell(
    signed_in: &SignedIn,
    words: &CalendarWords,
    shown: &ShownDay,
    times: &ResourceTimes,
    may_block: bool,
) -> Markup {
    let mut entries = list_entries(times);
    entries.retain(|entry| entry.window().starts_at() < shown.end && shown.start < entry.window().ends_at());
    entries.sort_by(Entry::compare);
    html! {
        @if !entries.is_empty() {
            ul {
                @for entry in &entries {
                    @match entry {
                        Entry::Hold(booking, window) => (show_hold(signed_in, words, shown, times, (booking, *window))),
                        Entry::Block(listed) => (show_block(signed_in, words, shown, times, (listed, may_block))),
                    }
                }
            }
        }
    }
}

/// Lists the segments of holds that the resource serves, and its blocks.
fn list_entries(times: &ResourceTimes) -> Vec<Entry<'_>> {
    let holds = times.holds.iter().flat_map(|booking| {
        let segments = booking.segments.iter();
        segments
            .filter(|segment| segment.resource == times.resource.id)
            .map(move |segment| Entry::Hold(booking, segment.window))
    });
    holds.chain(times.blocks.iter().map(Entry::Block)).collect()
}

/// Tells whether a hold keeps the resource busy in a time that is closed, buffers included.
fn is_in_closed_time(times: &ResourceTimes, booking: &Booking) -> bool {
    let mut segments = booking
        .segments
        .iter()
        .filter(|segment| segment.resource == times.resource.id);
    segments.any(|segment| {
        let mut blocks = times.blocks.iter();
        blocks.any(|listed| listed.block.window.overlaps(&segment.busy))
    })
}

fn show_hold(
    signed_in: &SignedIn,
    words: &CalendarWords,
    shown: &ShownDay,
    times: &ResourceTimes,
    (booking, window): (&Booking, Window),
) -> Markup {
    let conflicts = is_in_closed_time(times, booking);
    let guest = booking.guest.name.as_deref().unwrap_or(words.guest);
    html! {
        li.busy.conflict[conflicts] {
            strong { (part_of_day(signed_in, shown, window)) } " "
            a href={ "/console/holds/" (booking.hold.id) } { (guest) }
            @if booking.quantity > 1 { " ×" (booking.quantity) }
            " " (status_badge(booking.hold.status, signed_in.language))
            @if conflicts { " " (badge(Tone::Bad, words.conflict)) }
        }
    }
}

fn show_block(
    signed_in: &SignedIn,
    words: &CalendarWords,
    shown: &ShownDay,
    times: &ResourceTimes,
    (listed, may_block): (&ListedBlock, bool),
) -> Markup {
    let block = &listed.block;
    let source = match listed.source {
        BlockSource::Operator => words.blocked,
        BlockSource::Feed => words.by_feed,
        BlockSource::Closure => words.by_closure,
    };
    let path = format!(
        "/console/resources/{}/blocks/{}/delete",
        times.resource.id, block.id
    );
    html! {
        li.busy.block {
            strong { (part_of_day(signed_in, shown, block.window)) } " " (source)
            @if !block.note.is_empty() { ": " (block.note) }
            @if may_block && listed.source == BlockSource::Operator { " " a href=(path) { (words.remove) } }
        }
    }
}

/// Writes the part of a window that is on a day; a day that it fills is `00:00–24:00`.
fn part_of_day(signed_in: &SignedIn, shown: &ShownDay, window: Window) -> String {
    let time = |at: DateTime<Utc>| signed_in.clock_time(at);
    let start = time(window.starts_at().max(shown.start));
    let end = match window.ends_at() >= shown.end {
        true => "24:00".to_owned(),
        false => time(window.ends_at()),
    };
    format!("{start}–{end}")
}
