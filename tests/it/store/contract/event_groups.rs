//! Tests that a group of events has the effect of its events one at a time in some order, that each caller gets its own
//! verdict, and that an event that fails or waits harms no other.
//!
//! Many events come at the same time through one store, which so applies them in groups. Random ones repeat, are about the
//! same hold, are decided on an older version, end the hold or change nothing. Then the rows must say what the verdicts say,
//! and the same events one at a time, the applied ones first, must have the same verdicts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use holdfast::domain::booking::{Actor, Booking};
use holdfast::domain::hold::Status;
use holdfast::domain::listing::StoredEvent;
use holdfast::store::{ApplyOutcome, HoldChange, StateChange, Store, StoreError};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use super::{DONE, EXPIRED, at, becomes, change, event, page, paid, placed, read, with_ana};
use crate::support::database::{Engine, TestDatabase};

on_both_engines!(
    group_of_events_has_the_effect_of_some_order,
    mutation_with_exchanged_event_verdicts_is_found,
    event_that_fails_harms_no_other_of_its_group,
    all_events_of_a_group_are_written_in_full,
);

/// How many holds there are, and how many events come at the same time.
const HOLDS: usize = 24;
const EVENTS: usize = 80;

/// Places holds in slots of their own, the same in each database.
async fn place_all(store: &dyn Store, holds: &[Booking]) {
    for booking in holds {
        placed(store, booking.clone()).await;
    }
}

fn new_holds() -> Vec<Booking> {
    (0..i64::try_from(HOLDS).unwrap())
        .map(|n| with_ana(30 * n, 30 * n + 30))
        .collect()
}

/// The change of an event, at a time of its own by which its rows are known.
fn by_event(booking: &Booking, id: &str, minute: i64, step: Option<StateChange>) -> HoldChange {
    let event = event(id);
    HoldChange {
        actor: Actor::Event(event.id.clone()),
        event: Some(event),
        step,
        now: at(minute),
        ..change(booking, StateChange::Transition(becomes(booking, EXPIRED)))
    }
}

fn paid_by_event(booking: &Booking, id: &str, minute: i64) -> HoldChange {
    by_event(booking, id, minute, Some(StateChange::Transition(paid(booking))))
}

fn random_change(rng: &mut StdRng, holds: &[Booking], minute: i64) -> HoldChange {
    let booking = &holds[rng.random_range(0..holds.len())];
    let id = format!("evt_{}_{}", booking.hold.id, rng.random_range(0..3));
    let transition = match rng.random_range(0..8) {
        0 => None,
        1 => Some(becomes(booking, EXPIRED)),
        2 => Some(becomes(booking, Status::Processing)),
        _ => Some(paid(booking)),
    };
    let mut change = by_event(booking, &id, minute, transition.map(StateChange::Transition));
    if rng.random_range(0..8) == 0 {
        // Decided on an older version than each hold has.
        change.version -= 1;
    }
    change
}

fn random_changes(rng: &mut StdRng, holds: &[Booking]) -> Vec<HoldChange> {
    let minutes = 1..=i64::try_from(EVENTS).unwrap();
    minutes.map(|minute| random_change(rng, holds, minute)).collect()
}

/// Applies all changes at the same time.
async fn apply_together(
    database: &TestDatabase,
    changes: &[HoldChange],
) -> Vec<Result<ApplyOutcome, StoreError>> {
    let store = database.store();
    let start = Arc::new(tokio::sync::Barrier::new(changes.len()));
    let apply = |change: &HoldChange| {
        let (store, start, change) = (Arc::clone(&store), Arc::clone(&start), change.clone());
        tokio::spawn(async move {
            start.wait().await;
            store.apply_change(&change).await
        })
    };
    let tasks: Vec<_> = changes.iter().map(apply).collect();
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.push(task.await.unwrap());
    }
    outcomes
}

async fn read_events(store: &dyn Store) -> Vec<StoredEvent> {
    store.list_events(None, &page(1000, None)).await.unwrap().entries
}

/// Compares the verdicts with the rows; returns what is wrong.
async fn find_wrong_verdicts(
    store: &dyn Store,
    holds: &[Booking],
    changes: &[HoldChange],
    outcomes: &[ApplyOutcome],
) -> Vec<String> {
    let mut wrong = Vec::new();
    let events = read_events(store).await;
    let mut steps: BTreeMap<_, usize> = BTreeMap::new();
    for (change, outcome) in changes.iter().zip(outcomes) {
        let (id, is_done) = (&change.event.as_ref().unwrap().id, *outcome == DONE);
        let mut stored = events.iter();
        let is_stored = stored.any(|event| event.id == *id && event.applied_at == change.now);
        if is_stored != is_done {
            wrong.push(format!(
                "{outcome:?}, but stored: {is_stored}: {id} at {}",
                change.now
            ));
        }
        let has_step = is_done && change.step.is_some();
        let history = store.list_history(change.hold).await.unwrap();
        if history.iter().any(|line| line.at == change.now) != has_step {
            wrong.push(format!(
                "{outcome:?}, but history {history:?}: {id} at {}",
                change.now
            ));
        }
        if has_step {
            *steps.entry(change.hold).or_default() += 1;
            let now = store.find_booking(change.hold).await.unwrap().unwrap();
            let Some(StateChange::Transition(transition)) = &change.step else {
                panic!("a test reclaims no slot");
            };
            if now.hold != transition.next {
                wrong.push(format!("{:?}, not {:?}", now.hold, transition.next));
            }
        }
    }
    for booking in holds {
        let count = steps.get(&booking.hold.id).copied().unwrap_or_default();
        let version = read(store, booking).await.version;
        if count > 1 || version != booking.version + i64::try_from(count).unwrap() {
            wrong.push(format!("{count} steps, version {version}"));
        }
    }
    wrong
}

async fn group_of_events_has_the_effect_of_some_order(database: &TestDatabase) {
    let seed: u64 = rand::rng().random();
    eprintln!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let holds = new_holds();
    let changes = random_changes(&mut rng, &holds);
    place_all(&*database.store(), &holds).await;
    let outcomes = apply_together(database, &changes).await;
    let outcomes: Vec<ApplyOutcome> = outcomes.into_iter().map(Result::unwrap).collect();
    let wrong = find_wrong_verdicts(&*database.store(), &holds, &changes, &outcomes).await;
    assert!(wrong.is_empty(), "seed {seed}: {wrong:#?}");

    let kinds: BTreeSet<String> = outcomes.iter().map(|outcome| format!("{outcome:?}")).collect();
    assert!(kinds.len() >= 2, "seed {seed}: {kinds:?}");
    let (done, refused): (Vec<usize>, Vec<usize>) = (0..EVENTS).partition(|index| outcomes[*index] == DONE);
    let alone = TestDatabase::new(database.engine()).await;
    let store = alone.store();
    place_all(&*store, &holds).await;
    for index in done.iter().chain(&refused) {
        let outcome = store.apply_change(&changes[*index]).await.unwrap();
        // An event that is known now may have been refused for its version before.
        let is_refused = outcome == ApplyOutcome::Duplicate && outcomes[*index] == ApplyOutcome::Conflict;
        assert!(
            outcome == outcomes[*index] || is_refused,
            "seed {seed}: {:?} in a group, {outcome:?} alone",
            outcomes[*index]
        );
    }
    for booking in &holds {
        let (in_group, alone) = (
            read(&*database.store(), booking).await,
            read(&*store, booking).await,
        );
        assert_eq!(in_group, alone, "seed {seed}");
    }
}

/// The negative control: if two callers get each other's verdicts, the comparison with the rows finds it.
async fn mutation_with_exchanged_event_verdicts_is_found(database: &TestDatabase) {
    let mut rng = StdRng::seed_from_u64(7);
    let holds = new_holds();
    let changes = random_changes(&mut rng, &holds);
    place_all(&*database.store(), &holds).await;
    let outcomes = apply_together(database, &changes).await;
    let mut outcomes: Vec<ApplyOutcome> = outcomes.into_iter().map(Result::unwrap).collect();
    let done = outcomes.iter().position(|outcome| *outcome == DONE);
    let refused = outcomes.iter().position(|outcome| *outcome != DONE);
    outcomes.swap(done.unwrap(), refused.unwrap());
    let wrong = find_wrong_verdicts(&*database.store(), &holds, &changes, &outcomes).await;
    assert!(!wrong.is_empty());
}

/// One event brings a payment that the table refuses; the others are applied, and it alone fails.
async fn event_that_fails_harms_no_other_of_its_group(database: &TestDatabase) {
    let holds = new_holds();
    place_all(&*database.store(), &holds).await;
    let mut changes = pay_all(&holds);
    let Some(StateChange::Transition(transition)) = &mut changes[11].step else {
        panic!("each change is a transition");
    };
    transition.next.payments[0].refunded = -1;
    for (n, outcome) in apply_together(database, &changes).await.into_iter().enumerate() {
        match outcome {
            Ok(outcome) => assert_eq!((outcome, n != 11), (DONE, true), "{n}"),
            Err(error) => assert_eq!(n, 11, "{error}"),
        }
    }
    let others = i64::try_from(HOLDS).unwrap() - 1;
    let confirmed = "SELECT count(*) FROM holds WHERE status = 'confirmed'";
    assert_eq!(database.count(confirmed).await, others);
    assert_eq!(database.count("SELECT count(*) FROM payments").await, others);
    assert_eq!(database.count("SELECT count(*) FROM stripe_events").await, others);
}

fn pay_all(holds: &[Booking]) -> Vec<HoldChange> {
    let numbered = (1..).zip(holds);
    numbered
        .map(|(n, booking)| paid_by_event(booking, &format!("evt_{n}"), n))
        .collect()
}

/// Each event of a group gets its own body, and each hold its own payment, history line and end of its limits.
async fn all_events_of_a_group_are_written_in_full(database: &TestDatabase) {
    let holds = new_holds();
    let store = database.store();
    place_all(&*store, &holds).await;
    let mut changes = pay_all(&holds);
    for (n, change) in changes.iter_mut().enumerate() {
        change.event.as_mut().unwrap().payload = Some(format!("{{\"number\": {n}}}"));
    }
    for outcome in apply_together(database, &changes).await {
        assert_eq!(outcome.unwrap(), DONE);
    }
    let events = read_events(&*store).await;
    for (n, (change, booking)) in changes.iter().zip(&holds).enumerate() {
        let record = change.event.as_ref().unwrap();
        let stored = events.iter().find(|event| event.id == record.id).unwrap();
        assert_eq!(
            (stored.hold, stored.applied_at, &stored.kind),
            (Some(change.hold), change.now, &record.kind)
        );
        let body = store.find_event_payload(&record.id).await.unwrap();
        assert_eq!(body, record.payload, "{n}");
        let now = read(&*store, booking).await;
        assert_eq!((now.hold, now.due_at), (paid(booking).next, None), "{n}");
        let line = store.list_history(change.hold).await.unwrap().pop().unwrap();
        assert_eq!((line.from, line.to), (Some(Status::Held), Status::Confirmed));
        assert_eq!((&line.actor, line.at), (&change.actor, change.now));
    }
    let funds = "SELECT count(*) FROM holds WHERE funds = 'paid' AND unpaid_until = updated_at";
    assert_eq!(database.count(funds).await, i64::try_from(HOLDS).unwrap());
}

/// Another transaction has a lock on one hold. Its event waits for it, and all others are applied meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn event_that_waits_for_a_lock_delays_no_other_of_its_group() {
    let database = TestDatabase::new(Engine::Postgres).await;
    let holds = new_holds();
    place_all(&*database.store(), &holds).await;
    let changes = pay_all(&holds);
    let mut other = PgConnection::connect(database.url()).await.unwrap();
    let lock = format!("SELECT FROM holds WHERE id = '{}' FOR UPDATE", changes[11].hold);
    let mut transaction = other.begin().await.unwrap();
    transaction.execute(AssertSqlSafe(lock)).await.unwrap();
    let start = Arc::new(tokio::sync::Barrier::new(changes.len()));
    let mut tasks: Vec<_> = changes
        .iter()
        .map(|change| {
            let (store, start, change) = (database.store(), Arc::clone(&start), change.clone());
            tokio::spawn(async move {
                start.wait().await;
                store.apply_change(&change).await.unwrap()
            })
        })
        .collect();
    let waits = tasks.remove(11);
    for task in tasks {
        assert_eq!(task.await.unwrap(), DONE);
    }
    transaction.rollback().await.unwrap();
    assert_eq!(waits.await.unwrap(), DONE);
}
