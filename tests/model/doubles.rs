//! The books and Stripe as a workflow sees them while it is replayed: each question is answered from the script, and the
//! first one that the script has no answer for is handed to the model. Questions whose answer never changes are answered
//! here and are no steps of the model.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use holdfast::domain::booking::{Blocker, Booking, HistoryLine, Segment};
use holdfast::domain::books::{CommandFilter, Figures, HoldFilter, Page, PageRequest, Put, StoredEvent};
use holdfast::domain::catalogue::EventType;
use holdfast::domain::command::Command;
use holdfast::domain::hold::{Asker, Hold, Status};
use holdfast::domain::ids::{
    CommandId, EventId, EventTypeId, HoldId, IdempotencyKey, IntentId, ResourceId, SessionId,
};
use holdfast::domain::money::Money;
use holdfast::domain::payment::Receipt;
use holdfast::domain::session::{HoldRefs, NewSession, SessionReport, SessionTerms};
use holdfast::domain::time::Window;
use holdfast::gateway::{Gateway, GatewayError, Probe, Refusal};
use holdfast::store::{
    Applied, AttemptEnd, Change, Claim, EventRecord, NewAttempt, Placement, ReleaseLease, StaleAttempt,
    Store, StoreError,
};
use tokio::sync::mpsc::UnboundedSender;
use uuid::Uuid;

use crate::call::{
    Answer, Ask, GUESTS, Guest, Leased, Note, Placing, Row, Write, by_intent, by_session, hold_id, session_id,
};
use crate::process::Kind;
use crate::setting;

/// What the workflow has been told so far, and whom it asks for more.
pub(crate) struct Script {
    pub(crate) kind: Kind,
    pub(crate) told: Mutex<VecDeque<Answer>>,
    pub(crate) asks: UnboundedSender<Ask>,
}

impl Script {
    async fn ask(&self, ask: Ask) -> Answer {
        let told = self.told.lock().unwrap().pop_front();
        match told {
            Some(answer) => answer,
            None => {
                self.asks.send(ask).unwrap();
                std::future::pending().await
            }
        }
    }
    /// A question to the books.
    async fn books(&self, ask: Ask) -> Result<Answer, StoreError> {
        match self.ask(ask).await {
            Answer::Away => Err(StoreError::Unavailable(sqlx::Error::PoolClosed)),
            answer => Ok(answer),
        }
    }
    /// A call to Stripe.
    async fn stripe(&self, ask: Ask) -> Result<Answer, GatewayError> {
        match self.ask(ask).await {
            Answer::Unknown => Err(GatewayError::Unknown),
            Answer::Unavailable => Err(GatewayError::Unavailable { retry_after: None }),
            Answer::Refused(status) => Err(GatewayError::Refused(Refusal {
                status,
                kind: "invalid_request_error".into(),
                code: (status == 404).then(|| "resource_missing".into()),
                ..Refusal::default()
            })),
            answer => Ok(answer),
        }
    }
    /// Whose hold it is. The id that a checkout has just drawn is its own guest's.
    fn guest(&self, id: HoldId) -> Guest {
        let known = (0..GUESTS).find(|guest| hold_id(*guest) == id);
        known.unwrap_or_else(|| match self.kind {
            Kind::Checkout(guest) | Kind::KeyedCheckout(guest) => guest,
            other => panic!("{other:?} drew an id"),
        })
    }
}

fn command_id(order: usize) -> CommandId {
    CommandId(Uuid::from_u128(order as u128))
}

fn order_of(id: &CommandId) -> usize {
    usize::try_from(id.0.as_u128()).unwrap()
}

fn command(leased: Leased) -> Command {
    Command {
        id: command_id(leased.order),
        hold: leased.hold.map(hold_id),
        order: leased.what,
        tries: 0,
        due_at: setting::start(),
        last_error: None,
        created_at: setting::start(),
        done_at: None,
    }
}

fn booking(row: Row) -> Booking {
    setting::booking(row.hold, row.version)
}

fn stray(answer: &Answer) -> ! {
    panic!("not an answer to that question: {answer:?}")
}

#[async_trait]
impl Gateway for Script {
    async fn create_session(&self, terms: &SessionTerms) -> Result<NewSession, GatewayError> {
        let guest = self.guest(terms.hold);
        self.stripe(Ask::Create(guest)).await.map(|_| NewSession {
            id: session_id(guest),
            url: "https://stripe.example/pay".into(),
        })
    }
    async fn expire_session(&self, id: &SessionId) -> Result<SessionReport, GatewayError> {
        let guest = by_session(id);
        report(guest, self.stripe(Ask::Expire(guest)).await?)
    }
    async fn session(&self, id: &SessionId) -> Result<SessionReport, GatewayError> {
        let guest = by_session(id);
        report(guest, self.stripe(Ask::Read(guest)).await?)
    }
    async fn refund(&self, intent: &IntentId, money: Money, key: &str) -> Result<(), GatewayError> {
        let key = order_of(&CommandId(key.parse().unwrap()));
        let ask = Ask::Refund(by_intent(intent), money, key);
        self.stripe(ask).await.map(|_| ())
    }
    async fn probe(&self) -> Result<Probe, GatewayError> {
        unimplemented!()
    }
}

fn report(guest: Guest, answer: Answer) -> Result<SessionReport, GatewayError> {
    match answer {
        Answer::Session(status) => Ok(SessionReport {
            id: session_id(guest),
            hold: Some(hold_id(guest)),
            status,
        }),
        other => stray(&other),
    }
}

#[async_trait]
impl Store for Script {
    async fn migrate(&self) -> Result<(), StoreError> {
        unimplemented!()
    }
    async fn is_ready(&self) -> Result<bool, StoreError> {
        unimplemented!()
    }
    async fn installation(&self) -> Result<String, StoreError> {
        Ok(setting::INSTALLATION.into())
    }
    async fn rehearse(&self, _: DateTime<Utc>) -> Result<(), StoreError> {
        unimplemented!()
    }
    async fn events(&self, _: Option<HoldId>, _: &PageRequest) -> Result<Page<StoredEvent>, StoreError> {
        unimplemented!()
    }
    async fn event_payload(&self, _: &EventId) -> Result<Option<String>, StoreError> {
        unimplemented!()
    }
    async fn forget_payloads(&self, _: DateTime<Utc>, _: u32) -> Result<u64, StoreError> {
        Ok(0)
    }
    async fn forget_events(&self, _: DateTime<Utc>, _: u32) -> Result<u64, StoreError> {
        Ok(0)
    }
    async fn forget_guests(&self, _: DateTime<Utc>, _: u32) -> Result<u64, StoreError> {
        Ok(0)
    }
    async fn figures(&self, _: DateTime<Utc>) -> Result<Figures, StoreError> {
        Ok(Figures::default())
    }
    async fn put_event_type(&self, _: &EventType, _: DateTime<Utc>) -> Result<Put, StoreError> {
        unimplemented!()
    }
    async fn event_type(&self, _: &EventTypeId) -> Result<Option<EventType>, StoreError> {
        Ok(Some(setting::event_type()))
    }
    async fn event_types(&self, _: &PageRequest) -> Result<Page<EventType>, StoreError> {
        unimplemented!()
    }
    async fn delete_event_type(&self, _: &EventTypeId) -> Result<bool, StoreError> {
        unimplemented!()
    }
    async fn look_at_key(&self, _: &IdempotencyKey, _: &str) -> Result<Claim, StoreError> {
        self.claim(Ask::LookAtKey).await
    }
    async fn claim_attempt(&self, _: &NewAttempt) -> Result<Claim, StoreError> {
        self.claim(Ask::Claim).await
    }
    async fn end_attempt(&self, hold: HoldId, end: AttemptEnd, _: DateTime<Utc>) -> Result<(), StoreError> {
        let ask = Ask::EndAttempt(self.guest(hold), end);
        self.books(ask).await.map(|_| ())
    }
    async fn lease_stale_attempts(
        &self,
        _: DateTime<Utc>,
        _: Duration,
        _: u32,
    ) -> Result<Vec<StaleAttempt>, StoreError> {
        if !matches!(self.kind, Kind::SweepAttempt { .. }) {
            return Ok(Vec::new());
        }
        let stale = |guest| StaleAttempt {
            terms: setting::terms(guest),
            tries: 0,
        };
        match self.books(Ask::LeaseAttempt).await? {
            Answer::Attempt(guest) => Ok(guest.map(stale).into_iter().collect()),
            other => stray(&other),
        }
    }
    async fn defer_attempt(&self, hold: HoldId, _: DateTime<Utc>) -> Result<(), StoreError> {
        let ask = Ask::DeferAttempt(self.guest(hold));
        self.books(ask).await.map(|_| ())
    }
    async fn abandon_with_session(
        &self,
        hold: HoldId,
        _: &SessionId,
        _: DateTime<Utc>,
    ) -> Result<CommandId, StoreError> {
        match self.books(Ask::Abandon(self.guest(hold))).await? {
            Answer::Written(order) => Ok(command_id(order)),
            // The store refuses to abandon what was placed.
            Answer::Gone => Err(StoreError::Broken("placed".into())),
            other => stray(&other),
        }
    }
    async fn forget_attempts(&self, _: DateTime<Utc>, _: u32) -> Result<u64, StoreError> {
        Ok(0)
    }
    async fn blockers(&self, _: &[Segment], _: DateTime<Utc>) -> Result<Vec<Blocker>, StoreError> {
        let blocker = |(guest, overdue)| Blocker {
            hold: hold_id(guest),
            overdue,
        };
        match self.books(Ask::Blockers).await? {
            Answer::Blockers(found) => Ok(found.map(blocker).into_iter().collect()),
            other => stray(&other),
        }
    }
    async fn occupied(&self, _: &ResourceId, _: Window) -> Result<Vec<(Window, Status)>, StoreError> {
        unimplemented!()
    }
    async fn place(&self, booking: &Booking) -> Result<Placement, StoreError> {
        let hold = Hold {
            id: hold_id(self.guest(booking.hold.id)),
            ..booking.hold.clone()
        };
        match self.books(Ask::Place(Placing(hold))).await? {
            Answer::Placed => Ok(Placement::Placed),
            Answer::SlotTaken(order) => Ok(Placement::SlotTaken(command_id(order))),
            Answer::Gone => Ok(Placement::Gone),
            other => stray(&other),
        }
    }
    async fn booking(&self, id: HoldId) -> Result<Option<Booking>, StoreError> {
        self.row(self.guest(id)).await
    }
    async fn find_booking(&self, refs: &HoldRefs) -> Result<Option<Booking>, StoreError> {
        let session = || refs.session.as_ref().map(by_session);
        let guest = refs.hold.map(|id| self.guest(id)).or_else(session).unwrap();
        self.row(guest).await
    }
    async fn bookings(&self, _: &HoldFilter, _: &PageRequest) -> Result<Page<Booking>, StoreError> {
        unimplemented!()
    }
    async fn history(&self, _: HoldId) -> Result<Vec<HistoryLine>, StoreError> {
        unimplemented!()
    }
    async fn lease_release(
        &self,
        id: HoldId,
        asker: Option<Asker>,
        _: Duration,
    ) -> Result<ReleaseLease, StoreError> {
        match self.books(Ask::LeaseRelease(self.guest(id), asker)).await? {
            Answer::Row(Some(row)) => Ok(ReleaseLease::Leased(booking(row))),
            Answer::Row(None) => Ok(ReleaseLease::Missing),
            Answer::NotHeld(row) => Ok(ReleaseLease::NotHeld(booking(row))),
            Answer::Busy => Ok(ReleaseLease::Busy),
            other => stray(&other),
        }
    }
    async fn lease_due_holds(
        &self,
        _: DateTime<Utc>,
        _: Duration,
        _: u32,
    ) -> Result<Vec<Booking>, StoreError> {
        if self.kind != Kind::SweepHold {
            return Ok(Vec::new());
        }
        match self.books(Ask::LeaseHold).await? {
            Answer::Row(row) => Ok(row.map(booking).into_iter().collect()),
            other => stray(&other),
        }
    }
    async fn defer_hold(&self, id: HoldId, _: DateTime<Utc>, forget_asker: bool) -> Result<(), StoreError> {
        let ask = Ask::DeferHold(self.guest(id), forget_asker);
        self.books(ask).await.map(|_| ())
    }
    async fn apply(&self, change: &Change) -> Result<Applied, StoreError> {
        let write = Write {
            event: change.event.as_ref().map(|event| Note::by_id(&event.id)),
            guest: self.guest(change.hold),
            version: change.version,
            step: change.step.clone(),
        };
        self.applied(Ask::Apply(Box::new(write))).await
    }
    async fn apply_orphan(
        &self,
        event: Option<&EventRecord>,
        _: Option<HoldId>,
        receipt: &Receipt,
        _: DateTime<Utc>,
    ) -> Result<Applied, StoreError> {
        let note = event.map(|event| Note::by_id(&event.id));
        self.applied(Ask::Orphan(note, receipt.clone())).await
    }
    async fn lease_commands(
        &self,
        _: DateTime<Utc>,
        _: Duration,
        _: u32,
    ) -> Result<Vec<Command>, StoreError> {
        if self.kind != Kind::Outbox {
            return Ok(Vec::new());
        }
        Ok(self.leased(Ask::LeaseCommands).await?.into_iter().collect())
    }
    async fn lease_command(&self, id: CommandId, _: Duration) -> Result<Option<Command>, StoreError> {
        self.leased(Ask::LeaseCommand(order_of(&id))).await
    }
    async fn finish_command(&self, command: &Command, _: DateTime<Utc>) -> Result<(), StoreError> {
        self.books(Ask::Finish(order_of(&command.id))).await.map(|_| ())
    }
    async fn fail_command(&self, id: CommandId, _: &str, _: DateTime<Utc>) -> Result<(), StoreError> {
        self.books(Ask::Fail(order_of(&id))).await.map(|_| ())
    }
    async fn command(&self, _: CommandId) -> Result<Option<Command>, StoreError> {
        unimplemented!()
    }
    async fn commands(&self, _: CommandFilter, _: &PageRequest) -> Result<Page<Command>, StoreError> {
        unimplemented!()
    }
    async fn retry_command(&self, _: CommandId, _: DateTime<Utc>) -> Result<Option<Command>, StoreError> {
        unimplemented!()
    }
}
impl Script {
    async fn claim(&self, ask: Ask) -> Result<Claim, StoreError> {
        match self.books(ask).await? {
            Answer::Key(key) => Ok(key.into()),
            other => stray(&other),
        }
    }
    async fn row(&self, guest: Guest) -> Result<Option<Booking>, StoreError> {
        match self.books(Ask::Booking(guest)).await? {
            Answer::Row(row) => Ok(row.map(booking)),
            other => stray(&other),
        }
    }
    async fn applied(&self, ask: Ask) -> Result<Applied, StoreError> {
        match self.books(ask).await? {
            Answer::Applied { reclaimed, orders } => Ok(Applied::Done { reclaimed, orders }),
            Answer::Lost => Ok(Applied::Lost),
            Answer::Seen => Ok(Applied::Seen),
            other => stray(&other),
        }
    }
    async fn leased(&self, ask: Ask) -> Result<Option<Command>, StoreError> {
        match self.books(ask).await? {
            Answer::Command(leased) => Ok(leased.map(command)),
            other => stray(&other),
        }
    }
}
/// Both halves of a context, from one script.
pub(crate) fn halves(script: &Arc<Script>) -> (Arc<dyn Store>, Arc<dyn Gateway>) {
    (
        Arc::clone(script) as Arc<dyn Store>,
        Arc::clone(script) as Arc<dyn Gateway>,
    )
}
