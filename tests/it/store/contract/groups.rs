//! Tests that a group of checkouts has the effect of its checkouts one at a time in some order, and that each caller gets
//! its own verdict.
//!
//! Many checkouts run at the same time through one store, which so runs them in groups. Random ones overlap, are composite,
//! are in a block, or share a limit. Then the rows must say what the verdicts say, and the same checkouts one at a time,
//! the winners first, must have the same verdicts. `group_faults.rs` has what happens if one of a group fails.

use std::collections::BTreeSet;
use std::sync::Arc;

use holdfast::domain::booking::Booking;
use holdfast::domain::catalogue::{Block, Resource};
use holdfast::domain::hold_limit::{AllowanceOffer, HoldLimit, LimitScope};
use holdfast::store::{Claim, HoldLimits, PlaceOutcome, Store};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::{at, attempt, booking, find_claim, first_units, free_units, key, segment};
use crate::support::database::{Engine, TestDatabase};

on_both_engines!(
    group_has_the_effect_of_its_checkouts_in_some_order,
    group_with_shared_limits_has_the_effect_of_some_order,
    mutation_with_exchanged_verdicts_is_found,
    claims_of_a_group_get_their_own_verdicts,
);

/// How many checkouts run at the same time.
const CHECKOUTS: usize = 60;

/// The resources that the checkouts are for. A part of the time of `zoe` is blocked.
const RESOURCES: [&str; 3] = ["ana", "ben", "zoe"];

/// The places of each limit.
const PLACES: u32 = 7;

/// How often a checkout looks again, as `workflow::start_checkout` does.
const MOST_TRIES: usize = 50;

/// A hold to place, with its limits.
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

    /// Places the hold as a checkout does. On PostgreSQL, numbers of a limit that others are taking count as a slot that is taken.
    /// So the checkout looks again if its units are free. On SQLite nobody else writes meanwhile, and the first verdict counts.
    async fn place_as_checkout(&self, store: &dyn Store, engine: Engine) -> PlaceOutcome {
        for _ in 0..MOST_TRIES {
            let outcome = self.place(store).await;
            let is_final = engine == Engine::Sqlite || outcome != PlaceOutcome::SlotTaken;
            if is_final || free_units(store, &self.booking).await.is_none() {
                return outcome;
            }
        }
        panic!("{:?} has free units and gets none", self.booking.hold.id);
    }
}

/// Whose limits the checkouts of a test count in.
#[derive(Clone, Copy)]
enum Limits {
    /// Each has a limit of its own, which is never full.
    Own,
    /// A few limits, which all become full.
    Shared,
}

fn random_order(rng: &mut StdRng, limits: Limits) -> Order {
    let mut segments = Vec::new();
    for _ in 0..rng.random_range(1..=2) {
        let resource = RESOURCES[rng.random_range(0..RESOURCES.len())];
        let from = 30 * rng.random_range(0..12);
        segments.push(segment(resource, from, from + rng.random_range(1..=2) * 30));
    }
    // Of two segments of one resource, the first one is enough.
    segments.dedup_by(|one, other| one.resource == other.resource);
    let subject = match limits {
        Limits::Own => format!("client {}", rng.random::<u64>()),
        Limits::Shared => ["here", "there", "elsewhere"][rng.random_range(0..3)].to_owned(),
    };
    let limit = HoldLimit {
        scope: LimitScope::Client,
        subject,
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

/// Makes the resources, one of them with a block, the same in each database. Only a resource with a row has a unit that is free.
async fn make_resources(store: &dyn Store) {
    for name in RESOURCES {
        let resource = Resource {
            id: segment(name, 0, 60).resource,
            name: name.into(),
            capacity: 1,
        };
        store.put_resource(&resource, at(0)).await.unwrap();
    }
    let blocked = segment("zoe", 0, 60);
    let block = Block {
        id: "dentist".into(),
        window: blocked.busy,
        note: String::new(),
    };
    store.put_block(&blocked.resource, &block, at(0)).await.unwrap();
}

/// Claims all attempts, then places all holds at the same time.
async fn place_together(database: &TestDatabase, orders: &[Order], limits: Limits) -> Vec<PlaceOutcome> {
    let (store, engine) = (database.store(), database.engine());
    make_resources(&*store).await;
    let start = Arc::new(tokio::sync::Barrier::new(orders.len()));
    let place = |order: &Order| {
        let (store, start, order) = (Arc::clone(&store), Arc::clone(&start), order.clone());
        tokio::spawn(async move {
            let claim = store.claim_attempt(&attempt(&order.booking, None, "body")).await;
            assert_eq!(claim.unwrap(), Claim::Free);
            start.wait().await;
            match limits {
                Limits::Own => order.place(&*store).await,
                Limits::Shared => order.place_as_checkout(&*store, engine).await,
            }
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
    compare_with_one_at_a_time(database, Limits::Own).await;
}

async fn group_with_shared_limits_has_the_effect_of_some_order(database: &TestDatabase) {
    compare_with_one_at_a_time(database, Limits::Shared).await;
}

async fn compare_with_one_at_a_time(database: &TestDatabase, limits: Limits) {
    let seed: u64 = rand::rng().random();
    eprintln!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let orders: Vec<Order> = (0..CHECKOUTS).map(|_| random_order(&mut rng, limits)).collect();
    let outcomes = place_together(database, &orders, limits).await;
    let wrong = find_wrong_verdicts(database, &orders, &outcomes).await;
    assert!(wrong.is_empty(), "seed {seed}: {wrong:#?}");

    let kinds: BTreeSet<String> = outcomes.iter().map(|outcome| format!("{outcome:?}")).collect();
    assert!(kinds.len() >= 2, "seed {seed}: {kinds:?}");
    let is_winner = |index: &usize| outcomes[*index] == PlaceOutcome::Placed;
    let (winners, losers): (Vec<usize>, Vec<usize>) = (0..CHECKOUTS).partition(is_winner);
    let alone = TestDatabase::new(database.engine()).await;
    let store = alone.store();
    make_resources(&*store).await;
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
        // Where slot and limit are both taken, either refusal is right, and which one comes depends on the order.
        let is_refused = outcome != PlaceOutcome::Placed && in_group != PlaceOutcome::Placed;
        assert!(
            outcome == in_group || (is_refused && is_taken && is_full),
            "seed {seed}: {in_group:?} in a group, {outcome:?} alone"
        );
    }
}

/// The negative control: if two callers get each other's verdicts, the comparison with the rows finds it.
async fn mutation_with_exchanged_verdicts_is_found(database: &TestDatabase) {
    let mut rng = StdRng::seed_from_u64(7);
    let limits = Limits::Shared;
    let orders: Vec<Order> = (0..CHECKOUTS).map(|_| random_order(&mut rng, limits)).collect();
    let mut outcomes = place_together(database, &orders, limits).await;
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
