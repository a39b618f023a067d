//! Writes of one kind of caller each that share a transaction: SQLite has one writer, which takes all that waits for it.

use sqlx::{Sqlite, Transaction};

use super::error::SqliteResult;
use super::groups::{GroupWrite, WriteVerdict, foreign_verdict};
use super::{SqliteStore, attempts, event_changes, new_holds};
use crate::store::StoreError;
use crate::store::attempts::Claim;
use crate::store::changes::ApplyOutcome;
use crate::store::group_commit::run_statements;
use crate::store::placements::{HoldToPlace, PlaceOutcome};

impl SqliteStore {
    /// Runs a write as one of a group, or alone.
    pub(super) async fn write_in_group(
        &self,
        write: impl Fn() -> GroupWrite,
    ) -> Result<WriteVerdict, StoreError> {
        let alone = async {
            let verdicts = self.write_all(self.begin().await?, &[write()]).await?;
            verdicts.into_iter().flatten().next().ok_or_else(foreign_verdict)
        };
        self.write_in_group_or(write(), alone).await
    }

    /// Runs a write as one of a group, or `alone`.
    pub(super) async fn write_in_group_or(
        &self,
        write: GroupWrite,
        alone: impl Future<Output = Result<WriteVerdict, StoreError>>,
    ) -> Result<WriteVerdict, StoreError> {
        let store = self.clone();
        let run_group = move |writes: Vec<GroupWrite>| {
            let store = store.clone();
            async move {
                let statements = |transaction| store.write_all(transaction, &writes);
                run_statements(store.read_timeout, store.begin(), statements).await
            }
        };
        self.groups.writes.submit(write, run_group, alone).await
    }

    /// Runs the writes of a group, or a write alone, in one transaction, claims first and events last. A hold that gets no number of those that a
    /// group offers it has no verdict, so that its caller tries all of them.
    async fn write_all(
        &self,
        mut transaction: Transaction<'static, Sqlite>,
        writes: &[GroupWrite],
    ) -> Result<Vec<Option<WriteVerdict>>, StoreError> {
        let done = run_writes(&mut transaction, writes).await?;
        if done.is_written() {
            self.commit(transaction).await?;
        } else {
            self.roll_back(transaction).await?;
        }
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

/// Runs the writes of a group.
async fn run_writes(
    connection: &mut sqlx::SqliteConnection,
    writes: &[GroupWrite],
) -> SqliteResult<GroupVerdicts> {
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
    Ok(GroupVerdicts {
        claims: attempts::claim_all(connection, &claims).await?,
        places: new_holds::place_all(connection, &places).await?,
        events: event_changes::apply_all(connection, &events).await?,
    })
}
