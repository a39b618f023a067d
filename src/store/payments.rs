//! Payments: what came in, what the shop decided about it, and what has become of it.

use serde::Deserialize;
use uuid::Uuid;

use super::ledger::FactsJson;
use super::{StoreError, encoding};
use crate::domain::ids::{CommandId, IntentId};
use crate::domain::ledger::decisions::{Decisions, KeepReason, RefundOrder};
use crate::domain::payment::{Payment, PaymentState};

/// A payment as the engines select it.
#[derive(Debug, Deserialize)]
pub(super) struct PaymentJson {
    intent: String,
    amount: i64,
    currency: String,
    keep: Option<i64>,
    keep_reason: Option<String>,
    settled_outside: i64,
    orders: Vec<OrderJson>,
    facts: FactsJson,
    refunded: i64,
    state: String,
}

#[derive(Debug, Deserialize)]
struct OrderJson {
    command: Uuid,
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
        let reason = self.keep_reason.as_deref().map(encoding::decode_keep_reason);
        Ok(Payment {
            intent: IntentId::new(self.intent),
            money,
            decisions: Decisions {
                keep: self.keep.unwrap_or((money.amount - ordered).max(0)),
                reason: reason.transpose()?.unwrap_or(earlier_reason(state)),
                orders,
                settled_outside: self.settled_outside,
            },
            facts: self.facts.decode()?,
            refunded: self.refunded,
            state,
        })
    }
}

impl OrderJson {
    fn decode(self) -> RefundOrder {
        RefundOrder {
            command: Some(CommandId(self.command)),
            amount: self.amount,
            is_done: self.is_done,
        }
    }
}

/// Returns why money is kept, for a row of a version that did not write it.
fn earlier_reason(state: PaymentState) -> KeepReason {
    match state {
        PaymentState::Paid | PaymentState::Disputed => KeepReason::Booking,
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
        let sums = payment.sums();
        Self {
            keep: payment.decisions.keep,
            keep_reason: encoding::encode_keep_reason(payment.decisions.reason),
            state: encoding::encode_payment_state(payment.state),
            due_back: sums.due_back,
            adds_up: sums.adds_up(),
        }
    }
}

/// Writes payment `$1` of hold `$2`, or of none. A row that says the same stays untouched, so that `updated_at` tells of
/// changes only.
pub(super) const UPSERT: &str = "INSERT INTO payments AS p
         (intent_id, hold_id, amount, currency, keep, keep_reason, settled_outside, refunded, state, due_back, adds_up,
          created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)
     ON CONFLICT (intent_id) DO UPDATE SET hold_id = excluded.hold_id, amount = excluded.amount,
         currency = excluded.currency, keep = excluded.keep, keep_reason = excluded.keep_reason,
         settled_outside = excluded.settled_outside, refunded = excluded.refunded, state = excluded.state,
         due_back = excluded.due_back, adds_up = excluded.adds_up, updated_at = excluded.updated_at
     WHERE (p.hold_id, p.amount, p.currency, p.keep, p.keep_reason, p.settled_outside, p.refunded, p.state, p.due_back,
            p.adds_up)
         IS DISTINCT FROM (excluded.hold_id, excluded.amount, excluded.currency, excluded.keep, excluded.keep_reason,
            excluded.settled_outside, excluded.refunded, excluded.state, excluded.due_back, excluded.adds_up)";

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
    }};
}
pub(super) use upsert_payment;
