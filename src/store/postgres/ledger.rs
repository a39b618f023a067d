//! The ledger on PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::FutureExt as _;
use sqlx::postgres::{PgConnection, PgExecutor};
use sqlx::types::Json;

use super::error::PostgresResult;
use super::{PostgresStore, changes, commands, payments};
use crate::domain::ids::{HoldId, IntentId};
use crate::domain::ledger::snapshots::PaymentFacts;
use crate::store::columns::DbUuid;
use crate::store::lease_request::LeaseRequest;
use crate::store::ledger::{
    self, FactsJson, Ledger, MergeOutcome, MoneyReport, is_money_reported, upsert_dispute, upsert_refund,
};
use crate::store::{EventRecord, StoreError};

/// Selects the refunds and disputes of intent `$1`.
const FIND_FACTS: &str = concat!("SELECT ", payments::facts_json!("$1"));

#[async_trait]
impl Ledger for PostgresStore {
    async fn merge_money(&self, report: &MoneyReport) -> Result<MergeOutcome, StoreError> {
        self.retrying(|| async {
            // A payment is tied to a hold once, so the second transaction is the last one.
            loop {
                let mut transaction = self.begin().await?;
                if let Some(event) = &report.event
                    && !insert_event(&mut transaction, report, event).await?
                {
                    transaction.rollback().await?;
                    return Ok(MergeOutcome::Duplicate);
                }
                if let Some(is_changed) = merge_facts(&mut transaction, report).await? {
                    transaction.commit().await?;
                    return Ok(MergeOutcome::Merged { is_changed });
                }
                transaction.rollback().await?;
            }
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

    async fn is_money_reported(&self, intent: &IntentId) -> Result<bool, StoreError> {
        self.read_in_group(
            &self.groups.reads.reported_money,
            intent.clone(),
            |connection, queries| are_reported(connection, queries).boxed(),
        )
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

    async fn lease_unverified(
        &self,
        now: DateTime<Utc>,
        before: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<IntentId>, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query_scalar(LEASE_UNVERIFIED)
                .bind(now)
                .bind(before)
                .bind(i64::from(limit));
            let intents: Vec<String> = query.fetch_all(&self.pool).await?;
            Ok(intents.into_iter().map(IntentId::new).collect())
        })
        .await
    }

    async fn lease_reconciliation(&self, request: &LeaseRequest) -> Result<bool, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query(LEASE_RECONCILIATION)
                .bind(request.now)
                .bind(request.duration.as_secs_f64());
            Ok(query.execute(&self.pool).await?.rows_affected() == 1)
        })
        .await
    }

    async fn finish_reconciliation(&self, due_at: DateTime<Utc>) -> Result<(), StoreError> {
        run_statement!(self, sqlx::query(ledger::FINISH_RECONCILIATION).bind(due_at))
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

/// Leases payments with a counter that were last asked about before `$2`, at most `$3`, and notes that they are at `$1`.
const LEASE_UNVERIFIED: &str = "UPDATE refunds SET seen_at = $1 WHERE id = ANY (ARRAY(
         SELECT id FROM refunds WHERE id = 'unverified_' || intent_id AND status <> 'canceled' AND seen_at < $2
         ORDER BY seen_at LIMIT $3 FOR UPDATE SKIP LOCKED))
     RETURNING intent_id";

/// Leases the comparison with Stripe that is due at `$1` for `$2` seconds.
const LEASE_RECONCILIATION: &str =
    "UPDATE reconciliation SET leased_until = clock_timestamp() + make_interval(secs => $2)
     WHERE due_at <= $1 AND (leased_until IS NULL OR leased_until <= clock_timestamp())";

/// Deletes refunds of payments that are not ours, first seen before `$1`, at most `$2`.
const DELETE_FOREIGN_REFUNDS: &str = "DELETE FROM refunds WHERE id = ANY (ARRAY(
         SELECT id FROM refunds WHERE NOT is_ours AND seen_at < $1
         ORDER BY seen_at LIMIT $2 FOR UPDATE SKIP LOCKED))";

/// Deletes disputes of payments that are not ours, first seen before `$1`, at most `$2`.
const DELETE_FOREIGN_DISPUTES: &str = "DELETE FROM disputes WHERE id = ANY (ARRAY(
         SELECT id FROM disputes WHERE NOT is_ours AND seen_at < $1
         ORDER BY seen_at LIMIT $2 FOR UPDATE SKIP LOCKED))";

/// Selects those of the intents `$1` of which something was reported.
const LIST_REPORTED: &str = concat!(
    "SELECT i.intent FROM unnest($1::text[]) AS i (intent) WHERE ",
    is_money_reported!("i.intent")
);

async fn are_reported(connection: &mut PgConnection, intents: &[IntentId]) -> PostgresResult<Vec<bool>> {
    let names: Vec<&str> = intents.iter().map(IntentId::as_str).collect();
    let query = sqlx::query_scalar(LIST_REPORTED).bind(names);
    let reported: Vec<String> = query.fetch_all(&mut *connection).await?;
    Ok(ledger::tell_reported(intents, reported))
}

async fn find_facts(executor: impl PgExecutor<'_>, intent: &IntentId) -> PostgresResult<PaymentFacts> {
    let query = sqlx::query_scalar(FIND_FACTS).bind(intent.as_str());
    let json: Json<FactsJson> = query.fetch_one(executor).await?;
    Ok(json.0.decode()?)
}

/// Writes the event of a report, unless it is known. The event of a payment without a hold names the hold that the payment
/// claims, so that it is erased with its guest.
async fn insert_event(
    connection: &mut PgConnection,
    report: &MoneyReport,
    event: &EventRecord,
) -> PostgresResult<bool> {
    let mut hold = report.hold;
    if hold.is_none() {
        let query = sqlx::query_scalar(ledger::FIND_CLAIMED).bind(report.intent.as_str());
        let claimed: Option<Option<DbUuid>> = query.fetch_optional(&mut *connection).await?;
        hold = claimed.flatten().map(|id| HoldId(id.0));
    }
    changes::insert_event(connection, event, hold, report.now).await
}

/// Merges a report in the caller's transaction; returns whether it says anything new. `None` if the payment was tied to its hold
/// meanwhile: then the transaction begins again, because it must lock the hold before it locks the intent.
async fn merge_facts(connection: &mut PgConnection, report: &MoneyReport) -> PostgresResult<Option<bool>> {
    // First the hold, as every change of a hold locks it first.
    let is_touched = payments::touch_hold(connection, &report.intent).await?;
    // Two reports of one payment are merged one after the other. It is the lock of the triggers that tie intents.
    payments::lock(connection, &report.intent).await?;
    if !is_touched && payments::is_of_hold(connection, &report.intent).await? {
        return Ok(None);
    }
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
    for id in known
        .disputes
        .keys()
        .filter(|id| !merged.disputes.contains_key(*id))
    {
        let query = sqlx::query(ledger::DELETE_DISPUTE).bind(id.as_str());
        query.execute(&mut *connection).await?;
    }
    let is_changed = merged != known;
    if is_changed {
        commands::note_orphan(connection, &report.intent, report.now).await?;
    }
    Ok(Some(is_changed))
}
