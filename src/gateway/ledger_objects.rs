//! Reads Stripe's refunds and disputes into snapshots, as tolerantly as `stripe_objects` reads sessions and intents.
//!
//! All API versions from 2022-11-15 on have the same members for what is read here. `payment_intent` and `charge` are ids
//! or whole objects. A status that we do not know is a value, so that one odd object does not make a list unreadable.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::COMMAND_KEY;
use super::stripe_objects::{
    parse_integer, parse_intent_reference, parse_money, parse_reference, parse_text,
};
use crate::domain::ids::{ChargeId, CommandId, DisputeId, RefundId};
use crate::domain::ledger::snapshots::{
    DisputeSnapshot, DisputeStatus, RefundSnapshot, RefundStatus, StripeWord,
};

fn parse_instant(object: &Value, field: &str) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(parse_integer(object, field)?, 0)
}

fn parse_word(object: &Value, field: &str) -> Option<StripeWord> {
    parse_text(object, field).map(StripeWord::new)
}

fn parse_charge_reference(object: &Value) -> Option<ChargeId> {
    parse_reference(object, "charge").map(ChargeId::new)
}

/// Returns the command that ordered a refund, if our metadata names one.
fn parse_command(refund: &Value) -> Option<CommandId> {
    let text = parse_text(refund.get("metadata")?, COMMAND_KEY)?;
    Uuid::try_parse(text).ok().map(CommandId)
}

/// Returns the snapshot of a refund. Refunds that Stripe made long ago may have no status.
pub(super) fn parse_refund(refund: &Value) -> Option<RefundSnapshot> {
    Some(RefundSnapshot {
        status: RefundStatus::from_word(parse_text(refund, "status").unwrap_or_default()),
        money: parse_money(refund, "amount")?,
        failure_reason: parse_word(refund, "failure_reason"),
        command: parse_command(refund),
        intent: parse_intent_reference(refund),
        charge: parse_charge_reference(refund),
        created: parse_instant(refund, "created")?,
        id: RefundId::new(parse_text(refund, "id")?),
    })
}

/// Returns the snapshot of a dispute.
pub(super) fn parse_dispute(dispute: &Value) -> Option<DisputeSnapshot> {
    let due_by = dispute
        .get("evidence_details")
        .and_then(|details| parse_instant(details, "due_by"));
    Some(DisputeSnapshot {
        status: DisputeStatus::from_word(parse_text(dispute, "status").unwrap_or_default()),
        money: parse_money(dispute, "amount")?,
        reason: parse_word(dispute, "reason"),
        due_by,
        intent: parse_intent_reference(dispute),
        charge: parse_charge_reference(dispute),
        created: parse_instant(dispute, "created")?,
        id: DisputeId::new(parse_text(dispute, "id")?),
    })
}

/// Returns the refunds that a charge lists. Endpoints of versions before 2022-11-15 send the newest ones with it, later
/// ones send none.
pub(super) fn parse_inline_refunds(charge: &Value) -> Vec<RefundSnapshot> {
    let listed = charge.pointer("/refunds/data").and_then(Value::as_array);
    listed.into_iter().flatten().filter_map(parse_refund).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::ids::IntentId;

    fn refund() -> Value {
        json!({"id": "re_1", "amount": 500, "currency": "eur", "created": 7, "status": "pending", "charge": "ch_1",
               "payment_intent": "pi_1", "metadata": {}})
    }

    #[test]
    fn refund_may_lack_intent_charge_and_status() {
        let mut bare = refund();
        for field in ["status", "charge", "payment_intent", "metadata"] {
            bare[field] = json!(null);
        }
        let read = parse_refund(&bare).unwrap();
        assert_eq!((read.intent, read.charge, read.command), (None, None, None));
        assert_eq!(read.status, RefundStatus::Unknown(StripeWord::new("")));
    }

    #[test]
    fn refund_needs_id_amount_currency_and_time() {
        for field in ["id", "amount", "currency", "created"] {
            let mut broken = refund();
            broken[field] = json!(null);
            assert_eq!(parse_refund(&broken), None, "{field}");
        }
    }

    #[test]
    fn expanded_references_are_read_like_ids() {
        let mut expanded = refund();
        expanded["charge"] = json!({"id": "ch_1", "object": "charge", "payment_intent": "pi_1"});
        expanded["payment_intent"] = json!({"id": "pi_1", "object": "payment_intent"});
        assert_eq!(parse_refund(&expanded), parse_refund(&refund()));
        assert_eq!(
            parse_refund(&expanded).unwrap().intent,
            Some(IntentId::new("pi_1"))
        );
    }

    #[test]
    fn command_is_read_only_from_a_uuid() {
        let id = "0193a1b2-0000-7000-8000-000000000001";
        for (text, is_read) in [(id, true), ("0193a1b2", false), ("", false)] {
            let mut ordered = refund();
            ordered["metadata"] = json!({"holdfast_command": text, "other": "x"});
            assert_eq!(
                parse_refund(&ordered).unwrap().command.is_some(),
                is_read,
                "{text}"
            );
        }
    }
}
