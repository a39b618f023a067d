//! Tests that what overlaps is found by looking at few rows, and all of it.

use sqlx::SqliteConnection;

use super::super::{availability, occupancy};
use super::plans::explain;
use super::*;
use crate::domain::availability::{SlotAvailability, SlotRequest};
use crate::domain::catalogue::MAX_BUSY;
use crate::domain::catalogue::tests::fixture::call;

/// All windows within five steps of time.
fn small_windows() -> Vec<(i64, i64)> {
    let from = |from| (from + 1..=5).map(move |to| (from, to));
    (0..5).flat_map(from).collect()
}

fn overlap(one: (i64, i64), other: (i64, i64)) -> bool {
    one.0 < other.1 && other.0 < one.1
}

/// Writes a window of `ana` with SQL that an operator could write; `false` if the guard refuses it.
async fn insert(connection: &mut SqliteConnection, unit: i64, window: (i64, i64)) -> bool {
    let insert = sqlx::query(
        "INSERT INTO occupancy (hold_id, resource_id, unit, starts_at, ends_at) VALUES ($1, 'ana', $2, $3, $4)",
    );
    let insert = insert.bind(Uuid::from_u128(1).hyphenated()).bind(unit);
    let done = insert.bind(window.0).bind(window.1).execute(connection).await;
    is_done(done)
}

fn is_done(result: sqlx::Result<impl Sized>) -> bool {
    match result {
        Ok(_) => true,
        Err(error) => {
            assert!(error.to_string().contains("occupancy_one_buyer"), "{error}");
            false
        }
    }
}

async fn delete_windows(connection: &mut SqliteConnection) {
    let delete = sqlx::query("DELETE FROM occupancy WHERE ends_at < 10");
    delete.execute(connection).await.unwrap();
}

/// The guard looks at the first row that ends after the new start. With each pair of windows that do not overlap, of one unit or
/// of two, it refuses exactly the windows that overlap one of their unit, in an insert and in an update.
#[tokio::test]
async fn guard_refuses_exactly_what_overlaps() {
    let TestStore { store, .. } = &test_store().await;
    place(store, &booking(1, 1000, 1030)).await;
    let windows = small_windows();
    let mut transaction = store.writer.begin().await.unwrap();
    let connection = &mut *transaction;
    for (number, first) in windows.iter().enumerate() {
        for second in windows.iter().skip(number + 1) {
            let apart = !overlap(*first, *second);
            for new in &windows {
                delete_windows(connection).await;
                assert!(insert(connection, 1, *first).await);
                let second_unit = if apart { 1 } else { 2 };
                assert!(insert(connection, second_unit, *second).await);
                let free_beside_second = !(apart && overlap(*new, *second));
                let update = sqlx::query(
                    "UPDATE occupancy SET starts_at = $1, ends_at = $2 WHERE rowid = (SELECT min(rowid)
                         FROM occupancy WHERE ends_at < 10)",
                );
                let moved = update.bind(new.0).bind(new.1).execute(&mut *connection).await;
                let what = format!("{first:?} and {second:?} of unit {second_unit}, new {new:?}");
                assert_eq!(is_done(moved), free_beside_second, "moved: {what}");
                delete_windows(connection).await;
                assert!(
                    insert(connection, 1, *first).await && insert(connection, second_unit, *second).await
                );
                let is_free = !overlap(*new, *first) && free_beside_second;
                assert_eq!(insert(connection, 1, *new).await, is_free, "inserted: {what}");
            }
        }
    }
}

/// A unit may have thousands of windows ahead.
#[tokio::test]
async fn free_unit_is_decided_by_one_row() {
    let TestStore { store, .. } = &test_store().await;
    let plan = explain(store, occupancy::TAKE_UNITS).await;
    let search = "SEARCH o USING COVERING INDEX occupancy_unit (resource_id=? AND unit=? AND ends_at>?)";
    assert!(plan.iter().any(|step| step == search), "{plan:?}");
    assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{plan:?}");
    for statement in [availability::ALL_CONFIRMED, availability::WITH_STATUSES] {
        let plan = explain(store, statement).await;
        let bounded = "occupancy_overlap (resource_id=? AND ends_at>? AND ends_at<?)";
        assert!(plan.iter().any(|step| step.contains(bounded)), "{plan:?}");
    }
}

/// A read looks no further than the longest busy time that may begin before its end.
#[tokio::test]
async fn longest_busy_time_is_seen_to_its_last_millisecond() {
    let TestStore { store, .. } = &test_store().await;
    let longest = MAX_BUSY.num_minutes();
    place(store, &booking(1, 30, 30 + longest)).await;
    let call = call();
    let question = AvailabilityQuery {
        resources: &call.list_resources(),
        // It begins a millisecond before the last instant that is read.
        within: Window::new(minute(0), minute(30) + chrono::Duration::milliseconds(1)).unwrap(),
        moving: None,
        statuses_at: None,
    };
    super::slots::put_ana(store, 1).await;
    let found = store.load_availability(&question).await.unwrap();
    let request = SlotRequest {
        event_type: &call,
        quantity: 1,
        requested_resource: None,
        moving: None,
    };
    let slot = found.check_slot(&request, minute(1), 0);
    assert_eq!(slot, SlotAvailability::Taken);
}
