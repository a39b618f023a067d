//! Tests that a lease of deliveries reads few others on PostgreSQL. The plans of SQLite are tested beside its statements.
//!
//! As in `query_plans.rs`, no EXPLAIN is used: PostgreSQL counts the rows that the statement reads.

use std::time::Duration;

use holdfast::domain::ids::EndpointId;
use holdfast::store::LeaseRequest;

use super::query_plans::end_all_connections;
use crate::support::database::{Engine, TestDatabase};

const LEASED: u32 = 8;

/// SQL that queues many deliveries at the same moment.
const QUEUED: [&str; 3] = [
    "INSERT INTO event_endpoints (id, url, kinds, is_enabled, secret, position, created_at)
     VALUES ('shop', 'https://shop.example/', '[\"*\"]', true, 'whsec_', 0, now())",
    "INSERT INTO event_deliveries (endpoint_id, position, due_at)
     SELECT 'shop', n, '2026-01-01T00:00:00Z' FROM generate_series(1, 500) n",
    "ANALYZE event_deliveries",
];

/// Counts what was read of the two indexes that have all due deliveries. Without the positions in the first one, the planner takes
/// either of them.
const READ: &str = "SELECT CAST(sum(idx_tup_read) AS bigint) FROM pg_stat_user_indexes
     WHERE indexrelname IN ('event_deliveries_due', 'event_deliveries_next')";

async fn count_read_by_a_lease(database: &TestDatabase) -> i64 {
    let before = database.count(READ).await;
    let endpoint = EndpointId::parse("shop").unwrap();
    let day_after = "2026-01-02T00:00:00Z".parse().unwrap();
    let request = LeaseRequest::new(day_after, Duration::from_secs(45), LEASED);
    let leased = database.store().lease_deliveries(&endpoint, &request).await;
    assert_eq!(leased.unwrap().len(), LEASED as usize);
    // PostgreSQL may count what a connection did only when it ends.
    end_all_connections(database).await;
    database.count(READ).await - before
}

/// With the negative control: an index without the positions is read whole, because what it finds must be sorted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lease_reads_few_of_the_deliveries_that_are_due() {
    let database = TestDatabase::new(Engine::Postgres).await;
    for statement in QUEUED {
        database.execute(statement).await;
    }
    let read = count_read_by_a_lease(&database).await;
    let leased = i64::from(LEASED);
    assert!((leased..=2 * leased).contains(&read), "{read}");
    database.execute("DROP INDEX event_deliveries_due").await;
    let without_positions = "CREATE INDEX event_deliveries_due ON event_deliveries (endpoint_id, due_at)
        WHERE state = 'pending' AND due_at IS NOT NULL";
    database.execute(without_positions).await;
    let read = count_read_by_a_lease(&database).await;
    assert!(read > 100, "{read}");
}
