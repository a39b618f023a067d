//! The statements that apply events to holds on SQLite, many in one transaction. There is one writer, so that nothing changes
//! between them.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::{Value, json};
use sqlx::SqliteConnection;

use super::error::SqliteResult;
use super::one_trip::{JoinedStatements, fetch_each};
use crate::domain::hold::Transition;
use crate::domain::ids::IntentId;
use crate::store::changes::{ApplyOutcome, CurrentHoldRow};
use crate::store::columns::DbJson;
use crate::store::encoding;
use crate::store::event_changes::{EventChange, known_funds};
use crate::store::payments::{PaymentColumns, on_known_payment};
use crate::store::transition_effect;

/// Selects the holds of the events in JSON `$1` as they are, and which of the events are known.
pub(super) const SELECT: &str =
    "SELECT j.key AS number, EXISTS (SELECT 1 FROM stripe_events e WHERE e.id = j.value ->> 'event') AS is_known,
         h.version, h.status, h.reason, h.due_at, h.quantity
     FROM jsonb_each($1) j CROSS JOIN holds h WHERE h.id = j.value ->> 'hold'";

/// Writes the events in JSON `$1`. An event of a hold whose guest is erased is written without its body.
pub(super) const INSERT_EVENTS: &str = "INSERT INTO stripe_events (id, kind, hold_id, payload, applied_at)
     SELECT value ->> 'event', value ->> 'kind', value ->> 'hold',
         CASE WHEN EXISTS (SELECT 1 FROM holds WHERE id = value ->> 'hold' AND guest_email IS NULL) THEN NULL
              ELSE value ->> 'payload' END,
         value ->> 'at'
     FROM jsonb_each($1)";

/// Writes the holds in JSON `$2`.
pub(super) const UPDATE_HOLDS: &str = "UPDATE holds SET status = j.value ->> 'status', reason = NULL,
         requested_by = j.value ->> 'requested_by', intent_id = j.value ->> 'intent',
         price_mismatch = j.value ->> 'price_mismatch', due_at = j.value ->> 'due', tries = 0,
         leased_until = CASE WHEN status = j.value ->> 'status' THEN leased_until END, version = version + 1,
         updated_at = j.value ->> 'at', paid_elsewhere = j.value ->> 'paid_elsewhere',
         owes_nothing = j.value ->> 'owes_nothing',
         funds = coalesce(j.value ->> 'funds', funds)
     FROM jsonb_each($2) j WHERE holds.id = j.value ->> 'hold'";

/// Writes the history lines of the holds in JSON `$2`.
pub(super) const INSERT_HISTORY: &str =
    "INSERT INTO hold_history (hold_id, at, from_status, from_reason, to_status, transition, message, actor, event_id,
         actor_name)
     SELECT value ->> 'hold', value ->> 'at', value ->> 'from_status', value ->> 'from_reason', value ->> 'status',
         value ->> 'transition', value ->> 'message', value ->> 'actor', value ->> 'actor_event', value ->> 'actor_name'
     FROM jsonb_each($2)";

/// Writes the payments in JSON `$3`.
pub(super) const UPSERT_PAYMENTS: &str = concat!(
    "INSERT INTO payments AS p
         (intent_id, hold_id, amount, currency, keep, keep_reason, settled_outside, refunded, state, due_back, adds_up,
          created_at, updated_at, reordered, covered)
     SELECT value ->> 'intent', value ->> 'hold', value ->> 'amount', value ->> 'currency', value ->> 'keep',
         value ->> 'keep_reason', value ->> 'settled_outside', value ->> 'refunded', value ->> 'state',
         value ->> 'due_back', value ->> 'adds_up', value ->> 'at', value ->> 'at', value ->> 'reordered',
         value ->> 'covered'
     FROM jsonb_each($3) WHERE true ",
    on_known_payment!()
);

/// The hold of an event as it is.
#[derive(sqlx::FromRow)]
struct FoundRow {
    number: i64,
    is_known: bool,
    #[sqlx(flatten)]
    hold: CurrentHoldRow,
}

/// What the statements write.
#[derive(Default)]
struct EventRows {
    events: Vec<Value>,
    holds: Vec<Value>,
    payments: Vec<Value>,
}

impl EventRows {
    fn add(&mut self, change: &EventChange, before: &CurrentHoldRow) -> SqliteResult<()> {
        self.events.push(json!({
            "event": change.event.id.as_str(),
            "kind": change.event.kind,
            "hold": change.hold.0,
            "payload": change.event.payload,
            "at": change.now.timestamp_millis(),
        }));
        let Some(transition) = &change.transition else {
            return Ok(());
        };
        self.holds.push(encode_step(change, transition, before)?);
        for payment in &transition.next.payments {
            let columns = PaymentColumns::new(payment);
            self.payments.push(json!({
                "intent": payment.intent.as_str(),
                "hold": change.hold.0,
                "amount": payment.money.amount,
                "currency": payment.money.currency.code(),
                "keep": columns.keep,
                "keep_reason": columns.keep_reason,
                "settled_outside": payment.decisions.settled_outside,
                "refunded": payment.refunded,
                "state": columns.state,
                "due_back": columns.due_back,
                "adds_up": columns.adds_up,
                "at": change.now.timestamp_millis(),
                "reordered": payment.decisions.reordered,
                "covered": payment.decisions.covered,
            }));
        }
        Ok(())
    }

    async fn write(self, connection: &mut SqliteConnection) -> SqliteResult<()> {
        if self.events.is_empty() {
            return Ok(());
        }
        let write = WRITE
            .query()
            .bind(DbJson(self.events.into()))
            .bind(DbJson(self.holds.into()))
            .bind(DbJson(self.payments.into()));
        fetch_each(connection, &WRITE, write).await?;
        Ok(())
    }
}

/// Writes events `$1`, the holds `$2` with their history, and payments `$3`.
static WRITE: LazyLock<JoinedStatements> =
    LazyLock::new(|| JoinedStatements::new(&[INSERT_EVENTS, UPDATE_HOLDS, UPSERT_PAYMENTS, INSERT_HISTORY]));

/// The row of a hold and of its history line, as the statements read it.
fn encode_step(
    change: &EventChange,
    transition: &Transition,
    before: &CurrentHoldRow,
) -> SqliteResult<Value> {
    let next = &transition.next;
    let (from_status, from_reason) = encoding::encode_status(before.status()?);
    let (actor, event, name) = encoding::encode_actor(&change.actor);
    let due_at = transition_effect::next_due_at(before.due_at(), next.status, change.check_at);
    Ok(json!({
        "hold": change.hold.0,
        "at": change.now.timestamp_millis(),
        "status": encoding::encode_status(next.status).0,
        "requested_by": next.requested_by.map(encoding::encode_requester),
        "intent": next.intent.as_ref().map(IntentId::as_str),
        "price_mismatch": next.price_mismatch,
        "due": due_at.map(|at| at.timestamp_millis()),
        "paid_elsewhere": next.paid_elsewhere,
        "owes_nothing": next.owes_nothing,
        "funds": known_funds(next),
        "from_status": from_status,
        "from_reason": from_reason,
        "transition": transition.reason.code(),
        "message": transition.reason.to_string(),
        "actor": actor,
        "actor_event": event,
        "actor_name": name,
    }))
}

/// Applies changes of which no two touch the same, in the caller's transaction; returns what became of each, in their order.
/// One that needs more than these statements has no verdict, and nothing is written for it.
pub(super) async fn apply_all(
    connection: &mut SqliteConnection,
    changes: &[&EventChange],
) -> SqliteResult<Vec<Option<ApplyOutcome>>> {
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    let found = find_all(connection, changes).await?;
    let mut rows = EventRows::default();
    let mut outcomes = Vec::with_capacity(changes.len());
    for (number, change) in (0..).zip(changes) {
        let outcome = match found.get(&number) {
            Some(found) if found.is_known => Some(ApplyOutcome::Duplicate),
            // The hold is gone: whether the event is known is found out alone.
            None => None,
            Some(found) if change.transition.is_some() && found.hold.version != change.version => {
                Some(ApplyOutcome::Conflict)
            }
            Some(found) if change.transition.is_some() && !found.hold.status()?.is_live() => None,
            Some(found) => {
                rows.add(change, &found.hold)?;
                Some(ApplyOutcome::Done { commands: 0 })
            }
        };
        outcomes.push(outcome);
    }
    rows.write(connection).await?;
    Ok(outcomes)
}

/// Finds the holds of changes, by the numbers of the changes.
async fn find_all(
    connection: &mut SqliteConnection,
    changes: &[&EventChange],
) -> SqliteResult<HashMap<i64, FoundRow>> {
    let name = |change: &&EventChange| json!({"event": change.event.id.as_str(), "hold": change.hold.0});
    let rows: Vec<FoundRow> = sqlx::query_as(SELECT)
        .bind(DbJson(changes.iter().map(name).collect()))
        .fetch_all(connection)
        .await?;
    Ok(rows.into_iter().map(|row| (row.number, row)).collect())
}
