//! Stripe's objects in JSON, read for the few fields that we need, whether they come as an answer or in an event.
//!
//! Tolerant by design: events are rendered in whatever API version the endpoint was made with, so only the fields read
//! here must be as expected; all others may be unknown, null, missing or of another type. `None` means that the field,
//! or the object that hangs on it, cannot be used. What that means for a call or an event is left to the callers.

use serde_json::Value;

use super::{INSTALLATION_KEY, METADATA_KEY};
use crate::domain::ids::{HoldId, IntentId, SessionId};
use crate::domain::money::{Currency, Money};
use crate::domain::payment::Receipt;
use crate::domain::session::{NewSession, SessionPayment, SessionReport, SessionStatus};

/// A text that is not empty. NUL is refused because PostgreSQL cannot keep it.
pub(super) fn text<'a>(object: &'a Value, field: &str) -> Option<&'a str> {
    let text = object.get(field)?.as_str()?;
    (!text.is_empty() && !text.contains('\0')).then_some(text)
}

/// A whole number.
pub(super) fn number(object: &Value, field: &str) -> Option<i64> {
    object.get(field)?.as_i64()
}

/// The id of another object: as a string, or of the object itself where the field is expanded.
fn reference<'a>(object: &'a Value, field: &str) -> Option<&'a str> {
    text(object, field).or_else(|| text(object.get(field)?, "id"))
}

/// The PaymentIntent that an object belongs to.
pub(super) fn intent(object: &Value) -> Option<IntentId> {
    reference(object, "payment_intent").map(IntentId::new)
}

/// The amount in `field`, in the object's own `currency`.
pub(super) fn money(object: &Value, field: &str) -> Option<Money> {
    Some(Money {
        amount: number(object, field)?,
        currency: Currency::parse_reported(text(object, "currency")?)?,
    })
}

/// The hold that an object was made for, from our metadata. Nobody else's objects have it.
pub(super) fn hold_in_metadata(object: &Value) -> Option<HoldId> {
    HoldId::parse(text(object.get("metadata")?, METADATA_KEY)?)
}

/// The installation that an object was made by, from our metadata.
pub(super) fn installation(object: &Value) -> Option<String> {
    text(object.get("metadata")?, INSTALLATION_KEY).map(str::to_owned)
}

/// What a session says about its money.
pub(super) fn session_payment(session: &Value) -> Option<SessionPayment> {
    match text(session, "payment_status")? {
        "paid" => session_receipt(session).map(SessionPayment::Paid),
        "unpaid" => Some(SessionPayment::Unpaid(intent(session))),
        "no_payment_required" => Some(SessionPayment::NotRequired),
        _ => None,
    }
}

/// The money of a session, where it names all of it.
pub(super) fn session_receipt(session: &Value) -> Option<Receipt> {
    Some(Receipt {
        intent: intent(session)?,
        money: money(session, "amount_total")?,
    })
}

/// A session that we asked about.
pub(super) fn session_report(session: &Value) -> Option<SessionReport> {
    let status = match text(session, "status")? {
        "open" => SessionStatus::Open,
        "complete" if has_failed(session) => SessionStatus::Failed,
        "complete" => SessionStatus::Complete(session_payment(session)?),
        "expired" => SessionStatus::Expired,
        _ => return None,
    };
    Some(SessionReport {
        id: SessionId::new(text(session, "id")?),
        hold: hold_in_metadata(session),
        status,
    })
}

/// Whether the payment of a complete session failed for good: its intent, expanded, waits for nothing any more.
fn has_failed(session: &Value) -> bool {
    let unpaid = text(session, "payment_status") == Some("unpaid");
    let intent = session
        .get("payment_intent")
        .and_then(|intent| text(intent, "status"));
    unpaid && matches!(intent, Some("requires_payment_method" | "canceled"))
}

/// A session that we made.
pub(super) fn new_session(session: &Value) -> Option<NewSession> {
    Some(NewSession {
        id: SessionId::new(text(session, "id")?),
        url: text(session, "url")?.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_reference_is_a_string_an_object_or_nothing() {
        for (value, id) in [
            (json!("pi_1"), Some("pi_1")),
            (json!({"id": "pi_1", "object": "payment_intent"}), Some("pi_1")),
            (json!(null), None),
            (json!(""), None),
            (json!("pi\0"), None),
            (json!(7), None),
            (json!({"id": null}), None),
        ] {
            let object = json!({"payment_intent": value});
            assert_eq!(intent(&object), id.map(IntentId::new), "{object}");
        }
        assert_eq!(intent(&json!({})), None);
    }

    #[test]
    fn a_session_is_read_by_the_few_fields_that_matter() {
        let session = |status: &str, payment: &str| {
            json!({"id": "cs_1", "status": status, "payment_status": payment, "payment_intent": "pi_1",
                   "amount_total": 5000, "currency": "eur", "url": null, "mode": 7, "unheard_of": [{}],
                   "metadata": {"holdfast_hold": "00000000-0000-0000-0000-000000000007", "other": 5}})
        };
        let report = session_report(&session("open", "unpaid")).unwrap();
        assert_eq!(report.hold.map(|h| h.0.as_u128()), Some(7));
        assert_eq!(report.status, SessionStatus::Open);
        let status = |status, payment| session_report(&session(status, payment)).map(|r| r.status);
        let eur = Currency::parse("eur").unwrap();
        let receipt = Receipt {
            intent: IntentId::new("pi_1"),
            money: Money {
                amount: 5000,
                currency: eur,
            },
        };
        for (payment, expected) in [
            ("paid", SessionPayment::Paid(receipt)),
            ("unpaid", SessionPayment::Unpaid(Some(IntentId::new("pi_1")))),
            ("no_payment_required", SessionPayment::NotRequired),
        ] {
            assert_eq!(
                status("complete", payment),
                Some(SessionStatus::Complete(expected))
            );
        }
        let delayed = |intent: &str| {
            let mut session = session("complete", "unpaid");
            session["payment_intent"] = json!({"id": "pi_1", "status": intent});
            session_report(&session).map(|report| report.status)
        };
        for gone in ["requires_payment_method", "canceled"] {
            assert_eq!(delayed(gone), Some(SessionStatus::Failed));
        }
        let waiting = SessionPayment::Unpaid(Some(IntentId::new("pi_1")));
        assert_eq!(delayed("processing"), Some(SessionStatus::Complete(waiting)));
        assert_eq!(status("expired", "unpaid"), Some(SessionStatus::Expired));
        assert_eq!(status("complete", "unheard_of"), None);
        assert_eq!(status("unheard_of", "paid"), None);
    }

    #[test]
    fn money_that_is_not_fully_named_is_no_receipt() {
        let session = json!({"payment_intent": "pi_1", "amount_total": 5000, "currency": "eur"});
        assert!(session_receipt(&session).is_some());
        for (field, value) in [
            ("payment_intent", json!(null)),
            ("amount_total", json!("5000")),
            ("amount_total", json!(5000.5)),
            ("currency", json!("EURO")),
        ] {
            let mut broken = session.clone();
            broken[field] = value;
            assert_eq!(session_receipt(&broken), None, "{broken}");
        }
    }
}
