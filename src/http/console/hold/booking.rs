//! What was booked, when, with what and by whom.

use chrono::Duration;
use maud::{Markup, html};

use super::named_booking::NamedBooking;
use crate::domain::booking::Booking;
use crate::domain::hold::{CancelReason, ReleaseReason, Status};
use crate::domain::segment::Segment;
use crate::http::console::components::table;
use crate::http::console::language::Language;
use crate::http::console::signed_in::SignedIn;
use crate::http::console::states::{Tone, badge, describe_status};

struct BookingWords {
    booking: &'static str,
    status: &'static str,
    event_type: &'static str,
    when: &'static str,
    quantity: &'static str,
    price: &'static str,
    price_mismatch: &'static str,
    requested_resource: &'static str,
    placed: &'static str,
    changed: &'static str,
    pay_until: &'static str,
    asked_next: &'static str,
    guest: &'static str,
    name: &'static str,
    email: &'static str,
    all_of_guest: &'static str,
    erased: &'static str,
    cancel_until: &'static str,
    move_until: &'static str,
    never: &'static str,
    passed: &'static str,
    segments: &'static str,
    segment_columns: [&'static str; 3],
    metadata: &'static str,
    metadata_columns: [&'static str; 2],
}

static ENGLISH: BookingWords = BookingWords {
    booking: "Booking",
    status: "Status",
    event_type: "Event type",
    when: "When",
    quantity: "Units",
    price: "Price",
    price_mismatch: "another amount was paid",
    requested_resource: "Resource that the guest asked for",
    placed: "Placed",
    changed: "Last change",
    pay_until: "Time to pay ends",
    asked_next: "Stripe is asked next",
    guest: "Guest",
    name: "Name",
    email: "E-mail",
    all_of_guest: "All holds of this guest",
    erased: "erased",
    cancel_until: "May cancel until",
    move_until: "May move until",
    never: "never",
    passed: "no longer: the right had passed before a move",
    segments: "What the hold keeps",
    segment_columns: ["Resource", "Start", "End"],
    metadata: "Data that the shop added",
    metadata_columns: ["Name", "Value"],
};

static GERMAN: BookingWords = BookingWords {
    booking: "Buchung",
    status: "Status",
    event_type: "Angebot",
    when: "Wann",
    quantity: "Plätze",
    price: "Preis",
    price_mismatch: "ein anderer Betrag wurde bezahlt",
    requested_resource: "Vom Gast gewünschte Ressource",
    placed: "Angelegt",
    changed: "Letzte Änderung",
    pay_until: "Zahlungsfrist endet",
    asked_next: "Nächste Anfrage bei Stripe",
    guest: "Gast",
    name: "Name",
    email: "E-Mail",
    all_of_guest: "Alle Reservierungen dieses Gastes",
    erased: "gelöscht",
    cancel_until: "Darf stornieren bis",
    move_until: "Darf verschieben bis",
    never: "nie",
    passed: "nicht mehr: das Recht war vor einer Verschiebung abgelaufen",
    segments: "Was die Reservierung belegt",
    segment_columns: ["Ressource", "Beginn", "Ende"],
    metadata: "Angaben des Shops",
    metadata_columns: ["Name", "Wert"],
};

/// Shows the booking and its guest.
pub(super) fn show(signed_in: &SignedIn, named: &NamedBooking) -> Markup {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    html! {
        section.card {
            h2 #guest { (words.guest) }
            (show_guest(signed_in, named, words))
        }
        section.card {
            h2 #booking { (words.booking) }
            (show_facts(signed_in, named, words))
        }
        (table(words.segments, &words.segment_columns, html! {
            @for segment in &named.booking.segments { (show_segment(signed_in, named, segment)) }
        }))
        @if !named.booking.metadata.is_empty() {
            (table(words.metadata, &words.metadata_columns, html! {
                @for (name, value) in &named.booking.metadata { tr { th scope="row" { (name) } td { (value) } } }
            }))
        }
    }
}

fn show_facts(signed_in: &SignedIn, named: &NamedBooking, words: &BookingWords) -> Markup {
    let booking = &named.booking;
    let (window, hold) = (booking.window(), &booking.hold);
    let when = format!(
        "{}, {}",
        signed_in.day(signed_in.day_of(window.starts_at())),
        signed_in.range(window.starts_at(), window.ends_at())
    );
    html! {
        dl.facts {
            dt { (words.status) } dd { (describe_with_reason(hold.status, signed_in.language)) }
            dt { (words.event_type) } dd { (named.event_type_name()) }
            dt { (words.when) } dd { (when) }
            dt { (words.quantity) } dd { (booking.quantity) }
            dt { (words.price) }
            dd {
                (signed_in.money(hold.price))
                @if hold.price_mismatch { " " (badge(Tone::Bad, words.price_mismatch)) }
            }
            @if let Some(resource) = &booking.requested_resource {
                dt { (words.requested_resource) } dd { (named.resource_name(resource)) }
            }
            dt { (words.placed) } dd { (signed_in.time(booking.created_at)) }
            dt { (words.changed) } dd { (signed_in.time(booking.last_change())) }
            @if matches!(hold.status, Status::Held | Status::Processing) {
                dt { (words.pay_until) } dd { (signed_in.time(booking.expires_at)) }
            }
            @if let Some(due_at) = booking.due_at {
                dt { (words.asked_next) } dd { (signed_in.time(due_at)) }
            }
        }
    }
}

/// Names a status, and why the hold ended if it has.
pub(super) fn describe_with_reason(status: Status, language: Language) -> String {
    let (word, _) = describe_status(status, language);
    let reason = match status {
        Status::Held | Status::Processing | Status::Confirmed => return word.to_owned(),
        Status::Released(ReleaseReason::Expired) => {
            language.choose("not paid in time", "nicht rechtzeitig bezahlt")
        }
        Status::Released(ReleaseReason::PaymentFailed) => {
            language.choose("the payment failed", "die Zahlung ist fehlgeschlagen")
        }
        Status::Released(ReleaseReason::LatePaymentRefunded) => language.choose(
            "paid too late; the money goes back",
            "zu spät bezahlt; das Geld geht zurück",
        ),
        Status::Released(ReleaseReason::Guest) | Status::Cancelled(CancelReason::Guest) => {
            language.choose("by the guest", "vom Gast")
        }
        Status::Released(ReleaseReason::Operator) | Status::Cancelled(CancelReason::Operator) => {
            language.choose("by an operator", "vom Betreiber")
        }
        Status::Cancelled(CancelReason::Refunded) => language.choose(
            "all money was refunded at Stripe",
            "alles Geld wurde bei Stripe erstattet",
        ),
    };
    format!("{word}: {reason}")
}

fn show_guest(signed_in: &SignedIn, named: &NamedBooking, words: &BookingWords) -> Markup {
    let booking = &named.booking;
    let guest = &booking.guest;
    let search: String = url::form_urlencoded::byte_serialize(guest.email.as_bytes()).collect();
    html! {
        dl.facts {
            dt { (words.name) } dd { (guest.name.as_deref().unwrap_or("–")) }
            dt { (words.email) }
            dd {
                @if guest.email.is_empty() { (words.erased) }
                @else { a href=(write_mailto(&guest.email)) { (guest.email) } }
            }
            dt { (words.cancel_until) } dd { (show_cancel_right(signed_in, booking, words)) }
            dt { (words.move_until) }
            dd { (show_right(signed_in, booking, booking.change_policy.move_until_minutes, words)) }
        }
        @if !guest.email.is_empty() {
            p { a href={ "/console/search?q=" (search) } { (words.all_of_guest) } }
        }
    }
}

/// Writes the address of a new message to a guest. A guest's own address must not add recipients or a text to it (RFC 6068).
fn write_mailto(email: &str) -> String {
    let encode = |part: &str| {
        let encoded: String = url::form_urlencoded::byte_serialize(part.as_bytes()).collect();
        encoded.replace('+', "%20")
    };
    match email.rsplit_once('@') {
        Some((local, domain)) => format!("mailto:{}@{}", encode(local), encode(domain)),
        None => format!("mailto:{}", encode(email)),
    }
}

fn show_cancel_right(signed_in: &SignedIn, booking: &Booking, words: &BookingWords) -> Markup {
    if booking.cancel_right_passed {
        return html! { (words.passed) };
    }
    show_right(
        signed_in,
        booking,
        booking.change_policy.cancel_until_minutes,
        words,
    )
}

fn show_right(signed_in: &SignedIn, booking: &Booking, minutes: Option<i64>, words: &BookingWords) -> Markup {
    let before = minutes.and_then(Duration::try_minutes);
    let until = before.and_then(|before| booking.window().starts_at().checked_sub_signed(before));
    html! {
        @match until {
            Some(until) => { (signed_in.time(until)) }
            None => { (words.never) }
        }
    }
}

fn show_segment(signed_in: &SignedIn, named: &NamedBooking, segment: &Segment) -> Markup {
    html! {
        tr {
            th scope="row" { (named.resource_name(&segment.resource)) }
            td { (signed_in.time(segment.window.starts_at())) }
            td { (signed_in.time(segment.window.ends_at())) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_of_a_guest_adds_nothing_to_a_message() {
        for (email, mailto) in [
            ("ada@example.com", "mailto:ada@example.com"),
            ("a+b@example.com", "mailto:a%2Bb@example.com"),
            (
                "a?bcc=x%40evil.example&body=hi@example.com",
                "mailto:a%3Fbcc%3Dx%2540evil.example%26body%3Dhi@example.com",
            ),
            (
                "\"a b\"@example.com?cc=c",
                "mailto:%22a%20b%22@example.com%3Fcc%3Dc",
            ),
            ("a,b@c@example.com", "mailto:a%2Cb%40c@example.com"),
            ("ada", "mailto:ada"),
        ] {
            assert_eq!(write_mailto(email), mailto);
        }
    }
}
