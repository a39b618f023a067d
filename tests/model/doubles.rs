//! The store of a replayed workflow: the script has the replies so far, and the model gets the first call beyond them.
//!
//! Calls whose reply never changes are answered here and are no steps of the model, and so are reads that decide
//! nothing.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use holdfast::domain::availability::Availability;
use holdfast::domain::booking::{Booking, HistoryLine};
use holdfast::domain::figures::{FigureCounts, LiveHolds, OtherModeWork};
use holdfast::domain::hold::{Hold, ReleaseRequester};
use holdfast::domain::ids::{CommandId, HoldId, ResourceId, SessionId};
use holdfast::domain::listing::{HoldFilter, Page, PageRequest};
use holdfast::domain::segment::Allocation;
use holdfast::domain::session::HoldRefs;
use holdfast::domain::summary::{MedianWait, SummaryCount, SummaryQuery};
use holdfast::domain::time::Window;
use holdfast::gateway::{Gateway, GatewayError, Refusal};
use holdfast::store::{
    Allowances, ApplyOutcome, AvailabilityQuery, Changes, DatabaseClock, Figures, FoundSession, GuestErasure,
    Guests, HoldChange, HoldExtension, HoldLimits, HoldMove, Holds, LeaseRequest, Ledger, LimitUsage,
    LimitUsageQuery, MoveOutcome, Occupancies, OrphanPayment, PlaceOutcome, Placements, ReleaseLease,
    SessionSearch, Sessions, Store, StoreError, Summaries,
};
use tokio::sync::mpsc::UnboundedSender;
use uuid::Uuid;

use crate::call::{
    Call, GUESTS, Guest, HoldToPlace, HoldWrite, Reply, Row, StripeEvent, by_intent, by_session, hold_id,
};
use crate::fixture;
use crate::process::Kind;

mod events_out;

/// The replies that a workflow has received so far, and the channel for its next call.
pub(crate) struct Script {
    pub(crate) kind: Kind,
    pub(crate) replies: Mutex<VecDeque<Reply>>,
    pub(crate) calls: UnboundedSender<Call>,
}

impl Script {
    async fn call(&self, call: Call) -> Reply {
        let replies = self.replies.lock().unwrap().pop_front();
        match replies {
            Some(reply) => reply,
            None => {
                self.calls.send(call).unwrap();
                std::future::pending().await
            }
        }
    }
    pub(crate) async fn store(&self, call: Call) -> Result<Reply, StoreError> {
        match self.call(call).await {
            Reply::Away => Err(StoreError::Unavailable(sqlx::Error::PoolClosed)),
            reply => Ok(reply),
        }
    }
    /// Makes a call to Stripe.
    pub(crate) async fn stripe(&self, call: Call) -> Result<Reply, GatewayError> {
        match self.call(call).await {
            Reply::Unknown => Err(GatewayError::Unknown),
            Reply::Unavailable => Err(GatewayError::Unavailable { retry_after: None }),
            Reply::Refused(status) => Err(GatewayError::Refused(Refusal {
                status,
                kind: "invalid_request_error".into(),
                code: (status == 404).then(|| "resource_missing".into()),
                ..Refusal::default()
            })),
            Reply::RefundRefused(code) => Err(GatewayError::Refused(Refusal {
                status: 400,
                kind: "invalid_request_error".into(),
                code: Some(code.into()),
                ..Refusal::default()
            })),
            reply => Ok(reply),
        }
    }
    /// The guest whose hold this is. An unknown id is new, from the checkout that runs.
    pub(crate) fn guest(&self, id: HoldId) -> Guest {
        let known = (0..GUESTS).find(|guest| hold_id(*guest) == id);
        known.unwrap_or_else(|| match self.kind {
            Kind::Checkout(guest) | Kind::KeyedCheckout(guest) | Kind::ReplacingCheckout(guest) => guest,
            other => panic!("{other:?} made an id"),
        })
    }
}

pub(crate) fn command_id(order: usize) -> CommandId {
    CommandId(Uuid::from_u128(order as u128))
}

pub(crate) fn command_index(id: &CommandId) -> usize {
    usize::try_from(id.0.as_u128()).unwrap()
}

fn booking(row: Row) -> Booking {
    fixture::booking(row.hold, row.version)
}

pub(crate) fn unexpected(reply: &Reply) -> ! {
    panic!("no reply to that call: {reply:?}")
}

#[async_trait]
impl Changes for Script {
    async fn list_history(&self, _: HoldId) -> Result<Vec<HistoryLine>, StoreError> {
        unimplemented!()
    }

    async fn apply_change(&self, change: &HoldChange) -> Result<ApplyOutcome, StoreError> {
        let write = HoldWrite {
            event: change.event.as_ref().map(|event| StripeEvent::by_id(&event.id)),
            guest: self.guest(change.hold),
            version: change.version,
            noted: change.noted.as_ref().map(by_intent),
            step: change.step.clone(),
        };
        self.apply_outcome(Call::ApplyChange(Box::new(write))).await
    }

    async fn record_orphan_payment(&self, orphan: &OrphanPayment) -> Result<ApplyOutcome, StoreError> {
        let event = orphan.event.as_ref().map(|event| StripeEvent::by_id(&event.id));
        self.apply_outcome(Call::RecordOrphanPayment(event, Box::new(orphan.clone())))
            .await
    }
}

#[async_trait]
impl DatabaseClock for Script {
    async fn read_clock(&self) -> Result<DateTime<Utc>, StoreError> {
        Ok(fixture::start())
    }
}

#[async_trait]
impl Summaries for Script {
    async fn count_summary(&self, _: &SummaryQuery) -> Result<Vec<SummaryCount>, StoreError> {
        unimplemented!()
    }

    async fn find_median_waits(&self, _: &SummaryQuery) -> Result<Vec<MedianWait>, StoreError> {
        unimplemented!()
    }
}

#[async_trait]
impl Figures for Script {
    async fn count_figures(&self, _: DateTime<Utc>) -> Result<FigureCounts, StoreError> {
        Ok(FigureCounts::default())
    }

    async fn count_units_sold_twice(&self, _: DateTime<Utc>) -> Result<i64, StoreError> {
        Ok(0)
    }

    async fn count_live_holds(&self, _: DateTime<Utc>) -> Result<Vec<LiveHolds>, StoreError> {
        unimplemented!()
    }
}

#[async_trait]
impl Guests for Script {
    async fn erase_guests(&self, _: DateTime<Utc>, _: u32) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn clear_leftover_metadata(&self, _: DateTime<Utc>, _: u32) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn erase_guest(&self, _: &str, _: u32) -> Result<GuestErasure, StoreError> {
        unimplemented!()
    }

    async fn delete_idle_clients(&self, _: DateTime<Utc>, _: u32) -> Result<u64, StoreError> {
        Ok(0)
    }
}

#[async_trait]
impl Allowances for Script {
    async fn load_limit_usage(&self, _: &LimitUsageQuery<'_>) -> Result<LimitUsage, StoreError> {
        Ok(LimitUsage::default())
    }
}

#[async_trait]
impl Holds for Script {
    async fn find_booking(&self, id: HoldId) -> Result<Option<Booking>, StoreError> {
        self.find_row(self.guest(id)).await
    }

    async fn find_bookings(&self, _: &[HoldId]) -> Result<Vec<Booking>, StoreError> {
        unimplemented!()
    }

    async fn find_booking_by_refs(&self, refs: &HoldRefs) -> Result<Option<Booking>, StoreError> {
        let session = || refs.session.as_ref().map(by_session);
        if let Some(guest) = refs.hold.map(|id| self.guest(id)).or_else(session) {
            let Some(mut booking) = self.find_row(guest).await? else {
                return Ok(None);
            };
            if let Some(paid) = &refs.paid
                && booking.hold.find_payment(paid).is_none()
            {
                let facts = self.find_money_facts(paid).await?;
                booking.hold.unmatched.insert(paid.clone(), facts);
            }
            return Ok(Some(booking));
        }
        let intent = refs.intent.as_ref().unwrap();
        match self.store(Call::FindOwner(by_intent(intent))).await? {
            Reply::Row(row) => Ok(row.map(booking)),
            other => unexpected(&other),
        }
    }

    async fn list_bookings(&self, _: &HoldFilter, _: &PageRequest) -> Result<Page<Booking>, StoreError> {
        unimplemented!()
    }

    async fn lease_release(
        &self,
        id: HoldId,
        requester: Option<ReleaseRequester>,
        _: Duration,
    ) -> Result<ReleaseLease, StoreError> {
        match self.store(Call::LeaseRelease(self.guest(id), requester)).await? {
            Reply::Row(Some(row)) => Ok(ReleaseLease::Leased(booking(row))),
            Reply::Row(None) => Ok(ReleaseLease::Missing),
            Reply::NotHeld(row) => Ok(ReleaseLease::NotHeld(booking(row))),
            Reply::Busy => Ok(ReleaseLease::LeasedElsewhere),
            other => unexpected(&other),
        }
    }

    async fn lease_due_holds(&self, _: &LeaseRequest) -> Result<Vec<Booking>, StoreError> {
        if self.kind != Kind::SweepHold {
            return Ok(Vec::new());
        }
        match self.store(Call::LeaseDueHold).await? {
            Reply::Row(row) => Ok(row.map(booking).into_iter().collect()),
            other => unexpected(&other),
        }
    }

    async fn record_return(&self, _: HoldId, _: DateTime<Utc>, _: DateTime<Utc>) -> Result<(), StoreError> {
        Ok(())
    }

    async fn take_returned_holds(&self, _: &LeaseRequest) -> Result<Vec<Booking>, StoreError> {
        Ok(Vec::new())
    }

    async fn finish_read(&self, _: HoldId) -> Result<(), StoreError> {
        unimplemented!()
    }

    async fn defer_hold(
        &self,
        id: HoldId,
        _: DateTime<Utc>,
        forget_requester: bool,
    ) -> Result<(), StoreError> {
        let call = Call::DeferHold(self.guest(id), forget_requester);
        self.store(call).await.map(|_| ())
    }

    async fn return_lease(
        &self,
        id: HoldId,
        due_at: DateTime<Utc>,
        forget_requester: bool,
    ) -> Result<(), StoreError> {
        // The model has no due times, in which alone the two differ.
        self.defer_hold(id, due_at, forget_requester).await
    }

    async fn list_confirmed_of_resource(
        &self,
        _: &ResourceId,
        _: DateTime<Utc>,
        _: u32,
    ) -> Result<Vec<Booking>, StoreError> {
        unimplemented!()
    }

    async fn list_live_of_resources(
        &self,
        _: &[ResourceId],
        _: Window,
        _: u32,
    ) -> Result<Vec<Booking>, StoreError> {
        unimplemented!()
    }

    async fn delete_released_holds(&self, _: DateTime<Utc>, _: u32) -> Result<u64, StoreError> {
        Ok(0)
    }
}

#[async_trait]
impl Occupancies for Script {
    async fn load_availability(&self, query: &AvailabilityQuery<'_>) -> Result<Availability, StoreError> {
        let within = query.within;
        // Other free slots are only shown to the guest: they decide nothing.
        if Some(within) != fixture::event_type().occupied_span(fixture::slot_start()) {
            return Ok(Availability::default());
        }
        let call = query
            .statuses_at
            .map_or(Call::LoadOccupancy, |_| Call::LoadAvailability);
        match self.store(call).await? {
            Reply::Availability(found) => {
                let others = found.filter(|(guest, _)| query.moving != Some(hold_id(*guest)));
                Ok(fixture::availability(within, others))
            }
            other => unexpected(&other),
        }
    }
}

#[async_trait]
impl Placements for Script {
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
        match self.store(Call::PlaceHold(HoldToPlace(hold))).await? {
            Reply::Placed => Ok(PlaceOutcome::Placed),
            Reply::PlacedWithMoney => Ok(PlaceOutcome::PlacedWithMoney),
            Reply::SlotTaken => Ok(PlaceOutcome::SlotTaken),
            Reply::Gone => Ok(PlaceOutcome::AttemptClosed),
            other => unexpected(&other),
        }
    }

    async fn extend_hold(&self, _: &HoldExtension) -> Result<bool, StoreError> {
        unimplemented!()
    }

    async fn move_hold(&self, _: &HoldMove) -> Result<MoveOutcome, StoreError> {
        unimplemented!()
    }
}

#[async_trait]
impl Sessions for Script {
    /// The key of the model is the right one, and no other session proves it.
    async fn find_newest_session(&self, _: &SessionSearch) -> Result<Option<FoundSession>, StoreError> {
        Ok(None)
    }

    async fn find_newest_unpaid_session(&self, _: bool) -> Result<Option<SessionId>, StoreError> {
        unimplemented!()
    }

    async fn count_other_mode_work(&self, _: bool, _: DateTime<Utc>) -> Result<OtherModeWork, StoreError> {
        unimplemented!()
    }
}

impl Script {
    async fn find_row(&self, guest: Guest) -> Result<Option<Booking>, StoreError> {
        match self.store(Call::FindBooking(guest)).await? {
            Reply::Row(row) => Ok(row.map(booking)),
            other => unexpected(&other),
        }
    }

    async fn apply_outcome(&self, call: Call) -> Result<ApplyOutcome, StoreError> {
        match self.store(call).await? {
            Reply::ApplyOutcome { commands } => Ok(ApplyOutcome::Done { commands }),
            Reply::Conflict => Ok(ApplyOutcome::Conflict),
            Reply::Duplicate => Ok(ApplyOutcome::Duplicate),
            other => unexpected(&other),
        }
    }
}

/// The store and the gateway of a context, from one script.
pub(crate) fn store_and_gateway(script: &Arc<Script>) -> (Arc<dyn Store>, Arc<dyn Gateway>) {
    (
        Arc::clone(script) as Arc<dyn Store>,
        Arc::clone(script) as Arc<dyn Gateway>,
    )
}
