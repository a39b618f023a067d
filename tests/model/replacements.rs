//! Replacing a hold: the call, what the simulated store does, and the graph of a guest whose second hold needs the slot of the
//! first.

use async_trait::async_trait;
use holdfast::domain::hold::{Hold, Status};
use holdfast::domain::hold_limit::HeldAllowance;
use holdfast::domain::ids::HoldId;
use holdfast::store::{
    EarlierFate, NewDetails, OwnHoldQuery, PlaceOutcome, ReplaceOutcome, Replacement, Replacements,
    StateChange, StoreError,
};

use crate::budget::{Budget, NOTHING};
use crate::call::{Call, Guest, HoldToPlace, HoldWrite, Reply, hold_id};
use crate::doubles::{Script, unexpected};
use crate::graph::SlotModel;
use crate::stripe::StripeAction::*;
use crate::world::{AttemptState, Mutation, World};
use crate::{TWO, assert_found, assert_holds};

/// A hold to place in place of the earlier one of this guest.
#[derive(Clone, Debug)]
pub(crate) struct HoldToReplace {
    new: HoldToPlace,
    earlier: Guest,
    fate: Fate,
}

/// A copy of [`EarlierFate`] for the model.
#[derive(Clone, Debug)]
enum Fate {
    Kept(i64),
    Released(Box<HoldWrite>),
    Over,
}

#[async_trait]
impl Replacements for Script {
    async fn replace_hold(&self, replacement: &Replacement<'_>) -> Result<ReplaceOutcome, StoreError> {
        let hold = Hold {
            id: hold_id(self.guest(replacement.booking.hold.id)),
            ..replacement.booking.hold.clone()
        };
        let earlier = self.guest(replacement.earlier);
        let fate = match &replacement.fate {
            EarlierFate::Kept { version } => Fate::Kept(*version),
            EarlierFate::Over => Fate::Over,
            EarlierFate::Released(change) => Fate::Released(Box::new(HoldWrite {
                event: None,
                guest: earlier,
                version: change.version,
                noted: None,
                step: change.step.clone(),
            })),
        };
        let new = HoldToPlace(hold);
        let call = Call::ReplaceHold(Box::new(HoldToReplace { new, earlier, fate }));
        Ok(ReplaceOutcome::Decided(match self.store(call).await? {
            Reply::Conflict => return Ok(ReplaceOutcome::Conflict),
            Reply::Placed => PlaceOutcome::Placed,
            Reply::PlacedWithMoney => PlaceOutcome::PlacedWithMoney,
            Reply::SlotTaken => PlaceOutcome::SlotTaken,
            Reply::Gone => PlaceOutcome::AttemptClosed,
            other => unexpected(&other),
        }))
    }

    async fn update_details(&self, _: &NewDetails<'_>) -> Result<bool, StoreError> {
        unimplemented!()
    }

    async fn list_allowances(&self, _: HoldId) -> Result<Vec<HeldAllowance>, StoreError> {
        Ok(Vec::new())
    }

    async fn is_kept_by_guest(&self, _: &OwnHoldQuery) -> Result<bool, StoreError> {
        Ok(false)
    }
}

impl World {
    pub(super) fn replace_hold(&mut self, replacement: &HoldToReplace) -> Reply {
        let HoldToReplace { new, earlier, fate } = replacement;
        let guest = crate::call::by_hold(new.0.id);
        if self.store.attempts[guest].map(|attempt| attempt.state) != Some(AttemptState::Running) {
            return self.place_hold(&new.0);
        }
        let before = self.store.clone();
        let row = self.store.holds[*earlier].as_mut().unwrap();
        let version = match fate {
            Fate::Kept(version) => Some(*version),
            Fate::Released(write) => Some(write.version),
            Fate::Over => None,
        };
        if version.is_some_and(|version| version != row.version || row.hold.status != Status::Held) {
            return Reply::Conflict;
        }
        match fate {
            Fate::Kept(_) => row.version += 1,
            Fate::Released(write) => {
                if let Some(StateChange::Transition(transition)) = &write.step {
                    self.write_transition(write, transition);
                }
            }
            Fate::Over => {}
        }
        let reply = self.place_hold(&new.0);
        if !matches!(reply, Reply::Placed | Reply::PlacedWithMoney) {
            self.store = before;
        }
        reply
    }
}

/// The guest's first session is paid, ends or goes to the bank while the second hold takes its slot.
const REPLACED: SlotModel = SlotModel {
    replacing: true,
    stripe_actions: &[Pays, TimeIsUp, GoesToBank, BankPays],
    ..TWO
};

#[test]
fn slot_is_handed_over_while_its_first_session_is_paid() {
    let budget = Budget {
        crashes: 1,
        lost_calls: 1,
        sweeps: 2,
        deliveries: 1,
        stripe_actions: 2,
        ..NOTHING
    };
    assert_holds("replaced", SlotModel { budget, ..REPLACED });
}

#[test]
fn slot_is_handed_over_during_database_outages() {
    let budget = Budget {
        lost_commits: 2,
        sweeps: 2,
        stripe_actions: 1,
        releases: 1,
        ..NOTHING
    };
    assert_holds("replaced, database", SlotModel { budget, ..REPLACED });
}

#[test]
fn finds_a_handover_by_the_clock() {
    let budget = Budget {
        stripe_actions: 1,
        ..NOTHING
    };
    let slot = SlotModel { budget, ..REPLACED };
    assert_found(
        Mutation::HandoverByClock,
        "I2: Stripe is the arbiter of release",
        slot,
    );
}
