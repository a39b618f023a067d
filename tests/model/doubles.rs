//! The books and Stripe as a workflow sees them while it is replayed: each question is answered from the script, and the
//! first one that the script has no answer for is handed to the model. Questions whose answer never changes are answered
//! here and are no steps of the model, and so are looks by which nothing is decided.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use holdfast::domain::availability::Availability;
use holdfast::domain::booking::{Booking, ClientId, HistoryLine};
use holdfast::domain::command::Command;
use holdfast::domain::figures::Figures;
use holdfast::domain::hold::{Hold, ReleaseRequester};
use holdfast::domain::ids::{CommandId, EventId, HoldId, IdempotencyKey, SessionId};
use holdfast::domain::listing::{CommandFilter, HoldFilter, Page, PageRequest, StoredEvent};
use holdfast::domain::payment::Receipt;
use holdfast::domain::segment::Allocation;
use holdfast::domain::session::HoldRefs;
use holdfast::gateway::{Gateway, GatewayError, Refusal};
use holdfast::store::{
    ApplyOutcome, AttemptEnd, AvailabilityQuery, Claim, EventRecord, HoldChange, HoldLimits, HoldMove,
    MoveOutcome, NewAttempt, PlaceOutcome, ReleaseLease, StaleAttempt, Store, StoreError, UnpaidHoldCounts,
};
use tokio::sync::mpsc::UnboundedSender;
use uuid::Uuid;

use crate::call::{Answer, Ask, GUESTS, Guest, Leased, Note, Placing, Row, Write, by_session, hold_id};
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
    pub(crate) async fn stripe(&self, ask: Ask) -> Result<Answer, GatewayError> {
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
    pub(crate) fn guest(&self, id: HoldId) -> Guest {
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

pub(crate) fn order_of(id: &CommandId) -> usize {
    usize::try_from(id.0.as_u128()).unwrap()
}

fn command(leased: Leased) -> Command {
    Command {
        id: command_id(leased.order),
        hold: leased.hold.map(hold_id),
        action: leased.what,
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

pub(crate) fn stray(answer: &Answer) -> ! {
    panic!("not an answer to that question: {answer:?}")
}

#[async_trait]
impl Store for Script {
    async fn migrate(&self) -> Result<(), StoreError> {
        unimplemented!()
    }
    async fn is_ready(&self) -> Result<bool, StoreError> {
        unimplemented!()
    }
    async fn installation_id(&self) -> Result<String, StoreError> {
        Ok(setting::INSTALLATION.into())
    }
    async fn dry_run_checkout(&self, _: DateTime<Utc>) -> Result<(), StoreError> {
        unimplemented!()
    }
    async fn list_events(&self, _: Option<HoldId>, _: &PageRequest) -> Result<Page<StoredEvent>, StoreError> {
        unimplemented!()
    }
    async fn find_event_payload(&self, _: &EventId) -> Result<Option<String>, StoreError> {
        unimplemented!()
    }
    async fn clear_event_payloads(&self, _: DateTime<Utc>, _: u32) -> Result<u64, StoreError> {
        Ok(0)
    }
    async fn delete_old_events(&self, _: DateTime<Utc>, _: u32) -> Result<u64, StoreError> {
        Ok(0)
    }
    async fn erase_guests(&self, _: DateTime<Utc>, _: u32) -> Result<u64, StoreError> {
        Ok(0)
    }
    async fn delete_idle_clients(&self, _: DateTime<Utc>, _: u32) -> Result<u64, StoreError> {
        Ok(0)
    }
    async fn count_figures(&self, _: DateTime<Utc>) -> Result<Figures, StoreError> {
        Ok(Figures::default())
    }
    async fn find_claim(&self, _: &IdempotencyKey, _: &str) -> Result<Claim, StoreError> {
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
    async fn abandon_attempt(
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
    async fn delete_old_attempts(&self, _: DateTime<Utc>, _: u32) -> Result<u64, StoreError> {
        Ok(0)
    }
    async fn load_availability(&self, question: &AvailabilityQuery<'_>) -> Result<Availability, StoreError> {
        let within = question.within;
        // A look around for what else is free is for the guest to read: nothing is decided by it.
        if Some(within) != setting::event_type().occupied_span(setting::slot()) {
            return Ok(Availability::default());
        }
        let ask = question.statuses_at.map_or(Ask::Look, |_| Ask::Availability);
        match self.books(ask).await? {
            Answer::Availability(found) => Ok(setting::calendar(within, found)),
            other => stray(&other),
        }
    }
    async fn place_hold(
        &self,
        booking: &Booking,
        _: &[Allocation],
        _: &HoldLimits,
    ) -> Result<PlaceOutcome, StoreError> {
        let hold = Hold {
            id: hold_id(self.guest(booking.hold.id)),
            ..booking.hold.clone()
        };
        match self.books(Ask::Place(Placing(hold))).await? {
            Answer::Placed => Ok(PlaceOutcome::Placed),
            Answer::SlotTaken => Ok(PlaceOutcome::SlotTaken),
            Answer::Gone => Ok(PlaceOutcome::AttemptClosed),
            other => stray(&other),
        }
    }
    async fn close_lost_attempt(
        &self,
        hold: HoldId,
        _: &SessionId,
        _: DateTime<Utc>,
    ) -> Result<Option<CommandId>, StoreError> {
        match self.books(Ask::Lose(self.guest(hold))).await? {
            Answer::Written(order) => Ok(Some(command_id(order))),
            Answer::Gone => Ok(None),
            other => stray(&other),
        }
    }
    async fn move_hold(&self, _: &HoldMove) -> Result<MoveOutcome, StoreError> {
        unimplemented!()
    }
    async fn count_unpaid_holds(
        &self,
        _: &str,
        _: Option<&ClientId>,
    ) -> Result<UnpaidHoldCounts, StoreError> {
        Ok(UnpaidHoldCounts::default())
    }
    async fn find_booking(&self, id: HoldId) -> Result<Option<Booking>, StoreError> {
        self.row(self.guest(id)).await
    }
    async fn find_booking_by_refs(&self, refs: &HoldRefs) -> Result<Option<Booking>, StoreError> {
        let session = || refs.session.as_ref().map(by_session);
        let guest = refs.hold.map(|id| self.guest(id)).or_else(session).unwrap();
        self.row(guest).await
    }
    async fn list_bookings(&self, _: &HoldFilter, _: &PageRequest) -> Result<Page<Booking>, StoreError> {
        unimplemented!()
    }
    async fn list_history(&self, _: HoldId) -> Result<Vec<HistoryLine>, StoreError> {
        unimplemented!()
    }
    async fn lease_release(
        &self,
        id: HoldId,
        asker: Option<ReleaseRequester>,
        _: Duration,
    ) -> Result<ReleaseLease, StoreError> {
        match self.books(Ask::LeaseRelease(self.guest(id), asker)).await? {
            Answer::Row(Some(row)) => Ok(ReleaseLease::Leased(booking(row))),
            Answer::Row(None) => Ok(ReleaseLease::Missing),
            Answer::NotHeld(row) => Ok(ReleaseLease::NotHeld(booking(row))),
            Answer::Busy => Ok(ReleaseLease::LeasedElsewhere),
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
    async fn defer_hold(
        &self,
        id: HoldId,
        _: DateTime<Utc>,
        forget_requester: bool,
    ) -> Result<(), StoreError> {
        let ask = Ask::DeferHold(self.guest(id), forget_requester);
        self.books(ask).await.map(|_| ())
    }
    async fn apply_change(&self, change: &HoldChange) -> Result<ApplyOutcome, StoreError> {
        let write = Write {
            event: change.event.as_ref().map(|event| Note::by_id(&event.id)),
            guest: self.guest(change.hold),
            version: change.version,
            step: change.step.clone(),
        };
        self.applied(Ask::Apply(Box::new(write))).await
    }
    async fn record_orphan_payment(
        &self,
        event: Option<&EventRecord>,
        _: Option<HoldId>,
        receipt: &Receipt,
        _: DateTime<Utc>,
    ) -> Result<ApplyOutcome, StoreError> {
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
    async fn find_command(&self, _: CommandId) -> Result<Option<Command>, StoreError> {
        unimplemented!()
    }
    async fn list_commands(&self, _: CommandFilter, _: &PageRequest) -> Result<Page<Command>, StoreError> {
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
    async fn applied(&self, ask: Ask) -> Result<ApplyOutcome, StoreError> {
        match self.books(ask).await? {
            Answer::ApplyOutcome { orders } => Ok(ApplyOutcome::Done { orders }),
            Answer::Lost => Ok(ApplyOutcome::Conflict),
            Answer::Seen => Ok(ApplyOutcome::Duplicate),
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
