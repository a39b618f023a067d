//! Events out of a replayed workflow: triggers of the database write them, and no step of the model reads them.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use holdfast::domain::event_endpoint::{
    DeliveryState, EndpointBacklog, EndpointSecret, EventDelivery, EventEndpoint,
};
use holdfast::domain::event_out::{EventOut, EventOutId, StreamEnd};
use holdfast::domain::ids::{EndpointId, HoldId};
use holdfast::domain::listing::{Page, PageRequest, PutOutcome};
use holdfast::store::{
    AttemptResult, Deliveries, Endpoints, EventsOut, HoldDeliveries, HoldEvent, LeaseRequest, LeasedDelivery,
    NewEndpoint, ReplayedEvents, RotateOutcome, StoreError,
};

use crate::doubles::Script;

#[async_trait]
impl EventsOut for Script {
    async fn number_events_out(&self, _: u32) -> Result<u64, StoreError> {
        unimplemented!()
    }

    async fn list_events_out(&self, _: Option<EventOutId>, _: u32) -> Result<Vec<EventOut>, StoreError> {
        unimplemented!()
    }

    async fn list_events_after(&self, _: i64, _: u32) -> Result<Vec<EventOut>, StoreError> {
        unimplemented!()
    }

    async fn read_last_position(&self) -> Result<i64, StoreError> {
        unimplemented!()
    }

    async fn read_stream_end(&self) -> Result<StreamEnd, StoreError> {
        unimplemented!()
    }

    async fn find_events_out(&self, _: &[i64]) -> Result<Vec<EventOut>, StoreError> {
        unimplemented!()
    }

    async fn delete_old_events_out(&self, _: DateTime<Utc>, _: u32) -> Result<u64, StoreError> {
        Ok(0)
    }
}

#[async_trait]
impl Endpoints for Script {
    async fn put_endpoint(
        &self,
        _: &NewEndpoint,
        _: DateTime<Utc>,
    ) -> Result<Option<PutOutcome>, StoreError> {
        unimplemented!()
    }

    async fn find_endpoint(&self, _: &EndpointId) -> Result<Option<EventEndpoint>, StoreError> {
        unimplemented!()
    }

    async fn list_endpoints(&self) -> Result<Vec<EventEndpoint>, StoreError> {
        unimplemented!()
    }

    async fn delete_endpoint(&self, _: &EndpointId) -> Result<bool, StoreError> {
        unimplemented!()
    }

    async fn rotate_secret(
        &self,
        _: &EndpointId,
        _: &EndpointSecret,
        _: DateTime<Utc>,
    ) -> Result<RotateOutcome, StoreError> {
        unimplemented!()
    }

    async fn measure_backlog(&self, _: &EndpointId) -> Result<EndpointBacklog, StoreError> {
        unimplemented!()
    }

    async fn list_endpoints_with_work(&self, _: DateTime<Utc>) -> Result<Vec<EventEndpoint>, StoreError> {
        unimplemented!()
    }
}

#[async_trait]
impl Deliveries for Script {
    async fn queue_events(&self, _: &EndpointId, _: DateTime<Utc>) -> Result<Option<i64>, StoreError> {
        unimplemented!()
    }

    async fn lease_deliveries(
        &self,
        _: &EndpointId,
        _: &LeaseRequest,
    ) -> Result<Vec<LeasedDelivery>, StoreError> {
        unimplemented!()
    }

    async fn finish_attempts(
        &self,
        _: &EndpointId,
        _: &[AttemptResult],
        _: DateTime<Utc>,
        _: Option<&LeaseRequest>,
    ) -> Result<Vec<LeasedDelivery>, StoreError> {
        unimplemented!()
    }

    async fn list_deliveries(
        &self,
        _: &EndpointId,
        _: Option<DeliveryState>,
        _: &PageRequest,
    ) -> Result<Page<EventDelivery>, StoreError> {
        unimplemented!()
    }

    async fn replay_events(
        &self,
        _: &EndpointId,
        _: DateTime<Utc>,
        _: DateTime<Utc>,
        _: DateTime<Utc>,
    ) -> Result<ReplayedEvents, StoreError> {
        unimplemented!()
    }

    async fn release_deliveries(&self, _: DateTime<Utc>) -> Result<(), StoreError> {
        unimplemented!()
    }
}

#[async_trait]
impl HoldDeliveries for Script {
    async fn list_hold_events(&self, _: HoldId) -> Result<Vec<HoldEvent>, StoreError> {
        unimplemented!()
    }

    async fn resend_hold_events(
        &self,
        _: &EndpointId,
        _: HoldId,
        _: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        unimplemented!()
    }
}
