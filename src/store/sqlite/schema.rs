//! The schema on SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;
use sqlx::migrate::Migrator;

use super::error::{SqliteError, SqliteResult};
use super::group_writes::claim_and_place;
use super::{SqliteStore, changes, event_changes, holds, occupancy};
use crate::domain::token::TokenKey;
use crate::store::attempts::Claim;
use crate::store::changes::ApplyOutcome;
use crate::store::columns::{DbTime, DbUuid};
use crate::store::dry_run::{DryRun, dry_run_failure};
use crate::store::holds::BookingRow;
use crate::store::placements::{HoldToPlace, PlaceOutcome};
use crate::store::schema::{self, Schema, has_all_migrations};
use crate::store::{ServerFault, StoreError};

static MIGRATIONS: Migrator = schema::accept_newer(sqlx::migrate!("migrations/sqlite"));

#[async_trait]
impl Schema for SqliteStore {
    /// Applies all missing migrations in one transaction: its write lock keeps a second process out. sqlx's own lock does
    /// nothing on SQLite.
    async fn migrate(&self) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        // `Migrator::run` needs an executor for any lifetime; this is what it calls.
        let migrated = MIGRATIONS.run_direct(None, &mut *transaction, false).await;
        migrated.map_err(SqliteError::from)?;
        self.commit(transaction).await
    }

    async fn find_server_faults(&self) -> Result<Vec<ServerFault>, StoreError> {
        Ok(Vec::new())
    }

    async fn is_ready(&self) -> Result<bool, StoreError> {
        let exists =
            sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = '_sqlx_migrations')");
        let exists: bool = self.read(exists.fetch_one(&self.readers)).await?;
        if !exists {
            return Ok(false);
        }
        let applied = sqlx::query_as(schema::APPLIED);
        let applied: Vec<(i64, Vec<u8>)> = self.read(applied.fetch_all(&self.readers)).await?;
        Ok(has_all_migrations(&MIGRATIONS, &applied))
    }

    async fn is_empty(&self) -> Result<bool, StoreError> {
        let query = sqlx::query_scalar("SELECT NOT EXISTS (SELECT 1 FROM sqlite_master)");
        self.read(query.fetch_one(&self.readers)).await
    }

    async fn installation_id(&self) -> Result<String, StoreError> {
        let query = sqlx::query_scalar(schema::INSTALLATION);
        self.read(query.fetch_one(&self.readers)).await
    }

    async fn token_key(&self, earlier: &TokenKey) -> Result<TokenKey, StoreError> {
        let read = || self.read(sqlx::query_scalar(schema::TOKEN_SECRET).fetch_one(&self.readers));
        let mut secret: Option<String> = read().await?;
        if secret.is_none() {
            let fill = sqlx::query(schema::FILL_TOKEN_SECRET).bind(schema::encode_token_key(earlier));
            self.write(fill).await?;
            secret = read().await?;
        }
        schema::decode_token_key(&secret.unwrap_or_default())
    }

    async fn dry_run_checkout(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        let dry_run = DryRun::new(now)?;
        let mut transaction = self.begin().await?;
        let result = run_checkout(&mut transaction, &dry_run).await;
        self.roll_back(transaction).await?;
        Ok(result?)
    }
}

async fn run_checkout(connection: &mut SqliteConnection, dry_run: &DryRun) -> SqliteResult<()> {
    let hold = dry_run.booking.hold.id;
    let (claims, _) = claim_and_place(connection, &[&dry_run.attempt], &[]).await?;
    if claims != [Claim::Free] {
        return Err(dry_run_failure("an attempt could not be written").into());
    }
    let to_place = [HoldToPlace::alone(
        &dry_run.booking,
        &dry_run.units,
        &dry_run.limits,
    )];
    let (_, places) = claim_and_place(connection, &[], &to_place).await?;
    if places != [PlaceOutcome::Placed] {
        return Err(dry_run_failure("a free slot could not be held").into());
    }
    let is_taken_again = occupancy::take_units(connection, hold, &dry_run.units, 1).await?;
    if is_taken_again || is_overlap_accepted(connection, dry_run).await {
        return Err(dry_run_failure("a slot could be held twice: the guard of I1 is missing").into());
    }
    let paid = event_changes::apply_all(connection, &[&dry_run.paid]).await?;
    if paid != [Some(ApplyOutcome::Done { commands: 0 })] {
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

/// Whether the triggers accept an overlap, which no statement of the program tries to write.
async fn is_overlap_accepted(connection: &mut SqliteConnection, dry_run: &DryRun) -> bool {
    let segment = &dry_run.booking.segments[0];
    sqlx::query("INSERT INTO occupancy (hold_id, resource_id, starts_at, ends_at) VALUES ($1, $2, $3, $4)")
        .bind(DbUuid(dry_run.booking.hold.id.0))
        .bind(segment.resource.as_str())
        .bind(DbTime(segment.busy.starts_at()))
        .bind(DbTime(segment.busy.ends_at()))
        .execute(connection)
        .await
        .is_ok()
}
