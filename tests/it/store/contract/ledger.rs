//! Tests the ledger: snapshots are merged with their event, bump the hold, and wait until the hold takes notice.

mod ended_orders;
mod paused;

use std::collections::BTreeMap;

use holdfast::domain::command::{Command, CommandAction};
use holdfast::domain::hold::Status;
use holdfast::domain::ids::{ChargeId, CommandId, DisputeId, IntentId, RefundId};
use holdfast::domain::ledger::snapshots::{
    DisputeSnapshot, DisputeStatus, PaymentFacts, RefundSnapshot, RefundStatus, StripeWord,
};
use holdfast::domain::ledger::unverified::ReadLists;
use holdfast::domain::payment::PaymentState;
use holdfast::store::{
    ApplyOutcome, HoldChange, LeaseRequest, MergeOutcome, MoneyReport, StateChange, Store,
};
use uuid::Uuid;

use super::{DONE, LEASE, after, at, becomes, change, eur, event, orphan, paid, placed, read, with_ana};
use crate::support::database::TestDatabase;

on_both_engines!(
    snapshots_are_kept_as_they_were_reported,
    newer_snapshot_replaces_and_older_one_does_not,
    report_is_merged_once_with_its_event,
    report_makes_earlier_decisions_conflict,
    report_waits_until_the_hold_takes_notice,
    payment_without_a_hold_takes_notice_at_once,
    concurrent_reports_lose_nothing,
    decisions_and_orders_read_as_they_were,
    foreign_snapshots_are_deleted_when_old,
    foreign_snapshots_become_ours_with_their_payment,
);

/// Makes a refund of 2000 of this intent.
fn refund(id: &str, intent: &IntentId, status: RefundStatus) -> RefundSnapshot {
    RefundSnapshot {
        status,
        money: eur(2000),
        failure_reason: None,
        command: None,
        intent: Some(intent.clone()),
        charge: Some(ChargeId::new("ch_1")),
        created: at(2),
        id: RefundId::new(id),
    }
}

fn dispute(id: &str, intent: &IntentId, status: DisputeStatus) -> DisputeSnapshot {
    DisputeSnapshot {
        status,
        money: eur(5000),
        reason: Some(StripeWord::new("fraudulent")),
        due_by: Some(at(99)),
        intent: Some(intent.clone()),
        charge: None,
        created: at(3),
        id: DisputeId::new(id),
    }
}

fn report(intent: &IntentId, refunds: &[RefundSnapshot], disputes: &[DisputeSnapshot]) -> MoneyReport {
    MoneyReport {
        event: None,
        hold: None,
        intent: intent.clone(),
        facts: PaymentFacts {
            refunds: refunds.iter().map(|one| (one.id.clone(), one.clone())).collect(),
            disputes: disputes.iter().map(|one| (one.id.clone(), one.clone())).collect(),
        },
        read: ReadLists::default(),
        now: at(4),
    }
}

async fn merge(store: &dyn Store, report: &MoneyReport) -> bool {
    match store.merge_money(report).await.unwrap() {
        MergeOutcome::Merged { is_changed } => is_changed,
        MergeOutcome::Duplicate => panic!("a report without an event is no duplicate"),
    }
}

async fn facts(store: &dyn Store, intent: &IntentId) -> PaymentFacts {
    store.find_money_facts(intent).await.unwrap()
}

/// Leases the order that is due, at this minute.
async fn lease_order(store: &dyn Store, minute: i64) -> Command {
    let request = LeaseRequest::new(at(minute), LEASE, 10);
    store.lease_commands(&request).await.unwrap().remove(0)
}

async fn unnoted(store: &dyn Store) -> Vec<IntentId> {
    store.list_unnoted_money(10).await.unwrap()
}

async fn snapshots_are_kept_as_they_were_reported(database: &TestDatabase) {
    let store = database.store();
    let intent = IntentId::new("pi_1");
    assert!(facts(&*store, &intent).await.is_empty());
    let odd = RefundSnapshot {
        failure_reason: Some(StripeWord::new("insufficient_funds")),
        command: Some(CommandId(Uuid::new_v4())),
        charge: None,
        ..refund(
            "re_2",
            &intent,
            RefundStatus::Unknown(StripeWord::new("half_way")),
        )
    };
    let plain = refund("re_1", &intent, RefundStatus::Pending);
    let stated = report(
        &intent,
        &[plain, odd],
        &[dispute("du_1", &intent, DisputeStatus::NeedsResponse)],
    );
    assert!(merge(&*store, &stated).await);
    assert_eq!(facts(&*store, &intent).await, stated.facts);
    assert!(!merge(&*store, &stated).await, "nothing new");
    assert!(facts(&*store, &IntentId::new("pi_2")).await.is_empty());
}

async fn newer_snapshot_replaces_and_older_one_does_not(database: &TestDatabase) {
    let store = database.store();
    let intent = IntentId::new("pi_1");
    let with = |refunded, disputed| {
        let refunds = [refund("re_1", &intent, refunded)];
        report(&intent, &refunds, &[dispute("du_1", &intent, disputed)])
    };
    let old = with(RefundStatus::Pending, DisputeStatus::NeedsResponse);
    let new = with(RefundStatus::Failed, DisputeStatus::Won);
    for stated in [&old, &new, &old, &new] {
        merge(&*store, stated).await;
    }
    assert_eq!(facts(&*store, &intent).await, new.facts);
    assert_eq!(database.count("SELECT count(*) FROM refunds").await, 1);
}

async fn report_is_merged_once_with_its_event(database: &TestDatabase) {
    let store = database.store();
    let intent = IntentId::new("pi_1");
    let mut stated = report(&intent, &[refund("re_1", &intent, RefundStatus::Pending)], &[]);
    stated.event = Some(event("evt_1"));
    let merged = MergeOutcome::Merged { is_changed: true };
    assert_eq!(store.merge_money(&stated).await.unwrap(), merged);
    stated.facts = report(&intent, &[refund("re_1", &intent, RefundStatus::Failed)], &[]).facts;
    assert_eq!(store.merge_money(&stated).await.unwrap(), MergeOutcome::Duplicate);
    let known = facts(&*store, &intent).await;
    assert_eq!(
        known.refunds[&RefundId::new("re_1")].status,
        RefundStatus::Pending
    );
}

/// A decision that did not see the report is decided again.
async fn report_makes_earlier_decisions_conflict(database: &TestDatabase) {
    let store = database.store();
    let mine = placed(&*store, with_ana(0, 30)).await;
    let mine = after(&*store, &mine, paid(&mine)).await;
    let intent = mine.hold.payments[0].intent.clone();
    let late = change(&mine, StateChange::Transition(becomes(&mine, Status::Confirmed)));
    merge(
        &*store,
        &report(&intent, &[refund("re_1", &intent, RefundStatus::Succeeded)], &[]),
    )
    .await;
    assert_eq!(store.apply_change(&late).await.unwrap(), ApplyOutcome::Conflict);
    let now = read(&*store, &mine).await;
    assert_eq!(now.version, mine.version + 1);
    assert_eq!(now.hold.payments[0].facts.refunds.len(), 1);
}

async fn report_waits_until_the_hold_takes_notice(database: &TestDatabase) {
    let store = database.store();
    let mine = placed(&*store, with_ana(0, 30)).await;
    let intent = paid(&mine).next.payments[0].intent.clone();
    let stated = |status| report(&intent, &[refund("re_1", &intent, status)], &[]);
    merge(&*store, &stated(RefundStatus::Pending)).await;
    assert!(unnoted(&*store).await.is_empty(), "no hold has the payment");
    let mine = after(&*store, &mine, paid(&mine)).await;
    let note = async |version: i64, step: Option<StateChange>| {
        let noted = HoldChange {
            noted: Some(intent.clone()),
            version,
            step,
            ..change(&mine, StateChange::Transition(becomes(&mine, Status::Confirmed)))
        };
        store.apply_change(&noted).await.unwrap()
    };
    assert_eq!(unnoted(&*store).await, std::slice::from_ref(&intent));
    assert_eq!(
        note(mine.version - 1, None).await,
        ApplyOutcome::Conflict,
        "it saw too little"
    );
    assert_eq!(unnoted(&*store).await.len(), 1);
    assert_eq!(note(mine.version, None).await, DONE);
    assert!(unnoted(&*store).await.is_empty());
    assert!(!merge(&*store, &stated(RefundStatus::Pending)).await);
    assert!(unnoted(&*store).await.is_empty(), "the same is nothing new");
    merge(&*store, &stated(RefundStatus::Succeeded)).await;
    assert_eq!(unnoted(&*store).await.len(), 1);
    let now = read(&*store, &mine).await;
    let step = StateChange::Transition(becomes(&now, Status::Confirmed));
    assert_eq!(note(now.version, Some(step)).await, DONE);
    assert!(unnoted(&*store).await.is_empty());
}

async fn payment_without_a_hold_takes_notice_at_once(database: &TestDatabase) {
    let store = database.store();
    let intent = IntentId::new("pi_1");
    assert!(!store.is_payment_known(&intent).await.unwrap());
    store
        .record_orphan_payment(&orphan(None, None, "pi_1"))
        .await
        .unwrap();
    assert!(store.is_payment_known(&intent).await.unwrap());
    let command = lease_order(&*store, 1).await;
    for (status, state, refunded) in [
        (RefundStatus::Pending, "refund_due", 0),
        (RefundStatus::Succeeded, "refunded", 5000),
        (RefundStatus::Failed, "refund_failed", 0),
    ] {
        let back = RefundSnapshot {
            money: eur(5000),
            command: Some(command.id),
            ..refund("re_1", &intent, status)
        };
        merge(&*store, &report(&intent, &[back], &[])).await;
        let found =
            format!("SELECT count(*) FROM payments WHERE state = '{state}' AND refunded = {refunded}");
        assert_eq!(database.count(&found).await, 1, "{state}");
        assert!(unnoted(&*store).await.is_empty());
    }
}

async fn concurrent_reports_lose_nothing(database: &TestDatabase) {
    let store = database.store();
    let intent = IntentId::new("pi_1");
    let tasks = (0..16).map(|n| {
        let (store, intent) = (database.store(), intent.clone());
        tokio::spawn(async move {
            let own = refund(&format!("re_{n}"), &intent, RefundStatus::Pending);
            let status = if n % 2 == 0 {
                RefundStatus::Succeeded
            } else {
                RefundStatus::Failed
            };
            let shared = refund("re_shared", &intent, status);
            merge(&*store, &report(&intent, &[own, shared], &[])).await
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        assert!(task.await.unwrap());
    }
    let known: BTreeMap<_, _> = facts(&*store, &intent).await.refunds;
    assert_eq!(known.len(), 17);
    assert_eq!(known[&RefundId::new("re_shared")].status, RefundStatus::Failed);
}

async fn decisions_and_orders_read_as_they_were(database: &TestDatabase) {
    let store = database.store();
    let mine = placed(&*store, with_ana(0, 30)).await;
    let mine = after(&*store, &mine, paid(&mine)).await;
    let mut step = becomes(&mine, Status::Confirmed);
    let first = step.next.payments[0].order_refund(2000);
    let second = step.next.payments[0].order_refund(500);
    step.next.payments[0].decisions.settled_outside = 7;
    assert_ne!(first.key(), second.key());
    step.commands = vec![first, second];
    let done = store
        .apply_change(&change(&mine, StateChange::Transition(step)))
        .await
        .unwrap();
    assert_eq!(done, ApplyOutcome::Done { commands: 2 });
    let payment = read(&*store, &mine).await.hold.payments.remove(0);
    let orders = payment.decisions.orders.iter();
    let mut amounts: Vec<_> = orders.map(|order| (order.amount, order.is_done)).collect();
    amounts.sort_unstable();
    assert_eq!(amounts, [(500, false), (2000, false)]);
    assert_eq!(
        (payment.decisions.keep, payment.decisions.settled_outside),
        (2500, 7)
    );
    assert_eq!(payment.state, PaymentState::Paid);
    let request = LeaseRequest::new(at(9), LEASE, 10);
    let commands = store.lease_commands(&request).await.unwrap();
    let numbers: BTreeMap<_, _> = commands
        .iter()
        .map(|command| match &command.action {
            CommandAction::Refund { money, order, .. } => (*order, money.amount),
            other @ CommandAction::ExpireSession(_) => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(numbers, BTreeMap::from([(0, 2000), (1, 500)]));
}

async fn foreign_snapshots_are_deleted_when_old(database: &TestDatabase) {
    let store = database.store();
    store
        .record_orphan_payment(&orphan(None, None, "pi_ours"))
        .await
        .unwrap();
    for intent in ["pi_ours", "pi_foreign"] {
        let intent = IntentId::new(intent);
        let id = |prefix: &str| format!("{prefix}_{intent}");
        let refunds = [refund(&id("re"), &intent, RefundStatus::Pending)];
        let disputes = [dispute(&id("du"), &intent, DisputeStatus::Won)];
        merge(&*store, &report(&intent, &refunds, &disputes)).await;
    }
    assert_eq!(
        store.delete_foreign_money(at(4), 10).await.unwrap(),
        0,
        "seen at minute 4"
    );
    assert_eq!(store.delete_foreign_money(at(5), 10).await.unwrap(), 2);
    assert!(facts(&*store, &IntentId::new("pi_foreign")).await.is_empty());
    let ours = facts(&*store, &IntentId::new("pi_ours")).await;
    assert_eq!((ours.refunds.len(), ours.disputes.len()), (1, 1));
}

/// Events come in any order, and only the payment says whose refund it was.
async fn foreign_snapshots_become_ours_with_their_payment(database: &TestDatabase) {
    let store = database.store();
    let intent = IntentId::new("pi_1");
    let count_ours = async || {
        let ours = "SELECT (SELECT count(*) FROM refunds WHERE is_ours) + (SELECT count(*) FROM disputes WHERE is_ours)";
        database.count(ours).await
    };
    let pending = refund("re_1", &intent, RefundStatus::Pending);
    let won = dispute("du_1", &intent, DisputeStatus::Won);
    merge(&*store, &report(&intent, &[pending], &[won])).await;
    assert_eq!(count_ours().await, 0);
    let payment = orphan(None, None, "pi_1");
    store.record_orphan_payment(&payment).await.unwrap();
    assert_eq!(count_ours().await, 2);
    let [done, other] = ["re_1", "re_2"].map(|id| refund(id, &intent, RefundStatus::Succeeded));
    merge(&*store, &report(&intent, &[done, other], &[])).await;
    assert_eq!(count_ours().await, 3);
    assert_eq!(store.delete_foreign_money(at(99), 10).await.unwrap(), 0);
}
