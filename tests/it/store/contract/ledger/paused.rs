//! A report on a payment at the same time as the end of its order, or as what ties it to a hold, with a pause in the first of the two.

use holdfast::domain::ids::IntentId;
use holdfast::domain::ledger::snapshots::{RefundSnapshot, RefundStatus};
use holdfast::store::StateChange;

use super::{lease_order, merge, refund, report};
use crate::store::contract::{DONE, at, change, eur, orphan, paid, payment_of, placed, read, with_ana};
use crate::support::database::TestDatabase;
use crate::support::database_lock::{Lock, with_pause};

on_both_engines!(
    order_that_ends_during_a_report_sees_its_refund,
    report_during_the_tie_of_its_payment_is_not_lost,
);

/// What ends the order must not decide from what was known before the report.
async fn order_that_ends_during_a_report_sees_its_refund(database: &TestDatabase) {
    let store = database.store();
    let intent = IntentId::new("pi_1");
    store
        .record_orphan_payment(&orphan(None, None, "pi_1"))
        .await
        .unwrap();
    let command = lease_order(&*store, 1).await;
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
    let (changed, ended) = with_pause(
        database,
        Lock::on_changed_row(database, "payments"),
        reporting,
        ending,
    )
    .await;
    assert!(changed);
    ended.unwrap();
    let back = "SELECT count(*) FROM payments WHERE state = 'refunded' AND refunded = amount";
    assert_eq!(database.count(back).await, 1);
}

/// The report begins while the payment has no hold, and ends when it has one. A decision that did not see it must be made again.
async fn report_during_the_tie_of_its_payment_is_not_lost(database: &TestDatabase) {
    let store = database.store();
    let mine = placed(&*store, with_ana(0, 30)).await;
    let intent = payment_of(&mine).intent;
    store
        .record_orphan_payment(&orphan(None, None, intent.as_str()))
        .await
        .unwrap();
    let tying = {
        let (store, change) = (
            database.store(),
            change(&mine, StateChange::Transition(paid(&mine))),
        );
        async move { store.apply_change(&change).await }
    };
    let reporting = {
        let store = database.store();
        let sent = report(&intent, &[refund("re_1", &intent, RefundStatus::Succeeded)], &[]);
        async move { merge(&*store, &sent).await }
    };
    let pause = Lock::on_intent(database, intent.as_str());
    let (tied, is_changed) = with_pause(database, pause, tying, reporting).await;
    assert_eq!((tied.unwrap(), is_changed), (DONE, true));
    let tied_version = mine.version + 1;
    assert!(read(&*store, &mine).await.version > tied_version);
    assert_eq!(store.list_unnoted_money(10).await.unwrap(), [intent]);
}
