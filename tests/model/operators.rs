//! What only operators and the retention use of a store. No workflow of the model depends on it.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use holdfast::domain::access_key::{AccessKey, KeyDigest};
use holdfast::domain::audit::{AuditEntry, AuditFilter, AuditOutcome, AuditedAct, AuditedChange};
use holdfast::domain::console_session::{ConsoleSession, ConsoleTokenDigest};
use holdfast::domain::ids::{AccessKeyId, EventId, HoldId, IdempotencyKey};
use holdfast::domain::listing::{EventCopy, ListedPayment, Page, PageRequest, PaymentFilter, StoredEvent};
use holdfast::store::{
    AccessKeys, ApplyOutcome, Audit, ConsoleSessions, Events, HoldChange, Payments, RefundRequest,
    RefundRequests, StoreError,
};

use crate::doubles::Script;

#[async_trait]
impl AccessKeys for Script {
    async fn insert_key(&self, _: &AccessKey, _: &KeyDigest) -> Result<bool, StoreError> {
        unimplemented!()
    }

    async fn find_key(&self, _: &KeyDigest) -> Result<Option<AccessKey>, StoreError> {
        unimplemented!()
    }

    async fn find_key_by_id(&self, _: AccessKeyId) -> Result<Option<AccessKey>, StoreError> {
        unimplemented!()
    }

    async fn list_keys(&self, _: &PageRequest) -> Result<Page<AccessKey>, StoreError> {
        unimplemented!()
    }

    async fn delete_key(&self, _: AccessKeyId) -> Result<Option<AccessKey>, StoreError> {
        unimplemented!()
    }

    async fn record_key_use(
        &self,
        _: AccessKeyId,
        _: DateTime<Utc>,
        _: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        unimplemented!()
    }
}

#[async_trait]
impl ConsoleSessions for Script {
    async fn insert_console_session(&self, _: &ConsoleSession) -> Result<(), StoreError> {
        unimplemented!()
    }

    async fn find_console_session(
        &self,
        _: &ConsoleTokenDigest,
    ) -> Result<Option<ConsoleSession>, StoreError> {
        unimplemented!()
    }

    async fn record_console_use(&self, _: &ConsoleTokenDigest, _: DateTime<Utc>) -> Result<(), StoreError> {
        unimplemented!()
    }

    async fn delete_console_session(&self, _: &ConsoleTokenDigest) -> Result<(), StoreError> {
        unimplemented!()
    }

    async fn delete_idle_console_sessions(&self, _: DateTime<Utc>, _: u32) -> Result<u64, StoreError> {
        Ok(0)
    }
}

#[async_trait]
impl Audit for Script {
    async fn begin_audit(&self, _: &AuditedAct, _: DateTime<Utc>) -> Result<i64, StoreError> {
        unimplemented!()
    }

    async fn finish_audit(&self, _: i64, _: AuditOutcome, _: &AuditedChange) -> Result<(), StoreError> {
        unimplemented!()
    }

    async fn record_act_since(
        &self,
        _: &AuditedAct,
        _: DateTime<Utc>,
        _: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        unimplemented!()
    }

    async fn list_audit(&self, _: &AuditFilter, _: &PageRequest) -> Result<Page<AuditEntry>, StoreError> {
        unimplemented!()
    }

    async fn delete_old_audit(&self, _: DateTime<Utc>, _: u32) -> Result<u64, StoreError> {
        Ok(0)
    }
}

#[async_trait]
impl Events for Script {
    async fn list_events(&self, _: Option<HoldId>, _: &PageRequest) -> Result<Page<StoredEvent>, StoreError> {
        unimplemented!()
    }

    async fn find_event(&self, _: &EventId) -> Result<Option<StoredEvent>, StoreError> {
        unimplemented!()
    }

    async fn find_event_payload(&self, _: &EventId) -> Result<Option<String>, StoreError> {
        unimplemented!()
    }

    async fn clear_event_payloads(&self, _: DateTime<Utc>, _: u32) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn delete_old_events(&self, _: DateTime<Utc>, _: u32) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn copy_events(&self, _: HoldId) -> Result<Vec<EventCopy>, StoreError> {
        unimplemented!()
    }

    async fn copy_orphan_events(&self, _: &str) -> Result<Vec<EventCopy>, StoreError> {
        unimplemented!()
    }
}

#[async_trait]
impl Payments for Script {
    async fn list_payments(
        &self,
        _: &PaymentFilter,
        _: &PageRequest,
    ) -> Result<Page<ListedPayment>, StoreError> {
        unimplemented!()
    }
}

#[async_trait]
impl RefundRequests for Script {
    async fn find_refund_request(&self, _: &IdempotencyKey) -> Result<Option<String>, StoreError> {
        unimplemented!()
    }

    async fn apply_refund_request(
        &self,
        _: &HoldChange,
        _: &RefundRequest,
    ) -> Result<ApplyOutcome, StoreError> {
        unimplemented!()
    }

    async fn delete_old_refund_requests(&self, _: DateTime<Utc>, _: u32) -> Result<u64, StoreError> {
        Ok(0)
    }
}
