//! The kinds of callers on PostgreSQL whose statements are run together.

use std::sync::Arc;

use crate::domain::availability::Availability;
use crate::store::allowances::{GroupedUsageQuery, LimitUsage};
use crate::store::attempts::{Claim, NewAttempt};
use crate::store::availability::GroupedQuery;
use crate::store::group_commit::Groups;
use crate::store::lookups::{Lookup, LookupQuery};
use crate::store::placements::{PlaceItem, PlaceOutcome};

/// The most groups of one kind that are under way at the same time: while one waits for a lock, others go on.
const TASKS: usize = 3;

/// The callers whose statements are run together, by kind.
#[derive(Debug)]
pub(super) struct PostgresGroups {
    /// The claims of attempts.
    pub(super) claims: Arc<Groups<NewAttempt, Claim>>,
    /// The holds to place.
    pub(super) places: Arc<Groups<PlaceItem, PlaceOutcome>>,
    /// The first reads of requests.
    pub(super) lookups: Arc<Groups<LookupQuery, Lookup>>,
    /// Reads what occupies resources.
    pub(super) occupancies: Arc<Groups<GroupedQuery, Availability>>,
    /// Reads what occupies resources, and which holds may still end.
    pub(super) occupancies_with_statuses: Arc<Groups<GroupedQuery, Availability>>,
    /// Reads what is taken of limits.
    pub(super) usages: Arc<Groups<GroupedUsageQuery, LimitUsage>>,
}

impl Default for PostgresGroups {
    fn default() -> Self {
        Self {
            claims: Groups::new(TASKS),
            places: Groups::new(TASKS),
            lookups: Groups::new(TASKS),
            occupancies: Groups::new(TASKS),
            occupancies_with_statuses: Groups::new(TASKS),
            usages: Groups::new(TASKS),
        }
    }
}
