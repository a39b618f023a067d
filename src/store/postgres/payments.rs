//! The payments and their lists on PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::QueryBuilder;
use sqlx::postgres::PgConnection;
use sqlx::types::Json;

use super::PostgresStore;
use super::error::PostgresResult;
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
            "jsonb_build_object(
                 'refunds', (SELECT coalesce(jsonb_agg(jsonb_build_object('id', r.id, 'intent', r.intent_id,
                         'charge', r.charge_id, 'command', r.command_id, 'amount', r.amount, 'currency', r.currency,
                         'status', r.status, 'failure_reason', r.failure_reason,
                         'created_ms', (extract(epoch FROM r.created_at) * 1000)::bigint)), '[]')
                     FROM refunds r WHERE r.intent_id = ",
            $intent,
            "),
                 'disputes', (SELECT coalesce(jsonb_agg(jsonb_build_object('id', d.id, 'intent', d.intent_id,
                         'charge', d.charge_id, 'amount', d.amount, 'currency', d.currency, 'status', d.status,
                         'reason', d.reason, 'due_by_ms', (extract(epoch FROM d.due_by) * 1000)::bigint,
                         'created_ms', (extract(epoch FROM d.created_at) * 1000)::bigint)), '[]')
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
            "jsonb_build_object('intent', p.intent_id, 'amount', p.amount, 'currency', p.currency, 'keep', p.keep,
                 'keep_reason', p.keep_reason, 'settled_outside', p.settled_outside, 'refunded', p.refunded,
                 'state', p.state, 'reordered', p.reordered, 'covered', p.covered, 'due_back', p.due_back, 'adds_up', p.adds_up,
                 'orders', (SELECT coalesce(jsonb_agg(jsonb_build_object('command', c.id, 'ordered_by', c.ordered_by,
                         'amount', c.amount, 'is_done', c.done_at IS NOT NULL) ORDER BY c.created_at, c.id), '[]')
                     FROM commands c WHERE c.intent_id = p.intent_id AND c.kind = 'refund'),
                 'facts', ",
            $crate::store::postgres::payments::facts_json!("p.intent_id"),
            ")"
        )
    };
}
pub(super) use payment_json;

/// Selects payment `$1` if it has no hold.
const FIND_ORPHAN: &str = concat!(
    "SELECT ",
    payment_json!(),
    " FROM payments p WHERE p.intent_id = $1 AND p.hold_id IS NULL FOR UPDATE OF p"
);

#[async_trait]
impl Payments for PostgresStore {
    async fn list_payments(
        &self,
        filter: &PaymentFilter,
        page: &PageRequest,
    ) -> Result<Page<ListedPayment>, StoreError> {
        let Some((at, intent)) = paging::named_start(page) else {
            return Ok(paging::end_of_list());
        };
        self.retrying(|| async {
            let mut query = QueryBuilder::new(select_payments!(payment_json!()));
            narrow_payments!(query, filter, page, (at, intent.clone()));
            let rows = query.build_query_as().fetch_all(&self.pool).await?;
            Ok(PaymentRow::decode_page(rows, page)?)
        })
        .await
    }
}

/// Writes a payment of a hold, or of none.
pub(super) async fn upsert(
    connection: &mut PgConnection,
    hold: Option<HoldId>,
    payment: &Payment,
    now: DateTime<Utc>,
) -> PostgresResult<()> {
    upsert_payment!(hold, payment, now).execute(connection).await?;
    Ok(())
}

/// Finds a payment that has no hold, and locks its row.
pub(super) async fn find_orphan(
    connection: &mut PgConnection,
    intent: &IntentId,
) -> PostgresResult<Option<Payment>> {
    let query = sqlx::query_scalar(FIND_ORPHAN).bind(intent.as_str());
    let found: Option<Json<PaymentJson>> = query.fetch_optional(connection).await?;
    Ok(found.map(|json| json.0.decode()).transpose()?)
}

/// Waits until nothing else writes what is known of an intent, and keeps it so until the caller's transaction ends.
pub(super) async fn lock(connection: &mut PgConnection, intent: &IntentId) -> PostgresResult<()> {
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0) & 1023)")
        .bind(intent.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

/// Tells whether a payment is known. Nothing else writes it until the caller's transaction ends.
pub(super) async fn is_known(connection: &mut PgConnection, intent: &IntentId) -> PostgresResult<bool> {
    lock(connection, intent).await?;
    let query = sqlx::query_scalar(ledger::IS_KNOWN);
    Ok(query.bind(intent.as_str()).fetch_one(connection).await?)
}

/// Locks all these intents as [`lock`] does one, in the order of the statement that applies events to many holds.
pub(super) async fn lock_all(connection: &mut PgConnection, intents: &[&str]) -> PostgresResult<()> {
    sqlx::query(
        "SELECT count(pg_advisory_xact_lock(lock)::text) FROM (
             SELECT DISTINCT hashtextextended(intent, 0) & 1023 AS lock FROM unnest($1::text[]) AS i (intent)
             ORDER BY lock) ordered",
    )
    .bind(intents)
    .execute(connection)
    .await?;
    Ok(())
}

/// Tells whether a payment is tied to a hold.
pub(super) async fn is_of_hold(connection: &mut PgConnection, intent: &IntentId) -> PostgresResult<bool> {
    let query = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM payments WHERE intent_id = $1 AND hold_id IS NOT NULL)",
    );
    Ok(query.bind(intent.as_str()).fetch_one(connection).await?)
}

/// Changes the version of the hold that has a payment, if one has it, so that a decision that did not see what the caller writes
/// is made again. Returns whether one has it.
pub(super) async fn touch_hold(connection: &mut PgConnection, intent: &IntentId) -> PostgresResult<bool> {
    let query = sqlx::query(ledger::TOUCH_HOLD).bind(intent.as_str());
    Ok(query.execute(connection).await?.rows_affected() > 0)
}

/// Marks what is known of an intent as noted by its hold.
pub(super) async fn mark_noted(connection: &mut PgConnection, intent: &IntentId) -> PostgresResult<()> {
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
pub(super) async fn mark_unnoted(connection: &mut PgConnection, intent: &IntentId) -> PostgresResult<()> {
    run_on_intent(
        connection,
        intent,
        &[ledger::UNNOTE_REFUNDS, ledger::UNNOTE_DISPUTES],
    )
    .await
}

async fn run_on_intent(
    connection: &mut PgConnection,
    intent: &IntentId,
    statements: &[&'static str],
) -> PostgresResult<()> {
    for statement in statements {
        sqlx::query(*statement)
            .bind(intent.as_str())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
