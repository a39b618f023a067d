//! Tests money that comes for a hold before the hold is placed: it is the hold's payment or goes back, and never neither or
//! both. In `paused`, recording it and ending the attempt wait for each other; in `grouped`, many holds are placed together.

use holdfast::domain::booking::Booking;
use holdfast::domain::hold::Status;
use holdfast::domain::ids::{IntentId, RefundId, SessionId};
use holdfast::domain::ledger::snapshots::{PaymentFacts, RefundSnapshot, RefundStatus};
use holdfast::domain::ledger::unverified::ReadLists;
use holdfast::domain::listing::{Attention, PaymentFilter};
use holdfast::domain::refusal_code::RefusalCode;
use holdfast::store::{
    ApplyOutcome, AttemptEnd, LeaseRequest, MoneyReport, OrphanPayment, PlaceOutcome, StateChange, Store,
};

use super::{DONE, anyone, at, attempt, change, eur, event, first_units, orphan, page, paid, read, with_ana};
use crate::support::database::{Engine, TestDatabase};

mod grouped;
mod paused;

on_both_engines!(
    money_waits_while_the_attempt_may_place_its_hold,
    hold_placed_after_its_money_says_so,
    each_end_without_a_hold_orders_the_refund_once,
    unsettled_attempt_keeps_its_money_until_it_ends,
    money_after_the_end_goes_back_or_finds_its_hold,
    session_that_a_later_report_names_is_kept,
    refund_made_while_money_waits_is_not_ordered_again,
    money_of_an_attempt_that_another_version_ended_is_found,
    money_that_waits_too_long_counts_as_without_slot,
);

const ORDERS: &str = "SELECT count(*) FROM commands WHERE kind = 'refund'";

/// How an attempt ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Placed,
    Lost,
    AbandonedBySweep,
    Abandoned,
    Refused,
    NoSession,
}

const WITHOUT_HOLD: [End; 5] = [
    End::Lost,
    End::AbandonedBySweep,
    End::Abandoned,
    End::Refused,
    End::NoSession,
];

/// Writes a running attempt for a slot that no other attempt of the test wants.
async fn begin(store: &dyn Store, n: i64) -> Booking {
    let mine = with_ana(60 * n, 60 * n + 30);
    store.claim_attempt(&attempt(&mine, None, "a")).await.unwrap();
    mine
}

/// Ends an attempt, as far as it has to be made ready for that end. Returns what placing it says.
async fn end(store: &dyn Store, mine: &Booking, how: End) -> Option<PlaceOutcome> {
    let (id, session) = (mine.hold.id, &mine.hold.session);
    match how {
        End::Placed => {
            let placed = store.place_hold(mine, &first_units(mine), &anyone()).await;
            return Some(placed.unwrap());
        }
        End::Lost => drop(store.close_lost_attempt(id, session, at(1)).await.unwrap()),
        End::AbandonedBySweep => drop(store.abandon_attempt(id, session, at(1)).await.unwrap()),
        End::Abandoned => store.end_attempt(id, AttemptEnd::Abandoned, at(1)).await.unwrap(),
        End::Refused => {
            let refused = AttemptEnd::Refused(RefusalCode::classify(400, None, None));
            store.end_attempt(id, refused, at(1)).await.unwrap();
        }
        End::NoSession => store.end_attempt(id, AttemptEnd::NoSession, at(1)).await.unwrap(),
    }
    None
}

/// Only the sweep ends an attempt as without a session, and only one that is unsettled.
async fn prepare_end(store: &dyn Store, mine: &Booking, how: End) {
    if how == End::NoSession {
        let unsettled = AttemptEnd::Unsettled;
        store.end_attempt(mine.hold.id, unsettled, at(0)).await.unwrap();
    }
}

fn intent_of(mine: &Booking) -> String {
    format!("pi_{}", mine.hold.id)
}

/// The report that a hold was paid through its own session, or through an intent alone.
fn money_for(mine: &Booking, session: Option<&SessionId>) -> OrphanPayment {
    let name = session.map_or("evt_intent", |_| "evt_session");
    OrphanPayment {
        session: session.cloned(),
        ..orphan(
            Some(event(&format!("{name}_{}", mine.hold.id))),
            Some(mine.hold.id),
            &intent_of(mine),
        )
    }
}

async fn report(store: &dyn Store, mine: &Booking) -> ApplyOutcome {
    store.record_orphan_payment(&money_for(mine, None)).await.unwrap()
}

async fn count_waiting(store: &dyn Store, mine: &Booking) -> usize {
    store.list_waiting_payments(mine.hold.id).await.unwrap().len()
}

/// The orders to refund the money for one hold.
async fn count_orders(database: &TestDatabase, mine: &Booking) -> i64 {
    database
        .count(&format!("{ORDERS} AND intent_id = '{}'", intent_of(mine)))
        .await
}

async fn money_waits_while_the_attempt_may_place_its_hold(database: &TestDatabase) {
    let store = database.store();
    let mine = begin(&*store, 0).await;
    assert_eq!(report(&*store, &mine).await, DONE);
    assert_eq!(report(&*store, &mine).await, ApplyOutcome::Duplicate);
    let mut second = money_for(&mine, None);
    (second.event, second.payment.intent) = (None, IntentId::new("pi_second"));
    assert_eq!(store.record_orphan_payment(&second).await.unwrap(), DONE);
    let waiting = store.list_waiting_payments(mine.hold.id).await.unwrap();
    let intents: Vec<&str> = waiting.iter().map(|one| one.receipt.intent.as_str()).collect();
    assert_eq!(intents.len(), 2);
    assert!(intents.contains(&intent_of(&mine).as_str()) && intents.contains(&"pi_second"));
    assert!(waiting.iter().all(|one| one.receipt.money == eur(5000)));
    assert_eq!(database.count(ORDERS).await, 0);
    assert!(store.list_unsettled_waits(10).await.unwrap().is_empty());
    assert_eq!(store.give_back_waiting(mine.hold.id, at(1)).await.unwrap(), 0);
    let kept = "SELECT count(*) FROM payment_ledger WHERE kept = 5000 AND refund_pending = 0";
    assert_eq!(database.count(kept).await, 2);
}

async fn hold_placed_after_its_money_says_so(database: &TestDatabase) {
    let store = database.store();
    let (mine, other) = (begin(&*store, 0).await, begin(&*store, 1).await);
    report(&*store, &mine).await;
    for _repeated in 0..2 {
        let placed = end(&*store, &mine, End::Placed).await;
        assert_eq!(placed, Some(PlaceOutcome::PlacedWithMoney));
    }
    assert_eq!(
        end(&*store, &other, End::Placed).await,
        Some(PlaceOutcome::Placed)
    );
    // Until the hold has the money, the sweep finds it.
    assert_eq!(store.list_unsettled_waits(10).await.unwrap(), [mine.hold.id]);
    assert_eq!(store.give_back_waiting(mine.hold.id, at(1)).await.unwrap(), 0);
    let confirmed = StateChange::Transition(paid(&mine));
    assert_eq!(store.apply_change(&change(&mine, confirmed)).await.unwrap(), DONE);
    let now = read(&*store, &mine).await;
    assert_eq!((now.hold.status, now.hold.payments.len()), (Status::Confirmed, 1));
    assert!(store.list_unsettled_waits(10).await.unwrap().is_empty());
    assert_eq!(count_waiting(&*store, &mine).await, 0);
    let funds = "SELECT count(*) FROM holds WHERE status = 'confirmed' AND funds = 'paid'";
    assert_eq!(database.count(funds).await, 1);
}

async fn each_end_without_a_hold_orders_the_refund_once(database: &TestDatabase) {
    let store = database.store();
    for (n, how) in (0..).zip(WITHOUT_HOLD) {
        let mine = begin(&*store, n).await;
        report(&*store, &mine).await;
        prepare_end(&*store, &mine, how).await;
        for _repeated in 0..2 {
            end(&*store, &mine, how).await;
            assert_eq!(count_orders(database, &mine).await, 1, "{how:?}");
            assert_eq!(count_waiting(&*store, &mine).await, 0, "{how:?}");
        }
        assert_eq!(report(&*store, &mine).await, ApplyOutcome::Duplicate);
        assert_eq!(store.give_back_waiting(mine.hold.id, at(2)).await.unwrap(), 0);
    }
    assert!(store.list_unsettled_waits(10).await.unwrap().is_empty());
    assert_eq!(database.count(ORDERS).await, 5);
    let due = "SELECT count(*) FROM payments WHERE state = 'refund_due' AND hold_id IS NULL";
    assert_eq!(database.count(due).await, 5);
    // They are commands like any other.
    let leased = store
        .lease_commands(&LeaseRequest::new(at(1), super::LEASE, 10))
        .await;
    let refunds = leased.unwrap();
    let refunds = refunds.iter().filter(|command| command.hold.is_none());
    assert_eq!(refunds.count(), 5);
}

async fn unsettled_attempt_keeps_its_money_until_it_ends(database: &TestDatabase) {
    let store = database.store();
    let (before, during) = (begin(&*store, 0).await, begin(&*store, 1).await);
    report(&*store, &before).await;
    for mine in [&before, &during] {
        prepare_end(&*store, mine, End::NoSession).await;
    }
    assert_eq!(report(&*store, &during).await, DONE);
    let leased = store
        .lease_stale_attempts(&LeaseRequest::new(at(5), super::LEASE, 10))
        .await;
    assert_eq!(leased.unwrap().len(), 2);
    for mine in [&before, &during] {
        assert_eq!(
            (
                count_waiting(&*store, mine).await,
                count_orders(database, mine).await
            ),
            (1, 0)
        );
        end(&*store, mine, End::AbandonedBySweep).await;
        assert_eq!(
            (
                count_waiting(&*store, mine).await,
                count_orders(database, mine).await
            ),
            (0, 1)
        );
    }
}

async fn money_after_the_end_goes_back_or_finds_its_hold(database: &TestDatabase) {
    let store = database.store();
    for (n, how) in (0..).zip(WITHOUT_HOLD) {
        let mine = begin(&*store, n).await;
        prepare_end(&*store, &mine, how).await;
        end(&*store, &mine, how).await;
        let ordered = ApplyOutcome::Done { commands: 1 };
        assert_eq!(report(&*store, &mine).await, ordered, "{how:?}");
    }
    let mine = begin(&*store, 9).await;
    end(&*store, &mine, End::Placed).await;
    assert_eq!(
        report(&*store, &mine).await,
        ApplyOutcome::Conflict,
        "it is the hold's"
    );
    let events = format!(
        "SELECT count(*) FROM stripe_events WHERE hold_id = '{}'",
        mine.hold.id
    );
    assert_eq!(database.count(&events).await, 0);
    assert_eq!(count_orders(database, &mine).await, 0);
}

async fn session_that_a_later_report_names_is_kept(database: &TestDatabase) {
    let store = database.store();
    let mine = begin(&*store, 0).await;
    report(&*store, &mine).await;
    let session = SessionId::new("cs_own");
    let named = money_for(&mine, Some(&session));
    assert_eq!(
        store.record_orphan_payment(&named).await.unwrap(),
        ApplyOutcome::Duplicate,
        "the payment is known"
    );
    assert_eq!(
        store
            .record_orphan_payment(&money_for(&mine, None))
            .await
            .unwrap(),
        ApplyOutcome::Duplicate
    );
    let waiting = store.list_waiting_payments(mine.hold.id).await.unwrap();
    assert_eq!(waiting[0].session, Some(session));
    assert_eq!(database.count("SELECT count(*) FROM stripe_events").await, 2);
}

/// Somebody refunds at Stripe while the money waits. The hold takes notice when it has the money; an order gives back the
/// rest.
async fn refund_made_while_money_waits_is_not_ordered_again(database: &TestDatabase) {
    let store = database.store();
    let (placed, lost) = (begin(&*store, 0).await, begin(&*store, 1).await);
    for mine in [&placed, &lost] {
        report(&*store, mine).await;
        let intent = IntentId::new(intent_of(mine));
        let back = RefundSnapshot {
            id: RefundId::new(format!("re_{intent}")),
            status: RefundStatus::Succeeded,
            money: eur(2000),
            failure_reason: None,
            command: None,
            intent: Some(intent.clone()),
            charge: None,
            created: at(1),
        };
        let report = MoneyReport {
            event: None,
            hold: None,
            intent,
            facts: PaymentFacts {
                refunds: [(back.id.clone(), back)].into(),
                ..PaymentFacts::default()
            },
            read: ReadLists::default(),
            now: at(1),
        };
        store.merge_money(&report).await.unwrap();
    }
    let kept = "SELECT count(*) FROM payment_ledger WHERE kept = 3000 AND refunded = 2000";
    assert_eq!(database.count(kept).await, 2);
    end(&*store, &lost, End::Lost).await;
    let rest = format!("{ORDERS} AND amount = 3000");
    assert_eq!(database.count(&rest).await, 1);
    end(&*store, &placed, End::Placed).await;
    let confirmed = StateChange::Transition(paid(&placed));
    store.apply_change(&change(&placed, confirmed)).await.unwrap();
    let unnoted = store.list_unnoted_money(10).await.unwrap();
    assert_eq!(unnoted, [IntentId::new(intent_of(&placed))]);
}

async fn money_of_an_attempt_that_another_version_ended_is_found(database: &TestDatabase) {
    let store = database.store();
    let mine = begin(&*store, 0).await;
    report(&*store, &mine).await;
    database
        .execute("UPDATE checkout_attempts SET state = 'abandoned', terms = NULL, leased_until = NULL, ended_at = claimed_at")
        .await;
    assert_eq!(store.list_unsettled_waits(10).await.unwrap(), [mine.hold.id]);
    for commands in [1, 0] {
        assert_eq!(
            store.give_back_waiting(mine.hold.id, at(1)).await.unwrap(),
            commands
        );
    }
    assert_eq!(count_orders(database, &mine).await, 1);
    assert!(store.list_unsettled_waits(10).await.unwrap().is_empty());
}

async fn money_that_waits_too_long_counts_as_without_slot(database: &TestDatabase) {
    let store = database.store();
    let mine = begin(&*store, 0).await;
    report(&*store, &mine).await;
    for (minute, alarms) in [(1, 0), (15, 0), (16, 1)] {
        let figures = store.count_figures(at(minute)).await.unwrap();
        assert_eq!(figures.money_without_slot, alarms, "minute {minute}");
        let filter = PaymentFilter {
            attention: Some(Attention::MoneyWithoutSlot),
            now: at(minute),
            ..PaymentFilter::default()
        };
        let listed = store.list_payments(&filter, &page(10, None)).await.unwrap();
        assert_eq!(
            listed.entries.len(),
            usize::try_from(alarms).unwrap(),
            "minute {minute}"
        );
    }
    end(&*store, &mine, End::Lost).await;
    assert_eq!(store.count_figures(at(60)).await.unwrap().money_without_slot, 0);
}

/// The version before orders the refund of money without a hold and does not look at the attempt.
#[tokio::test]
async fn refund_of_money_that_waits_is_refused_to_another_version() {
    let database = TestDatabase::new(Engine::Postgres).await;
    let store = database.store();
    let (running, placed, lost) = (
        begin(&*store, 0).await,
        begin(&*store, 1).await,
        begin(&*store, 2).await,
    );
    end(&*store, &placed, End::Placed).await;
    end(&*store, &lost, End::Lost).await;
    for (mine, is_taken) in [(&running, false), (&placed, false), (&lost, true)] {
        let (intent, hold) = (intent_of(mine), mine.hold.id);
        database
            .execute(&format!(
                "INSERT INTO payments (intent_id, claimed_hold_id, amount, currency, state, created_at, updated_at)
                 VALUES ('{intent}', '{hold}', 5000, 'eur', 'refund_due', now(), now())"
            ))
            .await;
        let done = database
            .try_execute(&format!(
                "INSERT INTO commands (id, deduplication_key, kind, intent_id, amount, currency, due_at, created_at)
                 VALUES (gen_random_uuid(), 'refund:{intent}', 'refund', '{intent}', 5000, 'eur', now(), now())"
            ))
            .await;
        assert_eq!(done.is_ok(), is_taken, "{done:?}");
    }
}
