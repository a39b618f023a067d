//! Closed times: what blocks and closures keep from sale, and the live holds that have their slot in it.
//!
//! Each of those holds gets an event in the transaction that closes the time. On PostgreSQL a checkout that is under way may not
//! see that transaction, and place its hold all the same: such a hold gets its event right after it.

use std::collections::HashSet;

use super::columns::DbJson;
use crate::domain::catalogue::{Block, BlockConflict};
use crate::domain::closure::DatedClosure;
use crate::domain::ids::{HoldId, ResourceId};
use crate::domain::time::Window;

/// A time that was closed, with the live holds that it overlaps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedConflicts {
    /// The resource, if a block closed the time; `None` if a closure did.
    pub resource: Option<ResourceId>,
    /// Identifies the block or the closure.
    pub id: String,
    /// The live holds, which stay.
    pub conflicts: Vec<BlockConflict>,
}

/// A time that is closed by the caller, its conflicts as they were last listed, and which holds have got an event of it.
#[derive(Clone, Debug)]
pub(super) struct ClosedTime {
    pub(super) resource: Option<ResourceId>,
    pub(super) id: String,
    window: Window,
    recorded: HashSet<HoldId>,
    pub(super) conflicts: Vec<BlockConflict>,
}

impl ClosedTime {
    pub(super) fn of_block(resource: &ResourceId, block: &Block) -> Self {
        Self {
            resource: Some(resource.clone()),
            id: block.id.clone(),
            window: block.window,
            recorded: HashSet::new(),
            conflicts: Vec::new(),
        }
    }

    pub(super) fn of_closure(dated: &DatedClosure) -> Self {
        Self {
            resource: None,
            id: dated.closure.id.to_string(),
            window: dated.window,
            recorded: HashSet::new(),
            conflicts: Vec::new(),
        }
    }

    /// Notes that the holds of conflicts have got their event.
    pub(super) fn note_recorded(&mut self, conflicts: &[BlockConflict]) {
        self.recorded
            .extend(conflicts.iter().map(|conflict| conflict.hold));
    }

    /// The holds of conflicts that have not got their event.
    pub(super) fn find_unrecorded(&self, conflicts: &[BlockConflict]) -> Vec<HoldId> {
        let holds = conflicts.iter().map(|conflict| conflict.hold);
        holds.filter(|hold| !self.recorded.contains(hold)).collect()
    }

    /// The closed time as the subject of an event.
    pub(super) fn encode(&self) -> DbJson {
        DbJson(serde_json::json!({"closed": {
            "resource": self.resource.as_ref().map(ResourceId::as_str),
            "id": self.id,
            "starts_at_ms": self.window.starts_at().timestamp_millis(),
            "ends_at_ms": self.window.ends_at().timestamp_millis(),
        }}))
    }
}

impl From<ClosedTime> for ClosedConflicts {
    fn from(closed: ClosedTime) -> Self {
        Self {
            resource: closed.resource,
            id: closed.id,
            conflicts: closed.conflicts,
        }
    }
}

/// Builds the statement that writes that a time was closed in which a hold has its slot. The hold is live.
macro_rules! insert_conflict {
    ($hold:expr, $closed:expr) => {
        sqlx::query($crate::store::closed_times::INSERT_CONFLICT)
            .bind($crate::store::columns::DbUuid($hold.0))
            .bind($closed.encode())
    };
}
pub(super) use insert_conflict;

/// Writes that the time in JSON `$2` was closed while hold `$1` has its slot in it.
pub(super) const INSERT_CONFLICT: &str =
    "INSERT INTO events_out (kind, hold_id, status, reason, segments, subject)
     SELECT 'slot.closed_with_conflict', h.id, h.status, h.reason, h.segments, $2 FROM holds h WHERE h.id = $1";
