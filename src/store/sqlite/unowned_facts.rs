//! Refunds and disputes without an owner on SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::SqliteStore;
use crate::domain::ids::{EventId, IntentId};
use crate::store::StoreError;
use crate::store::unowned_facts::{self, UnownedFact, UnownedFacts};

#[async_trait]
impl UnownedFacts for SqliteStore {
    async fn keep_unowned_fact(&self, fact: &UnownedFact) -> Result<bool, StoreError> {
        let encoded = fact.encode_fact();
        // There is one writer, so no other transaction can tie the intent meanwhile.
        let mut transaction = self.begin().await?;
        let query = unowned_facts::keep_query!(fact, &encoded);
        let is_tied: bool = self.in_transaction(query.fetch_one(&mut *transaction)).await?;
        self.commit(transaction).await?;
        Ok(is_tied)
    }

    async fn find_unowned_facts(&self, intent: &IntentId) -> Result<Vec<EventId>, StoreError> {
        let query = sqlx::query_scalar(unowned_facts::FIND).bind(intent.as_str());
        let events: Vec<String> = self.read(query.fetch_all(&self.readers)).await?;
        Ok(events.into_iter().map(EventId::new).collect())
    }

    async fn list_tied_facts(&self, limit: u32) -> Result<Vec<IntentId>, StoreError> {
        let query = sqlx::query_scalar(unowned_facts::LIST_TIED).bind(limit);
        let intents: Vec<String> = self.read(query.fetch_all(&self.readers)).await?;
        Ok(intents.into_iter().map(IntentId::new).collect())
    }

    async fn delete_unowned_fact(&self, event: &EventId) -> Result<(), StoreError> {
        let query = sqlx::query(unowned_facts::DELETE).bind(event.as_str());
        self.write(query).await.map(drop)
    }

    async fn delete_old_unowned_facts(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        self.delete_or_clear(DELETE_OLD, before, limit).await
    }
}

/// Deletes facts that arrived before `$1`, at most `$2`.
pub(super) const DELETE_OLD: &str = "DELETE FROM unowned_facts WHERE seq IN (
         SELECT seq FROM unowned_facts WHERE reported_at < $1 ORDER BY reported_at LIMIT $2)";
