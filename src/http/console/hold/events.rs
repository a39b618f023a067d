//! Shows what was sent to the shop's own systems about a hold, and what Stripe reported about it.

use maud::{Markup, html};

use super::stripe_event;
use crate::domain::booking::Booking;
use crate::domain::event_endpoint::DeliveryState;
use crate::domain::listing::StoredEvent;
use crate::http::console::components::table;
use crate::http::console::language::Language;
use crate::http::console::signed_in::SignedIn;
use crate::http::console::states::{Tone, badge};
use crate::http::console::stripe_links::StripeLinks;
use crate::http::scopes::scope_of;
use crate::workflow::hold_events::{HoldDelivery, HoldEvent};

struct EventWords {
    sent: &'static str,
    sent_caption: &'static str,
    sent_columns: [&'static str; 5],
    nobody: &'static str,
    not_sent: &'static str,
    an_endpoint: &'static str,
    nothing_sent: &'static str,
    stripe: &'static str,
    stripe_caption: &'static str,
    stripe_columns: [&'static str; 4],
    apply_again: &'static str,
    nothing_reported: &'static str,
    session: &'static str,
    hold_id: &'static str,
    log_id: &'static str,
}

static ENGLISH: EventWords = EventWords {
    sent: "Events sent to the shop's systems",
    sent_caption: "Events out and their deliveries, the latest first",
    sent_columns: ["When", "Event", "Number", "Endpoint", "Delivery"],
    nobody: "no endpoint",
    not_sent: "not sent yet",
    an_endpoint: "an endpoint",
    nothing_sent: "No event is kept. Events are kept for 30 days.",
    stripe: "At Stripe",
    stripe_caption: "What Stripe reported, the latest first",
    stripe_columns: ["Applied", "Type", "Event at Stripe", "Repair"],
    apply_again: "Apply again",
    nothing_reported: "Stripe has reported nothing about this hold yet.",
    session: "Session",
    hold_id: "Hold",
    log_id: "Name in the log",
};

static GERMAN: EventWords = EventWords {
    sent: "Ereignisse an die Systeme des Shops",
    sent_caption: "Ereignisse und ihre Zustellungen, das Neueste zuerst",
    sent_columns: ["Wann", "Ereignis", "Nummer", "Endpunkt", "Zustellung"],
    nobody: "kein Endpunkt",
    not_sent: "noch nicht gesendet",
    an_endpoint: "ein Endpunkt",
    nothing_sent: "Es ist kein Ereignis aufbewahrt. Ereignisse werden 30 Tage aufbewahrt.",
    stripe: "Bei Stripe",
    stripe_caption: "Was Stripe gemeldet hat, das Neueste zuerst",
    stripe_columns: ["Angewendet", "Art", "Ereignis bei Stripe", "Reparatur"],
    apply_again: "Wieder anwenden",
    nothing_reported: "Stripe hat zu dieser Reservierung noch nichts gemeldet.",
    session: "Sitzung",
    hold_id: "Reservierung",
    log_id: "Name im Log",
};

/// Shows the events that went to endpoints. Who may not see the endpoints sees neither their names nor what they answered.
pub(super) fn show_sent(signed_in: &SignedIn, events: &[HoldEvent]) -> Markup {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let may_see = signed_in.may(scope_of("GET", "/v1/admin/webhook-endpoints"));
    html! {
        section {
            h2 #sent { (words.sent) }
            @if events.is_empty() {
                p { (words.nothing_sent) }
            } @else {
                (table(words.sent_caption, &words.sent_columns, html! {
                    @for event in events {
                        tr {
                            td { (signed_in.time(event.created_at)) }
                            td { code { (event.kind.as_str()) } }
                            td.number { @if let Some(sequence) = event.sequence { (sequence) } @else { "–" } }
                            @match &event.delivery {
                                Some(delivery) => {
                                    td { @if may_see { (delivery.endpoint) } @else { (words.an_endpoint) } }
                                    td { (show_delivery(delivery, may_see, signed_in.language)) }
                                }
                                None if event.sequence.is_none() => { td { "–" } td { (words.not_sent) } }
                                None => { td { (words.nobody) } td { "–" } }
                            }
                        }
                    }
                }))
            }
        }
    }
}

fn show_delivery(delivery: &HoldDelivery, may_see: bool, language: Language) -> Markup {
    let (tone, english, german) = match delivery.state {
        DeliveryState::Done => (Tone::Good, "delivered", "zugestellt"),
        DeliveryState::Failed => (Tone::Bad, "failed", "fehlgeschlagen"),
        DeliveryState::Pending if delivery.attempts == 0 => (Tone::Wait, "waiting", "wartet"),
        DeliveryState::Pending => (Tone::Wait, "is tried again", "wird wieder versucht"),
    };
    html! {
        (badge(tone, language.choose(english, german)))
        @if may_see && delivery.state != DeliveryState::Done {
            @if let Some(fault) = &delivery.last_fault { " " span lang="en" { (fault) } }
        }
    }
}

/// Shows the ids of the hold and its session, and the events that Stripe sent about them.
pub(super) fn show_stripe(
    signed_in: &SignedIn,
    booking: &Booking,
    events: &[StoredEvent],
    links: StripeLinks,
) -> Markup {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let hold = &booking.hold;
    let may_apply = signed_in.may(stripe_event::act().scope());
    html! {
        section {
            h2 #stripe { (words.stripe) }
            dl.facts {
                dt { (words.session) } dd { (links.session(hold.session.as_str())) }
                dt { (words.hold_id) } dd { code { (hold.id) } }
                dt { (words.log_id) } dd { code { (hold.id.log_id()) } }
            }
            @if events.is_empty() {
                p { (words.nothing_reported) }
            } @else {
                (table(words.stripe_caption, &words.stripe_columns, html! {
                    @for event in events {
                        tr {
                            td { (signed_in.time(event.applied_at)) }
                            td { code { (event.kind) } }
                            td { (links.event(event.id.as_str())) }
                            td {
                                @if event.has_payload && may_apply {
                                    a href=(stripe_event::path_of(&event.id, hold.id)) { (words.apply_again) }
                                } @else { "–" }
                            }
                        }
                    }
                }))
            }
        }
    }
}
