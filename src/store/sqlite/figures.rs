//! Counts for metrics and `doctor`.

use chrono::{DateTime, Utc};

use super::SqliteStore;
use super::error::Answer;
use crate::domain::command::STUCK_AFTER;
use crate::domain::figures::Figures;

#[derive(sqlx::FromRow)]
struct FiguresRow {
    held: i64,
    processing: i64,
    overdue: i64,
    oldest_overdue_ms: i64,
    commands_pending: i64,
    commands_stuck: i64,
    oldest_command_ms: i64,
    attempts_open: i64,
    oldest_attempt_ms: i64,
    money_without_slot: i64,
    slot_without_money: i64,
    refunds_failed: i64,
}

/// One statement, so that all counts are of one moment. Conditions repeat those of the partial indexes word for word,
/// because that is how SQLite recognises them.
pub(super) const FIGURES: &str = "
    SELECT waiting.held, waiting.processing, late.overdue, late.oldest_overdue_ms,
           pending.commands_pending, pending.commands_stuck, pending.oldest_command_ms,
           open.attempts_open, open.oldest_attempt_ms,
           (SELECT count(*) FROM holds WHERE status IN ('released', 'cancelled') AND funds = 'paid') AS money_without_slot,
           (SELECT count(*) FROM holds WHERE status = 'confirmed' AND funds = 'none') AS slot_without_money,
           (SELECT count(*) FROM payments
             WHERE state IN ('refund_due', 'refund_failed') AND state = 'refund_failed') AS refunds_failed
      FROM (SELECT count(*) FILTER (WHERE status = 'held') AS held,
                   count(*) FILTER (WHERE status = 'processing') AS processing
              FROM holds WHERE status IN ('held', 'processing')) AS waiting,
           (SELECT count(*) AS overdue, coalesce(?1 - min(expires_at), 0) AS oldest_overdue_ms
              FROM holds WHERE status = 'held' AND expires_at <= ?1) AS late,
           (SELECT count(*) AS commands_pending, count(*) FILTER (WHERE tries >= ?2) AS commands_stuck,
                   coalesce(?1 - min(created_at), 0) AS oldest_command_ms
              FROM commands WHERE done_at IS NULL) AS pending,
           (SELECT count(*) AS attempts_open, coalesce(?1 - min(claimed_at), 0) AS oldest_attempt_ms
              FROM checkout_attempts WHERE state IN ('running', 'unsettled')) AS open";

pub(super) async fn figures(store: &SqliteStore, now: DateTime<Utc>) -> Answer<Figures> {
    let question = sqlx::query_as::<_, FiguresRow>(FIGURES)
        .bind(now.timestamp_millis())
        .bind(STUCK_AFTER);
    let row = store.read(question.fetch_one(&store.readers)).await?;
    Ok(Figures {
        held: row.held,
        processing: row.processing,
        overdue: row.overdue,
        oldest_overdue_ms: row.oldest_overdue_ms,
        commands_pending: row.commands_pending,
        oldest_command_ms: row.oldest_command_ms,
        commands_stuck: row.commands_stuck,
        attempts_open: row.attempts_open,
        oldest_attempt_ms: row.oldest_attempt_ms,
        money_without_slot: row.money_without_slot,
        slot_without_money: row.slot_without_money,
        refunds_failed: row.refunds_failed,
    })
}
