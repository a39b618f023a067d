//! The statement that places holds on PostgreSQL, one or many. What takes a slot is `take_units_statement!` in
//! `occupancy.rs`, what finds the numbers of limits `find_numbers_statement!` in `allowances.rs`.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::postgres::PgExecutor;
use sqlx::types::Json;
use uuid::Uuid;

use super::allowances::{OfferColumns, find_numbers_statement};
use super::occupancy::{UnitColumns, signed, take_units_statement};
use crate::domain::hold::TransitionReason;
use crate::domain::ids::{HoldId, ResourceId};
use crate::store::encoding::{self, SegmentRow};
use crate::store::placements::{HoldToPlace, PlaceOutcome};

/// Places holds with their occupancy, allowances, attempts and first history lines: one statement, so one round trip. Each
/// step reads the rows of the step before. Only holds whose attempt runs, and for which each limit has a free number, take units: a
/// hold that was placed before, and has ended since, takes nothing again. The attempts are locked first, because an earlier
/// call for the same hold, whose caller did not wait for the answer, may still be under way. A hold for which a later step
/// writes too little is not written, and then its occupancy or allowances violate their foreign keys, so that the whole
/// statement fails. Rows of all holds are taken in one order, and limits too, so that two checkouts that wait do not deadlock.
/// It waits for a lock no longer than `$14`. The state of an attempt is compared as an expression, because the planner else
/// reads all open attempts.
const PLACE: &str = concat!(
    "WITH bound AS (SELECT set_config('lock_timeout', coalesce($14, current_setting('lock_timeout')), true)),
     running AS MATERIALIZED (
         SELECT hold_id FROM checkout_attempts
         WHERE (SELECT count(*) FROM bound) = 1 AND hold_id = ANY ($6) AND state || '' = 'running'
         ORDER BY hold_id FOR UPDATE),
     found AS MATERIALIZED (",
    find_numbers_statement!("l.hold_id = ANY (ARRAY(SELECT hold_id FROM running))"),
    "),
     eligible AS MATERIALIZED (
         SELECT hold_id FROM unnest($6::uuid[], $8::bigint[]) AS i (hold_id, limits) JOIN running USING (hold_id)
         LEFT JOIN (SELECT hold_id, count(*) AS numbers FROM found GROUP BY hold_id) n USING (hold_id)
         WHERE coalesce(n.numbers, 0) = i.limits),
     taken AS (",
    take_units_statement!("w.hold_id = ANY (ARRAY(SELECT hold_id FROM eligible))"),
    " RETURNING hold_id),
     complete AS (
         SELECT hold_id FROM unnest($6::uuid[], $7::bigint[]) AS i (hold_id, wanted)
         JOIN (SELECT hold_id, count(*) AS units FROM taken GROUP BY hold_id) t USING (hold_id)
         WHERE t.units = i.wanted),
     allowed AS (
         INSERT INTO allowances (scope, subject, number, hold_id)
         SELECT scope, subject, number, hold_id FROM found
         WHERE hold_id = ANY (ARRAY(SELECT hold_id FROM complete))
         ORDER BY scope, subject, number ON CONFLICT DO NOTHING
         RETURNING hold_id),
     granted AS MATERIALIZED (
         SELECT hold_id, i.created_at FROM unnest($6::uuid[], $8::bigint[], $32::timestamptz[]) AS i (hold_id, limits, created_at)
         JOIN complete USING (hold_id)
         LEFT JOIN (SELECT hold_id, count(*) AS numbers FROM allowed GROUP BY hold_id) n USING (hold_id)
         WHERE coalesce(n.numbers, 0) = i.limits),
     attempt AS (
         UPDATE checkout_attempts a
         SET state = 'placed', terms = NULL, leased_until = NULL,
             ended_at = (SELECT created_at FROM granted WHERE granted.hold_id = a.hold_id)
         WHERE a.hold_id = ANY (ARRAY(SELECT hold_id FROM granted))
         RETURNING a.hold_id, a.is_paid),
     hold AS (
         INSERT INTO holds (
             id, quantity, guest_id, client_id,
             event_type_id, resource_id, starts_at, ends_at, segments,
             status, reason, amount, currency, session_id,
             checkout_url, guest_email, guest_name, metadata,
             expires_at, session_expires_at, created_at, due_at, updated_at,
             version, cancel_until_minutes, move_until_minutes, requested_resource_id, token_key,
             client_secret, allowances_taken)
         SELECT b.*, true
         FROM unnest(
             $6::uuid[], $15::int[], $16::text[], $17::text[],
             $18::text[], $19::text[], $20::timestamptz[], $21::timestamptz[], $22::jsonb[],
             $23::text[], $24::text[], $25::bigint[], $26::text[], $27::text[],
             $28::text[], $29::text[], $30::text[], $31::jsonb[],
             $33::timestamptz[], $34::timestamptz[], $32::timestamptz[], $35::timestamptz[], $36::timestamptz[],
             $37::bigint[], $38::int[], $39::int[], $40::text[], $41::text[], $44::text[]) AS b (hold_id)
         WHERE b.hold_id = ANY (ARRAY(SELECT hold_id FROM attempt))
         RETURNING id, created_at, status, reason)
     INSERT INTO hold_history (hold_id, at, to_status, to_reason, transition, message, actor)
     SELECT id, created_at, status, reason, $42, $43, 'checkout' FROM hold
     RETURNING hold_id, (SELECT is_paid FROM attempt WHERE attempt.hold_id = hold_history.hold_id)",
);

/// The columns of new holds, an array each.
#[derive(Default)]
struct HoldColumns<'a> {
    units: UnitColumns<'a>,
    offers: OfferColumns<'a>,
    ids: Vec<Uuid>,
    units_wanted: Vec<i64>,
    limits: Vec<i64>,
    quantities: Vec<i32>,
    guests: Vec<String>,
    clients: Vec<Option<&'a str>>,
    event_types: Vec<&'a str>,
    resources: Vec<&'a str>,
    starts: Vec<DateTime<Utc>>,
    ends: Vec<DateTime<Utc>>,
    segments: Vec<Json<Vec<SegmentRow<'a>>>>,
    statuses: Vec<&'static str>,
    reasons: Vec<Option<&'static str>>,
    amounts: Vec<i64>,
    currencies: Vec<&'a str>,
    sessions: Vec<&'a str>,
    checkout_urls: Vec<&'a str>,
    guest_emails: Vec<&'a str>,
    guest_names: Vec<Option<&'a str>>,
    metadata: Vec<Json<&'a BTreeMap<String, String>>>,
    created: Vec<DateTime<Utc>>,
    expires: Vec<DateTime<Utc>>,
    sessions_expire: Vec<DateTime<Utc>>,
    due: Vec<Option<DateTime<Utc>>>,
    updated: Vec<DateTime<Utc>>,
    versions: Vec<i64>,
    cancel_until: Vec<Option<i32>>,
    move_until: Vec<Option<i32>>,
    requested_resources: Vec<Option<&'a str>>,
    token_keys: Vec<Option<&'a str>>,
    client_secrets: Vec<Option<&'a str>>,
}

impl<'a> HoldColumns<'a> {
    fn add(&mut self, new: &HoldToPlace<'a>) -> sqlx::Result<()> {
        let booking = new.booking;
        let hold = &booking.hold;
        let shown = booking.window();
        let (status, reason) = encoding::encode_status(hold.status);
        self.units.add(hold.id, new.units);
        self.offers.add(hold.id, new.offers, new.waits);
        self.ids.push(hold.id.0);
        self.units_wanted
            .push(i64::try_from(new.units_wanted()).unwrap_or(i64::MAX));
        self.limits
            .push(i64::try_from(new.offers.len()).unwrap_or(i64::MAX));
        self.quantities.push(signed(booking.quantity));
        self.guests.push(booking.guest.normalized_email());
        self.clients.push(new.client.map(|client| client.0.as_str()));
        self.event_types.push(booking.event_type.as_str());
        self.resources.push(booking.resource().as_str());
        self.starts.push(shown.starts_at());
        self.ends.push(shown.ends_at());
        self.segments
            .push(Json(encoding::encode_segments(&booking.segments)));
        self.statuses.push(status);
        self.reasons.push(reason);
        self.amounts.push(hold.price.amount);
        self.currencies.push(hold.price.currency.code());
        self.sessions.push(hold.session.as_str());
        let (url, client_secret) = encoding::encode_payment_page(booking.payment_page.as_ref());
        self.checkout_urls.push(url);
        self.client_secrets.push(client_secret);
        self.guest_emails.push(&booking.guest.email);
        self.guest_names.push(booking.guest.name.as_deref());
        self.metadata.push(Json(&booking.metadata));
        self.created.push(booking.created_at);
        self.expires.push(booking.expires_at);
        self.sessions_expire.push(booking.session_expires_at);
        self.due.push(booking.due_at);
        self.updated.push(booking.updated_at);
        self.versions.push(booking.version);
        let policy = &booking.change_policy;
        self.cancel_until
            .push(encoding::encode_minutes(policy.cancel_until_minutes)?);
        self.move_until
            .push(encoding::encode_minutes(policy.move_until_minutes)?);
        let requested = booking.requested_resource.as_ref();
        self.requested_resources.push(requested.map(ResourceId::as_str));
        let token_key = booking.token_key.as_ref();
        self.token_keys.push(token_key.map(|key| key.0.as_str()));
        Ok(())
    }
}

/// Places holds, of which no two want the same unit or number; returns the outcomes of those that were placed. The time that it
/// may wait for a lock is that of the connection, if none is given.
pub(super) async fn insert_holds(
    executor: impl PgExecutor<'_>,
    holds: &[HoldToPlace<'_>],
    lock_timeout: Option<&str>,
) -> sqlx::Result<BTreeMap<HoldId, PlaceOutcome>> {
    let mut columns = HoldColumns::default();
    for hold in holds {
        columns.add(hold)?;
    }
    let placed: Vec<(Uuid, bool)> = sqlx::query_as(PLACE)
        .bind(columns.units.holds) // $1
        .bind(columns.units.resources) // $2
        .bind(columns.units.starts) // $3
        .bind(columns.units.ends) // $4
        .bind(columns.units.units) // $5
        .bind(columns.ids) // $6
        .bind(columns.units_wanted) // $7
        .bind(columns.limits) // $8
        .bind(columns.offers.holds) // $9
        .bind(columns.offers.scopes) // $10
        .bind(columns.offers.subjects) // $11
        .bind(columns.offers.numbers) // $12
        .bind(columns.offers.waits) // $13
        .bind(lock_timeout) // $14
        .bind(columns.quantities) // $15
        .bind(columns.guests) // $16
        .bind(columns.clients) // $17
        .bind(columns.event_types) // $18
        .bind(columns.resources) // $19
        .bind(columns.starts) // $20
        .bind(columns.ends) // $21
        .bind(columns.segments) // $22
        .bind(columns.statuses) // $23
        .bind(columns.reasons) // $24
        .bind(columns.amounts) // $25
        .bind(columns.currencies) // $26
        .bind(columns.sessions) // $27
        .bind(columns.checkout_urls) // $28
        .bind(columns.guest_emails) // $29
        .bind(columns.guest_names) // $30
        .bind(columns.metadata) // $31
        .bind(columns.created) // $32
        .bind(columns.expires) // $33
        .bind(columns.sessions_expire) // $34
        .bind(columns.due) // $35
        .bind(columns.updated) // $36
        .bind(columns.versions) // $37
        .bind(columns.cancel_until) // $38
        .bind(columns.move_until) // $39
        .bind(columns.requested_resources) // $40
        .bind(columns.token_keys) // $41
        .bind(TransitionReason::Placed.code()) // $42
        .bind(TransitionReason::Placed.to_string()) // $43
        .bind(columns.client_secrets) // $44
        .fetch_all(executor)
        .await?;
    let outcome = |(hold, is_paid)| (HoldId(hold), PlaceOutcome::placed(is_paid));
    Ok(placed.into_iter().map(outcome).collect())
}
