//! Allowances: the numbered unpaid holds that each limit allows. Placing a hold takes one of each limit, a trigger gives
//! them back.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::columns::DbTime;
use super::group_commit::GroupItem;
use super::{StoreError, encoding};
use crate::domain::booking::ClientId;
use crate::domain::hold_limit::{AllowanceOffer, AllowanceRange, LimitScope};
use crate::domain::lapses::HoldEnd;

/// The most ends of a client's holds that are read. A client that gives two holds back in each hour of a day has fewer;
/// each other end that is read is a lapse or a payment, so a part is enough to decide.
pub(super) const MOST_ENDS: u32 = 64;

/// A question about limits; the default asks for nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct LimitUsageQuery<'a> {
    /// The parts of limits of which to read the numbers that are taken.
    pub ranges: &'a [AllowanceRange],
    /// The client whose lapses to read, if any.
    pub lapses: Option<LapseQuery<'a>>,
}

impl<'a> LimitUsageQuery<'a> {
    /// Asks for parts of limits, and for the lapses of a client since a time.
    pub(super) fn new(ranges: &'a [AllowanceRange], lapses: Option<&'a (ClientId, DateTime<Utc>)>) -> Self {
        let lapses = lapses.map(|(client, since)| LapseQuery {
            client,
            since: *since,
        });
        Self { ranges, lapses }
    }

    /// Whether it asks for nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.ranges.is_empty() && self.lapses.is_none()
    }
}

/// A question about the lapses of a client.
#[derive(Clone, Copy, Debug)]
pub struct LapseQuery<'a> {
    /// The client that placed the holds.
    pub client: &'a ClientId,
    /// Holds that ended at this time or before are left out.
    pub since: DateTime<Utc>,
}

/// What is taken of limits, and how the last holds of a client ended.
#[derive(Clone, Debug, Default)]
pub struct LimitUsage {
    /// The taken numbers: those in the part that was asked for, and those above the limit.
    pub taken: Vec<(LimitScope, u32)>,
    /// How the client's last holds ended, newest first; without those that an operator released or that were
    /// replaced.
    pub ends: Vec<HoldEnd>,
}

/// Allowances in the database; one method is one transaction.
#[async_trait]
pub trait Allowances {
    /// Reads which allowances are taken, and how the last holds of a client ended.
    async fn load_limit_usage(&self, query: &LimitUsageQuery<'_>) -> Result<LimitUsage, StoreError>;
}

/// A [`LimitUsageQuery`] that may be one of a group.
#[derive(Clone, Debug)]
pub(super) struct GroupedUsageQuery {
    pub(super) ranges: Vec<AllowanceRange>,
    pub(super) lapses: Option<(ClientId, DateTime<Utc>)>,
}

impl<'a> From<&'a GroupedUsageQuery> for LimitUsageQuery<'a> {
    fn from(query: &'a GroupedUsageQuery) -> Self {
        Self::new(&query.ranges, query.lapses.as_ref())
    }
}

impl From<&LimitUsageQuery<'_>> for GroupedUsageQuery {
    fn from(query: &LimitUsageQuery<'_>) -> Self {
        Self {
            ranges: query.ranges.to_vec(),
            lapses: query.lapses.map(|lapses| (lapses.client.clone(), lapses.since)),
        }
    }
}

impl GroupItem for GroupedUsageQuery {
    type Touched = ();

    fn touch(&mut self, (): &mut ()) -> bool {
        true
    }
}

/// A row of the answer to the query of this number: a taken number of a limit, or else how a hold ended.
#[derive(sqlx::FromRow, serde::Deserialize)]
pub(super) struct LimitUsageRow {
    query: i32,
    scope: Option<String>,
    number: Option<i32>,
    status: Option<String>,
    reason: Option<String>,
    ended_at: Option<DbTime>,
}

impl LimitUsageRow {
    /// The answer to each of so many queries.
    pub(super) fn decode_all(rows: Vec<Self>, queries: usize) -> Result<Vec<LimitUsage>, StoreError> {
        let mut usages = vec![LimitUsage::default(); queries];
        for row in rows {
            let of_query = usize::try_from(row.query)
                .ok()
                .and_then(|query| usages.get_mut(query));
            let usage = of_query.ok_or_else(|| encoding::unreadable_column("query", "unknown"))?;
            match (row.scope, row.number, row.status, row.ended_at) {
                (Some(scope), Some(number), ..) => usage
                    .taken
                    .push((encoding::decode_limit_scope(&scope)?, number.unsigned_abs())),
                (_, _, Some(status), Some(at)) => usage.ends.push(HoldEnd {
                    status: encoding::decode_status(&status, row.reason.as_deref())?,
                    at: at.0,
                }),
                _ => {
                    return Err(encoding::unreadable_column(
                        "limit usage",
                        "neither number nor end",
                    ));
                }
            }
        }
        for usage in &mut usages {
            usage.ends.sort_by_key(|end| std::cmp::Reverse(end.at));
        }
        Ok(usages)
    }
}

/// Offered allowances as the JSON that a statement reads.
pub(super) fn encode_offers(offers: &[AllowanceOffer]) -> Value {
    let encode = |offer: &AllowanceOffer| {
        json!({
            "scope": encoding::encode_limit_scope(offer.limit.scope),
            "subject": offer.limit.subject,
            "numbers": offer.numbers,
        })
    };
    offers.iter().map(encode).collect()
}
