//! Bounds and shares the searches for alternatives of a refused slot.
//!
//! In a rush many guests are refused the same slot at the same moment. Few searches run at once, so the others wait, and those that
//! wait for the same one share it. One that has begun is not joined: what it has read may be older than the request.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use chrono::{DateTime, Utc};
use tokio::sync::{OnceCell, Semaphore};

use crate::domain::availability::{Slot, SlotRequest};
use crate::domain::catalogue::EventType;
use crate::domain::ids::{HoldId, ResourceId};

/// How many searches run at the same time. They must not delay the checkouts that still run.
const AT_ONCE: usize = 4;

/// What is searched for. Callers that have read different states of the event type, because it was just changed, search for
/// different things.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RefusedSlot {
    event_type: EventType,
    quantity: u32,
    requested_resource: Option<ResourceId>,
    moving: Option<HoldId>,
    starts_at: DateTime<Utc>,
}

impl RefusedSlot {
    /// The slot that the request wanted at this start.
    pub(super) fn new(request: &SlotRequest<'_>, starts_at: DateTime<Utc>) -> Self {
        Self {
            event_type: request.event_type.clone(),
            quantity: request.quantity,
            requested_resource: request.requested_resource.cloned(),
            moving: request.moving,
            starts_at,
        }
    }
}

impl Hash for RefusedSlot {
    /// The id and the start are enough: few searches are for the same ones and differ in the rest.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.event_type.id.hash(state);
        self.starts_at.hash(state);
    }
}

type Search = OnceCell<Vec<Slot>>;

type Waiting = HashMap<Arc<RefusedSlot>, Weak<Search>>;

/// The searches of this process.
pub(super) struct AlternativeSearches {
    permits: Semaphore,
    /// Those that have not begun.
    waiting: Mutex<Waiting>,
}

impl Default for AlternativeSearches {
    fn default() -> Self {
        Self {
            permits: Semaphore::new(AT_ONCE),
            waiting: Mutex::default(),
        }
    }
}

impl AlternativeSearches {
    /// Runs `search` once it may, or takes part in the search of another caller for this slot that has not begun. If that caller goes
    /// away, one of the others runs its own.
    pub(super) async fn run(
        &self,
        refused: RefusedSlot,
        search: impl Future<Output = Vec<Slot>>,
    ) -> Vec<Slot> {
        let joined = self.join(Arc::new(refused));
        let run = || async {
            let _permit = self.permits.acquire().await;
            joined.close();
            search.await
        };
        joined.search.get_or_init(run).await.clone()
    }

    fn join(&self, refused: Arc<RefusedSlot>) -> Joined<'_> {
        let mut waiting = self.lock();
        let current = waiting.get(&refused).and_then(Weak::upgrade);
        let search = current.unwrap_or_else(|| {
            let search = Arc::default();
            waiting.insert(Arc::clone(&refused), Arc::downgrade(&search));
            search
        });
        Joined {
            searches: self,
            refused,
            search,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A caller of a search.
struct Joined<'a> {
    searches: &'a AlternativeSearches,
    refused: Arc<RefusedSlot>,
    search: Arc<Search>,
}

impl Joined<'_> {
    /// The search begins: who comes later waits for another one.
    fn close(&self) {
        let mut waiting = self.searches.lock();
        let current = waiting.get(&self.refused);
        if current.is_some_and(|current| std::ptr::eq(current.as_ptr(), Arc::as_ptr(&self.search))) {
            waiting.remove(&self.refused);
        }
    }
}

impl Drop for Joined<'_> {
    /// If all callers have gone away before their search began, the last one removes it.
    fn drop(&mut self) {
        let mut waiting = self.searches.lock();
        // Given up under the lock, so that of callers that leave at the same moment one is the last.
        drop(std::mem::take(&mut self.search));
        let current = waiting.get(&self.refused);
        if current.is_some_and(|search| search.strong_count() == 0) {
            waiting.remove(&self.refused);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::FutureExt as _;
    use futures::future::{join_all, pending};

    use super::*;
    use crate::domain::availability::SlotStatus;
    use crate::domain::catalogue::tests::fixture::call;
    use crate::domain::time::Window;

    fn refused(quantity: u32) -> RefusedSlot {
        RefusedSlot {
            event_type: call(),
            quantity,
            requested_resource: None,
            moving: None,
            starts_at: DateTime::UNIX_EPOCH,
        }
    }

    fn slot(available: u32) -> Slot {
        let hour = chrono::Duration::hours(1);
        Slot {
            window: Window::new(DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH + hour).unwrap(),
            available,
            state: SlotStatus::Free,
        }
    }

    /// Searches that never end, as many as may run at once; each is dropped with its future.
    async fn run_all(searches: &AlternativeSearches) -> Vec<impl Future<Output = Vec<Slot>>> {
        let mut running = Vec::new();
        for n in 0..AT_ONCE {
            let mut one = Box::pin(searches.run(refused(100 + u32::try_from(n).unwrap()), pending()));
            assert!(futures::poll!(&mut one).is_pending());
            running.push(one);
        }
        running
    }

    #[tokio::test]
    async fn searches_for_the_same_slot_that_wait_are_one() {
        let (searches, count) = (AlternativeSearches::default(), AtomicUsize::new(0));
        let mut running = run_all(&searches).await;
        let search = || async {
            count.fetch_add(1, Ordering::Relaxed);
            vec![slot(7)]
        };
        let mut callers = Box::pin(join_all((0..20).map(|_| searches.run(refused(1), search()))));
        assert!(futures::poll!(&mut callers).is_pending());
        assert_eq!(count.load(Ordering::Relaxed), 0, "as many run as may");
        drop(running.pop());
        assert_eq!(callers.await, vec![vec![slot(7)]; 20]);
        assert_eq!(count.load(Ordering::Relaxed), 1);
        drop(running);
        assert!(searches.lock().is_empty());
    }

    #[tokio::test]
    async fn search_that_has_begun_is_not_joined() {
        let searches = AlternativeSearches::default();
        let mut first = Box::pin(searches.run(refused(1), pending()));
        assert!(futures::poll!(&mut first).is_pending());
        // It waits for nothing; one that joined the first would wait without an end.
        let found = searches.run(refused(1), async { vec![slot(2)] }).now_or_never();
        assert_eq!(found, Some(vec![slot(2)]));
    }

    #[tokio::test]
    async fn searches_for_different_slots_are_not_shared() {
        let searches = AlternativeSearches::default();
        let mut running = run_all(&searches).await;
        let changed = RefusedSlot {
            event_type: EventType {
                buffer_after_minutes: 10,
                ..call()
            },
            ..refused(1)
        };
        let mut all = Box::pin(async {
            tokio::join!(
                searches.run(refused(1), async { vec![slot(1)] }),
                searches.run(refused(2), async { vec![slot(2)] }),
                searches.run(changed, async { vec![slot(3)] }),
            )
        });
        assert!(futures::poll!(&mut all).is_pending());
        drop(running.pop());
        assert_eq!(all.await, (vec![slot(1)], vec![slot(2)], vec![slot(3)]));
    }

    #[tokio::test]
    async fn next_caller_searches_if_the_first_one_goes_away() {
        for has_begun in [false, true] {
            let searches = AlternativeSearches::default();
            let mut running = run_all(&searches).await;
            let mut first = Box::pin(searches.run(refused(1), pending()));
            assert!(futures::poll!(&mut first).is_pending());
            let mut second = Box::pin(searches.run(refused(1), async { vec![slot(2)] }));
            assert!(futures::poll!(&mut second).is_pending());
            drop(running.pop());
            if has_begun {
                assert!(futures::poll!(&mut first).is_pending());
                assert!(searches.lock().is_empty());
            }
            drop(first);
            assert_eq!(second.await, [slot(2)], "{has_begun}");
        }
    }

    #[tokio::test]
    async fn callers_that_go_away_before_their_search_leave_nothing() {
        let searches = AlternativeSearches::default();
        let _running = run_all(&searches).await;
        let mut callers = Box::pin(join_all((0..3).map(|_| searches.run(refused(1), pending()))));
        assert!(futures::poll!(&mut callers).is_pending());
        assert_eq!(searches.lock().len(), 1);
        drop(callers);
        assert!(searches.lock().is_empty());
    }
}
