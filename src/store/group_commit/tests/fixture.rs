//! Groups whose statements wait for the test.

use std::collections::BTreeSet;

use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::super::*;

/// An item that touches one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) number: u32,
    pub(super) row: u32,
    pub(super) work: usize,
}

impl GroupItem for Item {
    type Touched = BTreeSet<u32>;

    fn touch(&mut self, touched: &mut BTreeSet<u32>) -> bool {
        touched.insert(self.row)
    }

    fn estimate_work(&self) -> usize {
        self.work
    }
}

/// What happens to a group of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GroupFault {
    None,
    /// The statement of the group fails.
    Statement,
    /// The group gets no connection.
    Connection,
    /// The statement of the group never ends.
    Hangs,
    Panics,
}

/// Groups whose statements wait until the test lets one go on.
pub(super) struct Fixture {
    pub(super) groups: Arc<Groups<Item, u32, u32>>,
    /// The items of each group, and each item that ran alone.
    ran: Arc<Mutex<Vec<Vec<u32>>>>,
    /// The connection that each group took over: how many groups had used it, without the first.
    pub(super) taken_over: Arc<Mutex<Vec<Option<u32>>>>,
    pub(super) go_on: Arc<Semaphore>,
}

pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(8);

pub(super) const BOUNDS: GroupBounds = GroupBounds {
    groups: 1,
    old_groups_count: false,
    turns: 1,
    items: 128,
    call_timeout: CALL_TIMEOUT,
};

impl Fixture {
    pub(super) fn new(bounds: GroupBounds) -> Self {
        Self {
            groups: Groups::new(bounds),
            ran: Arc::default(),
            taken_over: Arc::default(),
            go_on: Arc::new(Semaphore::new(0)),
        }
    }

    pub(super) fn submit(&self, item: Item) -> JoinHandle<Result<u32, StoreError>> {
        self.submit_with(item, GroupFault::None)
    }

    /// Submits an item in a task of its own. Its verdict is 10 times its number.
    pub(super) fn submit_with(&self, item: Item, fault: GroupFault) -> JoinHandle<Result<u32, StoreError>> {
        let (groups, ran, go_on) = (self.groups.clone(), self.ran.clone(), self.go_on.clone());
        let (ran_alone, go_on_alone) = (self.ran.clone(), self.go_on.clone());
        let used = self.taken_over.clone();
        tokio::spawn(async move {
            let run = move |taken_over, items: Vec<Item>| {
                used.lock().unwrap().push(taken_over);
                let (ran, go_on) = (ran.clone(), go_on.clone());
                let begun = async move {
                    match fault {
                        GroupFault::Connection => Err(StoreError::Unavailable(sqlx::Error::PoolTimedOut)),
                        _ => Ok(()),
                    }
                };
                run_statements(CALL_TIMEOUT, begun, move |()| async move {
                    ran.lock()
                        .unwrap()
                        .push(items.iter().map(|item| item.number).collect());
                    match fault {
                        GroupFault::Hangs => std::future::pending().await,
                        GroupFault::Panics => panic!("the group panics"),
                        GroupFault::Statement => Err(StoreError::Unsuitable("it fails".to_owned())),
                        _ => {
                            go_on.acquire().await.unwrap().forget();
                            let verdicts = items.iter().map(|item| Some(item.number * 10));
                            Ok((verdicts.collect(), Some(taken_over.map_or(0, |uses| uses + 1))))
                        }
                    }
                })
            };
            let number = item.number;
            let alone = || async move {
                ran_alone.lock().unwrap().push(vec![number]);
                go_on_alone.acquire().await.unwrap().forget();
                Ok(number * 10)
            };
            groups.submit(item, run, alone).await
        })
    }

    /// Submits an item that runs alone, and waits until it runs.
    pub(super) async fn run_first(&self) -> JoinHandle<Result<u32, StoreError>> {
        let first = self.submit(item(1, 1));
        self.begun(1).await;
        first
    }

    /// Waits until so many groups have begun.
    pub(super) async fn begun(&self, groups: usize) {
        while self.ran.lock().unwrap().len() < groups {
            tokio::task::yield_now().await;
        }
    }

    /// Waits until so many callers wait for a group.
    pub(super) async fn waiting(&self, callers: usize) {
        while self.groups.lock().waiting.len() < callers {
            tokio::task::yield_now().await;
        }
    }

    pub(super) fn numbers(&self) -> Vec<Vec<u32>> {
        self.ran.lock().unwrap().clone()
    }
}

pub(super) fn item(number: u32, row: u32) -> Item {
    let work = 1;
    Item { number, row, work }
}

/// Checks that callers get their own verdicts. Their items are numbered from `first` on.
pub(super) async fn assert_verdicts(
    first: u32,
    callers: impl IntoIterator<Item = JoinHandle<Result<u32, StoreError>>>,
) {
    for (number, caller) in (first..).zip(callers) {
        assert_eq!(caller.await.unwrap().unwrap(), number * 10);
    }
}
