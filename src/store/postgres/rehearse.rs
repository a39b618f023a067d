//! The rehearsal on PostgreSQL: the very statements that place and confirm a hold, and no commit.

use chrono::{DateTime, Utc};
use sqlx::postgres::{PgConnection, PgPool};

use super::super::ApplyOutcome;
use super::super::rehearsal::{self, Rehearsal, went_wrong};
use super::error::Answer;
use super::{attempts, changes, holds, placing};
use crate::domain::ids::HoldId;

pub(super) async fn rehearse(pool: &PgPool, now: DateTime<Utc>) -> Answer<()> {
    let play = rehearsal::new(now)?;
    let mut transaction = pool.begin().await?;
    let played = play_through(&mut transaction, &play).await;
    transaction.rollback().await?;
    played
}

async fn play_through(connection: &mut PgConnection, play: &Rehearsal) -> Answer<()> {
    let hold = play.booking.hold.id;
    attempts::insert(&mut *connection, &play.attempt).await?;
    if !placing::insert(&mut *connection, &play.booking, &play.units, &play.limits).await? {
        return Err(went_wrong("a free slot could not be had").into());
    }
    if by_hand(connection, hold).await? {
        return Err(went_wrong("a slot could be had twice: the guard of I1 is gone").into());
    }
    let applied = changes::apply_in(connection, &play.paid).await?;
    if !matches!(applied, ApplyOutcome::Done { orders: 1 }) {
        return Err(went_wrong("a payment could not be written").into());
    }
    let read = holds::read(connection, hold).await?;
    if read.is_none_or(|booking| booking.hold != play.after) {
        return Err(went_wrong("what was written reads otherwise").into());
    }
    Ok(())
}

/// Whether the hold's windows can be written once more, as no statement of ours would.
async fn by_hand(connection: &mut PgConnection, hold: HoldId) -> Answer<bool> {
    let done = sqlx::query(
        "INSERT INTO occupancy (hold_id, resource_id, unit, during)
         SELECT hold_id, resource_id, unit, during FROM occupancy WHERE hold_id = $1 ON CONFLICT DO NOTHING",
    )
    .bind(hold.0)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}
