//! Ending an order and a report on the same payment at the same time, with a pause in the report.

use holdfast::domain::ids::IntentId;
use holdfast::domain::ledger::snapshots::{RefundSnapshot, RefundStatus};
use holdfast::store::LeaseRequest;

use super::{merge, refund, report};
use crate::store::contract::{LEASE, at, eur, orphan};
use crate::support::database::TestDatabase;
use crate::support::database_lock::with_pause;

on_both_engines!(order_that_ends_during_a_report_sees_its_refund);

/// What ends the order must not decide from what was known before the report.
async fn order_that_ends_during_a_report_sees_its_refund(database: &TestDatabase) {
    let store = database.store();
    let intent = IntentId::new("pi_1");
    store
        .record_orphan_payment(&orphan(None, None, "pi_1"))
        .await
        .unwrap();
    let request = LeaseRequest::new(at(1), LEASE, 10);
    let command = store.lease_commands(&request).await.unwrap().remove(0);
    let sent = RefundSnapshot {
        money: eur(5000),
        command: Some(command.id),
        ..refund("re_1", &intent, RefundStatus::Succeeded)
    };
    let reporting = {
        let (store, sent) = (database.store(), report(&intent, &[sent], &[]));
        async move { merge(&*store, &sent).await }
    };
    let ending = async move { store.finish_command(&command, at(2)).await };
    let (changed, ended) = with_pause(database, "payments", reporting, ending).await;
    assert!(changed);
    ended.unwrap();
    let back = "SELECT count(*) FROM payments WHERE state = 'refunded' AND refunded = amount";
    assert_eq!(database.count(back).await, 1);
}
