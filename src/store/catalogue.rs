//! The catalogue: event types, with their segment templates and schedules.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::columns::DbJson;
use super::{StoreError, checkout_json, encoding, paging, schedule_json};
use crate::domain::catalogue::{EventType, UnknownResources};
use crate::domain::change_policy::ChangePolicy;
use crate::domain::closure::ClosureZones;
use crate::domain::ids::{EventTypeId, ResourceId};
use crate::domain::listing::{Page, PageRequest, PutOutcome};

/// Event types in the database; one method is one transaction.
#[async_trait]
pub trait Catalogue {
    /// Writes an event type, if its resources exist. If its schedule changes the zone of closures, closures move to it at once.
    async fn put_event_type(
        &self,
        event_type: &EventType,
        zones: ClosureZones<'_>,
        now: DateTime<Utc>,
    ) -> Result<Result<PutOutcome, UnknownResources>, StoreError>;
    /// Reads one event type.
    async fn find_event_type(&self, id: &EventTypeId) -> Result<Option<EventType>, StoreError>;
    /// Lists event types, newest first.
    async fn list_event_types(&self, page: &PageRequest) -> Result<Page<EventType>, StoreError>;
    /// Lists the names of the zones of all schedules, each once.
    async fn list_all_schedule_zones(&self) -> Result<Vec<String>, StoreError>;
    /// Lists the names of the zones in which schedules offer a resource, each once.
    async fn list_schedule_zones(&self, resource: &ResourceId) -> Result<Vec<String>, StoreError>;
    /// Deletes an event type; holds keep their terms. `false` if there is none. If this changes the zone of closures, closures move to
    /// it at once.
    async fn delete_event_type(&self, id: &EventTypeId, zones: ClosureZones<'_>) -> Result<bool, StoreError>;
}

#[derive(sqlx::FromRow, serde::Deserialize)]
pub(super) struct EventTypeRow {
    seq: i64,
    id: String,
    name: String,
    description: Option<String>,
    segments: DbJson,
    buffer_before_minutes: i32,
    buffer_after_minutes: i32,
    schedule: Option<DbJson>,
    cancel_until_minutes: Option<i32>,
    move_until_minutes: Option<i32>,
    amount: i64,
    currency: String,
    payment_methods: String,
    checkout: Option<DbJson>,
}

/// Selects the columns of [`EventTypeRow`]s.
macro_rules! select_event_types {
    ($rest:literal) => {
        concat!(
            "SELECT seq, id, name, description, segments, buffer_before_minutes, buffer_after_minutes, schedule, cancel_until_minutes,
                 move_until_minutes, amount, currency, payment_methods, checkout
             FROM event_types ",
            $rest
        )
    };
}

/// Finds event type `$1`.
pub(super) const FIND: &str = select_event_types!("WHERE id = $1");

/// Lists event types before number `$1`, at most `$2`.
pub(super) const LIST: &str = select_event_types!("WHERE seq < $1 ORDER BY seq DESC LIMIT $2");

/// Lists the names of the zones of all schedules, each once.
pub(super) const LIST_ZONES: &str = "SELECT DISTINCT schedule ->> 'timezone' AS timezone FROM event_types
     WHERE schedule IS NOT NULL ORDER BY timezone";

/// Deletes event type `$1`.
pub(super) const DELETE: &str = "DELETE FROM event_types WHERE id = $1";

/// Writes an event type, all columns in their order, with the last parameter as both times.
macro_rules! upsert_event_type {
    () => {
        "INSERT INTO event_types
             (id, name, segments, buffer_before_minutes, buffer_after_minutes, schedule, cancel_until_minutes,
              move_until_minutes, amount, currency, payment_methods, description, checkout, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14)
         ON CONFLICT (id) DO UPDATE SET
             name = excluded.name, description = excluded.description, segments = excluded.segments,
             buffer_before_minutes = excluded.buffer_before_minutes,
             buffer_after_minutes = excluded.buffer_after_minutes, schedule = excluded.schedule,
             cancel_until_minutes = excluded.cancel_until_minutes, move_until_minutes = excluded.move_until_minutes,
             amount = excluded.amount, currency = excluded.currency, payment_methods = excluded.payment_methods,
             checkout = excluded.checkout, updated_at = excluded.updated_at"
    };
}
pub(super) use upsert_event_type;

/// Binds an event type to the parameters of [`upsert_event_type`].
macro_rules! bind_event_type {
    ($query:expr, $event_type:expr, $now:expr) => {
        $query
            .bind($event_type.id.as_str().to_owned())
            .bind($event_type.name.clone())
            .bind(DbJson(schedule_json::encode_segment_templates(
                &$event_type.segments,
            )))
            .bind(encoding::encode_minutes(Some($event_type.buffer_before_minutes))?)
            .bind(encoding::encode_minutes(Some($event_type.buffer_after_minutes))?)
            .bind(schedule_json::encode_optional_schedule($event_type.schedule.as_ref())?.map(DbJson))
            .bind(encoding::encode_minutes(
                $event_type.change_policy.cancel_until_minutes,
            )?)
            .bind(encoding::encode_minutes(
                $event_type.change_policy.move_until_minutes,
            )?)
            .bind($event_type.price.amount)
            .bind($event_type.price.currency.code().to_owned())
            .bind(encoding::encode_payment_methods(&$event_type.payment_methods))
            .bind($event_type.description.clone())
            .bind(checkout_json::encode_options(&$event_type.checkout).map(DbJson))
            .bind(DbTime($now))
    };
}
pub(super) use bind_event_type;

impl EventTypeRow {
    /// The event type of a row.
    pub(super) fn decode(self) -> Result<EventType, StoreError> {
        let schedule = self.schedule.map(|json| schedule_json::decode_schedule(json.0));
        Ok(EventType {
            id: encoding::decode_event_type_id(&self.id)?,
            name: self.name,
            description: self.description,
            segments: schedule_json::decode_segment_templates(self.segments.0)?,
            buffer_before_minutes: self.buffer_before_minutes.into(),
            buffer_after_minutes: self.buffer_after_minutes.into(),
            schedule: schedule.transpose()?,
            price: encoding::decode_money(self.amount, &self.currency)?,
            payment_methods: encoding::decode_payment_methods(&self.payment_methods)?,
            change_policy: ChangePolicy {
                cancel_until_minutes: self.cancel_until_minutes.map(i64::from),
                move_until_minutes: self.move_until_minutes.map(i64::from),
            },
            checkout: checkout_json::decode_options(self.checkout.map(|json| json.0))?,
        })
    }

    /// One event type, if there is one.
    pub(super) fn decode_optional(row: Option<Self>) -> Result<Option<EventType>, StoreError> {
        row.map(Self::decode).transpose()
    }

    /// A page of event types, cut off rows that were read with [`LIST`].
    pub(super) fn decode_page(rows: Vec<Self>, page: &PageRequest) -> Result<Page<EventType>, StoreError> {
        let rows = paging::cut_page(rows, page, |row| paging::numbered(row.seq));
        paging::decode_page(rows, Self::decode)
    }
}
