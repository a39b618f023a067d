//! Holds: reading them with their payments, leasing them to whoever asks Stripe about them.
//! Placing them is left to `placing`, changing them to `changes`.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use sqlx::postgres::{PgExecutor, PgPool};
use sqlx::types::Json;
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::super::{HoldRefs, ReleaseLease, StoreError, cursor, rows};
use super::error::Answer;
use crate::domain::booking::{Booking, Guest, normalize_email};
use crate::domain::change_policy::ChangePolicy;
use crate::domain::hold::{Hold, ReleaseRequester, Status};
use crate::domain::ids::{HoldId, IntentId, SessionId};
use crate::domain::listing::{HoldFilter, Page, PageRequest};
use crate::domain::payment::Payment;

#[derive(sqlx::FromRow)]
struct HoldRow {
    id: Uuid,
    event_type_id: String,
    segments: serde_json::Value,
    quantity: i32,
    wish: Option<String>,
    cancel_until_minutes: Option<i32>,
    move_until_minutes: Option<i32>,
    status: String,
    reason: Option<String>,
    requested_by: Option<String>,
    amount: i64,
    currency: String,
    session_id: String,
    intent_id: Option<String>,
    checkout_url: String,
    price_mismatch: bool,
    guest_email: Option<String>,
    guest_name: Option<String>,
    metadata: serde_json::Value,
    expires_at: DateTime<Utc>,
    session_expires_at: DateTime<Utc>,
    due_at: Option<DateTime<Utc>>,
    tries: i32,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    payments: Json<Vec<PaymentRow>>,
}

#[derive(Deserialize)]
struct PaymentRow {
    intent: String,
    amount: i64,
    currency: String,
    refunded: i64,
    state: String,
}

/// Reads [`HoldRow`]s: a hold and its payments, as they are at one moment.
macro_rules! select_holds {
    ($rest:literal) => {
        concat!(
            "SELECT h.id, h.event_type_id, h.segments, h.quantity, h.wish, h.cancel_until_minutes, h.move_until_minutes, h.status, h.reason, h.asked_by, h.amount, h.currency,
                 h.session_id, h.intent_id, h.checkout_url, h.price_mismatch, h.guest_email, h.guest_name, h.metadata,
                 h.expires_at, h.session_expires_at, h.due_at, h.tries, h.version, h.created_at, h.updated_at,
                 (SELECT coalesce(jsonb_agg(jsonb_build_object('intent', p.intent_id, 'amount', p.amount,
                      'currency', p.currency, 'refunded', p.refunded, 'state', p.state)
                      ORDER BY p.created_at, p.intent_id), '[]')
                  FROM payments p WHERE p.hold_id = h.id) AS payments
             FROM holds h ",
            $rest
        )
    };
}

impl HoldRow {
    fn read(self) -> Result<Booking, StoreError> {
        let payments = self.payments.0.into_iter().map(PaymentRow::read);
        let hold = Hold {
            id: HoldId(self.id),
            session: SessionId::new(self.session_id),
            price: rows::money(self.amount, &self.currency)?,
            status: rows::status(&self.status, self.reason.as_deref())?,
            requested_by: self.requested_by.as_deref().map(rows::asker).transpose()?,
            intent: self.intent_id.map(IntentId::new),
            payments: payments.collect::<Result<_, _>>()?,
            price_mismatch: self.price_mismatch,
        };
        Ok(Booking {
            hold,
            event_type: rows::event_type(&self.event_type_id)?,
            segments: rows::segments(self.segments)?,
            quantity: self.quantity.unsigned_abs(),
            requested_resource: self.wish.as_deref().map(rows::resource).transpose()?,
            change_policy: ChangePolicy {
                cancel_until_minutes: self.cancel_until_minutes.map(i64::from),
                move_until_minutes: self.move_until_minutes.map(i64::from),
            },
            guest: Guest {
                email: self.guest_email.unwrap_or_default(),
                name: self.guest_name,
            },
            metadata: rows::metadata(self.metadata)?,
            checkout_url: self.checkout_url,
            expires_at: self.expires_at,
            session_expires_at: self.session_expires_at,
            created_at: self.created_at,
            updated_at: self.updated_at,
            due_at: self.due_at,
            tries: self.tries.unsigned_abs(),
            version: self.version,
        })
    }
}

impl PaymentRow {
    fn read(self) -> Result<Payment, StoreError> {
        Ok(Payment {
            intent: IntentId::new(self.intent),
            money: rows::money(self.amount, &self.currency)?,
            refunded: self.refunded,
            state: rows::payment_state(&self.state)?,
        })
    }
}

pub(super) async fn read(executor: impl PgExecutor<'_>, id: HoldId) -> Answer<Option<Booking>> {
    let row: Option<HoldRow> = sqlx::query_as(select_holds!("WHERE h.id = $1"))
        .bind(id.0)
        .fetch_optional(executor)
        .await?;
    Ok(row.map(HoldRow::read).transpose()?)
}

/// Money that came in names its hold more surely than an intent that was only heard of.
pub(super) async fn find(pool: &PgPool, refs: &HoldRefs) -> Answer<Option<Booking>> {
    let row: Option<HoldRow> = sqlx::query_as(select_holds!(
        "WHERE h.id = coalesce(
             (SELECT id FROM holds WHERE id = $1),
             (SELECT id FROM holds WHERE session_id = $2),
             (SELECT hold_id FROM payments WHERE intent_id = $3),
             (SELECT id FROM holds WHERE intent_id = $3 ORDER BY created_at, id LIMIT 1))"
    ))
    .bind(refs.hold.map(|hold| hold.0))
    .bind(refs.session.as_ref().map(SessionId::as_str))
    .bind(refs.intent.as_ref().map(IntentId::as_str))
    .fetch_optional(pool)
    .await?;
    Ok(row.map(HoldRow::read).transpose()?)
}

pub(super) async fn list(pool: &PgPool, filter: &HoldFilter, page: &PageRequest) -> Answer<Page<Booking>> {
    let before = match page.cursor.as_deref().map(cursor::read_timed) {
        None => None,
        Some(Some(place)) => Some(place),
        Some(None) => return Ok(cursor::end()),
    };
    let mut question = narrowed(filter);
    if let Some((at, id)) = before {
        question.push(" AND (h.created_at, h.id) < (").push_bind(at);
        question.push(", ").push_bind(id).push(")");
    }
    question.push(" ORDER BY h.created_at DESC, h.id DESC LIMIT ");
    question.push_bind(cursor::rows_wanted(page));
    let found: Vec<HoldRow> = question.build_query_as().fetch_all(pool).await?;
    let found = cursor::page(found, page, |row| cursor::timed(row.created_at, row.id));
    let entries = found.entries.into_iter().map(HoldRow::read);
    Ok(Page {
        entries: entries.collect::<Result<_, _>>()?,
        next: found.next,
    })
}

/// Only what is asked for is in the statement: each kind of question has a plan of its own then.
fn narrowed(filter: &HoldFilter) -> QueryBuilder<Postgres> {
    let mut question = QueryBuilder::new(select_holds!("WHERE true"));
    if let Some(status) = filter.status {
        // Spelled out, so that the small indexes of what is live can serve.
        question.push(" AND h.status = '");
        question.push(rows::status_kind_text(status)).push("'");
    }
    if let Some(event_type) = &filter.event_type {
        question
            .push(" AND h.event_type_id = ")
            .push_bind(event_type.to_string());
    }
    if let Some(resource) = &filter.resource {
        question.push(" AND h.segments @> jsonb_build_array(jsonb_build_object('resource', ");
        question.push_bind(resource.to_string()).push("::text))");
    }
    if let Some(from) = filter.from {
        question.push(" AND h.starts_at >= ").push_bind(from);
    }
    if let Some(to) = filter.to {
        question.push(" AND h.starts_at < ").push_bind(to);
    }
    if let Some(guest) = &filter.guest {
        question
            .push(" AND h.guest_id = ")
            .push_bind(normalize_email(guest));
    }
    question
}

pub(super) async fn lease_release(
    pool: &PgPool,
    id: HoldId,
    asker: Option<ReleaseRequester>,
    lease: Duration,
) -> Answer<ReleaseLease> {
    let mut transaction = pool.begin().await?;
    let leased = sqlx::query(
        "UPDATE holds SET leased_until = clock_timestamp() + make_interval(secs => $2),
             asked_by = coalesce($3, asked_by), version = version + ($3 IS NOT NULL)::int
         WHERE id = $1 AND status = 'held' AND (leased_until IS NULL OR leased_until <= clock_timestamp())",
    )
    .bind(id.0)
    .bind(lease.as_secs_f64())
    .bind(asker.map(rows::asker_text))
    .execute(&mut *transaction)
    .await?;
    // Read under the lease's row lock: hold and payments as they are, not as they were before the wait for it.
    let booking = read(&mut *transaction, id).await?;
    transaction.commit().await?;
    Ok(match booking {
        None => ReleaseLease::Missing,
        Some(booking) if leased.rows_affected() == 1 => ReleaseLease::Leased(booking),
        Some(booking) if booking.hold.status == Status::Held => ReleaseLease::LeasedElsewhere,
        Some(booking) => ReleaseLease::NotHeld(booking),
    })
}

pub(super) async fn lease_due(
    pool: &PgPool,
    now: DateTime<Utc>,
    lease: Duration,
    limit: u32,
) -> Answer<Vec<Booking>> {
    let mut transaction = pool.begin().await?;
    let leased: Vec<Uuid> = sqlx::query_scalar(
        "UPDATE holds SET leased_until = clock_timestamp() + make_interval(secs => $2)
         WHERE id = ANY (ARRAY(
             SELECT id FROM holds
             WHERE status IN ('held', 'processing') AND due_at <= $1
               AND (leased_until IS NULL OR leased_until <= clock_timestamp())
             ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED))
         RETURNING id",
    )
    .bind(now)
    .bind(lease.as_secs_f64())
    .bind(i64::from(limit))
    .fetch_all(&mut *transaction)
    .await?;
    let found: Vec<HoldRow> = sqlx::query_as(select_holds!("WHERE h.id = ANY ($1) ORDER BY h.due_at"))
        .bind(leased)
        .fetch_all(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(found.into_iter().map(HoldRow::read).collect::<Result<_, _>>()?)
}

pub(super) async fn defer(
    pool: &PgPool,
    id: HoldId,
    due_at: DateTime<Utc>,
    forget_requester: bool,
) -> Answer<()> {
    sqlx::query(
        "UPDATE holds SET due_at = $2, leased_until = NULL, tries = tries + 1,
             asked_by = CASE WHEN $3 THEN NULL ELSE asked_by END
         WHERE id = $1 AND status IN ('held', 'processing')",
    )
    .bind(id.0)
    .bind(due_at)
    .bind(forget_requester)
    .execute(pool)
    .await?;
    Ok(())
}
