//! Counts what happened in a range of time: from the rows that are live, and from the counts of those that were deleted.
//!
//! The transaction that deletes attempts and holds adds them to `summary_counts`, by triggers, and both are read in one
//! statement. So a figure is the same before, during and after a deletion. Bookings and money are never deleted.

use async_trait::async_trait;

use super::StoreError;
use super::encoding::unreadable_column;
use crate::domain::summary::{MedianWait, SummaryCount, SummaryFigure, SummaryQuery};

/// The summary in the database.
#[async_trait]
pub trait Summaries {
    /// Counts what happened in the range of the query.
    async fn count_summary(&self, query: &SummaryQuery) -> Result<Vec<SummaryCount>, StoreError>;

    /// Finds how long guests took to pay, for each period, or for each event type in the first period.
    async fn find_median_waits(&self, query: &SummaryQuery) -> Result<Vec<MedianWait>, StoreError>;
}

/// The event type of attempts `a`; empty if it is not known.
macro_rules! event_type_of_attempt {
    () => {
        "coalesce(a.event_type_id, a.terms ->> 'event_type', (SELECT h.event_type_id FROM holds h WHERE h.id = a.hold_id), '')"
    };
}
pub(super) use event_type_of_attempt;

/// Counts from `$1` to `$2`, which are quarters `$3` and `$4`. `$5` tells whether to divide by event type, and not by quarter.
/// Attempts that ended are found by when they ended: they began at `$6` or later if they ended so late. `$quarter` is the
/// engine's expression for the quarter of an hour of an instant. The conditions repeat those of the partial indexes word for
/// word, because that is how SQLite recognises them.
macro_rules! count_statement {
    ($quarter:ident) => {
        concat!(
            "SELECT CASE WHEN $5 THEN 0 ELSE quarter END AS quarter, CASE WHEN $5 THEN event_type ELSE '' END AS event_type,
                 figure, currency, CAST(sum(n) AS bigint) AS n
             FROM (
                 SELECT quarter, event_type_id AS event_type, 'started' AS figure, '' AS currency, started AS n
                 FROM summary_counts WHERE quarter >= $3 AND quarter < $4
                 UNION ALL SELECT quarter, event_type_id, 'lost_races', '', lost_races
                 FROM summary_counts WHERE quarter >= $3 AND quarter < $4
                 UNION ALL SELECT quarter, event_type_id, 'placed', '', placed
                 FROM summary_counts WHERE quarter >= $3 AND quarter < $4
                 UNION ALL SELECT quarter, event_type_id, 'lapsed', '', lapsed
                 FROM summary_counts WHERE quarter >= $3 AND quarter < $4
                 UNION ALL SELECT quarter, event_type_id, 'given_back', '', given_back
                 FROM summary_counts WHERE quarter >= $3 AND quarter < $4
                 UNION ALL SELECT ", $quarter!("a.claimed_at"), ", ", event_type_of_attempt!(), ", 'started', '', 1
                 FROM checkout_attempts a
                 WHERE a.state IN ('running', 'unsettled') AND a.claimed_at >= $1 AND a.claimed_at < $2
                 UNION ALL SELECT ", $quarter!("a.claimed_at"), ", ", event_type_of_attempt!(), ", 'started', '', 1
                 FROM checkout_attempts a
                 WHERE a.state IN ('placed', 'lost', 'abandoned') AND a.ended_at >= $6
                   AND a.claimed_at >= $1 AND a.claimed_at < $2
                 UNION ALL SELECT ", $quarter!("a.ended_at"), ", ", event_type_of_attempt!(), ", 'lost_races', '', 1
                 FROM checkout_attempts a
                 WHERE a.state IN ('placed', 'lost', 'abandoned') AND a.state = 'lost'
                   AND a.ended_at >= $1 AND a.ended_at < $2
                 UNION ALL SELECT ", $quarter!("h.created_at"), ", h.event_type_id, 'placed', '', 1
                 FROM holds h WHERE h.created_at >= $1 AND h.created_at < $2
                 UNION ALL SELECT ", $quarter!("coalesce(h.unpaid_until, h.updated_at)"), ", h.event_type_id,
                     CASE WHEN h.status <> 'released' THEN 'paid'
                          WHEN h.reason IN ('guest', 'operator') THEN 'given_back' ELSE 'lapsed' END, '', 1
                 FROM holds h
                 WHERE h.status IN ('confirmed', 'released', 'cancelled')
                   AND coalesce(h.unpaid_until, h.updated_at) >= $1 AND coalesce(h.unpaid_until, h.updated_at) < $2
                 UNION ALL SELECT ", $quarter!("coalesce(h.cancelled_at, h.updated_at)"), ", h.event_type_id,
                     'cancellations', '', 1
                 FROM holds h
                 WHERE h.status = 'cancelled'
                   AND coalesce(h.cancelled_at, h.updated_at) >= $1 AND coalesce(h.cancelled_at, h.updated_at) < $2
                 UNION ALL SELECT ", $quarter!("p.created_at"), ", coalesce(h.event_type_id, ''), 'money_in', p.currency,
                     p.amount
                 FROM payments p LEFT JOIN holds h ON h.id = p.hold_id
                 WHERE p.created_at >= $1 AND p.created_at < $2
                 UNION ALL SELECT ", $quarter!("r.created_at"), ", coalesce(h.event_type_id, ''), 'refunded', '', 1
                 FROM refunds r LEFT JOIN payments p ON p.intent_id = r.intent_id LEFT JOIN holds h ON h.id = p.hold_id
                 WHERE r.status = 'succeeded' AND r.is_ours AND r.created_at >= $1 AND r.created_at < $2
                 UNION ALL SELECT ", $quarter!("r.created_at"), ", coalesce(h.event_type_id, ''), 'money_out', r.currency,
                     r.amount
                 FROM refunds r LEFT JOIN payments p ON p.intent_id = r.intent_id LEFT JOIN holds h ON h.id = p.hold_id
                 WHERE r.status = 'succeeded' AND r.is_ours AND r.created_at >= $1 AND r.created_at < $2
                 UNION ALL SELECT ", $quarter!("d.created_at"), ", coalesce(h.event_type_id, ''), 'money_out', d.currency,
                     d.amount
                 FROM disputes d LEFT JOIN payments p ON p.intent_id = d.intent_id LEFT JOIN holds h ON h.id = p.hold_id
                 WHERE d.status = 'lost' AND d.is_ours AND d.created_at >= $1 AND d.created_at < $2
             ) AS parts
             GROUP BY 1, 2, 3, 4"
        )
    };
}
pub(super) use count_statement;

/// The condition for holds `h` that were confirmed in period `p`.
macro_rules! is_paid_in_period {
    () => {
        "h.status IN ('confirmed', 'released', 'cancelled') AND h.status <> 'released'
             AND coalesce(h.unpaid_until, h.updated_at) >= p.starts_at
             AND coalesce(h.unpaid_until, h.updated_at) < p.ends_at
             AND h.unpaid_until IS NOT NULL"
    };
}
pub(super) use is_paid_in_period;

/// Finds the seconds within which half of the guests paid, exactly: the engine's periods are `number`, `starts_at` and
/// `ends_at`, `$holds` joins the holds `h` that were confirmed in them, in a way that keeps the engine from reading all holds,
/// and `$by_type` tells whether to divide by event type.
macro_rules! median_statement {
    ($periods:literal, $holds:expr, $by_type:literal, $seconds:literal) => {
        concat!(
            "WITH periods AS (",
            $periods,
            "),
             ranked AS (
                 SELECT number, event_type, seconds,
                     row_number() OVER (PARTITION BY number, event_type ORDER BY seconds) AS place,
                     count(*) OVER (PARTITION BY number, event_type) AS size
                 FROM (
                     SELECT p.number, CASE WHEN ",
            $by_type,
            " THEN h.event_type_id ELSE '' END AS event_type, ",
            $seconds,
            " AS seconds
                     FROM periods p CROSS JOIN ",
            $holds,
            ") AS waits)
             SELECT number, event_type, seconds FROM ranked WHERE place = (size + 1) / 2"
        )
    };
}
pub(super) use median_statement;

#[derive(sqlx::FromRow)]
pub(super) struct CountRow {
    quarter: i64,
    event_type: String,
    figure: String,
    currency: String,
    n: i64,
}

impl CountRow {
    pub(super) fn decode_all(rows: Vec<Self>) -> Result<Vec<SummaryCount>, StoreError> {
        let decode = |row: Self| {
            Ok(SummaryCount {
                quarter: row.quarter,
                event_type: row.event_type,
                figure: decode_figure(&row.figure)?,
                currency: row.currency,
                count: row.n,
            })
        };
        // A deleted row is counted in several columns, most of which are 0.
        let counted = rows.into_iter().filter(|row| row.n != 0);
        counted.map(decode).collect()
    }
}

fn decode_figure(text: &str) -> Result<SummaryFigure, StoreError> {
    Ok(match text {
        "started" => SummaryFigure::Started,
        "lost_races" => SummaryFigure::LostRaces,
        "placed" => SummaryFigure::Placed,
        "paid" => SummaryFigure::Paid,
        "lapsed" => SummaryFigure::Lapsed,
        "given_back" => SummaryFigure::GivenBack,
        "cancellations" => SummaryFigure::Cancelled,
        "refunded" => SummaryFigure::Refunded,
        "money_in" => SummaryFigure::MoneyIn,
        "money_out" => SummaryFigure::MoneyOut,
        _ => return Err(unreadable_column("figure", text)),
    })
}

#[derive(sqlx::FromRow)]
pub(super) struct MedianRow {
    number: i64,
    event_type: String,
    seconds: i64,
}

impl MedianRow {
    pub(super) fn decode_all(rows: Vec<Self>) -> Vec<MedianWait> {
        let decode = |row: Self| MedianWait {
            period: usize::try_from(row.number).unwrap_or(usize::MAX),
            event_type: row.event_type,
            seconds: row.seconds,
        };
        rows.into_iter().map(decode).collect()
    }
}
