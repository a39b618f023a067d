//! Access keys on PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::PostgresStore;
use crate::domain::access_key::{AccessKey, KeyDigest};
use crate::domain::ids::AccessKeyId;
use crate::domain::listing::{Page, PageRequest};
use crate::store::StoreError;
use crate::store::access_keys::{self, AccessKeyRow, AccessKeys};

#[async_trait]
impl AccessKeys for PostgresStore {
    async fn insert_key(&self, key: &AccessKey, digest: &KeyDigest) -> Result<bool, StoreError> {
        self.retrying(|| async {
            let done = access_keys::insert_key!(key, digest).execute(&self.pool).await?;
            Ok(done.rows_affected() > 0)
        })
        .await
    }

    async fn find_key(&self, digest: &KeyDigest) -> Result<Option<AccessKey>, StoreError> {
        fetch_row!(
            self,
            AccessKeyRow,
            sqlx::query_as(access_keys::FIND).bind(&digest.0[..])
        )
    }

    async fn find_key_by_id(&self, id: AccessKeyId) -> Result<Option<AccessKey>, StoreError> {
        fetch_row!(
            self,
            AccessKeyRow,
            sqlx::query_as(access_keys::FIND_BY_ID).bind(id.0)
        )
    }

    async fn list_keys(&self, page: &PageRequest) -> Result<Page<AccessKey>, StoreError> {
        fetch_page!(self, AccessKeyRow, access_keys::list_query!(page), page)
    }

    async fn delete_key(&self, id: AccessKeyId) -> Result<Option<AccessKey>, StoreError> {
        fetch_row!(self, AccessKeyRow, sqlx::query_as(access_keys::DELETE).bind(id.0))
    }

    async fn record_key_use(
        &self,
        id: AccessKeyId,
        at: DateTime<Utc>,
        since: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        run_statement!(
            self,
            sqlx::query(access_keys::RECORD_USE)
                .bind(id.0)
                .bind(at)
                .bind(since)
        )
    }
}
