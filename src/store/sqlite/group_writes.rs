//! Writes of one kind of caller each that share a transaction: SQLite has one writer, which takes all that waits for it.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Instant;

use serde_json::Value;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::SqliteRow;
use sqlx::types::Json;
use sqlx::{FromRow, Sqlite, SqliteConnection};
use uuid::Uuid;

use super::attempts::AttemptStateRow;
use super::error::SqliteResult;
use super::groups::{GroupWrite, WriteVerdict, foreign_verdict};
use super::new_holds::Taken;
use super::one_trip::{fetch_each, join_statements};
use super::{SqliteStore, allowances, attempts, event_changes, new_holds, occupancy};
use crate::domain::hold::TransitionReason;
use crate::domain::ids::HoldId;
use crate::store::attempts::{Claim, KnownAttemptRow, NewAttempt};
use crate::store::call_duration::record_call;
use crate::store::changes::ApplyOutcome;
use crate::store::columns::DbUuid;
use crate::store::group_commit::run_statements;
use crate::store::placements::{HoldToPlace, PlaceOutcome};
use crate::store::{StoreError, encoding};

impl SqliteStore {
    /// Runs a write as one of a group, or alone.
    pub(super) async fn write_in_group(
        &self,
        write: impl Fn() -> GroupWrite,
    ) -> Result<WriteVerdict, StoreError> {
        let alone = || async {
            let verdicts = self.write_all(self.acquire_writer().await?, &[write()]).await?;
            verdicts.into_iter().flatten().next().ok_or_else(foreign_verdict)
        };
        self.write_in_group_or(write(), alone).await
    }

    /// Runs a write as one of a group, or `alone`.
    pub(super) async fn write_in_group_or<A>(
        &self,
        write: GroupWrite,
        alone: impl FnOnce() -> A,
    ) -> Result<WriteVerdict, StoreError>
    where
        A: Future<Output = Result<WriteVerdict, StoreError>>,
    {
        let store = self.clone();
        let run_group = move |_, writes: Vec<GroupWrite>| {
            let store = store.clone();
            async move {
                let statements =
                    |writer| async { Ok::<_, StoreError>((store.write_all(writer, &writes).await?, None)) };
                run_statements(store.read_timeout, store.acquire_writer(), statements).await
            }
        };
        self.groups.writes.submit(write, run_group, alone).await
    }

    /// Runs the writes of a group, or a write alone, in one transaction, claims first and events last. A hold that gets no number of those that a
    /// group offers it has no verdict, so that its caller tries all of them.
    async fn write_all(
        &self,
        writer: GroupWriter,
        writes: &[GroupWrite],
    ) -> Result<Vec<Option<WriteVerdict>>, StoreError> {
        let done = run_writes(writer, writes).await?;
        let is_alone = writes.len() == 1;
        let (mut claims, mut places) = (done.claims.into_iter(), done.places.into_iter());
        let mut events = done.events.into_iter();
        let verdict = |write: &GroupWrite| match write {
            GroupWrite::Claim(_) => claims.next().map(WriteVerdict::Claim),
            GroupWrite::Place(_) => places
                .next()
                .filter(|outcome| is_alone || *outcome != PlaceOutcome::LimitReached)
                .map(WriteVerdict::Place),
            GroupWrite::Event(_) => events.next().flatten().map(WriteVerdict::Event),
        };
        Ok(writes.iter().map(verdict).collect())
    }
}

/// The verdicts of the writes of a group, each kind in the order of its writes.
#[derive(Default)]
struct GroupVerdicts {
    claims: Vec<Claim>,
    places: Vec<PlaceOutcome>,
    events: Vec<Option<ApplyOutcome>>,
}

impl GroupVerdicts {
    /// Whether anything was written.
    fn is_written(&self) -> bool {
        let is_applied = |outcome: &Option<ApplyOutcome>| matches!(outcome, Some(ApplyOutcome::Done { .. }));
        self.claims.contains(&Claim::Free)
            || self.places.iter().any(|outcome| outcome.is_placed())
            || self.events.iter().any(is_applied)
    }
}

/// The writer with a transaction of a group. The driver does not know of it, because it begins and commits in the same trips as the
/// statements of the group.
struct GroupWriter {
    connection: PoolConnection<Sqlite>,
    /// Whether a transaction may be open.
    is_open: bool,
}

impl GroupWriter {
    /// Ends the transaction: commits it if anything was written.
    async fn end(mut self, is_written: bool) -> SqliteResult<()> {
        let end = if is_written { COMMIT } else { "ROLLBACK" };
        sqlx::query(end).execute(&mut *self.connection).await?;
        self.is_open = false;
        Ok(())
    }
}

impl Drop for GroupWriter {
    /// A connection that is closed undoes its transaction.
    fn drop(&mut self) {
        if self.is_open {
            self.connection.close_on_drop();
        }
    }
}

impl SqliteStore {
    /// Waits for the writer. The wait is recorded: for the writers before this one.
    async fn acquire_writer(&self) -> Result<GroupWriter, StoreError> {
        let began = Instant::now();
        let acquired = self.in_transaction(self.writer.acquire()).await;
        record_call(began);
        Ok(GroupWriter {
            connection: acquired?,
            is_open: false,
        })
    }
}

/// Runs the writes of a group in a transaction, and commits what was written.
async fn run_writes(mut writer: GroupWriter, writes: &[GroupWrite]) -> SqliteResult<GroupVerdicts> {
    let (mut claims, mut places, mut events) = (Vec::new(), Vec::new(), Vec::new());
    for write in writes {
        match write {
            GroupWrite::Claim(attempt) => claims.push(&**attempt),
            GroupWrite::Place(item) if writes.len() == 1 => {
                places.push(HoldToPlace::alone(&item.booking, &item.units, &item.limits));
            }
            GroupWrite::Place(item) => places.push(item.in_group()),
            GroupWrite::Event(change) => events.push(&**change),
        }
    }
    let mut done = GroupVerdicts::default();
    writer.is_open = true;
    if claims.is_empty() && places.is_empty() {
        sqlx::query(BEGIN).execute(&mut *writer.connection).await?;
    } else {
        let trips = Trips {
            begins: true,
            commits: events.is_empty(),
        };
        let written = claim_and_place_in(&mut writer.connection, &claims, &places, trips).await?;
        (done.claims, done.places) = (written.claims, written.places);
        if written.is_committed {
            writer.is_open = false;
            return Ok(done);
        }
    }
    done.events = event_changes::apply_all(&mut writer.connection, &events).await?;
    writer.end(done.is_written()).await?;
    Ok(done)
}

/// Begins a transaction that has the write lock from the start.
const BEGIN: &str = "BEGIN IMMEDIATE";
const COMMIT: &str = "COMMIT";

/// Reads the attempts with ids `$1` and keys `$2`, and takes the numbers `$3` and the units `$4` for new holds.
static READ_AND_TAKE: LazyLock<String> = LazyLock::new(|| {
    join_statements(&[
        attempts::FIND_STATES,
        attempts::FIND_BY_KEYS,
        allowances::TAKE,
        new_holds::TAKE_UNITS,
    ])
});

static BEGIN_READ_AND_TAKE: LazyLock<String> =
    LazyLock::new(|| join_statements(&[BEGIN, READ_AND_TAKE.as_str()]));

/// Writes new attempts `$1`, and the holds `$2` that have got their units and numbers, with their history and the end of their
/// attempts.
static WRITE: LazyLock<String> = LazyLock::new(|| {
    join_statements(&[
        attempts::INSERT,
        new_holds::CLOSE_ATTEMPTS,
        new_holds::INSERT,
        new_holds::INSERT_HISTORY,
    ])
});

static WRITE_AND_COMMIT: LazyLock<String> = LazyLock::new(|| join_statements(&[WRITE.as_str(), COMMIT]));

/// Whether a transaction begins and commits in the same trips as its statements.
#[derive(Clone, Copy)]
struct Trips {
    begins: bool,
    /// Commits if anything is written.
    commits: bool,
}

/// Claims attempts and places holds in the caller's transaction, which may commit. Returns what became of each, in their order.
///
/// No two attempts may have the same key, and no two holds may want the same unit or number: one of them could be refused for what
/// another one gives back.
pub(super) async fn claim_and_place(
    connection: &mut SqliteConnection,
    attempts: &[&NewAttempt],
    holds: &[HoldToPlace<'_>],
) -> SqliteResult<(Vec<Claim>, Vec<PlaceOutcome>)> {
    let trips = Trips {
        begins: false,
        commits: false,
    };
    let written = claim_and_place_in(connection, attempts, holds, trips).await?;
    Ok((written.claims, written.places))
}

/// What became of attempts and holds.
struct Written {
    claims: Vec<Claim>,
    places: Vec<PlaceOutcome>,
    is_committed: bool,
}

async fn claim_and_place_in(
    connection: &mut SqliteConnection,
    attempts: &[&NewAttempt],
    holds: &[HoldToPlace<'_>],
    trips: Trips,
) -> SqliteResult<Written> {
    let (known, taken) = read_and_take(connection, attempts, holds, trips.begins).await?;
    let decided = attempts::decide_claims(attempts, &taken.states, &known);
    for over in &decided.over {
        let free = sqlx::query(crate::store::attempts::FREE_KEY).bind(over);
        free.execute(&mut *connection).await?;
    }
    taken.give_back(connection, holds).await?;
    let attempts: Vec<Value> = decided.new.into_iter().map(attempts::encode_attempt).collect();
    let complete = holds.iter().filter(|new| taken.is_complete(new));
    let complete: Vec<Value> = complete.map(new_holds::encode_hold).collect();
    let is_written = !attempts.is_empty() || !complete.is_empty();
    if is_written {
        let statements = if trips.commits { &WRITE_AND_COMMIT } else { &WRITE };
        let write = sqlx::query(statements.as_str())
            .bind(Json(attempts))
            .bind(Json(complete))
            .bind(TransitionReason::Placed.code())
            .bind(TransitionReason::Placed.to_string());
        fetch_each(connection, write).await?;
    }
    Ok(Written {
        claims: decided.claims,
        places: holds.iter().map(|new| taken.outcome(new)).collect(),
        is_committed: is_written && trips.commits,
    })
}

async fn read_and_take(
    connection: &mut SqliteConnection,
    attempts: &[&NewAttempt],
    holds: &[HoldToPlace<'_>],
    begins: bool,
) -> SqliteResult<(Vec<KnownAttemptRow>, Taken)> {
    let ids = attempts.iter().map(|attempt| attempt.terms.hold.0);
    let ids: Vec<Uuid> = ids.chain(holds.iter().map(|new| new.booking.hold.id.0)).collect();
    let keys = attempts.iter().filter_map(|attempt| attempt.key.as_ref());
    let offers: Vec<Value> = holds.iter().flat_map(allowances::encode_offers).collect();
    let units = holds
        .iter()
        .flat_map(|new| occupancy::encode_units(new.booking.hold.id, new.offers.len(), new.units));
    let units: Vec<Value> = units.collect();
    let statements = if begins {
        &BEGIN_READ_AND_TAKE
    } else {
        &READ_AND_TAKE
    };
    let statements = sqlx::query(statements.as_str())
        .bind(Json(ids))
        .bind(Json(crate::store::attempts::stored_texts(keys)))
        .bind(Json(offers))
        .bind(Json(units));
    let mut rows = fetch_each(connection, statements).await?;
    if begins {
        rows.remove(0);
    }
    let [states, known, numbers, units] = <[Vec<SqliteRow>; 4]>::try_from(rows)
        .map_err(|_| encoding::unreadable_column("statements", "of another number"))?;
    let states = decode_rows::<AttemptStateRow>(&states)?.into_iter();
    let taken = Taken {
        states: states.map(|row| (HoldId(row.hold_id.0), row)).collect(),
        numbers: count_of_holds(&numbers)?,
        units: count_of_holds(&units)?,
    };
    Ok((decode_rows(&known)?, taken))
}

fn decode_rows<R: for<'r> FromRow<'r, SqliteRow>>(rows: &[SqliteRow]) -> sqlx::Result<Vec<R>> {
    rows.iter().map(R::from_row).collect()
}

/// Counts the rows of each hold.
fn count_of_holds(rows: &[SqliteRow]) -> sqlx::Result<BTreeMap<HoldId, usize>> {
    let mut counts = BTreeMap::new();
    for (DbUuid(hold),) in decode_rows::<(DbUuid,)>(rows)? {
        *counts.entry(HoldId(hold)).or_default() += 1;
    }
    Ok(counts)
}
