//! Faults at the calls to the store that are about money.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use holdfast::domain::ids::{IdempotencyKey, IntentId};
use holdfast::domain::ledger::snapshots::PaymentFacts;
use holdfast::domain::listing::{ListedPayment, Page, PageRequest, PaymentFilter};
use holdfast::domain::summary::{MedianWait, SummaryCount, SummaryQuery};
use holdfast::store::{
    ApplyOutcome, HoldChange, Ledger, MergeOutcome, MoneyReport, Payments, RefundRequest, RefundRequests,
    StoreError, Summaries, WaitingPayment, WaitingPayments,
};

use super::*;

implement_store! {
    Ledger:
    merge_money(report: &MoneyReport) -> MergeOutcome;
    find_money_facts(intent: &IntentId) -> PaymentFacts;
    is_payment_known(intent: &IntentId) -> bool;
    is_money_reported(intent: &IntentId) -> bool;
    list_unnoted_money(limit: u32) -> Vec<IntentId>;
    lease_unverified(now: DateTime<Utc>, before: DateTime<Utc>, limit: u32) -> Vec<IntentId>;
    lease_reconciliation(request: &LeaseRequest) -> bool;
    finish_reconciliation(due_at: DateTime<Utc>) -> ();
    delete_foreign_money(before: DateTime<Utc>, limit: u32) -> u64;
}

implement_store! {
    Payments:
    list_payments(filter: &PaymentFilter, page: &PageRequest) -> Page<ListedPayment>;
}

implement_store! {
    WaitingPayments:
    list_waiting_payments(hold: HoldId) -> Vec<WaitingPayment>;
    list_unsettled_waits(limit: u32) -> Vec<HoldId>;
    give_back_waiting(hold: HoldId, now: DateTime<Utc>) -> usize;
}

implement_store! {
    RefundRequests:
    find_refund_request(key: &IdempotencyKey) -> Option<String>;
    apply_refund_request(change: &HoldChange, request: &RefundRequest) -> ApplyOutcome;
    delete_old_refund_requests(before: DateTime<Utc>, limit: u32) -> u64;
}

implement_store! {
    Summaries:
    count_summary(query: &SummaryQuery) -> Vec<SummaryCount>;
    find_median_waits(query: &SummaryQuery) -> Vec<MedianWait>;
}
