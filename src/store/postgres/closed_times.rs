//! Events of the holds in a closed time on PostgreSQL.

use std::collections::BTreeSet;

use sqlx::postgres::PgConnection;

use super::PostgresStore;
use super::error::PostgresResult;
use super::occupancy::occupied;
use crate::domain::catalogue::BlockConflict;
use crate::domain::ids::ResourceId;
use crate::store::blocks::BlockConflictRow;
use crate::store::closed_times::{ClosedConflicts, ClosedTime, insert_conflict};

/// Lists holds that overlap certain blocks on their resources, each once. `OFFSET 0` keeps the planner from joining whole
/// tables.
macro_rules! list_conflicts {
    ($blocks:literal) => {
        concat!(
            "SELECT DISTINCT ON (h.starts_at, h.id)
                 h.id AS hold_id, lower(o.during) AS starts_at, upper(o.during) AS ends_at, h.status
             FROM blocks b
             CROSS JOIN LATERAL (SELECT hold_id, during FROM occupancy WHERE ",
            occupied!("", "b.resource_id", "tstzrange(b.starts_at, b.ends_at)"),
            " OFFSET 0) o
             JOIN holds h ON h.id = o.hold_id
             WHERE ",
            $blocks,
            " ORDER BY h.starts_at, h.id, o.during"
        )
    };
}

/// Lists the conflicts of closure `$1`.
pub(super) const CONFLICTS_OF_CLOSURE: &str = list_conflicts!("b.closure_id = $1");

/// Lists the conflicts of block `$1` of resource `$2`.
const CONFLICTS_OF_BLOCK: &str = list_conflicts!("b.id = $1 AND b.resource_id = $2 AND b.from_feed = false");

/// Lists the live holds in a closed time.
pub(super) async fn list_conflicts(
    connection: &mut PgConnection,
    closed: &ClosedTime,
) -> PostgresResult<Vec<BlockConflict>> {
    let query = match &closed.resource {
        Some(resource) => sqlx::query_as(CONFLICTS_OF_BLOCK)
            .bind(&closed.id)
            .bind(resource.as_str()),
        None => sqlx::query_as(CONFLICTS_OF_CLOSURE).bind(&closed.id),
    };
    Ok(BlockConflictRow::decode_all(query.fetch_all(connection).await?)?)
}

/// Lists the live holds in a closed time, and writes an event of each one that has got none of it. It locks the holds first, in the order of all that lock several: the events of a hold get their numbers in the order of its changes.
pub(super) async fn record_conflicts(
    connection: &mut PgConnection,
    closed: &mut ClosedTime,
) -> PostgresResult<()> {
    closed.conflicts = list_conflicts(&mut *connection, closed).await?;
    let unrecorded = closed.find_unrecorded(&closed.conflicts);
    if unrecorded.is_empty() {
        return Ok(());
    }
    let ids: Vec<uuid::Uuid> = unrecorded.iter().map(|hold| hold.0).collect();
    sqlx::query("SELECT id FROM holds WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE")
        .bind(ids)
        .execute(&mut *connection)
        .await?;
    // A hold may have ended or moved before it was locked.
    let mut conflicts = list_conflicts(&mut *connection, closed).await?;
    conflicts.retain(|conflict| closed.conflicts.iter().any(|found| found.hold == conflict.hold));
    for conflict in conflicts
        .iter()
        .filter(|conflict| unrecorded.contains(&conflict.hold))
    {
        insert_conflict!(conflict.hold, closed)
            .execute(&mut *connection)
            .await?;
    }
    closed.note_recorded(&conflicts);
    closed.conflicts = conflicts;
    Ok(())
}

impl PostgresStore {
    /// Waits for the checkouts that may not have seen what a committed transaction closed, and writes an event of each hold that
    /// they placed in it. Later checkouts see it, because the trigger `occupancy_rows_see_blocks` looks for blocks with the
    /// resource locked. It waits for one resource after the other, and keeps none of their locks: a checkout of several
    /// resources would wait for this in another order, and so would one that has locked a hold.
    pub(super) async fn record_late_conflicts(
        &self,
        closed: Vec<ClosedTime>,
    ) -> PostgresResult<Vec<ClosedConflicts>> {
        for resource in self.list_closed_resources(&closed).await? {
            sqlx::query("SELECT pg_advisory_xact_lock(14, hashtext($1))")
                .bind(resource)
                .execute(&self.pool)
                .await?;
        }
        let mut recorded = Vec::new();
        for mut closed in closed {
            let mut transaction = self.begin().await?;
            record_conflicts(&mut transaction, &mut closed).await?;
            transaction.commit().await?;
            recorded.push(closed.into());
        }
        Ok(recorded)
    }

    async fn list_closed_resources(&self, closed: &[ClosedTime]) -> PostgresResult<BTreeSet<String>> {
        let resources = closed.iter().filter_map(|closed| closed.resource.as_ref());
        let mut resources: BTreeSet<String> = resources.map(ResourceId::to_string).collect();
        let closures = closed.iter().filter(|closed| closed.resource.is_none());
        let closures: Vec<&str> = closures.map(|closed| closed.id.as_str()).collect();
        if !closures.is_empty() {
            let query =
                sqlx::query_scalar("SELECT DISTINCT resource_id FROM blocks WHERE closure_id = ANY ($1)");
            let of_closures: Vec<String> = query.bind(closures).fetch_all(&self.pool).await?;
            resources.extend(of_closures);
        }
        Ok(resources)
    }
}
