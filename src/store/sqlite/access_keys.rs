//! Access keys on SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::SqliteStore;
use crate::domain::access_key::{AccessKey, KeyDigest};
use crate::domain::ids::AccessKeyId;
use crate::domain::listing::{Page, PageRequest};
use crate::store::access_keys::{self, AccessKeyRow, AccessKeys};
use crate::store::columns::{DbTime, DbUuid};
use crate::store::{StoreError, paging};

#[async_trait]
impl AccessKeys for SqliteStore {
    async fn insert_key(&self, key: &AccessKey, digest: &KeyDigest) -> Result<bool, StoreError> {
        Ok(self.write(access_keys::insert_key!(key, digest)).await? > 0)
    }

    async fn find_key(&self, digest: &KeyDigest) -> Result<Option<AccessKey>, StoreError> {
        let query = sqlx::query_as(access_keys::FIND).bind(&digest.0[..]);
        AccessKeyRow::decode_optional(self.read(query.fetch_optional(&self.readers)).await?)
    }

    async fn find_key_by_id(&self, id: AccessKeyId) -> Result<Option<AccessKey>, StoreError> {
        let query = sqlx::query_as(access_keys::FIND_BY_ID).bind(DbUuid(id.0));
        AccessKeyRow::decode_optional(self.read(query.fetch_optional(&self.readers)).await?)
    }

    async fn list_keys(&self, page: &PageRequest) -> Result<Page<AccessKey>, StoreError> {
        let Some(query) = access_keys::list_query!(page) else {
            return Ok(paging::end_of_list());
        };
        AccessKeyRow::decode_page(self.read(query.fetch_all(&self.readers)).await?, page)
    }

    async fn delete_key(&self, id: AccessKeyId) -> Result<Option<AccessKey>, StoreError> {
        let query = sqlx::query_as(access_keys::DELETE).bind(DbUuid(id.0));
        AccessKeyRow::decode_optional(self.write_returning(query).await?)
    }

    async fn record_key_use(
        &self,
        id: AccessKeyId,
        at: DateTime<Utc>,
        since: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let query = sqlx::query(access_keys::RECORD_USE).bind(DbUuid(id.0));
        self.write(query.bind(DbTime(at)).bind(DbTime(since))).await?;
        Ok(())
    }
}
