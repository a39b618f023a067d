//! Allowances: the numbered unpaid holds that each limit allows. Placing a hold takes one of each limit, a trigger gives
//! them back.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::types::Json;

use super::{StoreError, encoding};
use crate::domain::booking::ClientId;
use crate::domain::hold_limit::{AllowanceOffer, AllowanceRange, LimitScope};
use crate::domain::lapses::HoldEnd;

/// The most ends of a client's holds that are read. A client that gives two holds back in each hour of a day has fewer;
/// each other end that is read is a lapse or a payment, so a part is enough to decide.
pub(super) const MOST_ENDS: u32 = 64;

/// A question about limits.
#[derive(Clone, Debug)]
pub struct LimitUsageQuery<'a> {
    /// The parts of limits of which to read the numbers that are taken.
    pub ranges: &'a [AllowanceRange],
    /// The client whose lapses to read, if any.
    pub lapses: Option<LapseQuery<'a>>,
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
    /// How the client's last holds ended, newest first; without those that an operator released.
    pub ends: Vec<HoldEnd>,
}

/// Allowances in the database; one method is one transaction.
#[async_trait]
pub trait Allowances {
    /// Reads which allowances are taken, and how the last holds of a client ended.
    async fn load_limit_usage(&self, query: &LimitUsageQuery<'_>) -> Result<LimitUsage, StoreError>;
}

/// The taken numbers as `[scope, number]`, and the ends as `[status, reason, milliseconds]`.
#[derive(sqlx::FromRow)]
pub(super) struct LimitUsageRow {
    taken: Json<Vec<(String, u32)>>,
    ends: Json<Vec<(String, Option<String>, i64)>>,
}

impl LimitUsageRow {
    pub(super) fn decode(self) -> Result<LimitUsage, StoreError> {
        let taken = self.taken.0.into_iter();
        let taken = taken.map(|(scope, number)| Ok((encoding::decode_limit_scope(&scope)?, number)));
        let ends = self.ends.0.into_iter().map(|(status, reason, at)| {
            Ok(HoldEnd {
                status: encoding::decode_status(&status, reason.as_deref())?,
                at: DateTime::from_timestamp_millis(at)
                    .ok_or_else(|| encoding::unreadable_column("unpaid_until", "out of range"))?,
            })
        });
        Ok(LimitUsage {
            taken: taken.collect::<Result<_, StoreError>>()?,
            ends: ends.collect::<Result<_, StoreError>>()?,
        })
    }
}

/// Parts of limits as the JSON that a statement reads.
pub(super) fn encode_ranges(ranges: &[AllowanceRange]) -> Value {
    let encode = |range: &AllowanceRange| {
        json!({
            "scope": encoding::encode_limit_scope(range.limit.scope),
            "subject": range.limit.subject,
            "first_number": range.first,
            "last_number": range.last,
            "most": range.limit.most,
        })
    };
    ranges.iter().map(encode).collect()
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
