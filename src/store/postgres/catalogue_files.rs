//! Writes a catalogue in one transaction on PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;

use super::error::PostgresResult;
use super::resources::lock_closures;
use super::{PostgresStore, blocks, catalogue, closures, feeds, resources};
use crate::domain::catalogue::UnknownResources;
use crate::store::catalogue_files::{CatalogueChange, CatalogueFiles};
use crate::store::{NewFeed, StoreError};

#[async_trait]
impl CatalogueFiles for PostgresStore {
    async fn write_catalogue(
        &self,
        change: &CatalogueChange,
        now: DateTime<Utc>,
    ) -> Result<Result<(), UnknownResources>, StoreError> {
        self.retrying(|| async {
            let mut transaction = self.begin().await?;
            lock_closures(&mut transaction).await?;
            let written = write_in(&mut transaction, change, now).await?;
            if written.is_ok() {
                transaction.commit().await?;
            }
            Ok(written)
        })
        .await
    }
}

/// Writes a catalogue in the caller's transaction, which must be rolled back unless all is written.
async fn write_in(
    connection: &mut PgConnection,
    change: &CatalogueChange,
    now: DateTime<Utc>,
) -> PostgresResult<Result<(), UnknownResources>> {
    for resource in &change.resources {
        resources::put_in(&mut *connection, resource, now).await?;
    }
    for setting in &change.feeds {
        let feed = setting.address.as_ref().map(|address| NewFeed {
            url: &address.url,
            timezone: address.timezone.as_deref(),
            reaches_to: change.feeds_reach_to,
        });
        if !feeds::set_in(connection, &setting.resource, feed.as_ref(), now).await? {
            return Ok(Err(UnknownResources(vec![setting.resource.clone()])));
        }
    }
    for event_type in &change.event_types {
        if let Err(unknown) = catalogue::put_in(connection, event_type, now).await? {
            return Ok(Err(unknown));
        }
    }
    for (resource, block) in &change.blocks {
        if blocks::put_in(&mut *connection, resource, block, now)
            .await?
            .is_none()
        {
            return Ok(Err(UnknownResources(vec![resource.clone()])));
        }
    }
    for closure in &change.closures {
        if let Err(unknown) = closures::put_in(connection, closure, now).await? {
            return Ok(Err(unknown));
        }
    }
    Ok(Ok(()))
}
