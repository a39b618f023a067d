//! Tests the entries of reads in the audit trail.

use std::sync::Arc;

use chrono::Duration;
use holdfast::domain::audit::AuditedAct;
use holdfast::store::Store;

use super::at;
use crate::support::database::TestDatabase;

on_both_engines!(reads_at_the_same_time_have_one_entry);

/// Two instances do not share memory, so the database decides.
async fn reads_at_the_same_time_have_one_entry(database: &TestDatabase) {
    let (one, other) = (database.store(), database.another_store().await);
    for round in 0..20 {
        let act = AuditedAct {
            actor: format!("Ana {round}"),
            action: "read".into(),
            target: None,
            request_id: None,
        };
        let read = |store: &Arc<dyn Store>| {
            let (store, act) = (store.clone(), act.clone());
            tokio::spawn(async move {
                store
                    .record_act_since(&act, at(60), at(60) - Duration::hours(1))
                    .await
            })
        };
        let reads = [read(&one), read(&other), read(&one), read(&other)];
        for recorded in reads {
            recorded.await.unwrap().unwrap();
        }
    }
    let entries = database.count("SELECT count(*) FROM audit_entries").await;
    assert_eq!(entries, 20);
}
