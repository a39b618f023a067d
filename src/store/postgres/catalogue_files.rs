//! Writes a catalogue in one transaction on PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;

use super::closed_times::record_conflicts;
use super::error::PostgresResult;
use super::resources::lock_closures;
use super::{PostgresStore, blocks, catalogue, closures, feeds, resources};
use crate::domain::catalogue::UnknownResources;
use crate::domain::closure::ClosureZones;
use crate::domain::ids::ResourceId;
use crate::store::catalogue_files::{CatalogueChange, CatalogueFiles};
use crate::store::catalogue_writes::define_catalogue_write;
use crate::store::closed_times::{ClosedConflicts, ClosedTime};
use crate::store::closures::ClosureRefusal;
use crate::store::{NewFeed, StoreError};

#[async_trait]
impl CatalogueFiles for PostgresStore {
    async fn write_catalogue(
        &self,
        change: &CatalogueChange,
        zones: ClosureZones<'_>,
        now: DateTime<Utc>,
    ) -> Result<Result<Vec<ClosedConflicts>, ClosureRefusal>, StoreError> {
        self.retrying(|| async {
            let mut transaction = self.begin().await?;
            lock_closures(&mut transaction).await?;
            let closed = match write_in(&mut transaction, change, zones, now).await? {
                Ok(closed) => closed,
                Err(refusal) => return Ok(Err(refusal)),
            };
            transaction.commit().await?;
            Ok(Ok(self.record_late_conflicts(closed).await?))
        })
        .await
    }
}

define_catalogue_write!(PgConnection, PostgresResult);
