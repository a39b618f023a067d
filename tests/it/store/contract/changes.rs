//! Tests that a change writes event, hold, windows, payments, history and commands together (I5), and reclaims (I3).

use holdfast::domain::booking::{Actor, Booking};
use holdfast::domain::command::CommandAction;
use holdfast::domain::hold::{ReleaseReason, ReleaseRequester, Status, Transition, TransitionReason};
use holdfast::domain::ids::{HoldId, IntentId, RefundId};
use holdfast::domain::ledger::snapshots::{PaymentFacts, RefundSnapshot, RefundStatus};
use holdfast::domain::ledger::unverified::ReadLists;
use holdfast::domain::listing::CommandFilter;
use holdfast::domain::payment::PaymentState;
use holdfast::domain::session::HoldRefs;
use holdfast::store::{
    ApplyOutcome, HoldChange, LeaseRequest, MoneyReport, ReleaseLease, StateChange, Store,
};
use uuid::Uuid;

use super::{
    DONE, EXPIRED, LEASE, after, at, becomes, change, eur, event, first_units, page, paid, placed, read,
    with_ana,
};
use crate::support::database::TestDatabase;

on_both_engines!(
    a_change_writes_hold_payments_history_and_event_together,
    change_on_an_older_version_conflicts_and_writes_nothing,
    an_event_is_applied_once,
    event_is_applied_once_by_concurrent_calls,
    event_without_a_step_is_only_recorded,
    only_holds_that_wait_for_stripe_are_due,
    new_fact_resets_tries_and_new_status_ends_the_lease,
    repeated_command_is_written_once,
    late_payment_takes_a_free_slot_back,
    late_payment_may_take_a_slot_on_other_resources,
    late_payment_without_a_slot_is_due_for_refund,
    conflicting_reclaim_takes_no_slot,
    transition_without_units_takes_no_slot_back,
    payment_without_a_hold_is_recorded_and_refunded_once,
);

async fn a_change_writes_hold_payments_history_and_event_together(database: &TestDatabase) {
    let store = database.store();
    let mine = placed(&*store, with_ana(0, 30)).await;
    let mut transition = paid(&mine);
    transition.next.intent = Some(IntentId::new("pi_1"));
    transition.next.requested_by = Some(ReleaseRequester::Guest);
    transition.next.price_mismatch = true;
    let by_event = HoldChange {
        event: Some(event("evt_1")),
        actor: Actor::Event(event("evt_1").id),
        ..change(&mine, StateChange::Transition(transition.clone()))
    };
    assert_eq!(store.apply_change(&by_event).await.unwrap(), DONE);

    let now = read(&*store, &mine).await;
    assert_eq!(now.hold, transition.next);
    assert_eq!((now.version, now.updated_at, now.created_at), (2, at(1), at(0)));
    let history = store.list_history(mine.hold.id).await.unwrap();
    assert_eq!(history.len(), 2);
    assert_eq!(
        (history[1].from, history[1].to),
        (Some(Status::Held), Status::Confirmed)
    );
    assert_eq!((history[1].at, &history[1].actor), (at(1), &by_event.actor));
    assert_eq!(history[1].message, TransitionReason::Paid.to_string());
    assert_eq!(
        database.count("SELECT count(*) FROM occupancy").await,
        1,
        "it keeps its slot"
    );
}

async fn change_on_an_older_version_conflicts_and_writes_nothing(database: &TestDatabase) {
    let store = database.store();
    let mine = placed(&*store, with_ana(0, 30)).await;
    after(&*store, &mine, becomes(&mine, Status::Processing)).await;
    let mut late = change(&mine, StateChange::Transition(becomes(&mine, EXPIRED)));
    late.event = Some(event("evt_1"));
    assert_eq!(store.apply_change(&late).await.unwrap(), ApplyOutcome::Conflict);
    assert_eq!(read(&*store, &mine).await.hold.status, Status::Processing);
    assert_eq!(
        database.count("SELECT count(*) FROM stripe_events").await,
        0,
        "it can be decided again"
    );
    assert_eq!(database.count("SELECT count(*) FROM hold_history").await, 2);

    let nobody = HoldChange {
        hold: HoldId(Uuid::new_v4()),
        ..late
    };
    assert_eq!(store.apply_change(&nobody).await.unwrap(), ApplyOutcome::Conflict);
}

/// S16: an event that comes twice has one effect.
async fn an_event_is_applied_once(database: &TestDatabase) {
    let store = database.store();
    let mine = placed(&*store, with_ana(0, 30)).await;
    let mut first = change(&mine, StateChange::Transition(paid(&mine)));
    first.event = Some(event("evt_1"));
    assert_eq!(store.apply_change(&first).await.unwrap(), DONE);
    assert_eq!(store.apply_change(&first).await.unwrap(), ApplyOutcome::Duplicate);
    let confirmed = read(&*store, &mine).await;
    let again = HoldChange {
        event: Some(event("evt_1")),
        ..change(&confirmed, StateChange::Transition(becomes(&confirmed, EXPIRED)))
    };
    assert_eq!(store.apply_change(&again).await.unwrap(), ApplyOutcome::Duplicate);
    assert_eq!(read(&*store, &mine).await, confirmed);
}

/// S16: concurrent calls deliver the same event.
async fn event_is_applied_once_by_concurrent_calls(database: &TestDatabase) {
    let store = database.store();
    let mine = placed(&*store, with_ana(0, 30)).await;
    let mut one = change(&mine, StateChange::Transition(paid(&mine)));
    one.event = Some(event("evt_1"));
    let calls = (0..16).map(|_| {
        let (store, one) = (database.store(), one.clone());
        tokio::spawn(async move { store.apply_change(&one).await.unwrap() })
    });
    let mut done = 0;
    for call in calls.collect::<Vec<_>>() {
        match call.await.unwrap() {
            ApplyOutcome::Done { .. } => done += 1,
            other => assert_eq!(other, ApplyOutcome::Duplicate),
        }
    }
    assert_eq!(done, 1);
    assert_eq!(database.count("SELECT count(*) FROM hold_history").await, 2);
}

async fn event_without_a_step_is_only_recorded(database: &TestDatabase) {
    let store = database.store();
    let mine = placed(&*store, with_ana(0, 30)).await;
    let note = HoldChange {
        event: Some(event("evt_1")),
        step: None,
        version: mine.version + 7,
        ..change(&mine, StateChange::Transition(paid(&mine)))
    };
    assert_eq!(store.apply_change(&note).await.unwrap(), DONE);
    assert_eq!(store.apply_change(&note).await.unwrap(), ApplyOutcome::Duplicate);
    assert_eq!(read(&*store, &mine).await, mine);
    assert_eq!(database.count("SELECT count(*) FROM hold_history").await, 1);
    let nobody = HoldChange {
        event: Some(event("evt_2")),
        hold: HoldId(Uuid::new_v4()),
        ..note
    };
    assert_eq!(store.apply_change(&nobody).await.unwrap(), ApplyOutcome::Conflict);
    assert_eq!(database.count("SELECT count(*) FROM stripe_events").await, 1);
}

async fn only_holds_that_wait_for_stripe_are_due(database: &TestDatabase) {
    let store = database.store();
    let mine = placed(&*store, with_ana(0, 30)).await;
    let step = async |booking: &Booking, status: Status, check: Option<i64>| {
        let mut change = change(booking, StateChange::Transition(becomes(booking, status)));
        change.check_at = check.map(at);
        assert_eq!(store.apply_change(&change).await.unwrap(), DONE);
        read(&*store, booking).await
    };
    let mine = step(&mine, Status::Held, None).await;
    assert_eq!(mine.due_at, Some(at(30)), "held: unchanged");
    let mine = step(&mine, Status::Processing, Some(99)).await;
    assert_eq!(mine.due_at, Some(at(99)), "processing: as requested");
    let mine = step(&mine, Status::Processing, None).await;
    assert_eq!(
        mine.due_at,
        Some(at(99)),
        "processing: unchanged without a new time"
    );
    let mine = step(&mine, Status::Confirmed, Some(100)).await;
    assert_eq!(mine.due_at, None, "confirmed: never");
    let mine = step(&mine, Status::Released(ReleaseReason::Operator), None).await;
    assert_eq!(mine.due_at, None, "released: never");
}

async fn new_fact_resets_tries_and_new_status_ends_the_lease(database: &TestDatabase) {
    let store = database.store();
    let mine = placed(&*store, with_ana(0, 30)).await;
    store.defer_hold(mine.hold.id, at(30), false).await.unwrap();
    store.lease_release(mine.hold.id, None, LEASE).await.unwrap();
    let mine = read(&*store, &mine).await;
    assert_eq!((mine.tries, mine.version), (1, 1));
    let noted = after(&*store, &mine, becomes(&mine, Status::Held)).await;
    assert_eq!(noted.tries, 0);
    let again = store.lease_release(mine.hold.id, None, LEASE).await.unwrap();
    assert!(matches!(again, ReleaseLease::LeasedElsewhere), "{again:?}");
    after(&*store, &noted, becomes(&noted, Status::Processing)).await;
    let leased = "SELECT count(*) FROM holds WHERE leased_until IS NOT NULL";
    assert_eq!(database.count(leased).await, 0);
}

async fn repeated_command_is_written_once(database: &TestDatabase) {
    let store = database.store();
    let mine = placed(&*store, with_ana(0, 30)).await;
    let refund = CommandAction::Refund {
        intent: IntentId::new("pi_1"),
        money: eur(5000),
        order: 0,
    };
    let mut transition = becomes(&mine, Status::Held);
    transition.commands = vec![
        refund.clone(),
        CommandAction::ExpireSession(mine.hold.session.clone()),
    ];
    let done = |commands| ApplyOutcome::Done { commands };
    let first = change(&mine, StateChange::Transition(transition.clone()));
    assert_eq!(store.apply_change(&first).await.unwrap(), done(2));
    let mine = read(&*store, &mine).await;
    transition.commands.pop();
    let second = change(&mine, StateChange::Transition(transition));
    assert_eq!(store.apply_change(&second).await.unwrap(), done(0));
    let commands = store
        .list_commands(CommandFilter::Pending, &page(10, None))
        .await
        .unwrap()
        .entries;
    assert_eq!(commands.len(), 2);
    assert!(commands.iter().any(|command| command.action == refund));
    assert!(commands.iter().all(|command| command.hold == Some(mine.hold.id)));
}

/// Makes the step that takes the slot back for a late payment.
fn reclaim(released: &Booking) -> StateChange {
    StateChange::Reclaim {
        transition: paid(released),
        units: first_units(released),
    }
}

/// Makes the transition that refunds the late payment.
fn give_back(released: &Booking) -> Transition {
    let mut taken = Transition {
        reason: TransitionReason::LatePaymentRefunded,
        ..paid(released)
    };
    taken.next.status = Status::Released(ReleaseReason::LatePaymentRefunded);
    taken.commands.extend(taken.next.payments[0].give_back());
    taken
}

async fn released(store: &dyn Store) -> Booking {
    let mine = placed(store, with_ana(0, 30)).await;
    after(store, &mine, becomes(&mine, EXPIRED)).await
}

/// S10: the slot is still free.
async fn late_payment_takes_a_free_slot_back(database: &TestDatabase) {
    let store = database.store();
    let mine = released(&*store).await;
    let applied = store.apply_change(&change(&mine, reclaim(&mine))).await.unwrap();
    assert_eq!(applied, ApplyOutcome::Done { commands: 0 });
    assert_eq!(read(&*store, &mine).await.hold.status, Status::Confirmed);
    assert_eq!(database.count("SELECT count(*) FROM occupancy").await, 1);
    let concurrent = super::claim_and_place(&*store, &with_ana(0, 30)).await;
    assert!(matches!(concurrent, holdfast::store::PlaceOutcome::SlotTaken));
}

/// Another resource of the pool can serve the hold; the hold then belongs to that resource in every query.
async fn late_payment_may_take_a_slot_on_other_resources(database: &TestDatabase) {
    let store = database.store();
    let mine = released(&*store).await;
    let ben = Booking {
        segments: vec![super::segment("ben", 0, 30)],
        ..mine.clone()
    };
    let step = StateChange::Reclaim {
        transition: paid(&mine),
        units: first_units(&ben),
    };
    let applied = store.apply_change(&change(&mine, step)).await.unwrap();
    assert_eq!(applied, ApplyOutcome::Done { commands: 0 });
    assert_eq!(read(&*store, &mine).await.segments, ben.segments);
    let of_ben =
        "SELECT count(*) FROM holds h JOIN occupancy o ON o.hold_id = h.id AND o.resource_id = h.resource_id
        WHERE o.resource_id = 'ben' AND h.status = 'confirmed'";
    assert_eq!(database.count(of_ben).await, 1);
    placed(&*store, with_ana(0, 30)).await;
}

/// S10: the slot is taken. One of two windows is still free: it stays free, and the event is not recorded.
async fn late_payment_without_a_slot_is_due_for_refund(database: &TestDatabase) {
    let store = database.store();
    let both = vec![super::segment("ana", 0, 30), super::segment("ben", 0, 30)];
    let mine = placed(&*store, super::booking(both)).await;
    let mine = after(&*store, &mine, becomes(&mine, EXPIRED)).await;
    placed(&*store, super::booking(vec![super::segment("ben", 0, 30)])).await;
    let mut late = change(&mine, reclaim(&mine));
    late.event = Some(event("evt_late"));
    assert_eq!(store.apply_change(&late).await.unwrap(), ApplyOutcome::Conflict);
    assert_eq!(read(&*store, &mine).await, mine);
    late.step = Some(StateChange::Transition(give_back(&mine)));
    assert_eq!(
        store.apply_change(&late).await.unwrap(),
        ApplyOutcome::Done { commands: 1 }
    );
    let now = read(&*store, &mine).await;
    assert_eq!(
        now.hold.status,
        Status::Released(ReleaseReason::LatePaymentRefunded)
    );
    assert_eq!(now.hold.payments[0].state, PaymentState::RefundDue);
    assert_eq!(database.count("SELECT count(*) FROM occupancy").await, 1);
    placed(&*store, with_ana(0, 30)).await;
}

async fn conflicting_reclaim_takes_no_slot(database: &TestDatabase) {
    let store = database.store();
    let mine = released(&*store).await;
    let mut late = change(&mine, reclaim(&mine));
    late.version -= 1;
    assert_eq!(store.apply_change(&late).await.unwrap(), ApplyOutcome::Conflict);
    assert_eq!(database.count("SELECT count(*) FROM occupancy").await, 0);
}

async fn transition_without_units_takes_no_slot_back(database: &TestDatabase) {
    let store = database.store();
    let mine = released(&*store).await;
    let blunt = change(&mine, StateChange::Transition(becomes(&mine, Status::Confirmed)));
    store.apply_change(&blunt).await.unwrap_err();
    assert_eq!(read(&*store, &mine).await, mine);
}

/// S20: a payment without a hold is recorded once and refunded.
async fn payment_without_a_hold_is_recorded_and_refunded_once(database: &TestDatabase) {
    let store = database.store();
    let (intent, money) = (IntentId::new("pi_1"), eur(5000));
    let claimed = Some(HoldId(Uuid::new_v4()));
    let orphan = async |name: Option<&str>| {
        let orphan = super::orphan(name.map(event), claimed, "pi_1");
        store.record_orphan_payment(&orphan).await.unwrap()
    };
    let done = ApplyOutcome::Done { commands: 1 };
    assert_eq!(orphan(Some("evt_1")).await, done);
    assert_eq!(
        orphan(Some("evt_1")).await,
        ApplyOutcome::Duplicate,
        "the event is known"
    );
    assert_eq!(
        orphan(Some("evt_2")).await,
        ApplyOutcome::Duplicate,
        "the payment is known"
    );
    assert_eq!(orphan(None).await, ApplyOutcome::Duplicate);
    let by_intent = HoldRefs {
        intent: Some(intent.clone()),
        ..HoldRefs::default()
    };
    assert!(store.find_booking_by_refs(&by_intent).await.unwrap().is_none());

    let due = "SELECT count(*) FROM payments WHERE state = 'refund_due'";
    assert_eq!(database.count(due).await, 1);
    let command = store
        .lease_commands(&LeaseRequest::new(at(1), LEASE, 10))
        .await
        .unwrap()
        .remove(0);
    assert_eq!(command.hold, None);
    let refund = CommandAction::Refund {
        intent: intent.clone(),
        money,
        order: 0,
    };
    assert_eq!(command.action, refund);
    let refund = RefundSnapshot {
        status: RefundStatus::Succeeded,
        money,
        failure_reason: None,
        command: Some(command.id),
        intent: Some(intent.clone()),
        charge: None,
        created: at(2),
        id: RefundId::new("re_1"),
    };
    let report = MoneyReport {
        event: None,
        hold: None,
        intent: intent.clone(),
        facts: PaymentFacts {
            refunds: [(refund.id.clone(), refund)].into(),
            ..PaymentFacts::default()
        },
        read: ReadLists::default(),
        now: at(2),
    };
    store.merge_money(&report).await.unwrap();
    store.finish_command(&command, at(2)).await.unwrap();
    let back = "SELECT count(*) FROM payments WHERE state = 'refunded' AND refunded = amount";
    assert_eq!(database.count(back).await, 1);
}
