//! Changes by events that may share a statement: the hold stays live, takes no slot, and nothing is ordered.
//!
//! Most events are such: the guest has paid, or the payment has begun. All others are changes of their own (`changes`).

use std::collections::HashSet;

use chrono::{DateTime, Utc};

use super::changes::{HoldChange, StateChange};
use super::events::EventRecord;
use super::group_commit::GroupItem;
use crate::domain::booking::Actor;
use crate::domain::hold::{Hold, Transition};
use crate::domain::ids::{EventId, HoldId, IntentId};
use crate::domain::payment::PaymentState;

/// A change by an event that writes only the event, the hold, its payments and a history line.
pub(super) struct EventChange {
    pub(super) event: EventRecord,
    pub(super) hold: HoldId,
    pub(super) version: i64,
    pub(super) transition: Option<Transition>,
    pub(super) actor: Actor,
    pub(super) now: DateTime<Utc>,
    pub(super) check_at: Option<DateTime<Utc>>,
}

impl EventChange {
    /// The change as one that may share a statement. `None` if it may write more than such a statement does.
    pub(super) fn new(change: &HoldChange) -> Option<Self> {
        let transition = match &change.step {
            None => None,
            Some(StateChange::Transition(step)) if step.next.status.is_live() && step.commands.is_empty() => {
                Some(step.clone())
            }
            Some(StateChange::Transition(_) | StateChange::Reclaim { .. }) => return None,
        };
        if change.noted.is_some() {
            return None;
        }
        Some(Self {
            event: change.event.clone()?,
            hold: change.hold,
            version: change.version,
            transition,
            actor: change.actor.clone(),
            now: change.now,
            check_at: change.check_at,
        })
    }

    /// The intents whose payments it writes, or that it ties to the hold.
    fn intents(&self) -> impl Iterator<Item = &IntentId> {
        let next = self.transition.iter().map(|transition| &transition.next);
        next.flat_map(|next| {
            let paid = next.payments.iter().map(|payment| &payment.intent);
            paid.chain(&next.intent)
        })
    }
}

/// What the column `funds` of a hold with these payments is, where that is known without the other payments. A trigger
/// derives it from the payments, and writes the hold once more unless it says so already.
pub(super) fn known_funds(next: &Hold) -> Option<&'static str> {
    let mut payments = next.payments.iter();
    payments
        .any(|payment| payment.state == PaymentState::Paid)
        .then_some("paid")
}

/// How many bytes of a payload are as much work as the rest of its event.
const BYTES_PER_WORK: usize = 4096;

/// What the changes of a group touch.
#[derive(Default)]
pub(super) struct TouchedByEvents {
    events: HashSet<EventId>,
    holds: HashSet<HoldId>,
    intents: HashSet<IntentId>,
}

impl GroupItem for EventChange {
    type Touched = TouchedByEvents;

    fn touch(&mut self, touched: &mut TouchedByEvents) -> bool {
        let is_touched = touched.events.contains(&self.event.id)
            || touched.holds.contains(&self.hold)
            || self.intents().any(|intent| touched.intents.contains(intent));
        if is_touched {
            return false;
        }
        touched.events.insert(self.event.id.clone());
        touched.holds.insert(self.hold);
        touched.intents.extend(self.intents().cloned());
        true
    }

    /// The payload is stored, and Stripe bounds it only at many KiB.
    fn estimate_work(&self) -> usize {
        1 + self.event.payload.as_ref().map_or(0, String::len) / BYTES_PER_WORK
    }
}
