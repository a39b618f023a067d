//! Faults at the calls to the store that are about events out.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use holdfast::domain::event_endpoint::{
    DeliveryState, EndpointBacklog, EndpointSecret, EventDelivery, EventEndpoint,
};
use holdfast::domain::event_out::{EventOut, EventOutId, StreamEnd};
use holdfast::domain::ids::EndpointId;
use holdfast::domain::listing::{Page, PageRequest, PutOutcome};
use holdfast::store::{
    AttemptResult, Deliveries, Endpoints, EventsOut, HoldDeliveries, HoldEvent, LeaseRequest, LeasedDelivery,
    NewEndpoint, ReplayedEvents, RotateOutcome, StoreError,
};

use super::*;

implement_store! {
    EventsOut:
    number_events_out(limit: u32) -> u64;
    list_events_out(after: Option<EventOutId>, limit: u32) -> Vec<EventOut>;
    list_events_after(position: i64, limit: u32) -> Vec<EventOut>;
    read_last_position() -> i64;
    read_stream_end() -> StreamEnd;
    find_events_out(positions: &[i64]) -> Vec<EventOut>;
    delete_old_events_out(before: DateTime<Utc>, limit: u32) -> u64;
}

implement_store! {
    Endpoints:
    put_endpoint(new: &NewEndpoint, now: DateTime<Utc>) -> Option<PutOutcome>;
    find_endpoint(id: &EndpointId) -> Option<EventEndpoint>;
    list_endpoints() -> Vec<EventEndpoint>;
    delete_endpoint(id: &EndpointId) -> bool;
    rotate_secret(id: &EndpointId, secret: &EndpointSecret, now: DateTime<Utc>) -> RotateOutcome;
    measure_backlog(id: &EndpointId) -> EndpointBacklog;
    list_endpoints_with_work(now: DateTime<Utc>) -> Vec<EventEndpoint>;
}

implement_store! {
    Deliveries:
    queue_events(id: &EndpointId, now: DateTime<Utc>) -> Option<i64>;
    lease_deliveries(id: &EndpointId, request: &LeaseRequest) -> Vec<LeasedDelivery>;
    finish_attempts(id: &EndpointId, results: &[AttemptResult], now: DateTime<Utc>, next: Option<&LeaseRequest>) -> Vec<LeasedDelivery>;
    list_deliveries(id: &EndpointId, state: Option<DeliveryState>, page: &PageRequest) -> Page<EventDelivery>;
    replay_events(id: &EndpointId, from: DateTime<Utc>, to: DateTime<Utc>, now: DateTime<Utc>) -> ReplayedEvents;
    release_deliveries(now: DateTime<Utc>) -> ();
}

implement_store! {
    HoldDeliveries:
    list_hold_events(hold: HoldId) -> Vec<HoldEvent>;
    resend_hold_events(endpoint: &EndpointId, hold: HoldId, now: DateTime<Utc>) -> u64;
}
