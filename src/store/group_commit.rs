//! Group commit: callers of one kind that arrive at the same moment, or while a statement is under way, form the next one.
//!
//! A caller that is alone waits for nobody and runs its item itself. A group of several runs in a task of its own: a caller
//! that goes away stops none of the others. Each caller gets its own verdict, after the commit. A caller without a verdict runs
//! its item alone, which is possible because every method of the store can be repeated: so an item that fails harms no other,
//! and an answer that was lost is asked again.
//!
//! A group takes its items after all ready tasks have run once or twice. It waits for no timer: if no task is ready, it begins at once.
//!
//! A group that begins when another one ends takes over its connection: what a server keeps for a connection, such as its plans, is then
//! still in the caches of the processor.
//!
//! What is slow delays no others: an item with much work never waits for a group, and another group begins beside those that are
//! old. Where only one group may run, all wait for it: an item alone would wait for the same, and after a stall of the disk
//! many single commits would take longer than one of all.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use sqlx::pool::PoolConnection;
use sqlx::{Database, Pool};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::timeout;

use self::queue::OLD_AFTER;
pub(super) use self::queue::{GroupBounds, GroupItem, MOST_WORK, MOST_WORK_OF_ITEM};
use super::StoreError;

mod queue;

/// How many groups use a connection one after the other. After that it goes back to its pool, which tests connections, and
/// replaces old ones.
const USES_IN_TURN: u32 = 64;

/// The part of the time of a call that the statements of a group may take. So time is left to run the item alone.
const PARTS_OF_TIME: u32 = 4;

/// A verdict for each item of a group, in their order; a caller without one runs its item alone. An error is not about an item: no
/// statement could be tried, so each caller gets it.
pub(super) type GroupResult<V> = Result<Vec<Option<V>>, StoreError>;

/// What a group leaves: the verdicts, and its connection if that is fit for the next group.
pub(super) type GroupEnd<V, C> = (GroupResult<V>, Option<C>);

type Waiting<I, V, C> = queue::Waiting<I, Run<I, V, C>, Answer<I, V, C>>;
type Queue<I, V, C> = queue::Queue<I, Run<I, V, C>, Answer<I, V, C>, TakenOver<C>>;

type Run<I, V, C> = Arc<dyn Fn(Option<C>, Vec<I>) -> BoxFuture<'static, GroupEnd<V, C>> + Send + Sync>;

/// What a caller in the queue gets.
enum Answer<I: GroupItem, V: Send + 'static, C: Send + 'static> {
    Verdict(Result<V, StoreError>),
    /// It is a group of one, and runs its item itself.
    Alone(ActiveGroup<I, V, C>),
}

/// The callers of one kind, whose groups run on connections `C`.
pub(super) struct Groups<I: GroupItem, V: Send + 'static, C: Send + 'static> {
    queue: Mutex<Queue<I, V, C>>,
    bounds: GroupBounds,
}

/// The connection that a group takes over, and how many groups have used it in turn.
struct TakenOver<C> {
    connection: C,
    uses: u32,
}

impl<I: GroupItem, V: Send + 'static, C: Send + 'static> std::fmt::Debug for Groups<I, V, C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Groups").finish_non_exhaustive()
    }
}

/// A group that is under way. Its end, however it comes, begins the next one.
struct ActiveGroup<I: GroupItem, V: Send + 'static, C: Send + 'static> {
    groups: Arc<Groups<I, V, C>>,
    number: u64,
    /// The connection that it has from the group before it, or that it leaves to the next one.
    connection: Option<TakenOver<C>>,
}

impl<I: GroupItem, V: Send + 'static, C: Send + 'static> Drop for ActiveGroup<I, V, C> {
    fn drop(&mut self) {
        let unformed = self.groups.lock().end_group(self.number, &self.groups.bounds);
        drop(unformed);
        self.groups.begin_next(self.connection.take());
    }
}

impl<I: GroupItem, V: Send + 'static, C: Send + 'static> Groups<I, V, C> {
    /// Makes the groups of one kind of callers.
    pub(super) fn new(bounds: GroupBounds) -> Arc<Self> {
        Arc::new(Self {
            queue: Mutex::new(Queue::new()),
            bounds,
        })
    }

    /// Runs the item as one of a group, or `alone`; the time is bounded. `run` runs a group of several. What runs an item alone
    /// is made, and has memory of its own, only when it is needed: it is large, and each caller would move it several times.
    pub(super) async fn submit<R, F, A>(
        self: &Arc<Self>,
        item: I,
        run: R,
        alone: impl FnOnce() -> A,
    ) -> Result<V, StoreError>
    where
        R: Fn(Option<C>, Vec<I>) -> F + Send + Sync + 'static,
        F: Future<Output = GroupEnd<V, C>> + Send + 'static,
        A: Future<Output = Result<V, StoreError>>,
    {
        let done = async {
            if item.estimate_work() > MOST_WORK_OF_ITEM {
                return Box::pin(alone()).await;
            }
            let run: Run<I, V, C> = Arc::new(move |connection, items| run(connection, items).boxed());
            let group_of_one = match self.wait_in_queue(item, run).await {
                Some(Answer::Verdict(verdict)) => return verdict,
                Some(Answer::Alone(group)) => Some(group),
                None => None,
            };
            let done = Box::pin(alone()).await;
            drop(group_of_one);
            done
        };
        let done = timeout(self.bounds.call_timeout, done).await;
        done.unwrap_or_else(|elapsed| Err(StoreError::Unavailable(sqlx::Error::Io(elapsed.into()))))
    }

    /// Waits for the verdict of a group; `None` if the caller must run the item alone.
    async fn wait_in_queue(self: &Arc<Self>, item: I, run: Run<I, V, C>) -> Option<Answer<I, V, C>> {
        let (caller, mut answer) = oneshot::channel();
        self.lock().waiting.push_back(Waiting { item, run, caller });
        self.begin_next(None);
        loop {
            if let Ok(answer) = timeout(OLD_AFTER, &mut answer).await {
                return answer.ok();
            }
            // The groups under way may be old by now.
            self.begin_next(None);
        }
    }

    /// Begins the next group, if somebody waits and another one may be under way. It runs on the `connection` that the group before it
    /// leaves, if there is one.
    fn begin_next(self: &Arc<Self>, connection: Option<TakenOver<C>>) {
        let mut queue = self.lock();
        let number = queue.begin_group(&self.bounds);
        let unused = connection.and_then(|connection| queue.leave(connection));
        drop(queue);
        // It goes back to its pool.
        drop(unused);
        let Some(number) = number else {
            return;
        };
        let active = ActiveGroup {
            groups: Arc::clone(self),
            number,
            connection: None,
        };
        // Without a runtime, at the end of the process, the group ends here, and its callers run their items alone.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(form_group(active));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue<I, V, C>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets all ready tasks run, then takes the items that wait and runs them; one alone is run by its caller.
async fn form_group<I: GroupItem, V: Send + 'static, C: Send + 'static>(mut active: ActiveGroup<I, V, C>) {
    for _ in 0..active.groups.bounds.turns {
        tokio::task::yield_now().await;
    }
    let (group, connection) = active.groups.lock().form_group(&active.groups.bounds);
    // More may wait than this group takes: another one begins beside it, if that may be.
    match <[_; 1]>::try_from(group) {
        Ok([Waiting { caller, .. }]) => {
            active.groups.begin_next(connection);
            // If the caller has gone, this ends the group.
            drop(caller.send(Answer::Alone(active)));
        }
        Err(group) => {
            active.groups.begin_next(None);
            active.connection = connection;
            run_group(group, active).await;
        }
    }
}

/// Runs a group of several and gives each caller its verdict.
async fn run_group<I: GroupItem, V: Send + 'static, C: Send + 'static>(
    group: Vec<Waiting<I, V, C>>,
    mut active: ActiveGroup<I, V, C>,
) {
    let Some(run) = group.first().map(|one| Arc::clone(&one.run)) else {
        return;
    };
    let (items, callers): (Vec<I>, Vec<_>) = group.into_iter().map(|one| (one.item, one.caller)).unzip();
    // A panic ends this group only: its callers run their items alone, and an item that panics again does so in its caller.
    let (connection, uses) = match active.connection.take() {
        Some(TakenOver { connection, uses }) => (Some(connection), uses),
        None => (None, 0),
    };
    let done = AssertUnwindSafe(async { run(connection, items).await })
        .catch_unwind()
        .await;
    let (verdicts, connection) = done.unwrap_or_else(|_| (Ok(Vec::new()), None));
    let uses = uses + 1;
    active.connection = connection
        .filter(|_| uses < USES_IN_TURN)
        .map(|connection| TakenOver { connection, uses });
    drop(active);
    give_verdicts(callers, verdicts);
}

/// Gives each caller its verdict. A caller that gets none runs its item alone.
fn give_verdicts<I: GroupItem, V: Send + 'static, C: Send + 'static>(
    callers: Vec<oneshot::Sender<Answer<I, V, C>>>,
    done: GroupResult<V>,
) {
    // A caller that has gone needs no verdict.
    match done {
        Ok(verdicts) => {
            for (caller, verdict) in callers.into_iter().zip(verdicts) {
                if let Some(verdict) = verdict {
                    drop(caller.send(Answer::Verdict(Ok(verdict))));
                }
            }
        }
        Err(error) => {
            for caller in callers {
                drop(caller.send(Answer::Verdict(Err(error.for_another_caller()))));
            }
        }
    }
}

/// Waits for `begun`, a connection or a transaction, and runs the statements of a group on it. `Err` if there is none: an item
/// alone would get none either. If the statements fail, or take more than their part of the time, there are no verdicts.
pub(super) async fn run_statements<B, V, C, E, F>(
    call_timeout: Duration,
    begun: impl Future<Output = Result<B, StoreError>>,
    run: impl FnOnce(B) -> F,
) -> GroupEnd<V, C>
where
    F: Future<Output = Result<(Vec<Option<V>>, Option<C>), E>>,
{
    let begun = match begun.await {
        Ok(begun) => begun,
        Err(error) => return (Err(error), None),
    };
    match timeout(call_timeout / PARTS_OF_TIME, run(begun)).await {
        Ok(Ok((verdicts, connection))) => (Ok(verdicts), connection),
        Ok(Err(_)) | Err(_) => {
            metrics::counter!("holdfast_store_groups_failed_total").increment(1);
            (Ok(Vec::new()), None)
        }
    }
}

/// Keeps a connection for the next group, unless its pool has no other one: then the caller that has waited longest gets it.
pub(super) fn keep_connection<D: Database>(
    pool: &Pool<D>,
    connection: PoolConnection<D>,
) -> Option<PoolConnection<D>> {
    let has_others = pool.num_idle() > 0 || pool.size() < pool.options().get_max_connections();
    has_others.then_some(connection)
}

#[cfg(test)]
mod tests;
