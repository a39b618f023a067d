//! As many checkouts at once for one slot as it has room for, within this process.
//!
//! A rush on a slot then costs about as many sessions at Stripe as there are places: whoever finds none left beside those
//! who are at it waits until half of these are done, and then looks at the slot again: were all woken by each one, a
//! crowd would look at the slot as often as it has places. The gate saves calls and nothing else; who gets the slot is
//! decided by the database (I1), also between instances.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use tokio::sync::watch;

use crate::domain::ids::ResourceId;

/// Slots are told apart by resource and start: windows that merely overlap do not wait for one another.
pub(super) type Key = (ResourceId, DateTime<Utc>);
type Turns = Mutex<HashMap<Key, Rush>>;

/// Those who are at one slot.
struct Rush {
    /// How many units they want, all together.
    units: u32,
    /// Told how many are still wanted whenever one of them is done.
    done: watch::Sender<u32>,
}

/// Gives turns at slots.
#[derive(Default)]
pub(super) struct SlotGate {
    turns: Arc<Turns>,
}

/// The answer to who wants a turn.
pub(super) enum GateEntry {
    /// It is theirs.
    Permit(Permit),
    /// There is no room beside those who are at it.
    Full(GateFull),
}

/// A turn at a slot; ends when dropped.
pub(super) struct Permit {
    /// How many units those want who were at it when this turn began.
    pub(super) unit_offset: u32,
    key: Key,
    units: u32,
    turns: Arc<Turns>,
}

/// Others' turns.
pub(super) struct GateFull {
    /// How many units they want.
    pub(super) units: u32,
    done: watch::Receiver<u32>,
}

impl SlotGate {
    /// Takes a turn, where nobody has one, or where the slot has `room` for these units beside those of the others.
    pub(super) fn enter(&self, key: &Key, units: u32, room: u32) -> GateEntry {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let unit_offset = match turns.get_mut(key) {
            None => {
                let (done, _) = watch::channel(units);
                turns.insert(key.clone(), Rush { units, done });
                0
            }
            Some(rush) if rush.units.saturating_add(units) <= room => {
                let unit_offset = rush.units;
                rush.units += units;
                rush.done.send_replace(rush.units);
                unit_offset
            }
            Some(rush) => {
                let done = rush.done.subscribe();
                return GateEntry::Full(GateFull {
                    units: rush.units,
                    done,
                });
            }
        };
        GateEntry::Permit(Permit {
            unit_offset,
            key: key.clone(),
            units,
            turns: Arc::clone(&self.turns),
        })
    }
}

impl GateFull {
    /// Waits until no more than half of what they want is still wanted.
    pub(super) async fn half_are_done(mut self) {
        let half = self.units / 2;
        // An error: the last one is done.
        let _ = self.done.wait_for(|units| *units <= half).await;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(rush) = turns.get_mut(&self.key) else {
            return;
        };
        rush.units -= self.units;
        rush.done.send_replace(rush.units);
        if rush.units == 0 {
            turns.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn slot(resource: &str) -> Key {
        (
            ResourceId::parse(resource).unwrap(),
            DateTime::from_timestamp(0, 0).unwrap(),
        )
    }

    async fn turn(gate: &SlotGate, resource: &str, room: u32) -> Permit {
        loop {
            match gate.enter(&slot(resource), 1, room) {
                GateEntry::Permit(turn) => return turn,
                GateEntry::Full(busy) => busy.half_are_done().await,
            }
        }
    }

    #[tokio::test]
    async fn as_many_at_a_time_as_there_is_room_for_and_nothing_stays() {
        for room in [1, 3] {
            let gate = Arc::new(SlotGate::default());
            let (inside, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
            let visit = |_| {
                let (gate, inside, most) = (gate.clone(), inside.clone(), most.clone());
                tokio::spawn(async move {
                    let _turn = turn(&gate, "ana", room).await;
                    most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    inside.fetch_sub(1, Ordering::SeqCst);
                })
            };
            for task in (0..50).map(visit).collect::<Vec<_>>() {
                task.await.unwrap();
            }
            assert_eq!(most.load(Ordering::SeqCst), room);
            assert!(gate.turns.lock().unwrap().is_empty());
        }
    }

    #[tokio::test]
    async fn other_slots_do_not_wait_and_all_who_wait_are_told_when_half_are_done() {
        let gate = SlotGate::default();
        let (first, second) = (turn(&gate, "ana", 2).await, turn(&gate, "ana", 2).await);
        assert_eq!((first.unit_offset, second.unit_offset), (0, 1));
        drop(turn(&gate, "ben", 1).await);
        let waiting: Vec<_> = (0..2)
            .filter_map(|_| match gate.enter(&slot("ana"), 1, 2) {
                GateEntry::Full(busy) => Some(Box::pin(busy.half_are_done())),
                GateEntry::Permit(_) => None,
            })
            .collect();
        assert_eq!(waiting.len(), 2);
        let GateEntry::Full(busy) = gate.enter(&slot("ana"), 1, 2) else {
            panic!("three turns where there is room for two");
        };
        assert_eq!(busy.units, 2);
        drop(first);
        for waiter in waiting {
            waiter.await;
        }
        busy.half_are_done().await;
        drop(second);
        assert!(
            matches!(gate.enter(&slot("ana"), 1, 0), GateEntry::Permit(_)),
            "nobody is at it"
        );
    }
}
