//! Counts for metrics and `doctor`, in one statement, so that they are of one moment.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgPool;

use super::error::Answer;
use crate::domain::command::STUCK_AFTER;
use crate::domain::figures::Figures;

#[derive(sqlx::FromRow)]
struct FiguresRow {
    held: i64,
    processing: i64,
    overdue: i64,
    oldest_overdue: Option<DateTime<Utc>>,
    commands_pending: i64,
    commands_stuck: i64,
    oldest_command: Option<DateTime<Utc>>,
    attempts_open: i64,
    oldest_attempt: Option<DateTime<Utc>>,
    money_without_slot: i64,
    slot_without_money: i64,
    refunds_failed: i64,
}

/// A disputed payment counts as money for its slot: the bank has not decided, and the slot is kept meanwhile.
/// Conditions repeat those of the partial indexes, so that no count grows with the past.
const FIGURES: &str = "
SELECT
    (SELECT count(*) FROM holds WHERE status = 'held') AS held,
    (SELECT count(*) FROM holds WHERE status IN ('held', 'processing') AND status = 'processing') AS processing,
    (SELECT count(*) FROM holds WHERE status = 'held' AND expires_at <= $1) AS overdue,
    (SELECT min(expires_at) FROM holds WHERE status = 'held' AND expires_at <= $1) AS oldest_overdue,
    (SELECT count(*) FROM commands WHERE done_at IS NULL) AS commands_pending,
    (SELECT count(*) FROM commands WHERE done_at IS NULL AND tries >= $2) AS commands_stuck,
    (SELECT min(created_at) FROM commands WHERE done_at IS NULL) AS oldest_command,
    (SELECT count(*) FROM checkout_attempts WHERE state IN ('running', 'unsettled')) AS attempts_open,
    (SELECT min(claimed_at) FROM checkout_attempts WHERE state IN ('running', 'unsettled')) AS oldest_attempt,
    (SELECT count(*) FROM holds WHERE status IN ('released', 'cancelled') AND funds = 'paid') AS money_without_slot,
    (SELECT count(*) FROM holds WHERE status = 'confirmed' AND funds = 'none') AS slot_without_money,
    (SELECT count(*) FROM payments
        WHERE state IN ('refund_due', 'refund_failed') AND state = 'refund_failed') AS refunds_failed";

pub(super) async fn figures(pool: &PgPool, now: DateTime<Utc>) -> Answer<Figures> {
    let row: FiguresRow = sqlx::query_as(FIGURES)
        .bind(now)
        .bind(i64::from(STUCK_AFTER))
        .fetch_one(pool)
        .await?;
    let age_ms = |oldest: Option<DateTime<Utc>>| oldest.map_or(0, |oldest| (now - oldest).num_milliseconds());
    Ok(Figures {
        held: row.held,
        processing: row.processing,
        overdue: row.overdue,
        oldest_overdue_ms: age_ms(row.oldest_overdue),
        commands_pending: row.commands_pending,
        oldest_command_ms: age_ms(row.oldest_command),
        commands_stuck: row.commands_stuck,
        attempts_open: row.attempts_open,
        oldest_attempt_ms: age_ms(row.oldest_attempt),
        money_without_slot: row.money_without_slot,
        slot_without_money: row.slot_without_money,
        refunds_failed: row.refunds_failed,
    })
}
