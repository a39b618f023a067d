//! Limits how many slots one visitor can hold without paying.
//!
//! The check runs before Stripe is called, so that a refusal is cheap. It finds free allowances, of which the placing
//! statement takes one of each limit, so that the limits also hold across instances and under concurrency.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::context::Context;
use super::error::WorkflowError;
use crate::domain::booking::{CheckoutClient, ClientId, Guest};
use crate::domain::hold_limit::{AllowanceOffer, AllowanceRange, FreeAllowances, HoldLimit, list_limits};
use crate::domain::ids::HoldId;
use crate::domain::lapses::{LAPSES_COUNT_FOR, find_last_of_too_many_lapses};
use crate::store::{HoldLimits, LapseQuery, LimitUsage, LimitUsageQuery, SlotQuery, StoreError};

/// Over how many numbers of a large limit the checkouts of one millisecond are spread, so that they seldom want the same one.
const NUMBERS_PER_MILLISECOND: u32 = 512;

/// Why a visitor may not place another hold.
#[derive(Debug, thiserror::Error)]
pub(super) enum LimitError {
    /// A limit on unpaid holds is reached, or too many holds of the client lapsed.
    #[error("too many holds")]
    TooMany {
        /// How long to wait before another try.
        retry_after: Duration,
    },
    /// The check itself failed.
    #[error(transparent)]
    Workflow(#[from] WorkflowError),
}

impl From<StoreError> for LimitError {
    fn from(error: StoreError) -> Self {
        Self::Workflow(error.into())
    }
}

/// Checks that the guest and the client may place one more hold, and finds the allowances for it. Limits that are turned
/// off are not read.
///
/// # Errors
/// [`LimitError::TooMany`] if they may not.
pub(super) async fn find_allowances(
    context: &Context,
    guest: &Guest,
    client: Option<&CheckoutClient>,
) -> Result<HoldLimits, LimitError> {
    LimitCheck::new(context, guest, client)
        .read_and_decide(context)
        .await
}

/// The allowances for a hold that is placed in place of another one.
pub(super) struct AllowedBeside {
    /// Those of the limits in which the other one does not count.
    pub(super) limits: HoldLimits,
    /// Those that it takes from the other one.
    pub(super) inherited: Vec<AllowanceOffer>,
}

impl AllowedBeside {
    /// The allowances for a hold that replaces none.
    pub(super) fn none(limits: HoldLimits) -> Self {
        Self {
            limits,
            inherited: Vec::new(),
        }
    }
}

/// Does the same as [`find_allowances`] for a hold in place of the `earlier` one, which does not count.
///
/// # Errors
/// [`LimitError::TooMany`] if the guest and the client may not place the hold.
pub(super) async fn find_allowances_beside(
    context: &Context,
    guest: &Guest,
    client: Option<&CheckoutClient>,
    earlier: Option<HoldId>,
) -> Result<AllowedBeside, LimitError> {
    let held = match earlier {
        Some(hold) => context.store.list_allowances(hold).await?,
        None => Vec::new(),
    };
    let number_in = |limit: &HoldLimit| {
        let mut same = held
            .iter()
            .filter(|held| held.scope == limit.scope && held.subject == limit.subject);
        same.next().map(|held| held.number)
    };
    let (mut others, mut inherited) = (Vec::new(), Vec::new());
    for limit in list_limits(context.settings.limits.most, &guest.email, client) {
        match number_in(&limit) {
            Some(number) => inherited.push(AllowanceOffer {
                limit,
                numbers: vec![number],
            }),
            None => others.push(limit),
        }
    }
    let limits = LimitCheck::of_limits(context, others, client)
        .read_and_decide(context)
        .await?;
    Ok(AllowedBeside { limits, inherited })
}

/// A check of the limits on one visitor: what it reads, and then the decision.
pub(super) struct LimitCheck {
    client: Option<ClientId>,
    /// Where the search for free numbers starts.
    offset: u32,
    ranges: Vec<AllowanceRange>,
    lapses: Option<(ClientId, DateTime<Utc>)>,
}

impl LimitCheck {
    /// Prepares the check for one more hold of this guest by this client.
    pub(super) fn new(context: &Context, guest: &Guest, client: Option<&CheckoutClient>) -> Self {
        let limits = list_limits(context.settings.limits.most, &guest.email, client);
        Self::of_limits(context, limits, client)
    }

    fn of_limits(context: &Context, limits: Vec<HoldLimit>, client: Option<&CheckoutClient>) -> Self {
        let offset = choose_offset(context.now());
        let settings = &context.settings.limits;
        // A client without a network is exempt.
        let lapses = client
            .filter(|client| client.network.is_some() && !settings.lapse_cooldown.is_zero())
            .map(|client| (client.id.clone(), context.now() - LAPSES_COUNT_FOR));
        Self {
            client: client.map(|client| client.id.clone()),
            offset,
            ranges: limits.into_iter().map(|limit| limit.sample(offset)).collect(),
            lapses,
        }
    }

    /// What the check reads of a slot that starts then, and of the limits.
    pub(super) fn to_slot_query(&self, starts_at: DateTime<Utc>) -> SlotQuery {
        SlotQuery {
            starts_at,
            ranges: self.ranges.clone(),
            lapses: self.lapses.clone(),
        }
    }

    async fn read_and_decide(self, context: &Context) -> Result<HoldLimits, LimitError> {
        let usage = if self.ranges.is_empty() && self.lapses.is_none() {
            LimitUsage::default()
        } else {
            let lapses = self.lapses.as_ref();
            let lapses = lapses.map(|(client, since)| LapseQuery {
                client,
                since: *since,
            });
            load_usage(context, &self.ranges, lapses).await?
        };
        self.decide(context, &usage).await
    }

    /// Decides by what was read, and finds the allowances for the hold. Reads more if that does not tell.
    ///
    /// # Errors
    /// [`LimitError::TooMany`] if the guest and the client may not place the hold.
    pub(super) async fn decide(
        self,
        context: &Context,
        usage: &LimitUsage,
    ) -> Result<HoldLimits, LimitError> {
        check_cooldown(context, usage)?;
        let (mut offers, undecided) = find_free(context, self.ranges, usage, self.offset)?;
        if !undecided.is_empty() {
            let whole: Vec<_> = undecided.into_iter().map(AllowanceRange::whole).collect();
            let usage = load_usage(context, &whole, None).await?;
            let (found, _) = find_free(context, whole, &usage, self.offset)?;
            offers.extend(found);
        }
        Ok(HoldLimits {
            client: self.client,
            allowances: offers,
            ..HoldLimits::default()
        })
    }
}

async fn load_usage(
    context: &Context,
    ranges: &[AllowanceRange],
    lapses: Option<LapseQuery<'_>>,
) -> Result<LimitUsage, StoreError> {
    let query = LimitUsageQuery { ranges, lapses };
    context.store.load_limit_usage(&query).await
}

fn check_cooldown(context: &Context, usage: &LimitUsage) -> Result<(), LimitError> {
    let Some(last) = find_last_of_too_many_lapses(&usage.ends) else {
        return Ok(());
    };
    let waited = (context.now() - last).to_std().unwrap_or_default();
    match context.settings.limits.lapse_cooldown.checked_sub(waited) {
        Some(rest) if !rest.is_zero() => Err(LimitError::TooMany { retry_after: rest }),
        _ => Ok(()),
    }
}

/// Finds free numbers of each limit. Returns the parts that do not tell as they are.
fn find_free(
    context: &Context,
    ranges: Vec<AllowanceRange>,
    usage: &LimitUsage,
    offset: u32,
) -> Result<(Vec<AllowanceOffer>, Vec<AllowanceRange>), LimitError> {
    let (mut offers, mut undecided) = (Vec::new(), Vec::new());
    for range in ranges {
        let of_this_limit = usage
            .taken
            .iter()
            .filter(|(scope, _)| *scope == range.limit.scope);
        let taken = of_this_limit.map(|(_, number)| *number).collect();
        match range.find_free(&taken, offset) {
            FreeAllowances::Found(numbers) => offers.push(AllowanceOffer {
                limit: range.limit,
                numbers,
            }),
            FreeAllowances::Undecided => undecided.push(range),
            FreeAllowances::LimitReached => {
                let retry_after = retry_after_limit(context);
                return Err(LimitError::TooMany { retry_after });
            }
        }
    }
    Ok((offers, undecided))
}

/// Returns where the search for free numbers starts. Checkouts that follow each other start near each other, so that the rows of
/// a large limit that they write share pages of its index.
fn choose_offset(now: DateTime<Utc>) -> u32 {
    let cycle = i64::from(u32::MAX / NUMBERS_PER_MILLISECOND);
    let millisecond = u32::try_from(now.timestamp_millis().rem_euclid(cycle)).unwrap_or_default();
    millisecond * NUMBERS_PER_MILLISECOND + rand::random_range(0..NUMBERS_PER_MILLISECOND)
}

/// Returns how long a visitor with too many holds must wait: after that time, every held hold of today is paid or
/// released.
pub(super) fn retry_after_limit(context: &Context) -> Duration {
    context.settings.hold_ttl.to_std().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offset_after(milliseconds: i64) -> i64 {
        let at = DateTime::from_timestamp_millis(1_800_000_000_000 + milliseconds);
        i64::from(choose_offset(at.unwrap_or_default()))
    }

    #[test]
    fn checkouts_in_turn_look_near_each_other_not_at_the_same() {
        let step = i64::from(NUMBERS_PER_MILLISECOND);
        for _ in 0..100 {
            let (first, second) = (offset_after(0), offset_after(1));
            assert!((1..2 * step).contains(&(second - first)), "{first} {second}");
        }
        let different: std::collections::BTreeSet<i64> = (0..100).map(|_| offset_after(0)).collect();
        // 100 of 512 numbers, drawn at random, are never as few as 20 different ones.
        assert!(different.len() > 20, "{different:?}");
        // The numbers of a long time do not overflow.
        assert!((0..=i64::from(u32::MAX)).contains(&offset_after(i64::from(u32::MAX))));
    }
}
