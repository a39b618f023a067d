//! Endpoints: where events out are sent. `deliveries` has what is sent to them.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::columns::{DbJson, DbTime};
use super::{StoreError, encoding};
use crate::domain::event_endpoint::{
    EndpointBacklog, EndpointKinds, EndpointSecret, EventEndpoint, MAX_BACKLOG_COUNTED, MAX_OLD_SECRETS,
    OLD_SECRET_SIGNS,
};
use crate::domain::ids::EndpointId;
use crate::domain::listing::PutOutcome;

/// An endpoint as an operator sets it.
#[derive(Clone, Debug)]
pub struct NewEndpoint {
    /// Identifies the endpoint; the operator chose it.
    pub id: EndpointId,
    /// Where events are sent.
    pub url: String,
    /// Which types it gets.
    pub kinds: EndpointKinds,
    /// Whether it gets any.
    pub is_enabled: bool,
    /// The secret of an endpoint that does not exist yet.
    pub secret: EndpointSecret,
}

/// The result of a new secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RotateOutcome {
    /// The new secret signs.
    Rotated,
    /// As many old secrets sign as may at a time.
    TooMany,
    /// There is no such endpoint.
    Unknown,
}

/// Endpoints in the database; one method is one transaction.
#[async_trait]
pub trait Endpoints {
    /// Writes an endpoint that an operator sets. A new one gets what happens from now on; one that exists keeps its secret and its place. `None` if
    /// there are too many.
    async fn put_endpoint(
        &self,
        new: &NewEndpoint,
        now: DateTime<Utc>,
    ) -> Result<Option<PutOutcome>, StoreError>;
    /// Reads one endpoint by its id.
    async fn find_endpoint(&self, id: &EndpointId) -> Result<Option<EventEndpoint>, StoreError>;
    /// Lists all endpoints, by their ids.
    async fn list_endpoints(&self) -> Result<Vec<EventEndpoint>, StoreError>;
    /// Deletes an endpoint with its deliveries. `false` if there is none.
    async fn delete_endpoint(&self, id: &EndpointId) -> Result<bool, StoreError>;
    /// Gives an endpoint a new secret; those before sign too, each for [`OLD_SECRET_SIGNS`] after it was replaced.
    async fn rotate_secret(
        &self,
        id: &EndpointId,
        secret: &EndpointSecret,
        now: DateTime<Utc>,
    ) -> Result<RotateOutcome, StoreError>;
    /// Counts the events that wait to be sent to an endpoint.
    async fn measure_backlog(&self, id: &EndpointId) -> Result<EndpointBacklog, StoreError>;
    /// Lists the endpoints that take events now and for which something is to be queued or sent.
    async fn list_endpoints_with_work(&self, now: DateTime<Utc>) -> Result<Vec<EventEndpoint>, StoreError>;
}

/// The columns of [`EndpointRow`].
macro_rules! endpoint_columns {
    () => {
        "id, url, kinds, is_enabled, secret, previous_secrets, failing_since, last_status, last_fault, \
         paused_until, is_gone, created_at"
    };
}
pub(super) use endpoint_columns;

/// Builds the statement that writes an endpoint, with the engine's expression for the end of the stream. It writes nothing
/// for one too many.
macro_rules! put_endpoint {
    ($new:expr, $now:expr, $end_of_stream:literal) => {
        sqlx::query(concat!(
            "INSERT INTO event_endpoints (id, url, kinds, is_enabled, secret, position, created_at)
             SELECT $1, $2, $3, $4, $5, ",
            $end_of_stream,
            ", $6 WHERE EXISTS (SELECT 1 FROM event_endpoints WHERE id = $1)
                 OR (SELECT count(*) FROM event_endpoints) < $7
             ON CONFLICT (id) DO UPDATE SET url = excluded.url, kinds = excluded.kinds, is_enabled = excluded.is_enabled,
                 is_gone = false, paused_until = NULL, failing_since = NULL, last_status = NULL, last_fault = NULL"
        ))
        .bind($new.id.as_str())
        .bind(&$new.url)
        .bind($crate::store::columns::DbJson($new.kinds.words().into()))
        .bind($new.is_enabled)
        .bind($new.secret.reveal())
        .bind($crate::store::columns::DbTime($now))
        .bind($crate::domain::event_endpoint::MAX_ENDPOINTS)
    };
}
pub(super) use put_endpoint;

/// Tells whether endpoint `$1` exists.
pub(super) const EXISTS: &str = "SELECT EXISTS (SELECT 1 FROM event_endpoints WHERE id = $1)";

/// Finds the endpoint `$1`.
pub(super) const FIND: &str = concat!(
    "SELECT ",
    endpoint_columns!(),
    " FROM event_endpoints WHERE id = $1"
);

/// Lists all endpoints, by their ids.
pub(super) const LIST: &str = concat!(
    "SELECT ",
    endpoint_columns!(),
    " FROM event_endpoints ORDER BY id"
);

/// Deletes the endpoint `$1`.
pub(super) const DELETE: &str = "DELETE FROM event_endpoints WHERE id = $1";

/// Gives endpoint `$1` secret `$2`; those before are in JSON `$3`.
pub(super) const ROTATE: &str = "UPDATE event_endpoints SET secret = $2, previous_secrets = $3 WHERE id = $1";

/// Counts what waits for endpoint `$1`, up to `$2`, with the engine's condition that it gets the type of an event; and finds when
/// the first of it happened. What is queued is before what is not.
macro_rules! measure_backlog {
    ($takes_kind:expr) => {
        concat!(
            "WITH waiting AS (
                 SELECT created_at FROM (
                     SELECT (SELECT e.created_at FROM events_out e WHERE e.position = d.position) AS created_at
                     FROM event_deliveries d WHERE d.endpoint_id = $1 AND d.state = 'pending' ORDER BY d.position LIMIT $2) AS queued
                 UNION ALL
                 SELECT created_at FROM (
                     SELECT e.created_at FROM event_endpoints p JOIN events_out e ON e.position > p.position
                     WHERE p.id = $1 AND ",
            $takes_kind,
            " ORDER BY e.position LIMIT $2) AS unqueued)
             SELECT (SELECT count(*) FROM waiting) AS count, (SELECT min(created_at) FROM waiting) AS oldest_at"
        )
    };
}
pub(super) use measure_backlog;

#[derive(sqlx::FromRow)]
pub(super) struct BacklogRow {
    count: i64,
    oldest_at: Option<DbTime>,
}

impl BacklogRow {
    pub(super) fn decode(self) -> EndpointBacklog {
        EndpointBacklog {
            count: self.count.min(MAX_BACKLOG_COUNTED).unsigned_abs(),
            oldest_at: self.oldest_at.map(|at| at.0),
        }
    }
}

/// Lists endpoints that take events at `$1` and have work.
pub(super) const LIST_WITH_WORK: &str = concat!(
    "SELECT ",
    endpoint_columns!(),
    " FROM event_endpoints p
     WHERE p.is_enabled AND (p.paused_until IS NULL OR p.paused_until <= $1)
       AND (EXISTS (SELECT 1 FROM events_out e WHERE e.position > p.position)
            OR EXISTS (SELECT 1 FROM event_deliveries d
                       WHERE d.endpoint_id = p.id AND d.state = 'pending' AND d.due_at <= $1))
     ORDER BY id"
);

#[derive(sqlx::FromRow)]
pub(super) struct EndpointRow {
    id: String,
    url: String,
    kinds: DbJson,
    is_enabled: bool,
    secret: String,
    previous_secrets: DbJson,
    failing_since: Option<DbTime>,
    last_status: Option<i32>,
    last_fault: Option<String>,
    paused_until: Option<DbTime>,
    is_gone: bool,
    created_at: DbTime,
}

impl EndpointRow {
    fn decode(self) -> Result<EventEndpoint, StoreError> {
        let words = self.kinds.0.as_array().into_iter().flatten();
        let kinds = EndpointKinds::parse(words.filter_map(|word| word.as_str()));
        Ok(EventEndpoint {
            id: EndpointId::parse(&self.id).map_err(|_| encoding::unreadable_column("endpoint", &self.id))?,
            url: self.url,
            kinds: kinds.ok_or_else(|| encoding::unreadable_column("kinds", "no types of events"))?,
            is_enabled: self.is_enabled,
            secret: decode_secret(&self.secret)?,
            previous_secrets: decode_old_secrets(self.previous_secrets)?,
            failing_since: self.failing_since.map(|at| at.0),
            last_status: self.last_status.and_then(|status| u16::try_from(status).ok()),
            last_fault: self.last_fault,
            paused_until: self.paused_until.map(|at| at.0),
            is_gone: self.is_gone,
            created_at: self.created_at.0,
        })
    }

    /// One endpoint, if there is one.
    pub(super) fn decode_optional(row: Option<Self>) -> Result<Option<EventEndpoint>, StoreError> {
        row.map(Self::decode).transpose()
    }

    /// All endpoints, in the order of the rows.
    pub(super) fn decode_all(rows: Vec<Self>) -> Result<Vec<EventEndpoint>, StoreError> {
        rows.into_iter().map(Self::decode).collect()
    }
}

#[derive(Serialize, Deserialize)]
struct OldSecretJson {
    secret: String,
    until_ms: i64,
}

fn decode_old_secrets(json: DbJson) -> Result<Vec<(EndpointSecret, DateTime<Utc>)>, StoreError> {
    let unreadable = || encoding::unreadable_column("previous_secrets", "no secrets");
    let old: Vec<OldSecretJson> = serde_json::from_value(json.0).map_err(|_| unreadable())?;
    let decode = |old: OldSecretJson| {
        let until = DateTime::from_timestamp_millis(old.until_ms).ok_or_else(unreadable)?;
        Ok((decode_secret(&old.secret)?, until))
    };
    old.into_iter().map(decode).collect()
}

/// Lists the secrets that sign besides a new one: the one that it replaces, and those before that still sign. `None` if there are
/// too many.
pub(super) fn replace_secret(endpoint: &EventEndpoint, now: DateTime<Utc>) -> Option<DbJson> {
    let replaced = (endpoint.secret.clone(), now + OLD_SECRET_SIGNS);
    let before = endpoint.previous_secrets.iter().cloned();
    let old: Vec<OldSecretJson> = std::iter::once(replaced)
        .chain(before)
        .filter(|(_, until)| now < *until)
        .map(|(secret, until)| OldSecretJson {
            secret: secret.reveal().to_owned(),
            until_ms: until.timestamp_millis(),
        })
        .collect();
    (old.len() <= MAX_OLD_SECRETS).then(|| DbJson(serde_json::json!(old)))
}

fn decode_secret(text: &str) -> Result<EndpointSecret, StoreError> {
    // The error does not repeat it.
    EndpointSecret::parse(text).ok_or_else(|| encoding::unreadable_column("secret", "no secret"))
}
