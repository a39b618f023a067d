//! Takes and reads allowances on SQLite. There is one writer, so that a free number stays free until the hold is placed.

use async_trait::async_trait;
use sqlx::SqliteConnection;

use super::SqliteStore;
use super::error::SqliteResult;
use crate::domain::hold_limit::AllowanceOffer;
use crate::domain::ids::HoldId;
use crate::store::StoreError;
use crate::store::allowances::{self, Allowances, LimitUsage, LimitUsageQuery, LimitUsageRow};
use crate::store::columns::{DbJson, DbTime, DbUuid};

/// Reads what is taken of the limits in `$1`, and at most `$4` ends of holds of client `$2` since `$3`.
pub(super) const LOAD_USAGE: &str = "SELECT
    (SELECT json_group_array(json_array(scope, number)) FROM (
        SELECT a.scope, a.number FROM json_each($1) l CROSS JOIN allowances a
        WHERE a.scope = l.value ->> 'scope' AND a.subject = l.value ->> 'subject'
          AND a.number BETWEEN l.value ->> 'first_number' AND l.value ->> 'last_number'
        UNION ALL
        SELECT a.scope, a.number FROM json_each($1) l CROSS JOIN allowances a
        WHERE a.scope = l.value ->> 'scope' AND a.subject = l.value ->> 'subject'
          AND a.number > l.value ->> 'most')) AS taken,
    (SELECT json_group_array(json_array(status, reason, unpaid_until) ORDER BY unpaid_until DESC) FROM (
        SELECT status, reason, unpaid_until FROM holds
        WHERE client_id = $2 AND unpaid_until > $3
          AND (status <> 'released' OR reason <> 'operator')
        ORDER BY unpaid_until DESC LIMIT $4)) AS ends";

#[async_trait]
impl Allowances for SqliteStore {
    async fn load_limit_usage(&self, query: &LimitUsageQuery<'_>) -> Result<LimitUsage, StoreError> {
        let row = sqlx::query_as(LOAD_USAGE)
            .bind(DbJson(allowances::encode_ranges(query.ranges)))
            .bind(query.lapses.map(|lapses| lapses.client.0.as_str()))
            .bind(query.lapses.map(|lapses| DbTime(lapses.since)))
            .bind(allowances::MOST_ENDS);
        let row: LimitUsageRow = self.read(row.fetch_one(&self.readers)).await?;
        row.decode()
    }
}

/// Takes the first free number that is offered of each limit in `$1` for hold `$2`. A limit without a free number gets no
/// row: its number is null, which `IGNORE` skips.
pub(super) const TAKE: &str = "INSERT OR IGNORE INTO allowances (scope, subject, number, hold_id)
    SELECT l.value ->> 'scope', l.value ->> 'subject', (
        SELECT n.value FROM json_each(l.value, '$.numbers') n
        WHERE NOT EXISTS (
            SELECT 1 FROM allowances a
            WHERE a.scope = l.value ->> 'scope' AND a.subject = l.value ->> 'subject' AND a.number = n.value)
        LIMIT 1), $2
    FROM json_each($1) l";

/// Takes one number of each limit. `false` if a limit has none of the offered numbers left: then the caller must roll
/// back.
pub(super) async fn take_allowances(
    connection: &mut SqliteConnection,
    hold: HoldId,
    offers: &[AllowanceOffer],
) -> SqliteResult<bool> {
    let query = sqlx::query(TAKE).bind(DbJson(allowances::encode_offers(offers)));
    let done = query.bind(DbUuid(hold.0)).execute(connection).await?;
    Ok(done.rows_affected() == offers.len() as u64)
}
