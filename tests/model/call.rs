//! The calls of a workflow to the store and to Stripe, and their replies: they record how far a workflow has come.
//!
//! They are small values that can be compared and hashed; `doubles` and `gateway` convert them to the types of the
//! traits.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use holdfast::domain::hold::{Fact, FailureCode, Hold, ReleaseRequester};
use holdfast::domain::ids::{EventId, HoldId, IntentId, SessionId};
use holdfast::domain::ledger::fact::LedgerFact;
use holdfast::domain::ledger::snapshots::{DisputeSnapshot, PaymentFacts, RefundSnapshot};
use holdfast::domain::money::{Currency, Money};
use holdfast::domain::payment::Receipt;
use holdfast::domain::session::{SessionPayment, SessionStatus};
use holdfast::store::{AttemptEnd, Claim, OrphanPayment, StateChange};
use uuid::Uuid;

use crate::money::{Dispute, Refund};
use crate::replacements::HoldToReplace;

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

/// The guest whose hold this is.
pub(crate) fn by_hold(id: HoldId) -> Guest {
    (0..GUESTS).find(|guest| hold_id(*guest) == id).unwrap()
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
        asked: None,
        intent: intent_id(guest),
        money: price(),
    }
}

/// The events by their ids.
static EVENTS: LazyLock<Mutex<HashMap<String, StripeEvent>>> = LazyLock::new(Mutex::default);

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
    /// A refund of the guest's payment was made or has changed.
    RefundSeen(Refund),
    /// A dispute of the guest's payment was opened or has changed.
    DisputeSeen(Dispute),
    /// A copy of the first guest's session was paid.
    CopyPaid,
    /// The intent of the copy has the money.
    CopyIntentSucceeded,
}

impl EventKind {
    /// Whether the event is about the session, and so carries its id.
    pub(crate) fn names_session(self) -> bool {
        !matches!(
            self,
            Self::IntentSucceeded
                | Self::Declined
                | Self::RefundSeen(_)
                | Self::DisputeSeen(_)
                | Self::CopyIntentSucceeded
        )
    }
}

impl StripeEvent {
    pub(crate) fn id(self) -> EventId {
        let id = format!("evt_{}_{:?}", self.guest, self.kind);
        EVENTS.lock().unwrap().insert(id.clone(), self);
        EventId::new(id)
    }

    pub(crate) fn by_id(id: &EventId) -> Self {
        EVENTS.lock().unwrap()[id.as_str()]
    }

    /// What the event says about refunds and disputes; `None` if it is about something else.
    pub(crate) fn ledger(self) -> Option<LedgerFact> {
        match self.kind {
            EventKind::RefundSeen(refund) => Some(LedgerFact::RefundSeen(refund.snapshot(self.guest))),
            EventKind::DisputeSeen(dispute) => Some(LedgerFact::DisputeSeen(dispute.snapshot(self.guest))),
            _ => None,
        }
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
            EventKind::RefundSeen(_) | EventKind::DisputeSeen(_) => Fact::MoneyMoved(intent),
        }
    }

    /// The guest whose hold the metadata names. A copy has the number of another guest, and the metadata of the first.
    pub(crate) fn claimed(self) -> Guest {
        match self.kind {
            EventKind::CopyPaid | EventKind::CopyIntentSucceeded => 0,
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
    ReplaceHold(Box<HoldToReplace>),
    CloseLostAttempt(Guest),
    EndAttempt(Guest, AttemptEnd),
    LeaseStaleAttempt,
    DeferAttempt(Guest),
    AbandonAttempt(Guest),
    FindBooking(Guest),
    /// Finds the hold that has the intent of this guest.
    FindOwner(Guest),
    FindFacts(Guest),
    IsPaymentKnown(Guest),
    MergeMoney(Box<MoneyWrite>),
    ListUnnoted,
    /// Lists the payments that wait for the hold of this guest.
    ListWaiting(Guest),
    ListUnsettledWaits,
    GiveBackWaiting(Guest),
    LeaseRelease(Guest, Option<ReleaseRequester>),
    LeaseDueHold,
    DeferHold(Guest, bool),
    ApplyChange(Box<HoldWrite>),
    /// Records a payment without a hold: of this guest's session, and whether it orders a refund.
    RecordOrphanPayment(Option<StripeEvent>, Box<OrphanPayment>),
    LeaseCommands,
    LeaseCommand(CommandIndex),
    FinishCommand(CommandIndex),
    BeginCommand(CommandIndex),
    /// Records a failed try, and whether the next one has a new key.
    FailCommand(CommandIndex, FailedLease),
    /// Returns a command whose payment is not decided, with the number of the worker's lease.
    DeferCommand(CommandIndex, u8),
    CreateSession(Guest),
    ExpireSession(Guest),
    ReadSession(Guest),
    /// Refunds a payment by this command, with the key of this number.
    CreateRefund(Guest, Money, CommandIndex, u8),
    ListRefunds(Guest),
    ListDisputes(Guest),
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
    /// The guest whose refunds and disputes the decision took notice of.
    pub(crate) noted: Option<Guest>,
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

/// A report of refunds and disputes to merge.
#[derive(Clone, Debug)]
pub(crate) struct MoneyWrite {
    pub(crate) event: Option<StripeEvent>,
    pub(crate) guest: Guest,
    pub(crate) facts: PaymentFacts,
}

/// A row of the table of holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Row {
    pub(crate) hold: Hold,
    pub(crate) version: i64,
    pub(crate) leased: bool,
}

/// What a worker writes whose call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FailedLease {
    /// The number of the worker's lease.
    pub(crate) lease: u8,
    pub(crate) with_new_key: bool,
}

/// A command that a worker has leased.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Leased {
    pub(crate) index: CommandIndex,
    pub(crate) what: holdfast::domain::command::CommandAction,
    pub(crate) hold: Option<Guest>,
    /// The number of its key: a refusal uses up the one before.
    pub(crate) key: u8,
    /// The number of the lease.
    pub(crate) lease: u8,
    /// When it was first tried: on the first day, or on the day after.
    pub(crate) tried: Option<bool>,
}

/// The reply to a call of a workflow.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Reply {
    Done,
    Key(Key),
    /// The guest who has the slot, and whether their hold is overdue.
    Availability(Option<(Guest, bool)>),
    Placed,
    PlacedWithMoney,
    SlotTaken,
    Gone,
    Attempt(Option<Guest>),
    /// Payments by their guest, and the sessions that took them.
    Waiting(Vec<(Guest, Option<Guest>)>),
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
    Facts(PaymentFacts),
    Known(bool),
    Merged {
        is_changed: bool,
    },
    /// The guest whose payment has changed, or waits.
    Unnoted(Option<Guest>),
    Refund(RefundSnapshot),
    Refunds(Vec<RefundSnapshot>),
    Disputes(Vec<DisputeSnapshot>),
    /// Stripe refused the call with this status.
    Refused(u16),
    /// Stripe refused a refund with this code.
    RefundRefused(&'static str),
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
