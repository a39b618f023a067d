//! The ledger on PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::postgres::{PgConnection, PgExecutor};
use sqlx::types::Json;

use super::error::PostgresResult;
use super::{PostgresStore, changes, payments};
use crate::domain::ids::IntentId;
use crate::domain::ledger::snapshots::PaymentFacts;
use crate::store::StoreError;
use crate::store::ledger::{
    self, FactsJson, Ledger, MergeOutcome, MoneyReport, upsert_dispute, upsert_refund,
};

/// Selects the refunds and disputes of intent `$1`.
const FIND_FACTS: &str = concat!("SELECT ", payments::facts_json!("$1"));

#[async_trait]
impl Ledger for PostgresStore {
    async fn merge_money(&self, report: &MoneyReport) -> Result<MergeOutcome, StoreError> {
        self.retrying(|| async {
            let mut transaction = self.begin().await?;
            if let Some(event) = &report.event
                && !changes::insert_event(&mut transaction, event, report.hold, report.now).await?
            {
                transaction.rollback().await?;
                return Ok(MergeOutcome::Duplicate);
            }
            let is_changed = merge_facts(&mut transaction, report).await?;
            transaction.commit().await?;
            Ok(MergeOutcome::Merged { is_changed })
        })
        .await
    }

    async fn find_money_facts(&self, intent: &IntentId) -> Result<PaymentFacts, StoreError> {
        self.retrying(|| find_facts(&self.pool, intent)).await
    }

    async fn is_payment_known(&self, intent: &IntentId) -> Result<bool, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query_scalar(ledger::IS_KNOWN).bind(intent.as_str());
            Ok(query.fetch_one(&self.pool).await?)
        })
        .await
    }

    async fn list_unnoted_money(&self, limit: u32) -> Result<Vec<IntentId>, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query_scalar(ledger::LIST_UNNOTED).bind(i64::from(limit));
            let intents: Vec<String> = query.fetch_all(&self.pool).await?;
            Ok(intents.into_iter().map(IntentId::new).collect())
        })
        .await
    }

    async fn delete_foreign_money(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        let refunds = self
            .delete_or_clear(DELETE_FOREIGN_REFUNDS, before, limit)
            .await?;
        Ok(refunds
            + self
                .delete_or_clear(DELETE_FOREIGN_DISPUTES, before, limit)
                .await?)
    }
}

/// Deletes refunds of payments that are not ours, first seen before `$1`, at most `$2`.
const DELETE_FOREIGN_REFUNDS: &str = "DELETE FROM refunds WHERE id = ANY (ARRAY(
         SELECT r.id FROM refunds r WHERE NOT r.is_noted AND r.seen_at < $1
             AND NOT EXISTS (SELECT 1 FROM payments p WHERE p.intent_id = r.intent_id)
         ORDER BY r.seen_at LIMIT $2 FOR UPDATE SKIP LOCKED))";

/// Deletes disputes of payments that are not ours, first seen before `$1`, at most `$2`.
const DELETE_FOREIGN_DISPUTES: &str = "DELETE FROM disputes WHERE id = ANY (ARRAY(
         SELECT d.id FROM disputes d WHERE NOT d.is_noted AND d.seen_at < $1
             AND NOT EXISTS (SELECT 1 FROM payments p WHERE p.intent_id = d.intent_id)
         ORDER BY d.seen_at LIMIT $2 FOR UPDATE SKIP LOCKED))";

async fn find_facts(executor: impl PgExecutor<'_>, intent: &IntentId) -> PostgresResult<PaymentFacts> {
    let query = sqlx::query_scalar(FIND_FACTS).bind(intent.as_str());
    let json: Json<FactsJson> = query.fetch_one(executor).await?;
    Ok(json.0.decode()?)
}

/// Merges a report in the caller's transaction; returns whether it says anything new.
async fn merge_facts(connection: &mut PgConnection, report: &MoneyReport) -> PostgresResult<bool> {
    let intent = report.intent.as_str();
    // First the hold, as every change of a hold locks it first.
    sqlx::query(ledger::TOUCH_HOLD)
        .bind(intent)
        .execute(&mut *connection)
        .await?;
    // Two reports of one payment are merged one after the other. It is the lock of the triggers that tie intents.
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0) & 1023)")
        .bind(intent)
        .execute(&mut *connection)
        .await?;
    let known = find_facts(&mut *connection, &report.intent).await?;
    let merged = known.clone().merge_report(report.facts.clone(), report.read);
    for (id, refund) in &merged.refunds {
        if known.refunds.get(id) != Some(refund) {
            upsert_refund!(report, refund).execute(&mut *connection).await?;
        }
    }
    for (id, dispute) in &merged.disputes {
        if known.disputes.get(id) != Some(dispute) {
            upsert_dispute!(report, dispute).execute(&mut *connection).await?;
        }
    }
    delete_replaced(connection, &known, &merged).await?;
    let is_changed = merged != known;
    if is_changed {
        payments::note_orphan(connection, &report.intent, report.now).await?;
    }
    Ok(is_changed)
}

/// Deletes the rows that a report replaced.
async fn delete_replaced(
    connection: &mut PgConnection,
    known: &PaymentFacts,
    merged: &PaymentFacts,
) -> PostgresResult<()> {
    let refunds = known.refunds.keys().filter(|id| !merged.refunds.contains_key(*id));
    let disputes = known.disputes.keys().filter(|id| !merged.disputes.contains_key(*id));
    let refunds = refunds.map(|id| (ledger::DELETE_REFUND, id.as_str()));
    for (statement, id) in refunds.chain(disputes.map(|id| (ledger::DELETE_DISPUTE, id.as_str()))) {
        sqlx::query(statement).bind(id).execute(&mut *connection).await?;
    }
    Ok(())
}
