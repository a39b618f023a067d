//! Counts for metrics and `doctor`, all of one moment.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::attention::select_price_mismatches;
use super::columns::DbTime;
use super::{StoreError, encoding};
use crate::domain::figures::{FigureCounts, LiveHolds};

/// Figures in the database.
#[async_trait]
pub trait Figures {
    /// Counts what is live, due and wrong at `now`.
    async fn count_figures(&self, now: DateTime<Utc>) -> Result<FigureCounts, StoreError>;

    /// Counts the units that two live holds have at once, now or later (I1: must be 0). It does not rely on the guard that
    /// refuses them.
    async fn count_units_sold_twice(&self, now: DateTime<Utc>) -> Result<i64, StoreError>;

    /// Counts the live holds by event type, status and currency: those that are not paid, and those that are confirmed and start
    /// at `now` or later.
    async fn count_live_holds(&self, now: DateTime<Utc>) -> Result<Vec<LiveHolds>, StoreError>;
}

/// Counts live holds of each event type, status and currency; confirmed ones that start at `$1` or later. `$seconds` is the engine's
/// length of a row of occupancy `o`, `$by_start` what the engine needs to read holds by their start. The conditions of the two
/// parts are those of indexes; a confirmed status is compared as an expression, because the planner could else read all bookings
/// that ever were from an index of such.
macro_rules! count_live_statement {
    ($seconds:literal, $by_start:literal) => {
        concat!(
            "SELECT event_type_id, status, currency, count(*) AS holds, CAST(sum(quantity) AS bigint) AS units,
                 CAST(sum(amount) AS bigint) AS amount, CAST(sum(seconds) AS bigint) AS seconds,
                 min(expires_at) AS first_expiry
             FROM (",
            $crate::store::figures::live_part!($seconds, "", "h.status IN ('held', 'processing')"),
            " UNION ALL ",
            $crate::store::figures::live_part!(
                $seconds,
                $by_start,
                "h.starts_at >= $1 AND h.status || '' = 'confirmed'"
            ),
            ") AS live
             GROUP BY event_type_id, status, currency ORDER BY event_type_id, status, currency"
        )
    };
}
pub(super) use count_live_statement;

/// Selects holds with a condition, and for how many seconds each keeps units busy.
macro_rules! live_part {
    ($seconds:literal, $by:literal, $condition:literal) => {
        concat!(
            "SELECT h.event_type_id, h.status, h.currency, h.quantity, h.amount, h.expires_at,
                 (SELECT CAST(coalesce(sum(",
            $seconds,
            "), 0) AS bigint) FROM occupancy o WHERE o.hold_id = h.id) AS seconds
             FROM holds h",
            $by,
            " WHERE ",
            $condition
        )
    };
}
pub(super) use live_part;

#[derive(sqlx::FromRow)]
pub(super) struct LiveHoldsRow {
    event_type_id: String,
    status: String,
    currency: String,
    holds: i64,
    units: i64,
    amount: i64,
    seconds: i64,
    first_expiry: DbTime,
}

impl LiveHoldsRow {
    fn decode(self) -> Result<LiveHolds, StoreError> {
        Ok(LiveHolds {
            event_type: encoding::decode_event_type_id(&self.event_type_id)?,
            status: encoding::decode_status_kind(&self.status)?,
            price: encoding::decode_money(self.amount, &self.currency)?,
            holds: self.holds,
            units: self.units,
            busy_seconds: self.seconds,
            first_expiry: self.first_expiry.0,
        })
    }

    /// All rows, in their order.
    pub(super) fn decode_all(rows: Vec<Self>) -> Result<Vec<LiveHolds>, StoreError> {
        rows.into_iter().map(Self::decode).collect()
    }
}

#[derive(sqlx::FromRow)]
pub(super) struct FiguresRow {
    held: i64,
    processing: i64,
    overdue: i64,
    oldest_overdue: Option<DbTime>,
    commands_pending: i64,
    commands_stuck: i64,
    oldest_command: Option<DbTime>,
    attempts_open: i64,
    oldest_attempt: Option<DbTime>,
    money_without_slot: i64,
    slot_without_money: i64,
    processing_long: i64,
    price_mismatches: i64,
    disputes_open: i64,
    refunds_failed: i64,
    money_not_adding_up: i64,
    money_unverified: i64,
    feeds_partial: i64,
    feeds_failed: i64,
    deliveries_pending: i64,
    oldest_delivery: Option<DbTime>,
    deliveries_failed: i64,
    endpoints_failing: i64,
}

/// Counts at `$1`, with commands stuck after `$2` tries, money that waits for its hold since `$3` or longer, and payments that are in progress since `$4` or longer. A disputed payment counts as money for its slot: the bank has not
/// decided, and the slot is kept meanwhile. The conditions repeat those of the partial indexes word for word, because
/// that is how SQLite recognises them; so no count grows with the past. The counters of an earlier version are counted up to
/// a bound: after an upgrade, there may be one for each refund of years. The oldest pending command is
/// found beside the counts: alone, SQLite walks the index of all commands to find the first pending one. One that has not
/// failed waits since it is due: it may be one that asks about a delayed payment once a day.
pub(super) const COUNT: &str = concat!(
    "
SELECT
    unpaid.*, pending.*,
    (SELECT count(*) FROM checkout_attempts WHERE state IN ('running', 'unsettled')) AS attempts_open,
    (SELECT min(claimed_at) FROM checkout_attempts WHERE state IN ('running', 'unsettled')) AS oldest_attempt,
    (SELECT count(*) FROM holds WHERE status IN ('released', 'cancelled') AND funds = 'paid')
        + (SELECT count(*) FROM payments WHERE hold_id IS NULL AND keep_reason = 'booking' AND created_at <= $3)
        AS money_without_slot,
    (SELECT count(*) FROM holds WHERE status = 'confirmed' AND funds = 'none' AND NOT owes_nothing)
        AS slot_without_money,
    (SELECT count(*) FROM holds u
     WHERE u.status IN ('held', 'processing') AND u.status = 'processing'
       AND (SELECT min(l.at) FROM hold_history l WHERE l.hold_id = u.id AND l.to_status = 'processing') <= $4)
        AS processing_long,
    ",
    select_price_mismatches!("(", "count(*)"),
    "$1) AS price_mismatches,
    (SELECT count(DISTINCT p.intent_id) FROM disputes d JOIN payments p ON p.intent_id = d.intent_id
     WHERE d.status IN ('needs_response', 'under_review')) AS disputes_open,
    (SELECT count(*) FROM (
         SELECT intent_id FROM payments WHERE due_back > 0
         UNION
         SELECT intent_id FROM payments WHERE state IN ('refund_due', 'refund_failed') AND state = 'refund_failed'
         UNION
         SELECT p.intent_id FROM commands c JOIN payments p ON p.intent_id = c.intent_id
         WHERE c.done_at IS NULL AND c.kind = 'refund' AND c.tries >= $2) AS failed) AS refunds_failed,
    (SELECT count(*) FROM payments WHERE NOT adds_up) AS money_not_adding_up,
    (SELECT count(*) FROM (
         SELECT 1 FROM refunds WHERE id = 'unverified_' || intent_id AND status <> 'canceled' LIMIT 10001) AS unverified)
        AS money_unverified,
    (SELECT count(*) FROM calendar_feeds WHERE state IN ('partial', 'failed') AND state = 'partial') AS feeds_partial,
    (SELECT count(*) FROM calendar_feeds WHERE state IN ('partial', 'failed') AND state = 'failed') AS feeds_failed,
    (SELECT count(*) FROM event_endpoints p JOIN event_deliveries d ON d.endpoint_id = p.id AND d.state = 'pending'
     WHERE p.is_enabled) AS deliveries_pending,
    (SELECT e.created_at FROM events_out e
     WHERE e.position = (SELECT min((SELECT min(d.position) FROM event_deliveries d
             WHERE d.endpoint_id = p.id AND d.state = 'pending'))
         FROM event_endpoints p WHERE p.is_enabled)) AS oldest_delivery,
    (SELECT count(*) FROM event_deliveries WHERE state = 'failed') AS deliveries_failed,
    (SELECT count(*) FROM event_endpoints WHERE failing_since IS NOT NULL) AS endpoints_failing
FROM (SELECT count(*) AS commands_pending, count(*) FILTER (WHERE tries >= $2) AS commands_stuck,
          min(CASE WHEN tries = 0 THEN due_at ELSE created_at END) AS oldest_command
      FROM commands WHERE done_at IS NULL) AS pending
CROSS JOIN (
    SELECT count(*) FILTER (WHERE status = 'held') AS held, count(*) FILTER (WHERE status = 'processing') AS processing,
        count(*) FILTER (WHERE status = 'held' AND expires_at <= $1) AS overdue,
        min(CASE WHEN status = 'held' AND expires_at <= $1 THEN expires_at END) AS oldest_overdue
    FROM holds WHERE status IN ('held', 'processing')) AS unpaid"
);

impl FiguresRow {
    pub(super) fn decode(self, now: DateTime<Utc>) -> FigureCounts {
        let age_ms = |oldest: Option<DbTime>| oldest.map_or(0, |oldest| (now - oldest.0).num_milliseconds());
        FigureCounts {
            held: self.held,
            processing: self.processing,
            overdue: self.overdue,
            oldest_overdue_ms: age_ms(self.oldest_overdue),
            commands_pending: self.commands_pending,
            // No command may be due yet.
            oldest_command_ms: age_ms(self.oldest_command).max(0),
            commands_stuck: self.commands_stuck,
            attempts_open: self.attempts_open,
            oldest_attempt_ms: age_ms(self.oldest_attempt),
            money_without_slot: self.money_without_slot,
            slot_without_money: self.slot_without_money,
            processing_long: self.processing_long,
            price_mismatches: self.price_mismatches,
            disputes_open: self.disputes_open,
            refunds_failed: self.refunds_failed,
            money_not_adding_up: self.money_not_adding_up,
            money_unverified: self.money_unverified,
            feeds_partial: self.feeds_partial,
            feeds_failed: self.feeds_failed,
            deliveries_pending: self.deliveries_pending,
            // The event has the time of its own statement, which may be a moment after `now`.
            oldest_delivery_ms: age_ms(self.oldest_delivery).max(0),
            deliveries_failed: self.deliveries_failed,
            endpoints_failing: self.endpoints_failing,
        }
    }
}
