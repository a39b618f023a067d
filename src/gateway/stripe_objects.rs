//! Reads the few fields that we need from Stripe's JSON objects, in responses and in events.
//!
//! The reading is tolerant on purpose: Stripe renders an event in the API version of its endpoint, so any field that is
//! not read here may be unknown, null, missing or of another type. In our own trials, strict typed parsing rejected
//! five payloads that this way of reading accepts. `None` means that a field, or the object that needs it, is unusable;
//! the caller decides what follows.

use serde_json::Value;

use super::{INSTALLATION_KEY, ListPage, METADATA_KEY, WebhookEndpoint};
use crate::domain::ids::{HoldId, IntentId, SessionId};
use crate::domain::money::{Currency, Money};
use crate::domain::payment::{Receipt, SessionTotals};
use crate::domain::session::{
    HoldClaim, NewSession, PaymentPage, SessionPayment, SessionReport, SessionStatus,
};

/// Returns a text that is not empty. A text with NUL is refused because PostgreSQL cannot store it.
pub(super) fn parse_text<'a>(object: &'a Value, field: &str) -> Option<&'a str> {
    let text = object.get(field)?.as_str()?;
    (!text.is_empty() && !text.contains('\0')).then_some(text)
}

/// Returns a whole number.
pub(super) fn parse_integer(object: &Value, field: &str) -> Option<i64> {
    object.get(field)?.as_i64()
}

/// Returns the id of another object. Stripe writes the id alone, or the whole object if the field is expanded.
pub(super) fn parse_reference<'a>(object: &'a Value, field: &str) -> Option<&'a str> {
    parse_text(object, field).or_else(|| parse_text(object.get(field)?, "id"))
}

/// Returns the PaymentIntent that an object belongs to.
pub(super) fn parse_intent_reference(object: &Value) -> Option<IntentId> {
    parse_reference(object, "payment_intent").map(IntentId::new)
}

/// Returns the amount in `field`, in the object's own `currency`.
pub(super) fn parse_money(object: &Value, field: &str) -> Option<Money> {
    Some(Money {
        amount: parse_integer(object, field)?,
        currency: Currency::parse_reported(parse_text(object, "currency")?)?,
    })
}

/// Returns a page of a list, if every object of it can be read.
pub(super) fn parse_list<T>(list: &Value, parse: impl Fn(&Value) -> Option<T>) -> Option<ListPage<T>> {
    let items = list
        .get("data")?
        .as_array()?
        .iter()
        .map(parse)
        .collect::<Option<Vec<T>>>()?;
    let has_more = list.get("has_more")?.as_bool()?;
    // A page without objects names no place from which the list goes on.
    (!has_more || !items.is_empty()).then_some(ListPage { items, has_more })
}

/// Returns a webhook endpoint of the account.
pub(super) fn parse_webhook_endpoint(endpoint: &Value) -> Option<WebhookEndpoint> {
    let events = endpoint.get("enabled_events")?.as_array()?.iter();
    Some(WebhookEndpoint {
        url: parse_text(endpoint, "url")?.to_owned(),
        is_enabled: parse_text(endpoint, "status") != Some("disabled"),
        enabled_events: events.filter_map(Value::as_str).map(str::to_owned).collect(),
        api_version: parse_text(endpoint, "api_version").map(str::to_owned),
    })
}

/// Returns what our metadata on an object says, if it names both a hold and an installation. Objects of other products
/// have no such metadata.
pub(super) fn parse_hold_claim(object: &Value) -> Option<HoldClaim> {
    let metadata = object.get("metadata")?;
    Some(HoldClaim {
        hold: HoldId::parse(parse_text(metadata, METADATA_KEY)?)?,
        installation: parse_text(metadata, INSTALLATION_KEY)?.to_owned(),
    })
}

/// Returns what a session says about its payment.
pub(super) fn parse_session_payment(session: &Value) -> Option<SessionPayment> {
    match parse_text(session, "payment_status")? {
        // Before API version 2023-08-16, a session without anything to pay was paid without an intent.
        "paid" if is_free_of_charge(session) => {
            Some(SessionPayment::NotRequired(parse_session_totals(session)))
        }
        "paid" => parse_session_receipt(session).map(SessionPayment::Paid),
        "unpaid" => Some(SessionPayment::Unpaid(parse_intent_reference(session))),
        "no_payment_required" => Some(SessionPayment::NotRequired(parse_session_totals(session))),
        _ => None,
    }
}

fn is_free_of_charge(session: &Value) -> bool {
    parse_integer(session, "amount_total") == Some(0) && parse_intent_reference(session).is_none()
}

/// Returns a session's payment, if the session names its intent, amount and currency. What an expanded intent received is
/// surer than what the session asked for.
pub(super) fn parse_session_receipt(session: &Value) -> Option<Receipt> {
    let received = session.get("payment_intent").and_then(|intent| {
        let is_paid = parse_text(intent, "status") == Some("succeeded");
        is_paid.then(|| parse_money(intent, "amount_received")).flatten()
    });
    Some(Receipt {
        intent: parse_intent_reference(session)?,
        money: parse_money(session, "amount_total").map(|total| received.unwrap_or(total))?,
        asked: parse_session_totals(session).map(Box::new),
    })
}

/// Returns what a session asked for, if it says so.
fn parse_session_totals(session: &Value) -> Option<SessionTotals> {
    let total = parse_money(session, "amount_total")?;
    let details = session.get("total_details");
    let detail = |field: &str| details.map_or(Some(0), |details| parse_integer(details, field));
    Some(SessionTotals {
        subtotal: parse_integer(session, "amount_subtotal")?,
        discount: detail("amount_discount")?,
        tax: detail("amount_tax")?,
        total: total.amount,
        currency: total.currency,
    })
}

/// Returns the state of a session that we retrieved or expired.
pub(super) fn parse_session_report(session: &Value) -> Option<SessionReport> {
    let status = match parse_text(session, "status")? {
        "open" => SessionStatus::Open,
        "complete" if has_failed_payment(session) => SessionStatus::Failed,
        "complete" => SessionStatus::Complete(parse_session_payment(session)?),
        "expired" => SessionStatus::Expired,
        _ => return None,
    };
    Some(SessionReport {
        id: SessionId::new(parse_text(session, "id")?),
        status,
    })
}

/// Returns whether the delayed payment of a complete session has failed for good.
fn has_failed_payment(session: &Value) -> bool {
    let is_unpaid = parse_text(session, "payment_status") == Some("unpaid");
    let intent = session
        .get("payment_intent")
        .and_then(|intent| parse_text(intent, "status"));
    // An intent in either state waits for no further payment.
    is_unpaid && matches!(intent, Some("requires_payment_method" | "canceled"))
}

/// The members of a session that [`parse_new_session`] reads.
pub(super) const NEW_SESSION_MEMBERS: [&str; 3] = ["id", "url", "client_secret"];

/// Returns a session that we created. A hosted page has a URL, an embedded one a client secret, and neither has both.
pub(super) fn parse_new_session(session: &Value) -> Option<NewSession> {
    let hosted = || parse_text(session, "url").map(|url| PaymentPage::Hosted(url.to_owned()));
    let embedded =
        || parse_text(session, "client_secret").map(|secret| PaymentPage::Embedded(secret.to_owned()));
    Some(NewSession {
        id: SessionId::new(parse_text(session, "id")?),
        page: hosted().or_else(embedded)?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reference_is_a_string_or_an_object_with_an_id() {
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
            assert_eq!(parse_intent_reference(&object), id.map(IntentId::new), "{object}");
        }
        assert_eq!(parse_intent_reference(&json!({})), None);
    }

    #[test]
    fn session_report_reads_only_the_needed_fields() {
        let session = |status: &str, payment: &str| {
            json!({"id": "cs_1", "status": status, "payment_status": payment, "payment_intent": "pi_1",
                   "amount_total": 5000, "currency": "eur", "url": null, "mode": 7, "unheard_of": [{}],
                   "metadata": {"other": 5}})
        };
        let report = parse_session_report(&session("open", "unpaid")).unwrap();
        assert_eq!(report.id, SessionId::new("cs_1"));
        assert_eq!(report.status, SessionStatus::Open);
        let status = |status, payment| parse_session_report(&session(status, payment)).map(|r| r.status);
        let eur = Currency::parse("eur").unwrap();
        let receipt = Receipt {
            intent: IntentId::new("pi_1"),
            money: Money {
                amount: 5000,
                currency: eur,
            },
            asked: None,
        };
        for (payment, expected) in [
            ("paid", SessionPayment::Paid(receipt)),
            ("unpaid", SessionPayment::Unpaid(Some(IntentId::new("pi_1")))),
            ("no_payment_required", SessionPayment::NotRequired(None)),
        ] {
            assert_eq!(
                status("complete", payment),
                Some(SessionStatus::Complete(expected))
            );
        }
        let delayed = |intent: &str| {
            let mut session = session("complete", "unpaid");
            session["payment_intent"] = json!({"id": "pi_1", "status": intent});
            parse_session_report(&session).map(|report| report.status)
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
    fn totals_tell_what_the_session_asked_for() {
        let discounted = json!({"payment_status": "paid", "payment_intent": "pi_1", "amount_subtotal": 5000,
            "amount_total": 4760, "currency": "eur",
            "total_details": {"amount_discount": 1000, "amount_shipping": 0, "amount_tax": 760}});
        let totals = parse_session_totals(&discounted).unwrap();
        assert_eq!(
            (totals.subtotal, totals.discount, totals.tax, totals.total),
            (5000, 1000, 760, 4760)
        );
        let mut received = discounted.clone();
        received["payment_intent"] =
            json!({"id": "pi_1", "status": "succeeded", "amount_received": 4000, "currency": "eur"});
        assert_eq!(parse_session_receipt(&received).unwrap().money.amount, 4000);
        for (field, value) in [
            ("amount_subtotal", json!(null)),
            ("total_details", json!({"amount_tax": 0})),
        ] {
            let mut less = discounted.clone();
            less[field] = value;
            assert_eq!(parse_session_totals(&less), None, "{less}");
        }
        // How a session that left nothing to pay is reported before API version 2023-08-16.
        let free = json!({"payment_status": "paid", "payment_intent": null, "amount_subtotal": 5000, "amount_total": 0,
            "currency": "eur", "total_details": {"amount_discount": 5000, "amount_tax": 0}});
        let Some(SessionPayment::NotRequired(Some(totals))) = parse_session_payment(&free) else {
            panic!("a payment without an intent");
        };
        assert_eq!((totals.discount, totals.total), (5000, 0));
    }

    #[test]
    fn claim_needs_hold_and_installation() {
        const HOLD: &str = "00000000-0000-0000-0000-000000000007";
        let claim =
            |metadata: Value| parse_hold_claim(&json!({"client_reference_id": HOLD, "metadata": metadata}));
        let whole = claim(json!({"holdfast_hold": HOLD, "holdfast_installation": "here", "other": 5}));
        assert_eq!(
            whole.map(|claim| (claim.hold.0.as_u128(), claim.installation)),
            Some((7, "here".to_owned()))
        );
        for incomplete in [
            json!({"holdfast_hold": HOLD}),
            json!({"holdfast_hold": HOLD, "holdfast_installation": ""}),
            json!({"holdfast_hold": "7", "holdfast_installation": "here"}),
            json!({"holdfast_installation": "here"}),
            json!({}),
            json!(null),
        ] {
            assert_eq!(claim(incomplete.clone()), None, "{incomplete}");
        }
    }

    #[test]
    fn receipt_needs_intent_amount_and_currency() {
        let session = json!({"payment_intent": "pi_1", "amount_total": 5000, "currency": "eur"});
        assert!(parse_session_receipt(&session).is_some());
        for (field, value) in [
            ("payment_intent", json!(null)),
            ("amount_total", json!("5000")),
            ("amount_total", json!(5000.5)),
            ("currency", json!("EURO")),
        ] {
            let mut broken = session.clone();
            broken[field] = value;
            assert_eq!(parse_session_receipt(&broken), None, "{broken}");
        }
    }
}
