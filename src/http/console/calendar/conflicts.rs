//! The live holds that a closed time meets, as the page shows them that asks before the time is closed.

use maud::{Markup, html};

use super::words::CalendarWords;
use crate::domain::booking::Booking;
use crate::http::console::components::table;
use crate::http::console::signed_in::SignedIn;
use crate::http::console::states::status_badge;

/// Shows the holds that stay although their time is closed.
pub(super) fn show_conflicts(
    signed_in: &SignedIn,
    words: &CalendarWords,
    holds: &[Booking],
    are_all: bool,
) -> Markup {
    let rows = html! {
        @for booking in holds {
            @let window = booking.window();
            tr {
                th scope="row" { (signed_in.time(window.starts_at())) }
                td {
                    a href={ "/console/holds/" (booking.hold.id) } {
                        (booking.guest.name.as_deref().unwrap_or(words.guest))
                    }
                }
                td { (booking.event_type) }
                td { (status_badge(booking.hold.status, signed_in.language)) }
            }
        }
    };
    html! {
        @if holds.is_empty() {
            p { (words.no_conflict) }
        } @else {
            p { strong { (words.conflicts_stay) } }
            (table(words.conflicts, &words.conflict_heads, rows))
            @if !are_all { p { (words.not_complete) } }
        }
    }
}
