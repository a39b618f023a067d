//! Tests that a group of checkouts has the effect of its checkouts one at a time in some order, and that each caller gets
//! its own verdict.
//!
//! Many checkouts run at the same time through one store, which so runs them in groups. Random ones overlap, are composite,
//! are in a block, or share a limit. Then the rows must say what the verdicts say, and the same checkouts one at a time,
//! the winners first, must have the same verdicts.

use std::collections::BTreeSet;
use std::sync::Arc;

use holdfast::domain::booking::Booking;
use holdfast::domain::catalogue::{Block, Resource};
use holdfast::domain::hold_limit::{AllowanceOffer, HoldLimit, LimitScope};
use holdfast::store::{Claim, HoldLimits, PlaceOutcome, Store};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::{at, attempt, booking, find_claim, first_units, key, segment};
use crate::support::database::{Engine, TestDatabase};

on_both_engines!(
    group_has_the_effect_of_its_checkouts_in_some_order,
    mutation_with_exchanged_verdicts_is_found,
    claims_of_a_group_get_their_own_verdicts,
    checkout_that_fails_harms_no_other_of_its_group,
    checkouts_over_their_limit_harm_no_other_of_their_group,
);

/// How many checkouts run at the same time.
const CHECKOUTS: usize = 60;

/// The places of each limit.
const PLACES: u32 = 7;

/// A hold to place, with its limit.
#[derive(Clone)]
struct Order {
    booking: Booking,
    limits: HoldLimits,
}

impl Order {
    fn overlaps(&self, other: &Self) -> bool {
        self.booking.segments.iter().any(|mine| {
            let of_other = other.booking.segments.iter();
            of_other
                .filter(|segment| segment.resource == mine.resource)
                .any(|segment| segment.busy.overlaps(&mine.busy))
        })
    }

    fn is_in_the_block(&self) -> bool {
        let blocked = segment("zoe", 0, 60);
        let mut segments = self.booking.segments.iter();
        segments.any(|segment| segment.resource == blocked.resource && segment.busy.overlaps(&blocked.busy))
    }

    fn subject(&self) -> &str {
        &self.limits.allowances[0].limit.subject
    }

    async fn place(&self, store: &dyn Store) -> PlaceOutcome {
        let units = first_units(&self.booking);
        store
            .place_hold(&self.booking, &units, &self.limits)
            .await
            .unwrap()
    }
}

fn random_order(rng: &mut StdRng) -> Order {
    let mut segments = Vec::new();
    for _ in 0..rng.random_range(1..=2) {
        let resource = ["ana", "ben", "zoe"][rng.random_range(0..3)];
        let from = 30 * rng.random_range(0..12);
        segments.push(segment(resource, from, from + rng.random_range(1..=2) * 30));
    }
    // Of two segments of one resource, the first one is enough.
    segments.dedup_by(|one, other| one.resource == other.resource);
    let limit = HoldLimit {
        scope: LimitScope::Client,
        subject: ["here", "there", "elsewhere"][rng.random_range(0..3)].to_owned(),
        most: PLACES,
    };
    let first = rng.random_range(0..PLACES);
    let numbers = (0..PLACES).map(|n| 1 + (first + n) % PLACES).collect();
    Order {
        booking: booking(segments),
        limits: HoldLimits {
            client: None,
            allowances: vec![AllowanceOffer { limit, numbers }],
            waits: true,
        },
    }
}

/// Makes a block of one resource, which is the same in each database.
async fn block_zoe(store: &dyn Store) {
    let block = Block {
        id: "dentist".into(),
        window: segment("zoe", 0, 60).busy,
        note: String::new(),
    };
    let zoe = Resource {
        id: segment("zoe", 0, 60).resource,
        name: "Zoe".into(),
        capacity: 1,
    };
    store.put_resource(&zoe, at(0)).await.unwrap();
    store.put_block(&zoe.id, &block, at(0)).await.unwrap();
}

/// Claims all attempts, then places all holds at the same time.
async fn place_together(database: &TestDatabase, orders: &[Order]) -> Vec<PlaceOutcome> {
    let store = database.store();
    block_zoe(&*store).await;
    let start = Arc::new(tokio::sync::Barrier::new(orders.len()));
    let place = |order: &Order| {
        let (store, start, order) = (Arc::clone(&store), Arc::clone(&start), order.clone());
        tokio::spawn(async move {
            let claim = store.claim_attempt(&attempt(&order.booking, None, "body")).await;
            assert_eq!(claim.unwrap(), Claim::Free);
            start.wait().await;
            order.place(&*store).await
        })
    };
    let tasks: Vec<_> = orders.iter().map(place).collect();
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.push(task.await.unwrap());
    }
    outcomes
}

/// Compares the verdicts with the rows; returns what is wrong.
async fn find_wrong_verdicts(
    database: &TestDatabase,
    orders: &[Order],
    outcomes: &[PlaceOutcome],
) -> Vec<String> {
    let mut wrong = Vec::new();
    for (order, outcome) in orders.iter().zip(outcomes) {
        let id = order.booking.hold.id;
        let is_placed = *outcome == PlaceOutcome::Placed;
        let expected = [
            (
                "holds WHERE id = '{}' AND status = 'held'",
                usize::from(is_placed),
            ),
            (
                "occupancy WHERE hold_id = '{}'",
                if is_placed {
                    order.booking.segments.len()
                } else {
                    0
                },
            ),
            ("allowances WHERE hold_id = '{}'", usize::from(is_placed)),
            ("hold_history WHERE hold_id = '{}'", usize::from(is_placed)),
            (
                "checkout_attempts WHERE hold_id = '{}' AND state = 'placed' AND terms IS NULL",
                usize::from(is_placed),
            ),
            (
                "checkout_attempts WHERE hold_id = '{}' AND state = 'running'",
                usize::from(!is_placed),
            ),
        ];
        for (rows, count) in expected {
            let rows = format!("SELECT count(*) FROM {}", rows.replace("{}", &id.to_string()));
            if database.count(&rows).await != i64::try_from(count).unwrap() {
                wrong.push(format!("{outcome:?}, but not {count} of: {rows}"));
            }
        }
        if is_placed && database.store().find_booking(id).await.unwrap().as_ref() != Some(&order.booking) {
            wrong.push(format!("{id} reads differently"));
        }
    }
    wrong
}

async fn group_has_the_effect_of_its_checkouts_in_some_order(database: &TestDatabase) {
    let seed: u64 = rand::rng().random();
    eprintln!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let orders: Vec<Order> = (0..CHECKOUTS).map(|_| random_order(&mut rng)).collect();
    let outcomes = place_together(database, &orders).await;
    let wrong = find_wrong_verdicts(database, &orders, &outcomes).await;
    assert!(wrong.is_empty(), "seed {seed}: {wrong:#?}");

    let kinds: BTreeSet<String> = outcomes.iter().map(|outcome| format!("{outcome:?}")).collect();
    assert!(kinds.len() >= 2, "seed {seed}: {kinds:?}");
    let is_winner = |index: &usize| outcomes[*index] == PlaceOutcome::Placed;
    let (winners, losers): (Vec<usize>, Vec<usize>) = (0..CHECKOUTS).partition(is_winner);
    let alone = TestDatabase::new(database.engine()).await;
    let store = alone.store();
    block_zoe(&*store).await;
    for index in winners.iter().chain(&losers) {
        let order = &orders[*index];
        let claim = store.claim_attempt(&attempt(&order.booking, None, "body")).await;
        assert_eq!(claim.unwrap(), Claim::Free);
        let outcome = order.place(&*store).await;
        let in_group = outcomes[*index];
        let is_taken =
            order.is_in_the_block() || winners.iter().any(|winner| orders[*winner].overlaps(order));
        let of_subject = winners
            .iter()
            .filter(|winner| orders[**winner].subject() == order.subject());
        let is_full = of_subject.count() == usize::try_from(PLACES).unwrap();
        // Where slot and limit are both taken, either answer is right, and which one comes depends on the order. While others
        // are taking the last numbers of a limit, they count as a slot that is taken.
        let is_refused = outcome != PlaceOutcome::Placed && in_group != PlaceOutcome::Placed;
        let is_right = outcome == in_group
            || (is_refused && is_full && (is_taken || in_group == PlaceOutcome::SlotTaken));
        assert!(
            is_right,
            "seed {seed}: {in_group:?} in a group, {outcome:?} alone"
        );
    }
}

/// The negative control: if two callers get each other's verdicts, the comparison with the rows finds it.
async fn mutation_with_exchanged_verdicts_is_found(database: &TestDatabase) {
    let mut rng = StdRng::seed_from_u64(7);
    let orders: Vec<Order> = (0..CHECKOUTS).map(|_| random_order(&mut rng)).collect();
    let mut outcomes = place_together(database, &orders).await;
    let loser = outcomes
        .iter()
        .position(|outcome| *outcome != PlaceOutcome::Placed);
    let winner = outcomes
        .iter()
        .position(|outcome| *outcome == PlaceOutcome::Placed);
    outcomes.swap(loser.unwrap(), winner.unwrap());
    let wrong = find_wrong_verdicts(database, &orders, &outcomes).await;
    assert!(!wrong.is_empty());
}

/// Claims with random keys and bodies at the same time: of each key exactly one is free, and the rows say which one.
async fn claims_of_a_group_get_their_own_verdicts(database: &TestDatabase) {
    let seed: u64 = rand::rng().random();
    eprintln!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let store = database.store();
    let start = Arc::new(tokio::sync::Barrier::new(CHECKOUTS));
    let mut tasks = Vec::new();
    for n in 0..CHECKOUTS {
        let name = format!("key {}", rng.random_range(0..20)).replace(' ', "-");
        let body = ["a", "b"][rng.random_range(0..2)];
        let from = 30 * i64::try_from(n).unwrap();
        let new = attempt(&booking(vec![segment("ana", from, from + 30)]), Some(&name), body);
        let (store, start) = (Arc::clone(&store), Arc::clone(&start));
        tasks.push(tokio::spawn(async move {
            start.wait().await;
            let claim = store.claim_attempt(&new).await.unwrap();
            (name, new, claim)
        }));
    }
    let mut free = BTreeSet::new();
    for task in tasks {
        let (name, new, claim) = task.await.unwrap();
        let id = new.terms.hold;
        let written = format!("SELECT count(*) FROM checkout_attempts WHERE hold_id = '{id}'");
        let is_free = claim == Claim::Free;
        assert_eq!(
            database.count(&written).await,
            i64::from(is_free),
            "seed {seed}: {claim:?}"
        );
        if is_free {
            assert!(free.insert(name.clone()), "seed {seed}: {name} is free twice");
        }
        let found = find_claim(&*store, &key(&name), &new.fingerprint).await;
        let is_known = matches!(found, Claim::Running | Claim::Mismatch);
        assert!(is_known, "seed {seed}: {found:?}");
        assert!(
            is_free || claim == found,
            "seed {seed}: {claim:?}, then {found:?}"
        );
    }
}

/// One checkout violates a constraint of the table; the others are placed, and it alone fails.
async fn checkout_that_fails_harms_no_other_of_its_group(database: &TestDatabase) {
    let mut orders: Vec<Order> = (0..20)
        .map(|n| {
            let mut order = random_order(&mut StdRng::seed_from_u64(n));
            let from = 60 + 30 * i64::try_from(n).unwrap();
            order.booking = booking(vec![segment("ana", from, from + 30)]);
            order.limits.allowances.clear();
            order
        })
        .collect();
    let twin = orders[3].booking.hold.session.clone();
    orders[11].booking.hold.session = twin;
    let store = database.store();
    let start = Arc::new(tokio::sync::Barrier::new(orders.len()));
    let tasks: Vec<_> = orders
        .iter()
        .cloned()
        .map(|order| {
            let (store, start) = (Arc::clone(&store), Arc::clone(&start));
            tokio::spawn(async move {
                store
                    .claim_attempt(&attempt(&order.booking, None, "body"))
                    .await
                    .unwrap();
                start.wait().await;
                let units = first_units(&order.booking);
                store.place_hold(&order.booking, &units, &order.limits).await
            })
        })
        .collect();
    let mut failed = Vec::new();
    for (n, task) in tasks.into_iter().enumerate() {
        match task.await.unwrap() {
            Ok(outcome) => assert_eq!(outcome, PlaceOutcome::Placed),
            Err(_) => failed.push(n),
        }
    }
    assert!(failed == [3] || failed == [11], "{failed:?}");
    assert_eq!(database.count("SELECT count(*) FROM holds").await, 19);
    assert_eq!(database.count("SELECT count(*) FROM occupancy").await, 19);
}

/// Counts the rows that are written to `occupancy`, also those that are rolled back.
async fn count_taken_units(database: &TestDatabase) {
    if database.engine() == Engine::Postgres {
        for statement in [
            "CREATE SEQUENCE taken MINVALUE 0 START 0",
            "SELECT nextval('taken')",
            "CREATE FUNCTION count_taken() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN PERFORM nextval(''taken''); RETURN NEW; END'",
            "CREATE TRIGGER count_taken BEFORE INSERT ON occupancy FOR EACH ROW EXECUTE FUNCTION count_taken()",
        ] {
            database.execute(statement).await;
        }
    }
}

/// Ten holds have a limit that is full. The others are placed at the first try: no statement that took their units failed.
async fn checkouts_over_their_limit_harm_no_other_of_their_group(database: &TestDatabase) {
    let store = database.store();
    let offer_one = |subject: String| {
        let scope = LimitScope::Client;
        let limit = HoldLimit {
            scope,
            subject,
            most: 1,
        };
        AllowanceOffer {
            limit,
            numbers: vec![1],
        }
    };
    let order = |n: i64, subject: String| Order {
        booking: booking(vec![segment("ana", 30 * n, 30 * n + 30)]),
        limits: HoldLimits {
            client: None,
            allowances: vec![offer_one(subject)],
            waits: true,
        },
    };
    let first = order(0, "full".to_owned());
    store
        .claim_attempt(&attempt(&first.booking, None, "body"))
        .await
        .unwrap();
    assert_eq!(first.place(&*store).await, PlaceOutcome::Placed);
    count_taken_units(database).await;
    let is_over = |n: i64| n % 2 == 0;
    let subject = |n: i64| {
        if is_over(n) {
            "full".to_owned()
        } else {
            n.to_string()
        }
    };
    let orders: Vec<Order> = (1..=20).map(|n| order(n, subject(n))).collect();
    let outcomes = place_together(database, &orders).await;
    for (n, outcome) in (1..).zip(outcomes) {
        let expected = if is_over(n) {
            PlaceOutcome::LimitReached
        } else {
            PlaceOutcome::Placed
        };
        assert_eq!(outcome, expected, "{n}");
    }
    assert_eq!(database.count("SELECT count(*) FROM occupancy").await, 11);
    if database.engine() == Engine::Postgres {
        assert_eq!(database.count("SELECT last_value FROM taken").await, 10);
    }
}
