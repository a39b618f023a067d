//! The baseline of the store alone: calls the store's methods as the workflow does in a checkout, and nothing else.
//!
//! The difference to a checkout through the service is what the service adds: HTTP, rules, Stripe and logs.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use holdfast::app::open_store;
use holdfast::clock::SystemClock;
use holdfast::config::Database;
use holdfast::domain::availability::SlotRequest;
use holdfast::domain::booking::{Booking, CheckoutClient, ClientId, Guest, NetworkId};
use holdfast::domain::catalogue::EventType;
use holdfast::domain::hold::Hold;
use holdfast::domain::hold_limit::{AllowanceOffer, AllowanceRange, MostUnpaidHolds, list_limits};
use holdfast::domain::ids::{EventTypeId, HoldId, SessionId};
use holdfast::domain::segment::{Allocation, allocated_segments};
use holdfast::domain::session::{CheckoutUi, PaymentPage, SessionTerms, first_check_at, session_expiry};
use holdfast::domain::time::Clock;
use holdfast::store::{Claim, HoldLimits, Lookup, LookupQuery, NewAttempt, PlaceOutcome, SlotQuery, Store};
use uuid::{NoContext, Timestamp, Uuid};

/// A limit that no guest reaches.
const UNREACHED_LIMIT: u32 = 1_000_000;
const HOLD_DURATION: Duration = Duration::minutes(30);

/// The store, with a connection pool of the same size as the service's.
#[derive(Clone)]
pub(crate) struct StoreBaseline(Arc<dyn Store>);

impl StoreBaseline {
    pub(crate) async fn open(database: &Database) -> Self {
        Self(open_store(database).await.unwrap())
    }

    /// Makes the store's part of a checkout for a slot that is free.
    pub(crate) async fn book_slot(&self, (event_type, start): &(String, DateTime<Utc>)) {
        let now = SystemClock.now();
        let hold = new_hold_id(now);
        let (client, ranges) = list_ranges(hold);
        let slot = SlotQuery {
            starts_at: *start,
            ranges: ranges.clone(),
            lapses: Some((client.clone(), now - Duration::days(1))),
        };
        let found = self.look_up(event_type, Some(slot)).await;
        let (event_type, reading) = (found.event_type.unwrap(), found.slot.unwrap());
        assert!(reading.usage.taken.is_empty());
        let slot_request = SlotRequest {
            event_type: &event_type,
            quantity: 1,
            requested_resource: None,
            moving: None,
        };
        let units = reading.availability.find_units(&slot_request, *start, 0);
        let units = units.expect("the slot is free");
        let attempt = self.claim_attempt(&event_type, hold, now).await;
        let offer = |range: AllowanceRange| AllowanceOffer {
            numbers: (range.first..=range.last).collect(),
            limit: range.limit,
        };
        let limits = HoldLimits {
            client: Some(client),
            allowances: ranges.into_iter().map(offer).collect(),
            waits: false,
        };
        self.place_hold(event_type, units, attempt, &limits).await;
    }

    /// Makes only the part of a checkout before the call to Stripe: reads the event type and claims an attempt.
    pub(crate) async fn claim_attempt_only(&self) {
        let now = SystemClock.now();
        let event_type = self.look_up("call-0", None).await.event_type.unwrap();
        self.claim_attempt(&event_type, new_hold_id(now), now).await;
    }

    /// Makes the first read of a checkout.
    async fn look_up(&self, event_type: &str, slot: Option<SlotQuery>) -> Lookup {
        let query = LookupQuery {
            event_type: EventTypeId::parse(event_type).unwrap(),
            key: None,
            slot,
        };
        self.0.look_up(&query).await.unwrap()
    }

    async fn claim_attempt(&self, event_type: &EventType, hold: HoldId, now: DateTime<Utc>) -> NewAttempt {
        let expires_at = now + HOLD_DURATION;
        let email = email_of(hold);
        let terms = SessionTerms {
            hold,
            event_type: None,
            name: event_type.name.clone(),
            price: event_type.price,
            quantity: 1,
            email,
            ui: CheckoutUi::Hosted,
            success_url: "http://127.0.0.1:8080/checkout/done".to_owned(),
            cancel_url: "http://127.0.0.1:8080/checkout/cancelled".to_owned(),
            expires_at: session_expiry(now, expires_at),
            payment_methods: Vec::new(),
            installation: "bench".to_owned(),
            page: Default::default(),
        };
        let attempt = NewAttempt {
            terms,
            key: None,
            fingerprint: "0".repeat(64),
            livemode: false,
            now,
            lease: std::time::Duration::from_secs(120),
        };
        assert_eq!(self.0.claim_attempt(&attempt).await.unwrap(), Claim::Free);
        attempt
    }

    async fn place_hold(
        &self,
        event_type: EventType,
        units: Vec<Allocation>,
        attempt: NewAttempt,
        limits: &HoldLimits,
    ) {
        let NewAttempt { terms, now, .. } = attempt;
        let expires_at = now + HOLD_DURATION;
        let session = format!("cs_test_{}", terms.hold.0.simple());
        let booking = Booking {
            hold: Hold::new(terms.hold, SessionId::new(session.as_str()), terms.price),
            event_type: event_type.id,
            names: Default::default(),
            segments: allocated_segments(&units),
            quantity: 1,
            requested_resource: None,
            change_policy: event_type.change_policy,
            cancel_right_passed: false,
            guest: Guest {
                email: terms.email,
                name: Some("Ada".to_owned()),
            },
            metadata: BTreeMap::new(),
            token_key: None,
            replaced_by: None,
            payment_page: Some(PaymentPage::Hosted(format!(
                "http://127.0.0.1:12111/c/pay/{session}"
            ))),
            expires_at,
            session_expires_at: terms.expires_at,
            created_at: now,
            updated_at: now,
            changed_at: Default::default(),
            due_at: Some(first_check_at(expires_at, terms.expires_at)),
            tries: 0,
            version: 1,
        };
        assert_eq!(
            self.0.place_hold(&booking, &units, limits).await.unwrap(),
            PlaceOutcome::Placed
        );
    }
}

/// Makes a hold id as a checkout does.
fn new_hold_id(now: DateTime<Utc>) -> HoldId {
    let seconds = u64::try_from(now.timestamp()).unwrap();
    let time = Timestamp::from_unix(NoContext, seconds, now.timestamp_subsec_nanos());
    HoldId(Uuid::new_v7(time))
}

fn email_of(hold: HoldId) -> String {
    format!("{}@example.com", hold.0.simple())
}

/// The parts of limits that a checkout reads. Each has a guest and a client of its own.
fn list_ranges(hold: HoldId) -> (ClientId, Vec<AllowanceRange>) {
    let most = MostUnpaidHolds {
        per_guest: UNREACHED_LIMIT,
        per_email: UNREACHED_LIMIT,
        per_client: UNREACHED_LIMIT,
        per_network: UNREACHED_LIMIT,
    };
    let client = CheckoutClient {
        id: ClientId(hold.0.simple().to_string()),
        network: Some(NetworkId(hold.0.simple().to_string())),
    };
    let limits = list_limits(most, &email_of(hold), Some(&client));
    (
        client.id,
        limits.into_iter().map(|limit| limit.sample(0)).collect(),
    )
}
