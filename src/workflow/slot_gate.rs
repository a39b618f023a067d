//! Limits the concurrent checkouts for one slot to its free capacity, within this process.
//!
//! A rush on a slot then costs about as many sessions at Stripe as the slot has free units. A checkout over the cap
//! waits until half of the running ones have finished, then checks the slot again. Waking the waiters one by one would
//! query the slot once per unit and waiter. The gate only saves calls: the database decides who gets the slot (I1),
//! also between instances.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use tokio::sync::watch;

use crate::domain::ids::ResourceId;

/// Identifies a slot by resource and start. Slots with another start do not wait for each other, even if they overlap.
pub(super) type SlotKey = (ResourceId, DateTime<Utc>);

/// How many ends of checkouts are remembered: more than there are in the time of a read.
const ENDS_KEPT: usize = 1024;

/// The checkouts that run, and those that ended last.
#[derive(Default)]
struct Checkouts {
    running: HashMap<SlotKey, SlotUsage>,
    /// The slots of the last checkouts that ended, oldest first.
    ended: VecDeque<SlotKey>,
    /// How many more checkouts have ended.
    forgotten: u64,
}

/// A moment in the order in which checkouts end.
#[derive(Clone, Copy)]
pub(super) struct GateMoment(u64);

/// The checkouts that run for one slot.
struct SlotUsage {
    /// Units that they request in total.
    units: u32,
    /// Publishes the remaining units whenever a checkout starts or finishes.
    remaining: watch::Sender<u32>,
}

/// Gives out permits for slots.
#[derive(Default)]
pub(super) struct SlotGate {
    checkouts: Arc<Mutex<Checkouts>>,
}

/// The result of a request for a permit.
pub(super) enum GateEntry {
    /// The checkout may go on.
    Permit(Permit),
    /// The running checkouts leave too few units.
    Full(GateFull),
}

/// Allows one checkout for a slot to go on; dropping it frees its units in the gate.
pub(super) struct Permit {
    /// Units that earlier permits request. The checkout skips as many free units, to not compete for the same ones.
    pub(super) unit_offset: u32,
    key: SlotKey,
    units: u32,
    checkouts: Arc<Mutex<Checkouts>>,
}

/// The checkouts that keep another one from a permit.
pub(super) struct GateFull {
    /// Units that they request in total.
    pub(super) units: u32,
    remaining: watch::Receiver<u32>,
}

impl SlotGate {
    /// Grants a permit if no checkout runs for the slot, or if `capacity` covers these units and those of all others.
    pub(super) fn acquire(&self, key: &SlotKey, units: u32, capacity: u32) -> GateEntry {
        let mut checkouts = lock(&self.checkouts);
        let unit_offset = match checkouts.running.get_mut(key) {
            None => {
                let (remaining, _) = watch::channel(units);
                checkouts
                    .running
                    .insert(key.clone(), SlotUsage { units, remaining });
                0
            }
            Some(usage) if usage.units.saturating_add(units) <= capacity => {
                let unit_offset = usage.units;
                usage.units += units;
                usage.remaining.send_replace(usage.units);
                unit_offset
            }
            Some(usage) => {
                let remaining = usage.remaining.subscribe();
                return GateEntry::Full(GateFull {
                    units: usage.units,
                    remaining,
                });
            }
        };
        GateEntry::Permit(Permit {
            unit_offset,
            key: key.clone(),
            units,
            checkouts: Arc::clone(&self.checkouts),
        })
    }

    /// Returns for how many slots a checkout runs.
    pub(super) fn count_slots(&self) -> usize {
        lock(&self.checkouts).running.len()
    }

    /// Returns the present moment. A checkout asks for it before it reads its slot.
    pub(super) fn now(&self) -> GateMoment {
        let checkouts = lock(&self.checkouts);
        GateMoment(checkouts.forgotten + checkouts.ended.len() as u64)
    }

    /// Whether perhaps a checkout for the slot has ended since the moment, so that what was read of the slot then is old.
    pub(super) fn has_ended_since(&self, key: &SlotKey, moment: GateMoment) -> bool {
        let checkouts = lock(&self.checkouts);
        let Some(before) = moment.0.checked_sub(checkouts.forgotten) else {
            return true;
        };
        let before = usize::try_from(before).unwrap_or(usize::MAX);
        checkouts.ended.iter().skip(before).any(|ended| ended == key)
    }
}

fn lock(checkouts: &Mutex<Checkouts>) -> MutexGuard<'_, Checkouts> {
    checkouts.lock().unwrap_or_else(PoisonError::into_inner)
}

impl GateFull {
    /// Waits until at most half of the units are still requested.
    pub(super) async fn wait_for_half(mut self) {
        let half = self.units / 2;
        // An error means that the sender is gone: the last checkout has finished.
        let _ = self.remaining.wait_for(|units| *units <= half).await;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut checkouts = lock(&self.checkouts);
        if let Some(usage) = checkouts.running.get_mut(&self.key) {
            usage.units -= self.units;
            usage.remaining.send_replace(usage.units);
            if usage.units == 0 {
                checkouts.running.remove(&self.key);
            }
        }
        checkouts.ended.push_back(self.key.clone());
        if checkouts.ended.len() > ENDS_KEPT {
            checkouts.ended.pop_front();
            checkouts.forgotten += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn slot(resource: &str) -> SlotKey {
        (
            ResourceId::parse(resource).unwrap(),
            DateTime::from_timestamp(0, 0).unwrap(),
        )
    }

    async fn acquire_permit(gate: &SlotGate, resource: &str, capacity: u32) -> Permit {
        loop {
            match gate.acquire(&slot(resource), 1, capacity) {
                GateEntry::Permit(permit) => return permit,
                GateEntry::Full(full) => full.wait_for_half().await,
            }
        }
    }

    #[tokio::test]
    async fn concurrent_permits_are_capped_and_nothing_is_left_behind() {
        for capacity in [1, 3] {
            let gate = Arc::new(SlotGate::default());
            let (inside, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
            let start_visit = |_| {
                let (gate, inside, most) = (gate.clone(), inside.clone(), most.clone());
                tokio::spawn(async move {
                    let _permit = acquire_permit(&gate, "ana", capacity).await;
                    most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    inside.fetch_sub(1, Ordering::SeqCst);
                })
            };
            for task in (0..50).map(start_visit).collect::<Vec<_>>() {
                task.await.unwrap();
            }
            assert_eq!(most.load(Ordering::SeqCst), capacity);
            assert_eq!(gate.count_slots(), 0);
        }
    }

    #[tokio::test]
    async fn waiters_wake_when_half_are_done_and_other_slots_do_not_wait() {
        let gate = SlotGate::default();
        let first = acquire_permit(&gate, "ana", 2).await;
        let second = acquire_permit(&gate, "ana", 2).await;
        assert_eq!((first.unit_offset, second.unit_offset), (0, 1));
        drop(acquire_permit(&gate, "ben", 1).await);
        let waiting: Vec<_> = (0..2)
            .filter_map(|_| match gate.acquire(&slot("ana"), 1, 2) {
                GateEntry::Full(full) => Some(Box::pin(full.wait_for_half())),
                GateEntry::Permit(_) => None,
            })
            .collect();
        assert_eq!(waiting.len(), 2);
        let GateEntry::Full(full) = gate.acquire(&slot("ana"), 1, 2) else {
            panic!("three permits for a capacity of two");
        };
        assert_eq!(full.units, 2);
        drop(first);
        for waiter in waiting {
            waiter.await;
        }
        full.wait_for_half().await;
        drop(second);
        assert!(
            matches!(gate.acquire(&slot("ana"), 1, 0), GateEntry::Permit(_)),
            "no checkout runs"
        );
    }

    #[tokio::test]
    async fn gate_tells_whether_a_checkout_for_the_slot_has_ended_since() {
        let gate = SlotGate::default();
        let first = acquire_permit(&gate, "ana", 1).await;
        let during = gate.now();
        assert!(!gate.has_ended_since(&slot("ana"), during), "it still runs");
        drop(first);
        assert!(gate.has_ended_since(&slot("ana"), during));
        assert!(!gate.has_ended_since(&slot("ben"), during));
        let after = gate.now();
        assert!(!gate.has_ended_since(&slot("ana"), after));
        for _ in 0..ENDS_KEPT {
            drop(acquire_permit(&gate, "ben", 1).await);
        }
        assert!(!gate.has_ended_since(&slot("ana"), after));
        drop(acquire_permit(&gate, "ben", 1).await);
        assert!(
            gate.has_ended_since(&slot("ana"), after),
            "an end since then is forgotten"
        );
    }
}
