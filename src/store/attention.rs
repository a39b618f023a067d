//! What operators must look at, as conditions of SQL. They match partial indexes, so that no list grows with the past.

use chrono::{DateTime, Utc};

use crate::domain::figures::{MONEY_WAITS, PROCESSING_LONG};
use crate::domain::listing::Attention;

/// Selects, after `$before`, the ids of live holds with another amount than the price, while nobody has settled it: of the money
/// that pays for the hold, no part has gone back or is on its way. It is open: the moment follows at which a slot that has
/// ended is settled too.
macro_rules! select_price_mismatches {
    ($before:literal, $columns:literal) => {
        concat!(
            $before,
            "SELECT ",
            $columns,
            " FROM holds m
             WHERE m.price_mismatch AND m.status IN ('held', 'processing', 'confirmed') AND m.funds <> 'gone'
               AND NOT EXISTS (
                   SELECT 1 FROM payments k JOIN refunds r ON r.intent_id = k.intent_id
                   WHERE k.hold_id = m.id AND k.keep > 0 AND r.status IN ('requires_action', 'pending', 'succeeded'))
               AND m.ends_at > "
        )
    };
}
pub(super) use select_price_mismatches;

/// The condition for holds `h`. Each is a list of ids: otherwise SQLite walks all holds in the order of the list. A list that
/// depends on a moment is open: the moment follows, and the end of the list.
pub(super) fn hold_condition(attention: Attention) -> &'static str {
    match attention {
        Attention::MoneyWithoutSlot => {
            "h.id IN (SELECT id FROM holds WHERE status IN ('released', 'cancelled') AND funds = 'paid')"
        }
        Attention::SlotWithoutMoney => {
            "h.id IN (SELECT id FROM holds WHERE status = 'confirmed' AND funds = 'none' AND NOT owes_nothing)"
        }
        Attention::RefundFailed => {
            "h.id IN (SELECT hold_id FROM payments WHERE due_back > 0
                      UNION ALL
                      SELECT hold_id FROM payments
                      WHERE state IN ('refund_due', 'refund_failed') AND state = 'refund_failed'
                      UNION ALL
                      SELECT hold_id FROM commands WHERE done_at IS NULL AND kind = 'refund' AND tries >= 10)"
        }
        Attention::PriceMismatch => select_price_mismatches!("h.id IN (", "m.id"),
        Attention::Disputed => {
            "h.id IN (SELECT p.hold_id FROM disputes d JOIN payments p ON p.intent_id = d.intent_id
                      WHERE d.status IN ('needs_response', 'under_review'))"
        }
        Attention::DoesNotAddUp => "h.id IN (SELECT hold_id FROM payments WHERE NOT adds_up)",
        Attention::Overdue => {
            "h.id IN (SELECT id FROM holds
                      WHERE status IN ('held', 'processing') AND status = 'held' AND expires_at <= "
        }
        Attention::ProcessingLong => {
            "h.id IN (SELECT u.id FROM holds u
                      WHERE u.status IN ('held', 'processing') AND u.status = 'processing'
                        AND (SELECT min(l.at) FROM hold_history l
                             WHERE l.hold_id = u.id AND l.to_status = 'processing') <= "
        }
    }
}

/// The moment that [`hold_condition`] is open for; `None` if it is complete.
pub(super) fn hold_moment(attention: Attention, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    match attention {
        Attention::Overdue | Attention::PriceMismatch => Some(now),
        Attention::ProcessingLong => Some(now - PROCESSING_LONG),
        Attention::MoneyWithoutSlot
        | Attention::SlotWithoutMoney
        | Attention::RefundFailed
        | Attention::Disputed
        | Attention::DoesNotAddUp => None,
    }
}

/// The condition for payments `p`. Each is one list of ids: for two of them PostgreSQL reads all payments. The lists that
/// depend on a moment are open, as those of holds are. Money that waits for its hold since that moment has no slot.
pub(super) fn payment_condition(attention: Attention) -> &'static str {
    match attention {
        Attention::MoneyWithoutSlot => {
            "p.intent_id IN (SELECT intent_id FROM payments
                             WHERE state = 'paid' AND hold_id IN (
                                 SELECT id FROM holds WHERE status IN ('released', 'cancelled') AND funds = 'paid')
                             UNION ALL
                             SELECT intent_id FROM payments
                             WHERE hold_id IS NULL AND keep_reason = 'booking' AND created_at <= "
        }
        Attention::SlotWithoutMoney => {
            "p.hold_id IN (SELECT id FROM holds WHERE status = 'confirmed' AND funds = 'none' AND NOT owes_nothing)"
        }
        Attention::RefundFailed => {
            "p.intent_id IN (SELECT intent_id FROM payments WHERE due_back > 0
                             UNION ALL
                             SELECT intent_id FROM payments
                             WHERE state IN ('refund_due', 'refund_failed') AND state = 'refund_failed'
                             UNION ALL
                             SELECT intent_id FROM commands WHERE done_at IS NULL AND kind = 'refund' AND tries >= 10)"
        }
        Attention::PriceMismatch => select_price_mismatches!("p.hold_id IN (", "m.id"),
        Attention::Disputed => {
            "p.intent_id IN (SELECT intent_id FROM disputes WHERE status IN ('needs_response', 'under_review'))"
        }
        Attention::DoesNotAddUp => "NOT p.adds_up",
        // These are about holds, not about money.
        Attention::Overdue | Attention::ProcessingLong => "p.intent_id = ''",
    }
}

/// The moment that [`payment_condition`] is open for; `None` if it is complete.
pub(super) fn payment_moment(attention: Attention, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    match attention {
        Attention::MoneyWithoutSlot => Some(now - MONEY_WAITS),
        Attention::PriceMismatch => Some(now),
        Attention::SlotWithoutMoney
        | Attention::RefundFailed
        | Attention::Disputed
        | Attention::DoesNotAddUp
        | Attention::Overdue
        | Attention::ProcessingLong => None,
    }
}
