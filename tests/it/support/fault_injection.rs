//! Injects a fault at one chosen call to the store or to Stripe. Calls to both are counted together, in their order.
//!
//! A fault's effect on the database and on Stripe is real: a call that "fails after its effect" has had that effect.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use holdfast::domain::access_key::{AccessKey, KeyDigest};
use holdfast::domain::audit::{AuditEntry, AuditFilter, AuditOutcome, AuditedAct, AuditedChange};
use holdfast::domain::availability::Availability;
use holdfast::domain::booking::{Actor, Booking, HistoryLine};
use holdfast::domain::calendar_feed::Feed;
use holdfast::domain::catalogue::{
    Block, BlockConflict, EventType, ListedBlock, Resource, ResourceNeeds, UnknownResources,
};
use holdfast::domain::closure::{Closure, ClosureZones, DatedClosure};
use holdfast::domain::command::Command;
use holdfast::domain::console_session::{ConsoleSession, ConsoleTokenDigest};
use holdfast::domain::figures::{FigureCounts, LiveHolds, OtherModeWork};
use holdfast::domain::hold::ReleaseRequester;
use holdfast::domain::hold_limit::HeldAllowance;
use holdfast::domain::ids::{
    AccessKeyId, ClosureId, CommandId, DisputeId, EventId, EventTypeId, HoldId, IntentId, RefundId,
    ResourceId, SessionId,
};
use holdfast::domain::ledger::snapshots::{DisputeSnapshot, RefundSnapshot};
use holdfast::domain::listing::{
    BlockFilter, CommandFilter, EventCopy, HoldFilter, Page, PageRequest, PutOutcome, StoredEvent,
};
use holdfast::domain::money::Money;
use holdfast::domain::segment::Allocation;
use holdfast::domain::session::{HoldRefs, NewSession, SessionReport, SessionTerms};
use holdfast::domain::time::Window;
use holdfast::domain::token::{CalendarSalt, TokenKey};
use holdfast::gateway::{Gateway, GatewayError, LedgerGateway, ListFilter, ListPage, Probe, WebhookEndpoint};
use holdfast::store::{
    AccessKeys, Allowances, ApplyOutcome, AttemptEnd, Attempts, Audit, AvailabilityQuery, Blocks, Catalogue,
    CatalogueChange, CatalogueFiles, Changes, Claim, ClosedConflicts, ClosureRefusal, Closures, Commands,
    ConsoleSessions, DatabaseClock, Events, FeedRead, Feeds, Figures, FoundSession, GuestErasure, Guests,
    HoldChange, HoldExtension, HoldLimits, HoldMove, Holds, LatestEnd, LeaseRequest, LimitUsage,
    LimitUsageQuery, Lookup, LookupQuery, Lookups, MoveOutcome, NewAttempt, NewDetails, NewFeed, Occupancies,
    OrphanPayment, OwnHoldQuery, PlaceOutcome, Placements, ReleaseLease, ReplaceOutcome, Replacement,
    Replacements, Resources, Schema, ServerFault, SessionSearch, Sessions, StaleAttempt, Store, StoreError,
    UnownedFact, UnownedFacts,
};
use tokio_util::sync::CancellationToken;

/// The fault at the chosen call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The call is made twice and the second result counts, because the first was lost on the way.
    Repeated,
    /// The call is not made, and fails.
    FailedBefore,
    /// The call is made, and fails all the same: its caller does not know its effect.
    FailedAfter,
    /// The process ends before the call.
    StoppedBefore,
    /// The process ends after the call, before it uses the result.
    StoppedAfter,
    /// A disturbance happens before the call; this call and the later ones are made.
    Disturbed,
    /// The same after the call, before its result is used.
    DisturbedAfter,
}

/// An action outside the process under test.
pub(crate) type Disturbance = Box<dyn Fn() + Send + Sync>;

/// Which call fails, and how.
pub(crate) struct Plan {
    fault: Fault,
    at: usize,
    calls: Mutex<Vec<&'static str>>,
    stopped: CancellationToken,
    disturbance: Option<Disturbance>,
}

impl Plan {
    /// Injects the fault at the `at`-th call, counted from 1.
    pub(crate) fn new(fault: Fault, at: usize) -> Arc<Self> {
        Self::with(fault, at, None)
    }

    /// Injects the fault, with a disturbance for `Fault::Disturbed` and `Fault::DisturbedAfter`.
    pub(crate) fn with(fault: Fault, at: usize, disturbance: Option<Disturbance>) -> Arc<Self> {
        Arc::new(Self {
            fault,
            at,
            calls: Mutex::default(),
            stopped: CancellationToken::new(),
            disturbance,
        })
    }

    /// Returns the names of the calls so far.
    pub(crate) fn calls(&self) -> Vec<&'static str> {
        self.calls.lock().unwrap().clone()
    }

    /// Returns whether the chosen call was made.
    pub(crate) fn has_triggered(&self) -> bool {
        self.calls.lock().unwrap().len() >= self.at
    }

    /// Waits until the process must end. The call that it is in never returns.
    pub(crate) async fn stopped(&self) {
        self.stopped.cancelled().await;
    }

    /// Aborts the process at the chosen call. Fails if the process ends by itself first.
    pub(crate) async fn end<T>(&self, mut process: tokio::task::JoinHandle<T>) {
        tokio::select! {
            _ = &mut process => panic!("it ended before it could be stopped: {:?}", self.calls()),
            () = self.stopped() => process.abort(),
        }
    }

    fn next(&self, name: &'static str) -> Option<Fault> {
        let mut calls = self.calls.lock().unwrap();
        calls.push(name);
        (calls.len() == self.at).then_some(self.fault)
    }

    async fn stop<T>(&self) -> T {
        self.stopped.cancel();
        std::future::pending().await
    }

    /// Makes a call as planned. `before` and `after` build the errors of a call that fails.
    async fn make<T, E, F: Future<Output = Result<T, E>>>(
        &self,
        name: &'static str,
        call: impl Fn() -> F,
        before: fn() -> E,
        after: fn() -> E,
    ) -> Result<T, E> {
        match self.next(name) {
            None => call().await,
            Some(Fault::Disturbed) => {
                self.disturbance.iter().for_each(|happen| happen());
                call().await
            }
            Some(Fault::DisturbedAfter) => call()
                .await
                .inspect(|_| self.disturbance.iter().for_each(|happen| happen())),
            Some(Fault::Repeated) => {
                let _lost = call().await;
                call().await
            }
            Some(Fault::FailedBefore) => Err(before()),
            Some(Fault::FailedAfter) => {
                call().await?;
                Err(after())
            }
            Some(Fault::StoppedBefore) => self.stop().await,
            Some(Fault::StoppedAfter) => {
                let _unseen = call().await;
                self.stop().await
            }
        }
    }
}

fn store_unavailable() -> StoreError {
    StoreError::Unavailable(sqlx::Error::PoolTimedOut)
}

/// A store with an injected fault.
pub(crate) struct FaultyStore {
    pub(crate) inner: Arc<dyn Store>,
    pub(crate) plan: Arc<Plan>,
}

/// A Stripe gateway with an injected fault.
pub(crate) struct FaultyGateway {
    pub(crate) inner: Arc<dyn Gateway>,
    pub(crate) plan: Arc<Plan>,
}

/// Implements each method of a store trait by way of the plan.
macro_rules! implement_store {
    ($part:ident: $($name:ident($($argument:ident: $type:ty),*) -> $answer:ty;)*) => {
        #[async_trait]
        impl $part for FaultyStore {$(
            async fn $name(&self, $($argument: $type),*) -> Result<$answer, StoreError> {
                let call = || self.inner.$name($($argument),*);
                self.plan.make(stringify!($name), call, store_unavailable, store_unavailable).await
            }
        )*}
    };
}

implement_store! {
    AccessKeys:
    insert_key(key: &AccessKey, digest: &KeyDigest) -> bool;
    find_key(digest: &KeyDigest) -> Option<AccessKey>;
    find_key_by_id(id: AccessKeyId) -> Option<AccessKey>;
    list_keys(page: &PageRequest) -> Page<AccessKey>;
    delete_key(id: AccessKeyId) -> Option<AccessKey>;
    record_key_use(id: AccessKeyId, at: DateTime<Utc>, since: DateTime<Utc>) -> ();
}

implement_store! {
    ConsoleSessions:
    insert_console_session(session: &ConsoleSession) -> ();
    find_console_session(digest: &ConsoleTokenDigest) -> Option<ConsoleSession>;
    record_console_use(digest: &ConsoleTokenDigest, at: DateTime<Utc>) -> ();
    delete_console_session(digest: &ConsoleTokenDigest) -> ();
    delete_idle_console_sessions(before: DateTime<Utc>, limit: u32) -> u64;
}

implement_store! {
    Attempts:
    claim_attempt(attempt: &NewAttempt) -> Claim;
    end_attempt(hold: HoldId, end: AttemptEnd, now: DateTime<Utc>) -> ();
    list_latest_ends(limit: u32) -> Vec<LatestEnd>;
    lease_stale_attempts(request: &LeaseRequest) -> Vec<StaleAttempt>;
    defer_attempt(hold: HoldId, due_at: DateTime<Utc>) -> ();
    abandon_attempt(hold: HoldId, session: &SessionId, now: DateTime<Utc>) -> CommandId;
    delete_old_attempts(before: DateTime<Utc>, limit: u32) -> u64;
    close_lost_attempt(hold: HoldId, session: &SessionId, now: DateTime<Utc>) -> Option<CommandId>;
    list_open_attempts(guest: &str) -> Vec<SessionTerms>;
}

implement_store! {
    Audit:
    begin_audit(act: &AuditedAct, now: DateTime<Utc>) -> i64;
    finish_audit(number: i64, outcome: AuditOutcome, change: &AuditedChange) -> ();
    record_act_since(act: &AuditedAct, now: DateTime<Utc>, since: DateTime<Utc>) -> ();
    list_audit(filter: &AuditFilter, page: &PageRequest) -> Page<AuditEntry>;
    delete_old_audit(before: DateTime<Utc>, limit: u32) -> u64;
}

implement_store! {
    Changes:
    list_history(id: HoldId) -> Vec<HistoryLine>;
    apply_change(change: &HoldChange) -> ApplyOutcome;
    record_orphan_payment(orphan: &OrphanPayment) -> ApplyOutcome;
}

implement_store! {
    Lookups:
    look_up(query: &LookupQuery) -> Lookup;
}

implement_store! {
    DatabaseClock:
    read_clock() -> DateTime<Utc>;
}

implement_store! {
    Commands:
    lease_commands(request: &LeaseRequest) -> Vec<Command>;
    lease_command(id: CommandId, lease: Duration) -> Option<Command>;
    finish_command(command: &Command, now: DateTime<Utc>) -> ();
    fail_command(command: &Command, error: &str, due_at: DateTime<Utc>, key: Option<&str>) -> ();
    begin_command(id: CommandId, now: DateTime<Utc>) -> ();
    await_decision(command: &Command, error: &str, due_at: DateTime<Utc>) -> ();
    defer_command(command: &Command, due_at: DateTime<Utc>) -> ();
    order_command(id: CommandId, actor: &Actor) -> ();
    find_command(id: CommandId) -> Option<Command>;
    list_commands(filter: CommandFilter, page: &PageRequest) -> Page<Command>;
    retry_command(id: CommandId, now: DateTime<Utc>) -> Option<Command>;
    delete_done_commands(before: DateTime<Utc>, limit: u32) -> u64;
}

implement_store! {
    Events:
    list_events(hold: Option<HoldId>, page: &PageRequest) -> Page<StoredEvent>;
    find_event(id: &EventId) -> Option<StoredEvent>;
    find_event_payload(id: &EventId) -> Option<String>;
    clear_event_payloads(before: DateTime<Utc>, limit: u32) -> u64;
    delete_old_events(before: DateTime<Utc>, limit: u32) -> u64;
    copy_events(hold: HoldId) -> Vec<EventCopy>;
    copy_orphan_events(guest: &str) -> Vec<EventCopy>;
}

implement_store! {
    Figures:
    count_figures(now: DateTime<Utc>) -> FigureCounts;
    count_units_sold_twice(now: DateTime<Utc>) -> i64;
    count_live_holds(now: DateTime<Utc>) -> Vec<LiveHolds>;
}

implement_store! {
    Allowances:
    load_limit_usage(query: &LimitUsageQuery<'_>) -> LimitUsage;
}

implement_store! {
    Guests:
    erase_guests(before: DateTime<Utc>, limit: u32) -> u64;
    clear_leftover_metadata(before: DateTime<Utc>, limit: u32) -> u64;
    erase_guest(guest: &str, limit: u32) -> GuestErasure;
    delete_idle_clients(before: DateTime<Utc>, limit: u32) -> u64;
}

implement_store! {
    Holds:
    find_booking(id: HoldId) -> Option<Booking>;
    find_bookings(ids: &[HoldId]) -> Vec<Booking>;
    find_booking_by_refs(refs: &HoldRefs) -> Option<Booking>;
    list_bookings(filter: &HoldFilter, page: &PageRequest) -> Page<Booking>;
    lease_release(id: HoldId, requester: Option<ReleaseRequester>, lease: Duration) -> ReleaseLease;
    lease_due_holds(request: &LeaseRequest) -> Vec<Booking>;
    record_return(id: HoldId, at: DateTime<Utc>, read_at: DateTime<Utc>) -> ();
    take_returned_holds(request: &LeaseRequest) -> Vec<Booking>;
    finish_read(id: HoldId) -> ();
    defer_hold(id: HoldId, due_at: DateTime<Utc>, forget_requester: bool) -> ();
    return_lease(id: HoldId, due_at: DateTime<Utc>, forget_requester: bool) -> ();
    list_confirmed_of_resource(resource: &ResourceId, from: DateTime<Utc>, limit: u32) -> Vec<Booking>;
    list_live_of_resources(resources: &[ResourceId], within: Window, limit: u32) -> Vec<Booking>;
    delete_released_holds(before: DateTime<Utc>, limit: u32) -> u64;
}

mod catalogue;
mod events_out;
mod money;

implement_store! {
    Occupancies:
    load_availability(query: &AvailabilityQuery<'_>) -> Availability;
}

implement_store! {
    Placements:
    place_hold(booking: &Booking, units: &[Allocation], limits: &HoldLimits) -> PlaceOutcome;
    move_hold(order: &HoldMove) -> MoveOutcome;
    extend_hold(extension: &HoldExtension) -> bool;
}

implement_store! {
    Replacements:
    replace_hold(replacement: &Replacement<'_>) -> ReplaceOutcome;
    update_details(details: &NewDetails<'_>) -> bool;
    list_allowances(hold: HoldId) -> Vec<HeldAllowance>;
    is_kept_by_guest(query: &OwnHoldQuery) -> bool;
}

implement_store! {
    Schema:
    migrate() -> ();
    find_server_faults() -> Vec<ServerFault>;
    is_ready() -> bool;
    is_empty() -> bool;
    installation_id() -> String;
    token_key(earlier: &TokenKey) -> TokenKey;
    dry_run_checkout(now: DateTime<Utc>) -> ();
}

implement_store! {
    Sessions:
    find_newest_session(search: &SessionSearch) -> Option<FoundSession>;
    find_newest_unpaid_session(livemode: bool) -> Option<SessionId>;
    count_other_mode_work(livemode: bool, now: DateTime<Utc>) -> OtherModeWork;
}

implement_store! {
    UnownedFacts:
    keep_unowned_fact(fact: &UnownedFact) -> bool;
    find_unowned_facts(intent: &IntentId) -> Vec<EventId>;
    list_tied_facts(limit: u32) -> Vec<IntentId>;
    delete_unowned_fact(event: &EventId) -> ();
    delete_old_unowned_facts(before: DateTime<Utc>, limit: u32) -> u64;
}

/// Implements each method of a gateway's trait by way of the plan. If a call fails after its effect, the outcome is
/// unknown.
macro_rules! implement_gateway {
    ($trait:ident: $($name:ident($($argument:ident: $type:ty),*) -> $answer:ty;)*) => {
        #[async_trait]
        impl $trait for FaultyGateway {$(
            async fn $name(&self, $($argument: $type),*) -> Result<$answer, GatewayError> {
                let call = || self.inner.$name($($argument),*);
                let before = || GatewayError::Unavailable { retry_after: None };
                self.plan.make(stringify!($name), call, before, || GatewayError::Unknown).await
            }
        )*}
    };
}

implement_gateway! {
    Gateway:
    create_session(terms: &SessionTerms) -> NewSession;
    expire_session(id: &SessionId) -> SessionReport;
    retrieve_session(id: &SessionId) -> SessionReport;
    probe_account() -> Probe;
    list_webhook_endpoints() -> Vec<WebhookEndpoint>;
}

implement_gateway! {
    LedgerGateway:
    create_refund(intent: &IntentId, money: Money, command: CommandId, key: &str) -> RefundSnapshot;
    list_refund_page(filter: &ListFilter, after: Option<&RefundId>) -> ListPage<RefundSnapshot>;
    list_dispute_page(filter: &ListFilter, after: Option<&DisputeId>) -> ListPage<DisputeSnapshot>;
}
