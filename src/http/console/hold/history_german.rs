//! What happened to a hold, in German. The English sentences are those that the history stores.

/// Returns what the transition with this code means, in German; `None` for a code that has no sentence here.
pub(super) fn describe_in_german(code: &str) -> Option<&'static str> {
    Some(match code {
        "placed" => "durch einen Checkout angelegt",
        "paid" => "bezahlt",
        "paid_elsewhere" => "über eine andere Sitzung bezahlt; die eigene Sitzung ist beendet",
        "paid_below_price" => "eine Zahlung unter dem Preis; ihre Sitzung entscheidet, was folgt",
        "underpaid_elsewhere" => "eine andere Sitzung nahm weniger als den Preis ein; das Geld geht zurück",
        "payment_processing" => "eine verzögerte Zahlung läuft",
        "delayed_payment_succeeded" => "die verzögerte Zahlung ist eingegangen",
        "delayed_payment_failed" => "die verzögerte Zahlung ist fehlgeschlagen",
        "nothing_to_pay" => "ohne Zahlung abgeschlossen",
        "session_ended" => "die Zahlungssitzung endete unbezahlt",
        "released_without_stripe" => "vom Betreiber freigegeben; Stripe kennt die Sitzung nicht",
        "released_while_processing" => {
            "vom Betreiber freigegeben, während eine Zahlung lief; Geld dafür geht zurück"
        }
        "late_payment_confirmed" => "nach der Freigabe bezahlt; der Termin war noch frei",
        "late_payment_confirmed_elsewhere" => {
            "nach der Freigabe bezahlt; der Termin war mit anderen Ressourcen noch frei"
        }
        "late_payment_refunded" => "nach der Freigabe bezahlt; das Geld geht zurück",
        "late_payment_after_start" => {
            "nach der Freigabe bezahlt; der Termin hatte begonnen, das Geld geht zurück"
        }
        "payment_after_cancellation" => "nach der Stornierung bezahlt; das Geld geht zurück",
        "second_payment" => "ein zweites Mal bezahlt; die zweite Zahlung geht zurück",
        "intent_linked" => "die Zahlung bei Stripe wurde bekannt",
        "payment_attempt_failed" => "ein Zahlungsversuch ist fehlgeschlagen",
        "intent_canceled" => "die Zahlung bei Stripe wurde abgebrochen",
        "cancelled_by_guest" => "vom Gast storniert; das Geld geht zurück",
        "cancelled_by_operator" => "storniert",
        "refund_ordered" => "eine Erstattung ist beauftragt",
        "settled_outside" => "außerhalb von Stripe beglichen",
        "refunded" => "die ganze Zahlung wurde erstattet",
        "partly_refunded" => "ein Teil der Zahlung wurde erstattet",
        "refund_failed" => "eine Erstattung ist bei Stripe fehlgeschlagen",
        "dispute_opened" => "die Bank des Gastes hat die Zahlung angefochten",
        "dispute_closed" => "die Anfechtung ist abgeschlossen",
        "money_moved" => "eine Erstattung oder Anfechtung der Zahlung hat sich geändert",
        "moved" => "verschoben",
        _ => return None,
    })
}
