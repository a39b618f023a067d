//! Holds: reading them with their payments, and leasing them to the caller that asks Stripe about them.
//! `placements` writes new ones, `changes` writes transitions.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::types::Json;

use super::columns::{DbJson, DbTime, DbUuid};
use super::group_commit::GroupItem;
use super::hold_list::ListPlace;
use super::hold_search::TextSearch;
use super::lease_request::LeaseRequest;
use super::ledger::FactsJson;
use super::payments::PaymentJson;
use super::{StoreError, encoding, paging};
use crate::domain::booking::{Booking, ChangedAt, Guest};
use crate::domain::catalogue_names::CatalogueNames;
use crate::domain::change_policy::ChangePolicy;
use crate::domain::hold::{Hold, ReleaseRequester};
use crate::domain::ids::{HoldId, IntentId, ResourceId, SessionId};
use crate::domain::listing::{HoldFilter, Page, PageRequest};
use crate::domain::session::HoldRefs;
use crate::domain::time::Window;
use crate::domain::token::TokenKeyName;
use crate::domain::zone::ZoneName;

/// The result of leasing a hold for its release.
#[derive(Clone, Debug)]
pub enum ReleaseLease {
    /// The hold is leased to the caller.
    Leased(Booking),
    /// Another caller has the lease.
    LeasedElsewhere,
    /// The hold is not `held`, or no longer.
    NotHeld(Booking),
    /// There is no such hold.
    Missing,
}

/// Holds in the database; one method is one transaction.
#[async_trait]
pub trait Holds {
    /// Reads one hold by its id.
    async fn find_booking(&self, id: HoldId) -> Result<Option<Booking>, StoreError>;
    /// Reads the holds with these ids, in any order; one that is deleted is missing.
    async fn find_bookings(&self, ids: &[HoldId]) -> Result<Vec<Booking>, StoreError>;
    /// Finds the hold that owns an event: by session, else by an intent that has paid, else by our id, else by an intent
    /// that was only linked. The surest comes first. Reads what is known of the payment of the references as well, unless it
    /// is the hold's.
    async fn find_booking_by_refs(&self, refs: &HoldRefs) -> Result<Option<Booking>, StoreError>;
    /// Lists holds, in the order of the filter.
    async fn list_bookings(
        &self,
        filter: &HoldFilter,
        page: &PageRequest,
    ) -> Result<Page<Booking>, StoreError>;
    /// Leases one `held` hold for its release and records who requested it. A request makes a new version, so that a
    /// decision made without it is made again.
    async fn lease_release(
        &self,
        id: HoldId,
        requester: Option<ReleaseRequester>,
        lease: Duration,
    ) -> Result<ReleaseLease, StoreError>;
    /// Leases `held` and `processing` holds that are due by the database's clock, oldest first.
    async fn lease_due_holds(&self, request: &LeaseRequest) -> Result<Vec<Booking>, StoreError>;
    /// Writes that the guest of a `held` hold was seen on the return page at `at`, and that the sweep reads the session at
    /// `read_at`. Only the first time counts.
    async fn record_return(
        &self,
        id: HoldId,
        at: DateTime<Utc>,
        read_at: DateTime<Utc>,
    ) -> Result<(), StoreError>;
    /// Finds `held` holds whose session is to be read because their guests came back, oldest first. They are due again after
    /// the duration of the request, unless [`Self::finish_read`] is called.
    async fn take_returned_holds(&self, request: &LeaseRequest) -> Result<Vec<Booking>, StoreError>;
    /// Writes that Stripe has answered for a hold of [`Self::take_returned_holds`].
    async fn finish_read(&self, id: HoldId) -> Result<(), StoreError>;
    /// Returns a hold that the sweep has leased, without a change, due again at `due_at`, and counts the try.
    /// `forget_requester` is for a release that Stripe certainly did not carry out.
    async fn defer_hold(
        &self,
        id: HoldId,
        due_at: DateTime<Utc>,
        forget_requester: bool,
    ) -> Result<(), StoreError>;
    /// Returns a hold that was leased by [`Self::lease_release`], without a change. The sweep's next question comes when it
    /// would have come, or at `due_at` if that is earlier, however many requests had no answer from Stripe.
    async fn return_lease(
        &self,
        id: HoldId,
        due_at: DateTime<Utc>,
        forget_requester: bool,
    ) -> Result<(), StoreError>;
    /// Lists the confirmed holds that keep a resource busy after `from`, newest first, at most `limit`.
    async fn list_confirmed_of_resource(
        &self,
        resource: &ResourceId,
        from: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Booking>, StoreError>;
    /// Lists the live holds that keep some of the given resources busy within a window, buffers included: the first start first, at
    /// most `limit`.
    async fn list_live_of_resources(
        &self,
        resources: &[ResourceId],
        within: Window,
        limit: u32,
    ) -> Result<Vec<Booking>, StoreError>;
    /// Deletes at most `limit` released holds, with their history, that never had a payment, whose guest is erased, and that
    /// last changed before `before`; returns how many.
    async fn delete_released_holds(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError>;
}

#[derive(sqlx::FromRow)]
pub(super) struct BookingRow {
    id: DbUuid,
    event_type_id: String,
    event_type_name: Option<String>,
    timezone: Option<String>,
    resource_name: Option<String>,
    segments: DbJson,
    quantity: i32,
    requested_resource_id: Option<String>,
    cancel_until_minutes: Option<i32>,
    move_until_minutes: Option<i32>,
    cancel_right_passed: bool,
    status: String,
    reason: Option<String>,
    requested_by: Option<String>,
    amount: i64,
    currency: String,
    session_id: String,
    intent_id: Option<String>,
    checkout_url: String,
    client_secret: Option<String>,
    price_mismatch: bool,
    paid_elsewhere: bool,
    owes_nothing: bool,
    guest_email: Option<String>,
    guest_name: Option<String>,
    metadata: DbJson,
    token_key: Option<String>,
    replaced_by: Option<DbUuid>,
    expires_at: DbTime,
    session_expires_at: DbTime,
    due_at: Option<DbTime>,
    tries: i32,
    version: i64,
    created_at: DbTime,
    updated_at: DbTime,
    changed_at: DbTime,
    payments: Json<Vec<PaymentJson>>,
}

/// The columns of [`BookingRow`]s of holds `h`, with the engine's own expression for the payments as JSON. Hold and payments
/// are read in one statement, so that they are of one moment. So are the names of what was booked, each by its key.
macro_rules! booking_columns {
    ($payments:expr) => {
        concat!(
            "h.id, h.event_type_id, h.segments, h.quantity, h.requested_resource_id, h.cancel_until_minutes,
                 h.move_until_minutes, h.cancel_right_passed, h.status, h.reason, h.requested_by, h.amount, h.currency,
                 h.session_id, h.intent_id, h.checkout_url, h.client_secret, h.price_mismatch, h.paid_elsewhere, h.owes_nothing,
                 h.guest_email, h.guest_name, h.metadata,
                 h.token_key, h.replaced_by, h.expires_at, h.session_expires_at, h.due_at, h.tries, h.version, h.created_at,
                 h.updated_at, coalesce(h.changed_at, h.updated_at) AS changed_at,
                 (SELECT e.name FROM event_types e WHERE e.id = h.event_type_id) AS event_type_name,
                 (SELECT coalesce(e.schedule ->> 'timezone', 'UTC') FROM event_types e WHERE e.id = h.event_type_id) AS timezone,
                 (SELECT r.name FROM resources r WHERE r.id = h.segments -> 0 ->> 'resource') AS resource_name, (SELECT ",
            $payments,
            " FROM payments p WHERE p.hold_id = h.id) AS payments"
        )
    };
}
pub(super) use booking_columns;

/// The condition that finds the hold with a session, else the one that an intent paid, else the hold with an id, else the
/// oldest one that the intent is linked to.
macro_rules! is_named_by_refs {
    ($hold:literal, $session:literal, $intent:literal) => {
        concat!(
            "h.id = coalesce(
                 (SELECT id FROM holds WHERE session_id = ",
            $session,
            "), (SELECT hold_id FROM payments WHERE intent_id = ",
            $intent,
            "), (SELECT id FROM holds WHERE id = ",
            $hold,
            "), (SELECT id FROM holds WHERE intent_id = ",
            $intent,
            " ORDER BY created_at, id LIMIT 1))"
        )
    };
}
pub(super) use is_named_by_refs;

impl GroupItem for HoldRefs {
    type Touched = ();

    fn touch(&mut self, _: &mut ()) -> bool {
        true
    }
}

/// The hold that the references of this number name, with what is known of the payment that they name.
#[derive(sqlx::FromRow)]
pub(super) struct NamedHoldRow {
    #[sqlx(flatten)]
    booking: BookingRow,
    number: i64,
    facts: Json<FactsJson>,
}

impl NamedHoldRow {
    /// The hold that each of the references names, if there is one.
    pub(super) fn decode_all(rows: Vec<Self>, refs: &[HoldRefs]) -> Result<Vec<Option<Booking>>, StoreError> {
        let mut named: Vec<Option<Booking>> = refs.iter().map(|_| None).collect();
        for row in rows {
            let mut booking = row.booking.decode()?;
            let index = usize::try_from(row.number).unwrap_or(usize::MAX);
            let (Some(refs), Some(place)) = (refs.get(index), named.get_mut(index)) else {
                return Err(encoding::unreadable_column("number", "no number of references"));
            };
            let paid = refs.paid.as_ref();
            if let Some(paid) = paid.filter(|intent| booking.hold.find_payment(intent).is_none()) {
                let facts = row.facts.0.decode()?;
                booking.hold.unmatched.insert(paid.clone(), facts);
            }
            *place = Some(booking);
        }
        Ok(named)
    }
}

/// Writes that the guest of hold `$1` came back at `$2`, and that the session is to be read at `$3`.
pub(super) const RECORD_RETURN: &str = "UPDATE holds SET returned_at = $2, read_due_at = $3
     WHERE id = $1 AND status = 'held' AND returned_at IS NULL";

/// Writes that the session of hold `$1` was read.
pub(super) const FINISH_READ: &str = "UPDATE holds SET read_due_at = NULL WHERE id = $1";

/// Returns hold `$1`, which was leased on demand, due at `$2` at the latest; `$3` tells whether to forget who requested the
/// release. That a hold is replaced is never taken back, so it keeps its requester.
pub(super) const RETURN_LEASE: &str =
    "UPDATE holds SET due_at = CASE WHEN due_at > $2 THEN $2 ELSE due_at END, leased_until = NULL,
         requested_by = CASE WHEN $3 AND replaced_by IS NULL THEN NULL ELSE requested_by END
     WHERE id = $1 AND status IN ('held', 'processing')";

/// Returns leased hold `$1`, due again at `$2`; `$3` tells whether to forget who requested the release, as in
/// [`RETURN_LEASE`].
pub(super) const DEFER: &str = "UPDATE holds SET due_at = $2, leased_until = NULL, tries = tries + 1,
         requested_by = CASE WHEN $3 AND replaced_by IS NULL THEN NULL ELSE requested_by END
     WHERE id = $1 AND status IN ('held', 'processing')";

impl BookingRow {
    pub(super) fn decode(self) -> Result<Booking, StoreError> {
        let payments = self.payments.0.into_iter().map(PaymentJson::decode);
        let requester = self.requested_by.as_deref();
        let hold = Hold {
            id: HoldId(self.id.0),
            session: SessionId::new(self.session_id),
            price: encoding::decode_money(self.amount, &self.currency)?,
            status: encoding::decode_status(&self.status, self.reason.as_deref())?,
            requested_by: requester.map(encoding::decode_requester).transpose()?,
            intent: self.intent_id.map(IntentId::new),
            payments: payments.collect::<Result<_, _>>()?,
            unmatched: BTreeMap::new(),
            price_mismatch: self.price_mismatch,
            paid_elsewhere: self.paid_elsewhere,
            owes_nothing: self.owes_nothing,
        };
        let segments = encoding::decode_segments(self.segments.0)?;
        let resource = segments.first().map(|first| first.resource.clone());
        let requested_resource = self.requested_resource_id.as_deref();
        Ok(Booking {
            hold,
            event_type: encoding::decode_event_type_id(&self.event_type_id)?,
            names: CatalogueNames {
                event_type: self.event_type_name,
                timezone: self.timezone.map(ZoneName::new),
                resources: resource.zip(self.resource_name).into_iter().collect(),
            },
            segments,
            quantity: self.quantity.unsigned_abs(),
            requested_resource: requested_resource.map(encoding::decode_resource_id).transpose()?,
            change_policy: ChangePolicy {
                cancel_until_minutes: self.cancel_until_minutes.map(i64::from),
                move_until_minutes: self.move_until_minutes.map(i64::from),
            },
            cancel_right_passed: self.cancel_right_passed,
            guest: Guest {
                // A guest who was erased has no address any more.
                email: self.guest_email.unwrap_or_default(),
                name: self.guest_name,
            },
            metadata: encoding::decode_metadata(self.metadata.0)?,
            token_key: self.token_key.map(TokenKeyName),
            replaced_by: self.replaced_by.map(|hold| HoldId(hold.0)),
            payment_page: encoding::decode_payment_page(self.checkout_url, self.client_secret),
            expires_at: self.expires_at.0,
            session_expires_at: self.session_expires_at.0,
            created_at: self.created_at.0,
            updated_at: self.updated_at.0,
            changed_at: ChangedAt(Some(self.changed_at.0)),
            due_at: self.due_at.map(|at| at.0),
            tries: self.tries.unsigned_abs(),
            version: self.version,
        })
    }

    /// One hold, if there is one.
    pub(super) fn decode_optional(row: Option<Self>) -> Result<Option<Booking>, StoreError> {
        row.map(Self::decode).transpose()
    }

    /// All holds, in the order of the rows.
    pub(super) fn decode_all(rows: Vec<Self>) -> Result<Vec<Booking>, StoreError> {
        rows.into_iter().map(Self::decode).collect()
    }

    /// A page of holds, cut off rows that were read in the order of the list.
    pub(super) fn decode_page(
        rows: Vec<Self>,
        filter: &HoldFilter,
        page: &PageRequest,
    ) -> Result<Page<Booking>, StoreError> {
        let place = |booking: &Booking| ListPlace::of(filter, booking).to_cursor(filter);
        Ok(paging::cut_page(Self::decode_all(rows)?, page, place))
    }

    /// A page of the holds that a search has found, from their rows in any order.
    pub(super) fn decode_found(
        rows: Vec<Self>,
        filter: &HoldFilter,
        search: &TextSearch,
    ) -> Result<Page<Booking>, StoreError> {
        let mut entries = Self::decode_all(rows)?;
        search.sort(&mut entries);
        Ok(Page {
            entries,
            next: search.next_cursor(filter),
        })
    }
}

/// The result of [`Holds::lease_release`], from the hold as it is after the lease was tried.
pub(super) fn release_lease(booking: Option<Booking>, was_leased: bool) -> ReleaseLease {
    use crate::domain::hold::Status;
    match booking {
        None => ReleaseLease::Missing,
        Some(booking) if was_leased => ReleaseLease::Leased(booking),
        Some(booking) if booking.hold.status == Status::Held => ReleaseLease::LeasedElsewhere,
        Some(booking) => ReleaseLease::NotHeld(booking),
    }
}
