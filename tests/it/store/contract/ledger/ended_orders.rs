//! The end of an order to refund: its payment, or its hold, takes notice of it.

use holdfast::domain::command::{Command, CommandAction};
use holdfast::domain::hold::Status;
use holdfast::domain::ids::IntentId;
use holdfast::domain::ledger::snapshots::{RefundSnapshot, RefundStatus};
use holdfast::store::{ApplyOutcome, HoldChange, LeaseRequest, StateChange, Store};

use super::{lease_order, merge, refund, report, unnoted};
use crate::store::contract::{LEASE, after, at, becomes, change, eur, orphan, paid, placed, read, with_ana};
use crate::support::database::TestDatabase;

on_both_engines!(
    order_done_without_a_refund_is_due_back,
    order_that_ended_is_noted_by_its_hold_again,
    end_of_an_order_makes_earlier_decisions_conflict,
    rest_of_an_order_without_a_hold_is_ordered_once,
);

/// Stripe refuses an order for good where nothing is left to refund, as far as it knows.
async fn order_done_without_a_refund_is_due_back(database: &TestDatabase) {
    let store = database.store();
    store
        .record_orphan_payment(&orphan(None, None, "pi_1"))
        .await
        .unwrap();
    let command = lease_order(&*store, 1).await;
    store.finish_command(&command, at(2)).await.unwrap();
    let failed = "SELECT count(*) FROM payments WHERE state = 'refund_failed' AND refunded = 0";
    assert_eq!(database.count(failed).await, 1);
    // It is no counter of an earlier version.
    assert_eq!(database.count("SELECT count(*) FROM refunds").await, 0);
    let intent = IntentId::new("pi_1");
    let by_hand = RefundSnapshot {
        money: eur(5000),
        ..refund("re_1", &intent, RefundStatus::Succeeded)
    };
    merge(&*store, &report(&intent, &[by_hand], &[])).await;
    let back = "SELECT count(*) FROM payments WHERE state = 'refunded' AND refunded = amount";
    assert_eq!(database.count(back).await, 1);
}

/// A process that dies after an order ended leaves the notice of it to the sweep.
async fn order_that_ended_is_noted_by_its_hold_again(database: &TestDatabase) {
    let store = database.store();
    let mine = placed(&*store, with_ana(0, 30)).await;
    let mine = after(&*store, &mine, paid(&mine)).await;
    let mut step = becomes(&mine, Status::Confirmed);
    step.commands = vec![step.next.payments[0].order_refund(2000)];
    let intent = step.next.payments[0].intent.clone();
    merge(
        &*store,
        &report(&intent, &[refund("re_1", &intent, RefundStatus::Succeeded)], &[]),
    )
    .await;
    let mine = read(&*store, &mine).await;
    let noting = HoldChange {
        noted: Some(intent.clone()),
        ..change(&mine, StateChange::Transition(step))
    };
    let done = ApplyOutcome::Done { commands: 1 };
    assert_eq!(store.apply_change(&noting).await.unwrap(), done);
    assert!(unnoted(&*store).await.is_empty());
    let command = lease_order(&*store, 9).await;
    store.finish_command(&command, at(9)).await.unwrap();
    assert_eq!(unnoted(&*store).await, [intent]);
}

/// What was decided before the order ended must not mark its end as noted.
async fn end_of_an_order_makes_earlier_decisions_conflict(database: &TestDatabase) {
    let store = database.store();
    let mine = placed(&*store, with_ana(0, 30)).await;
    let mine = after(&*store, &mine, paid(&mine)).await;
    let mut step = becomes(&mine, Status::Confirmed);
    step.commands = vec![step.next.payments[0].order_refund(2000)];
    let intent = step.next.payments[0].intent.clone();
    let ordering = change(&mine, StateChange::Transition(step));
    let done = ApplyOutcome::Done { commands: 1 };
    assert_eq!(store.apply_change(&ordering).await.unwrap(), done);
    let command = lease_order(&*store, 9).await;
    let by_hand = refund("re_1", &intent, RefundStatus::Succeeded);
    merge(&*store, &report(&intent, &[by_hand], &[])).await;
    let seen = read(&*store, &mine).await;
    let noting = |step: Option<StateChange>| HoldChange {
        noted: Some(intent.clone()),
        step,
        ..change(&seen, StateChange::Transition(becomes(&seen, Status::Confirmed)))
    };
    store.finish_command(&command, at(9)).await.unwrap();
    for step in [
        None,
        Some(StateChange::Transition(becomes(&seen, Status::Confirmed))),
    ] {
        let outcome = store.apply_change(&noting(step)).await.unwrap();
        assert_eq!(outcome, ApplyOutcome::Conflict);
        assert_eq!(unnoted(&*store).await, std::slice::from_ref(&intent));
    }
}

/// A part went back by hand while the order waited, so Stripe refused it. No decision of a hold orders the rest.
async fn rest_of_an_order_without_a_hold_is_ordered_once(database: &TestDatabase) {
    let store = database.store();
    store
        .record_orphan_payment(&orphan(None, None, "pi_1"))
        .await
        .unwrap();
    let intent = IntentId::new("pi_1");
    let by_hand = refund("re_1", &intent, RefundStatus::Succeeded);
    merge(&*store, &report(&intent, &[by_hand], &[])).await;
    let (first, second) = (lease_only(&*store).await, lease_only(&*store).await);
    assert!(second.is_none(), "the first order has not ended");
    store.finish_command(&first.unwrap(), at(2)).await.unwrap();
    let second = lease_only(&*store).await.unwrap();
    let rest = CommandAction::Refund {
        intent: intent.clone(),
        money: eur(3000),
        order: 1,
    };
    assert_eq!((second.hold, &second.action), (None, &rest));
    assert_eq!(second.ordered_by.as_deref(), Some("holdfast"));
    let due =
        "SELECT count(*) FROM payments WHERE state = 'refund_due' AND due_back = 0 AND reordered = 3000";
    assert_eq!(database.count(due).await, 1);
    // More goes back by hand, and Stripe refuses the second order too.
    let again = refund("re_2", &intent, RefundStatus::Succeeded);
    merge(&*store, &report(&intent, &[again], &[])).await;
    store.finish_command(&second, at(3)).await.unwrap();
    assert!(lease_only(&*store).await.is_none(), "a person decides now");
    let failed = "SELECT count(*) FROM payments WHERE state = 'refund_failed' AND due_back = 1000";
    assert_eq!(database.count(failed).await, 1);
}

/// Leases the only command that is due and not leased.
async fn lease_only(store: &dyn Store) -> Option<Command> {
    let request = LeaseRequest::new(at(9), LEASE, 10);
    let mut leased = store.lease_commands(&request).await.unwrap();
    assert!(leased.len() < 2, "{leased:?}");
    leased.pop()
}
