//! What operators must look at, as conditions of SQL. They match partial indexes, so that no list grows with the past.

use crate::domain::listing::Attention;

/// The condition for holds `h`.
pub(super) fn hold_condition(attention: Attention) -> &'static str {
    match attention {
        Attention::MoneyWithoutSlot => "h.status IN ('released', 'cancelled') AND h.funds = 'paid'",
        Attention::SlotWithoutMoney => "h.status = 'confirmed' AND h.funds = 'none'",
        Attention::RefundFailed => {
            "h.id IN (SELECT hold_id FROM payments WHERE due_back > 0
                      UNION ALL
                      SELECT hold_id FROM payments
                      WHERE state IN ('refund_due', 'refund_failed') AND state = 'refund_failed'
                      UNION ALL
                      SELECT hold_id FROM commands WHERE done_at IS NULL AND kind = 'refund' AND tries >= 10)"
        }
        Attention::PriceMismatch => "h.price_mismatch",
        Attention::Disputed => {
            "h.id IN (SELECT p.hold_id FROM disputes d JOIN payments p ON p.intent_id = d.intent_id
                      WHERE d.status IN ('needs_response', 'under_review'))"
        }
        Attention::DoesNotAddUp => "h.id IN (SELECT hold_id FROM payments WHERE NOT adds_up)",
    }
}

/// Adds to a condition for payments `p` those that wait for their hold since a time that is bound next.
pub(super) const OR_WAITS_SINCE: &str = " OR p.intent_id IN (
     SELECT intent_id FROM payments WHERE hold_id IS NULL AND keep_reason = 'booking' AND created_at <= ";

/// The condition for payments `p`.
pub(super) fn payment_condition(attention: Attention) -> &'static str {
    match attention {
        Attention::MoneyWithoutSlot => {
            "p.state = 'paid' AND p.hold_id IN (
                 SELECT id FROM holds WHERE status IN ('released', 'cancelled') AND funds = 'paid')"
        }
        Attention::SlotWithoutMoney => {
            "p.hold_id IN (SELECT id FROM holds WHERE status = 'confirmed' AND funds = 'none')"
        }
        Attention::RefundFailed => {
            "p.intent_id IN (SELECT intent_id FROM payments WHERE due_back > 0
                             UNION ALL
                             SELECT intent_id FROM payments
                             WHERE state IN ('refund_due', 'refund_failed') AND state = 'refund_failed'
                             UNION ALL
                             SELECT intent_id FROM commands WHERE done_at IS NULL AND kind = 'refund' AND tries >= 10)"
        }
        Attention::PriceMismatch => "p.hold_id IN (SELECT id FROM holds WHERE price_mismatch)",
        Attention::Disputed => {
            "p.intent_id IN (SELECT intent_id FROM disputes WHERE status IN ('needs_response', 'under_review'))"
        }
        Attention::DoesNotAddUp => "NOT p.adds_up",
    }
}
