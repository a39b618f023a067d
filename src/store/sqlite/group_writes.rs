//! Writes of one kind of caller each that share a transaction: SQLite has one writer, which takes all that waits for it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

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
use super::one_trip::{JoinedStatements, fetch_each};
use super::{BEGIN, SqliteStore, allowances, attempts, event_changes, new_holds, occupancy};
use crate::domain::hold::TransitionReason;
use crate::domain::ids::HoldId;
use crate::store::attempts::{Claim, KnownAttemptRow, NewAttempt};
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
            let verdicts = self.write_all(self.begin_group().await?, &[write()]).await?;
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
                run_statements(store.read_timeout, store.begin_group(), statements).await
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

/// The writer with a transaction of a group. The driver does not know of it, because it commits in the same trip as the last statements.
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
    /// Begins the transaction of a group.
    async fn begin_group(&self) -> Result<GroupWriter, StoreError> {
        self.record_wait(self.try_begin_group()).await
    }

    async fn try_begin_group(&self) -> sqlx::Result<GroupWriter> {
        let mut writer = GroupWriter {
            connection: self.writer.acquire().await?,
            is_open: true,
        };
        let begun = sqlx::query(BEGIN).execute(&mut *writer.connection).await;
        // A connection on which no transaction has begun is kept.
        writer.is_open = begun.is_ok();
        begun.map(|_| writer)
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
    let connection = &mut writer.connection;
    let written = write_claims_and_places(connection, &claims, &places, events.is_empty()).await?;
    let done = GroupVerdicts {
        claims: written.claims,
        places: written.places,
        events: event_changes::apply_all(connection, &events).await?,
    };
    if written.is_committed {
        writer.is_open = false;
    } else {
        writer.end(done.is_written()).await?;
    }
    Ok(done)
}

const COMMIT: &str = "COMMIT";

/// Reads the attempts with ids `$1` and keys `$2`, and takes the numbers `$3` and the units `$4` for new holds.
static READ_AND_TAKE: LazyLock<JoinedStatements> = LazyLock::new(|| {
    JoinedStatements::new(&[
        attempts::FIND_STATES,
        attempts::FIND_BY_KEYS,
        allowances::TAKE,
        new_holds::TAKE_UNITS,
    ])
});

/// Writes new attempts `$1`, and the holds `$2` that have got their units and numbers, with their history and the end of their
/// attempts.
const WRITES: [&str; 4] = [
    attempts::INSERT,
    new_holds::CLOSE_ATTEMPTS,
    new_holds::INSERT,
    new_holds::INSERT_HISTORY,
];
static WRITE: LazyLock<JoinedStatements> = LazyLock::new(|| JoinedStatements::new(&WRITES));

static WRITE_AND_COMMIT: LazyLock<JoinedStatements> =
    LazyLock::new(|| JoinedStatements::new(&[&WRITES[..], &[COMMIT]].concat()));

/// Claims attempts and places holds in the caller's transaction, which may commit. Returns what became of each, in their order.
///
/// No two attempts may have the same key, and no two holds may want the same unit or number: one of them could be refused for what
/// another one gives back.
pub(super) async fn claim_and_place(
    connection: &mut SqliteConnection,
    attempts: &[&NewAttempt],
    holds: &[HoldToPlace<'_>],
) -> SqliteResult<(Vec<Claim>, Vec<PlaceOutcome>)> {
    let written = write_claims_and_places(connection, attempts, holds, false).await?;
    Ok((written.claims, written.places))
}

/// What became of attempts and holds.
#[derive(Default)]
struct Written {
    claims: Vec<Claim>,
    places: Vec<PlaceOutcome>,
    is_committed: bool,
}

/// Does the same as [`claim_and_place`], and commits in the same trip if it `commits` and anything is written.
async fn write_claims_and_places(
    connection: &mut SqliteConnection,
    attempts: &[&NewAttempt],
    holds: &[HoldToPlace<'_>],
    commits: bool,
) -> SqliteResult<Written> {
    if attempts.is_empty() && holds.is_empty() {
        return Ok(Written::default());
    }
    let (known, taken) = read_and_take(connection, attempts, holds).await?;
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
        let statements = if commits { &WRITE_AND_COMMIT } else { &WRITE };
        let write = statements
            .query()
            .bind(Json(attempts))
            .bind(Json(complete))
            .bind(TransitionReason::Placed.code())
            .bind(TransitionReason::Placed.to_string());
        fetch_each(connection, statements, write).await?;
    }
    Ok(Written {
        claims: decided.claims,
        places: holds.iter().map(|new| taken.outcome(new)).collect(),
        is_committed: is_written && commits,
    })
}

async fn read_and_take(
    connection: &mut SqliteConnection,
    attempts: &[&NewAttempt],
    holds: &[HoldToPlace<'_>],
) -> SqliteResult<(Vec<KnownAttemptRow>, Taken)> {
    let ids = attempts.iter().map(|attempt| attempt.terms.hold.0);
    let ids: Vec<Uuid> = ids.chain(holds.iter().map(|new| new.booking.hold.id.0)).collect();
    let keys = attempts.iter().filter_map(|attempt| attempt.key.as_ref());
    let offers: Vec<Value> = holds.iter().flat_map(allowances::encode_offers).collect();
    let units = holds
        .iter()
        .flat_map(|new| occupancy::encode_units(new.booking.hold.id, new.offers.len(), new.units));
    let units: Vec<Value> = units.collect();
    let statements = READ_AND_TAKE
        .query()
        .bind(Json(ids))
        .bind(Json(crate::store::attempts::stored_texts(keys)))
        .bind(Json(offers))
        .bind(Json(units));
    let rows = fetch_each(connection, &READ_AND_TAKE, statements).await?;
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
