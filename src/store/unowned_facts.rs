//! Refunds and disputes whose intent no hold is known to own. Stripe reports them by their intent alone, and perhaps
//! before the payment, so they are kept until the intent turns out to be a hold's, or until they are old.
//!
//! The transaction that ties an intent to a hold marks the intent's facts, by triggers. So a crash loses no fact: the
//! sweep applies what is marked.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::columns::{DbJson, DbTime};
use super::{StoreError, encoding};
use crate::domain::hold::Fact;
use crate::domain::ids::{EventId, IntentId};
use crate::domain::money::Money;
use crate::domain::payment::Receipt;

/// A refund or a dispute that waits for its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnownedFact {
    /// Stripe's id of the event.
    pub event: EventId,
    /// The event's type, such as `charge.dispute.created`.
    pub kind: String,
    /// The PaymentIntent that it is about.
    pub intent: IntentId,
    /// What the event says.
    pub fact: Fact,
    /// When the event arrived, by the instance's clock.
    pub reported_at: DateTime<Utc>,
}

/// Facts without an owner in the database; one method is one transaction.
#[async_trait]
pub trait UnownedFacts {
    /// Keeps a fact, once for each event. Returns whether its intent is a hold's all the same, because a concurrent
    /// transaction has tied it.
    async fn keep_unowned_fact(&self, fact: &UnownedFact) -> Result<bool, StoreError>;
    /// Reads the kept facts of an intent, in the order in which they arrived.
    async fn find_unowned_facts(&self, intent: &IntentId) -> Result<Vec<UnownedFact>, StoreError>;
    /// Lists at most `limit` kept facts whose intent is a hold's, oldest first.
    async fn list_tied_facts(&self, limit: u32) -> Result<Vec<UnownedFact>, StoreError>;
    /// Deletes the fact of an event, after it was applied.
    async fn delete_unowned_fact(&self, event: &EventId) -> Result<(), StoreError>;
    /// Deletes at most `limit` facts that arrived before `before`; returns how many.
    async fn delete_old_unowned_facts(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError>;
}

/// Keeps a fact, unless its event is kept already, and returns whether its intent is tied.
macro_rules! keep_query {
    ($fact:expr, $encoded:expr) => {
        sqlx::query_scalar(
            "INSERT INTO unowned_facts (event_id, kind, intent_id, fact, reported_at, tied)
             SELECT $1, $2, $3, $4, $5,
                 EXISTS (SELECT 1 FROM payments WHERE intent_id = $3 AND hold_id IS NOT NULL)
                 OR EXISTS (SELECT 1 FROM holds WHERE intent_id = $3)
             WHERE true
             ON CONFLICT (event_id) DO UPDATE SET tied = unowned_facts.tied OR excluded.tied RETURNING tied",
        )
        .bind($fact.event.as_str())
        .bind(&$fact.kind)
        .bind($fact.intent.as_str())
        .bind($encoded)
        .bind($crate::store::columns::DbTime($fact.reported_at))
    };
}
pub(super) use keep_query;

/// Finds the facts of intent `$1`.
pub(super) const FIND: &str = "SELECT event_id, kind, intent_id, fact, reported_at FROM unowned_facts
     WHERE intent_id = $1 ORDER BY seq";

/// Lists facts whose intent is tied, at most `$1`.
pub(super) const LIST_TIED: &str = "SELECT event_id, kind, intent_id, fact, reported_at FROM unowned_facts
     WHERE tied ORDER BY seq LIMIT $1";

/// Deletes the fact of event `$1`.
pub(super) const DELETE: &str = "DELETE FROM unowned_facts WHERE event_id = $1";

#[derive(sqlx::FromRow)]
pub(super) struct UnownedFactRow {
    event_id: String,
    kind: String,
    intent_id: String,
    fact: DbJson,
    reported_at: DbTime,
}

/// A fact as it is kept in the `fact` column; its intent has a column of its own.
#[derive(Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
enum FactJson {
    Refunded {
        amount: i64,
        currency: String,
        refunded: i64,
    },
    RefundFailed,
    DisputeOpened {
        amount: i64,
        currency: String,
    },
    DisputeClosed {
        won: bool,
    },
}

impl UnownedFact {
    /// The value of the `fact` column.
    pub(super) fn encode_fact(&self) -> Result<DbJson, StoreError> {
        let json = match &self.fact {
            Fact::Refunded { paid, refunded } => FactJson::Refunded {
                amount: paid.money.amount,
                currency: paid.money.currency.code().to_owned(),
                refunded: *refunded,
            },
            Fact::RefundFailed(_) => FactJson::RefundFailed,
            Fact::DisputeOpened(receipt) => FactJson::DisputeOpened {
                amount: receipt.money.amount,
                currency: receipt.money.currency.code().to_owned(),
            },
            Fact::DisputeClosed { won, .. } => FactJson::DisputeClosed { won: *won },
            _ => return Err(encoding::unreadable_column("unowned fact", &self.kind)),
        };
        let json = serde_json::to_value(json).map_err(|error| StoreError::Broken(Box::new(error)))?;
        Ok(DbJson(json))
    }
}

impl UnownedFactRow {
    fn decode(self) -> Result<UnownedFact, StoreError> {
        let intent = IntentId::new(self.intent_id);
        let receipt = |money: Money| Receipt {
            intent: intent.clone(),
            money,
        };
        let json = serde_json::from_value(self.fact.0);
        let fact = match json.map_err(|_| encoding::unreadable_column("unowned fact", &self.kind))? {
            FactJson::Refunded {
                amount,
                currency,
                refunded,
            } => Fact::Refunded {
                paid: receipt(encoding::decode_money(amount, &currency)?),
                refunded,
            },
            FactJson::RefundFailed => Fact::RefundFailed(intent.clone()),
            FactJson::DisputeOpened { amount, currency } => {
                Fact::DisputeOpened(receipt(encoding::decode_money(amount, &currency)?))
            }
            FactJson::DisputeClosed { won } => Fact::DisputeClosed {
                intent: intent.clone(),
                won,
            },
        };
        Ok(UnownedFact {
            event: EventId::new(self.event_id),
            kind: self.kind,
            intent,
            fact,
            reported_at: self.reported_at.0,
        })
    }

    /// All facts, in the order of the rows.
    pub(super) fn decode_all(rows: Vec<Self>) -> Result<Vec<UnownedFact>, StoreError> {
        rows.into_iter().map(Self::decode).collect()
    }
}
