//! The ledger on SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::FutureExt as _;
use sqlx::SqliteConnection;
use sqlx::types::Json;

use super::error::SqliteResult;
use super::{SqliteStore, changes, commands, database_now, payments, to_millis};
use crate::domain::ids::{HoldId, IntentId};
use crate::domain::ledger::snapshots::PaymentFacts;
use crate::store::columns::{DbTime, DbUuid};
use crate::store::lease_request::LeaseRequest;
use crate::store::ledger::{
    self, FactsJson, Ledger, MergeOutcome, MoneyReport, is_money_reported, upsert_dispute, upsert_refund,
};
use crate::store::{EventRecord, StoreError};

/// Selects the refunds and disputes of intent `$1`.
pub(super) const FIND_FACTS: &str = concat!("SELECT ", payments::facts_json!("$1"));

/// Selects those of the intents in JSON `$1` of which something was reported.
pub(super) const LIST_REPORTED: &str = concat!(
    "SELECT j.value FROM json_each($1) j WHERE ",
    is_money_reported!("j.value")
);

async fn are_reported(connection: &mut SqliteConnection, intents: &[IntentId]) -> SqliteResult<Vec<bool>> {
    let names: Vec<&str> = intents.iter().map(IntentId::as_str).collect();
    let query = sqlx::query_scalar(LIST_REPORTED).bind(Json(names));
    let reported: Vec<String> = query.fetch_all(&mut *connection).await?;
    Ok(ledger::tell_reported(intents, reported))
}

#[async_trait]
impl Ledger for SqliteStore {
    async fn merge_money(&self, report: &MoneyReport) -> Result<MergeOutcome, StoreError> {
        let mut transaction = self.begin().await?;
        if let Some(event) = &report.event
            && !insert_event(&mut transaction, report, event).await?
        {
            self.roll_back(transaction).await?;
            return Ok(MergeOutcome::Duplicate);
        }
        let is_changed = merge_facts(&mut transaction, report).await?;
        self.commit(transaction).await?;
        Ok(MergeOutcome::Merged { is_changed })
    }

    async fn find_money_facts(&self, intent: &IntentId) -> Result<PaymentFacts, StoreError> {
        let query = sqlx::query_scalar(FIND_FACTS).bind(intent.as_str());
        let json: Json<FactsJson> = self.read(query.fetch_one(&self.readers)).await?;
        json.0.decode()
    }

    async fn is_payment_known(&self, intent: &IntentId) -> Result<bool, StoreError> {
        let query = sqlx::query_scalar(ledger::IS_KNOWN).bind(intent.as_str());
        self.read(query.fetch_one(&self.readers)).await
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
        let query = sqlx::query_scalar(ledger::LIST_UNNOTED).bind(limit);
        let intents: Vec<String> = self.read(query.fetch_all(&self.readers)).await?;
        Ok(intents.into_iter().map(IntentId::new).collect())
    }

    async fn lease_unverified(
        &self,
        now: DateTime<Utc>,
        before: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<IntentId>, StoreError> {
        let query = sqlx::query_scalar(LEASE_UNVERIFIED)
            .bind(DbTime(now))
            .bind(DbTime(before))
            .bind(limit);
        let mut transaction = self.begin().await?;
        let intents: Vec<String> = self.in_transaction(query.fetch_all(&mut *transaction)).await?;
        self.commit(transaction).await?;
        Ok(intents.into_iter().map(IntentId::new).collect())
    }

    async fn lease_reconciliation(&self, request: &LeaseRequest) -> Result<bool, StoreError> {
        let query = sqlx::query(LEASE_RECONCILIATION)
            .bind(DbTime(request.now))
            .bind(to_millis(request.duration));
        Ok(self.write(query).await? == 1)
    }

    async fn finish_reconciliation(&self, due_at: DateTime<Utc>) -> Result<(), StoreError> {
        let query = sqlx::query(ledger::FINISH_RECONCILIATION).bind(DbTime(due_at));
        self.write(query).await.map(drop)
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
pub(super) const LEASE_UNVERIFIED: &str = "UPDATE refunds SET seen_at = $1 WHERE id IN (
         SELECT id FROM refunds WHERE id = 'unverified_' || intent_id AND status <> 'canceled' AND seen_at < $2 ORDER BY seen_at LIMIT $3)
     RETURNING intent_id";

/// Leases the comparison with Stripe that is due at `$1` for `$2` milliseconds.
const LEASE_RECONCILIATION: &str = concat!(
    "UPDATE reconciliation SET leased_until = ",
    database_now!(),
    " + $2 WHERE due_at <= $1 AND (leased_until IS NULL OR leased_until <= ",
    database_now!(),
    ")"
);

/// Deletes refunds of payments that are not ours, first seen before `$1`, at most `$2`.
pub(super) const DELETE_FOREIGN_REFUNDS: &str = "DELETE FROM refunds WHERE id IN (
         SELECT id FROM refunds WHERE NOT is_ours AND seen_at < $1
         ORDER BY seen_at LIMIT $2)";

/// Deletes disputes of payments that are not ours, first seen before `$1`, at most `$2`.
pub(super) const DELETE_FOREIGN_DISPUTES: &str = "DELETE FROM disputes WHERE id IN (
         SELECT id FROM disputes WHERE NOT is_ours AND seen_at < $1
         ORDER BY seen_at LIMIT $2)";

async fn find_facts(connection: &mut SqliteConnection, intent: &IntentId) -> SqliteResult<PaymentFacts> {
    let query = sqlx::query_scalar(FIND_FACTS).bind(intent.as_str());
    let json: Json<FactsJson> = query.fetch_one(connection).await?;
    Ok(json.0.decode()?)
}

/// Writes the event of a report, unless it is known. The event of a payment without a hold names the hold that the payment
/// claims, so that it is erased with its guest.
async fn insert_event(
    connection: &mut SqliteConnection,
    report: &MoneyReport,
    event: &EventRecord,
) -> SqliteResult<bool> {
    let mut hold = report.hold;
    if hold.is_none() {
        let query = sqlx::query_scalar(ledger::FIND_CLAIMED).bind(report.intent.as_str());
        let claimed: Option<Option<DbUuid>> = query.fetch_optional(&mut *connection).await?;
        hold = claimed.flatten().map(|id| HoldId(id.0));
    }
    changes::insert_event(connection, event, hold, report.now).await
}

/// Merges a report in the caller's transaction; returns whether it says anything new.
async fn merge_facts(connection: &mut SqliteConnection, report: &MoneyReport) -> SqliteResult<bool> {
    payments::touch_hold(&mut *connection, &report.intent).await?;
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
    Ok(is_changed)
}
