//! The kinds of callers on PostgreSQL whose statements are run together.

use std::sync::Arc;
use std::time::Duration;

use sqlx::Postgres;
use sqlx::pool::PoolConnection;

use crate::store::attempts::{Claim, NewAttempt};
use crate::store::changes::ApplyOutcome;
use crate::store::event_changes::EventChange;
use crate::store::group_commit::{GroupBounds, Groups};
use crate::store::placements::{PlaceItem, PlaceOutcome};
use crate::store::read_groups::ReadGroups;

/// The most groups of one kind that are under way at the same time: while one waits for a lock, others go on.
const GROUPS: usize = 3;

/// How many times ready tasks run before a group takes its items. By measurement: two turns cost the server a tenth less than one.
const TURNS: usize = 2;

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
    pub(super) claims: Arc<Groups<NewAttempt, Claim, PoolConnection<Postgres>>>,
    /// The holds to place.
    pub(super) places: Arc<Groups<PlaceItem, PlaceOutcome, PoolConnection<Postgres>>>,
    /// The events to apply to holds.
    pub(super) events: Arc<Groups<EventChange, ApplyOutcome, PoolConnection<Postgres>>>,
    /// The reads, each kind on its own.
    pub(super) reads: ReadGroups<PoolConnection<Postgres>>,
}

impl PostgresGroups {
    /// Makes the groups of a store of which each method may take so long.
    pub(super) fn new(call_timeout: Duration) -> Self {
        let bounds = GroupBounds {
            groups: GROUPS,
            old_groups_count: false,
            turns: TURNS,
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
            reads: ReadGroups::new(bounds),
        }
    }
}
