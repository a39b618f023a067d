//! One checkout at a time for one slot, within this process.
//!
//! A rush on one slot then costs one session at Stripe: whoever waited finds the slot visibly taken. The gate saves
//! calls and nothing else; who gets the slot is decided by the database (I1), also between instances.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use tokio::sync::OwnedMutexGuard;

use crate::domain::booking::Segment;
use crate::domain::ids::ResourceId;

type Key = (ResourceId, DateTime<Utc>);
type Turns = Mutex<HashMap<Key, Arc<tokio::sync::Mutex<()>>>>;

/// Lets one in at a time for each slot, in the order of arrival.
#[derive(Default)]
pub(super) struct SlotGate {
    turns: Arc<Turns>,
}

/// A turn at a slot; ends when dropped.
pub(super) struct Turn {
    key: Key,
    turns: Arc<Turns>,
    guard: Option<OwnedMutexGuard<()>>,
}

impl SlotGate {
    /// Waits for a turn. Slots are told apart by resource and start: windows that merely overlap do not queue.
    pub(super) async fn enter(&self, segment: &Segment) -> Turn {
        let key = (segment.resource.clone(), segment.window.starts_at());
        let lock = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            turns.entry(key.clone()).or_default().clone()
        };
        // Made before waiting, so that one who gives up waiting cleans up too.
        let mut turn = Turn {
            key,
            turns: self.turns.clone(),
            guard: None,
        };
        turn.guard = Some(lock.lock_owned().await);
        turn
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.guard = None;
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        // Others who wait hold the lock too; the last one takes the entry away.
        if turns
            .get(&self.key)
            .is_some_and(|lock| Arc::strong_count(lock) == 1)
        {
            turns.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::domain::time::Window;

    fn slot(resource: &str) -> Segment {
        let at = |s| DateTime::from_timestamp(s, 0).unwrap();
        Segment {
            resource: ResourceId::parse(resource).unwrap(),
            window: Window::new(at(0), at(60)).unwrap(),
        }
    }

    #[tokio::test]
    async fn one_at_a_time_for_one_slot_and_nothing_is_left_behind() {
        let gate = Arc::new(SlotGate::default());
        let (inside, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let visit = |_| {
            let (gate, inside, most) = (gate.clone(), inside.clone(), most.clone());
            tokio::spawn(async move {
                let _turn = gate.enter(&slot("ana")).await;
                most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                inside.fetch_sub(1, Ordering::SeqCst);
            })
        };
        for task in (0..50).map(visit).collect::<Vec<_>>() {
            task.await.unwrap();
        }
        assert_eq!(most.load(Ordering::SeqCst), 1);
        assert!(gate.turns.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn other_slots_do_not_wait_and_one_who_gives_up_leaves_no_trace() {
        let gate = SlotGate::default();
        let turn = gate.enter(&slot("ana")).await;
        drop(gate.enter(&slot("ben")).await);
        let segment = slot("ana");
        let mut waiting = Box::pin(gate.enter(&segment));
        assert!(futures::poll!(waiting.as_mut()).is_pending());
        drop(waiting);
        drop(turn);
        assert!(gate.turns.lock().unwrap().is_empty());
    }
}
