//! One checkout at a time for one slot, within this process.
//!
//! A rush on one slot then costs one session at Stripe: when a turn ends, all who waited look at the slot at once, and
//! only those who still see it free ask for the next turn. The gate saves calls and nothing else; who gets the slot is
//! decided by the database (I1), also between instances.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use tokio::sync::watch;

use crate::domain::booking::Segment;
use crate::domain::ids::ResourceId;

/// Slots are told apart by resource and start: windows that merely overlap do not wait for one another.
type Key = (ResourceId, DateTime<Utc>);
type Turns = Mutex<HashMap<Key, watch::Receiver<()>>>;

/// Gives one turn at a time for each slot.
#[derive(Default)]
pub(super) struct SlotGate {
    turns: Arc<Turns>,
}

/// The answer to who wants a turn.
pub(super) enum Entry {
    /// It is theirs.
    Turn(Turn),
    /// Someone has it.
    Busy(Busy),
}

/// A turn at a slot; ends when dropped.
pub(super) struct Turn {
    key: Key,
    turns: Arc<Turns>,
    /// Closes after the key is given back, and so tells all who wait.
    _end: watch::Sender<()>,
}

/// Someone else's turn.
pub(super) struct Busy(watch::Receiver<()>);

impl SlotGate {
    /// Takes the turn, where nobody has it.
    pub(super) fn enter(&self, segment: &Segment) -> Entry {
        let key = (segment.resource.clone(), segment.window.starts_at());
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = turns.get(&key) {
            return Entry::Busy(Busy(turn.clone()));
        }
        let (_end, turn) = watch::channel(());
        turns.insert(key.clone(), turn);
        let turns = Arc::clone(&self.turns);
        Entry::Turn(Turn { key, turns, _end })
    }
}

impl Busy {
    /// Waits until that turn is over.
    pub(super) async fn over(mut self) {
        // Nothing is ever sent: the error is the end.
        while self.0.changed().await.is_ok() {}
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.remove(&self.key);
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

    async fn turn(gate: &SlotGate, resource: &str) -> Turn {
        loop {
            match gate.enter(&slot(resource)) {
                Entry::Turn(turn) => return turn,
                Entry::Busy(busy) => busy.over().await,
            }
        }
    }

    #[tokio::test]
    async fn one_at_a_time_for_one_slot_and_nothing_is_left_behind() {
        let gate = Arc::new(SlotGate::default());
        let (inside, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let visit = |_| {
            let (gate, inside, most) = (gate.clone(), inside.clone(), most.clone());
            tokio::spawn(async move {
                let _turn = turn(&gate, "ana").await;
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
    async fn other_slots_do_not_wait_and_all_who_wait_are_told_of_the_end() {
        let gate = SlotGate::default();
        let first = turn(&gate, "ana").await;
        drop(turn(&gate, "ben").await);
        let waiting: Vec<_> = (0..2)
            .filter_map(|_| match gate.enter(&slot("ana")) {
                Entry::Busy(busy) => Some(Box::pin(busy.over())),
                Entry::Turn(_) => None,
            })
            .collect();
        assert_eq!(waiting.len(), 2);
        for mut waiter in waiting {
            assert!(futures::poll!(waiter.as_mut()).is_pending());
        }
        let Entry::Busy(busy) = gate.enter(&slot("ana")) else {
            panic!("two turns at once");
        };
        drop(first);
        busy.over().await;
        assert!(matches!(gate.enter(&slot("ana")), Entry::Turn(_)));
    }
}
