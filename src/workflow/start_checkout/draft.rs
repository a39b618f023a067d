//! A checkout with all its terms: what Stripe is asked for, and the hold to place.

use chrono::{DateTime, Utc};
use uuid::{NoContext, Timestamp, Uuid};

use super::request::CheckoutRequest;
use crate::domain::booking::Booking;
use crate::domain::catalogue::EventType;
use crate::domain::checkout_line::CheckoutLine;
use crate::domain::hold::Hold;
use crate::domain::ids::HoldId;
use crate::domain::segment::{Allocation, allocated_segments};
use crate::domain::session::{
    NewSession, PageTerms, SessionTerms, first_check_at, hold_expiry, session_expiry,
};
use crate::domain::time::Window;
use crate::domain::token::TokenKeyName;
use crate::workflow::context::Context;

/// The times of a checkout.
#[derive(Clone, Copy)]
pub(super) struct DraftTimes {
    /// The time of the request, by the database's clock.
    pub(super) now: DateTime<Utc>,
    /// When its hold ends at the latest, if that is not for the shop alone to say.
    pub(super) latest_end: Option<DateTime<Utc>>,
}

/// What a checkout sells, as its first read found it.
#[derive(Clone, Copy)]
pub(super) struct SoldSlot<'a> {
    pub(super) event_type: &'a EventType,
    /// The name of the resource that every such booking gets, if there is one.
    pub(super) resource_name: Option<&'a str>,
}

/// A checkout with all its terms.
pub(super) struct Draft<'a> {
    pub(super) request: &'a CheckoutRequest,
    pub(super) event_type: &'a EventType,
    pub(super) terms: SessionTerms,
    token_key: TokenKeyName,
    /// The time of the request, by the database's clock.
    pub(super) now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

impl<'a> Draft<'a> {
    /// Builds the terms of a checkout.
    pub(super) fn new(
        context: &Context,
        request: &'a CheckoutRequest,
        sold: SoldSlot<'a>,
        installation: String,
        token_key: TokenKeyName,
        times: DraftTimes,
    ) -> Self {
        let event_type = sold.event_type;
        let now = times.now;
        let expires_at = hold_expiry(now, context.settings.hold_ttl, request.starts_at);
        let expires_at = times
            .latest_end
            .map_or(expires_at, |latest| expires_at.min(latest));
        let hold = new_hold_id(now);
        context.account.record_checkout(now);
        let terms = SessionTerms {
            hold,
            event_type: Some(event_type.id.clone()),
            name: event_type.name.clone(),
            price: event_type.price,
            quantity: request.quantity,
            email: request.guest.email.clone(),
            ui: request.ui,
            success_url: insert_hold_id(&request.success_url, hold),
            cancel_url: insert_hold_id(&request.cancel_url, hold),
            expires_at: session_expiry(now, expires_at),
            payment_methods: event_type.payment_methods.clone(),
            installation,
            page: PageTerms {
                line: write_line(context, request, sold),
                locale: request.locale,
                options: event_type.checkout.clone(),
            },
        };
        Self {
            request,
            event_type,
            terms,
            token_key,
            now,
            expires_at,
        }
    }

    pub(super) fn booking(&self, session: NewSession, units: &[Allocation]) -> Booking {
        // The fallback is never used: `check` has verified that the total price exists.
        let price = self
            .event_type
            .total_price(self.request.quantity)
            .unwrap_or(self.terms.price);
        Booking {
            hold: Hold::new(self.terms.hold, session.id, price),
            event_type: self.request.event_type.clone(),
            // Set when the hold is placed: until then the resources may change.
            names: Default::default(),
            segments: allocated_segments(units),
            quantity: self.request.quantity,
            requested_resource: self.request.resource.clone(),
            change_policy: self.event_type.change_policy,
            cancel_right_passed: false,
            guest: self.request.guest.clone(),
            metadata: self.request.metadata.clone(),
            token_key: Some(self.token_key.clone()),
            replaced_by: None,
            payment_page: Some(session.page),
            expires_at: self.expires_at,
            session_expires_at: self.terms.expires_at,
            created_at: self.now,
            updated_at: self.now,
            changed_at: Default::default(),
            due_at: Some(first_check_at(self.expires_at, self.terms.expires_at)),
            tries: 0,
            version: 1,
        }
    }
}

/// Writes the line of the payment page, in the zone of the schedule or else of the shop.
fn write_line(context: &Context, request: &CheckoutRequest, sold: SoldSlot<'_>) -> Option<String> {
    let event_type = sold.event_type;
    let schedule = event_type.schedule.as_ref();
    let zone = schedule.map_or(&context.settings.timezone, |schedule| &schedule.timezone);
    let line = CheckoutLine {
        window: Window::new(request.starts_at, request.starts_at + event_type.length())?,
        zone,
        rules: context.settings.zones.find(zone)?,
        resource: sold.resource_name,
        quantity: request.quantity,
        description: event_type.description.as_deref(),
    };
    Some(line.write(request.locale))
}

/// Makes a hold id that is ordered by time and unguessable.
///
/// The order keeps the index of holds compact, and tells which of two holds is younger. The 74 random bits make the id
/// unguessable.
fn new_hold_id(now: DateTime<Utc>) -> HoldId {
    let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
    HoldId(Uuid::new_v7(Timestamp::from_unix(
        NoContext,
        seconds,
        now.timestamp_subsec_nanos(),
    )))
}

fn insert_hold_id(url: &str, hold: HoldId) -> String {
    url.replace("{HOLD_ID}", &hold.to_string())
}
