//! Queueing, finishing and replaying deliveries, for both engines: the statements and their order are the same, and only the
//! types of the connections differ.

use chrono::{DateTime, Utc};

use super::columns::DbTime;
use super::deliveries::MAX_REPLAYED;

/// Defines the functions that write deliveries in the caller's transaction: for the engine's connection and its result, with its
/// condition that an endpoint gets the type of an event, what locks a row that is read, how JSON `$2` is read as rows `r` of
/// positions (`at`), attempts (`attempt`) and statuses (`answer`), and the beginning and the end of its condition that a value is
/// one of a query's.
macro_rules! define_delivery_writes {
    ($connection:ty, $result:ident, $takes_kind:expr, $lock:literal, $rows:literal, $among:literal, $end:literal) => {
        /// Writes that attempts at endpoint `$1` succeeded, those in JSON `$2`.
        pub(super) const FINISH_DONE: &str = delivery_attempts::finish_done!($rows, $among, $end);

        /// Makes due at `$3` what follows at endpoint `$1` the deliveries in JSON `$2`, if they are done.
        pub(super) const RELEASE_OF_DONE: &str = delivery_attempts::release_of_done!($rows, $among, $end);

        /// Locks an endpoint and returns its position, if it is there.
        pub(super) async fn lock_endpoint(
            connection: &mut $connection,
            id: &EndpointId,
        ) -> $result<Option<i64>> {
            let query = sqlx::query_scalar(concat!(
                "SELECT position FROM event_endpoints WHERE id = $1",
                $lock
            ));
            Ok(query.bind(id.as_str()).fetch_optional(connection).await?)
        }

        async fn queue_in(
            connection: &mut $connection,
            id: &EndpointId,
            now: DateTime<Utc>,
        ) -> $result<Option<i64>> {
            let Some(position) = lock_endpoint(connection, id).await? else {
                return Ok(None);
            };
            let next = sqlx::query_scalar(deliveries::FIND_NEXT).bind(position);
            let next: Option<i64> = next
                .bind(deliveries::QUEUE_BATCH)
                .fetch_one(&mut *connection)
                .await?;
            let Some(next) = next else {
                return Ok(None);
            };
            sqlx::query(deliveries::queue_between!($takes_kind))
                .bind(id.as_str())
                .bind(position)
                .bind(next)
                .bind(DbTime(now))
                .execute(&mut *connection)
                .await?;
            sqlx::query(deliveries::RELEASE_QUEUED)
                .bind(id.as_str())
                .bind(DbTime(now))
                .bind(position)
                .bind(next)
                .execute(&mut *connection)
                .await?;
            let moved = sqlx::query(deliveries::MOVE).bind(id.as_str()).bind(next);
            moved.execute(connection).await?;
            Ok(Some(next))
        }

        async fn finish_in(
            connection: &mut $connection,
            id: &EndpointId,
            results: &[AttemptResult],
            now: DateTime<Utc>,
        ) -> $result<()> {
            if lock_endpoint(connection, id).await?.is_none() {
                return Ok(());
            }
            finish_done_in(connection, id, results, now).await?;
            for result in results.iter().filter(|result| !result.is_done()) {
                let finished = delivery_attempts::finish_attempt!(id, result);
                if finished.execute(&mut *connection).await?.rows_affected() == 0 {
                    continue;
                }
                if delivery_attempts::AttemptColumns::new(result).is_over() {
                    sqlx::query(deliveries::RELEASE_OF_HOLD)
                        .bind(id.as_str())
                        .bind(DbTime(now))
                        .bind(result.delivery.position)
                        .execute(&mut *connection)
                        .await?;
                }
                delivery_attempts::note_failure!(id, result, now)
                    .execute(&mut *connection)
                    .await?;
            }
            Ok(())
        }

        /// Finishes the attempts that succeeded, all together.
        async fn finish_done_in(
            connection: &mut $connection,
            id: &EndpointId,
            results: &[AttemptResult],
            now: DateTime<Utc>,
        ) -> $result<()> {
            let done = || results.iter().filter(|result| result.is_done());
            let Some(last) = done().last() else {
                return Ok(());
            };
            let rows = sqlx::types::Json(delivery_attempts::encode_done(done()));
            let finished = sqlx::query(FINISH_DONE);
            let finished = finished.bind(id.as_str()).bind(&rows);
            if finished.execute(&mut *connection).await?.rows_affected() == 0 {
                return Ok(());
            }
            sqlx::query(RELEASE_OF_DONE)
                .bind(id.as_str())
                .bind(&rows)
                .bind(DbTime(now))
                .execute(&mut *connection)
                .await?;
            let noted = sqlx::query(delivery_attempts::NOTE_SUCCESS).bind(id.as_str());
            noted
                .bind(last.status.map(i32::from))
                .execute(connection)
                .await?;
            Ok(())
        }

        async fn replay_in(
            connection: &mut $connection,
            id: &EndpointId,
            (from, to): (DateTime<Utc>, DateTime<Utc>),
            now: DateTime<Utc>,
        ) -> $result<ReplayedEvents> {
            lock_endpoint(connection, id).await?;
            let found = sqlx::query_as(deliveries::LIST_RANGE)
                .bind(DbTime(from))
                .bind(DbTime(to))
                .bind(deliveries::MAX_REPLAYED + 1);
            let found: Vec<(i64, DbTime)> = found.fetch_all(&mut *connection).await?;
            let (end, next_from) = $crate::store::delivery_writes::cut_range(&found, to);
            let resumed = sqlx::query(deliveries::RESUME)
                .bind(id.as_str())
                .bind(DbTime(now))
                .bind(DbTime(from))
                .bind(DbTime(end))
                .execute(&mut *connection)
                .await?;
            let queued = sqlx::query(deliveries::replay_between!($takes_kind))
                .bind(id.as_str())
                .bind(DbTime(from))
                .bind(DbTime(end))
                .execute(&mut *connection)
                .await?;
            release_in(connection, id, now).await?;
            let count = queued.rows_affected() + resumed.rows_affected();
            Ok(ReplayedEvents { count, next_from })
        }

        /// Makes due at an endpoint what waits for nothing.
        pub(super) async fn release_in(
            connection: &mut $connection,
            id: &EndpointId,
            now: DateTime<Utc>,
        ) -> $result<()> {
            lock_endpoint(connection, id).await?;
            let query = sqlx::query(deliveries::RELEASE).bind(id.as_str());
            query.bind(DbTime(now)).execute(connection).await?;
            Ok(())
        }
    };
}
pub(super) use define_delivery_writes;

/// Cuts the range of a replay: the end of what is queued now, and where the rest begins.
pub(super) fn cut_range(
    found: &[(i64, DbTime)],
    to: DateTime<Utc>,
) -> (DateTime<Utc>, Option<DateTime<Utc>>) {
    let first_left = usize::try_from(MAX_REPLAYED)
        .ok()
        .and_then(|most| found.get(most));
    let next_from = first_left.map(|(_, at)| at.0);
    (next_from.unwrap_or(to), next_from)
}
