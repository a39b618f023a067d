//! Tests which items form a group, and what each caller learns. The statements of a group are tested in
//! `tests/it/store/contract/groups.rs`.

use self::fixture::{BOUNDS, CALL_TIMEOUT, Fixture, GroupFault, Item, assert_verdicts, item};
use super::queue::{CALLERS_PER_GROUP, LOOKED_AT_PER_ITEM};
use super::*;

mod fixture;

// The clock stands still while a task can run: the test goes on to the next timer only when all tasks wait.

#[tokio::test(start_paused = true)]
async fn one_alone_waits_for_nobody_and_later_ones_form_a_group() {
    let fixture = Fixture::new(BOUNDS);
    let first = fixture.run_first().await;
    let later: Vec<_> = (2..=5).map(|n| fixture.submit(item(n, n))).collect();
    fixture.waiting(4).await;
    fixture.go_on.add_permits(2);
    assert_eq!(first.await.unwrap().unwrap(), 10);
    assert_verdicts(2, later).await;
    assert_eq!(fixture.numbers(), [vec![1], vec![2, 3, 4, 5]]);
    let again = fixture.submit(item(6, 6));
    fixture.go_on.add_permits(1);
    assert_eq!(again.await.unwrap().unwrap(), 60);
}

#[tokio::test(start_paused = true)]
async fn callers_of_one_moment_form_one_group() {
    let fixture = Fixture::new(BOUNDS);
    let all: Vec<_> = (1..=5).map(|n| fixture.submit(item(n, n))).collect();
    fixture.go_on.add_permits(1);
    assert_verdicts(1, all).await;
    assert_eq!(fixture.numbers(), [[1, 2, 3, 4, 5]]);
}

#[tokio::test(start_paused = true)]
async fn age_of_a_group_counts_from_when_it_takes_its_items() {
    let turns = 1_000;
    let fixture = Fixture::new(GroupBounds { turns, ..BOUNDS });
    let first = fixture.submit(item(1, 1));
    fixture.waiting(1).await;
    tokio::time::advance(OLD_AFTER * 2).await;
    assert!(fixture.numbers().is_empty(), "it has not taken its item yet");
    fixture.begun(1).await;
    let began = fixture.groups.lock().active[0].1;
    assert!(began.elapsed() < OLD_AFTER);
    fixture.go_on.add_permits(1);
    assert_eq!(first.await.unwrap().unwrap(), 10);
}

#[tokio::test(start_paused = true)]
async fn callers_of_a_group_that_is_never_formed_run_alone() {
    let fixture = Fixture::new(BOUNDS);
    let callers: Vec<_> = (1..=2).map(|n| fixture.submit(item(n, n))).collect();
    fixture.waiting(2).await;
    let number = fixture.groups.lock().active[0].0;
    let (unformed, _) = fixture.groups.lock().end_group(number, &BOUNDS).unwrap();
    assert_eq!(unformed.len(), 2);
    drop(unformed);
    fixture.go_on.add_permits(2);
    assert_verdicts(1, callers).await;
    assert_eq!(fixture.numbers(), [[1], [2]]);
}

#[tokio::test(start_paused = true)]
async fn group_takes_over_the_connection_of_the_one_before_it() {
    let fixture = Fixture::new(GroupBounds { items: 2, ..BOUNDS });
    let first = fixture.run_first().await;
    let callers = 2 * (USES_IN_TURN + 1);
    let later: Vec<_> = (0..callers).map(|n| fixture.submit(item(n, n))).collect();
    fixture.waiting(later.len()).await;
    fixture.go_on.add_permits(later.len());
    for caller in later.into_iter().chain([first]) {
        assert!(caller.await.unwrap().is_ok());
    }
    // The connection goes back to its pool at times.
    let in_turn = (0..USES_IN_TURN - 1).map(Some);
    let expected: Vec<_> = [None].into_iter().chain(in_turn).chain([None]).collect();
    assert_eq!(*fixture.taken_over.lock().unwrap(), expected);
}

#[tokio::test(start_paused = true)]
async fn items_that_touch_the_same_never_share_a_statement() {
    let fixture = Fixture::new(BOUNDS);
    let first = fixture.run_first().await;
    let mut later = Vec::new();
    for (n, row) in [(2, 7), (3, 7), (4, 8), (5, 7)] {
        later.push(fixture.submit(item(n, row)));
        fixture.waiting(later.len()).await;
    }
    fixture.go_on.add_permits(4);
    assert!(first.await.unwrap().is_ok());
    for caller in later {
        assert!(caller.await.unwrap().is_ok());
    }
    assert_eq!(fixture.numbers(), [vec![1], vec![2, 4], vec![3], vec![5]]);
}

#[tokio::test(start_paused = true)]
async fn next_group_looks_at_a_bounded_part_of_the_queue() {
    let items = 2;
    let fixture = Fixture::new(GroupBounds { items, ..BOUNDS });
    let first = fixture.run_first().await;
    let same = u32::try_from(items * LOOKED_AT_PER_ITEM).unwrap();
    let mut later = Vec::new();
    for n in 2..2 + same {
        later.push(fixture.submit(item(n, 7)));
        fixture.waiting(later.len()).await;
    }
    later.push(fixture.submit(item(100, 8)));
    fixture.waiting(later.len()).await;
    fixture.go_on.add_permits(later.len() + 1);
    for caller in later.into_iter().chain([first]) {
        assert!(caller.await.unwrap().is_ok());
    }
    assert_eq!(fixture.numbers()[1..3], [vec![2], vec![3, 100]]);
}

#[tokio::test(start_paused = true)]
async fn another_group_begins_if_many_wait_up_to_the_bound() {
    let fixture = Fixture::new(GroupBounds { groups: 2, ..BOUNDS });
    let first = fixture.run_first().await;
    let many = u32::try_from(CALLERS_PER_GROUP).unwrap();
    let mut later: Vec<_> = (2..2 + many).map(|n| fixture.submit(item(n, n))).collect();
    fixture.waiting(CALLERS_PER_GROUP).await;
    assert_eq!(fixture.numbers().len(), 1, "they wait for the first group");
    later.push(fixture.submit(item(99, 99)));
    fixture.begun(2).await;
    later.extend((100..200).map(|n| fixture.submit(item(n, n))));
    fixture.waiting(100).await;
    assert_eq!(fixture.numbers().len(), 2, "no more than two at the same time");
    fixture.go_on.add_permits(3);
    for caller in later.into_iter().chain([first]) {
        assert!(caller.await.unwrap().is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn old_group_delays_no_other() {
    let fixture = Fixture::new(BOUNDS);
    let _first = fixture.run_first().await;
    let later: Vec<_> = (2..=3).map(|n| fixture.submit(item(n, n))).collect();
    fixture.waiting(2).await;
    assert_eq!(fixture.numbers(), [[1]]);
    tokio::time::sleep(OLD_AFTER * 2).await;
    assert_eq!(fixture.numbers(), [vec![1], vec![2, 3]]);
    drop(later);
}

#[tokio::test(start_paused = true)]
async fn callers_wait_for_the_only_writer_and_then_share_a_group() {
    let bounds = GroupBounds {
        old_groups_count: true,
        ..BOUNDS
    };
    let fixture = Fixture::new(bounds);
    let first = fixture.run_first().await;
    let later = [fixture.submit(item(2, 2)), fixture.submit(item(3, 3))];
    fixture.waiting(2).await;
    tokio::time::sleep(CALL_TIMEOUT / 2).await;
    assert_eq!(
        fixture.numbers(),
        [[1]],
        "alone they would wait for the same writer"
    );
    fixture.go_on.add_permits(2);
    assert_eq!(first.await.unwrap().unwrap(), 10);
    assert_verdicts(2, later).await;
    assert_eq!(fixture.numbers(), [vec![1], vec![2, 3]]);
}

#[tokio::test(start_paused = true)]
async fn call_ends_after_its_time_whatever_it_waits_for() {
    let fixture = Fixture::new(BOUNDS);
    let first = fixture.run_first().await;
    assert!(matches!(first.await.unwrap(), Err(StoreError::Unavailable(_))));
    assert!(fixture.groups.lock().active.is_empty());
}

#[tokio::test(start_paused = true)]
async fn item_with_much_work_waits_for_no_group_and_is_in_none() {
    let fixture = Fixture::new(BOUNDS);
    let first = fixture.run_first().await;
    let work = MOST_WORK_OF_ITEM;
    let large = fixture.submit(Item {
        work: work + 1,
        ..item(2, 2)
    });
    fixture.begun(2).await;
    let mut later = Vec::new();
    for n in 3..9 {
        later.push(fixture.submit(Item { work, ..item(n, n) }));
        fixture.waiting(later.len()).await;
    }
    fixture.go_on.add_permits(4);
    for caller in later.into_iter().chain([first, large]) {
        assert!(caller.await.unwrap().is_ok());
    }
    assert_eq!(
        fixture.numbers(),
        [vec![1], vec![2], vec![3, 4, 5, 6], vec![7, 8]]
    );
}

/// Runs one alone, then a group of two with a fault.
async fn run_group_with(fault: GroupFault) -> (Fixture, [Result<u32, StoreError>; 2]) {
    let fixture = Fixture::new(BOUNDS);
    let first = fixture.run_first().await;
    let later = [
        fixture.submit_with(item(2, 2), fault),
        fixture.submit_with(item(3, 3), fault),
    ];
    fixture.waiting(2).await;
    fixture.go_on.add_permits(3);
    assert!(first.await.unwrap().is_ok());
    let [one, other] = later;
    let verdicts = [one.await.unwrap(), other.await.unwrap()];
    assert!(fixture.groups.lock().active.is_empty());
    (fixture, verdicts)
}

#[tokio::test(start_paused = true)]
async fn after_a_failure_of_a_group_each_caller_runs_alone() {
    for fault in [GroupFault::Statement, GroupFault::Hangs, GroupFault::Panics] {
        let (fixture, verdicts) = run_group_with(fault).await;
        assert_eq!(verdicts.map(Result::unwrap), [20, 30], "{fault:?}");
        let mut ran = fixture.numbers();
        ran[2..].sort();
        assert_eq!(ran, [vec![1], vec![2, 3], vec![2], vec![3]], "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_caller_of_a_group_without_connection_waits_once() {
    let (fixture, verdicts) = run_group_with(GroupFault::Connection).await;
    for verdict in verdicts {
        let error = verdict.unwrap_err();
        assert!(
            matches!(error, StoreError::Unavailable(sqlx::Error::PoolTimedOut)),
            "{error:?}"
        );
    }
    assert_eq!(fixture.numbers(), [[1]]);
}

#[tokio::test(start_paused = true)]
async fn caller_that_goes_away_stops_no_other() {
    let fixture = Fixture::new(BOUNDS);
    let first = fixture.run_first().await;
    let gone = fixture.submit(item(2, 2));
    fixture.waiting(1).await;
    let stays = fixture.submit(item(3, 3));
    fixture.waiting(2).await;
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    fixture.go_on.add_permits(1);
    assert_eq!(stays.await.unwrap().unwrap(), 30);
    assert_eq!(fixture.numbers(), [[1], [3]], "what had not begun does not begin");
}
