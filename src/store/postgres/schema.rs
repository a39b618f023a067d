//! The schema on PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;

use super::error::PostgresResult;
use super::{PostgresStore, attempts, changes, event_changes, holds, migrations, new_holds, server};
use crate::domain::ids::HoldId;
use crate::domain::token::TokenKey;
use crate::store::changes::ApplyOutcome;
use crate::store::dry_run::{DryRun, dry_run_failure};
use crate::store::holds::BookingRow;
use crate::store::placements::HoldToPlace;
use crate::store::schema::{self, Schema};
use crate::store::{ServerFault, StoreError};

#[async_trait]
impl Schema for PostgresStore {
    async fn migrate(&self) -> Result<(), StoreError> {
        migrations::migrate(self).await
    }

    async fn find_server_faults(&self) -> Result<Vec<ServerFault>, StoreError> {
        self.retrying(|| async {
            let (mut one, mut other) = (self.connect_once().await?, self.connect_once().await?);
            // First, because prepared statements fail behind a pooler of transactions.
            let is_pooled = server::is_pooling_transactions(&mut one, &mut other).await?;
            let faults = match is_pooled {
                true => vec![ServerFault::PoolsTransactions],
                false => {
                    migrations::make_settings(&mut one).await?;
                    migrations::find_lacks(&mut one).await?
                }
            };
            let _ = tokio::join!(one.close(), other.close());
            Ok(faults)
        })
        .await
    }

    async fn is_ready(&self) -> Result<bool, StoreError> {
        self.retrying(|| migrations::is_migrated(&self.pool)).await
    }

    async fn is_empty(&self) -> Result<bool, StoreError> {
        let query =
            "SELECT NOT EXISTS (SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = current_schema())";
        self.retrying(|| async { Ok(sqlx::query_scalar(query).fetch_one(&self.pool).await?) })
            .await
    }

    async fn installation_id(&self) -> Result<String, StoreError> {
        self.retrying(|| async {
            Ok(sqlx::query_scalar(schema::INSTALLATION)
                .fetch_one(&self.pool)
                .await?)
        })
        .await
    }

    async fn token_key(&self, earlier: &TokenKey) -> Result<TokenKey, StoreError> {
        self.retrying(|| async {
            let read = || sqlx::query_scalar(schema::TOKEN_SECRET).fetch_one(&self.pool);
            let mut secret: Option<String> = read().await?;
            if secret.is_none() {
                sqlx::query(schema::FILL_TOKEN_SECRET)
                    .bind(schema::encode_token_key(earlier))
                    .execute(&self.pool)
                    .await?;
                secret = read().await?;
            }
            Ok(schema::decode_token_key(&secret.unwrap_or_default())?)
        })
        .await
    }

    async fn dry_run_checkout(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.retrying(|| async {
            let dry_run = DryRun::new(now)?;
            let mut transaction = self.begin().await?;
            let result = run_checkout(&mut transaction, &dry_run).await;
            transaction.rollback().await?;
            result
        })
        .await
    }
}

async fn run_checkout(connection: &mut PgConnection, dry_run: &DryRun) -> PostgresResult<()> {
    let hold = dry_run.booking.hold.id;
    attempts::insert_attempts(&mut *connection, &[&dry_run.attempt], None).await?;
    let to_place = [HoldToPlace::alone(
        &dry_run.booking,
        &dry_run.units,
        &dry_run.limits,
    )];
    if new_holds::insert_holds(&mut *connection, &to_place, None)
        .await?
        .is_empty()
    {
        return Err(dry_run_failure("a free slot could not be held").into());
    }
    if is_overlap_accepted(connection, hold).await? {
        return Err(dry_run_failure("a slot could be held twice: the guard of I1 is missing").into());
    }
    let paid = std::slice::from_ref(&dry_run.paid);
    if event_changes::apply_all(&mut *connection, paid, None)
        .await?
        .is_empty()
    {
        return Err(dry_run_failure("a payment could not be written").into());
    }
    let outcome = changes::apply_in(connection, &dry_run.ordered).await?;
    if !matches!(outcome, ApplyOutcome::Done { commands: 1 }) {
        return Err(dry_run_failure("a command could not be written").into());
    }
    let booking = BookingRow::decode_optional(holds::find_row(connection, hold).await?)?;
    if booking.is_none_or(|booking| booking.hold != dry_run.after) {
        return Err(dry_run_failure("a hold reads differently from what was written").into());
    }
    Ok(())
}

/// Whether the hold's occupancy can be written once more, which no statement of the program does.
async fn is_overlap_accepted(connection: &mut PgConnection, hold: HoldId) -> PostgresResult<bool> {
    let done = sqlx::query(
        "INSERT INTO occupancy (hold_id, resource_id, unit, during)
         SELECT hold_id, resource_id, unit, during FROM occupancy WHERE hold_id = $1 ON CONFLICT DO NOTHING",
    )
    .bind(hold.0)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}
