//! Tests what only SQLite has: its file, its triggers and its one writer; and the basic operations of the store.
//!
//! What both engines have in common is tested in `tests/it/store/contract.rs`.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tempfile::TempDir;
use uuid::Uuid;

use super::{SqliteStore, connect};
use crate::domain::booking::ClientId;
use crate::domain::booking::{Actor, Booking, Guest};
use crate::domain::change_policy::ChangePolicy;
use crate::domain::hold::{Decision, Fact, Hold, HoldPolicy, decide};
use crate::domain::hold_limit::{AllowanceOffer, HoldLimit, LimitScope};
use crate::domain::ids::{EventId, EventTypeId, HoldId, IdempotencyKey, IntentId, ResourceId, SessionId};
use crate::domain::key_scope::{KeyScope, ScopedKey};
use crate::domain::money::{Currency, Money};
use crate::domain::payment::Receipt;
use crate::domain::segment::{Allocation, Segment};
use crate::domain::session::{CheckoutUi, PaymentPage, SessionTerms};
use crate::domain::time::Window;
use crate::domain::token::TokenKeyName;
use crate::store::*;

mod file;
mod life;
mod overlaps;
mod plans;
mod slots;

const OPTIONS: PoolOptions = PoolOptions {
    max_connections: 4,
    acquire_timeout: Duration::from_secs(20),
    statement_timeout: Duration::from_secs(20),
    lock_timeout: Duration::from_secs(20),
    migration_timeout: Duration::from_secs(30),
};

const LONG: Duration = Duration::from_secs(3600);

struct TestStore {
    store: SqliteStore,
    path: String,
    _dir: TempDir,
}

/// Opens an empty, migrated store in a temporary directory.
async fn test_store() -> TestStore {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db").to_str().unwrap().to_owned();
    let store = connect(&path, OPTIONS).await.unwrap();
    store.migrate().await.unwrap();
    TestStore {
        store,
        path,
        _dir: dir,
    }
}

fn minute(minute: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + minute * 60, 0).unwrap()
}

/// The current time in every test that does not set another.
fn now() -> DateTime<Utc> {
    minute(0)
}

fn price() -> Money {
    Money::price(5000, Currency::parse("eur").unwrap()).unwrap()
}

fn segment(resource: &str, from: i64, to: i64) -> Segment {
    let window = Window::new(minute(from), minute(to)).unwrap();
    Segment {
        resource: ResourceId::parse(resource).unwrap(),
        window,
        busy: window,
    }
}

/// Makes booking number `n`, which takes a window of `ana`.
fn booking(n: u128, from: i64, to: i64) -> Booking {
    Booking {
        hold: Hold::new(
            HoldId(Uuid::from_u128(n)),
            SessionId::new(format!("cs_{n}")),
            price(),
        ),
        event_type: EventTypeId::parse("call").unwrap(),
        names: Default::default(),
        segments: vec![segment("ana", from, to)],
        quantity: 1,
        requested_resource: None,
        change_policy: ChangePolicy {
            cancel_until_minutes: Some(60),
            move_until_minutes: None,
        },
        cancel_right_passed: false,
        guest: Guest {
            email: "guest@example.com".into(),
            name: Some("Guest".into()),
        },
        metadata: [("order".to_owned(), "17".to_owned())].into(),
        token_key: Some(TokenKeyName("name".to_owned())),
        replaced_by: None,
        payment_page: Some(PaymentPage::Hosted(format!("https://pay.example/{n}"))),
        expires_at: minute(30),
        session_expires_at: minute(32),
        created_at: now(),
        updated_at: now(),
        changed_at: Default::default(),
        due_at: Some(minute(30)),
        tries: 0,
        version: 1,
    }
}

fn attempt(booking: &Booking, key: Option<&str>) -> NewAttempt {
    NewAttempt {
        terms: SessionTerms {
            hold: booking.hold.id,
            event_type: None,
            name: "Call".into(),
            price: price(),
            quantity: 1,
            email: booking.guest.email.clone(),
            ui: CheckoutUi::Hosted,
            success_url: "https://shop.example/yes".into(),
            cancel_url: "https://shop.example/no".into(),
            expires_at: minute(32),
            payment_methods: Vec::new(),
            installation: "here".into(),
            page: Default::default(),
        },
        key: key.map(|key| ScopedKey::new(IdempotencyKey::parse(key).unwrap(), KeyScope::Anyone)),
        fingerprint: "body".into(),
        livemode: false,
        now: now(),
        // No test waits for the lease.
        lease: Duration::ZERO,
    }
}

/// Claims an attempt for the booking and places it.
async fn place(store: &SqliteStore, booking: &Booking) -> crate::store::PlaceOutcome {
    let claim = store.claim_attempt(&attempt(booking, None)).await.unwrap();
    assert_eq!(claim, Claim::Free);
    store
        .place_hold(booking, &units(booking), &limits())
        .await
        .unwrap()
}

/// Allocates the first units of each segment of the booking.
fn units(booking: &Booking) -> Vec<Allocation> {
    units_from(1, booking)
}

/// Allocates the quantity of the booking from unit `first` on.
fn units_from(first: u32, booking: &Booking) -> Vec<Allocation> {
    let allocation = |segment: &Segment| Allocation {
        segment: segment.clone(),
        units: (first..first + booking.quantity).collect(),
    };
    booking.segments.iter().map(allocation).collect()
}

/// Returns limits that no test reaches.
fn limits() -> HoldLimits {
    HoldLimits {
        client: Some(ClientId("there".into())),
        allowances: vec![allowances_of_guest(64)],
        waits: false,
    }
}

/// Offers all allowances of a limit on the guest's holds.
fn allowances_of_guest(most: u32) -> AllowanceOffer {
    AllowanceOffer {
        limit: HoldLimit {
            scope: LimitScope::Email,
            subject: "guest@example.com".to_owned(),
            most,
        },
        numbers: (1..=most).collect(),
    }
}

fn receipt(intent: &str) -> Receipt {
    Receipt {
        asked: None,
        intent: IntentId::new(intent),
        money: price(),
    }
}

fn event(id: &str) -> EventRecord {
    EventRecord {
        id: EventId::new(id),
        kind: "test".into(),
        payload: Some("{}".into()),
    }
}

/// Makes the change that follows from a fact, which the event `id` reported.
fn change(booking: &Booking, id: &str, fact: &Fact) -> HoldChange {
    let step = match decide(&booking.hold, fact, HoldPolicy::default()) {
        Decision::Stay(_) => None,
        Decision::Change(transition) => Some(StateChange::Transition(transition)),
        Decision::Reclaim { free, .. } => Some(StateChange::Reclaim {
            transition: free,
            units: units(booking),
        }),
    };
    HoldChange {
        event: Some(event(id)),
        hold: booking.hold.id,
        version: booking.version,
        noted: None,
        step,
        actor: Actor::Event(EventId::new(id)),
        now: minute(1),
        check_at: None,
    }
}

/// Reads the current row of the hold.
async fn read(store: &SqliteStore, booking: &Booking) -> Booking {
    store.find_booking(booking.hold.id).await.unwrap().unwrap()
}

/// Reads the first column of the only row of a query.
async fn count(store: &SqliteStore, question: &'static str) -> i64 {
    sqlx::query_scalar(question)
        .fetch_one(&store.readers)
        .await
        .unwrap()
}
