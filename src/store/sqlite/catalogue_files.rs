//! Writes a catalogue in one transaction on SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

use super::closed_times::record_conflicts;
use super::error::SqliteResult;
use super::{SqliteStore, blocks, catalogue, closures, feeds, resources};
use crate::domain::catalogue::UnknownResources;
use crate::domain::closure::ClosureZones;
use crate::domain::ids::ResourceId;
use crate::store::catalogue_files::{CatalogueChange, CatalogueFiles};
use crate::store::catalogue_writes::define_catalogue_write;
use crate::store::closed_times::{ClosedConflicts, ClosedTime};
use crate::store::closures::ClosureRefusal;
use crate::store::{NewFeed, StoreError};

#[async_trait]
impl CatalogueFiles for SqliteStore {
    async fn write_catalogue(
        &self,
        change: &CatalogueChange,
        zones: ClosureZones<'_>,
        now: DateTime<Utc>,
    ) -> Result<Result<Vec<ClosedConflicts>, ClosureRefusal>, StoreError> {
        let mut transaction = self.begin().await?;
        let written = write_in(&mut transaction, change, zones, now).await?;
        match written {
            Ok(_) => self.commit(transaction).await?,
            Err(_) => self.roll_back(transaction).await?,
        }
        Ok(written.map(|closed| closed.into_iter().map(ClosedConflicts::from).collect()))
    }
}

define_catalogue_write!(SqliteConnection, SqliteResult);
