//! The kinds of reads that are run together, on both engines.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::allowances::{GroupedUsageQuery, LimitUsage};
use super::availability::GroupedQuery;
use super::clock::ClockQuery;
use super::group_commit::{GroupBounds, Groups};
use super::lookups::{Lookup, LookupQuery};
use super::replacements::OwnHoldQuery;
use crate::domain::availability::Availability;
use crate::domain::booking::Booking;
use crate::domain::ids::IntentId;
use crate::domain::session::HoldRefs;

/// The callers whose reads are run together on connections `C`, by kind.
#[derive(Debug)]
pub(super) struct ReadGroups<C: Send + 'static> {
    /// Reads the clock of the database.
    pub(super) clock: Arc<Groups<ClockQuery, DateTime<Utc>, C>>,
    /// The first reads of requests.
    pub(super) lookups: Arc<Groups<LookupQuery, Lookup, C>>,
    /// Reads what occupies resources.
    pub(super) occupancies: Arc<Groups<GroupedQuery, Availability, C>>,
    /// Reads what occupies resources, and which holds may still end.
    pub(super) occupancies_with_statuses: Arc<Groups<GroupedQuery, Availability, C>>,
    /// Finds the holds that events name.
    pub(super) named_holds: Arc<Groups<HoldRefs, Option<Booking>, C>>,
    /// Tells of which intents something was reported.
    pub(super) reported_money: Arc<Groups<IntentId, bool, C>>,
    /// Tells whether guests keep slots themselves.
    pub(super) own_holds: Arc<Groups<OwnHoldQuery, bool, C>>,
    /// Reads what is taken of limits.
    pub(super) usages: Arc<Groups<GroupedUsageQuery, LimitUsage, C>>,
}

impl<C: Send + 'static> ReadGroups<C> {
    /// Makes the groups, each with these bounds.
    pub(super) fn new(bounds: GroupBounds) -> Self {
        Self {
            clock: Groups::new(bounds),
            lookups: Groups::new(bounds),
            occupancies: Groups::new(bounds),
            occupancies_with_statuses: Groups::new(bounds),
            named_holds: Groups::new(bounds),
            reported_money: Groups::new(bounds),
            own_holds: Groups::new(bounds),
            usages: Groups::new(bounds),
        }
    }
}
