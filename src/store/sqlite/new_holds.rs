//! The statements that place holds on SQLite, one or many in one transaction. There is one writer, so that nothing changes
//! between them. What takes a slot is `take_units_statement!` in `occupancy.rs`, what keeps the limits `TAKE` in `allowances.rs`.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sqlx::SqliteConnection;

use super::allowances;
use super::attempts::AttemptStateRow;
use super::error::SqliteResult;
use super::occupancy::{self, take_units_statement};
use crate::domain::ids::{HoldId, IntentId, ResourceId};
use crate::store::encoding;
use crate::store::placements::{HoldToPlace, PlaceOutcome};

/// Writes the holds in JSON `$2`.
pub(super) const INSERT: &str = "INSERT INTO holds (
        id, event_type_id, resource_id, starts_at, ends_at, segments,
        status, reason, requested_by, amount, currency, session_id, intent_id,
        checkout_url, price_mismatch, guest_email, guest_name, metadata,
        expires_at, session_expires_at, due_at, tries, version, created_at, updated_at,
        quantity, cancel_until_minutes, move_until_minutes, guest_id, client_id, requested_resource_id,
        token_key, client_secret, allowances_taken)
    SELECT
        value ->> 'hold', value ->> 'event_type', value ->> 'resource', value ->> 'starts', value ->> 'ends',
        value -> 'segments', value ->> 'status', value ->> 'reason', value ->> 'requester', value ->> 'amount',
        value ->> 'currency', value ->> 'session', value ->> 'intent', value ->> 'url', value ->> 'price_mismatch',
        value ->> 'email', value ->> 'name', value -> 'metadata', value ->> 'expires', value ->> 'session_expires',
        value ->> 'due', value ->> 'tries', value ->> 'version', value ->> 'created', value ->> 'updated',
        value ->> 'quantity', value ->> 'cancel_until', value ->> 'move_until', value ->> 'guest', value ->> 'client',
        value ->> 'requested_resource', value ->> 'token_key', value ->> 'client_secret', TRUE
    FROM jsonb_each($2)";

/// Writes the first history lines of the holds in JSON `$2`, with transition code `$3` and message `$4`.
pub(super) const INSERT_HISTORY: &str =
    "INSERT INTO hold_history (hold_id, at, to_status, to_reason, transition, message, actor)
     SELECT value ->> 'hold', value ->> 'created', value ->> 'status', value ->> 'reason', $3, $4, 'checkout'
     FROM jsonb_each($2)";

/// Closes the attempts of the holds in JSON `$2` as placed.
pub(super) const CLOSE_ATTEMPTS: &str =
    "UPDATE checkout_attempts SET state = 'placed', terms = NULL, leased_until = NULL, ended_at = j.value ->> 'created'
     FROM jsonb_each($2) j WHERE checkout_attempts.hold_id = j.value ->> 'hold'";

/// Takes the units in JSON `$4`, for holds whose attempt runs and that have got a number of each limit.
pub(super) const TAKE_UNITS: &str = take_units_statement!(
    "$4",
    "EXISTS (SELECT 1 FROM checkout_attempts c WHERE c.hold_id = w.hold_id AND c.state = 'running')
       AND (SELECT count(*) FROM allowances a WHERE a.hold_id = w.hold_id) = w.limits"
);

/// What holds got before they are written.
pub(super) struct Taken {
    /// The state of each attempt that there is.
    pub(super) states: BTreeMap<HoldId, AttemptStateRow>,
    /// How many numbers of limits each hold got, of those that got some.
    pub(super) numbers: BTreeMap<HoldId, usize>,
    /// How many units each hold got, of those that got some.
    pub(super) units: BTreeMap<HoldId, usize>,
}

impl Taken {
    /// What becomes of a hold. One that is placed now got all that it wants.
    pub(super) fn outcome(&self, new: &HoldToPlace<'_>) -> PlaceOutcome {
        let id = new.booking.hold.id;
        let Some(attempt) = self.states.get(&id) else {
            return PlaceOutcome::AttemptClosed;
        };
        let has = |taken: &BTreeMap<HoldId, usize>, wanted| taken.get(&id).copied().unwrap_or(0) == wanted;
        match attempt.state.as_str() {
            "running" if !has(&self.numbers, new.offers.len()) => PlaceOutcome::LimitReached,
            // More units than the quantity are as wrong as too few.
            "running" if !has(&self.units, new.units_wanted()) => PlaceOutcome::SlotTaken,
            // It is placed now; or a first call of ours placed it, and its answer was lost.
            "running" | "placed" => PlaceOutcome::placed(attempt.is_paid),
            _ => PlaceOutcome::AttemptClosed,
        }
    }

    /// Whether a hold is to be written: it was not placed before, and has got all that it wants.
    pub(super) fn is_complete(&self, new: &HoldToPlace<'_>) -> bool {
        let attempt = self.states.get(&new.booking.hold.id);
        attempt.is_some_and(|attempt| attempt.state == "running") && self.outcome(new).is_placed()
    }

    /// Gives back what holds got that are not placed, so that the caller may commit.
    pub(super) async fn give_back(
        &self,
        connection: &mut SqliteConnection,
        holds: &[HoldToPlace<'_>],
    ) -> SqliteResult<()> {
        for new in holds {
            let id = new.booking.hold.id;
            if !self.outcome(new).is_placed()
                && (self.numbers.contains_key(&id) || self.units.contains_key(&id))
            {
                occupancy::delete_occupancy(connection, id).await?;
                allowances::delete_allowances(connection, id).await?;
            }
        }
        Ok(())
    }
}

/// The row of a new hold, as the statements read it.
pub(super) fn encode_hold(new: &HoldToPlace<'_>) -> Value {
    let booking = new.booking;
    let hold = &booking.hold;
    let shown = booking.window();
    let (url, client_secret) = encoding::encode_payment_page(booking.payment_page.as_ref());
    let (status, reason) = encoding::encode_status(hold.status);
    json!({
        "hold": hold.id.0,
        "event_type": booking.event_type.as_str(),
        "resource": booking.resource().as_str(),
        "starts": shown.starts_at().timestamp_millis(),
        "ends": shown.ends_at().timestamp_millis(),
        "segments": encoding::encode_segments(&booking.segments),
        "status": status,
        "reason": reason,
        "requester": hold.requested_by.map(encoding::encode_requester),
        "amount": hold.price.amount,
        "currency": hold.price.currency.code(),
        "session": hold.session.as_str(),
        "intent": hold.intent.as_ref().map(IntentId::as_str),
        "url": url,
        "client_secret": client_secret,
        "price_mismatch": hold.price_mismatch,
        "email": booking.guest.email,
        "name": booking.guest.name,
        "metadata": booking.metadata,
        "expires": booking.expires_at.timestamp_millis(),
        "session_expires": booking.session_expires_at.timestamp_millis(),
        "due": booking.due_at.map(|at| at.timestamp_millis()),
        "tries": booking.tries,
        "version": booking.version,
        "created": booking.created_at.timestamp_millis(),
        "updated": booking.updated_at.timestamp_millis(),
        "quantity": booking.quantity,
        "cancel_until": booking.change_policy.cancel_until_minutes,
        "move_until": booking.change_policy.move_until_minutes,
        "guest": booking.guest.normalized_email(),
        "client": new.client.map(|client| client.0.as_str()),
        "requested_resource": booking.requested_resource.as_ref().map(ResourceId::as_str),
        "token_key": booking.token_key.as_ref().map(|key| key.0.as_str()),
    })
}
