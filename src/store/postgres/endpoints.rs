//! Endpoints of the shop on PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::PostgresStore;
use super::deliveries::takes_kind;
use crate::domain::event_endpoint::{EndpointBacklog, EndpointSecret, EventEndpoint, MAX_BACKLOG_COUNTED};
use crate::domain::ids::EndpointId;
use crate::domain::listing::PutOutcome;
use crate::store::StoreError;
use crate::store::columns::DbTime;
use crate::store::endpoints::{
    self, BacklogRow, EndpointRow, Endpoints, NewEndpoint, RotateOutcome, endpoint_columns, put_endpoint,
};
use crate::store::resources::put_outcome;

/// Finds endpoint `$1`, and keeps others from replacing its secret meanwhile.
const FIND_TO_ROTATE: &str = concat!(
    "SELECT ",
    endpoint_columns!(),
    " FROM event_endpoints WHERE id = $1 FOR UPDATE"
);

#[async_trait]
impl Endpoints for PostgresStore {
    async fn put_endpoint(
        &self,
        new: &NewEndpoint,
        now: DateTime<Utc>,
    ) -> Result<Option<PutOutcome>, StoreError> {
        self.retrying(|| async {
            let mut transaction = self.begin().await?;
            let exists = sqlx::query_scalar(endpoints::EXISTS).bind(new.id.as_str());
            let exists: bool = exists.fetch_one(&mut *transaction).await?;
            let put = put_endpoint!(new, now, "(SELECT position FROM events_out_numbering)");
            let written = put.execute(&mut *transaction).await?.rows_affected();
            transaction.commit().await?;
            Ok((written > 0).then(|| put_outcome(!exists)))
        })
        .await
    }

    async fn find_endpoint(&self, id: &EndpointId) -> Result<Option<EventEndpoint>, StoreError> {
        fetch_row!(
            self,
            EndpointRow,
            sqlx::query_as(endpoints::FIND).bind(id.as_str())
        )
    }

    async fn list_endpoints(&self) -> Result<Vec<EventEndpoint>, StoreError> {
        self.retrying(|| async {
            let rows = sqlx::query_as(endpoints::LIST).fetch_all(&self.pool).await?;
            Ok(EndpointRow::decode_all(rows)?)
        })
        .await
    }

    async fn delete_endpoint(&self, id: &EndpointId) -> Result<bool, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query(endpoints::DELETE).bind(id.as_str());
            Ok(query.execute(&self.pool).await?.rows_affected() > 0)
        })
        .await
    }

    async fn rotate_secret(
        &self,
        id: &EndpointId,
        secret: &EndpointSecret,
        now: DateTime<Utc>,
    ) -> Result<RotateOutcome, StoreError> {
        self.retrying(|| async {
            let mut transaction = self.begin().await?;
            let found = sqlx::query_as(FIND_TO_ROTATE).bind(id.as_str());
            let found = found.fetch_optional(&mut *transaction).await?;
            let Some(endpoint) = EndpointRow::decode_optional(found)? else {
                return Ok(RotateOutcome::Unknown);
            };
            let Some(old) = endpoints::replace_secret(&endpoint, now) else {
                return Ok(RotateOutcome::TooMany);
            };
            let query = sqlx::query(endpoints::ROTATE).bind(id.as_str());
            let query = query.bind(secret.reveal()).bind(old);
            query.execute(&mut *transaction).await?;
            transaction.commit().await?;
            Ok(RotateOutcome::Rotated)
        })
        .await
    }

    async fn measure_backlog(&self, id: &EndpointId) -> Result<EndpointBacklog, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query_as(endpoints::measure_backlog!(takes_kind!())).bind(id.as_str());
            let row: BacklogRow = query.bind(MAX_BACKLOG_COUNTED).fetch_one(&self.pool).await?;
            Ok(row.decode())
        })
        .await
    }

    async fn list_endpoints_with_work(&self, now: DateTime<Utc>) -> Result<Vec<EventEndpoint>, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query_as(endpoints::LIST_WITH_WORK).bind(DbTime(now));
            Ok(EndpointRow::decode_all(query.fetch_all(&self.pool).await?)?)
        })
        .await
    }
}
