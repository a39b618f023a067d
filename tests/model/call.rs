//! The calls of a workflow to the store and to Stripe, and their replies: they record how far a workflow has come.
//!
//! They are small values that can be compared and hashed; `doubles` and `gateway` convert them to the types of the
//! traits.

use holdfast::domain::hold::{Fact, FailureCode, Hold, ReleaseRequester};
use holdfast::domain::ids::{EventId, HoldId, IntentId, SessionId};
use holdfast::domain::money::{Currency, Money};
use holdfast::domain::payment::Receipt;
use holdfast::domain::session::{SessionPayment, SessionStatus};
use holdfast::store::{AttemptEnd, Claim, StateChange};
use uuid::Uuid;

/// The number of a guest, and so of their one attempt, hold, session and intent.
pub(crate) type Guest = usize;
/// The index of a command in the outbox.
pub(crate) type CommandIndex = usize;

/// The number of guests that the model has at most.
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

/// The guest whose session this is; panics on an id that the model did not make.
pub(crate) fn by_session(id: &SessionId) -> Guest {
    (0..GUESTS).find(|guest| session_id(*guest) == *id).unwrap()
}

/// The guest whose payment intent this is.
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

/// An event that Stripe sends about a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct StripeEvent {
    pub(crate) guest: Guest,
    pub(crate) kind: EventKind,
}

/// The events that the simulated Stripe sends; each once for a guest, with its own id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum EventKind {
    Paid,
    Unpaid,
    Expired,
    AsyncSucceeded,
    AsyncFailed,
    IntentSucceeded,
    Declined,
    Refunded,
    /// A copy of the first guest's session was paid.
    CopyPaid,
    /// The intent of the copy has the money.
    CopyIntentSucceeded,
    /// The payment of the copy was refunded.
    CopyRefunded,
}

impl EventKind {
    const ALL: [Self; 11] = [
        Self::Paid,
        Self::Unpaid,
        Self::Expired,
        Self::AsyncSucceeded,
        Self::AsyncFailed,
        Self::IntentSucceeded,
        Self::Declined,
        Self::Refunded,
        Self::CopyPaid,
        Self::CopyIntentSucceeded,
        Self::CopyRefunded,
    ];

    /// Whether the event is about the session, and so carries its id.
    pub(crate) fn names_session(self) -> bool {
        !matches!(
            self,
            Self::IntentSucceeded
                | Self::Declined
                | Self::Refunded
                | Self::CopyIntentSucceeded
                | Self::CopyRefunded
        )
    }
}

impl StripeEvent {
    pub(crate) fn id(self) -> EventId {
        EventId::new(format!("evt_{}_{:?}", self.guest, self.kind))
    }

    pub(crate) fn by_id(id: &EventId) -> Self {
        let all = (0..GUESTS).flat_map(|guest| EventKind::ALL.map(|kind| Self { guest, kind }));
        all.into_iter().find(|event| event.id() == *id).unwrap()
    }

    pub(crate) fn fact(self) -> Fact {
        let intent = intent_id(self.guest);
        match self.kind {
            EventKind::Paid | EventKind::CopyPaid => {
                Fact::SessionCompleted(SessionPayment::Paid(receipt(self.guest)))
            }
            EventKind::Unpaid => Fact::SessionCompleted(SessionPayment::Unpaid(Some(intent))),
            EventKind::Expired => Fact::SessionDead,
            EventKind::AsyncSucceeded => Fact::AsyncSucceeded(receipt(self.guest)),
            EventKind::AsyncFailed => Fact::AsyncFailed,
            EventKind::IntentSucceeded | EventKind::CopyIntentSucceeded => {
                Fact::IntentSucceeded(receipt(self.guest))
            }
            EventKind::Declined => Fact::IntentFailed(intent, FailureCode::new("card_declined")),
            EventKind::Refunded | EventKind::CopyRefunded => Fact::Refunded {
                paid: receipt(self.guest),
                refunded: price().amount,
            },
        }
    }

    /// The guest whose hold the metadata names. A copy has the number of another guest, and the metadata of the first.
    pub(crate) fn claimed(self) -> Guest {
        match self.kind {
            EventKind::CopyPaid | EventKind::CopyIntentSucceeded | EventKind::CopyRefunded => 0,
            _ => self.guest,
        }
    }

    /// The receipt that the webhook parser finds in the event, beside its fact.
    pub(crate) fn money(self) -> Option<Receipt> {
        let proves = matches!(
            self.kind,
            EventKind::Paid
                | EventKind::AsyncSucceeded
                | EventKind::IntentSucceeded
                | EventKind::CopyPaid
                | EventKind::CopyIntentSucceeded
        );
        proves.then(|| receipt(self.guest))
    }
}

/// A call to the store or to Stripe that a workflow waits for.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    FindClaim,
    /// Loads who has the slot.
    LoadOccupancy,
    /// Loads who has the slot, and whether their hold can still end.
    LoadAvailability,
    ClaimAttempt,
    PlaceHold(HoldToPlace),
    CloseLostAttempt(Guest),
    EndAttempt(Guest, AttemptEnd),
    LeaseStaleAttempt,
    DeferAttempt(Guest),
    AbandonAttempt(Guest),
    FindBooking(Guest),
    LeaseRelease(Guest, Option<ReleaseRequester>),
    LeaseDueHold,
    DeferHold(Guest, bool),
    ApplyChange(Box<HoldWrite>),
    RecordOrphanPayment(Option<StripeEvent>, Receipt),
    LeaseCommands,
    LeaseCommand(CommandIndex),
    FinishCommand(CommandIndex),
    FailCommand(CommandIndex),
    CreateSession(Guest),
    ExpireSession(Guest),
    ReadSession(Guest),
    RefundPayment(Guest, Money, CommandIndex),
}

/// A hold that a checkout wants to place.
#[derive(Clone)]
pub(crate) struct HoldToPlace(pub(crate) Hold);

impl std::fmt::Debug for HoldToPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the hold of {}", self.0.session)
    }
}

/// A change of a hold to commit.
#[derive(Clone)]
pub(crate) struct HoldWrite {
    pub(crate) event: Option<StripeEvent>,
    pub(crate) guest: Guest,
    pub(crate) version: i64,
    pub(crate) step: Option<StateChange>,
}

impl std::fmt::Debug for HoldWrite {
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

/// A row of the table of holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Row {
    pub(crate) hold: Hold,
    pub(crate) version: i64,
    pub(crate) leased: bool,
}

/// A command that a worker has leased.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Leased {
    pub(crate) index: CommandIndex,
    pub(crate) what: holdfast::domain::command::CommandAction,
    pub(crate) hold: Option<Guest>,
}

/// The reply to a call of a workflow.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Reply {
    Done,
    Key(Key),
    /// The guest who has the slot, and whether their hold is overdue.
    Availability(Option<(Guest, bool)>),
    Placed,
    SlotTaken,
    Gone,
    Attempt(Option<Guest>),
    Row(Option<Row>),
    NotHeld(Row),
    Busy,
    ApplyOutcome {
        commands: usize,
    },
    Conflict,
    Duplicate,
    Written(CommandIndex),
    Command(Option<Leased>),
    Session(SessionStatus),
    /// Stripe refused the call with this status.
    Refused(u16),
    /// The response of Stripe was lost.
    Unknown,
    /// The call did not reach Stripe.
    Unavailable,
    /// The response of the database was lost.
    Away,
}

/// A copy of [`Claim`] that can be hashed.
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
