//! What an act on a hold did, as the page of the hold says it afterwards.

use crate::http::console::notice::Notice;

/// Makes a notice with its two sentences.
const fn notice(code: &'static str, english: &'static str, german: &'static str) -> Notice {
    Notice {
        code,
        english,
        german,
    }
}

pub(super) const RELEASED: Notice = notice(
    "released",
    "The hold is released, and its slot is for sale again.",
    "Die Reservierung ist freigegeben, der Termin ist wieder im Verkauf.",
);
pub(super) const CANCELLED: Notice = notice(
    "cancelled",
    "The booking is cancelled, and its slot is for sale again. The money below says what goes back.",
    "Die Buchung ist storniert, der Termin ist wieder im Verkauf. Unten steht, welches Geld zurückgeht.",
);
pub(super) const REFUNDED: Notice = notice(
    "refunded",
    "The refund is ordered at Stripe.",
    "Die Erstattung ist bei Stripe beauftragt.",
);
pub(super) const SETTLED: Notice = notice(
    "settled",
    "It is recorded that the money was settled elsewhere.",
    "Es ist vermerkt, dass das Geld außerhalb von Stripe beglichen wurde.",
);
pub(super) const MOVED: Notice = notice(
    "moved",
    "The booking is moved. The guest pays nothing again.",
    "Die Buchung ist verschoben. Der Gast zahlt nicht noch einmal.",
);
pub(super) const MOVED_UNPAID: Notice = notice(
    "moved-unpaid",
    "The hold is moved. The price stays the same, and the guest still has to pay it.",
    "Die Reservierung ist verschoben. Der Preis bleibt gleich, der Gast muss ihn noch bezahlen.",
);
pub(super) const ASKED: Notice = notice(
    "asked",
    "Stripe was asked, and what it said is applied. The history says what changed.",
    "Stripe wurde gefragt, die Antwort ist angewendet. Der Verlauf sagt, was sich geändert hat.",
);
pub(super) const RESENT: Notice = notice(
    "resent",
    "The events are on their way to the endpoint again.",
    "Die Ereignisse sind wieder auf dem Weg zum Endpunkt.",
);
pub(super) const NOTHING_TO_RESEND: Notice = notice(
    "nothing-resent",
    "There was nothing to send: this endpoint takes none of the events, or all of them are on their way already.",
    "Es gab nichts zu senden: dieser Endpunkt nimmt keines der Ereignisse, oder alle sind schon auf dem Weg.",
);
pub(super) const APPLIED: Notice = notice(
    "applied",
    "The event is applied. The history says what changed.",
    "Das Ereignis ist angewendet. Der Verlauf sagt, was sich geändert hat.",
);
pub(super) const NOTHING_TO_APPLY: Notice = notice(
    "nothing-applied",
    "The event changes nothing: what it reports is known already.",
    "Das Ereignis ändert nichts: was es meldet, ist schon bekannt.",
);
pub(super) const ERASED: Notice = notice(
    "erased",
    "The guest is erased from all holds and from the stored events of Stripe.",
    "Der Gast ist aus allen Reservierungen und aus den gespeicherten Ereignissen von Stripe gelöscht.",
);
pub(super) const NOTHING_TO_ERASE: Notice = notice(
    "nothing-erased",
    "There is nothing left to erase: no hold names this guest.",
    "Es gibt nichts mehr zu löschen: keine Reservierung nennt diesen Gast.",
);

/// Every notice of the page.
pub(super) static ALL: [Notice; 13] = [
    RELEASED,
    CANCELLED,
    REFUNDED,
    SETTLED,
    MOVED,
    MOVED_UNPAID,
    ASKED,
    RESENT,
    NOTHING_TO_RESEND,
    APPLIED,
    NOTHING_TO_APPLY,
    ERASED,
    NOTHING_TO_ERASE,
];
