//! The statement that applies events to holds on PostgreSQL, one or many.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sqlx::postgres::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::GROUP_LOCK_TIMEOUT;
use super::error::PostgresResult;
use crate::domain::hold::Transition;
use crate::domain::ids::IntentId;
use crate::domain::payment::Payment;
use crate::store::changes::ApplyOutcome;
use crate::store::encoding;
use crate::store::event_changes::{EventChange, known_funds};
use crate::store::payments::{PaymentColumns, on_known_payment};
use crate::store::transition_effect;

/// Applies events to live holds: one statement, so one round trip. An event is written only for a hold that has the version of
/// the decision, and the rest only for an event that is new. Rows are taken in one order: holds, events, the locks of the
/// triggers that tie intents, payments. So two such statements do not deadlock, and neither does one with a change of one
/// hold, which takes them in the same order. It waits for a lock no longer than `$1`. Returns the events that it has applied.
const APPLY: &str = concat!(
    "WITH bound AS (SELECT set_config('lock_timeout', coalesce($1, current_setting('lock_timeout')), true)),
     found AS MATERIALIZED (
         SELECT id, version, status AS from_status, reason AS from_reason, due_at, guest_email IS NULL AS is_erased
         FROM holds WHERE (SELECT count(*) FROM bound) = 1 AND id = ANY ($2)
         ORDER BY id FOR UPDATE),
     current AS MATERIALIZED (
         SELECT i.*, f.from_status, f.from_reason, f.due_at, f.is_erased
         FROM unnest($2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::text[],
                 $7::timestamptz[], $8::boolean[], $9::text[], $10::text[], $11::text[],
                 $12::boolean[], $13::boolean[], $14::timestamptz[], $15::boolean[], $16::text[],
                 $17::text[], $18::text[], $19::text[], $20::text[], $21::text[], $35::boolean[])
             AS i (hold_id, version, event, kind, payload,
                 at, has_step, status, requested_by, intent,
                 price_mismatch, is_due, check_at, paid_elsewhere, funds,
                 transition, message, actor, actor_event, actor_name, owes_nothing)
         JOIN found f ON f.id = i.hold_id
         WHERE NOT i.has_step
             OR (f.version = i.version AND f.from_status IN ('held', 'processing', 'confirmed'))),
     stored AS (
         INSERT INTO stripe_events (id, kind, hold_id, payload, applied_at)
         SELECT event, kind, hold_id, CASE WHEN NOT is_erased THEN payload END, at FROM current
         ORDER BY event ON CONFLICT DO NOTHING
         RETURNING id),
     applied AS MATERIALIZED (SELECT c.* FROM current c JOIN stored s ON s.id = c.event),
     step AS MATERIALIZED (SELECT * FROM applied WHERE has_step),
     payment AS MATERIALIZED (
         SELECT p.*, s.at
         FROM unnest($22::uuid[], $23::text[], $24::bigint[], $25::text[], $26::bigint[],
                 $27::text[], $28::bigint[], $29::bigint[], $30::text[], $31::bigint[],
                 $32::boolean[], $33::bigint[], $34::bigint[])
             AS p (hold_id, intent, amount, currency, keep,
                 keep_reason, settled_outside, refunded, state, due_back,
                 adds_up, reordered, covered)
         JOIN step s ON s.hold_id = p.hold_id),
     locked AS MATERIALIZED (
         SELECT count(pg_advisory_xact_lock(lock)::text) AS locks FROM (
             SELECT DISTINCT hashtextextended(intent, 0) & 1023 AS lock
             FROM (SELECT intent FROM step UNION ALL SELECT intent FROM payment) tied
             WHERE intent IS NOT NULL ORDER BY lock) ordered),
     hold AS (
         UPDATE holds h
         SET (status, reason, requested_by, intent_id, price_mismatch,
                 due_at,
                 leased_until, updated_at, paid_elsewhere, funds,
                 tries, owes_nothing, version) =
             (SELECT s.status, NULL::text, s.requested_by, s.intent, s.price_mismatch,
                 CASE WHEN s.is_due THEN coalesce(s.check_at, s.due_at) END,
                 CASE WHEN h.status = s.status THEN h.leased_until END, s.at, s.paid_elsewhere, coalesce(s.funds, h.funds),
                 0, s.owes_nothing, h.version + 1
              FROM step s WHERE s.hold_id = h.id)
         WHERE h.id = ANY (ARRAY(SELECT hold_id FROM step)) AND (SELECT locks FROM locked) >= 0
         RETURNING id),
     history AS (
         INSERT INTO hold_history (hold_id, at, from_status, from_reason, to_status, transition, message, actor, event_id,
             actor_name)
         SELECT hold_id, at, from_status, from_reason, status, transition, message, actor, actor_event, actor_name
         FROM step WHERE hold_id = ANY (ARRAY(SELECT id FROM hold))),
     paid AS (
         INSERT INTO payments AS p
             (intent_id, hold_id, amount, currency, keep, keep_reason, settled_outside, refunded, state, due_back, adds_up,
              created_at, updated_at, reordered, covered)
         SELECT intent, hold_id, amount, currency, keep, keep_reason, settled_outside, refunded, state, due_back, adds_up,
             at, at, reordered, covered
         FROM payment WHERE hold_id = ANY (ARRAY(SELECT id FROM hold))
         ORDER BY intent ",
    on_known_payment!(),
    ")
     SELECT event FROM applied"
);

/// The columns of changes, an array each.
#[derive(Default)]
struct ChangeColumns<'a> {
    holds: Vec<Uuid>,
    versions: Vec<i64>,
    events: Vec<&'a str>,
    kinds: Vec<&'a str>,
    payloads: Vec<Option<&'a str>>,
    times: Vec<DateTime<Utc>>,
    have_steps: Vec<bool>,
    steps: StepColumns<'a>,
    actors: Vec<&'a str>,
    actor_events: Vec<Option<&'a str>>,
    actor_names: Vec<Option<&'a str>>,
    payments: PaymentArrays<'a>,
}

/// The columns of what happens to the holds. They are null for a change without a step.
#[derive(Default)]
struct StepColumns<'a> {
    statuses: Vec<Option<&'a str>>,
    requesters: Vec<Option<&'a str>>,
    intents: Vec<Option<&'a str>>,
    mismatches: Vec<Option<bool>>,
    are_due: Vec<Option<bool>>,
    checks: Vec<Option<DateTime<Utc>>>,
    paid_elsewhere: Vec<Option<bool>>,
    funds: Vec<Option<&'a str>>,
    owe_nothing: Vec<Option<bool>>,
    transitions: Vec<Option<&'a str>>,
    messages: Vec<Option<String>>,
}

/// The columns of the holds' payments.
#[derive(Default)]
struct PaymentArrays<'a> {
    holds: Vec<Uuid>,
    intents: Vec<&'a str>,
    amounts: Vec<i64>,
    currencies: Vec<&'a str>,
    kept: Vec<i64>,
    keep_reasons: Vec<&'a str>,
    settled: Vec<i64>,
    refunded: Vec<i64>,
    states: Vec<&'a str>,
    due_back: Vec<i64>,
    add_up: Vec<bool>,
    reordered: Vec<i64>,
    covered: Vec<i64>,
}

impl<'a> ChangeColumns<'a> {
    fn add(&mut self, change: &'a EventChange) {
        let (actor, event, name) = encoding::encode_actor(&change.actor);
        self.holds.push(change.hold.0);
        self.versions.push(change.version);
        self.events.push(change.event.id.as_str());
        self.kinds.push(&change.event.kind);
        self.payloads.push(change.event.payload.as_deref());
        self.times.push(change.now);
        self.have_steps.push(change.transition.is_some());
        self.steps.add(change.transition.as_ref(), change.check_at);
        self.actors.push(actor);
        self.actor_events.push(event);
        self.actor_names.push(name);
        let payments = change
            .transition
            .iter()
            .flat_map(|transition| &transition.next.payments);
        for payment in payments {
            self.payments.add(change.hold.0, payment);
        }
    }
}

impl<'a> StepColumns<'a> {
    fn add(&mut self, transition: Option<&'a Transition>, check_at: Option<DateTime<Utc>>) {
        let next = transition.map(|transition| &transition.next);
        let reason = transition.map(|transition| &transition.reason);
        self.statuses
            .push(next.map(|next| encoding::encode_status(next.status).0));
        let requester = next.and_then(|next| next.requested_by);
        self.requesters.push(requester.map(encoding::encode_requester));
        let intent = next.and_then(|next| next.intent.as_ref());
        self.intents.push(intent.map(IntentId::as_str));
        self.mismatches.push(next.map(|next| next.price_mismatch));
        self.are_due
            .push(next.map(|next| transition_effect::is_due(next.status)));
        self.checks
            .push(next.and_then(|next| transition_effect::next_due_at(None, next.status, check_at)));
        self.paid_elsewhere.push(next.map(|next| next.paid_elsewhere));
        self.funds.push(next.and_then(known_funds));
        self.owe_nothing.push(next.map(|next| next.owes_nothing));
        self.transitions.push(reason.map(|reason| reason.code()));
        self.messages.push(reason.map(ToString::to_string));
    }
}

impl<'a> PaymentArrays<'a> {
    fn add(&mut self, hold: Uuid, payment: &'a Payment) {
        let columns = PaymentColumns::new(payment);
        self.holds.push(hold);
        self.intents.push(payment.intent.as_str());
        self.amounts.push(payment.money.amount);
        self.currencies.push(payment.money.currency.code());
        self.kept.push(columns.keep);
        self.keep_reasons.push(columns.keep_reason);
        self.settled.push(payment.decisions.settled_outside);
        self.refunded.push(payment.refunded);
        self.states.push(columns.state);
        self.due_back.push(columns.due_back);
        self.add_up.push(columns.adds_up);
        self.reordered.push(payment.decisions.reordered);
        self.covered.push(payment.decisions.covered);
    }
}

/// Applies changes of which no two touch the same; returns the events that were applied. The time that it may wait for a lock
/// is that of the connection, if none is given.
pub(super) async fn apply_all(
    executor: impl PgExecutor<'_>,
    changes: &[EventChange],
    lock_timeout: Option<&str>,
) -> sqlx::Result<HashSet<String>> {
    let mut columns = ChangeColumns::default();
    for change in changes {
        columns.add(change);
    }
    let applied: Vec<String> = sqlx::query_scalar(APPLY)
        .bind(lock_timeout) // $1
        .bind(columns.holds) // $2
        .bind(columns.versions) // $3
        .bind(columns.events) // $4
        .bind(columns.kinds) // $5
        .bind(columns.payloads) // $6
        .bind(columns.times) // $7
        .bind(columns.have_steps) // $8
        .bind(columns.steps.statuses) // $9
        .bind(columns.steps.requesters) // $10
        .bind(columns.steps.intents) // $11
        .bind(columns.steps.mismatches) // $12
        .bind(columns.steps.are_due) // $13
        .bind(columns.steps.checks) // $14
        .bind(columns.steps.paid_elsewhere) // $15
        .bind(columns.steps.funds) // $16
        .bind(columns.steps.transitions) // $17
        .bind(columns.steps.messages) // $18
        .bind(columns.actors) // $19
        .bind(columns.actor_events) // $20
        .bind(columns.actor_names) // $21
        .bind(columns.payments.holds) // $22
        .bind(columns.payments.intents) // $23
        .bind(columns.payments.amounts) // $24
        .bind(columns.payments.currencies) // $25
        .bind(columns.payments.kept) // $26
        .bind(columns.payments.keep_reasons) // $27
        .bind(columns.payments.settled) // $28
        .bind(columns.payments.refunded) // $29
        .bind(columns.payments.states) // $30
        .bind(columns.payments.due_back) // $31
        .bind(columns.payments.add_up) // $32
        .bind(columns.payments.reordered) // $33
        .bind(columns.payments.covered) // $34
        .bind(columns.steps.owe_nothing) // $35
        .fetch_all(executor)
        .await?;
    Ok(applied.into_iter().collect())
}

/// Applies the changes of a group. One that is not applied has no verdict, so that its caller finds out why, alone.
pub(super) async fn apply_group(
    connection: &mut PgConnection,
    changes: &[EventChange],
) -> PostgresResult<Vec<Option<ApplyOutcome>>> {
    let applied = apply_all(&mut *connection, changes, Some(GROUP_LOCK_TIMEOUT)).await?;
    let verdict = |change: &EventChange| {
        let is_applied = applied.contains(change.event.id.as_str());
        is_applied.then_some(ApplyOutcome::Done { commands: 0 })
    };
    Ok(changes.iter().map(verdict).collect())
}
