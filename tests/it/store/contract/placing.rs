//! Tests that a slot has one buyer (I1), with a negative control that shows that the tests detect a violation.

use holdfast::domain::booking::Actor;
use holdfast::domain::catalogue::{Block, Resource};
use holdfast::domain::command::CommandAction;
use holdfast::domain::hold::Status;
use holdfast::domain::listing::CommandFilter;
use holdfast::domain::segment::Allocation;
use holdfast::store::{AttemptEnd, HoldMove, MoveOutcome, NewFeed, PlaceOutcome};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

use super::{
    EXPIRED, after, anyone, at, attempt, becomes, booking, claim_and_place, first_units, page, placed, race,
    read, segment, winners, with_ana,
};
use crate::support::database::{Engine, TestDatabase};

on_both_engines!(
    a_placed_hold_reads_back_as_it_was_placed,
    windows_that_share_an_instant_exclude_each_other,
    adjacent_windows_and_other_resources_are_placed,
    lost_attempt_is_closed_and_its_session_expired,
    repeated_place_returns_the_first_outcome,
    closed_attempt_places_nothing,
    all_windows_of_a_booking_are_placed_or_none,
    one_of_many_overlapping_checkouts_wins,
    bookings_in_opposite_resource_orders_do_not_deadlock,
    an_overlap_written_by_hand_is_refused,
    without_its_guard_a_slot_is_sold_twice,
    a_released_slot_can_be_placed_again,
    place_checks_capacity_and_blocks_again,
    place_checks_how_far_the_calendar_feed_reaches,
    place_refuses_fewer_units_than_the_quantity,
    a_moved_hold_ends_no_later_than_it_starts,
);

async fn a_placed_hold_reads_back_as_it_was_placed(database: &TestDatabase) {
    let store = database.store();
    let mut mine = booking(vec![segment("zoe", 60, 90), segment("ana", 90, 120)]);
    mine.guest.name = None;
    placed(&*store, mine.clone()).await;
    assert_eq!(read(&*store, &mine).await, mine);
    let history = store.list_history(mine.hold.id).await.unwrap();
    assert_eq!(history.len(), 1);
    assert_eq!((history[0].from, history[0].to), (None, Status::Held));
    assert_eq!(history[0].at, at(0));
}

/// S3, S4, S5: keys, guests, event types and starts differ, and only the windows matter.
async fn windows_that_share_an_instant_exclude_each_other(database: &TestDatabase) {
    let store = database.store();
    placed(&*store, with_ana(60, 120)).await;
    for (from, to) in [(60, 120), (30, 61), (119, 150), (0, 240), (80, 90)] {
        let placement = claim_and_place(&*store, &with_ana(from, to)).await;
        assert_eq!(placement, PlaceOutcome::SlotTaken, "{from}-{to}");
    }
    let mut close = with_ana(60, 120);
    let window = close.segments[0].busy;
    let moved = window.starts_at() + chrono::Duration::milliseconds(1);
    close.segments[0].busy = holdfast::domain::time::Window::new(moved, window.ends_at()).unwrap();
    assert_eq!(claim_and_place(&*store, &close).await, PlaceOutcome::SlotTaken);
}

async fn adjacent_windows_and_other_resources_are_placed(database: &TestDatabase) {
    let store = database.store();
    for (resource, from, to) in [
        ("ana", 60, 120),
        ("ana", 30, 60),
        ("ana", 120, 121),
        ("ben", 60, 120),
    ] {
        placed(&*store, booking(vec![segment(resource, from, to)])).await;
    }
}

async fn lost_attempt_is_closed_and_its_session_expired(database: &TestDatabase) {
    let store = database.store();
    placed(&*store, with_ana(0, 30)).await;
    let loser = with_ana(0, 30);
    assert_eq!(claim_and_place(&*store, &loser).await, PlaceOutcome::SlotTaken);
    assert_eq!(
        database.count("SELECT count(*) FROM commands").await,
        0,
        "it may still try another slot"
    );
    let (hold, session) = (loser.hold.id, &loser.hold.session);
    let command = store.close_lost_attempt(hold, session, at(1)).await.unwrap();
    assert_eq!(
        store.close_lost_attempt(hold, session, at(1)).await.unwrap(),
        command,
        "the first answer may be lost"
    );
    let command = command.unwrap();
    assert!(store.find_booking(loser.hold.id).await.unwrap().is_none());
    let commands = store
        .list_commands(CommandFilter::Pending, &page(10, None))
        .await
        .unwrap()
        .entries;
    assert_eq!(commands.len(), 1);
    assert_eq!(commands[0].id, command);
    assert_eq!(commands[0].hold, Some(loser.hold.id));
    assert_eq!(
        commands[0].action,
        CommandAction::ExpireSession(loser.hold.session.clone())
    );
    let lost = "SELECT count(*) FROM checkout_attempts WHERE state = 'lost' AND terms IS NULL";
    assert_eq!(database.count(lost).await, 1);
}

/// The answer to the first call may be lost with the connection.
async fn repeated_place_returns_the_first_outcome(database: &TestDatabase) {
    let store = database.store();
    let winner = placed(&*store, with_ana(0, 30)).await;
    assert_eq!(
        store
            .place_hold(&winner, &first_units(&winner), &anyone())
            .await
            .unwrap(),
        PlaceOutcome::Placed
    );
    let loser = with_ana(0, 30);
    let first = claim_and_place(&*store, &loser).await;
    assert_eq!(
        store
            .place_hold(&loser, &first_units(&loser), &anyone())
            .await
            .unwrap(),
        first
    );
    assert_eq!(database.count("SELECT count(*) FROM hold_history").await, 1);
    assert_eq!(
        database.count("SELECT count(*) FROM allowances").await,
        1,
        "counted once"
    );
}

async fn closed_attempt_places_nothing(database: &TestDatabase) {
    let store = database.store();
    let never_claimed = with_ana(0, 30);
    assert_eq!(
        store
            .place_hold(&never_claimed, &first_units(&never_claimed), &anyone())
            .await
            .unwrap(),
        PlaceOutcome::AttemptClosed
    );
    for end in [AttemptEnd::Abandoned, AttemptEnd::Unsettled] {
        let mine = with_ana(0, 30);
        store.claim_attempt(&attempt(&mine, None, "a")).await.unwrap();
        store.end_attempt(mine.hold.id, end, at(1)).await.unwrap();
        assert_eq!(
            store
                .place_hold(&mine, &first_units(&mine), &anyone())
                .await
                .unwrap(),
            PlaceOutcome::AttemptClosed,
            "{end:?}"
        );
        assert!(store.find_booking(mine.hold.id).await.unwrap().is_none());
    }
    assert_eq!(database.count("SELECT count(*) FROM occupancy").await, 0);
    assert_eq!(database.count("SELECT count(*) FROM commands").await, 0);
}

async fn all_windows_of_a_booking_are_placed_or_none(database: &TestDatabase) {
    let store = database.store();
    placed(&*store, booking(vec![segment("ben", 0, 30)])).await;
    let both = booking(vec![
        segment("ana", 0, 30),
        segment("ben", 0, 30),
        segment("cleo", 0, 30),
    ]);
    assert_eq!(claim_and_place(&*store, &both).await, PlaceOutcome::SlotTaken);
    assert_eq!(database.count("SELECT count(*) FROM occupancy").await, 1);
    placed(&*store, with_ana(0, 30)).await;
}

/// S1 and S2: one of many concurrent holds with overlapping windows gets the slot.
async fn one_of_many_overlapping_checkouts_wins(database: &TestDatabase) {
    let store = database.store();
    // All of them share minute 29.
    let placements = race(&store, (0..16).map(|n| with_ana(n, 30 + n)).collect()).await;
    assert_eq!(winners(&placements), 1, "{placements:?}");
    assert!(!placements.contains(&PlaceOutcome::AttemptClosed));
    assert_eq!(database.count("SELECT count(*) FROM occupancy").await, 1);
    assert_eq!(
        database.count("SELECT count(*) FROM allowances").await,
        1,
        "lost attempts are not counted"
    );
}

/// S26: each booking takes several resources in a random order, in one of three windows.
async fn bookings_in_opposite_resource_orders_do_not_deadlock(database: &TestDatabase) {
    let store = database.store();
    let seed: u64 = rand::rng().random();
    #[allow(clippy::print_stdout, reason = "captured unless the test fails")]
    {
        println!("seed {seed}");
    }
    let mut random = StdRng::seed_from_u64(seed);
    let bookings = (0..48).map(|_| {
        let from = 30 * random.random_range(0..3);
        let mut segments: Vec<_> = ["ana", "ben", "cleo"]
            .map(|resource| segment(resource, from, from + 45))
            .into();
        segments.shuffle(&mut random);
        segments.truncate(random.random_range(2..=3));
        booking(segments)
    });
    let placements = race(&store, bookings.collect()).await;
    // `race` has unwrapped every answer, so there was no error; at most the windows at 0 and at 60 fit side by side.
    assert!((1..=2).contains(&winners(&placements)), "{placements:?}");
}

/// SQL that inserts the window of every hold a second time.
fn overlap_by_hand(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => {
            "INSERT INTO occupancy (hold_id, resource_id, starts_at, ends_at)
             SELECT id, resource_id, starts_at, ends_at FROM holds"
        }
        Engine::Postgres => {
            "INSERT INTO occupancy (hold_id, resource_id, during)
             SELECT id, resource_id, tstzrange(starts_at, ends_at) FROM holds"
        }
    }
}

async fn an_overlap_written_by_hand_is_refused(database: &TestDatabase) {
    let store = database.store();
    placed(&*store, with_ana(0, 30)).await;
    let refusal = database
        .try_execute(overlap_by_hand(database.engine()))
        .await
        .unwrap_err();
    assert!(refusal.contains("occupancy_one_buyer"), "{refusal}");
    assert_eq!(database.count("SELECT count(*) FROM occupancy").await, 1);
}

/// S7, the negative control: without the constraint the tests above would fail.
async fn without_its_guard_a_slot_is_sold_twice(database: &TestDatabase) {
    let store = database.store();
    placed(&*store, with_ana(0, 30)).await;
    match database.engine() {
        Engine::Postgres => {
            database
                .execute("ALTER TABLE occupancy DROP CONSTRAINT occupancy_one_buyer")
                .await;
            database.execute(overlap_by_hand(Engine::Postgres)).await;
        }
        // SQLite has one writer at a time, so only the trigger prevents an overlap written by hand.
        Engine::Sqlite => {
            database.execute("DROP TRIGGER occupancy_one_buyer_insert").await;
            database.execute(overlap_by_hand(Engine::Sqlite)).await;
        }
    }
    let overlapping = "SELECT count(*) FROM occupancy";
    assert_eq!(database.count(overlapping).await, 2);
}

async fn a_released_slot_can_be_placed_again(database: &TestDatabase) {
    let store = database.store();
    let first = placed(&*store, with_ana(0, 30)).await;
    after(&*store, &first, becomes(&first, EXPIRED)).await;
    assert_eq!(database.count("SELECT count(*) FROM occupancy").await, 0);
    placed(&*store, with_ana(0, 30)).await;
}

/// Nothing is known of the time that a feed does not reach, also if a lookup found it free before the feed was set.
async fn place_checks_how_far_the_calendar_feed_reaches(database: &TestDatabase) {
    let store = database.store();
    let mine = with_ana(0, 30);
    let ana = Resource {
        id: segment("ana", 0, 1).resource,
        name: "Ana".into(),
        capacity: 1,
    };
    store.put_resource(&ana, at(0)).await.unwrap();
    store.claim_attempt(&attempt(&mine, None, "a")).await.unwrap();
    let (segment, units) = (segment("ana", 0, 30), vec![1]);
    let allocations = [Allocation { segment, units }];
    let place = async || store.place_hold(&mine, &allocations, &anyone()).await.unwrap();
    for (minutes, expected) in [
        (-1, PlaceOutcome::SlotTaken),
        (29, PlaceOutcome::SlotTaken),
        (30, PlaceOutcome::Placed),
    ] {
        let feed = NewFeed {
            url: "https://calendar.example/",
            timezone: None,
            reaches_to: allocations[0].segment.busy.starts_at() + chrono::Duration::minutes(minutes),
        };
        // A feed that is set anew keeps its reach, because its blocks stay until it is read.
        store.set_feed(&ana.id, None, at(0)).await.unwrap();
        store.set_feed(&ana.id, Some(&feed), at(0)).await.unwrap();
        assert_eq!(place().await, expected, "{minutes}");
    }
}

/// A call to Stripe lies between the check and the insert: the insert checks capacities and blocks again.
async fn place_checks_capacity_and_blocks_again(database: &TestDatabase) {
    let store = database.store();
    let resource = |capacity| Resource {
        id: segment("ana", 0, 1).resource,
        name: "Ana's class".into(),
        capacity,
    };
    let seat = |unit| {
        let (segment, units) = (segment("ana", 0, 30), vec![unit]);
        [Allocation { segment, units }]
    };
    let mine = with_ana(0, 30);
    store.put_resource(&resource(2), at(0)).await.unwrap();
    store.claim_attempt(&attempt(&mine, None, "a")).await.unwrap();
    let place = async |unit| store.place_hold(&mine, &seat(unit), &anyone()).await.unwrap();
    assert_eq!(place(3).await, PlaceOutcome::SlotTaken, "there is no third unit");
    store.put_resource(&resource(1), at(0)).await.unwrap();
    assert_eq!(
        place(2).await,
        PlaceOutcome::SlotTaken,
        "there is no second unit any more"
    );
    let block = Block {
        id: "lunch".into(),
        window: segment("ana", 29, 60).busy,
        note: String::new(),
    };
    store.put_block(&resource(1).id, &block, at(0)).await.unwrap();
    assert_eq!(
        place(1).await,
        PlaceOutcome::SlotTaken,
        "the block covers the window"
    );
    store.delete_block(&resource(1).id, "lunch").await.unwrap();
    assert_eq!(place(1).await, PlaceOutcome::Placed);
}

async fn place_refuses_fewer_units_than_the_quantity(database: &TestDatabase) {
    let store = database.store();
    let mut pair = booking(vec![segment("ana", 0, 30), segment("ben", 0, 30)]);
    pair.quantity = 2;
    for capacity in ["ana", "ben"].map(|id| Resource {
        id: segment(id, 0, 1).resource,
        name: id.into(),
        capacity: 2,
    }) {
        store.put_resource(&capacity, at(0)).await.unwrap();
    }
    store.claim_attempt(&attempt(&pair, None, "a")).await.unwrap();
    let mut units = first_units(&pair);
    units[1].units.pop();
    let placement = store.place_hold(&pair, &units, &anyone()).await.unwrap();
    assert_eq!(placement, PlaceOutcome::SlotTaken);
    assert_eq!(database.count("SELECT count(*) FROM occupancy").await, 0);
    let placement = store
        .place_hold(&pair, &first_units(&pair), &anyone())
        .await
        .unwrap();
    assert_eq!(placement, PlaceOutcome::Placed);
}

/// The hold of a guest who may not cancel any more, then the same hold as an operator moves it.
async fn a_moved_hold_ends_no_later_than_it_starts(database: &TestDatabase) {
    let store = database.store();
    let held = placed(&*store, with_ana(60, 90)).await;
    let order = |version, start: i64, cancel_right_passed| HoldMove {
        hold: held.hold.id,
        version,
        to: first_units(&with_ana(start, start + 30)),
        requested_resource: None,
        cancel_right_passed,
        message: "moved".into(),
        actor: Actor::Guest,
        now: at(1),
    };
    for (version, start, passed, ends) in [(1, 45, true, 30), (2, 20, false, 20), (3, 60, true, 20)] {
        let moved = store.move_hold(&order(version, start, passed)).await.unwrap();
        assert_eq!(moved, MoveOutcome::Done);
        let after = read(&*store, &held).await;
        assert_eq!((after.expires_at, after.due_at), (at(ends), Some(at(ends))));
        assert_eq!((after.cancel_right_passed, after.updated_at), (passed, at(1)));
    }
    let held = read(&*store, &held).await;
    after(&*store, &held, becomes(&held, Status::Confirmed)).await;
    let moved = store.move_hold(&order(5, 5, true)).await.unwrap();
    assert_eq!(moved, MoveOutcome::Done);
    assert_eq!(read(&*store, &held).await.due_at, None);
}
