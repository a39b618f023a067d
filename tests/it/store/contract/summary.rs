//! Tests that the counts of a range are the same before, during and after the deletion of old attempts and holds, with holds
//! that meet random ends at random times.

use chrono::Duration;
use holdfast::domain::booking::Booking;
use holdfast::domain::hold::{CancelReason, ReleaseReason, Status};
use holdfast::domain::ids::EventTypeId;
use holdfast::domain::summary::{SummaryCount, SummaryDivision, SummaryFigure, SummaryQuery};
use holdfast::store::{AttemptEnd, StateChange, Store};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::{DONE, at, attempt, becomes, booking, change, paid, placed, read, segment};
use crate::support::database::TestDatabase;

on_both_engines!(
    counts_stay_the_same_while_rows_are_deleted,
    only_the_attempt_of_a_lost_race_counts_as_lost,
);

/// Three days from the start of the tests' first day.
const MINUTES: i64 = 3 * 24 * 60;

fn queries() -> [SummaryQuery; 2] {
    let first = at(0).date_naive().and_hms_opt(0, 0, 0).unwrap().and_utc();
    let days = (0..6).map(|day| first + Duration::days(day)).collect::<Vec<_>>();
    [SummaryDivision::Period, SummaryDivision::EventType].map(|division| SummaryQuery {
        bounds: days.clone(),
        division,
    })
}

async fn count_all(store: &dyn Store) -> Vec<Vec<SummaryCount>> {
    let mut all = Vec::new();
    for query in queries() {
        let mut counts = store.count_summary(&query).await.unwrap();
        counts.sort_by_key(|count| format!("{count:?}"));
        all.push(counts);
    }
    all
}

/// Fails with the counts that differ, and the seed that makes them again.
fn assert_same(now: &[Vec<SummaryCount>], before: &[Vec<SummaryCount>], seed: u64) {
    for (now, before) in now.iter().zip(before) {
        let lost: Vec<_> = before.iter().filter(|count| !now.contains(count)).collect();
        let new: Vec<_> = now.iter().filter(|count| !before.contains(count)).collect();
        assert!(
            lost.is_empty() && new.is_empty(),
            "seed {seed}: lost {lost:?}, new {new:?}"
        );
    }
}

fn random_booking(random: &mut StdRng, number: i64) -> Booking {
    let resource = format!("room-{number}");
    let mut made = booking(vec![segment(&resource, 30, 60)]);
    let event_type = ["call", "yoga", "court"][random.random_range(0..3)];
    made.event_type = EventTypeId::parse(event_type).unwrap();
    made.created_at =
        at(random.random_range(0..MINUTES)) + Duration::milliseconds(random.random_range(0..60_000));
    made.updated_at = made.created_at;
    made
}

/// Gives a hold a random end, and returns whether it may be deleted once it is old.
async fn end_somehow(store: &dyn Store, made: &Booking, random: &mut StdRng) {
    let end = match random.random_range(0..6) {
        0 => return,
        1 => becomes(made, Status::Released(ReleaseReason::Expired)),
        2 => becomes(made, Status::Released(ReleaseReason::Guest)),
        3 => becomes(made, Status::Released(ReleaseReason::PaymentFailed)),
        4 => becomes(made, Status::Released(ReleaseReason::Operator)),
        _ => paid(made),
    };
    let is_paid = end.next.status == Status::Confirmed;
    let mut write = change(made, StateChange::Transition(end));
    write.now = made.created_at + Duration::seconds(random.random_range(1..90_000));
    assert_eq!(store.apply_change(&write).await.unwrap(), DONE);
    if is_paid && random.random_bool(0.5) {
        let now = read(store, made).await;
        let mut cancel = change(
            &now,
            StateChange::Transition(becomes(&now, Status::Cancelled(CancelReason::Operator))),
        );
        cancel.now = write.now + Duration::seconds(random.random_range(1..90_000));
        assert_eq!(store.apply_change(&cancel).await.unwrap(), DONE);
    }
}

/// Writes 60 checkouts: some lose their race, some fail, some are not settled, and most place a hold.
async fn write_random_checkouts(store: &dyn Store, random: &mut StdRng) {
    for number in 0..60 {
        let made = random_booking(random, number);
        match random.random_range(0..4) {
            0 => {
                let mut claimed = attempt(&made, None, "body");
                claimed.terms.event_type = Some(made.event_type.clone());
                store.claim_attempt(&claimed).await.unwrap();
                let ended = made.created_at + Duration::seconds(random.random_range(0..3_000));
                if random.random_bool(0.5) {
                    let lost = store
                        .close_lost_attempt(made.hold.id, &made.hold.session, ended)
                        .await;
                    assert!(lost.unwrap().is_some());
                } else if random.random_bool(0.8) {
                    store
                        .end_attempt(made.hold.id, AttemptEnd::Abandoned, ended)
                        .await
                        .unwrap();
                }
            }
            _ => {
                let made = placed(store, made).await;
                end_somehow(store, &made, random).await;
            }
        }
    }
}

async fn counts_stay_the_same_while_rows_are_deleted(database: &TestDatabase) {
    let seed: u64 = rand::random();
    let mut random = StdRng::seed_from_u64(seed);
    let store = database.store();
    write_random_checkouts(&*store, &mut random).await;
    let before = count_all(&*store).await;
    let total = |figure: SummaryFigure| -> i64 {
        let counts = before[1].iter().filter(|count| count.figure == figure);
        counts.map(|count| count.count).sum()
    };
    assert_eq!(total(SummaryFigure::Started), 60);
    let settled = [
        SummaryFigure::Paid,
        SummaryFigure::Lapsed,
        SummaryFigure::GivenBack,
    ]
    .map(total);
    let open = database
        .count("SELECT count(*) FROM holds WHERE status = 'held'")
        .await;
    assert_eq!(total(SummaryFigure::Placed), settled.iter().sum::<i64>() + open);
    let later = at(MINUTES * 4);
    loop {
        let half = at(random.random_range(0..MINUTES * 2));
        let mut deleted = 0;
        for before_which in [half, later] {
            let limit = random.random_range(1..6);
            deleted += store.delete_old_attempts(before_which, limit).await.unwrap();
            deleted += store.erase_guests(before_which, limit).await.unwrap();
            deleted += store.delete_released_holds(before_which, limit).await.unwrap();
            assert_same(&count_all(&*store).await, &before, seed);
        }
        if deleted == 0 {
            break;
        }
    }
    let left = "SELECT count(*) FROM checkout_attempts WHERE state IN ('placed', 'lost', 'abandoned')";
    assert_eq!(database.count(left).await, 0);
    assert_eq!(
        database
            .count("SELECT count(*) FROM holds WHERE status = 'released'")
            .await,
        0
    );
    assert!(database.count("SELECT count(*) FROM summary_counts").await > 0);
}

async fn only_the_attempt_of_a_lost_race_counts_as_lost(database: &TestDatabase) {
    let store = database.store();
    let mut of_type = Vec::new();
    for number in 0..3 {
        let made = booking(vec![segment(&format!("room-{number}"), 30, 60)]);
        let mut claimed = attempt(&made, None, "body");
        claimed.terms.event_type = Some(EventTypeId::parse("yoga").unwrap());
        store.claim_attempt(&claimed).await.unwrap();
        of_type.push(made);
    }
    let lost = &of_type[0];
    store
        .close_lost_attempt(lost.hold.id, &lost.hold.session, at(2))
        .await
        .unwrap();
    store
        .end_attempt(of_type[1].hold.id, AttemptEnd::Abandoned, at(2))
        .await
        .unwrap();
    let [_, by_type] = queries();
    for _ in 0..2 {
        let counts = store.count_summary(&by_type).await.unwrap();
        let mut counts: Vec<_> = counts
            .into_iter()
            .map(|one| (one.event_type, one.figure, one.count))
            .collect();
        counts.sort_by_key(|count| format!("{count:?}"));
        let yoga = || "yoga".to_owned();
        assert_eq!(
            counts,
            [
                (yoga(), SummaryFigure::LostRaces, 1),
                (yoga(), SummaryFigure::Started, 3)
            ]
        );
        assert!(store.delete_old_attempts(at(3), 10).await.unwrap() <= 2);
    }
}
