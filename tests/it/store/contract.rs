//! Tests the contract of the store on both engines. Each case is a function that takes a database and becomes two
//! tests, `…::sqlite::case` and `…::postgres::case`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use holdfast::domain::booking::{Actor, Booking, Guest};
use holdfast::domain::change_policy::ChangePolicy;
use holdfast::domain::hold::{Hold, ReleaseReason, Status, Transition, TransitionReason};
use holdfast::domain::hold_limit::{AllowanceOffer, HoldLimit, LimitScope};
use holdfast::domain::ids::{EventId, EventTypeId, HoldId, IdempotencyKey, IntentId, ResourceId, SessionId};
use holdfast::domain::key_scope::{KeyScope, ScopedKey};
use holdfast::domain::ledger::snapshots::PaymentFacts;
use holdfast::domain::listing::PageRequest;
use holdfast::domain::money::{Currency, Money};
use holdfast::domain::payment::{Payment, Receipt};
use holdfast::domain::segment::{Allocation, Segment};
use holdfast::domain::session::{CheckoutUi, PaymentPage, SessionTerms};
use holdfast::domain::time::Window;
use holdfast::domain::token::TokenKeyName;
use holdfast::store::{
    ApplyOutcome, AvailabilityQuery, Claim, EventRecord, HoldChange, HoldLimits, LookupQuery, NewAttempt,
    OrphanPayment, PlaceOutcome, StateChange, Store,
};
use uuid::Uuid;

use crate::support::database::{Engine, TestDatabase};

/// Makes each named case a test on each engine.
macro_rules! on_both_engines {
    ($($case:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                use crate::support::database::{Engine, TestDatabase};
                super::$case(&TestDatabase::new(Engine::Sqlite).await).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                use crate::support::database::{Engine, TestDatabase};
                super::$case(&TestDatabase::new(Engine::Postgres).await).await;
            })*
        }
    };
}

mod allowances;
mod attempts;
mod audit;
mod calendar;
mod catalogue;
mod changes;
mod commands;
mod console_sessions;
mod dropped_calls;
mod dry_run;
mod event_groups;
mod feeds;
mod group_faults;
mod group_reads;
mod groups;
mod hot_statements;
mod key_scopes;
mod leases;
mod ledger;
mod live_holds;
mod payment_ledger;
mod placing;
mod postgres_only;
mod reading;
mod replacing;
mod retention;
mod schema;
mod sessions;
mod summary;
mod unowned_facts;
mod waiting_payments;

/// Longer than any test runs: `age_leases` makes a lease expire.
const LEASE: Duration = Duration::from_secs(3600);

/// The start time of the tests plus this many minutes.
fn at(minute: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + minute * 60, 0).unwrap()
}

fn eur(amount: i64) -> Money {
    Money::price(amount, Currency::parse("eur").unwrap()).unwrap()
}

fn scoped_key(text: &str, scope: KeyScope) -> ScopedKey {
    ScopedKey::new(IdempotencyKey::parse(text).unwrap(), scope)
}

fn key(text: &str) -> ScopedKey {
    scoped_key(text, KeyScope::Anyone)
}

fn segment(resource: &str, from: i64, to: i64) -> Segment {
    let window = Window::new(at(from), at(to)).unwrap();
    Segment {
        resource: ResourceId::parse(resource).unwrap(),
        window,
        busy: window,
    }
}

/// Makes a booking as a checkout places it at minute 0.
fn booking(segments: Vec<Segment>) -> Booking {
    let id = HoldId(Uuid::new_v4());
    Booking {
        hold: Hold::new(id, SessionId::new(format!("cs_{id}")), eur(5000)),
        event_type: EventTypeId::parse("call").unwrap(),
        names: Default::default(),
        segments,
        quantity: 1,
        requested_resource: None,
        change_policy: ChangePolicy::default(),
        cancel_right_passed: false,
        guest: Guest {
            email: "ada@example.com".into(),
            name: Some("Ada".into()),
        },
        metadata: BTreeMap::from([("order".into(), "17".into())]),
        token_key: Some(TokenKeyName("name".into())),
        replaced_by: None,
        payment_page: Some(PaymentPage::Hosted(format!("https://pay.example/{id}"))),
        expires_at: at(30),
        session_expires_at: at(32),
        created_at: at(0),
        updated_at: at(0),
        changed_at: Default::default(),
        due_at: Some(at(30)),
        tries: 0,
        version: 1,
    }
}

/// Makes a booking that keeps `ana` busy.
fn with_ana(from: i64, to: i64) -> Booking {
    booking(vec![segment("ana", from, to)])
}

fn attempt(booking: &Booking, key: Option<&str>, fingerprint: &str) -> NewAttempt {
    NewAttempt {
        terms: SessionTerms {
            hold: booking.hold.id,
            event_type: None,
            name: "Call".into(),
            price: booking.hold.price,
            quantity: 1,
            email: booking.guest.email.clone(),
            ui: CheckoutUi::Hosted,
            success_url: "https://shop.example/yes".into(),
            cancel_url: "https://shop.example/no".into(),
            expires_at: booking.session_expires_at,
            payment_methods: Vec::new(),
            installation: "here".into(),
            page: Default::default(),
        },
        key: key.map(self::key),
        fingerprint: fingerprint.to_owned(),
        livemode: false,
        now: booking.created_at,
        lease: LEASE,
    }
}

/// Looks up who has a key.
async fn find_claim(store: &dyn Store, key: &ScopedKey, fingerprint: &str) -> Claim {
    let query = LookupQuery {
        event_type: EventTypeId::parse("call").unwrap(),
        key: Some((key.clone(), fingerprint.to_owned())),
        slot: None,
    };
    store.look_up(&query).await.unwrap().claim
}

/// Returns a limit on the holds of one guest that no test reaches.
fn anyone() -> HoldLimits {
    HoldLimits {
        allowances: vec![offer(LimitScope::Email, &(1..=64).collect::<Vec<_>>())],
        ..HoldLimits::default()
    }
}

/// Offers numbers of a limit that counts Ada.
fn offer(scope: LimitScope, numbers: &[u32]) -> AllowanceOffer {
    let limit = HoldLimit {
        scope,
        subject: "ada@example.com".to_owned(),
        most: 64,
    };
    AllowanceOffer {
        limit,
        numbers: numbers.to_vec(),
    }
}

/// Allocates the first units of each segment, free or not.
fn first_units(booking: &Booking) -> Vec<Allocation> {
    let allocation = |segment: &Segment| Allocation {
        segment: segment.clone(),
        units: (1..=booking.quantity).collect(),
    };
    booking.segments.iter().map(allocation).collect()
}

/// Allocates free units if there are enough of them.
async fn free_units(store: &dyn Store, booking: &Booking) -> Option<Vec<Allocation>> {
    let resources: Vec<_> = booking.segments.iter().map(|one| one.resource.clone()).collect();
    let busy = booking.segments.iter().map(|segment| segment.busy);
    let question = AvailabilityQuery {
        resources: &resources,
        within: busy.reduce(|all, one| all.hull(&one)).unwrap(),
        moving: None,
        statuses_at: None,
    };
    let calendar = store.load_availability(&question).await.unwrap();
    calendar.allocate_units(booking.segments.clone(), booking.quantity, 0)
}

/// Claims an attempt for the booking and places it, on free units if there are enough.
async fn claim_and_place(store: &dyn Store, booking: &Booking) -> PlaceOutcome {
    let claim = store
        .claim_attempt(&attempt(booking, None, "body"))
        .await
        .unwrap();
    assert_eq!(claim, Claim::Free);
    let units = free_units(store, booking).await;
    let units = units.unwrap_or_else(|| first_units(booking));
    store.place_hold(booking, &units, &anyone()).await.unwrap()
}

/// Places the booking, which must succeed.
async fn placed(store: &dyn Store, booking: Booking) -> Booking {
    assert_eq!(claim_and_place(store, &booking).await, PlaceOutcome::Placed);
    booking
}

async fn read(store: &dyn Store, booking: &Booking) -> Booking {
    store.find_booking(booking.hold.id).await.unwrap().unwrap()
}

fn event(id: &str) -> EventRecord {
    EventRecord {
        id: EventId::new(id),
        kind: "checkout.session.completed".into(),
        payload: Some("{}".into()),
    }
}

/// Makes a transition to another status, without commands.
fn becomes(booking: &Booking, status: Status) -> Transition {
    let next = Hold {
        status,
        ..booking.hold.clone()
    };
    Transition {
        next,
        commands: Vec::new(),
        reason: TransitionReason::Paid,
    }
}

/// Makes the transition in which a payment confirms the hold.
fn paid(booking: &Booking) -> Transition {
    let mut transition = becomes(booking, Status::Confirmed);
    transition.next.payments.push(payment_of(booking));
    transition
}

/// The payment that confirms a booking.
fn payment_of(booking: &Booking) -> Payment {
    let receipt = Receipt {
        asked: None,
        intent: IntentId::new(format!("pi_{}", booking.hold.id)),
        money: booking.hold.price,
    };
    receipt.to_payment(PaymentFacts::default())
}

/// Makes a payment without a hold.
fn orphan(event: Option<EventRecord>, claimed_hold: Option<HoldId>, intent: &str) -> OrphanPayment {
    let receipt = Receipt {
        asked: None,
        intent: IntentId::new(intent),
        money: eur(5000),
    };
    OrphanPayment {
        event,
        claimed_hold,
        session: None,
        payment: receipt.to_payment(PaymentFacts::default()),
        livemode: false,
        now: at(1),
    }
}

/// Makes a change on this version of the booking.
fn change(booking: &Booking, step: StateChange) -> HoldChange {
    HoldChange {
        event: None,
        hold: booking.hold.id,
        version: booking.version,
        noted: None,
        step: Some(step),
        actor: Actor::Sweep,
        now: at(1),
        check_at: None,
    }
}

const EXPIRED: Status = Status::Released(ReleaseReason::Expired);

const DONE: ApplyOutcome = ApplyOutcome::Done { commands: 0 };

/// Applies a transition, which must succeed, and returns the booking after it.
async fn after(store: &dyn Store, booking: &Booking, transition: Transition) -> Booking {
    let applied = store
        .apply_change(&change(booking, StateChange::Transition(transition)))
        .await
        .unwrap();
    assert_eq!(applied, DONE);
    read(store, booking).await
}

fn page(limit: u32, cursor: Option<String>) -> PageRequest {
    PageRequest { limit, cursor }
}

/// Makes every lease in `table` expire.
async fn age_leases(database: &TestDatabase, table: &str) {
    let past = match database.engine() {
        Engine::Sqlite => "1",
        Engine::Postgres => "clock_timestamp() - interval '1 millisecond'",
    };
    let aged = format!("UPDATE {table} SET leased_until = {past} WHERE leased_until IS NOT NULL");
    assert!(database.execute(&aged).await > 0, "there was no lease in {table}");
}

/// Places all bookings at the same time, each in its own task.
async fn race(store: &Arc<dyn Store>, bookings: Vec<Booking>) -> Vec<PlaceOutcome> {
    let start = Arc::new(tokio::sync::Barrier::new(bookings.len()));
    let tasks: Vec<_> = bookings
        .into_iter()
        .map(|booking| {
            let (store, start) = (Arc::clone(store), Arc::clone(&start));
            tokio::spawn(async move {
                let claim = store.claim_attempt(&attempt(&booking, None, "body")).await;
                assert_eq!(claim.unwrap(), Claim::Free);
                start.wait().await;
                store
                    .place_hold(&booking, &first_units(&booking), &anyone())
                    .await
                    .unwrap()
            })
        })
        .collect();
    let mut placements = Vec::new();
    for task in tasks {
        placements.push(task.await.unwrap());
    }
    placements
}

fn winners(placements: &[PlaceOutcome]) -> usize {
    placements
        .iter()
        .filter(|placement| **placement == PlaceOutcome::Placed)
        .count()
}
