//! Lets each connection make its plans anew from time to time.

use std::sync::atomic::{AtomicUsize, Ordering};

use sqlx::postgres::PgConnection;

/// After how many uses of connections one of them makes its plans anew. A plan that was made when the tables were empty may use
/// an index that is slow when they have grown, and PostgreSQL itself plans anew only after it has analysed a table. It is a prime
/// number: the pool uses its connections in turn, and with a multiple of their number always the same one would plan anew.
const USES_PER_PLAN: usize = 499;

/// Counts the uses of the connections of a pool, those that a group takes over included.
#[derive(Debug, Default)]
pub(super) struct PlanAges {
    uses: AtomicUsize,
}

impl PlanAges {
    /// Counts one use more, and lets the connection make its plans anew if it is the turn of one.
    pub(super) async fn refresh(&self, connection: &mut PgConnection) -> sqlx::Result<()> {
        if self
            .uses
            .fetch_add(1, Ordering::Relaxed)
            .is_multiple_of(USES_PER_PLAN)
        {
            sqlx::raw_sql("DISCARD PLANS").execute(connection).await?;
        }
        Ok(())
    }
}
