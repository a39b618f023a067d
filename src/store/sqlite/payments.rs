//! The payments and their lists on SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::types::Json;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::SqliteStore;
use super::error::SqliteResult;
use crate::domain::ids::{HoldId, IntentId};
use crate::domain::listing::{ListedPayment, Page, PageRequest, PaymentFilter};
use crate::domain::payment::Payment;
use crate::store::ledger;
use crate::store::payments::{
    PaymentJson, PaymentRow, Payments, narrow_payments, select_payments, upsert_payment,
};
use crate::store::{StoreError, paging};

/// The refunds and disputes of an intent as JSON.
macro_rules! facts_json {
    ($intent:literal) => {
        concat!(
            "json_object(
                 'refunds', (SELECT json_group_array(json_object('id', r.id, 'intent', r.intent_id,
                         'charge', r.charge_id, 'command', r.command_id, 'amount', r.amount, 'currency', r.currency,
                         'status', r.status, 'failure_reason', r.failure_reason, 'created_ms', r.created_at))
                     FROM refunds r WHERE r.intent_id = ",
            $intent,
            "),
                 'disputes', (SELECT json_group_array(json_object('id', d.id, 'intent', d.intent_id,
                         'charge', d.charge_id, 'amount', d.amount, 'currency', d.currency, 'status', d.status,
                         'reason', d.reason, 'due_by_ms', d.due_by, 'created_ms', d.created_at))
                     FROM disputes d WHERE d.intent_id = ",
            $intent,
            "))"
        )
    };
}
pub(super) use facts_json;

/// The payment `p` as JSON.
macro_rules! payment_json {
    () => {
        concat!(
            "json_object('intent', p.intent_id, 'amount', p.amount, 'currency', p.currency, 'keep', p.keep,
                 'keep_reason', p.keep_reason, 'settled_outside', p.settled_outside, 'refunded', p.refunded,
                 'state', p.state, 'reordered', p.reordered, 'covered', p.covered, 'due_back', p.due_back, 'adds_up', p.adds_up,
                 'orders', (SELECT json_group_array(json_object('command', c.id, 'ordered_by', c.ordered_by,
                         'amount', c.amount, 'is_done', c.done_at IS NOT NULL) ORDER BY c.created_at, c.id)
                     FROM commands c WHERE c.intent_id = p.intent_id AND c.kind = 'refund'),
                 'facts', ",
            $crate::store::sqlite::payments::facts_json!("p.intent_id"),
            ")"
        )
    };
}
pub(super) use payment_json;

/// Selects payment `$1` if it has no hold.
pub(super) const FIND_ORPHAN: &str = concat!(
    "SELECT ",
    payment_json!(),
    " FROM payments p WHERE p.intent_id = $1 AND p.hold_id IS NULL"
);

#[async_trait]
impl Payments for SqliteStore {
    async fn list_payments(
        &self,
        filter: &PaymentFilter,
        page: &PageRequest,
    ) -> Result<Page<ListedPayment>, StoreError> {
        let Some(mut query) = list_query(filter, page) else {
            return Ok(paging::end_of_list());
        };
        let rows = self.read(query.build_query_as().fetch_all(&self.readers)).await?;
        PaymentRow::decode_page(rows, page)
    }
}

/// One page of the list of payments; `None` after the end of the list.
pub(super) fn list_query(filter: &PaymentFilter, page: &PageRequest) -> Option<QueryBuilder<Sqlite>> {
    let start = paging::named_start(page)?;
    let mut query = QueryBuilder::new(select_payments!(payment_json!()));
    narrow_payments!(query, filter, page, start);
    Some(query)
}

/// Writes a payment of a hold, or of none.
pub(super) async fn upsert(
    connection: &mut SqliteConnection,
    hold: Option<HoldId>,
    payment: &Payment,
    now: DateTime<Utc>,
) -> SqliteResult<()> {
    upsert_payment!(hold, payment, now).execute(connection).await?;
    Ok(())
}

/// Finds a payment that has no hold.
pub(super) async fn find_orphan(
    connection: &mut SqliteConnection,
    intent: &IntentId,
) -> SqliteResult<Option<Payment>> {
    let query = sqlx::query_scalar(FIND_ORPHAN).bind(intent.as_str());
    let found: Option<Json<PaymentJson>> = query.fetch_optional(connection).await?;
    Ok(found.map(|json| json.0.decode()).transpose()?)
}

/// Tells whether a payment is known.
pub(super) async fn is_known(connection: &mut SqliteConnection, intent: &IntentId) -> SqliteResult<bool> {
    let query = sqlx::query_scalar(ledger::IS_KNOWN);
    Ok(query.bind(intent.as_str()).fetch_one(connection).await?)
}

/// Changes the version of the hold that has a payment, if one has it, so that a decision that did not see what the caller writes
/// is made again. Returns whether one has it.
pub(super) async fn touch_hold(connection: &mut SqliteConnection, intent: &IntentId) -> SqliteResult<bool> {
    let query = sqlx::query(ledger::TOUCH_HOLD).bind(intent.as_str());
    Ok(query.execute(connection).await?.rows_affected() > 0)
}

/// Marks what is known of an intent as noted by its hold.
pub(super) async fn mark_noted(connection: &mut SqliteConnection, intent: &IntentId) -> SqliteResult<()> {
    run_on_intent(
        connection,
        intent,
        &[
            ledger::DELETE_REPLACED,
            ledger::NOTE_REFUNDS,
            ledger::NOTE_DISPUTES,
        ],
    )
    .await
}

/// Lets the hold of an intent take notice of its refunds and disputes again: an order of it has ended.
pub(super) async fn mark_unnoted(connection: &mut SqliteConnection, intent: &IntentId) -> SqliteResult<()> {
    run_on_intent(
        connection,
        intent,
        &[ledger::UNNOTE_REFUNDS, ledger::UNNOTE_DISPUTES],
    )
    .await
}

async fn run_on_intent(
    connection: &mut SqliteConnection,
    intent: &IntentId,
    statements: &[&'static str],
) -> SqliteResult<()> {
    for statement in statements {
        sqlx::query(*statement)
            .bind(intent.as_str())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
