//! Tests which items form a group, and what each caller learns. The statements of a group are tested in
//! `tests/it/store/contract/groups.rs`.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;

use super::*;

/// An item that touches one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Item {
    number: u32,
    row: u32,
}

impl GroupItem for Item {
    type Touched = BTreeSet<u32>;

    fn touch(&mut self, touched: &mut BTreeSet<u32>) -> bool {
        touched.insert(self.row)
    }
}

/// Groups whose statements wait until the test lets one go on.
struct Fixture {
    groups: Arc<Groups<Item, u32>>,
    ran: Arc<Mutex<Vec<Vec<Item>>>>,
    go_on: Arc<Semaphore>,
}

type Verdict = Option<Result<u32, StoreError>>;

impl Fixture {
    fn new(most_tasks: usize) -> Self {
        Self {
            groups: Groups::new(most_tasks),
            ran: Arc::default(),
            go_on: Arc::new(Semaphore::new(0)),
        }
    }

    /// Submits an item in a task of its own. A group in which `fails` is the number of an item fails.
    fn submit(&self, item: Item, fails: Option<u32>) -> tokio::task::JoinHandle<Verdict> {
        let (groups, ran, go_on) = (self.groups.clone(), self.ran.clone(), self.go_on.clone());
        tokio::spawn(async move {
            let run = move |items: Vec<Item>| {
                let (ran, go_on) = (ran.clone(), go_on.clone());
                async move {
                    ran.lock().unwrap().push(items.clone());
                    go_on.acquire().await.unwrap().forget();
                    match items.iter().any(|item| Some(item.number) == fails) {
                        true => Err(StoreError::Unsuitable("it fails".to_owned())),
                        false => Ok(items.iter().map(|item| Some(item.number * 10)).collect()),
                    }
                }
            };
            groups.submit(item, run).await
        })
    }

    /// Waits until so many groups have begun.
    async fn begun(&self, groups: usize) {
        while self.ran.lock().unwrap().len() < groups {
            tokio::task::yield_now().await;
        }
    }

    /// Waits until so many callers wait for a group.
    async fn waiting(&self, callers: usize) {
        while self.groups.lock().waiting.len() < callers {
            tokio::task::yield_now().await;
        }
    }

    fn numbers(&self) -> Vec<Vec<u32>> {
        let ran = self.ran.lock().unwrap();
        ran.iter()
            .map(|group| group.iter().map(|item| item.number).collect())
            .collect()
    }
}

fn item(number: u32, row: u32) -> Item {
    Item { number, row }
}

#[tokio::test]
async fn one_alone_waits_for_nobody_and_later_ones_form_a_group() {
    let fixture = Fixture::new(1);
    let first = fixture.submit(item(1, 1), None);
    fixture.begun(1).await;
    let later: Vec<_> = (2..=5).map(|n| fixture.submit(item(n, n), None)).collect();
    fixture.waiting(4).await;
    fixture.go_on.add_permits(2);
    assert_eq!(first.await.unwrap().unwrap().unwrap(), 10);
    for (n, caller) in (2..).zip(later) {
        assert_eq!(caller.await.unwrap().unwrap().unwrap(), n * 10);
    }
    assert_eq!(fixture.numbers(), [vec![1], vec![2, 3, 4, 5]]);
    let again = fixture.submit(item(6, 6), None);
    fixture.go_on.add_permits(1);
    assert_eq!(again.await.unwrap().unwrap().unwrap(), 60);
}

#[tokio::test]
async fn items_that_touch_the_same_never_share_a_statement() {
    let fixture = Fixture::new(1);
    let first = fixture.submit(item(1, 1), None);
    fixture.begun(1).await;
    let mut later = Vec::new();
    for (n, row) in [(2, 7), (3, 7), (4, 8), (5, 7)] {
        later.push(fixture.submit(item(n, row), None));
        fixture.waiting(later.len()).await;
    }
    fixture.go_on.add_permits(4);
    assert!(first.await.unwrap().is_some());
    for caller in later {
        assert!(caller.await.unwrap().is_some());
    }
    assert_eq!(fixture.numbers(), [vec![1], vec![2, 4], vec![3], vec![5]]);
}

#[tokio::test]
async fn another_group_begins_if_many_wait_up_to_the_bound() {
    let fixture = Fixture::new(2);
    let first = fixture.submit(item(0, 0), None);
    fixture.begun(1).await;
    let many = u32::try_from(CALLERS_PER_TASK).unwrap();
    let mut later: Vec<_> = (1..=many).map(|n| fixture.submit(item(n, n), None)).collect();
    fixture.waiting(CALLERS_PER_TASK).await;
    assert_eq!(fixture.numbers().len(), 1, "they wait for the first group");
    later.push(fixture.submit(item(many + 1, many + 1), None));
    fixture.begun(2).await;
    later.extend((100..200).map(|n| fixture.submit(item(n, n), None)));
    fixture.waiting(100).await;
    assert_eq!(fixture.numbers().len(), 2, "no more than two at the same time");
    fixture.go_on.add_permits(3);
    for caller in later.into_iter().chain([first]) {
        assert!(caller.await.unwrap().is_some());
    }
}

#[tokio::test]
async fn after_an_error_of_a_group_each_caller_runs_alone() {
    let fixture = Fixture::new(1);
    let first = fixture.submit(item(1, 1), Some(1));
    fixture.begun(1).await;
    let later: Vec<_> = (2..=4).map(|n| fixture.submit(item(n, n), Some(1))).collect();
    fixture.waiting(3).await;
    fixture.go_on.add_permits(1);
    let alone = first.await.unwrap();
    assert!(
        matches!(alone, Some(Err(StoreError::Unsuitable(_)))),
        "its error is its own"
    );
    fixture.go_on.add_permits(1);
    for caller in later {
        assert!(caller.await.unwrap().unwrap().is_ok());
    }

    let first = fixture.submit(item(5, 5), Some(7));
    fixture.begun(3).await;
    let later: Vec<_> = (6..=8).map(|n| fixture.submit(item(n, n), Some(7))).collect();
    fixture.waiting(3).await;
    fixture.go_on.add_permits(2);
    assert!(first.await.unwrap().unwrap().is_ok());
    for caller in later {
        assert!(caller.await.unwrap().is_none());
    }
}

#[tokio::test]
async fn caller_that_goes_away_stops_no_other() {
    let fixture = Fixture::new(1);
    let first = fixture.submit(item(1, 1), None);
    fixture.begun(1).await;
    let gone = fixture.submit(item(2, 2), None);
    fixture.waiting(1).await;
    let stays = fixture.submit(item(3, 3), None);
    fixture.waiting(2).await;
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    fixture.go_on.add_permits(2);
    assert_eq!(stays.await.unwrap().unwrap().unwrap(), 30);
    assert_eq!(
        fixture.numbers(),
        [vec![1], vec![3]],
        "what had not begun does not begin"
    );
}

#[tokio::test]
async fn panic_in_a_group_leaves_the_queue_usable() {
    let groups: Arc<Groups<Item, u32>> = Groups::new(1);
    let calls = Arc::new(AtomicUsize::new(0));
    let run = {
        let calls = calls.clone();
        move |items: Vec<Item>| {
            let is_first = calls.fetch_add(1, Ordering::SeqCst) == 0;
            async move {
                assert!(!is_first, "the first group panics");
                Ok(items.iter().map(|item| Some(item.number)).collect())
            }
        }
    };
    assert!(groups.submit(item(1, 1), run.clone()).await.is_none());
    assert_eq!(groups.submit(item(2, 2), run).await.unwrap().unwrap(), 2);
}
