//! Refunds and disputes without an owner on PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{PostgresStore, payments};
use crate::domain::ids::{EventId, IntentId};
use crate::store::StoreError;
use crate::store::unowned_facts::{self, UnownedFact, UnownedFacts};

#[async_trait]
impl UnownedFacts for PostgresStore {
    async fn keep_unowned_fact(&self, fact: &UnownedFact) -> Result<bool, StoreError> {
        let encoded = fact.encode_fact();
        self.retrying(|| async {
            let mut transaction = self.begin().await?;
            // The lock of the trigger that ties intents. In a statement of its own, so that the next one sees what the
            // transaction before it has tied.
            payments::lock(&mut transaction, &fact.intent).await?;
            let is_tied: bool = unowned_facts::keep_query!(fact, &encoded)
                .fetch_one(&mut *transaction)
                .await?;
            transaction.commit().await?;
            Ok(is_tied)
        })
        .await
    }

    async fn find_unowned_facts(&self, intent: &IntentId) -> Result<Vec<EventId>, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query_scalar(unowned_facts::FIND).bind(intent.as_str());
            let events: Vec<String> = query.fetch_all(&self.pool).await?;
            Ok(events.into_iter().map(EventId::new).collect())
        })
        .await
    }

    async fn list_tied_facts(&self, limit: u32) -> Result<Vec<IntentId>, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query_scalar(unowned_facts::LIST_TIED).bind(i64::from(limit));
            let intents: Vec<String> = query.fetch_all(&self.pool).await?;
            Ok(intents.into_iter().map(IntentId::new).collect())
        })
        .await
    }

    async fn delete_unowned_fact(&self, event: &EventId) -> Result<(), StoreError> {
        run_statement!(self, sqlx::query(unowned_facts::DELETE).bind(event.as_str()))
    }

    async fn delete_old_unowned_facts(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        self.delete_or_clear(DELETE_OLD, before, limit).await
    }
}

/// Deletes facts that arrived before `$1`, at most `$2`.
const DELETE_OLD: &str = "DELETE FROM unowned_facts WHERE event_id = ANY (ARRAY(
         SELECT event_id FROM unowned_facts WHERE reported_at < $1
         ORDER BY reported_at LIMIT $2 FOR UPDATE SKIP LOCKED))";
