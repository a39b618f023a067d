//! Who has how many holds: people by their address, and the addresses that checkouts come from. They are counted in with
//! the placing of a hold, and out by a trigger.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgPool;

use super::super::UnpaidHoldCounts;
use super::error::Answer;
use crate::domain::booking::ClientId;

#[derive(sqlx::FromRow)]
struct UnpaidHoldCountsRow {
    guest_held: i32,
    client_held: Option<i32>,
    lapses: Option<i32>,
    lapsed_at: Option<DateTime<Utc>>,
}

pub(super) async fn standing(
    pool: &PgPool,
    guest: &str,
    client: Option<&ClientId>,
) -> Answer<UnpaidHoldCounts> {
    let row: UnpaidHoldCountsRow = sqlx::query_as(
        "SELECT coalesce((SELECT held FROM guests WHERE email = $1), 0) AS guest_held,
                c.held AS client_held, c.lapses, c.lapsed_at
         FROM (VALUES (1)) AS one LEFT JOIN clients c ON c.id = $2",
    )
    .bind(guest)
    .bind(client.map(|client| client.0.as_str()))
    .fetch_one(pool)
    .await?;
    let count = |count: Option<i32>| count.unwrap_or_default().unsigned_abs();
    Ok(UnpaidHoldCounts {
        guest_held: count(Some(row.guest_held)),
        client_held: count(row.client_held),
        client_lapses: count(row.lapses),
        client_lapsed_at: row.lapsed_at,
    })
}
