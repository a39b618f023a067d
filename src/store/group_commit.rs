//! Group commit: callers of one kind that arrive while a statement is under way form the next one.
//!
//! There is no timer, so a caller that is alone waits for nobody. A group runs in a task of its own: a caller that goes away
//! stops none of the others. Each caller gets its own verdict, after the commit. A caller without a verdict runs its item
//! alone, which is possible because every method of the store can be repeated: so an item that fails harms no other, and an
//! answer that was lost is asked again.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt as _;
use tokio::sync::oneshot;

use super::StoreError;

/// The most items of one group.
const MOST_ITEMS: usize = 128;

/// How many callers wait, for each group that is under way, before another group begins beside it. Fewer would make many small
/// groups; more would wait for one group that waits for a lock.
const CALLERS_PER_TASK: usize = 16;

/// What a caller wants of the database, so that it can be one of a group.
pub(super) trait GroupItem: Send + 'static {
    /// What the items of a group touch together.
    type Touched: Default;

    /// Adds what this item touches; `false` if another item of the group touches a part of it. Such items never share a
    /// statement, because one of them could be refused for what another one then gives back.
    fn touch(&mut self, touched: &mut Self::Touched) -> bool;
}

/// An item and the caller that waits for its verdict.
struct Waiting<I, V> {
    item: I,
    caller: oneshot::Sender<Result<V, StoreError>>,
}

struct Queue<I, V> {
    waiting: VecDeque<Waiting<I, V>>,
    /// How many tasks run groups now.
    tasks: usize,
}

/// The callers of one kind.
pub(super) struct Groups<I, V> {
    queue: Mutex<Queue<I, V>>,
    /// How many groups may be under way at the same time.
    most_tasks: usize,
}

impl<I, V> std::fmt::Debug for Groups<I, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Groups").finish_non_exhaustive()
    }
}

impl<I: GroupItem, V: Send + 'static> Groups<I, V> {
    /// Makes the groups of one kind of callers, of which so many may be under way at the same time.
    pub(super) fn new(most_tasks: usize) -> Arc<Self> {
        let queue = Queue {
            waiting: VecDeque::new(),
            tasks: 0,
        };
        Arc::new(Self {
            queue: Mutex::new(queue),
            most_tasks,
        })
    }

    /// Runs the item as one of a group, and returns its verdict. `run` runs a whole group and returns a verdict for each
    /// item, in their order; `None` for an item means that its caller must run it alone, and so does an error of a group of
    /// several. The error of an item that was alone is its own.
    ///
    /// Returns `None` if the caller must run the item alone.
    pub(super) async fn submit<R, F>(self: &Arc<Self>, item: I, run: R) -> Option<Result<V, StoreError>>
    where
        R: Fn(Vec<I>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Vec<Option<V>>, StoreError>> + Send,
    {
        let (caller, verdict) = oneshot::channel();
        if self.enqueue(Waiting { item, caller }) {
            let groups = Arc::clone(self);
            tokio::spawn(async move { groups.run_groups(run).await });
        }
        verdict.await.ok()
    }

    /// Adds a caller; returns whether it needs another task.
    fn enqueue(&self, waiting: Waiting<I, V>) -> bool {
        let mut queue = self.lock();
        queue.waiting.push_back(waiting);
        let are_enough = queue.waiting.len() > queue.tasks * CALLERS_PER_TASK;
        let is_task_free = queue.tasks < self.most_tasks && are_enough;
        queue.tasks += usize::from(is_task_free);
        is_task_free
    }

    /// Runs groups until nobody waits.
    async fn run_groups<R, F>(&self, run: R)
    where
        R: Fn(Vec<I>) -> F,
        F: Future<Output = Result<Vec<Option<V>>, StoreError>>,
    {
        while let Some(group) = self.next_group() {
            let (items, callers): (Vec<I>, Vec<_>) =
                group.into_iter().map(|one| (one.item, one.caller)).unzip();
            // A panic ends this group only: its callers run their items alone, and an item that panics again does so in its caller.
            let done = AssertUnwindSafe(async { run(items).await }).catch_unwind().await;
            give_verdicts(callers, done.unwrap_or_else(|_| Ok(Vec::new())));
        }
    }

    /// Takes the items of the next group out of the queue, in order. An item that touches what another one of the group
    /// touches is the first of the group after it.
    fn next_group(&self) -> Option<Vec<Waiting<I, V>>> {
        let mut queue = self.lock();
        let (mut group, mut later) = (Vec::new(), VecDeque::new());
        let mut touched = I::Touched::default();
        while group.len() < MOST_ITEMS
            && let Some(mut next) = queue.waiting.pop_front()
        {
            // Nobody waits for the verdict of a caller that has gone, and what it wanted has not begun.
            if next.caller.is_closed() {
                continue;
            }
            if next.item.touch(&mut touched) {
                group.push(next);
            } else if group.is_empty() {
                // It cannot share a statement at all.
                group.push(next);
                break;
            } else {
                later.push_back(next);
            }
        }
        later.append(&mut queue.waiting);
        queue.waiting = later;
        if group.is_empty() {
            queue.tasks -= 1;
            return None;
        }
        Some(group)
    }

    fn lock(&self) -> MutexGuard<'_, Queue<I, V>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives each caller its verdict. A caller that gets none runs its item alone.
fn give_verdicts<V>(
    callers: Vec<oneshot::Sender<Result<V, StoreError>>>,
    done: Result<Vec<Option<V>>, StoreError>,
) {
    match done {
        Ok(verdicts) => {
            for (caller, verdict) in callers.into_iter().zip(verdicts) {
                if let Some(verdict) = verdict {
                    // A caller that has gone needs no verdict.
                    let _ = caller.send(Ok(verdict));
                }
            }
        }
        Err(error) => {
            if let Ok([caller]) = <[_; 1]>::try_from(callers) {
                let _ = caller.send(Err(error));
            }
        }
    }
}

#[cfg(test)]
mod tests;
