//! The checkout attempts of a replayed workflow: the calls that claim, end, recover and close an attempt.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use holdfast::domain::ids::{CommandId, HoldId, SessionId};
use holdfast::domain::session::SessionTerms;
use holdfast::store::{
    AttemptEnd, Attempts, AvailabilityQuery, Claim, LatestEnd, LeaseRequest, LimitUsage, Lookup, LookupQuery,
    Lookups, NewAttempt, Occupancies, SlotQuery, SlotReading, StaleAttempt, StoreError,
};

use crate::call::{Call, Reply};
use crate::doubles::{Script, command_id, unexpected};
use crate::fixture;
use crate::process::Kind;

#[async_trait]
impl Lookups for Script {
    async fn look_up(&self, query: &LookupQuery) -> Result<Lookup, StoreError> {
        let claim = match &query.key {
            Some(_) => self.key_claim(Call::FindClaim).await?,
            None => Claim::Free,
        };
        let slot = match &query.slot {
            Some(slot) if claim == Claim::Free => Some(self.read_slot(slot).await?),
            _ => None,
        };
        Ok(Lookup {
            now: fixture::start(),
            event_type: Some(fixture::event_type()),
            resource_names: Default::default(),
            claim,
            slot,
        })
    }
}

impl Script {
    /// Reads the slot in a step of its own, which allows more orders than the one read of a store.
    async fn read_slot(&self, slot: &SlotQuery) -> Result<SlotReading, StoreError> {
        let event_type = fixture::event_type();
        let Some(within) = event_type.occupied_span(slot.starts_at) else {
            return Err(StoreError::Broken("beyond the range of dates".into()));
        };
        let query = AvailabilityQuery {
            resources: &event_type.list_resources(),
            within,
            moving: None,
            statuses_at: None,
        };
        Ok(SlotReading {
            availability: self.load_availability(&query).await?,
            usage: LimitUsage::default(),
        })
    }
}

#[async_trait]
impl Attempts for Script {
    async fn claim_attempt(&self, _: &NewAttempt) -> Result<Claim, StoreError> {
        self.key_claim(Call::ClaimAttempt).await
    }

    async fn end_attempt(&self, hold: HoldId, end: AttemptEnd, _: DateTime<Utc>) -> Result<(), StoreError> {
        let call = Call::EndAttempt(self.guest(hold), end);
        self.store(call).await.map(|_| ())
    }

    async fn lease_stale_attempts(&self, _: &LeaseRequest) -> Result<Vec<StaleAttempt>, StoreError> {
        if !matches!(self.kind, Kind::SweepAttempt { .. }) {
            return Ok(Vec::new());
        }
        let stale = |guest| StaleAttempt {
            terms: fixture::terms(guest),
            tries: 0,
        };
        match self.store(Call::LeaseStaleAttempt).await? {
            Reply::Attempt(guest) => Ok(guest.map(stale).into_iter().collect()),
            other => unexpected(&other),
        }
    }

    async fn defer_attempt(&self, hold: HoldId, _: DateTime<Utc>) -> Result<(), StoreError> {
        let call = Call::DeferAttempt(self.guest(hold));
        self.store(call).await.map(|_| ())
    }

    async fn abandon_attempt(
        &self,
        hold: HoldId,
        _: &SessionId,
        _: DateTime<Utc>,
    ) -> Result<CommandId, StoreError> {
        match self.store(Call::AbandonAttempt(self.guest(hold))).await? {
            Reply::Written(order) => Ok(command_id(order)),
            // The store refuses to abandon an attempt whose hold is placed.
            Reply::Gone => Err(StoreError::Broken("placed".into())),
            other => unexpected(&other),
        }
    }

    async fn delete_old_attempts(&self, _: DateTime<Utc>, _: u32) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn list_latest_ends(&self, _: u32) -> Result<Vec<LatestEnd>, StoreError> {
        unimplemented!()
    }

    async fn list_open_attempts(&self, _: &str) -> Result<Vec<SessionTerms>, StoreError> {
        unimplemented!()
    }

    async fn close_lost_attempt(
        &self,
        hold: HoldId,
        _: &SessionId,
        _: DateTime<Utc>,
    ) -> Result<Option<CommandId>, StoreError> {
        match self.store(Call::CloseLostAttempt(self.guest(hold))).await? {
            Reply::Written(order) => Ok(Some(command_id(order))),
            Reply::Gone => Ok(None),
            other => unexpected(&other),
        }
    }
}

impl Script {
    async fn key_claim(&self, call: Call) -> Result<Claim, StoreError> {
        match self.store(call).await? {
            Reply::Key(key) => Ok(key.into()),
            other => unexpected(&other),
        }
    }
}
