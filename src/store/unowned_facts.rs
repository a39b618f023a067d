//! Reports of refunded charges whose intent no hold is known to own. Stripe reports them by their intent alone, and perhaps
//! before the payment, so they are kept until the intent turns out to be a hold's, or until they are old.
//!
//! The transaction that ties an intent to a hold marks the intent's facts, by triggers. So a crash loses no fact: the
//! sweep reads the refunds of what is marked.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::json;

use super::StoreError;
use super::columns::DbJson;
use crate::domain::ids::{EventId, IntentId};
use crate::domain::money::Money;

/// The report of a refund that waits for its owner. It says how much, but not which refunds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnownedFact {
    /// Stripe's id of the event.
    pub event: EventId,
    /// The event's type, such as `charge.refunded`.
    pub kind: String,
    /// The PaymentIntent that it is about.
    pub intent: IntentId,
    /// What the charge took.
    pub paid: Money,
    /// How much of it was refunded, in minor units.
    pub refunded: i64,
    /// When the event arrived, by the instance's clock.
    pub reported_at: DateTime<Utc>,
}

/// Facts without an owner in the database; one method is one transaction.
#[async_trait]
pub trait UnownedFacts {
    /// Keeps a fact, once for each event. Returns whether its intent is a hold's all the same, because a concurrent
    /// transaction has tied it.
    async fn keep_unowned_fact(&self, fact: &UnownedFact) -> Result<bool, StoreError>;
    /// Finds the events of an intent whose facts are kept.
    async fn find_unowned_facts(&self, intent: &IntentId) -> Result<Vec<EventId>, StoreError>;
    /// Lists the intents of at most `limit` kept facts whose intent is a hold's, oldest first.
    async fn list_tied_facts(&self, limit: u32) -> Result<Vec<IntentId>, StoreError>;
    /// Deletes the fact of an event, after its refunds were read.
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

/// Finds the events of intent `$1`.
pub(super) const FIND: &str = "SELECT event_id FROM unowned_facts WHERE intent_id = $1 ORDER BY seq";

/// Lists the intents of facts whose intent is tied, at most `$1`.
pub(super) const LIST_TIED: &str = "SELECT intent_id FROM unowned_facts WHERE tied ORDER BY seq LIMIT $1";

/// Deletes the fact of event `$1`.
pub(super) const DELETE: &str = "DELETE FROM unowned_facts WHERE event_id = $1";

impl UnownedFact {
    /// The value of the `fact` column, as versions before the ledger read it too.
    pub(super) fn encode_fact(&self) -> DbJson {
        DbJson(json!({
            "fact": "refunded",
            "amount": self.paid.amount,
            "currency": self.paid.currency.code(),
            "refunded": self.refunded,
        }))
    }
}
