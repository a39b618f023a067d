//! Limits on unpaid holds, and the numbers by which they are counted exactly.
//!
//! A limit of `n` has `n` allowances, numbered from 1. An unpaid hold has one allowance of each limit that applies to it,
//! and no two holds have the same one. So there is no counter that all checkouts of one caller must write, and no two
//! checkouts can both see the last free place.

use std::collections::BTreeSet;

use super::booking::{CheckoutClient, NetworkId, normalize_email};

/// The most numbers that a checkout looks at first, and that it offers to the statement that takes one.
const SAMPLE: u32 = 64;

/// What a limit counts together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LimitScope {
    /// The holds of one e-mail address from one client.
    Guest,
    /// The holds of one e-mail address from all clients.
    Email,
    /// The holds from one client.
    Client,
    /// The holds from one network of client addresses.
    Network,
}

/// The most unpaid holds that a shop allows; 0 turns a limit off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MostUnpaidHolds {
    /// For one e-mail address from one client.
    pub per_guest: u32,
    /// For one e-mail address from all clients.
    pub per_email: u32,
    /// From one client address.
    pub per_client: u32,
    /// From one network of client addresses.
    pub per_network: u32,
}

/// One limit that applies to a checkout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldLimit {
    /// What is counted together.
    pub scope: LimitScope,
    /// Whose holds are counted.
    pub subject: String,
    /// The most unpaid holds; at least 1.
    pub most: u32,
}

/// A part of a limit's numbers that is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowanceRange {
    /// The limit whose numbers they are.
    pub limit: HoldLimit,
    /// The first number of the part.
    pub first: u32,
    /// The last number of the part.
    pub last: u32,
}

/// Free numbers of one limit, of which a hold takes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowanceOffer {
    /// The limit whose numbers they are.
    pub limit: HoldLimit,
    /// The numbers, in the order in which to try them.
    pub numbers: Vec<u32>,
}

/// The allowance that a hold has of one limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldAllowance {
    /// What the limit counts together.
    pub scope: LimitScope,
    /// Whose holds it counts.
    pub subject: String,
    /// The number that the hold has.
    pub number: u32,
}

/// The result of looking for free numbers in a part of a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FreeAllowances {
    /// These numbers are free; there is at least one.
    Found(Vec<u32>),
    /// The limit is reached.
    LimitReached,
    /// The part does not tell: look at all numbers of the limit.
    Undecided,
}

/// Lists the limits that apply to a checkout of this guest by this client. Limits that are turned off are left out.
///
/// A caller without a network has no limits on its own address, only those on its guests.
pub fn list_limits(most: MostUnpaidHolds, email: &str, client: Option<&CheckoutClient>) -> Vec<HoldLimit> {
    let email = normalize_email(email);
    let client_id = client.map_or("", |client| client.id.0.as_str());
    let network = client.and_then(|client| client.network.as_ref());
    let limit = |scope, subject: &str, most| HoldLimit {
        scope,
        subject: subject.to_owned(),
        most,
    };
    let mut limits = vec![
        // No address and no pseudonym has a space.
        limit(LimitScope::Guest, &format!("{client_id} {email}"), most.per_guest),
        limit(LimitScope::Email, &email, most.per_email),
    ];
    if let Some(NetworkId(network)) = network {
        limits.push(limit(LimitScope::Client, client_id, most.per_client));
        limits.push(limit(LimitScope::Network, network, most.per_network));
    }
    limits.retain(|limit| limit.most > 0);
    limits
}

impl HoldLimit {
    /// Returns a part of the numbers that is small enough to read for each checkout. Different offsets give different
    /// parts of a large limit, so that concurrent checkouts seldom want the same number.
    pub fn sample(self, offset: u32) -> AllowanceRange {
        let starts = self.most.saturating_sub(SAMPLE) + 1;
        let first = 1 + offset % starts;
        let last = self.most.min(first + SAMPLE - 1);
        AllowanceRange {
            limit: self,
            first,
            last,
        }
    }
}

impl AllowanceRange {
    /// Returns all numbers of the limit.
    pub fn whole(self) -> Self {
        Self {
            first: 1,
            last: self.limit.most,
            ..self
        }
    }

    /// Finds numbers of this part that are free, given the numbers of this part that are taken and all numbers above the
    /// limit that are taken. The search starts at a place that depends on the offset.
    ///
    /// A number above the limit belongs to a hold that was placed under a higher limit, or by a version that does not
    /// look at allowances. Each uses up one number of the limit, counted from the top, so that the limit is exact.
    pub fn find_free(&self, taken: &BTreeSet<u32>, offset: u32) -> FreeAllowances {
        let most = self.limit.most;
        let is_whole = self.first == 1 && self.last == most;
        let last = if taken.last().is_none_or(|highest| *highest <= most) {
            self.last
        } else if is_whole {
            last_usable(taken, most)
        } else {
            return FreeAllowances::Undecided;
        };
        let length = (last + 1).saturating_sub(self.first);
        let free = (0..length)
            .map(|n| self.first + (n + offset % length) % length)
            .filter(|number| !taken.contains(number));
        let mut numbers = Vec::with_capacity(length.min(SAMPLE) as usize);
        numbers.extend(free.take(SAMPLE as usize));
        match (numbers.is_empty(), is_whole) {
            (false, _) => FreeAllowances::Found(numbers),
            (true, true) => FreeAllowances::LimitReached,
            (true, false) => FreeAllowances::Undecided,
        }
    }
}

/// Returns the largest number such that it and the taken numbers above it are together at most the limit.
fn last_usable(taken: &BTreeSet<u32>, most: u32) -> u32 {
    let mut last = most;
    loop {
        let above = taken.range(last + 1..).count();
        let lower = most.saturating_sub(u32::try_from(above).unwrap_or(u32::MAX));
        if lower >= last {
            return last;
        }
        last = lower;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::booking::ClientId;

    fn limit(most: u32) -> HoldLimit {
        HoldLimit {
            scope: LimitScope::Client,
            subject: "there".to_owned(),
            most,
        }
    }

    fn find_in_whole(most: u32, taken: &[u32], offset: u32) -> FreeAllowances {
        let range = limit(most).sample(0).whole();
        range.find_free(&taken.iter().copied().collect(), offset)
    }

    fn found(numbers: &[u32]) -> FreeAllowances {
        FreeAllowances::Found(numbers.to_vec())
    }

    #[test]
    fn free_numbers_are_offered_from_the_offset_on() {
        assert_eq!(find_in_whole(4, &[], 0), found(&[1, 2, 3, 4]));
        assert_eq!(find_in_whole(4, &[3], 5), found(&[2, 4, 1]));
        assert_eq!(find_in_whole(1, &[], u32::MAX), found(&[1]));
        assert_eq!(find_in_whole(3, &[1, 2, 3], 7), FreeAllowances::LimitReached);
    }

    #[test]
    fn numbers_above_the_limit_use_it_up_from_the_top() {
        assert_eq!(find_in_whole(3, &[9], 0), found(&[1, 2]));
        assert_eq!(find_in_whole(3, &[3, 9], 0), found(&[1]));
        assert_eq!(find_in_whole(3, &[1, 9], 0), found(&[2]));
        assert_eq!(find_in_whole(3, &[2, 8, 9], 0), FreeAllowances::LimitReached);
        assert_eq!(find_in_whole(3, &[6, 7, 8, 9], 0), FreeAllowances::LimitReached);
        for taken in 0_u32..1 << 8 {
            let taken: Vec<u32> = (1..=8).filter(|n| taken & (1 << (n - 1)) != 0).collect();
            let free = match find_in_whole(5, &taken, 0) {
                FreeAllowances::Found(numbers) => numbers.len(),
                _ => 0,
            };
            assert_eq!(free, 5_usize.saturating_sub(taken.len()), "{taken:?}");
        }
    }

    #[test]
    fn part_of_a_large_limit_suffices_unless_it_is_full() {
        let parts: Vec<_> = [0, 1, 935, 936, 937]
            .map(|offset| limit(1000).sample(offset))
            .map(|part| (part.first, part.last))
            .into();
        assert_eq!(parts, [(1, 64), (2, 65), (936, 999), (937, 1000), (1, 64)]);
        assert_eq!(limit(60).sample(17), limit(60).sample(0).whole());
        let part = limit(1000).sample(1);
        let full: BTreeSet<u32> = (2..=65).collect();
        assert_eq!(part.find_free(&full, 3), FreeAllowances::Undecided);
        let above = BTreeSet::from([1001]);
        assert_eq!(part.find_free(&above, 3), FreeAllowances::Undecided);
        let but_one: BTreeSet<u32> = (3..=65).collect();
        assert_eq!(part.find_free(&but_one, 3), found(&[2]));
    }

    #[test]
    fn limits_follow_the_caller_and_zero_turns_one_off() {
        let most = MostUnpaidHolds {
            per_guest: 3,
            per_email: 10,
            per_client: 0,
            per_network: 60,
        };
        let client = |network: Option<&str>| CheckoutClient {
            id: ClientId("here".to_owned()),
            network: network.map(|network| NetworkId(network.to_owned())),
        };
        let list = |client: Option<&CheckoutClient>| -> Vec<(LimitScope, String, u32)> {
            let limits = list_limits(most, " Ada@example.com ", client);
            limits
                .into_iter()
                .map(|limit| (limit.scope, limit.subject, limit.most))
                .collect()
        };
        let of_guest = |client: &str| {
            vec![
                (LimitScope::Guest, format!("{client} ada@example.com"), 3),
                (LimitScope::Email, "ada@example.com".to_owned(), 10),
            ]
        };
        let mut limited = of_guest("here");
        limited.push((LimitScope::Network, "net".to_owned(), 60));
        assert_eq!(list(Some(&client(Some("net")))), limited);
        assert_eq!(list(Some(&client(None))), of_guest("here"));
        assert_eq!(list(None), of_guest(""));
    }
}
