//! Payments: what came in, what the shop decided about it, and what has become of it.

use async_trait::async_trait;
use serde::Deserialize;
use sqlx::types::Json;
use uuid::Uuid;

use super::columns::{DbTime, DbUuid};
use super::ledger::FactsJson;
use super::{StoreError, encoding, paging};
use crate::domain::ids::{CommandId, HoldId, IntentId};
use crate::domain::ledger::decisions::{Decisions, KeepReason, RefundOrder};
use crate::domain::listing::{ListedPayment, Page, PageRequest, PaymentFilter};
use crate::domain::payment::{Payment, PaymentState};

/// Payments in the database; one method is one transaction.
#[async_trait]
pub trait Payments {
    /// Lists payments, newest first.
    async fn list_payments(
        &self,
        filter: &PaymentFilter,
        page: &PageRequest,
    ) -> Result<Page<ListedPayment>, StoreError>;
}

/// A payment with its hold, as a list has it.
#[derive(sqlx::FromRow)]
pub(super) struct PaymentRow {
    payment: Json<PaymentJson>,
    hold_id: Option<DbUuid>,
    claimed_hold_id: Option<DbUuid>,
    created_at: DbTime,
    updated_at: DbTime,
}

impl PaymentRow {
    fn decode(self) -> Result<ListedPayment, StoreError> {
        Ok(ListedPayment {
            payment: self.payment.0.decode()?,
            hold: self.hold_id.map(|id| HoldId(id.0)),
            // A payment that waited for its hold keeps the name of it.
            claimed_hold: self
                .claimed_hold_id
                .filter(|_| self.hold_id.is_none())
                .map(|id| HoldId(id.0)),
            created_at: self.created_at.0,
            updated_at: self.updated_at.0,
        })
    }

    /// A page of payments, cut off rows that were read newest first.
    pub(super) fn decode_page(
        rows: Vec<Self>,
        page: &PageRequest,
    ) -> Result<Page<ListedPayment>, StoreError> {
        let rows = paging::cut_page(rows, page, |row| {
            paging::named(row.created_at.0, &row.payment.0.intent)
        });
        paging::decode_page(rows, Self::decode)
    }
}

/// Selects [`PaymentRow`]s from payments `p`, with the engine's own expression for the payment as JSON.
macro_rules! select_payments {
    ($payment:expr) => {
        concat!(
            "SELECT ",
            $payment,
            " AS payment, p.hold_id, p.claimed_hold_id, p.created_at, p.updated_at FROM payments p WHERE true"
        )
    };
}
pub(super) use select_payments;

/// Adds the conditions of a filter and of a page to a list of payments `p`. Only the conditions that are asked for are in the
/// statement, so that each set of filters has a plan of its own.
macro_rules! narrow_payments {
    ($query:expr, $filter:expr, $page:expr, $start:expr) => {{
        use $crate::store::columns::{DbTime, DbUuid};
        let (at, intent) = $start;
        if let Some(attention) = $filter.attention {
            let condition = $crate::store::attention::payment_condition(attention);
            $query.push(" AND ").push(condition);
            if let Some(moment) = $crate::store::attention::payment_moment(attention, $filter.now) {
                $query.push_bind(DbTime(moment)).push(")");
            }
        }
        if let Some(hold) = $filter.hold {
            $query.push(" AND p.hold_id = ").push_bind(DbUuid(hold.0));
        }
        if let Some(from) = $filter.from {
            $query.push(" AND p.created_at >= ").push_bind(DbTime(from));
        }
        if let Some(to) = $filter.to {
            $query.push(" AND p.created_at < ").push_bind(DbTime(to));
        }
        $query.push(" AND (p.created_at, p.intent_id) < (");
        $query
            .push_bind(DbTime(at))
            .push(", ")
            .push_bind(intent)
            .push(")");
        $query.push(" ORDER BY p.created_at DESC, p.intent_id DESC LIMIT ");
        $query.push_bind($crate::store::paging::rows_wanted($page));
    }};
}
pub(super) use narrow_payments;

/// A payment as the engines select it.
#[derive(Debug, Deserialize)]
pub(super) struct PaymentJson {
    intent: String,
    amount: i64,
    currency: String,
    keep: Option<i64>,
    keep_reason: Option<String>,
    settled_outside: i64,
    reordered: i64,
    covered: i64,
    orders: Vec<OrderJson>,
    facts: FactsJson,
    refunded: i64,
    due_back: i64,
    /// A number or a truth value, as the engine writes it.
    #[serde(deserialize_with = "encoding::deserialize_bool")]
    adds_up: bool,
    state: String,
}

#[derive(Debug, Deserialize)]
struct OrderJson {
    command: Uuid,
    ordered_by: Option<String>,
    amount: i64,
    /// A number or a truth value, as the engine writes it.
    #[serde(deserialize_with = "encoding::deserialize_bool")]
    is_done: bool,
}

impl PaymentJson {
    pub(super) fn decode(self) -> Result<Payment, StoreError> {
        let money = encoding::decode_money(self.amount, &self.currency)?;
        let state = encoding::decode_payment_state(&self.state)?;
        let orders: Vec<RefundOrder> = self.orders.into_iter().map(OrderJson::decode).collect();
        let ordered: i64 = orders.iter().map(|order| order.amount).sum();
        let kept = money.amount - ordered + self.reordered - self.covered;
        let reason = self.keep_reason.as_deref().map(encoding::decode_keep_reason);
        Ok(Payment {
            intent: IntentId::new(self.intent),
            money,
            decisions: Decisions {
                keep: self.keep.unwrap_or(kept.max(0)),
                reason: reason
                    .transpose()?
                    .unwrap_or_else(|| earlier_reason(state, &orders)),
                orders,
                settled_outside: self.settled_outside,
                reordered: self.reordered,
                covered: self.covered,
            },
            facts: self.facts.decode()?,
            refunded: self.refunded,
            due_back: self.due_back,
            adds_up: self.adds_up,
            state,
        })
    }
}

impl OrderJson {
    fn decode(self) -> RefundOrder {
        RefundOrder {
            command: Some(CommandId(self.command)),
            ordered_by: self.ordered_by,
            amount: self.amount,
            is_done: self.is_done,
        }
    }
}

/// Returns why money is kept, for a row of a version that did not write it. What went back without an order was refunded by
/// hand or lost to the bank: nobody decided to keep less.
fn earlier_reason(state: PaymentState, orders: &[RefundOrder]) -> KeepReason {
    match state {
        PaymentState::Paid | PaymentState::Disputed => KeepReason::Booking,
        PaymentState::Refunded | PaymentState::RefundFailed if orders.is_empty() => KeepReason::Booking,
        PaymentState::RefundDue
        | PaymentState::Refunded
        | PaymentState::RefundFailed
        | PaymentState::Kept => KeepReason::Operator,
    }
}

/// What a statement writes of a payment beside its money.
pub(super) struct PaymentColumns {
    pub(super) keep: i64,
    pub(super) keep_reason: &'static str,
    pub(super) state: &'static str,
    pub(super) due_back: i64,
    pub(super) adds_up: bool,
}

impl PaymentColumns {
    pub(super) fn new(payment: &Payment) -> Self {
        Self {
            keep: payment.decisions.keep,
            keep_reason: encoding::encode_keep_reason(payment.decisions.reason),
            state: encoding::encode_payment_state(payment.state),
            due_back: payment.due_back,
            adds_up: payment.adds_up,
        }
    }
}

/// Writes what is new about payments `p` that are known. A row that says the same stays untouched, so that `updated_at` tells
/// of changes only.
macro_rules! on_known_payment {
    () => {
        "ON CONFLICT (intent_id) DO UPDATE SET hold_id = excluded.hold_id, amount = excluded.amount,
         currency = excluded.currency, keep = excluded.keep, keep_reason = excluded.keep_reason,
         settled_outside = excluded.settled_outside, refunded = excluded.refunded, state = excluded.state,
         due_back = excluded.due_back, adds_up = excluded.adds_up, updated_at = excluded.updated_at,
         reordered = excluded.reordered, covered = excluded.covered
     WHERE (p.hold_id, p.amount, p.currency, p.keep, p.keep_reason, p.settled_outside, p.refunded, p.state, p.due_back,
            p.adds_up, p.reordered, p.covered)
         IS DISTINCT FROM (excluded.hold_id, excluded.amount, excluded.currency, excluded.keep, excluded.keep_reason,
            excluded.settled_outside, excluded.refunded, excluded.state, excluded.due_back, excluded.adds_up,
            excluded.reordered, excluded.covered)"
    };
}
pub(super) use on_known_payment;

/// Writes payment `$1` of hold `$2`, or of none.
pub(super) const UPSERT: &str = concat!(
    "INSERT INTO payments AS p
         (intent_id, hold_id, amount, currency, keep, keep_reason, settled_outside, refunded, state, due_back, adds_up,
          created_at, updated_at, reordered, covered)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, $13, $14) ",
    on_known_payment!()
);

/// Builds the statement that writes a payment of a hold, or of none.
macro_rules! upsert_payment {
    ($hold:expr, $payment:expr, $now:expr) => {{
        let columns = $crate::store::payments::PaymentColumns::new($payment);
        sqlx::query($crate::store::payments::UPSERT)
            .bind($payment.intent.as_str())
            .bind($hold.map(|hold: $crate::domain::ids::HoldId| $crate::store::columns::DbUuid(hold.0)))
            .bind($payment.money.amount)
            .bind($payment.money.currency.code())
            .bind(columns.keep)
            .bind(columns.keep_reason)
            .bind($payment.decisions.settled_outside)
            .bind($payment.refunded)
            .bind(columns.state)
            .bind(columns.due_back)
            .bind(columns.adds_up)
            .bind($crate::store::columns::DbTime($now))
            .bind($payment.decisions.reordered)
            .bind($payment.decisions.covered)
    }};
}
pub(super) use upsert_payment;
