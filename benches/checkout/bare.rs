//! What a checkout does in the database, and nothing else: the store's own methods, called here in the order in which
//! the workflow calls them. What a service adds (HTTP, rules, Stripe, logs) is the difference to this.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use holdfast::app::open_store;
use holdfast::clock::SystemClock;
use holdfast::config::Database;
use holdfast::domain::booking::{Booking, Guest};
use holdfast::domain::hold::Hold;
use holdfast::domain::ids::{EventTypeId, HoldId, SessionId};
use holdfast::domain::session::{SessionTerms, first_check, session_expiry};
use holdfast::domain::time::Clock;
use holdfast::store::{Claim, NewAttempt, Placement, Store};
use uuid::{NoContext, Timestamp, Uuid};

const EMAIL: &str = "ada@example.com";

/// The books, through a pool of the same size as a service's.
#[derive(Clone)]
pub(crate) struct Bare(Arc<dyn Store>);

impl Bare {
    pub(crate) async fn open(database: &Database) -> Self {
        Self(open_store(database).await.unwrap())
    }

    /// A checkout on a slot that is free.
    pub(crate) async fn book(&self, (event_type, start): &(String, DateTime<Utc>)) {
        let now = SystemClock.now();
        let event_type = self
            .0
            .event_type(&EventTypeId::parse(event_type).unwrap())
            .await
            .unwrap()
            .unwrap();
        let segments = event_type.segments(*start, now).unwrap();
        assert!(self.0.blockers(&segments, now).await.unwrap().is_empty());
        let expires_at = now + Duration::minutes(30);
        let seconds = u64::try_from(now.timestamp()).unwrap();
        let time = Timestamp::from_unix(NoContext, seconds, now.timestamp_subsec_nanos());
        let terms = SessionTerms {
            hold: HoldId(Uuid::new_v7(time)),
            name: event_type.name.clone(),
            price: event_type.price,
            email: EMAIL.to_owned(),
            success_url: "http://127.0.0.1:8080/checkout/done".to_owned(),
            cancel_url: "http://127.0.0.1:8080/checkout/cancelled".to_owned(),
            expires_at: session_expiry(now, expires_at),
            payment_methods: Vec::new(),
            installation: "bench".to_owned(),
        };
        let attempt = NewAttempt {
            terms: terms.clone(),
            key: None,
            fingerprint: "0".repeat(64),
            now,
            lease: std::time::Duration::from_secs(120),
        };
        assert_eq!(self.0.claim_attempt(&attempt).await.unwrap(), Claim::Free);
        let session = format!("cs_test_{}", terms.hold.0.simple());
        let booking = Booking {
            hold: Hold::placed(terms.hold, SessionId::new(session.as_str()), terms.price),
            event_type: event_type.id,
            segments,
            guest: Guest {
                email: EMAIL.to_owned(),
                name: Some("Ada".to_owned()),
            },
            metadata: BTreeMap::new(),
            checkout_url: format!("http://127.0.0.1:12111/c/pay/{session}"),
            expires_at,
            session_expires_at: terms.expires_at,
            created_at: now,
            updated_at: now,
            due_at: Some(first_check(expires_at, terms.expires_at)),
            tries: 0,
            version: 1,
        };
        assert_eq!(self.0.place(&booking).await.unwrap(), Placement::Placed);
    }
}
