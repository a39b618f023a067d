//! Calendar feeds: the calendars of others that block resources, and how their last read went.

use chrono::{DateTime, Duration, Utc};

use super::ids::ResourceId;

/// A calendar feed whose events become blocks of a resource.
#[derive(Clone, PartialEq, Eq)]
pub struct Feed {
    /// The resource that the feed blocks.
    pub resource: ResourceId,
    /// The address of the feed. It often contains a secret, so it is never logged.
    pub url: String,
    /// The zone of its whole days and of its times without a zone, if the operator named one.
    pub timezone: Option<String>,
    /// When the feed is to be read. A change of what its blocks depend on sets it anew, so it tells a reading that began before.
    pub due_at: DateTime<Utc>,
    /// When the feed was last read without an error.
    pub read_at: Option<DateTime<Utc>>,
    /// How the last read went; `None` before the first.
    pub state: Option<FeedState>,
    /// What was wrong at the last read, in one sentence.
    pub fault: Option<String>,
    /// How many entries it had when it was last read without an error.
    pub entries: i32,
    /// How many faults its entries had.
    pub fault_count: i32,
    /// The first faults of its entries. They name no event.
    pub faults: Vec<String>,
}

/// How far ahead a calendar feed is read: three years. No later start on its resource is for sale.
pub const FEED_REACH: Duration = Duration::days(3 * 366);

/// How the last read of a calendar feed went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedState {
    /// Everything in it was read.
    Ok,
    /// Some entries have faults; each fault says what blocks instead.
    Partial,
    /// Nothing was read, and the blocks of the last read stay.
    Failed,
}

impl Feed {
    /// Tells whether an operator must look at the feed, because not all of it was read.
    pub fn needs_attention(&self) -> bool {
        matches!(self.state, Some(FeedState::Partial | FeedState::Failed))
    }
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Feed({})", self.resource)
    }
}

/// Where a calendar feed is.
#[derive(Clone, PartialEq, Eq)]
pub struct FeedAddress {
    /// The URL, which is often a secret.
    pub url: String,
    /// The zone of its whole days and of its times without a zone, if an operator has set it.
    pub timezone: Option<String>,
}

impl std::fmt::Debug for FeedAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FeedAddress").finish_non_exhaustive()
    }
}

/// The calendar feed that a resource has, or is to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedSetting {
    /// The resource of the feed.
    pub resource: ResourceId,
    /// Where the feed is; `None` if the resource has no feed.
    pub address: Option<FeedAddress>,
}
