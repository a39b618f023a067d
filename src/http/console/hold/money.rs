//! The money of a hold: where it is, its payments, refunds and disputes.

use maud::{Markup, html};

use crate::domain::booking::Booking;
use crate::domain::ledger::snapshots::{DisputeStatus, RefundSnapshot, RefundStatus};
use crate::domain::ledger::sums::Sums;
use crate::domain::money::{Currency, Money};
use crate::domain::payment::{Payment, PaymentState};
use crate::http::console::components::table;
use crate::http::console::language::Language;
use crate::http::console::signed_in::SignedIn;
use crate::http::console::states::{Tone, badge};
use crate::http::console::stripe_links::StripeLinks;

struct MoneyWords {
    money: &'static str,
    none: &'static str,
    sums: &'static str,
    sum_columns: [&'static str; 2],
    paid: &'static str,
    refunded: &'static str,
    refund_pending: &'static str,
    disputed: &'static str,
    lost: &'static str,
    kept: &'static str,
    due_back: &'static str,
    payments: &'static str,
    payment_columns: [&'static str; 3],
    refunds: &'static str,
    refund_columns: [&'static str; 5],
    made_at_stripe: &'static str,
    disputes: &'static str,
    dispute_columns: [&'static str; 5],
}

static ENGLISH: MoneyWords = MoneyWords {
    money: "Money",
    none: "There is no payment.",
    sums: "Where the money is",
    sum_columns: ["Place", "Amount"],
    paid: "Paid by the guest",
    refunded: "Back with the guest",
    refund_pending: "On its way back",
    disputed: "Withdrawn by the bank while it decides",
    lost: "Lost to the bank",
    kept: "Kept by the shop",
    due_back: "Due back: its refund failed",
    payments: "Payments",
    payment_columns: ["Payment at Stripe", "Amount", "State"],
    refunds: "Refunds",
    refund_columns: ["Refund at Stripe", "Amount", "Status", "Ordered by", "Since"],
    made_at_stripe: "made at Stripe",
    disputes: "Disputes",
    dispute_columns: ["Dispute at Stripe", "Amount", "Status", "Answer until", "Since"],
};

static GERMAN: MoneyWords = MoneyWords {
    money: "Geld",
    none: "Es gibt keine Zahlung.",
    sums: "Wo das Geld ist",
    sum_columns: ["Wo", "Betrag"],
    paid: "Vom Gast bezahlt",
    refunded: "Zurück beim Gast",
    refund_pending: "Auf dem Weg zurück",
    disputed: "Von der Bank abgezogen, solange sie entscheidet",
    lost: "An die Bank verloren",
    kept: "Vom Shop behalten",
    due_back: "Zurückzugeben: die Erstattung ist fehlgeschlagen",
    payments: "Zahlungen",
    payment_columns: ["Zahlung bei Stripe", "Betrag", "Stand"],
    refunds: "Erstattungen",
    refund_columns: [
        "Erstattung bei Stripe",
        "Betrag",
        "Status",
        "Beauftragt von",
        "Seit",
    ],
    made_at_stripe: "bei Stripe gemacht",
    disputes: "Anfechtungen",
    dispute_columns: [
        "Anfechtung bei Stripe",
        "Betrag",
        "Status",
        "Antworten bis",
        "Seit",
    ],
};

/// Shows the money of a booking.
pub(super) fn show(signed_in: &SignedIn, booking: &Booking, links: StripeLinks) -> Markup {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let hold = &booking.hold;
    html! {
        section {
            h2 #money { (words.money) }
            @if hold.payments.is_empty() {
                p { (words.none) }
            } @else {
                (show_sums(signed_in, words.sums, &[hold.sums()], hold.ledger_currency()))
                (show_payments(signed_in, &hold.payments, links, words))
            }
        }
    }
}

/// A place where money can be: its name, and how much of the sums is in it.
type Place<'a> = (&'a str, fn(&Sums) -> i64);

/// Shows where the money is: a column for each of the sums, such as before and after an act.
pub(super) fn show_sums(signed_in: &SignedIn, caption: &str, sums: &[Sums], currency: Currency) -> Markup {
    let words = signed_in.language.choose(&ENGLISH, &GERMAN);
    let places: [Place<'_>; 7] = [
        (words.paid, |sums| sums.paid),
        (words.kept, |sums| sums.kept),
        (words.refund_pending, |sums| sums.refund_pending),
        (words.refunded, |sums| sums.refunded),
        (words.due_back, |sums| sums.due_back),
        (words.disputed, |sums| sums.disputed),
        (words.lost, |sums| sums.lost),
    ];
    let [place, amount] = words.sum_columns;
    let language = signed_in.language;
    let headings = match sums.len() {
        1 => vec![place, amount],
        _ => vec![
            place,
            language.choose("Now", "Jetzt"),
            language.choose("Then", "Danach"),
        ],
    };
    // The page of the hold has all places; a preview has those in which money is or will be.
    let shown = places
        .iter()
        .filter(|(_, of)| sums.len() == 1 || sums.iter().any(|sums| of(sums) != 0));
    table(
        caption,
        &headings,
        html! {
            @for (place, of) in shown {
                tr {
                    th scope="row" { (place) }
                    @for sums in sums { td.number { (signed_in.money(Money { amount: of(sums), currency })) } }
                }
            }
        },
    )
}

fn show_payments(
    signed_in: &SignedIn,
    payments: &[Payment],
    links: StripeLinks,
    words: &MoneyWords,
) -> Markup {
    let language = signed_in.language;
    let has_refunds = payments.iter().any(|payment| !payment.facts.refunds.is_empty());
    let has_disputes = payments.iter().any(|payment| !payment.facts.disputes.is_empty());
    html! {
        (table(words.payments, &words.payment_columns, html! {
            @for payment in payments {
                tr {
                    th scope="row" { (links.payment(payment.intent.as_str())) }
                    td.number { (signed_in.money(payment.money)) }
                    td { (payment_badge(payment.state, language)) }
                }
            }
        }))
        @if has_refunds {
            (table(words.refunds, &words.refund_columns, html! {
                @for payment in payments { (show_refunds(signed_in, payment, links, words)) }
            }))
        }
        @if has_disputes {
            (table(words.disputes, &words.dispute_columns, html! {
                @for payment in payments { (show_disputes(signed_in, payment, links)) }
            }))
        }
    }
}

fn show_refunds(signed_in: &SignedIn, payment: &Payment, links: StripeLinks, words: &MoneyWords) -> Markup {
    let mut refunds: Vec<_> = payment.facts.refunds.values().collect();
    refunds.sort_by_key(|refund| refund.created);
    html! {
        @for refund in refunds {
            tr {
                th scope="row" { (links.refund(refund.id.as_str())) }
                td.number { (signed_in.money(refund.money)) }
                td {
                    (refund_badge(&refund.status, signed_in.language))
                    @if let Some(reason) = &refund.failure_reason { " " code { (reason) } }
                }
                td { (find_orderer(payment, refund).unwrap_or(words.made_at_stripe)) }
                td { (signed_in.time(refund.created)) }
            }
        }
    }
}

fn find_orderer<'a>(payment: &'a Payment, refund: &RefundSnapshot) -> Option<&'a str> {
    let mut orders = payment.decisions.orders.iter();
    let order = orders.find(|order| order.command.is_some() && order.command == refund.command)?;
    order.ordered_by.as_deref()
}

fn show_disputes(signed_in: &SignedIn, payment: &Payment, links: StripeLinks) -> Markup {
    let mut disputes: Vec<_> = payment.facts.disputes.values().collect();
    disputes.sort_by_key(|dispute| dispute.created);
    html! {
        @for dispute in disputes {
            tr {
                th scope="row" { (links.dispute(dispute.id.as_str())) }
                td.number { (signed_in.money(dispute.money)) }
                td { (dispute_badge(&dispute.status, signed_in.language)) }
                td { @if let Some(due_by) = dispute.due_by { (signed_in.time(due_by)) } @else { "–" } }
                td { (signed_in.time(dispute.created)) }
            }
        }
    }
}

fn payment_badge(state: PaymentState, language: Language) -> Markup {
    let (tone, english, german) = match state {
        PaymentState::Paid => (Tone::Good, "paid", "bezahlt"),
        PaymentState::RefundDue => (Tone::Wait, "refund on its way", "Erstattung unterwegs"),
        PaymentState::Refunded => (Tone::Gone, "gone back", "zurückgegeben"),
        PaymentState::RefundFailed => (Tone::Bad, "refund failed", "Erstattung fehlgeschlagen"),
        PaymentState::Disputed => (Tone::Bad, "disputed", "angefochten"),
        PaymentState::Kept => (Tone::Gone, "kept", "behalten"),
    };
    badge(tone, language.choose(english, german))
}

fn refund_badge(status: &RefundStatus, language: Language) -> Markup {
    let (tone, english, german) = match status {
        RefundStatus::Unknown(word) => return badge(Tone::Wait, word.as_str()),
        RefundStatus::RequiresAction => (Tone::Wait, "the guest must act", "der Gast muss etwas tun"),
        RefundStatus::Pending => (Tone::Wait, "on its way", "unterwegs"),
        RefundStatus::Succeeded => (Tone::Good, "succeeded", "gelungen"),
        RefundStatus::Canceled => (Tone::Bad, "canceled", "abgebrochen"),
        RefundStatus::Failed => (Tone::Bad, "failed", "fehlgeschlagen"),
    };
    badge(tone, language.choose(english, german))
}

fn dispute_badge(status: &DisputeStatus, language: Language) -> Markup {
    let (tone, english, german) = match status {
        DisputeStatus::Unknown(word) => return badge(Tone::Wait, word.as_str()),
        DisputeStatus::WarningNeedsResponse => (
            Tone::Bad,
            "inquiry: answer it at Stripe",
            "Rückfrage: antworten Sie bei Stripe",
        ),
        DisputeStatus::WarningUnderReview => (Tone::Wait, "inquiry under review", "Rückfrage wird geprüft"),
        DisputeStatus::WarningClosed => (Tone::Gone, "inquiry closed", "Rückfrage abgeschlossen"),
        DisputeStatus::NeedsResponse => (
            Tone::Bad,
            "open: answer it at Stripe",
            "offen: antworten Sie bei Stripe",
        ),
        DisputeStatus::UnderReview => (Tone::Wait, "under review", "wird geprüft"),
        DisputeStatus::Prevented => (
            Tone::Gone,
            "prevented by a refund",
            "durch eine Erstattung verhindert",
        ),
        DisputeStatus::Won => (Tone::Good, "won", "gewonnen"),
        DisputeStatus::Lost => (Tone::Bad, "lost", "verloren"),
    };
    badge(tone, language.choose(english, german))
}
