//! Waiting payments on SQLite. There is one writer, so that a transaction locks every row from its start.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

use super::error::SqliteResult;
use super::{SqliteStore, commands, payments};
use crate::domain::ids::{HoldId, IntentId};
use crate::store::columns::DbUuid;
use crate::store::waiting_payments::{
    self, OrphanFate, WaitingPayment, WaitingPayments, WaitingRow, announce_refund, decode_holds,
};
use crate::store::{StoreError, encoding};

#[async_trait]
impl WaitingPayments for SqliteStore {
    async fn list_waiting_payments(&self, hold: HoldId) -> Result<Vec<WaitingPayment>, StoreError> {
        let query = sqlx::query_as(waiting_payments::LIST_OF_HOLD).bind(DbUuid(hold.0));
        WaitingRow::decode_all(self.read(query.fetch_all(&self.readers)).await?)
    }

    async fn list_unsettled_waits(&self, limit: u32) -> Result<Vec<HoldId>, StoreError> {
        let query = sqlx::query_scalar(waiting_payments::LIST_UNSETTLED).bind(limit);
        Ok(decode_holds(self.read(query.fetch_all(&self.readers)).await?))
    }

    async fn give_back_waiting(&self, hold: HoldId, now: DateTime<Utc>) -> Result<usize, StoreError> {
        let mut transaction = self.begin().await?;
        let query = sqlx::query_scalar(waiting_payments::MAY_HAVE_HOLD).bind(DbUuid(hold.0));
        let may_have_hold: bool = self.in_transaction(query.fetch_one(&mut *transaction)).await?;
        let commands = match may_have_hold {
            true => 0,
            false => give_back_all(&mut transaction, hold, now).await?,
        };
        self.commit(transaction).await?;
        Ok(commands)
    }
}

/// Finds out what becomes of money for a hold, and lets it wait if the attempt may still place the hold.
pub(super) async fn decide_fate(
    connection: &mut SqliteConnection,
    claimed: Option<HoldId>,
) -> SqliteResult<OrphanFate> {
    let Some(hold) = claimed else {
        return Ok(OrphanFate::GoesBack);
    };
    let mark = sqlx::query(waiting_payments::MARK_PAID).bind(DbUuid(hold.0));
    if mark.execute(&mut *connection).await?.rows_affected() == 1 {
        return Ok(OrphanFate::Waits);
    }
    let query = sqlx::query_scalar(waiting_payments::HAS_HOLD).bind(DbUuid(hold.0));
    Ok(match query.fetch_one(connection).await? {
        true => OrphanFate::HasHold,
        false => OrphanFate::GoesBack,
    })
}

/// Orders the refund of all money that waits for a hold, whose attempt the caller has ended; returns how many commands are
/// new.
pub(super) async fn give_back_all(
    connection: &mut SqliteConnection,
    hold: HoldId,
    now: DateTime<Utc>,
) -> SqliteResult<usize> {
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
    connection: &mut SqliteConnection,
    claimed: Option<HoldId>,
    intent: &IntentId,
    now: DateTime<Utc>,
) -> SqliteResult<usize> {
    let Some(mut payment) = payments::find_orphan(connection, intent).await? else {
        return Ok(0);
    };
    let refund = payment.give_back();
    payments::upsert(connection, None, &payment, now).await?;
    let mut commands = 0;
    if let Some(refund) = &refund {
        let by = Some(encoding::ORDERED_BY_HOLDFAST);
        commands += usize::from(commands::enqueue(connection, None, refund, by, now).await?);
    }
    commands::note_orphan(connection, intent, now).await?;
    if commands > 0 {
        announce_refund(claimed, intent);
    }
    Ok(commands)
}
