//! The reports of refunded charges of a replayed workflow: no call about them is a step of the model.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use holdfast::domain::ids::{EventId, IntentId};
use holdfast::store::{StoreError, UnownedFact, UnownedFacts};

use crate::doubles::Script;

/// The Stripe of the model reports each refund by itself, so no report says less than it implies.
#[async_trait]
impl UnownedFacts for Script {
    async fn keep_unowned_fact(&self, _: &UnownedFact) -> Result<bool, StoreError> {
        unimplemented!()
    }

    async fn find_unowned_facts(&self, _: &IntentId) -> Result<Vec<EventId>, StoreError> {
        Ok(Vec::new())
    }

    async fn list_tied_facts(&self, _: u32) -> Result<Vec<IntentId>, StoreError> {
        Ok(Vec::new())
    }

    async fn delete_unowned_fact(&self, _: &EventId) -> Result<(), StoreError> {
        unimplemented!()
    }

    async fn delete_old_unowned_facts(&self, _: DateTime<Utc>, _: u32) -> Result<u64, StoreError> {
        Ok(0)
    }
}
