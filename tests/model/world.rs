//! Everything that outlives a process: the books, Stripe, and what the guests were given.
//!
//! `books` and `stripe` say how each answers a question. Here is what they are made of, which answers besides the plain
//! one are possible, and the faults that can be planted.

use std::collections::{BTreeMap, BTreeSet};

use holdfast::domain::command::CommandAction as What;
use holdfast::domain::payment::Payment;

use crate::call::{Answer, Ask, CommandIndex, GUESTS, Guest, Key, Note, Row};
use crate::process::Kind;

/// A fault put into the model's own half, around what the shipped code asks or answers: the checker must find each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fault {
    /// The sweep takes a session for ended by the clock, and Stripe is not asked.
    ReleaseByClock,
    /// The books do not remember which events they have had.
    EventsNotRemembered,
    /// The URL leaves as soon as Stripe has made the session.
    UrlBeforeCommit,
    /// Who loses the race leaves no command to end their session.
    LoserForgotten,
    /// Money for a released hold is taken as already seen to.
    LatePaymentIgnored,
    /// A change is written whatever happened since it was decided.
    NoCompareAndSwap,
    /// Two holds may have the slot.
    NoExclusion,
    /// An attempt whose creation had no clear answer counts as closed.
    UnsettledForgotten,
    /// A checkout can close its attempt though the sweep has taken it over.
    TakeoverIgnored,
}

/// How a question can be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Choice {
    /// As it should.
    Plain,
    /// With this one of several.
    Pick(usize),
    /// The hold in the way is overdue.
    Overdue,
    /// It was done, and the answer got lost.
    DoneButLost,
    /// It was not done, and no answer says so.
    NotDoneAndLost,
    /// It was surely not done.
    Unavailable,
}

/// Where an attempt stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Standing {
    Running,
    Unsettled,
    Placed,
    Lost,
    Abandoned,
}

/// An attempt's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Attempt {
    pub(crate) standing: Standing,
    pub(crate) leased: bool,
}

/// A command's row.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Command {
    pub(crate) what: What,
    pub(crate) hold: Option<Guest>,
    pub(crate) leased: bool,
    pub(crate) done: bool,
}

/// What the database holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Books {
    pub(crate) attempts: [Option<Attempt>; GUESTS],
    /// Whose attempt has the shared key.
    pub(crate) key: Option<Guest>,
    pub(crate) holds: [Option<Row>; GUESTS],
    /// Payments without a hold.
    pub(crate) orphans: Vec<Payment>,
    pub(crate) commands: Vec<Command>,
    /// Events that were applied, and how many lines each wrote into the history.
    pub(crate) events: BTreeMap<Note, u8>,
}

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Life {
    Open,
    /// Complete: paid.
    Paid,
    /// Complete: the money may still come.
    Pending,
    /// Complete: the money will not come.
    Failed,
    Expired,
}

/// A session at Stripe, and the money that came through it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Session {
    pub(crate) life: Life,
    /// The guest's bank is asking them: money may come even if the session ends now.
    pub(crate) at_bank: bool,
    /// The money came after the session had ended, and only an event says so.
    pub(crate) after_end: bool,
    /// Whether the money came.
    pub(crate) paid: bool,
    /// Which orders gave it back; the shop's own hand is no order.
    pub(crate) refunds: Vec<CommandIndex>,
    pub(crate) refunded_by_shop: bool,
}

/// All of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) fault: Option<Fault>,
    pub(crate) books: Books,
    pub(crate) sessions: [Option<Session>; GUESTS],
    /// Sessions made now would end in the past: the terms of this attempt are no longer good.
    pub(crate) time_is_up: [bool; GUESTS],
    /// Who has a URL to pay at.
    pub(crate) given: [bool; GUESTS],
    /// What Stripe has to tell.
    pub(crate) notes: BTreeSet<Note>,
}

impl World {
    pub(crate) fn new(fault: Option<Fault>) -> Self {
        Self {
            fault,
            books: Books::default(),
            sessions: [None, None],
            time_is_up: [false; GUESTS],
            given: [false; GUESTS],
            notes: BTreeSet::new(),
        }
    }

    /// The answers that need no trouble; none where a sweep finds nothing.
    pub(crate) fn choices(&self, kind: Kind, ask: &Ask) -> Vec<Choice> {
        let picks = |found: Vec<usize>| found.into_iter().map(Choice::Pick).collect();
        match ask {
            Ask::LeaseAttempt => picks(self.stale_attempts(kind == Kind::SweepAttempt { late: true })),
            Ask::LeaseHold => picks(self.due_holds()),
            Ask::LeaseCommands => picks(self.due_commands()),
            Ask::Availability => match self.blocker() {
                Some(row) if row.hold.status == holdfast::domain::hold::Status::Held => {
                    vec![Choice::Plain, Choice::Overdue]
                }
                _ => vec![Choice::Plain],
            },
            _ => vec![Choice::Plain],
        }
    }

    /// Answers a question.
    pub(crate) fn perform(&mut self, kind: Kind, ask: &Ask, choice: Choice) -> Answer {
        let lost = if is_call(ask) {
            Answer::Unknown
        } else {
            Answer::Away
        };
        match choice {
            Choice::NotDoneAndLost => lost,
            Choice::Unavailable => Answer::Unavailable,
            Choice::DoneButLost => {
                self.answer(kind, ask, Choice::Plain);
                lost
            }
            Choice::Plain | Choice::Pick(_) | Choice::Overdue => self.answer(kind, ask, choice),
        }
    }

    fn answer(&mut self, kind: Kind, ask: &Ask, choice: Choice) -> Answer {
        match ask {
            Ask::Create(guest) => self.create(*guest),
            Ask::Expire(guest) => self.expire(kind, *guest),
            Ask::Read(guest) => self.read(*guest),
            Ask::Refund(guest, money, order) => self.refund(*guest, *money, *order),
            books => self.books_answer(kind, books, choice),
        }
    }

    /// The hold that has the slot.
    pub(crate) fn blocker(&self) -> Option<&Row> {
        self.books
            .holds
            .iter()
            .flatten()
            .find(|row| row.hold.status.is_live())
    }

    /// Leases run out, whoever has them.
    pub(crate) fn end_leases(&mut self) {
        for row in self.books.holds.iter_mut().flatten() {
            row.leased = false;
        }
        for attempt in self.books.attempts.iter_mut().flatten() {
            attempt.leased = false;
        }
        for command in &mut self.books.commands {
            command.leased = false;
        }
    }

    pub(crate) fn is_leased(&self) -> bool {
        let Books {
            holds,
            attempts,
            commands,
            ..
        } = &self.books;
        holds.iter().flatten().any(|row| row.leased)
            || attempts.iter().flatten().any(|attempt| attempt.leased)
            || commands.iter().any(|command| command.leased && !command.done)
    }

    /// Stripe has something to tell.
    pub(crate) fn tell(&mut self, note: Note) {
        self.notes.insert(note);
    }

    /// Who has the key, as `look_at_key` and `claim_attempt` see it.
    pub(crate) fn key(&self) -> Key {
        let Some(guest) = self.books.key else {
            return Key::Free;
        };
        let live = self.books.holds[guest]
            .as_ref()
            .is_some_and(|row| row.hold.status.is_live());
        match self.books.attempts[guest].map(|attempt| attempt.standing) {
            Some(Standing::Running) => Key::Running,
            Some(Standing::Placed) if live => Key::Placed(guest),
            _ => Key::Free,
        }
    }
}

/// Whether a question goes to Stripe.
pub(crate) fn is_call(ask: &Ask) -> bool {
    matches!(
        ask,
        Ask::Create(_) | Ask::Expire(_) | Ask::Read(_) | Ask::Refund(..)
    )
}

/// Whether a question changes nothing, whoever answers it.
pub(crate) fn is_read(ask: &Ask) -> bool {
    matches!(
        ask,
        Ask::Read(_) | Ask::Booking(_) | Ask::Look | Ask::Availability | Ask::LookAtKey
    )
}
