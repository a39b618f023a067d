//! The audit trail: what operators do is written before they do it, and its outcome after it.
//!
//! The entry is a transaction of its own, because most acts are several transactions and calls to Stripe. So no act is
//! without an entry: if the entry cannot be written, the act is refused. If the process ends in between, the entry has no
//! outcome, and its target shows what became of it.

use chrono::{DateTime, Utc};

use super::context::Context;
use super::error::WorkflowError;
use super::recorded_reads::READS_OF_ONE_ENTRY;
use crate::domain::audit::{AuditEntry, AuditFilter, AuditOutcome, AuditedAct, AuditedChange};
use crate::domain::listing::{Page, PageRequest};
use crate::store::Store;

/// The audit trail of an installation at one moment. It needs no Stripe, so the command line can use it too.
pub struct AuditTrail<'a> {
    store: &'a dyn Store,
    now: DateTime<Utc>,
}

impl Context {
    /// Returns the audit trail.
    pub fn audit(&self) -> AuditTrail<'_> {
        AuditTrail::new(self.store.as_ref(), self.now())
    }

    /// Writes an entry for a read, unless the actor has one from the last hour. An operator must be able to read while
    /// the database takes no writes, so a failure is only logged, and the next read tries again.
    pub async fn record_read(&self, act: &AuditedAct) {
        let now = self.now();
        if !self.recorded_reads.is_due(&act.actor, now) {
            return;
        }
        let recorded = self.store.record_act_since(act, now, now - READS_OF_ONE_ENTRY);
        if let Err(error) = recorded.await {
            self.recorded_reads.forget(&act.actor);
            tracing::error!(actor = act.actor, %error, "a read is not in the audit trail");
        }
    }
}

impl<'a> AuditTrail<'a> {
    /// Looks at the trail in this store.
    pub fn new(store: &'a dyn Store, now: DateTime<Utc>) -> Self {
        Self { store, now }
    }

    /// Writes an entry for an act that begins now. Returns its number.
    ///
    /// # Errors
    /// [`WorkflowError::Store`] if it was not written: then the act must not begin.
    pub async fn begin(&self, act: &AuditedAct) -> Result<i64, WorkflowError> {
        Ok(self.store.begin_audit(act, self.now).await?)
    }

    /// Adds the outcome of an act to its entry. If that fails, the entry stays without an outcome: the act has ended.
    pub async fn finish(&self, number: i64, outcome: AuditOutcome, change: &AuditedChange) {
        if let Err(error) = self.store.finish_audit(number, outcome, change).await {
            tracing::error!(number, ?outcome, %error, "an outcome is not in the audit trail");
        }
    }

    /// Lists entries, newest first.
    ///
    /// # Errors
    /// [`WorkflowError::Store`] if the database is unreachable.
    pub async fn list(
        &self,
        filter: &AuditFilter,
        page: &PageRequest,
    ) -> Result<Page<AuditEntry>, WorkflowError> {
        Ok(self.store.list_audit(filter, page).await?)
    }
}
