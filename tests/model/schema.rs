//! Answers for the schema: the model has one installation, and no migrations.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use holdfast::domain::token::TokenKey;
use holdfast::store::{Schema, ServerFault, StoreError};

use crate::doubles::Script;
use crate::fixture;

#[async_trait]
impl Schema for Script {
    async fn migrate(&self) -> Result<(), StoreError> {
        unimplemented!()
    }

    async fn find_server_faults(&self) -> Result<Vec<ServerFault>, StoreError> {
        unimplemented!()
    }

    async fn is_ready(&self) -> Result<bool, StoreError> {
        unimplemented!()
    }

    async fn is_empty(&self) -> Result<bool, StoreError> {
        unimplemented!()
    }

    async fn installation_id(&self) -> Result<String, StoreError> {
        Ok(fixture::INSTALLATION.into())
    }

    async fn token_key(&self, earlier: &TokenKey) -> Result<TokenKey, StoreError> {
        Ok(earlier.clone())
    }

    async fn dry_run_checkout(&self, _: DateTime<Utc>) -> Result<(), StoreError> {
        unimplemented!()
    }
}
