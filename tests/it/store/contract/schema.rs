//! Tests migrations, readiness and the checks of the schema.

use holdfast::domain::token::TokenKey;
use holdfast::store::postgres::PostgresStore;
use holdfast::store::{PoolOptions, Schema as _, ServerFault};

use crate::support::database::{Engine, TestDatabase};

on_both_engines!(
    migrated_database_is_ready_and_can_migrate_again,
    database_without_a_migration_is_not_ready,
    newer_schema_lets_this_version_restart_and_serve,
    concurrent_migrations_succeed,
    incomplete_statuses_and_refunds_are_refused,
    new_database_has_a_random_token_key,
    used_database_takes_the_earlier_token_key_once,
    role_without_rights_on_a_table_is_a_fault,
);

async fn migrated_database_is_ready_and_can_migrate_again(database: &TestDatabase) {
    let store = database.store();
    assert!(store.is_ready().await.unwrap());
    store.migrate().await.unwrap();
    assert!(store.is_ready().await.unwrap());
}

/// Each table is looked at: the list in the program is complete.
async fn role_without_rights_on_a_table_is_a_fault(database: &TestDatabase) {
    let store = database.store();
    assert_eq!(store.find_server_faults().await.unwrap(), []);
    if database.engine() == Engine::Sqlite {
        return;
    }
    let tables =
        "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename";
    let tables = database.texts(tables).await.join(", ");
    let role = format!("holdfast_{}", uuid::Uuid::new_v4().simple());
    for statement in [
        format!("CREATE ROLE {role} LOGIN"),
        "GRANT SELECT ON _sqlx_migrations TO PUBLIC".to_owned(),
        "DELETE FROM _sqlx_migrations WHERE version = 1".to_owned(),
    ] {
        database.execute(&statement).await;
    }
    let mut url = url::Url::parse(database.url()).unwrap();
    url.set_username(&role).unwrap();
    let as_role = PostgresStore::connect(url.as_str(), PoolOptions::default()).unwrap();
    let faults = as_role.find_server_faults().await.unwrap();
    // A trigger reads the view with the rights of the role.
    let expected = ServerFault::TablesForbidden(role.clone(), format!("{tables}, unverified_money"));
    assert!(faults.contains(&expected), "{faults:?}");
    database.execute(&format!("DROP ROLE {role}")).await;
}

async fn database_without_a_migration_is_not_ready(database: &TestDatabase) {
    let store = database.store();
    database
        .execute("DELETE FROM _sqlx_migrations WHERE version = 1")
        .await;
    assert!(!store.is_ready().await.unwrap());
    database.execute("DROP TABLE _sqlx_migrations").await;
    assert!(!store.is_ready().await.unwrap());
}

/// A later version adds a table and a column. An instance of this version restarts, is ready, and sells a slot.
async fn newer_schema_lets_this_version_restart_and_serve(database: &TestDatabase) {
    database.execute("CREATE TABLE later (id integer)").await;
    database.execute("ALTER TABLE holds ADD COLUMN later text").await;
    let applied = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         SELECT 9000, 'later', success, checksum, execution_time FROM _sqlx_migrations WHERE version = 1";
    assert_eq!(database.execute(applied).await, 1);
    let restarted = database.another_store().await;
    restarted.migrate().await.unwrap();
    assert!(restarted.is_ready().await.unwrap());
    restarted.dry_run_checkout(super::at(5)).await.unwrap();
    super::placed(&*restarted, super::with_ana(0, 30)).await;
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

async fn new_database_has_a_random_token_key(database: &TestDatabase) {
    let earlier = TokenKey::from_stripe_key("sk_test_1");
    let key = database.store().token_key(&earlier).await.unwrap();
    assert!(key != earlier && *key.as_bytes() != [0; 32]);
    assert_eq!(
        database.another_store().await.token_key(&earlier).await.unwrap(),
        key
    );
    let other = TestDatabase::of_version(database.engine(), 11).await;
    assert_ne!(other.store().token_key(&earlier).await.unwrap(), key);
    let short = database
        .try_execute("UPDATE installation SET token_secret = 'abc'")
        .await;
    assert!(short.unwrap_err().contains("installation_token_secret"));
}

/// Ten instances start at once on a database that earlier versions used, each with a key of its own.
async fn used_database_takes_the_earlier_token_key_once(database: &TestDatabase) {
    database
        .execute("UPDATE installation SET token_secret = NULL")
        .await;
    let mut stores = Vec::new();
    for _ in 0..10 {
        stores.push(database.another_store().await);
    }
    let starts = stores.iter().enumerate().map(|(n, store)| async move {
        let earlier = TokenKey::from_stripe_key(&format!("sk_test_{n}"));
        store.token_key(&earlier).await.unwrap()
    });
    let keys = futures::future::join_all(starts).await;
    assert!(
        keys.iter().all(|key| *key == keys[0]),
        "all instances have one key"
    );
    let earlier = |n| TokenKey::from_stripe_key(&format!("sk_test_{n}"));
    assert!((0..10).any(|n| earlier(n) == keys[0]), "it is one of theirs");
}
