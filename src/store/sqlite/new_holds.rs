//! The statements that place holds on SQLite, one or many in one transaction. There is one writer, so that nothing changes
//! between them. What takes a slot is `TAKE_UNITS` in `occupancy.rs`, what keeps the limits `TAKE` in `allowances.rs`.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sqlx::SqliteConnection;

use super::error::SqliteResult;
use super::{allowances, attempts, occupancy};
use crate::domain::hold::TransitionReason;
use crate::domain::ids::{HoldId, IntentId, ResourceId};
use crate::store::columns::DbJson;
use crate::store::encoding;
use crate::store::placements::{HoldToPlace, PlaceOutcome};

/// Writes the holds in JSON `$1`.
pub(super) const INSERT: &str = "INSERT INTO holds (
        id, event_type_id, resource_id, starts_at, ends_at, segments,
        status, reason, requested_by, amount, currency, session_id, intent_id,
        checkout_url, price_mismatch, guest_email, guest_name, metadata,
        expires_at, session_expires_at, due_at, tries, version, created_at, updated_at,
        quantity, cancel_until_minutes, move_until_minutes, guest_id, client_id, requested_resource_id,
        token_key, allowances_taken)
    SELECT
        value ->> 'hold', value ->> 'event_type', value ->> 'resource', value ->> 'starts', value ->> 'ends',
        value -> 'segments', value ->> 'status', value ->> 'reason', value ->> 'requester', value ->> 'amount',
        value ->> 'currency', value ->> 'session', value ->> 'intent', value ->> 'url', value ->> 'price_mismatch',
        value ->> 'email', value ->> 'name', value -> 'metadata', value ->> 'expires', value ->> 'session_expires',
        value ->> 'due', value ->> 'tries', value ->> 'version', value ->> 'created', value ->> 'updated',
        value ->> 'quantity', value ->> 'cancel_until', value ->> 'move_until', value ->> 'guest', value ->> 'client',
        value ->> 'requested_resource', value ->> 'token_key', TRUE
    FROM json_each($1)";

/// Writes the first history lines of the holds in JSON `$1`, with transition code `$2` and message `$3`.
pub(super) const INSERT_HISTORY: &str =
    "INSERT INTO hold_history (hold_id, at, to_status, to_reason, transition, message, actor)
     SELECT value ->> 'hold', value ->> 'created', value ->> 'status', value ->> 'reason', $2, $3, 'checkout'
     FROM json_each($1)";

/// Closes the attempts of the holds in JSON `$1` as placed.
pub(super) const CLOSE_ATTEMPTS: &str =
    "UPDATE checkout_attempts SET state = 'placed', terms = NULL, leased_until = NULL, ended_at = j.value ->> 'created'
     FROM json_each($1) j WHERE checkout_attempts.hold_id = j.value ->> 'hold'";

/// Places holds in the caller's transaction; returns what became of each, in their order. What a hold took that is not
/// placed is given back, so that the caller may commit.
///
/// No two holds may want the same unit or number: one of them could be refused for what another one gives back.
pub(super) async fn place_all(
    connection: &mut SqliteConnection,
    holds: &[HoldToPlace<'_>],
) -> SqliteResult<Vec<PlaceOutcome>> {
    let ids = holds.iter().map(|new| new.booking.hold.id);
    let states = attempts::find_states(connection, ids).await?;
    let attempt = |new: &HoldToPlace<'_>| states.get(&new.booking.hold.id);
    let is_running = |new: &&HoldToPlace<'_>| attempt(new).is_some_and(|attempt| attempt.state == "running");
    let open = holds.iter().filter(is_running);
    let open: Vec<&HoldToPlace<'_>> = open.collect();
    let limited = allowances::take_allowances(connection, &open).await?;
    let allowed = open.iter().filter(|new| !limited.contains(&new.booking.hold.id));
    let allowed: Vec<&HoldToPlace<'_>> = allowed.copied().collect();
    let taken = allowed
        .iter()
        .map(|new| (new.booking.hold.id, new.units, new.booking.quantity));
    let refused = occupancy::take_units_of_all(connection, taken).await?;
    let placed = allowed
        .iter()
        .filter(|new| !refused.contains(&new.booking.hold.id));
    write_placed(connection, placed.map(|new| encode(new)).collect()).await?;
    give_back(connection, limited.union(&refused).copied().collect()).await?;
    let outcome = |new: &HoldToPlace<'_>| {
        let Some(attempt) = attempt(new) else {
            return PlaceOutcome::AttemptClosed;
        };
        match attempt.state.as_str() {
            "running" if limited.contains(&new.booking.hold.id) => PlaceOutcome::LimitReached,
            "running" if refused.contains(&new.booking.hold.id) => PlaceOutcome::SlotTaken,
            // It is placed now; or a first call of ours placed it, and its answer was lost.
            "running" | "placed" => PlaceOutcome::placed(attempt.is_paid),
            _ => PlaceOutcome::AttemptClosed,
        }
    };
    Ok(holds.iter().map(outcome).collect())
}

/// Writes the holds that have got their units and numbers, their history, and the end of their attempts.
async fn write_placed(connection: &mut SqliteConnection, holds: Vec<Value>) -> SqliteResult<()> {
    if holds.is_empty() {
        return Ok(());
    }
    let holds = DbJson(Value::Array(holds));
    let close = sqlx::query(CLOSE_ATTEMPTS).bind(&holds);
    close.execute(&mut *connection).await?;
    sqlx::query(INSERT).bind(&holds).execute(&mut *connection).await?;
    sqlx::query(INSERT_HISTORY)
        .bind(&holds)
        .bind(TransitionReason::Placed.code())
        .bind(TransitionReason::Placed.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

/// Gives back the units and numbers of holds that are not placed.
async fn give_back(connection: &mut SqliteConnection, holds: BTreeSet<HoldId>) -> SqliteResult<()> {
    for hold in holds {
        occupancy::delete_occupancy(connection, hold).await?;
        allowances::delete_allowances(connection, hold).await?;
    }
    Ok(())
}

/// The row of a new hold, as the statements read it.
fn encode(new: &HoldToPlace<'_>) -> Value {
    let booking = new.booking;
    let hold = &booking.hold;
    let shown = booking.window();
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
        "url": booking.checkout_url,
        "price_mismatch": hold.price_mismatch,
        "email": booking.guest.email,
        "name": booking.guest.name,
        "metadata": encoding::encode_metadata(&booking.metadata),
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
