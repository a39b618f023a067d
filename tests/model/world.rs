//! Everything that outlives a process: the store, Stripe, and the URLs that guests received.
//!
//! `store` and `stripe` say how each replies to a call. This file defines their state, the replies that are possible
//! besides the normal one, and the mutations that can be added.

use std::collections::{BTreeMap, BTreeSet};

use holdfast::domain::command::CommandAction;
use holdfast::domain::ledger::snapshots::PaymentFacts;

use crate::call::{Call, CommandIndex, GUESTS, Guest, Key, Reply, Row, StripeEvent};
use crate::money::{Dispute, Refund};
use crate::process::Kind;
use crate::waiting_payments::Orphan;

/// A bug in the simulated store or Stripe, around the shipped code: the checker must find each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Mutation {
    /// The sweep treats a session as expired by the clock, without a call to Stripe.
    ReleaseByClock,
    /// A checkout that replaces a hold treats its session as expired, without a call to Stripe.
    HandoverByClock,
    /// The store does not record which events were applied.
    EventsNotRemembered,
    /// The guest receives the URL before the hold is committed.
    UrlBeforeCommit,
    /// A lost attempt writes no command to expire its session.
    LoserForgotten,
    /// A payment for a released hold counts as already handled.
    LatePaymentIgnored,
    /// A change is written even if the row has changed since it was decided.
    NoCompareAndSwap,
    /// Two holds may have the same slot.
    NoExclusion,
    /// An attempt without a clear response to its session counts as closed.
    UnsettledForgotten,
    /// A checkout can close its attempt after the sweep has taken it over.
    TakeoverIgnored,
    /// A hold that another session paid leaves its own session open.
    OwnSessionLeftOpen,
    /// A refund that is reported twice counts twice, as in a counter.
    RefundsCounted,
    /// A refund that Stripe refused is tried again under the same key.
    KeyKeptAfterRefusal,
    /// Money for a hold whose checkout still runs is refunded at once.
    RefundedWhileRunning,
    /// Nobody looks for money that waits when its attempt ends, or later.
    WaitForgotten,
    /// Nobody looks for the refund of an earlier try when its key may be forgotten.
    LookupLeftOut,
}

/// The possible outcomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Choice {
    /// The call succeeds and its reply arrives.
    Plain,
    /// The call returns this one of several rows.
    Pick(usize),
    /// The hold that has the slot is overdue.
    Overdue,
    /// The call takes effect, and its reply is lost.
    DoneButLost,
    /// The call takes no effect, and there is no reply.
    NotDoneAndLost,
    /// The call certainly takes no effect.
    Unavailable,
}

/// The state of an attempt, as in `checkout_attempts`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum AttemptState {
    Running,
    Unsettled,
    Placed,
    Lost,
    Abandoned,
}

/// A row of the table of attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Attempt {
    pub(crate) state: AttemptState,
    pub(crate) leased: bool,
    /// Whether money for its hold came before the hold was placed.
    pub(crate) is_paid: bool,
}

/// A row of the table of commands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Command {
    pub(crate) action: CommandAction,
    pub(crate) hold: Option<Guest>,
    pub(crate) leased: bool,
    /// Whether its lease has ended before its worker did, and nobody has leased it since.
    pub(crate) lapsed: bool,
    /// The number of its lease, if a worker still works on it whose lease has ended.
    pub(crate) lease: u8,
    pub(crate) done: bool,
    /// The number of its key.
    pub(crate) key: u8,
    /// Whether its first try was on the day after; `None` before it.
    pub(crate) tried: Option<bool>,
}

impl Command {
    /// Ends the lease of this number, if the command is not done and nobody has leased it since.
    pub(crate) fn end_lease(&mut self, lease: u8) -> bool {
        let is_its_own = !self.done && self.lease == lease && (self.leased || self.lapsed);
        if is_its_own {
            (self.leased, self.lapsed) = (false, false);
        }
        is_its_own
    }
}

/// The rows of the simulated database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct StoreState {
    pub(crate) attempts: [Option<Attempt>; GUESTS],
    /// The guest whose attempt has the shared idempotency key.
    pub(crate) key: Option<Guest>,
    pub(crate) holds: [Option<Row>; GUESTS],
    /// The payments that belong to no hold.
    pub(crate) orphans: Vec<Orphan>,
    pub(crate) commands: Vec<Command>,
    /// The refunds and disputes of the payment of each guest's session.
    pub(crate) facts: [PaymentFacts; GUESTS],
    /// The payments of which the hold has not taken notice.
    pub(crate) unnoted: [bool; GUESTS],
    /// The applied events, and how many history lines each wrote.
    pub(crate) events: BTreeMap<StripeEvent, u8>,
}

/// The state of a session at Stripe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum SessionState {
    Open,
    /// The session is complete and paid.
    Paid,
    /// The session is complete, and the money may still arrive.
    Pending,
    /// The session is complete, and the money will not arrive.
    Failed,
    Expired,
}

/// A session at Stripe, and the payments made through it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Session {
    pub(crate) state: SessionState,
    /// The guest confirms at their bank: the payment may succeed even if the session expires now.
    pub(crate) at_bank: bool,
    /// The payment succeeded after the session had expired, and only an event reports it.
    pub(crate) after_end: bool,
    /// The session is a copy of the first guest's, with its metadata, and only an event reports it.
    pub(crate) is_copy: bool,
    /// Whether the payment has succeeded.
    pub(crate) paid: bool,
    pub(crate) refunds: Vec<Refund>,
    pub(crate) dispute: Option<Dispute>,
    /// What Stripe answers to a command's key again: the number of the refund, or the code of the refusal.
    pub(crate) answers: BTreeMap<(CommandIndex, u8), Result<usize, &'static str>>,
}

/// The whole state outside of the processes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) mutation: Option<Mutation>,
    pub(crate) store: StoreState,
    pub(crate) sessions: [Option<Session>; GUESTS],
    /// Whether the expiry in the terms of this attempt is in the past, so that Stripe refuses to make its session.
    pub(crate) time_is_up: [bool; GUESTS],
    /// The guests who have received the URL of their session.
    pub(crate) has_url: [bool; GUESTS],
    /// Whether a day has passed, in which Stripe has forgotten all keys.
    pub(crate) is_day_later: bool,
    /// The events that Stripe may deliver.
    pub(crate) events: BTreeSet<StripeEvent>,
}

impl World {
    pub(crate) fn new(mutation: Option<Mutation>) -> Self {
        Self {
            mutation,
            store: StoreState::default(),
            sessions: [None, None],
            time_is_up: [false; GUESTS],
            has_url: [false; GUESTS],
            is_day_later: false,
            events: BTreeSet::new(),
        }
    }

    /// The outcomes without a failure; none if a sweep finds nothing.
    pub(crate) fn choices(&self, kind: Kind, call: &Call) -> Vec<Choice> {
        let picks = |found: Vec<usize>| found.into_iter().map(Choice::Pick).collect();
        match call {
            Call::LeaseStaleAttempt => picks(self.stale_attempts(kind == Kind::SweepAttempt { late: true })),
            Call::LeaseDueHold => picks(self.due_holds()),
            Call::LeaseCommands => picks(self.due_commands()),
            Call::ListUnnoted => picks(self.unnoted()),
            Call::ListUnsettledWaits => picks(self.unsettled_waits()),
            Call::LoadAvailability => match self.blocker() {
                Some(row) if row.hold.status == holdfast::domain::hold::Status::Held => {
                    vec![Choice::Plain, Choice::Overdue]
                }
                _ => vec![Choice::Plain],
            },
            _ => vec![Choice::Plain],
        }
    }

    /// Carries out a call with this outcome, and returns the reply.
    pub(crate) fn perform(&mut self, kind: Kind, call: &Call, choice: Choice) -> Reply {
        let lost = if is_stripe_call(call) {
            Reply::Unknown
        } else {
            Reply::Away
        };
        match choice {
            Choice::NotDoneAndLost => lost,
            Choice::Unavailable => Reply::Unavailable,
            Choice::DoneButLost => {
                self.reply(kind, call, Choice::Plain);
                lost
            }
            Choice::Plain | Choice::Pick(_) | Choice::Overdue => self.reply(kind, call, choice),
        }
    }

    fn reply(&mut self, kind: Kind, call: &Call, choice: Choice) -> Reply {
        match call {
            Call::CreateSession(guest) => self.create_session(*guest),
            Call::ExpireSession(guest) => self.expire_session(kind, *guest),
            Call::ReadSession(guest) => self.read_session(*guest),
            Call::CreateRefund(guest, money, index, key) => {
                self.create_refund(*guest, money.amount, *index, *key)
            }
            Call::ListRefunds(guest) => self.list_refunds(*guest),
            Call::ListDisputes(guest) => self.list_disputes(*guest),
            store_call => self.store_reply(kind, store_call, choice),
        }
    }

    /// The live hold that has the slot.
    pub(crate) fn blocker(&self) -> Option<&Row> {
        self.store
            .holds
            .iter()
            .flatten()
            .find(|row| row.hold.status.is_live())
    }

    /// Ends the leases of all rows at once.
    pub(crate) fn end_leases(&mut self) {
        for row in self.store.holds.iter_mut().flatten() {
            row.leased = false;
        }
        for attempt in self.store.attempts.iter_mut().flatten() {
            attempt.leased = false;
        }
        for command in &mut self.store.commands {
            command.lapsed |= command.leased && !command.done;
            command.leased = false;
        }
    }

    pub(crate) fn is_leased(&self) -> bool {
        let StoreState {
            holds,
            attempts,
            commands,
            ..
        } = &self.store;
        holds.iter().flatten().any(|row| row.leased)
            || attempts.iter().flatten().any(|attempt| attempt.leased)
            || commands.iter().any(|command| command.leased && !command.done)
    }

    /// Adds an event that Stripe may deliver from now on.
    pub(crate) fn send_event(&mut self, event: StripeEvent) {
        self.events.insert(event);
    }

    /// The state of the shared key, as `look_up` and `claim_attempt` see it.
    pub(crate) fn key(&self) -> Key {
        let Some(guest) = self.store.key else {
            return Key::Free;
        };
        let live = self.store.holds[guest]
            .as_ref()
            .is_some_and(|row| row.hold.status.is_live());
        match self.store.attempts[guest].map(|attempt| attempt.state) {
            Some(AttemptState::Running) => Key::Running,
            Some(AttemptState::Placed) if live => Key::Placed(guest),
            _ => Key::Free,
        }
    }
}

/// Whether a call goes to Stripe and not to the store.
pub(crate) fn is_stripe_call(call: &Call) -> bool {
    matches!(
        call,
        Call::CreateSession(_)
            | Call::ExpireSession(_)
            | Call::ReadSession(_)
            | Call::CreateRefund(..)
            | Call::ListRefunds(_)
            | Call::ListDisputes(_)
    )
}

/// Whether a call only reads and changes nothing.
pub(crate) fn is_read(call: &Call) -> bool {
    matches!(
        call,
        Call::ReadSession(_)
            | Call::ListRefunds(_)
            | Call::ListDisputes(_)
            | Call::FindBooking(_)
            | Call::FindOwner(_)
            | Call::FindFacts(_)
            | Call::IsPaymentKnown(_)
            | Call::ListWaiting(_)
            | Call::LoadOccupancy
            | Call::LoadAvailability
            | Call::FindClaim
    )
}
