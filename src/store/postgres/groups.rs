//! The kinds of callers on PostgreSQL whose statements are run together.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::availability::Availability;
use crate::domain::booking::Booking;
use crate::domain::ids::IntentId;
use crate::domain::session::HoldRefs;
use crate::store::allowances::{GroupedUsageQuery, LimitUsage};
use crate::store::attempts::{Claim, NewAttempt};
use crate::store::availability::GroupedQuery;
use crate::store::changes::ApplyOutcome;
use crate::store::event_changes::EventChange;
use crate::store::group_commit::{GroupBounds, Groups};
use crate::store::lookups::{Lookup, LookupQuery};
use crate::store::placements::{PlaceItem, PlaceOutcome};

/// The most groups of one kind that are under way at the same time: while one waits for a lock, others go on.
const GROUPS: usize = 3;

/// The most items of a group.
const MOST_ITEMS: usize = 128;

/// The most holds that one statement places. Each takes a lock for each of its limits, and all locks of a server are in one table
/// with space for 64 a connection.
const MOST_PLACES: usize = 32;

/// The most events that one statement applies: each takes a lock for the intent of its payment.
const MOST_EVENTS: usize = 64;

/// The callers whose statements are run together, by kind.
#[derive(Debug)]
pub(super) struct PostgresGroups {
    /// The claims of attempts.
    pub(super) claims: Arc<Groups<NewAttempt, Claim>>,
    /// The holds to place.
    pub(super) places: Arc<Groups<PlaceItem, PlaceOutcome>>,
    /// The events to apply to holds.
    pub(super) events: Arc<Groups<EventChange, ApplyOutcome>>,
    /// The first reads of requests.
    pub(super) lookups: Arc<Groups<LookupQuery, Lookup>>,
    /// Reads what occupies resources.
    pub(super) occupancies: Arc<Groups<GroupedQuery, Availability>>,
    /// Reads what occupies resources, and which holds may still end.
    pub(super) occupancies_with_statuses: Arc<Groups<GroupedQuery, Availability>>,
    /// Finds the holds that events name.
    pub(super) named_holds: Arc<Groups<HoldRefs, Option<Booking>>>,
    /// Tells of which intents something was reported.
    pub(super) reported_money: Arc<Groups<IntentId, bool>>,
    /// Reads what is taken of limits.
    pub(super) usages: Arc<Groups<GroupedUsageQuery, LimitUsage>>,
}

impl PostgresGroups {
    /// Makes the groups of a store of which each method may take so long.
    pub(super) fn new(call_timeout: Duration) -> Self {
        let bounds = GroupBounds {
            groups: GROUPS,
            old_groups_count: false,
            items: MOST_ITEMS,
            call_timeout,
        };
        Self {
            claims: Groups::new(bounds),
            places: Groups::new(GroupBounds {
                items: MOST_PLACES,
                ..bounds
            }),
            events: Groups::new(GroupBounds {
                items: MOST_EVENTS,
                ..bounds
            }),
            lookups: Groups::new(bounds),
            occupancies: Groups::new(bounds),
            occupancies_with_statuses: Groups::new(bounds),
            named_holds: Groups::new(bounds),
            reported_money: Groups::new(bounds),
            usages: Groups::new(bounds),
        }
    }
}
