//! Holds that are placed together, of which some have money waiting: each caller learns of the money for its own hold, and
//! who loses the slot gives its own money back.

use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use holdfast::domain::booking::Booking;
use holdfast::store::{ApplyOutcome, HoldLimits, PlaceOutcome};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::sync::Barrier;

use super::{End, begin, count_orders, count_waiting, end, report};
use crate::store::contract::{DONE, first_units};
use crate::support::database::{Engine, TestDatabase};

on_both_engines!(
    some_holds_of_a_group_have_money_that_waits,
    money_that_comes_while_a_group_is_placed_is_never_lost,
);

/// How many checkouts run at the same time. Two each want the same slot.
const CHECKOUTS: i64 = 60;

/// SQL that notes how many holds each statement places, and for how many of them money waits.
const NOTE_GROUPS: [&str; 3] = [
    "CREATE TABLE placed_groups (holds bigint, paid bigint)",
    "CREATE FUNCTION note_group() RETURNS trigger LANGUAGE plpgsql AS
     'BEGIN INSERT INTO placed_groups
          SELECT count(*), count(*) FILTER (WHERE a.is_paid)
          FROM placed JOIN checkout_attempts a ON a.hold_id = placed.id;
      RETURN NULL; END'",
    "CREATE TRIGGER note_group AFTER INSERT ON holds REFERENCING NEW TABLE AS placed
     FOR EACH STATEMENT EXECUTE FUNCTION note_group()",
];

/// When Stripe reports the money for a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Never,
    Before,
    /// At the same time as the hold is placed.
    Meanwhile,
}

/// A checkout, what placing it said, and what recording its money said, if it came meanwhile.
type Checked = (Booking, When, PlaceOutcome, Option<ApplyOutcome>);

/// Begins the checkouts and records the money that comes before. Then places all holds at the same time; each that loses its
/// slot is closed at once.
async fn place_together(database: &TestDatabase, comes: impl Fn(i64) -> When) -> Vec<Checked> {
    let store = database.store();
    let mut begun = Vec::new();
    for n in 0..CHECKOUTS {
        let (mine, money) = (begin(&*store, n / 2).await, comes(n));
        if money == When::Before {
            assert_eq!(report(&*store, &mine).await, DONE);
        }
        begun.push((mine, money));
    }
    let start = Arc::new(Barrier::new(begun.len()));
    let run = |(mine, money): (Booking, When)| {
        let (store, start) = (database.store(), Arc::clone(&start));
        tokio::spawn(async move {
            start.wait().await;
            let place = async {
                let units = first_units(&mine);
                let placed = store.place_hold(&mine, &units, &HoldLimits::default()).await;
                let placed = placed.unwrap();
                if placed == PlaceOutcome::SlotTaken {
                    end(&*store, &mine, End::Lost).await;
                }
                placed
            };
            let record = async {
                match money {
                    When::Meanwhile => Some(report(&*store, &mine).await),
                    When::Never | When::Before => None,
                }
            };
            let (placed, recorded) = tokio::join!(place, record);
            (mine, money, placed, recorded)
        })
    };
    let tasks: Vec<_> = begun.into_iter().map(run).collect();
    let mut checked = Vec::new();
    for task in tasks {
        checked.push(task.await.unwrap());
    }
    checked
}

/// Compares what each caller received with the money that waits and the refunds that are ordered.
async fn check_each(database: &TestDatabase, checked: &[Checked]) {
    const ORDERED: ApplyOutcome = ApplyOutcome::Done { commands: 1 };
    let store = database.store();
    for (mine, money, placed, recorded) in checked {
        let expected = match (money, placed, recorded) {
            (When::Never, PlaceOutcome::Placed | PlaceOutcome::SlotTaken, None) => (0, 0),
            // It is the payment of a hold that was placed before.
            (When::Meanwhile, PlaceOutcome::Placed, Some(ApplyOutcome::Conflict)) => (0, 0),
            (When::Before, PlaceOutcome::PlacedWithMoney, None) => (1, 0),
            (When::Meanwhile, PlaceOutcome::PlacedWithMoney, Some(DONE)) => (1, 0),
            (When::Before, PlaceOutcome::SlotTaken, None) => (0, 1),
            (When::Meanwhile, PlaceOutcome::SlotTaken, Some(DONE | ORDERED)) => (0, 1),
            other => panic!("{other:?}"),
        };
        let found = (
            count_waiting(&*store, mine).await,
            count_orders(database, mine).await,
        );
        assert_eq!(found, expected, "{money:?}, {placed:?}, {recorded:?}");
    }
    for pair in checked.chunks(2) {
        let losers = pair
            .iter()
            .filter(|(_, _, placed, _)| *placed == PlaceOutcome::SlotTaken);
        assert_eq!(losers.count(), 1, "of two that want one slot");
    }
}

async fn some_holds_of_a_group_have_money_that_waits(database: &TestDatabase) {
    if database.engine() == Engine::Postgres {
        for statement in NOTE_GROUPS {
            database.execute(statement).await;
        }
    }
    let every_third = |n| if n % 3 == 0 { When::Before } else { When::Never };
    let checked = place_together(database, every_third).await;
    check_each(database, &checked).await;
    if database.engine() == Engine::Postgres {
        let mixed = "SELECT count(*) FROM placed_groups WHERE paid > 0 AND paid < holds";
        assert!(database.count(mixed).await > 0, "no statement placed both");
    }
}

async fn money_that_comes_while_a_group_is_placed_is_never_lost(database: &TestDatabase) {
    let checked = place_together(database, |_| When::Meanwhile).await;
    check_each(database, &checked).await;
}

/// Money for one hold is being recorded while the hold is placed with others. It waits for its money, and they do not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn money_being_recorded_delays_only_its_own_hold() {
    let database = TestDatabase::new(Engine::Postgres).await;
    let store = database.store();
    let mut begun = Vec::new();
    for n in 0..CHECKOUTS {
        begun.push(begin(&*store, n).await);
    }
    let paid = begun[7].hold.id;
    let record = format!("UPDATE checkout_attempts SET is_paid = true WHERE hold_id = '{paid}'");
    let mut recorder = PgConnection::connect(database.url()).await.unwrap();
    let mut recording = recorder.begin().await.unwrap();
    let record = sqlx::query(AssertSqlSafe(record));
    record.execute(&mut *recording).await.unwrap();
    let place = |mine: &Booking| {
        let (store, mine) = (database.store(), mine.clone());
        async move {
            let units = first_units(&mine);
            let placed = store.place_hold(&mine, &units, &HoldLimits::default()).await;
            (mine.hold.id, placed.unwrap())
        }
    };
    let mut placed: FuturesUnordered<_> = begun.iter().map(place).collect();
    for _ in 1..CHECKOUTS {
        let (hold, outcome) = placed.next().await.unwrap();
        assert_eq!((hold == paid, outcome), (false, PlaceOutcome::Placed));
    }
    recording.commit().await.unwrap();
    let last = placed.next().await.unwrap();
    assert_eq!(last, (paid, PlaceOutcome::PlacedWithMoney));
}
