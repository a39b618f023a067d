//! Sessions and their modes on PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::PostgresStore;
use super::occupancy::occupied;
use crate::domain::figures::OtherModeWork;
use crate::domain::ids::SessionId;
use crate::store::StoreError;
use crate::store::sessions::{
    self, FoundSession, FoundSessionRow, OtherModeWorkRow, SessionSearch, Sessions, count_work,
};

#[async_trait]
impl Sessions for PostgresStore {
    async fn find_newest_session(&self, search: &SessionSearch) -> Result<Option<FoundSession>, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query_as(sessions::FIND_NEWEST)
                .bind(search.livemode)
                .bind(search.id_bound())
                .bind(search.exception());
            let found: Option<FoundSessionRow> = query.fetch_optional(&self.pool).await?;
            Ok(found.map(FoundSessionRow::decode))
        })
        .await
    }

    async fn find_newest_unpaid_session(&self, livemode: bool) -> Result<Option<SessionId>, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query_scalar(sessions::FIND_NEWEST_UNPAID).bind(livemode);
            let found: Option<String> = query.fetch_optional(&self.pool).await?;
            Ok(found.map(SessionId::new))
        })
        .await
    }

    async fn count_other_mode_work(
        &self,
        livemode: bool,
        now: DateTime<Utc>,
    ) -> Result<OtherModeWork, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query_as(COUNT_WORK).bind(!livemode).bind(now);
            let row: OtherModeWorkRow = query.fetch_one(&self.pool).await?;
            Ok(row.decode())
        })
        .await
    }
}

/// Counts the work of mode `$1` that is left at `$2`.
const COUNT_WORK: &str = count_work!(occupied!("o.", "r.id", "tstzrange($2, NULL)"));
