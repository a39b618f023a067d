//! The kinds of callers on SQLite whose reads are run together, and the writes that share a transaction.

use std::sync::Arc;
use std::time::Duration;

use sqlx::Sqlite;
use sqlx::pool::PoolConnection;

use crate::store::attempts::{Claim, NewAttempt, TouchedAttempts};
use crate::store::changes::ApplyOutcome;
use crate::store::event_changes::{EventChange, TouchedByEvents};
use crate::store::group_commit::{GroupBounds, GroupItem, Groups};
use crate::store::placements::{PlaceItem, PlaceOutcome, TouchedSlots};
use crate::store::read_groups::ReadGroups;
use crate::store::{StoreError, encoding};

/// The most groups of one kind that are under way at the same time.
const GROUPS: usize = 2;

/// How many times ready tasks run before a group takes its items. By measurement: with two turns the writer waits more often.
const TURNS: usize = 1;

/// The most items of a group.
const MOST_ITEMS: usize = 128;

/// The most writes of a group. With more, all callers would read and write in step, and one of two processors would wait.
const MOST_WRITES: usize = 32;

/// The callers that are served together, by kind.
#[derive(Debug)]
pub(super) struct SqliteGroups {
    /// The writes that share a transaction. There is one connection for all writers, so no group takes it over.
    pub(super) writes: Arc<Groups<GroupWrite, WriteVerdict, ()>>,
    /// The reads, each kind on its own.
    pub(super) reads: ReadGroups<PoolConnection<Sqlite>>,
}

impl SqliteGroups {
    /// Makes the groups of a store of which each method may take so long.
    pub(super) fn new(call_timeout: Duration) -> Self {
        let reads = GroupBounds {
            groups: GROUPS,
            old_groups_count: false,
            turns: TURNS,
            items: MOST_ITEMS,
            call_timeout,
        };
        Self {
            // There is one writer: while one group is under way, the next one forms.
            writes: Groups::new(GroupBounds {
                groups: 1,
                items: MOST_WRITES,
                old_groups_count: true,
                ..reads
            }),
            reads: ReadGroups::new(reads),
        }
    }
}

/// A write that may share a transaction.
pub(super) enum GroupWrite {
    /// The claim of an attempt.
    Claim(Box<NewAttempt>),
    /// A hold to place.
    Place(Box<PlaceItem>),
    /// An event to apply to a hold.
    Event(Box<EventChange>),
}

/// The verdict of a [`GroupWrite`], of the same kind.
pub(super) enum WriteVerdict {
    /// What became of a claim.
    Claim(Claim),
    /// What became of a hold to place.
    Place(PlaceOutcome),
    /// What became of an event.
    Event(ApplyOutcome),
}

impl WriteVerdict {
    /// The verdict of a claim.
    pub(super) fn into_claim(self) -> Result<Claim, StoreError> {
        match self {
            Self::Claim(claim) => Ok(claim),
            Self::Place(_) | Self::Event(_) => Err(foreign_verdict()),
        }
    }

    /// The verdict of a hold to place.
    pub(super) fn into_outcome(self) -> Result<PlaceOutcome, StoreError> {
        match self {
            Self::Place(outcome) => Ok(outcome),
            Self::Claim(_) | Self::Event(_) => Err(foreign_verdict()),
        }
    }

    /// The verdict of an event.
    pub(super) fn into_applied(self) -> Result<ApplyOutcome, StoreError> {
        match self {
            Self::Event(outcome) => Ok(outcome),
            Self::Claim(_) | Self::Place(_) => Err(foreign_verdict()),
        }
    }
}

/// The error of a verdict of another kind than its write, which is a bug.
pub(super) fn foreign_verdict() -> StoreError {
    encoding::unreadable_column("verdict", "of another kind")
}

/// What the writes of a group touch.
#[derive(Default)]
pub(super) struct TouchedRows {
    attempts: TouchedAttempts,
    slots: TouchedSlots,
    events: TouchedByEvents,
}

impl GroupItem for GroupWrite {
    type Touched = TouchedRows;

    fn touch(&mut self, touched: &mut TouchedRows) -> bool {
        match self {
            Self::Claim(attempt) => attempt.touch(&mut touched.attempts),
            Self::Place(item) => item.touch(&mut touched.slots),
            Self::Event(change) => change.touch(&mut touched.events),
        }
    }

    fn estimate_work(&self) -> usize {
        match self {
            Self::Claim(attempt) => attempt.estimate_work(),
            Self::Place(item) => item.estimate_work(),
            Self::Event(change) => change.estimate_work(),
        }
    }
}
