//! Tests that a dry run of a checkout leaves no rows and reports a broken schema.

use holdfast::store::StoreError;

use super::{at, placed, with_ana};
use crate::support::database::{Engine, TestDatabase};

on_both_engines!(
    dry_run_succeeds_and_leaves_no_rows,
    dry_run_reports_a_schema_changed_by_hand,
    dry_run_reports_a_missing_slot_constraint,
);

async fn dry_run_succeeds_and_leaves_no_rows(database: &TestDatabase) {
    let store = database.store();
    placed(&*store, with_ana(0, 30)).await;
    for _ in 0..2 {
        store.dry_run_checkout(at(5)).await.unwrap();
    }
    for (table, rows) in [
        ("checkout_attempts", 1),
        ("holds", 1),
        ("occupancy", 1),
        ("hold_history", 1),
        ("payments", 0),
        ("stripe_events", 0),
        ("commands", 0),
        ("resources", 0),
    ] {
        assert_eq!(
            database.count(&format!("SELECT count(*) FROM {table}")).await,
            rows,
            "{table}"
        );
    }
}

async fn dry_run_reports_a_schema_changed_by_hand(database: &TestDatabase) {
    let store = database.store();
    database
        .execute("ALTER TABLE hold_history RENAME COLUMN message TO sentence")
        .await;
    assert!(store.is_ready().await.unwrap(), "its migrations are there");
    let wrong = store.dry_run_checkout(at(5)).await.unwrap_err();
    assert!(matches!(wrong, StoreError::Broken(_)), "{wrong}");
}

async fn dry_run_reports_a_missing_slot_constraint(database: &TestDatabase) {
    database
        .execute(match database.engine() {
            Engine::Sqlite => "DROP TRIGGER occupancy_one_buyer_insert",
            Engine::Postgres => "ALTER TABLE occupancy DROP CONSTRAINT occupancy_one_buyer",
        })
        .await;
    let wrong = database.store().dry_run_checkout(at(5)).await.unwrap_err();
    let wrong = std::error::Error::source(&wrong).unwrap().to_string();
    assert!(wrong.contains("held twice"), "{wrong}");
}
