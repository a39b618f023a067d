//! What a checkout is asked for, and how it comes out.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::domain::availability::Slot;
use crate::domain::booking::{Booking, ClientId, Guest};
use crate::domain::catalogue::StartError;
use crate::domain::ids::{EventTypeId, IdempotencyKey, ResourceId};
use crate::workflow::WorkflowError;

/// What a checkout page asks for.
#[derive(Clone, Debug)]
pub struct CheckoutRequest {
    /// What is to be booked; all its terms come from the catalogue (I8).
    pub event_type: EventTypeId,
    /// From when on.
    pub starts_at: DateTime<Utc>,
    /// How many units of each segment, at least 1.
    pub quantity: u32,
    /// Whom the guest wants, where that matters to them.
    pub resource: Option<ResourceId>,
    /// For whom.
    pub guest: Guest,
    /// Where it came from, where that is to be counted.
    pub client: Option<ClientId>,
    /// The caller's own pairs.
    pub metadata: BTreeMap<String, String>,
    /// Where Stripe sends the guest who paid; `{HOLD_ID}` is filled in.
    pub success_url: String,
    /// Where Stripe sends the guest who turned back; `{HOLD_ID}` is filled in.
    pub cancel_url: String,
    /// The caller's key.
    pub key: Option<IdempotencyKey>,
    /// SHA-256 of the body, in hex.
    pub fingerprint: String,
}

/// A checkout that can go on.
#[derive(Clone, Debug)]
pub enum Checkout {
    /// The slot was free, and is now held.
    Placed(Booking),
    /// The same key and body came before; this is the hold they got.
    Replayed(Booking),
}

/// Why a checkout cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum CheckoutError {
    /// No such event type.
    #[error("no such event type")]
    UnknownEventType,
    /// That start is not for sale.
    #[error("starts_at {0}")]
    Start(StartError),
    /// Nobody of that name serves it.
    #[error("the resource is not one of this event type's")]
    UnknownResource,
    /// So many cost more than Stripe takes in one payment.
    #[error("so many cost more than one payment can be")]
    TooDear,
    /// Stripe does not take the guest's address.
    #[error("the address is not one that Stripe accepts")]
    Email,
    /// Another live hold has the slot, or won the race for it. These are free, nearest first.
    #[error("the slot is taken")]
    SlotTaken(Vec<Slot>),
    /// The guest, or whoever sits at that address, has as many holds as they may.
    #[error("too many holds")]
    TooMany {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// The first request with this key is still running.
    #[error("the first request with this key is still running")]
    InProgress,
    /// The key was used with another body.
    #[error("the key was used with another body")]
    Mismatch,
    /// Nobody's fault who asked.
    #[error(transparent)]
    Workflow(#[from] WorkflowError),
}

impl From<crate::store::StoreError> for CheckoutError {
    fn from(error: crate::store::StoreError) -> Self {
        Self::Workflow(error.into())
    }
}
