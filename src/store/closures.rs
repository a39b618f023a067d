//! Closures, and the blocks by which they keep resources busy. Triggers write those blocks: they are as many as there are
//! resources, in whatever order closures and resources are written.

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use sqlx::types::Json;

use super::availability::decode_window;
use super::columns::DbTime;
use super::{StoreError, encoding, paging};
use crate::domain::catalogue::{BlockConflict, UnknownResources};
use crate::domain::closure::{Closure, ClosureZones, DatedClosure};
use crate::domain::ids::{ClosureId, ResourceId};
use crate::domain::listing::{Page, PageRequest, PutOutcome};
use crate::domain::zone::{ZoneName, ZoneRules};

/// Closures in the database; one method is one transaction.
#[async_trait]
pub trait Closures {
    /// Writes a closure, in the zone that closures have then. When this returns, no new hold can be placed in it. Live holds that it
    /// overlaps stay and are returned.
    async fn put_closure(
        &self,
        closure: &Closure,
        zones: ClosureZones<'_>,
        now: DateTime<Utc>,
    ) -> Result<Result<(PutOutcome, DatedClosure, Vec<BlockConflict>), ClosureRefusal>, StoreError>;
    /// Moves the closures whose days are at another time by now, because the zone of closures or its rules have changed. What changes
    /// a schedule does so in its own transaction.
    async fn date_closures(&self, zones: ClosureZones<'_>) -> Result<(), StoreError>;
    /// Reads one closure by its id.
    async fn find_closure(&self, id: &ClosureId) -> Result<Option<DatedClosure>, StoreError>;
    /// Lists the live holds that a closure overlaps.
    async fn list_closure_conflicts(&self, id: &ClosureId) -> Result<Vec<BlockConflict>, StoreError>;
    /// Lists closures, newest first.
    async fn list_closures(&self, page: &PageRequest) -> Result<Page<DatedClosure>, StoreError>;
    /// Deletes a closure with its blocks. `false` if there is none.
    async fn delete_closure(&self, id: &ClosureId) -> Result<bool, StoreError>;
}

/// Why a closure is not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClosureRefusal {
    /// Something names resources that do not exist.
    UnknownResources(UnknownResources),
    /// The zone of closures skips all days of this closure.
    NoSuchDay(ClosureId),
}

impl From<UnknownResources> for ClosureRefusal {
    fn from(unknown: UnknownResources) -> Self {
        Self::UnknownResources(unknown)
    }
}

/// Neither the zone of the schedules nor the configured one has rules.
#[derive(Debug, thiserror::Error)]
#[error("the rules of the time zone of closures are not known")]
struct NoClosureZone;

/// Chooses the zone of closures among those of all schedules, each named once, and the configured one.
pub(super) fn choose_zone<'a>(
    of_schedules: &[String],
    zones: ClosureZones<'a>,
) -> Result<(ZoneName, &'a ZoneRules), StoreError> {
    let chosen = zones.choose(of_schedules);
    chosen.ok_or_else(|| StoreError::Broken(Box::new(NoClosureZone)))
}

/// Writes a closure, all columns in their order.
macro_rules! upsert_closure {
    () => {
        "INSERT INTO closures (id, first_day, last_day, note, resources, timezone, starts_at, ends_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (id) DO UPDATE SET
             first_day = excluded.first_day, last_day = excluded.last_day, note = excluded.note,
             resources = excluded.resources, timezone = excluded.timezone, starts_at = excluded.starts_at,
             ends_at = excluded.ends_at"
    };
}
pub(super) use upsert_closure;

/// Binds a closure to the parameters of [`upsert_closure`].
macro_rules! bind_closure {
    ($query:expr, $dated:expr, $now:expr) => {
        $query
            .bind($dated.closure.id.as_str().to_owned())
            .bind($dated.closure.first_day)
            .bind($dated.closure.last_day)
            .bind($dated.closure.note.clone())
            .bind($crate::store::closures::encode_resources(
                $dated.closure.resources.as_deref(),
            ))
            .bind($dated.timezone.as_str().to_owned())
            .bind($crate::store::columns::DbTime($dated.window.starts_at()))
            .bind($crate::store::columns::DbTime($dated.window.ends_at()))
            .bind($crate::store::columns::DbTime($now))
    };
}
pub(super) use bind_closure;

/// Builds the statement that writes the zone and the time of a closure.
macro_rules! date_closure {
    ($dated:expr) => {
        sqlx::query("UPDATE closures SET timezone = $2, starts_at = $3, ends_at = $4 WHERE id = $1")
            .bind($dated.closure.id.as_str())
            .bind($dated.timezone.as_str())
            .bind($crate::store::columns::DbTime($dated.window.starts_at()))
            .bind($crate::store::columns::DbTime($dated.window.ends_at()))
    };
}
pub(super) use date_closure;

/// The ids of resources as the column has them.
pub(super) fn encode_resources(resources: Option<&[ResourceId]>) -> Option<Json<Vec<String>>> {
    resources.map(|resources| Json(resources.iter().map(ToString::to_string).collect()))
}

/// Selects the columns of [`ClosureRow`]s.
macro_rules! select_closures {
    ($rest:literal) => {
        concat!(
            "SELECT seq, id, first_day, last_day, note, resources, timezone, starts_at, ends_at FROM closures ",
            $rest
        )
    };
}

/// Finds the closure with id `$1`.
pub(super) const FIND: &str = select_closures!("WHERE id = $1");

/// Lists closures before number `$1`, at most `$2`.
pub(super) const LIST: &str = select_closures!("WHERE seq < $1 ORDER BY seq DESC LIMIT $2");

/// Lists all closures, in the order in which their events are written.
pub(super) const LIST_ALL: &str = select_closures!("ORDER BY seq");

/// Deletes closure `$1`; its blocks go with it.
pub(super) const DELETE: &str = "DELETE FROM closures WHERE id = $1";

#[derive(sqlx::FromRow)]
pub(super) struct ClosureRow {
    seq: i64,
    id: String,
    first_day: NaiveDate,
    last_day: NaiveDate,
    note: String,
    resources: Option<Json<Vec<String>>>,
    timezone: String,
    starts_at: DbTime,
    ends_at: DbTime,
}

impl ClosureRow {
    fn decode(self) -> Result<DatedClosure, StoreError> {
        let resources = self.resources.map(|Json(ids)| {
            let ids = ids.iter().map(|id| encoding::decode_resource_id(id));
            ids.collect::<Result<Vec<_>, StoreError>>()
        });
        Ok(DatedClosure {
            closure: Closure {
                id: encoding::decode_closure_id(&self.id)?,
                first_day: self.first_day,
                last_day: self.last_day,
                note: self.note,
                resources: resources.transpose()?,
            },
            timezone: ZoneName::new(self.timezone),
            window: decode_window((self.starts_at.0, self.ends_at.0))?,
        })
    }

    /// One closure, if there is one.
    pub(super) fn decode_optional(row: Option<Self>) -> Result<Option<DatedClosure>, StoreError> {
        row.map(Self::decode).transpose()
    }

    /// The closures whose days are at another time in the zone of closures, as they are there. One whose days the zone skips keeps its
    /// time: it closes rather too much than too little.
    pub(super) fn list_moved(
        rows: Vec<Self>,
        zone: &ZoneName,
        rules: &ZoneRules,
    ) -> Result<Vec<DatedClosure>, StoreError> {
        let mut moved = Vec::new();
        for row in rows {
            let known = row.decode()?;
            let dated = known.closure.date_in(zone.clone(), rules);
            moved.extend(dated.filter(|dated| *dated != known));
        }
        Ok(moved)
    }

    /// A page of closures, cut off rows that were read with [`LIST`].
    pub(super) fn decode_page(rows: Vec<Self>, page: &PageRequest) -> Result<Page<DatedClosure>, StoreError> {
        let rows = paging::cut_page(rows, page, |row| paging::numbered(row.seq));
        paging::decode_page(rows, Self::decode)
    }
}
