//! Waiting payments: money that came for a hold before the hold was placed.
//!
//! While an attempt may still place its hold, money for the hold is written to the attempt, and nothing is ordered. Placing
//! says that money waits, and the workflow gives it to the hold. An attempt that ends without a hold orders the refund in
//! the same transaction. Recording the money and ending the attempt both lock the attempt's row first, so that
//! no order of the two leaves money without a slot and without a refund.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::columns::DbUuid;
use super::{StoreError, encoding};
use crate::domain::ids::{HoldId, IntentId, SessionId};
use crate::domain::payment::Receipt;

/// A payment that waits for its hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingPayment {
    /// What Stripe said about it.
    pub receipt: Receipt,
    /// The session that took it, if a report named one.
    pub session: Option<SessionId>,
}

/// Waiting payments in the database; one method is one transaction. `Changes` records them, `Attempts` orders their refund.
#[async_trait]
pub trait WaitingPayments {
    /// Lists the payments that wait for this hold, oldest first.
    async fn list_waiting_payments(&self, hold: HoldId) -> Result<Vec<WaitingPayment>, StoreError>;
    /// Lists at most `limit` holds for which money waits although their attempt has ended.
    async fn list_unsettled_waits(&self, limit: u32) -> Result<Vec<HoldId>, StoreError>;
    /// Orders the refund of the money that waits for a hold whose attempt has ended without it; returns how many commands are
    /// new. Does nothing while the attempt may still place the hold, or after it has.
    async fn give_back_waiting(&self, hold: HoldId, now: DateTime<Utc>) -> Result<usize, StoreError>;
}

/// What becomes of money for a hold that was not found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OrphanFate {
    /// The attempt may still place the hold: the money waits.
    Waits,
    /// The hold was placed since: the money is its payment.
    HasHold,
    /// There is no hold, and there will be none: the money goes back.
    GoesBack,
}

/// Writes to open attempt `$1` that money for its hold has come. Locks the attempt's row, whose end waits for it.
pub(super) const MARK_PAID: &str = "UPDATE checkout_attempts SET is_paid = true
     WHERE hold_id = $1 AND state IN ('running', 'unsettled')";

/// Tells whether hold `$1` exists.
pub(super) const HAS_HOLD: &str = "SELECT EXISTS (SELECT 1 FROM holds WHERE id = $1)";

/// Tells whether hold `$1` exists, or its attempt may still place it.
pub(super) const MAY_HAVE_HOLD: &str = "SELECT EXISTS (SELECT 1 FROM holds WHERE id = $1)
     OR EXISTS (SELECT 1 FROM checkout_attempts WHERE hold_id = $1 AND state IN ('running', 'unsettled'))";

/// Lists the intents of the payments that wait for hold `$1`.
pub(super) const LIST_INTENTS: &str = "SELECT intent_id FROM payments
     WHERE claimed_hold_id = $1 AND hold_id IS NULL AND keep_reason = 'booking' ORDER BY created_at, intent_id";

/// Lists the payments that wait for hold `$1`, oldest first.
pub(super) const LIST_OF_HOLD: &str = "SELECT intent_id, amount, currency, session_id FROM payments
     WHERE claimed_hold_id = $1 AND hold_id IS NULL AND keep_reason = 'booking' ORDER BY created_at, intent_id";

/// Lists holds for which money waits although their attempt has ended, at most `$1`.
pub(super) const LIST_UNSETTLED: &str = "SELECT DISTINCT p.claimed_hold_id FROM payments p
     WHERE p.hold_id IS NULL AND p.keep_reason = 'booking' AND p.claimed_hold_id IS NOT NULL
       AND NOT EXISTS (SELECT 1 FROM checkout_attempts a
                       WHERE a.hold_id = p.claimed_hold_id AND a.state IN ('running', 'unsettled'))
     LIMIT $1";

#[derive(sqlx::FromRow)]
pub(super) struct WaitingRow {
    intent_id: String,
    amount: i64,
    currency: String,
    session_id: Option<String>,
}

impl WaitingRow {
    fn decode(self) -> Result<WaitingPayment, StoreError> {
        Ok(WaitingPayment {
            receipt: Receipt {
                asked: None,
                money: encoding::decode_money(self.amount, &self.currency)?,
                intent: IntentId::new(self.intent_id),
            },
            session: self.session_id.map(SessionId::new),
        })
    }

    /// All payments, in the order of the rows.
    pub(super) fn decode_all(rows: Vec<Self>) -> Result<Vec<WaitingPayment>, StoreError> {
        rows.into_iter().map(Self::decode).collect()
    }
}

/// Counts and logs that a payment goes back because no hold has it: its guest is one to write to.
pub(super) fn announce_refund(hold: Option<HoldId>, intent: &IntentId) {
    let hold = hold.map(|hold| hold.log_id().to_string());
    metrics::counter!("holdfast_payments_without_slot_total", "kind" => "no_hold").increment(1);
    tracing::error!(hold, %intent, "payment for an unknown hold; it is being refunded");
}

/// The holds of ids that were read.
pub(super) fn decode_holds(ids: Vec<DbUuid>) -> Vec<HoldId> {
    ids.into_iter().map(|id| HoldId(id.0)).collect()
}
