//! Tests migrations, readiness and the checks of the schema.

use crate::support::database::TestDatabase;

on_both_engines!(
    migrated_database_is_ready_and_can_migrate_again,
    a_database_that_lacks_a_migration_is_not_ready,
    concurrent_migrations_succeed,
    incomplete_statuses_and_refunds_are_refused,
);

async fn migrated_database_is_ready_and_can_migrate_again(database: &TestDatabase) {
    let store = database.store();
    assert!(store.is_ready().await.unwrap());
    store.migrate().await.unwrap();
    assert!(store.is_ready().await.unwrap());
}

async fn a_database_that_lacks_a_migration_is_not_ready(database: &TestDatabase) {
    let store = database.store();
    database
        .execute("DELETE FROM _sqlx_migrations WHERE version = 1")
        .await;
    assert!(!store.is_ready().await.unwrap());
    database.execute("DROP TABLE _sqlx_migrations").await;
    assert!(!store.is_ready().await.unwrap());
}

async fn concurrent_migrations_succeed(database: &TestDatabase) {
    let (one, other) = (database.store(), database.another_store().await);
    let (first, second) = tokio::join!(one.migrate(), other.migrate());
    first.unwrap();
    second.unwrap();
}

async fn incomplete_statuses_and_refunds_are_refused(database: &TestDatabase) {
    let store = database.store();
    super::placed(&*store, super::with_ana(0, 30)).await;
    let refusal = database
        .try_execute("UPDATE holds SET status = 'released', due_at = NULL")
        .await;
    assert!(refusal.unwrap_err().contains("holds_reason"));
    let refusal = database
        .try_execute("UPDATE holds SET status = 'confirmed'")
        .await;
    assert!(refusal.unwrap_err().contains("holds_due"));
    let order = holdfast::domain::ids::SessionId::new("cs_1");
    let hold = holdfast::domain::ids::HoldId(uuid::Uuid::new_v4());
    store.abandon_attempt(hold, &order, super::at(0)).await.unwrap();
    let refusal = database
        .try_execute("UPDATE commands SET kind = 'refund', intent_id = 'pi_1'")
        .await;
    assert!(refusal.unwrap_err().contains("commands_target"));
}
