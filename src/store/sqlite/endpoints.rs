//! Endpoints of the shop on SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

use super::SqliteStore;
use super::deliveries::takes_kind;
use super::error::SqliteResult;
use crate::domain::event_endpoint::{EndpointBacklog, EndpointSecret, EventEndpoint, MAX_BACKLOG_COUNTED};
use crate::domain::ids::EndpointId;
use crate::domain::listing::PutOutcome;
use crate::store::StoreError;
use crate::store::columns::DbTime;
use crate::store::endpoints::{
    self, BacklogRow, EndpointRow, Endpoints, NewEndpoint, RotateOutcome, put_endpoint,
};
use crate::store::resources::put_outcome;

#[async_trait]
impl Endpoints for SqliteStore {
    async fn put_endpoint(
        &self,
        new: &NewEndpoint,
        now: DateTime<Utc>,
    ) -> Result<Option<PutOutcome>, StoreError> {
        let mut transaction = self.begin().await?;
        let put = put_in(&mut transaction, new, now).await?;
        self.commit(transaction).await?;
        Ok(put)
    }

    async fn find_endpoint(&self, id: &EndpointId) -> Result<Option<EventEndpoint>, StoreError> {
        let query = sqlx::query_as(endpoints::FIND).bind(id.as_str());
        EndpointRow::decode_optional(self.read(query.fetch_optional(&self.readers)).await?)
    }

    async fn list_endpoints(&self) -> Result<Vec<EventEndpoint>, StoreError> {
        let query = sqlx::query_as(endpoints::LIST);
        EndpointRow::decode_all(self.read(query.fetch_all(&self.readers)).await?)
    }

    async fn delete_endpoint(&self, id: &EndpointId) -> Result<bool, StoreError> {
        let query = sqlx::query(endpoints::DELETE).bind(id.as_str());
        Ok(self.write(query).await? > 0)
    }

    async fn rotate_secret(
        &self,
        id: &EndpointId,
        secret: &EndpointSecret,
        now: DateTime<Utc>,
    ) -> Result<RotateOutcome, StoreError> {
        let mut transaction = self.begin().await?;
        let outcome = rotate_in(&mut transaction, id, secret, now).await?;
        self.commit(transaction).await?;
        Ok(outcome)
    }

    async fn measure_backlog(&self, id: &EndpointId) -> Result<EndpointBacklog, StoreError> {
        let query = sqlx::query_as(endpoints::measure_backlog!(takes_kind!())).bind(id.as_str());
        let query = query.bind(MAX_BACKLOG_COUNTED).fetch_one(&self.readers);
        let row: BacklogRow = self.read(query).await?;
        Ok(row.decode())
    }

    async fn list_endpoints_with_work(&self, now: DateTime<Utc>) -> Result<Vec<EventEndpoint>, StoreError> {
        let query = sqlx::query_as(endpoints::LIST_WITH_WORK).bind(DbTime(now));
        EndpointRow::decode_all(self.read(query.fetch_all(&self.readers)).await?)
    }
}

async fn rotate_in(
    connection: &mut SqliteConnection,
    id: &EndpointId,
    secret: &EndpointSecret,
    now: DateTime<Utc>,
) -> SqliteResult<RotateOutcome> {
    let found = sqlx::query_as(endpoints::FIND).bind(id.as_str());
    let Some(endpoint) = EndpointRow::decode_optional(found.fetch_optional(&mut *connection).await?)? else {
        return Ok(RotateOutcome::Unknown);
    };
    let Some(old) = endpoints::replace_secret(&endpoint, now) else {
        return Ok(RotateOutcome::TooMany);
    };
    let query = sqlx::query(endpoints::ROTATE).bind(id.as_str());
    query.bind(secret.reveal()).bind(old).execute(connection).await?;
    Ok(RotateOutcome::Rotated)
}

async fn put_in(
    connection: &mut SqliteConnection,
    new: &NewEndpoint,
    now: DateTime<Utc>,
) -> SqliteResult<Option<PutOutcome>> {
    let exists = sqlx::query_scalar(endpoints::EXISTS).bind(new.id.as_str());
    let exists: bool = exists.fetch_one(&mut *connection).await?;
    let put = put_endpoint!(
        new,
        now,
        "coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'events_out'), 0)"
    );
    let written = put.execute(connection).await?.rows_affected();
    Ok((written > 0).then(|| put_outcome(!exists)))
}
