//! Waiting payments on PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;

use super::error::PostgresResult;
use super::{PostgresStore, commands, payments};
use crate::domain::ids::{HoldId, IntentId};
use crate::store::columns::DbUuid;
use crate::store::waiting_payments::{
    self, OrphanFate, WaitingPayment, WaitingPayments, WaitingRow, announce_refund, decode_holds,
};
use crate::store::{StoreError, encoding};

#[async_trait]
impl WaitingPayments for PostgresStore {
    async fn list_waiting_payments(&self, hold: HoldId) -> Result<Vec<WaitingPayment>, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query_as(waiting_payments::LIST_OF_HOLD).bind(DbUuid(hold.0));
            Ok(WaitingRow::decode_all(query.fetch_all(&self.pool).await?)?)
        })
        .await
    }

    async fn list_unsettled_waits(&self, limit: u32) -> Result<Vec<HoldId>, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query_scalar(waiting_payments::LIST_UNSETTLED).bind(i64::from(limit));
            Ok(decode_holds(query.fetch_all(&self.pool).await?))
        })
        .await
    }

    async fn give_back_waiting(&self, hold: HoldId, now: DateTime<Utc>) -> Result<usize, StoreError> {
        self.retrying(|| async {
            let mut transaction = self.begin().await?;
            sqlx::query("SELECT 1 FROM checkout_attempts WHERE hold_id = $1 FOR UPDATE")
                .bind(hold.0)
                .execute(&mut *transaction)
                .await?;
            let query = sqlx::query_scalar(waiting_payments::MAY_HAVE_HOLD).bind(DbUuid(hold.0));
            let may_have_hold: bool = query.fetch_one(&mut *transaction).await?;
            let commands = match may_have_hold {
                true => 0,
                false => give_back_all(&mut transaction, hold, now).await?,
            };
            transaction.commit().await?;
            Ok(commands)
        })
        .await
    }
}

/// Finds out what becomes of money for a hold, and lets it wait if the attempt may still place the hold. Locks the attempt.
pub(super) async fn decide_fate(
    connection: &mut PgConnection,
    claimed: Option<HoldId>,
) -> PostgresResult<OrphanFate> {
    let Some(hold) = claimed else {
        return Ok(OrphanFate::GoesBack);
    };
    let mark = sqlx::query(waiting_payments::MARK_PAID).bind(DbUuid(hold.0));
    if mark.execute(&mut *connection).await?.rows_affected() == 1 {
        return Ok(OrphanFate::Waits);
    }
    // A statement of its own: the one before may have waited for the checkout that placed the hold.
    let query = sqlx::query_scalar(waiting_payments::HAS_HOLD).bind(DbUuid(hold.0));
    Ok(match query.fetch_one(connection).await? {
        true => OrphanFate::HasHold,
        false => OrphanFate::GoesBack,
    })
}

/// Orders the refund of all money that waits for a hold, whose attempt the caller has ended and locked; returns how many
/// commands are new.
pub(super) async fn give_back_all(
    connection: &mut PgConnection,
    hold: HoldId,
    now: DateTime<Utc>,
) -> PostgresResult<usize> {
    let query = sqlx::query_scalar(waiting_payments::LIST_INTENTS).bind(DbUuid(hold.0));
    let intents: Vec<String> = query.fetch_all(&mut *connection).await?;
    let mut commands = 0;
    for intent in intents {
        commands += give_back(connection, Some(hold), &IntentId::new(intent), now).await?;
    }
    Ok(commands)
}

/// Orders the refund of a payment that claims a hold which will never be placed, of what is left of it; returns how many commands are new.
pub(super) async fn give_back(
    connection: &mut PgConnection,
    claimed: Option<HoldId>,
    intent: &IntentId,
    now: DateTime<Utc>,
) -> PostgresResult<usize> {
    payments::lock(connection, intent).await?;
    let Some(mut payment) = payments::find_orphan(connection, intent).await? else {
        return Ok(0);
    };
    let refund = payment.give_back();
    payments::upsert(connection, None, &payment, now).await?;
    let mut commands = 0;
    if let Some(refund) = &refund {
        let by = Some(encoding::ORDERED_BY_HOLDFAST);
        let enqueued = commands::enqueue(&mut *connection, None, refund, by, now).await?;
        commands += usize::from(enqueued.is_new);
    }
    commands::note_orphan(connection, intent, now).await?;
    if commands > 0 {
        announce_refund(claimed, intent);
    }
    Ok(commands)
}
