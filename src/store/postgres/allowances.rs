//! Takes and reads allowances on PostgreSQL. `take_allowances_statement!` is the one statement that keeps the limits on unpaid holds.

use async_trait::async_trait;

use super::PostgresStore;
use crate::store::StoreError;
use crate::store::allowances::{self, Allowances, LimitUsage, LimitUsageQuery, LimitUsageRow};

/// Reads what is taken of the limits in `$1`, and at most `$4` ends of holds of client `$2` since `$3`.
const LOAD_USAGE: &str = "SELECT
    coalesce((
        SELECT jsonb_agg(jsonb_build_array(l.scope, a.number))
        FROM jsonb_to_recordset($1)
            AS l (scope text, subject text, first_number integer, last_number integer, most integer)
        CROSS JOIN LATERAL (
            SELECT number FROM allowances
            WHERE scope = l.scope AND subject = l.subject AND number BETWEEN l.first_number AND l.last_number
            UNION ALL
            SELECT number FROM allowances WHERE scope = l.scope AND subject = l.subject AND number > l.most) a
    ), '[]') AS taken,
    coalesce((
        SELECT jsonb_agg(
            jsonb_build_array(status, reason, (extract(epoch FROM unpaid_until) * 1000)::bigint)
            ORDER BY unpaid_until DESC)
        FROM (
            SELECT status, reason, unpaid_until FROM holds
            WHERE client_id = $2 AND unpaid_until > $3
              AND (status <> 'released' OR reason <> 'operator')
            ORDER BY unpaid_until DESC LIMIT $4) e
    ), '[]') AS ends";

#[async_trait]
impl Allowances for PostgresStore {
    async fn load_limit_usage(&self, query: &LimitUsageQuery<'_>) -> Result<LimitUsage, StoreError> {
        self.retrying(|| async {
            let row: LimitUsageRow = sqlx::query_as(LOAD_USAGE)
                .bind(allowances::encode_ranges(query.ranges))
                .bind(query.lapses.map(|lapses| lapses.client.0.as_str()))
                .bind(query.lapses.map(|lapses| lapses.since))
                .bind(i64::from(allowances::MOST_ENDS))
                .fetch_one(&self.pool)
                .await?;
            Ok(row.decode()?)
        })
        .await
    }
}

/// Takes one of the offered numbers (`$8`) of each limit for hold `$1`, provided that `$condition` holds. The key of the
/// table decides; a row that is missing from the result means that the caller must roll back.
///
/// A number that a concurrent checkout is taking is skipped, because the insert would wait until that one ends. Only if
/// `$9` is set, the first free number is taken even so. Limits come in one order, so that two checkouts that wait do not
/// deadlock. Taken numbers are counted: with `EXISTS` the planner could try the lock first.
macro_rules! take_allowances_statement {
    ($condition:literal) => {
        concat!(
            "INSERT INTO allowances (scope, subject, number, hold_id)
             SELECT l.scope, l.subject, free.number, $1
             FROM jsonb_to_recordset($8) AS l (scope text, subject text, numbers jsonb)
             CROSS JOIN LATERAL (
                 SELECT n.number::integer AS number
                 FROM jsonb_array_elements_text(l.numbers) WITH ORDINALITY AS n (number, nth)
                 WHERE CASE
                     WHEN (SELECT count(*) FROM allowances a
                           WHERE a.scope = l.scope AND a.subject = l.subject AND a.number = n.number::integer) > 0
                     THEN false
                     ELSE pg_try_advisory_xact_lock(hashtextextended(concat_ws(' ', l.scope, n.number, l.subject), 0))
                         OR $9
                 END
                 LIMIT 1) free
             WHERE ",
            $condition,
            " ORDER BY l.scope ON CONFLICT DO NOTHING"
        )
    };
}
pub(super) use take_allowances_statement;
