//! A hold's row and the booking that it stands for.
//!
//! A booking is read with its payments in one statement, so the two are of one moment. When and which ones is left to
//! `holds`.

use serde::Deserialize;
use serde_json::Value;
use sqlx::SqliteConnection;
use sqlx::types::Json;
use uuid::fmt::Hyphenated;

use super::error::Answer;
use crate::domain::booking::{Booking, Guest};
use crate::domain::change_policy::ChangePolicy;
use crate::domain::hold::Hold;
use crate::domain::ids::{HoldId, IntentId, ResourceId, SessionId};
use crate::domain::payment::Payment;
use crate::store::{ClientId, StoreError, rows};

/// `SELECT` of [`BookingRow`]s from holds `h`, with what comes after that.
macro_rules! select_booking {
    ($tail:literal) => {
        concat!(
            "SELECT h.id, h.event_type_id, h.segments, h.quantity, h.wish, h.cancel_until_minutes, h.move_until_minutes, h.status, h.reason, h.asked_by, h.amount, h.currency,
                    h.session_id, h.intent_id, h.checkout_url, h.price_mismatch, h.guest_email, h.guest_name,
                    h.metadata, h.expires_at, h.session_expires_at, h.due_at, h.tries, h.version,
                    h.created_at, h.updated_at,
                    (SELECT json_group_array(
                                json_object('intent', p.intent_id, 'amount', p.amount, 'currency', p.currency,
                                            'refunded', p.refunded, 'state', p.state)
                                ORDER BY p.created_at, p.intent_id)
                       FROM payments p WHERE p.hold_id = h.id) AS payments
               FROM holds h ",
            $tail
        )
    };
}
pub(super) use select_booking;

#[derive(sqlx::FromRow)]
pub(super) struct BookingRow {
    id: Hyphenated,
    event_type_id: String,
    segments: Json<Value>,
    quantity: u32,
    wish: Option<String>,
    cancel_until_minutes: Option<i64>,
    move_until_minutes: Option<i64>,
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
    metadata: Json<Value>,
    expires_at: i64,
    session_expires_at: i64,
    due_at: Option<i64>,
    tries: u32,
    version: i64,
    created_at: i64,
    updated_at: i64,
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

impl PaymentRow {
    fn read(self) -> Result<Payment, StoreError> {
        Ok(Payment {
            money: rows::money(self.amount, &self.currency)?,
            refunded: self.refunded,
            state: rows::payment_state(&self.state)?,
            intent: IntentId::new(self.intent),
        })
    }
}

impl BookingRow {
    pub(super) fn read(self) -> Result<Booking, StoreError> {
        let payments = self.payments.0.into_iter().map(PaymentRow::read);
        let hold = Hold {
            id: HoldId(self.id.into_uuid()),
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
            segments: rows::segments(self.segments.0)?,
            quantity: self.quantity,
            requested_resource: self.wish.as_deref().map(rows::resource).transpose()?,
            change_policy: ChangePolicy {
                cancel_until_minutes: self.cancel_until_minutes,
                move_until_minutes: self.move_until_minutes,
            },
            guest: Guest {
                // A guest who was forgotten has no address any more.
                email: self.guest_email.unwrap_or_default(),
                name: self.guest_name,
            },
            metadata: rows::metadata(self.metadata.0)?,
            checkout_url: self.checkout_url,
            expires_at: rows::instant(self.expires_at)?,
            session_expires_at: rows::instant(self.session_expires_at)?,
            created_at: rows::instant(self.created_at)?,
            updated_at: rows::instant(self.updated_at)?,
            due_at: self.due_at.map(rows::instant).transpose()?,
            tries: self.tries,
            version: self.version,
        })
    }
}

/// Writes the row of a new hold.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    booking: &Booking,
    client: Option<&ClientId>,
) -> Answer<()> {
    let hold = &booking.hold;
    let shown = booking.window();
    let (status, reason) = rows::status_texts(hold.status);
    sqlx::query(
        "INSERT INTO holds
             (id, event_type_id, resource_id, starts_at, ends_at, segments, status, reason, asked_by,
              amount, currency, session_id, intent_id, checkout_url, price_mismatch, guest_email, guest_name,
              metadata, expires_at, session_expires_at, due_at, tries, version, created_at, updated_at,
              quantity, cancel_until_minutes, move_until_minutes, guest_id, client_id, wish)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(hold.id.0.hyphenated())
    .bind(booking.event_type.as_str())
    .bind(booking.resource().as_str())
    .bind(shown.starts_at().timestamp_millis())
    .bind(shown.ends_at().timestamp_millis())
    .bind(Json(rows::segments_json(&booking.segments)))
    .bind(status)
    .bind(reason)
    .bind(hold.requested_by.map(rows::asker_text))
    .bind(hold.price.amount)
    .bind(hold.price.currency.code())
    .bind(hold.session.as_str())
    .bind(hold.intent.as_ref().map(IntentId::as_str))
    .bind(&booking.checkout_url)
    .bind(hold.price_mismatch)
    .bind(&booking.guest.email)
    .bind(booking.guest.name.as_deref())
    .bind(Json(rows::metadata_json(&booking.metadata)))
    .bind(booking.expires_at.timestamp_millis())
    .bind(booking.session_expires_at.timestamp_millis())
    .bind(booking.due_at.map(|at| at.timestamp_millis()))
    .bind(booking.tries)
    .bind(booking.version)
    .bind(booking.created_at.timestamp_millis())
    .bind(booking.updated_at.timestamp_millis())
    .bind(booking.quantity)
    .bind(booking.change_policy.cancel_until_minutes)
    .bind(booking.change_policy.move_until_minutes)
    .bind(booking.guest.normalized_email())
    .bind(client.map(|client| client.0.as_str()))
    .bind(booking.requested_resource.as_ref().map(ResourceId::as_str))
    .execute(connection)
    .await?;
    Ok(())
}
