//! The request, the result and the errors of a checkout.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::domain::availability::{Slot, SlotRequest};
use crate::domain::booking::{Booking, CheckoutClient, Guest};
use crate::domain::catalogue::{EventType, StartError};
use crate::domain::ids::{EventTypeId, HoldId, ResourceId};
use crate::domain::key_scope::ScopedKey;
use crate::domain::locale::Locale;
use crate::domain::session::CheckoutUi;
use crate::domain::zone::ZoneDatabase;
use crate::store::LookupQuery;
use crate::workflow::error::WorkflowError;
use crate::workflow::hold_limits::{LimitCheck, LimitError};

/// What a checkout page requests.
#[derive(Clone, Debug)]
pub struct CheckoutRequest {
    /// The event type to book; all its terms come from the catalogue (I8).
    pub event_type: EventTypeId,
    /// The start that is requested.
    pub starts_at: DateTime<Utc>,
    /// Units of each segment, at least 1.
    pub quantity: u32,
    /// The resource that the guest asks for by name, if any.
    pub resource: Option<ResourceId>,
    /// The guest's earlier unpaid hold, in whose place the new one comes. The guest has presented its token.
    pub replaces: Option<HoldId>,
    /// The guest who books.
    pub guest: Guest,
    /// The client that the request came from. `None`, like a client without a network, is exempt from the limits on
    /// addresses.
    pub client: Option<CheckoutClient>,
    /// The caller's own key-value pairs.
    pub metadata: BTreeMap<String, String>,
    /// Where the guest sees the payment page.
    pub ui: CheckoutUi,
    /// The language of the payment page, if the caller chooses one.
    pub locale: Option<Locale>,
    /// Stripe sends the guest to this URL after the payment; `{HOLD_ID}` is replaced by the hold's id.
    pub success_url: String,
    /// Stripe sends the guest to this URL if they turn back; `{HOLD_ID}` is replaced by the hold's id.
    pub cancel_url: String,
    /// The caller's idempotency key in its scope, if any.
    pub key: Option<ScopedKey>,
    /// SHA-256 of the request body in hex, to detect that a key is used with another body.
    pub fingerprint: String,
}

impl CheckoutRequest {
    /// The first read of this request, with its slot if there is a check of the limits to prepare.
    pub(super) fn to_lookup(&self, limits: Option<&LimitCheck>) -> LookupQuery {
        LookupQuery {
            event_type: self.event_type.clone(),
            key: self.key.clone().map(|key| (key, self.fingerprint.clone())),
            slot: limits.map(|limits| limits.to_slot_query(self.starts_at)),
        }
    }

    pub(super) fn to_slot_request<'a>(&'a self, event_type: &'a EventType) -> SlotRequest<'a> {
        SlotRequest {
            event_type,
            quantity: self.quantity,
            requested_resource: self.resource.as_ref(),
            moving: None,
        }
    }

    /// Checks that the catalogue sells what is requested.
    pub(super) fn check(
        &self,
        now: DateTime<Utc>,
        event_type: &EventType,
        zones: &ZoneDatabase,
    ) -> Result<(), CheckoutError> {
        event_type
            .check_start(self.starts_at, now, zones)
            .map_err(CheckoutError::Start)?;
        if let Some(requested) = &self.resource
            && !event_type.is_served_by(requested)
        {
            return Err(CheckoutError::UnknownResource);
        }
        event_type
            .total_price(self.quantity)
            .map(drop)
            .ok_or(CheckoutError::TooDear)
    }
}

/// A checkout that has its hold.
#[derive(Clone, Debug)]
pub enum Checkout {
    /// The slot was free, and is now held.
    Placed(Booking),
    /// The same key and body were sent before, or the request replaces a hold by the same one; this is the hold that was placed
    /// then.
    Replayed(Booking),
}

/// Why a checkout places no hold.
#[derive(Debug, thiserror::Error)]
pub enum CheckoutError {
    /// There is no such event type.
    #[error("no such event type")]
    UnknownEventType,
    /// The event type is not for sale at that start.
    #[error("starts_at {0}")]
    Start(StartError),
    /// The requested resource does not serve the event type.
    #[error("the resource is not one of this event type's")]
    UnknownResource,
    /// The total price is more than Stripe accepts in one payment.
    #[error("the total price is more than one payment can be")]
    TooDear,
    /// Stripe does not accept the guest's email address.
    #[error("Stripe does not accept the email address")]
    Email,
    /// Another live hold has the slot, or got it first. The alternatives are free, nearest first.
    #[error("the slot is taken")]
    SlotTaken(Vec<Slot>),
    /// Like [`Self::SlotTaken`], and an unpaid hold of the same guest from the same client keeps a part of the slot.
    #[error("the guest's own hold keeps the slot")]
    OwnHold(Vec<Slot>),
    /// The earlier hold is paid, or a payment for it is in progress.
    #[error("the earlier hold is paid")]
    AlreadyPaid,
    /// The guest or the client address has too many unpaid holds.
    #[error("too many holds")]
    TooMany {
        /// How long to wait before another try.
        retry_after: Duration,
    },
    /// The first request with this key is still running.
    #[error("the first request with this key is still running")]
    InProgress,
    /// The key was used with another body.
    #[error("the key was used with another body")]
    Mismatch,
    /// The request was valid, but the workflow failed.
    #[error(transparent)]
    Workflow(#[from] WorkflowError),
}

impl From<LimitError> for CheckoutError {
    fn from(error: LimitError) -> Self {
        match error {
            LimitError::TooMany { retry_after } => Self::TooMany { retry_after },
            LimitError::Workflow(error) => Self::Workflow(error),
        }
    }
}

impl From<crate::store::StoreError> for CheckoutError {
    fn from(error: crate::store::StoreError) -> Self {
        Self::Workflow(error.into())
    }
}
