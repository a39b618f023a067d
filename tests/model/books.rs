//! The books of the model: what one transaction of the store does and answers, in a few lines each. That the engines do
//! the same is held by the store's contract tests; the rules that both follow are asked, not repeated.

use holdfast::domain::command::CommandAction as What;
use holdfast::domain::hold::{Hold, Status, Transition};
use holdfast::domain::payment::{PaymentState, Receipt};
use holdfast::store::{AttemptEnd, StateChange};

use crate::call::{Answer, Ask, CommandIndex, Guest, Key, Leased, Note, Row, Write, session_id};
use crate::process::Kind;
use crate::world::{Attempt, Choice, Command, Fault, Standing, World};

impl World {
    pub(crate) fn stale_attempts(&self, late: bool) -> Vec<Guest> {
        let attempts = self.books.attempts.iter().enumerate();
        let stale = attempts.filter(|(guest, attempt)| {
            let open = |standing| matches!(standing, Standing::Running | Standing::Unsettled);
            attempt.is_some_and(|attempt| open(attempt.standing) && !attempt.leased)
                && self.time_is_up[*guest] == late
        });
        stale.map(|(guest, _)| guest).collect()
    }

    pub(crate) fn due_holds(&self) -> Vec<Guest> {
        let due = |row: &Row| matches!(row.hold.status, Status::Held | Status::Processing) && !row.leased;
        let holds = self.books.holds.iter().enumerate();
        holds
            .filter(|(_, row)| row.as_ref().is_some_and(due))
            .map(|(guest, _)| guest)
            .collect()
    }

    pub(crate) fn due_commands(&self) -> Vec<CommandIndex> {
        let commands = self.books.commands.iter().enumerate();
        commands
            .filter(|(_, command)| !command.done && !command.leased)
            .map(|(order, _)| order)
            .collect()
    }

    pub(super) fn books_answer(&mut self, kind: Kind, ask: &Ask, choice: Choice) -> Answer {
        let picked = match choice {
            Choice::Pick(which) => Some(which),
            _ => None,
        };
        match ask {
            Ask::LookAtKey => Answer::Key(self.key()),
            Ask::Look | Ask::Availability => Answer::Availability(self.blocker().map(|row| {
                let guest = usize::try_from(row.hold.id.0.as_u128() - 1).unwrap();
                (guest, choice == Choice::Overdue)
            })),
            Ask::Claim => self.claim(kind),
            Ask::Place(placing) => self.place(&placing.0),
            Ask::Lose(guest) => self.lose(*guest),
            Ask::EndAttempt(guest, end) => self.end_attempt(*guest, *end),
            Ask::LeaseAttempt => Answer::Attempt(picked.inspect(|guest| self.lease_attempt(*guest))),
            Ask::DeferAttempt(guest) => self.defer_attempt(*guest),
            Ask::Abandon(guest) => self.abandon(*guest),
            Ask::Booking(guest) => Answer::Row(self.books.holds[*guest].clone()),
            Ask::LeaseHold => Answer::Row(picked.and_then(|guest| self.lease_hold(guest))),
            Ask::LeaseRelease(guest, asker) => match &mut self.books.holds[*guest] {
                None => Answer::Row(None),
                Some(row) if row.hold.status != Status::Held => Answer::NotHeld(row.clone()),
                Some(row) if row.leased => Answer::Busy,
                Some(row) => {
                    row.hold.requested_by = asker.or(row.hold.requested_by);
                    row.version += i64::from(asker.is_some());
                    row.leased = true;
                    Answer::Row(Some(row.clone()))
                }
            },
            Ask::DeferHold(guest, forget_requester) => self.defer_hold(*guest, *forget_requester),
            Ask::Apply(write) => self.apply(write),
            Ask::Orphan(note, receipt) => self.orphan(*note, receipt),
            Ask::LeaseCommands => Answer::Command(picked.and_then(|order| self.lease_command(order))),
            Ask::LeaseCommand(order) => Answer::Command(self.lease_command(*order)),
            Ask::Finish(order) => self.finish(*order),
            Ask::Fail(order) => {
                self.books.commands[*order].leased = false;
                Answer::Done
            }
            Ask::Create(_) | Ask::Expire(_) | Ask::Read(_) | Ask::Refund(..) => unreachable!(),
        }
    }

    fn claim(&mut self, kind: Kind) -> Answer {
        let (guest, keyed) = match kind {
            Kind::Checkout(guest) => (guest, false),
            Kind::KeyedCheckout(guest) => (guest, true),
            other => panic!("{other:?} claims an attempt"),
        };
        if keyed {
            match self.key() {
                Key::Free => self.books.key = Some(guest),
                taken => return Answer::Key(taken),
            }
        }
        let standing = Standing::Running;
        self.books.attempts[guest] = Some(Attempt {
            standing,
            leased: false,
        });
        Answer::Key(Key::Free)
    }

    fn place(&mut self, hold: &Hold) -> Answer {
        let guest = usize::try_from(hold.id.0.as_u128() - 1).unwrap();
        let standing = self.books.attempts[guest].map(|attempt| attempt.standing);
        match standing {
            Some(Standing::Running) => {}
            Some(Standing::Placed) => return Answer::Placed,
            Some(Standing::Lost | Standing::Unsettled | Standing::Abandoned) | None => return Answer::Gone,
        }
        if self.blocker().is_some() && self.fault != Some(Fault::NoExclusion) {
            return Answer::SlotTaken;
        }
        self.stand(guest, Standing::Placed);
        let (hold, version) = (hold.clone(), 1);
        self.books.holds[guest] = Some(Row {
            hold,
            version,
            leased: false,
        });
        Answer::Placed
    }

    fn lose(&mut self, guest: Guest) -> Answer {
        match self.books.attempts[guest].map(|attempt| attempt.standing) {
            Some(Standing::Running) => self.stand(guest, Standing::Lost),
            // By ourselves, and the answer got lost.
            Some(Standing::Lost) => {}
            Some(Standing::Placed | Standing::Unsettled | Standing::Abandoned) | None => return Answer::Gone,
        }
        let order = self.order(What::ExpireSession(session_id(guest)), Some(guest));
        if self.fault == Some(Fault::LoserForgotten) {
            self.books.commands[order].done = true;
        }
        Answer::Written(order)
    }

    fn stand(&mut self, guest: Guest, standing: Standing) {
        self.books.attempts[guest] = Some(Attempt {
            standing,
            leased: false,
        });
    }

    fn end_attempt(&mut self, guest: Guest, end: AttemptEnd) -> Answer {
        let Some(attempt) = &mut self.books.attempts[guest] else {
            return Answer::Done;
        };
        let ends = match (end, attempt.standing) {
            (AttemptEnd::Abandoned, Standing::Unsettled) => self.fault == Some(Fault::TakeoverIgnored),
            (AttemptEnd::Abandoned, standing) => standing == Standing::Running,
            (AttemptEnd::NoSession, standing) => standing == Standing::Unsettled,
            (AttemptEnd::Unsettled, Standing::Running) => {
                attempt.standing = Standing::Unsettled;
                self.fault == Some(Fault::UnsettledForgotten)
            }
            (AttemptEnd::Unsettled, _) => false,
        };
        if ends {
            self.stand(guest, Standing::Abandoned);
        }
        Answer::Done
    }

    fn lease_attempt(&mut self, guest: Guest) {
        let standing = Standing::Unsettled;
        self.books.attempts[guest] = Some(Attempt {
            standing,
            leased: true,
        });
    }

    fn defer_attempt(&mut self, guest: Guest) -> Answer {
        let attempt = self.books.attempts[guest].as_mut().unwrap();
        attempt.leased &= attempt.standing != Standing::Unsettled;
        Answer::Done
    }

    fn abandon(&mut self, guest: Guest) -> Answer {
        match self.books.attempts[guest].unwrap().standing {
            Standing::Placed => return Answer::Gone,
            Standing::Running | Standing::Unsettled => self.stand(guest, Standing::Abandoned),
            Standing::Lost | Standing::Abandoned => {}
        }
        Answer::Written(self.order(What::ExpireSession(session_id(guest)), Some(guest)))
    }

    /// Writes an order, unless it is known; where it stands.
    fn order(&mut self, what: What, hold: Option<Guest>) -> CommandIndex {
        let known = self
            .books
            .commands
            .iter()
            .position(|command| command.what.key() == what.key());
        known.unwrap_or_else(|| {
            let (leased, done) = (false, false);
            self.books.commands.push(Command {
                what,
                hold,
                leased,
                done,
            });
            self.books.commands.len() - 1
        })
    }

    fn lease_hold(&mut self, guest: Guest) -> Option<Row> {
        let row = self.books.holds[guest].as_mut()?;
        row.leased = true;
        Some(row.clone())
    }

    fn defer_hold(&mut self, guest: Guest, forget_requester: bool) -> Answer {
        if let Some(row) = &mut self.books.holds[guest]
            && matches!(row.hold.status, Status::Held | Status::Processing)
        {
            row.leased = false;
            row.hold.requested_by = row.hold.requested_by.filter(|_| !forget_requester);
        }
        Answer::Done
    }

    fn knows(&self, note: Option<Note>) -> bool {
        let known = note.is_some_and(|note| self.books.events.contains_key(&note));
        known && self.fault != Some(Fault::EventsNotRemembered)
    }

    fn remember(&mut self, note: Option<Note>) {
        if let Some(note) = note {
            self.books.events.entry(note).or_insert(0);
        }
    }

    fn apply(&mut self, write: &Write) -> Answer {
        let version = self.books.holds[write.guest].as_ref().unwrap().version;
        let stale = write.step.is_some() && version != write.version;
        if self.knows(write.event) {
            return Answer::Seen;
        }
        if stale && self.fault != Some(Fault::NoCompareAndSwap) {
            return Answer::Lost;
        }
        if matches!(&write.step, Some(StateChange::Reclaim { .. })) && !self.slot_is_free(write.guest) {
            return Answer::Lost;
        }
        self.remember(write.event);
        let transition = match &write.step {
            None => return Answer::ApplyOutcome { orders: 0 },
            Some(StateChange::Reclaim { .. }) if self.fault == Some(Fault::LatePaymentIgnored) => {
                return Answer::ApplyOutcome { orders: 0 };
            }
            Some(StateChange::Transition(transition) | StateChange::Reclaim { transition, .. }) => transition,
        };
        self.take(write, transition)
    }

    fn slot_is_free(&self, guest: Guest) -> bool {
        let mut others = self
            .books
            .holds
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != guest);
        !others.any(|(_, row)| row.as_ref().is_some_and(|row| row.hold.status.is_live()))
    }

    fn take(&mut self, write: &Write, transition: &Transition) -> Answer {
        let next = &transition.next;
        let row = self.books.holds[write.guest].as_mut().unwrap();
        row.leased &= row.hold.status == next.status;
        row.hold = next.clone();
        row.version += 1;
        if let Some(note) = write.event {
            *self.books.events.entry(note).or_insert(0) += 1;
        }
        self.books
            .orphans
            .retain(|orphan| next.find_payment(&orphan.intent).is_none());
        let before = self.books.commands.len();
        for what in &transition.commands {
            self.order(what.clone(), Some(write.guest));
        }
        let orders = self.books.commands.len() - before;
        Answer::ApplyOutcome { orders }
    }

    fn orphan(&mut self, note: Option<Note>, receipt: &Receipt) -> Answer {
        if self.knows(note) {
            return Answer::Seen;
        }
        self.remember(note);
        let held = self
            .books
            .holds
            .iter()
            .flatten()
            .any(|row| row.hold.find_payment(&receipt.intent).is_some());
        if held
            || self
                .books
                .orphans
                .iter()
                .any(|orphan| orphan.intent == receipt.intent)
        {
            return Answer::Seen;
        }
        self.books
            .orphans
            .push(receipt.to_payment(PaymentState::RefundDue));
        let (intent, money) = (receipt.intent.clone(), receipt.money);
        self.order(What::Refund { intent, money }, None);
        Answer::ApplyOutcome { orders: 1 }
    }

    fn lease_command(&mut self, order: CommandIndex) -> Option<Leased> {
        let command = self
            .books
            .commands
            .get_mut(order)
            .filter(|command| !command.done && !command.leased)?;
        command.leased = true;
        let (what, hold) = (command.what.clone(), command.hold);
        Some(Leased { order, what, hold })
    }

    fn finish(&mut self, order: CommandIndex) -> Answer {
        let command = &mut self.books.commands[order];
        (command.done, command.leased) = (true, false);
        if let (None, What::Refund { intent, .. }) = (command.hold, &command.what) {
            let back = [PaymentState::RefundDue, PaymentState::RefundFailed];
            let orphans = self.books.orphans.iter_mut();
            for orphan in orphans.filter(|orphan| orphan.intent == *intent && back.contains(&orphan.state)) {
                orphan.refunded = orphan.money.amount;
                orphan.state = PaymentState::Refunded;
            }
        }
        Answer::Done
    }
}
