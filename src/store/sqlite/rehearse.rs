//! The rehearsal on SQLite: the very statements that place and confirm a hold, and no commit.

use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

use super::booking_row::BookingRow;
use super::error::Answer;
use super::{SqliteStore, attempts, changes, holds, placing};
use crate::store::rehearsal::{self, Rehearsal, went_wrong};
use crate::store::{ApplyOutcome, PlaceOutcome};

pub(super) async fn rehearse(store: &SqliteStore, now: DateTime<Utc>) -> Answer<()> {
    let play = rehearsal::new(now)?;
    let mut tx = store.begin().await?;
    let played = play_through(&mut tx, &play).await;
    tx.rollback().await?;
    played
}

async fn play_through(connection: &mut SqliteConnection, play: &Rehearsal) -> Answer<()> {
    let hold = play.booking.hold.id;
    attempts::insert(connection, &play.attempt).await?;
    let placed = placing::place_in(connection, &play.booking, &play.units, &play.limits).await?;
    if placed != PlaceOutcome::Placed {
        return Err(went_wrong("a free slot could not be had").into());
    }
    let again = placing::occupy(connection, hold, &play.units, 1).await?;
    if again || !by_hand_is_refused(connection, play).await {
        return Err(went_wrong("a slot could be had twice: the guard of I1 is gone").into());
    }
    let applied = changes::apply_in(connection, &play.paid).await?;
    if !matches!(applied, ApplyOutcome::Done { orders: 1 }) {
        return Err(went_wrong("a payment could not be written").into());
    }
    let row: BookingRow = sqlx::query_as(holds::BY_ID)
        .bind(hold.0.hyphenated())
        .fetch_one(connection)
        .await?;
    if row.read()?.hold != play.after {
        return Err(went_wrong("what was written reads otherwise").into());
    }
    Ok(())
}

/// Whether the triggers refuse what the statement that takes windows would not even try.
async fn by_hand_is_refused(connection: &mut SqliteConnection, play: &Rehearsal) -> bool {
    let segment = &play.booking.segments[0];
    sqlx::query("INSERT INTO occupancy (hold_id, resource_id, starts_at, ends_at) VALUES (?, ?, ?, ?)")
        .bind(play.booking.hold.id.0.hyphenated())
        .bind(segment.resource.as_str())
        .bind(segment.busy.starts_at().timestamp_millis())
        .bind(segment.busy.ends_at().timestamp_millis())
        .execute(connection)
        .await
        .is_err()
}
