//! The simulated store: what one transaction does and returns, in a few lines each.
//!
//! The store's contract tests check that the engines do the same. The rules of the domain are called, not repeated.

use holdfast::domain::command::CommandAction;
use holdfast::domain::hold::{Hold, Status, Transition};
use holdfast::store::{AttemptEnd, StateChange};

use crate::call::{
    Call, CommandIndex, FailedLease, Guest, HoldWrite, Key, Leased, Reply, Row, StripeEvent, by_intent,
    session_id,
};
use crate::ledger::as_stored;
use crate::process::Kind;
use crate::world::{Attempt, AttemptState, Choice, Command, Mutation, World};

impl World {
    pub(crate) fn stale_attempts(&self, late: bool) -> Vec<Guest> {
        let attempts = self.store.attempts.iter().enumerate();
        let stale = attempts.filter(|(guest, attempt)| {
            let open = |state| matches!(state, AttemptState::Running | AttemptState::Unsettled);
            attempt.is_some_and(|attempt| open(attempt.state) && !attempt.leased)
                && self.time_is_up[*guest] == late
        });
        stale.map(|(guest, _)| guest).collect()
    }

    pub(crate) fn due_holds(&self) -> Vec<Guest> {
        let due = |row: &Row| matches!(row.hold.status, Status::Held | Status::Processing) && !row.leased;
        let holds = self.store.holds.iter().enumerate();
        holds
            .filter(|(_, row)| row.as_ref().is_some_and(due))
            .map(|(guest, _)| guest)
            .collect()
    }

    pub(crate) fn due_commands(&self) -> Vec<CommandIndex> {
        let commands = self.store.commands.iter().enumerate();
        commands
            .filter(|(_, command)| !command.done && !command.leased)
            .map(|(index, _)| index)
            .collect()
    }

    pub(super) fn store_reply(&mut self, kind: Kind, call: &Call, choice: Choice) -> Reply {
        let picked = match choice {
            Choice::Pick(which) => Some(which),
            _ => None,
        };
        match call {
            Call::FindClaim => Reply::Key(self.key()),
            Call::LoadOccupancy | Call::LoadAvailability => Reply::Availability(self.blocker().map(|row| {
                let guest = usize::try_from(row.hold.id.0.as_u128() - 1).unwrap();
                (guest, choice == Choice::Overdue)
            })),
            Call::ClaimAttempt => self.claim_attempt(kind),
            Call::PlaceHold(to_place) => self.place_hold(&to_place.0),
            Call::ReplaceHold(replacement) => self.replace_hold(replacement),
            Call::CloseLostAttempt(guest) => self.close_lost_attempt(*guest),
            Call::EndAttempt(guest, end) => self.end_attempt(*guest, *end),
            Call::LeaseStaleAttempt => Reply::Attempt(picked.inspect(|guest| self.lease_attempt(*guest))),
            Call::DeferAttempt(guest) => self.defer_attempt(*guest),
            Call::AbandonAttempt(guest) => self.abandon_attempt(*guest),
            Call::FindBooking(guest) => {
                Reply::Row(self.store.holds[*guest].as_ref().map(|row| self.shown(row)))
            }
            Call::FindOwner(guest) => Reply::Row(self.find_owner(*guest)),
            Call::FindFacts(guest) => Reply::Facts(self.store.facts[*guest].clone()),
            Call::IsPaymentKnown(guest) => Reply::Known(self.is_payment_known(*guest)),
            Call::MergeMoney(write) => self.merge_money(write),
            Call::ListUnnoted | Call::ListUnsettledWaits => Reply::Unnoted(picked),
            Call::ListWaiting(guest) => Reply::Waiting(self.waiting(*guest)),
            Call::GiveBackWaiting(guest) => self.give_back_waiting(*guest),
            Call::LeaseDueHold => Reply::Row(picked.and_then(|guest| self.lease_hold(guest))),
            Call::LeaseRelease(guest, requester) => match &mut self.store.holds[*guest] {
                None => Reply::Row(None),
                Some(row) if row.hold.status != Status::Held => {
                    let row = row.clone();
                    Reply::NotHeld(self.shown(&row))
                }
                Some(row) if row.leased => Reply::Busy,
                Some(row) => {
                    row.hold.requested_by = requester.or(row.hold.requested_by);
                    row.version += i64::from(requester.is_some());
                    row.leased = true;
                    let row = row.clone();
                    Reply::Row(Some(self.shown(&row)))
                }
            },
            Call::DeferHold(guest, forget_requester) => self.defer_hold(*guest, *forget_requester),
            Call::ApplyChange(write) => self.apply_change(write),
            Call::RecordOrphanPayment(event, orphan) => self.record_orphan_payment(*event, orphan),
            Call::LeaseCommands => Reply::Command(picked.and_then(|index| self.lease_command(index))),
            Call::LeaseCommand(index) => Reply::Command(self.lease_command(*index)),
            Call::FinishCommand(index) => self.finish_command(*index),
            Call::BeginCommand(index) => self.begin_command(*index),
            Call::FailCommand(index, failed) => self.fail_command(*index, *failed),
            Call::DeferCommand(index, lease) => self.defer_command(*index, *lease),
            Call::CreateSession(_)
            | Call::ExpireSession(_)
            | Call::ReadSession(_)
            | Call::CreateRefund(..)
            | Call::ListRefunds(_)
            | Call::ListDisputes(_) => unreachable!(),
        }
    }

    fn claim_attempt(&mut self, kind: Kind) -> Reply {
        let (guest, keyed) = match kind {
            Kind::Checkout(guest) => (guest, false),
            Kind::ReplacingCheckout(guest) => (guest, false),
            Kind::KeyedCheckout(guest) => (guest, true),
            other => panic!("{other:?} claims an attempt"),
        };
        if keyed {
            match self.key() {
                Key::Free => self.store.key = Some(guest),
                taken => return Reply::Key(taken),
            }
        }
        self.store.attempts[guest] = Some(Attempt {
            state: AttemptState::Running,
            leased: false,
            is_paid: false,
        });
        Reply::Key(Key::Free)
    }

    pub(super) fn place_hold(&mut self, hold: &Hold) -> Reply {
        let guest = usize::try_from(hold.id.0.as_u128() - 1).unwrap();
        let state = self.store.attempts[guest].map(|attempt| attempt.state);
        match state {
            Some(AttemptState::Running) => {}
            Some(AttemptState::Placed) => return self.placed(guest),
            Some(AttemptState::Lost | AttemptState::Unsettled | AttemptState::Abandoned) | None => {
                return Reply::Gone;
            }
        }
        if self.blocker().is_some() && self.mutation != Some(Mutation::NoExclusion) {
            return Reply::SlotTaken;
        }
        self.set_attempt_state(guest, AttemptState::Placed);
        let (hold, version) = (hold.clone(), 1);
        self.store.holds[guest] = Some(Row {
            hold,
            version,
            leased: false,
        });
        self.placed(guest)
    }

    fn placed(&self, guest: Guest) -> Reply {
        match self.store.attempts[guest] {
            Some(Attempt { is_paid: true, .. }) => Reply::PlacedWithMoney,
            _ => Reply::Placed,
        }
    }

    fn close_lost_attempt(&mut self, guest: Guest) -> Reply {
        match self.store.attempts[guest].map(|attempt| attempt.state) {
            Some(AttemptState::Running) => self.set_attempt_state(guest, AttemptState::Lost),
            // This checkout has closed it before, and the reply was lost.
            Some(AttemptState::Lost) => {}
            Some(AttemptState::Placed | AttemptState::Unsettled | AttemptState::Abandoned) | None => {
                return Reply::Gone;
            }
        }
        let index = self.write_command(CommandAction::ExpireSession(session_id(guest)), Some(guest));
        if self.mutation == Some(Mutation::LoserForgotten) {
            self.store.commands[index].done = true;
        }
        Reply::Written(index)
    }

    /// Ends an attempt in this state. Money that waits for a hold which will not be placed goes back.
    fn set_attempt_state(&mut self, guest: Guest, state: AttemptState) {
        let attempt = self.store.attempts[guest].as_mut().unwrap();
        (attempt.state, attempt.leased) = (state, false);
        let is_paid = attempt.is_paid;
        if is_paid && state != AttemptState::Placed {
            self.give_back_all(guest);
        }
    }

    fn end_attempt(&mut self, guest: Guest, end: AttemptEnd) -> Reply {
        let Some(attempt) = &mut self.store.attempts[guest] else {
            return Reply::Done;
        };
        let ends = match (end, attempt.state) {
            (AttemptEnd::Abandoned | AttemptEnd::Refused(_), AttemptState::Unsettled) => {
                self.mutation == Some(Mutation::TakeoverIgnored)
            }
            (AttemptEnd::Abandoned | AttemptEnd::Refused(_), state) => state == AttemptState::Running,
            (AttemptEnd::NoSession, state) => state == AttemptState::Unsettled,
            (AttemptEnd::Unsettled, AttemptState::Running) => {
                attempt.state = AttemptState::Unsettled;
                self.mutation == Some(Mutation::UnsettledForgotten)
            }
            (AttemptEnd::Unsettled, _) => false,
        };
        if ends {
            self.set_attempt_state(guest, AttemptState::Abandoned);
        }
        Reply::Done
    }

    fn lease_attempt(&mut self, guest: Guest) {
        let attempt = self.store.attempts[guest].as_mut().unwrap();
        (attempt.state, attempt.leased) = (AttemptState::Unsettled, true);
    }

    fn defer_attempt(&mut self, guest: Guest) -> Reply {
        let attempt = self.store.attempts[guest].as_mut().unwrap();
        attempt.leased &= attempt.state != AttemptState::Unsettled;
        Reply::Done
    }

    fn abandon_attempt(&mut self, guest: Guest) -> Reply {
        match self.store.attempts[guest].unwrap().state {
            AttemptState::Placed => return Reply::Gone,
            AttemptState::Running | AttemptState::Unsettled => {
                self.set_attempt_state(guest, AttemptState::Abandoned)
            }
            AttemptState::Lost | AttemptState::Abandoned => {}
        }
        Reply::Written(self.write_command(CommandAction::ExpireSession(session_id(guest)), Some(guest)))
    }

    /// Writes a command unless it exists already, and returns its index.
    pub(crate) fn write_command(&mut self, action: CommandAction, hold: Option<Guest>) -> CommandIndex {
        let known = self
            .store
            .commands
            .iter()
            .position(|command| command.action.key() == action.key());
        known.unwrap_or_else(|| {
            let (leased, lapsed, done) = (false, false, false);
            self.store.commands.push(Command {
                action,
                hold,
                leased,
                lapsed,
                lease: 0,
                done,
                key: 0,
                tried: None,
            });
            self.store.commands.len() - 1
        })
    }

    fn lease_hold(&mut self, guest: Guest) -> Option<Row> {
        let row = self.store.holds[guest].as_mut()?;
        row.leased = true;
        let row = row.clone();
        Some(self.shown(&row))
    }

    fn defer_hold(&mut self, guest: Guest, forget_requester: bool) -> Reply {
        if let Some(row) = &mut self.store.holds[guest]
            && matches!(row.hold.status, Status::Held | Status::Processing)
        {
            row.leased = false;
            row.hold.requested_by = row.hold.requested_by.filter(|_| !forget_requester);
        }
        Reply::Done
    }

    pub(crate) fn is_applied(&self, event: Option<StripeEvent>) -> bool {
        let known = event.is_some_and(|event| self.store.events.contains_key(&event));
        known && self.mutation != Some(Mutation::EventsNotRemembered)
    }

    pub(crate) fn record_event(&mut self, event: Option<StripeEvent>) {
        if let Some(event) = event {
            self.store.events.entry(event).or_insert(0);
        }
    }

    fn apply_change(&mut self, write: &HoldWrite) -> Reply {
        let version = self.store.holds[write.guest].as_ref().unwrap().version;
        let stale = (write.step.is_some() || write.noted.is_some()) && version != write.version;
        if self.is_applied(write.event) {
            return Reply::Duplicate;
        }
        if stale && self.mutation != Some(Mutation::NoCompareAndSwap) {
            return Reply::Conflict;
        }
        if matches!(&write.step, Some(StateChange::Reclaim { .. })) && !self.slot_is_free(write.guest) {
            return Reply::Conflict;
        }
        self.record_event(write.event);
        if let Some(guest) = write.noted {
            self.store.unnoted[guest] = false;
        }
        let transition = match &write.step {
            None => return Reply::ApplyOutcome { commands: 0 },
            Some(StateChange::Reclaim { .. }) if self.mutation == Some(Mutation::LatePaymentIgnored) => {
                return Reply::ApplyOutcome { commands: 0 };
            }
            Some(StateChange::Transition(transition) | StateChange::Reclaim { transition, .. }) => transition,
        };
        self.write_transition(write, transition)
    }

    fn slot_is_free(&self, guest: Guest) -> bool {
        let mut others = self
            .store
            .holds
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != guest);
        !others.any(|(_, row)| row.as_ref().is_some_and(|row| row.hold.status.is_live()))
    }

    pub(super) fn write_transition(&mut self, write: &HoldWrite, transition: &Transition) -> Reply {
        let next = &transition.next;
        let row = self.store.holds[write.guest].as_mut().unwrap();
        row.leased &= row.hold.status == next.status;
        row.hold = next.clone();
        row.hold.unmatched.clear();
        row.hold.payments = next.payments.iter().cloned().map(as_stored).collect();
        row.version += 1;
        if let Some(event) = write.event {
            *self.store.events.entry(event).or_insert(0) += 1;
        }
        self.store
            .orphans
            .retain(|orphan| next.find_payment(&orphan.payment.intent).is_none());
        let before = self.store.commands.len();
        for action in &transition.commands {
            let is_expiry = matches!(action, CommandAction::ExpireSession(_));
            if is_expiry && self.mutation == Some(Mutation::OwnSessionLeftOpen) {
                continue;
            }
            self.write_command(action.clone(), Some(write.guest));
        }
        let commands = self.store.commands.len() - before;
        Reply::ApplyOutcome { commands }
    }

    fn lease_command(&mut self, index: CommandIndex) -> Option<Leased> {
        let command = self
            .store
            .commands
            .get_mut(index)
            .filter(|command| !command.done && !command.leased)?;
        command.leased = true;
        command.lease += u8::from(std::mem::take(&mut command.lapsed));
        Some(Leased {
            index,
            what: command.action.clone(),
            hold: command.hold,
            key: command.key,
            lease: command.lease,
            tried: command.tried,
        })
    }

    fn begin_command(&mut self, index: CommandIndex) -> Reply {
        let day = self.is_day_later;
        self.store.commands[index].tried.get_or_insert(day);
        Reply::Done
    }

    fn finish_command(&mut self, index: CommandIndex) -> Reply {
        let command = &mut self.store.commands[index];
        (command.done, command.leased, command.lapsed) = (true, false, false);
        let CommandAction::Refund { intent, .. } = &command.action else {
            return Reply::Done;
        };
        let (guest, hold) = (by_intent(intent), command.hold);
        if hold.is_none() {
            self.note_orphan(guest);
            return Reply::Done;
        }
        self.touch_hold(guest);
        self.store.unnoted[guest] |= !self.store.facts[guest].is_empty();
        Reply::Done
    }

    fn fail_command(&mut self, index: CommandIndex, failed: FailedLease) -> Reply {
        let is_kept = self.mutation == Some(Mutation::KeyKeptAfterRefusal);
        let command = &mut self.store.commands[index];
        if command.end_lease(failed.lease) {
            command.key += u8::from(failed.with_new_key && !is_kept);
        }
        Reply::Done
    }

    fn defer_command(&mut self, index: CommandIndex, lease: u8) -> Reply {
        self.store.commands[index].end_lease(lease);
        Reply::Done
    }
}
