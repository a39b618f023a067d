//! Takes and reads allowances on PostgreSQL. The placing statement takes what `find_numbers_statement!` finds; the key of the table
//! keeps the limits on unpaid holds.

use std::fmt::Write as _;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::FutureExt as _;
use sqlx::Postgres;
use sqlx::postgres::{PgArguments, PgConnection};
use sqlx::query::QueryAs;
use uuid::Uuid;

use super::PostgresStore;
use super::error::PostgresResult;
use super::occupancy::signed;
use crate::domain::hold_limit::AllowanceOffer;
use crate::domain::ids::HoldId;
use crate::store::allowances::{self, Allowances, LimitUsage, LimitUsageQuery, LimitUsageRow};
use crate::store::{StoreError, encoding};

/// Reads what is taken of parts of limits (`$1` queries, `$2` scopes, `$3` subjects, `$4` first and `$5` last numbers, `$6` limits),
/// and at most `$10` ends of holds of clients (`$7` queries, `$8` clients, `$9` times since which). `OFFSET 0` keeps the planner
/// from joining whole tables.
macro_rules! select_usage {
    () => {
        "SELECT l.query, l.scope, a.number, NULL AS status, NULL AS reason, NULL AS ended_at
         FROM unnest($1::int[], $2::text[], $3::text[], $4::int[], $5::int[], $6::int[])
             AS l (query, scope, subject, first_number, last_number, most)
         CROSS JOIN LATERAL (
             SELECT number FROM allowances
             WHERE scope = l.scope AND subject = l.subject AND number BETWEEN l.first_number AND l.last_number
             UNION ALL
             SELECT number FROM allowances WHERE scope = l.scope AND subject = l.subject AND number > l.most OFFSET 0) a
         UNION ALL
         SELECT c.query, NULL, NULL, e.status, e.reason, e.unpaid_until
         FROM unnest($7::int[], $8::text[], $9::timestamptz[]) AS c (query, client, since)
         CROSS JOIN LATERAL (
             SELECT status, reason, unpaid_until FROM holds
             WHERE client_id = c.client AND unpaid_until > c.since
               AND (status <> 'released' OR reason <> 'operator' AND replaced_by IS NULL)
             ORDER BY unpaid_until DESC LIMIT $10) e"
    };
}
pub(super) use select_usage;

#[async_trait]
impl Allowances for PostgresStore {
    async fn load_limit_usage(&self, query: &LimitUsageQuery<'_>) -> Result<LimitUsage, StoreError> {
        self.read_in_group(&self.groups.reads.usages, query.into(), |connection, queries| {
            let queries: Vec<LimitUsageQuery<'_>> = queries.iter().map(Into::into).collect();
            async move { load_usages(connection, &queries).await }.boxed()
        })
        .await
    }
}

/// Reads what is taken of limits, for each query. Where all limits are turned off there is nothing to read.
async fn load_usages(
    connection: &mut PgConnection,
    queries: &[LimitUsageQuery<'_>],
) -> PostgresResult<Vec<LimitUsage>> {
    if queries.iter().all(LimitUsageQuery::is_empty) {
        return Ok(vec![LimitUsage::default(); queries.len()]);
    }
    let columns = UsageColumns::of(queries);
    let select = columns.bind_to(sqlx::query_as(select_usage!()));
    let rows = select.fetch_all(connection).await?;
    Ok(LimitUsageRow::decode_all(rows, queries.len())?)
}

/// Questions about limits as columns for `select_usage!`.
#[derive(Default)]
pub(super) struct UsageColumns<'a> {
    of_ranges: Vec<i32>,
    scopes: Vec<&'static str>,
    subjects: Vec<&'a str>,
    first: Vec<i32>,
    last: Vec<i32>,
    most: Vec<i32>,
    of_clients: Vec<i32>,
    clients: Vec<&'a str>,
    since: Vec<DateTime<Utc>>,
}

impl<'a> UsageColumns<'a> {
    /// Each question has its number in the order of `queries`.
    pub(super) fn of(queries: &[LimitUsageQuery<'a>]) -> Self {
        let mut columns = Self::default();
        for (number, query) in (0_i32..).zip(queries) {
            for range in query.ranges {
                columns.of_ranges.push(number);
                columns
                    .scopes
                    .push(encoding::encode_limit_scope(range.limit.scope));
                columns.subjects.push(range.limit.subject.as_str());
                columns.first.push(signed(range.first));
                columns.last.push(signed(range.last));
                columns.most.push(signed(range.limit.most));
            }
            if let Some(lapses) = query.lapses {
                columns.of_clients.push(number);
                columns.clients.push(lapses.client.0.as_str());
                columns.since.push(lapses.since);
            }
        }
        columns
    }

    /// Binds them as the first ten parameters of a statement.
    pub(super) fn bind_to<'q, O>(&'q self, query: UsageSelect<'q, O>) -> UsageSelect<'q, O> {
        query
            .bind(&self.of_ranges)
            .bind(&self.scopes)
            .bind(&self.subjects)
            .bind(&self.first)
            .bind(&self.last)
            .bind(&self.most)
            .bind(&self.of_clients)
            .bind(&self.clients)
            .bind(&self.since)
            .bind(i64::from(allowances::MOST_ENDS))
    }
}

type UsageSelect<'q, O> = QueryAs<'q, Postgres, O, PgArguments>;

/// Finds one of the offered numbers of each limit (`$9` holds, `$10` scopes, `$11` subjects, `$12` numbers, `$13` whether to
/// wait), for the holds that `$condition` names, and locks it. The key of the table decides who takes it.
///
/// A number that a concurrent checkout is taking is skipped, because the insert would wait until that one ends. A hold that
/// waits gets such a number if there is no other. Taken numbers are counted: with `EXISTS` the planner could try the lock first.
macro_rules! find_numbers_statement {
    ($condition:literal) => {
        concat!(
            "SELECT l.scope, l.subject, free.number, l.hold_id
             FROM unnest($9::uuid[], $10::text[], $11::text[], $12::text[], $13::bool[])
                 AS l (hold_id, scope, subject, numbers, waits)
             CROSS JOIN LATERAL (
                 SELECT number FROM (
                     SELECT n.number FROM unnest(l.numbers::integer[]) WITH ORDINALITY AS n (number, nth)
                     WHERE CASE
                         WHEN (SELECT count(*) FROM allowances a
                               WHERE a.scope = l.scope AND a.subject = l.subject AND a.number = n.number) > 0
                         THEN false
                         ELSE pg_try_advisory_xact_lock(hashtextextended(concat_ws(' ', l.scope, n.number, l.subject), 0))
                     END
                     LIMIT 1) unlocked
                 UNION ALL
                 SELECT number FROM (
                     SELECT n.number FROM unnest(l.numbers::integer[]) WITH ORDINALITY AS n (number, nth)
                     WHERE l.waits AND (SELECT count(*) FROM allowances a
                         WHERE a.scope = l.scope AND a.subject = l.subject AND a.number = n.number) = 0
                     LIMIT 1) locked
                 LIMIT 1) free
             WHERE ",
            $condition
        )
    };
}
pub(super) use find_numbers_statement;

/// Offers as columns for `unnest`: which hold takes one of which numbers of which limit.
#[derive(Default)]
pub(super) struct OfferColumns<'a> {
    pub(super) holds: Vec<Uuid>,
    pub(super) scopes: Vec<&'static str>,
    pub(super) subjects: Vec<&'a str>,
    /// Each as the text of an array, because PostgreSQL has no arrays of arrays of different lengths.
    pub(super) numbers: Vec<String>,
    pub(super) waits: Vec<bool>,
}

impl<'a> OfferColumns<'a> {
    /// Adds what a hold is offered.
    pub(super) fn add(&mut self, hold: HoldId, offers: &'a [AllowanceOffer], waits: bool) {
        for AllowanceOffer { limit, numbers } in offers {
            self.holds.push(hold.0);
            self.scopes.push(encoding::encode_limit_scope(limit.scope));
            self.subjects.push(&limit.subject);
            self.numbers.push(to_array_text(numbers));
            self.waits.push(waits);
        }
    }
}

/// The text of an array of numbers.
fn to_array_text(numbers: &[u32]) -> String {
    // Made in one piece of memory, because every checkout makes some. A number of a limit has up to seven digits.
    let mut text = String::with_capacity(2 + 8 * numbers.len());
    text.push('{');
    for (nth, number) in numbers.iter().enumerate() {
        let comma = if nth == 0 { "" } else { "," };
        // Writing to a string cannot fail.
        let _ = write!(text, "{comma}{number}");
    }
    text.push('}');
    text
}
