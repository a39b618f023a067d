//! Who has how many holds: people by their address, and the addresses that checkouts come from. They are counted in with
//! the placing of a hold, and out by a trigger.

use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

use super::SqliteStore;
use super::error::Answer;
use crate::store::{ClientId, HoldLimits, UnpaidHoldCounts, rows};

#[derive(sqlx::FromRow)]
struct UnpaidHoldCountsRow {
    guest_held: u32,
    client_held: u32,
    lapses: u32,
    lapsed_at: Option<i64>,
}

pub(super) async fn standing(
    store: &SqliteStore,
    guest: &str,
    client: Option<&ClientId>,
) -> Answer<UnpaidHoldCounts> {
    let question = sqlx::query_as::<_, UnpaidHoldCountsRow>(
        "SELECT coalesce((SELECT held FROM guests WHERE email = ?1), 0) AS guest_held,
                coalesce(c.held, 0) AS client_held, coalesce(c.lapses, 0) AS lapses, c.lapsed_at
           FROM (SELECT 1) AS one LEFT JOIN clients c ON c.id = ?2",
    )
    .bind(guest)
    .bind(client.map(|client| client.0.as_str()));
    let row = store.read(question.fetch_one(&store.readers)).await?;
    Ok(UnpaidHoldCounts {
        guest_held: row.guest_held,
        client_held: row.client_held,
        client_lapses: row.lapses,
        client_lapsed_at: row.lapsed_at.map(rows::instant).transpose()?,
    })
}

/// Counts one more hold of the guest's and of their client's; `false` where one of them has as many as they may, and
/// then the caller must roll back.
pub(super) async fn count_in(
    connection: &mut SqliteConnection,
    guest: &str,
    limits: &HoldLimits,
    now: DateTime<Utc>,
) -> Answer<bool> {
    let counted = sqlx::query(
        "INSERT INTO guests (email, held, created_at) VALUES (?1, 1, ?2)
         ON CONFLICT (email) DO UPDATE SET held = held + 1 WHERE held < ?3",
    )
    .bind(guest)
    .bind(now.timestamp_millis())
    .bind(limits.per_guest)
    .execute(&mut *connection)
    .await?;
    if counted.rows_affected() == 0 {
        return Ok(false);
    }
    let Some(client) = &limits.client else {
        return Ok(true);
    };
    let counted = sqlx::query(
        "INSERT INTO clients (id, held, updated_at) VALUES (?1, 1, ?2)
         ON CONFLICT (id) DO UPDATE SET held = held + 1, updated_at = excluded.updated_at WHERE held < ?3",
    )
    .bind(&client.0)
    .bind(now.timestamp_millis())
    .bind(limits.per_client)
    .execute(connection)
    .await?;
    Ok(counted.rows_affected() > 0)
}
