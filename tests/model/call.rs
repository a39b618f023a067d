//! What a workflow asks of the books and of Stripe, and what it is told: the alphabet in which the model writes down how
//! far a workflow has come. Small values that can be compared and hashed; `doubles` turns them into what the traits
//! speak.

use holdfast::domain::hold::{Fact, FailureCode, Hold, ReleaseRequester};
use holdfast::domain::ids::{EventId, HoldId, IntentId, SessionId};
use holdfast::domain::money::{Currency, Money};
use holdfast::domain::payment::Receipt;
use holdfast::domain::session::{SessionPayment, SessionStatus};
use holdfast::store::{AttemptEnd, Claim, StateChange};
use uuid::Uuid;

/// A guest, and with them their one attempt, hold, session and intent.
pub(crate) type Guest = usize;
/// A command by its place in the outbox.
pub(crate) type CommandIndex = usize;

/// There are no more guests than this.
pub(crate) const GUESTS: usize = 2;

pub(crate) fn hold_id(guest: Guest) -> HoldId {
    HoldId(Uuid::from_u128(guest as u128 + 1))
}

pub(crate) fn session_id(guest: Guest) -> SessionId {
    SessionId::new(format!("cs_{guest}"))
}

pub(crate) fn intent_id(guest: Guest) -> IntentId {
    IntentId::new(format!("pi_{guest}"))
}

/// Whose session this is; ids that the model did not make are a bug.
pub(crate) fn by_session(id: &SessionId) -> Guest {
    (0..GUESTS).find(|guest| session_id(*guest) == *id).unwrap()
}

/// Whose intent this is.
pub(crate) fn by_intent(id: &IntentId) -> Guest {
    (0..GUESTS).find(|guest| intent_id(*guest) == *id).unwrap()
}

pub(crate) fn price() -> Money {
    Money {
        amount: 5000,
        currency: Currency::parse("eur").unwrap(),
    }
}

pub(crate) fn receipt(guest: Guest) -> Receipt {
    Receipt {
        intent: intent_id(guest),
        money: price(),
    }
}

/// An event that Stripe sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Note {
    pub(crate) guest: Guest,
    pub(crate) kind: NoteKind,
}

/// The events that the model's Stripe sends; each once for a guest, under an id of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum NoteKind {
    Paid,
    Unpaid,
    Expired,
    AsyncSucceeded,
    AsyncFailed,
    IntentSucceeded,
    Declined,
    Refunded,
}

impl NoteKind {
    const ALL: [Self; 8] = [
        Self::Paid,
        Self::Unpaid,
        Self::Expired,
        Self::AsyncSucceeded,
        Self::AsyncFailed,
        Self::IntentSucceeded,
        Self::Declined,
        Self::Refunded,
    ];

    /// Whether the event is about the session, and so names it.
    pub(crate) fn names_session(self) -> bool {
        !matches!(self, Self::IntentSucceeded | Self::Declined | Self::Refunded)
    }
}

impl Note {
    pub(crate) fn id(self) -> EventId {
        EventId::new(format!("evt_{}_{:?}", self.guest, self.kind))
    }

    pub(crate) fn by_id(id: &EventId) -> Self {
        let all = (0..GUESTS).flat_map(|guest| NoteKind::ALL.map(|kind| Self { guest, kind }));
        all.into_iter().find(|note| note.id() == *id).unwrap()
    }

    pub(crate) fn fact(self) -> Fact {
        let intent = intent_id(self.guest);
        match self.kind {
            NoteKind::Paid => Fact::SessionCompleted(SessionPayment::Paid(receipt(self.guest))),
            NoteKind::Unpaid => Fact::SessionCompleted(SessionPayment::Unpaid(Some(intent))),
            NoteKind::Expired => Fact::SessionDead,
            NoteKind::AsyncSucceeded => Fact::AsyncSucceeded(receipt(self.guest)),
            NoteKind::AsyncFailed => Fact::AsyncFailed,
            NoteKind::IntentSucceeded => Fact::IntentSucceeded(receipt(self.guest)),
            NoteKind::Declined => Fact::IntentFailed(intent, FailureCode::new("card_declined")),
            NoteKind::Refunded => Fact::Refunded {
                paid: receipt(self.guest),
                refunded: price().amount,
            },
        }
    }

    /// What the webhook's reader says of the same event: proof of money is passed on beside the fact.
    pub(crate) fn money(self) -> Option<Receipt> {
        let proves = matches!(
            self.kind,
            NoteKind::Paid | NoteKind::AsyncSucceeded | NoteKind::IntentSucceeded
        );
        proves.then(|| receipt(self.guest))
    }
}

/// A question to the books, or a call to Stripe: a workflow stands before one of these.
#[derive(Clone, Debug)]
pub(crate) enum Ask {
    LookAtKey,
    /// Who has the slot.
    Look,
    /// Who has the slot, and may still end.
    Availability,
    Claim,
    Place(Placing),
    Lose(Guest),
    EndAttempt(Guest, AttemptEnd),
    LeaseAttempt,
    DeferAttempt(Guest),
    Abandon(Guest),
    Booking(Guest),
    LeaseRelease(Guest, Option<ReleaseRequester>),
    LeaseHold,
    DeferHold(Guest, bool),
    Apply(Box<Write>),
    Orphan(Option<Note>, Receipt),
    LeaseCommands,
    LeaseCommand(CommandIndex),
    Finish(CommandIndex),
    Fail(CommandIndex),
    Create(Guest),
    Expire(Guest),
    Read(Guest),
    Refund(Guest, Money, CommandIndex),
}

/// A hold to be placed.
#[derive(Clone)]
pub(crate) struct Placing(pub(crate) Hold);

impl std::fmt::Debug for Placing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the hold of {}", self.0.session)
    }
}

/// A change to commit.
#[derive(Clone)]
pub(crate) struct Write {
    pub(crate) event: Option<Note>,
    pub(crate) guest: Guest,
    pub(crate) version: i64,
    pub(crate) step: Option<StateChange>,
}

impl std::fmt::Debug for Write {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let becomes = match &self.step {
            None => "nothing".to_owned(),
            Some(StateChange::Transition(transition)) => format!("{:?}", transition.next.status),
            Some(StateChange::Reclaim { .. }) => "a reclaim".to_owned(),
        };
        write!(
            f,
            "{becomes} for guest {} at version {}",
            self.guest, self.version
        )
    }
}

/// A hold's row.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Row {
    pub(crate) hold: Hold,
    pub(crate) version: i64,
    pub(crate) leased: bool,
}

/// A leased command.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Leased {
    pub(crate) order: CommandIndex,
    pub(crate) what: holdfast::domain::command::CommandAction,
    pub(crate) hold: Option<Guest>,
}

/// What a workflow was told.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Answer {
    Done,
    Key(Key),
    /// Who has the slot, and whether their time is over.
    Availability(Option<(Guest, bool)>),
    Placed,
    SlotTaken,
    Gone,
    Attempt(Option<Guest>),
    Row(Option<Row>),
    NotHeld(Row),
    Busy,
    ApplyOutcome {
        orders: usize,
    },
    Lost,
    Seen,
    Written(CommandIndex),
    Command(Option<Leased>),
    Session(SessionStatus),
    /// Stripe said no: with this status.
    Refused(u16),
    /// Stripe's answer was lost.
    Unknown,
    /// Stripe was not reached.
    Unavailable,
    /// The database's answer was lost.
    Away,
}

/// A [`Claim`] that can be hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    Free,
    Running,
    Placed(Guest),
}

impl From<Key> for Claim {
    fn from(key: Key) -> Self {
        match key {
            Key::Free => Self::Free,
            Key::Running => Self::Running,
            Key::Placed(guest) => Self::Placed(hold_id(guest)),
        }
    }
}
