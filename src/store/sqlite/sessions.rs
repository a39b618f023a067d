//! Sessions and their modes on SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::SqliteStore;
use crate::domain::figures::OtherModeWork;
use crate::domain::ids::SessionId;
use crate::store::StoreError;
use crate::store::columns::{DbTime, DbUuid};
use crate::store::sessions::{
    self, FoundSession, FoundSessionRow, OtherModeWorkRow, SessionSearch, Sessions, count_work,
};

#[async_trait]
impl Sessions for SqliteStore {
    async fn find_newest_session(&self, search: &SessionSearch) -> Result<Option<FoundSession>, StoreError> {
        let query = sqlx::query_as(sessions::FIND_NEWEST)
            .bind(search.livemode)
            .bind(DbUuid(search.id_bound()))
            .bind(search.exception());
        let found: Option<FoundSessionRow> = self.read(query.fetch_optional(&self.readers)).await?;
        Ok(found.map(FoundSessionRow::decode))
    }

    async fn find_newest_unpaid_session(&self, livemode: bool) -> Result<Option<SessionId>, StoreError> {
        let query = sqlx::query_scalar(sessions::FIND_NEWEST_UNPAID).bind(livemode);
        let found: Option<String> = self.read(query.fetch_optional(&self.readers)).await?;
        Ok(found.map(SessionId::new))
    }

    async fn count_other_mode_work(
        &self,
        livemode: bool,
        now: DateTime<Utc>,
    ) -> Result<OtherModeWork, StoreError> {
        let query = sqlx::query_as(COUNT_WORK).bind(!livemode).bind(DbTime(now));
        let row: OtherModeWorkRow = self.read(query.fetch_one(&self.readers)).await?;
        Ok(row.decode())
    }
}

/// Counts the work of mode `$1` that is left at `$2`.
const COUNT_WORK: &str = count_work!("o.resource_id = r.id AND o.ends_at > $2");
