//! Replacing a guest's unpaid hold by another one, and what a checkout needs to know for that.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::availability::estimate_reading;
use super::changes::HoldChange;
use super::group_commit::GroupItem;
use super::placements::{HoldLimits, PlaceOutcome};
use super::{StoreError, encoding};
use crate::domain::booking::{Booking, ClientId};
use crate::domain::hold_limit::{AllowanceOffer, HeldAllowance};
use crate::domain::ids::{HoldId, ResourceId};
use crate::domain::segment::Allocation;
use crate::domain::time::Window;

/// A hold to place in place of an earlier unpaid one of the same guest.
#[derive(Clone, Debug)]
pub struct Replacement<'a> {
    /// The hold that is replaced.
    pub earlier: HoldId,
    /// What becomes of it in the same transaction.
    pub fate: EarlierFate,
    /// The hold to place, and its booking.
    pub booking: &'a Booking,
    /// The units that it takes.
    pub units: &'a [Allocation],
    /// The limits in which the earlier hold does not count.
    pub limits: &'a HoldLimits,
    /// The numbers that the earlier hold has of the other limits: it gives them to the new hold, so that they count once.
    pub inherited: &'a [AllowanceOffer],
    /// Whether the earlier hold was extended, and the new one keeps its time: then it cannot be extended again.
    pub is_extended: bool,
    /// The present, by the database's clock.
    pub now: DateTime<Utc>,
}

/// What becomes of a hold that is replaced, in the transaction that places the other one.
#[derive(Clone, Debug)]
pub enum EarlierFate {
    /// It keeps its slot, and is due at once: Stripe is to expire its session.
    Kept {
        /// The version on which this was decided.
        version: i64,
    },
    /// This change releases it, because its session is expired. The new hold may take its units.
    Released(Box<HoldChange>),
    /// It was released before.
    Over,
}

/// The result of replacing a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplaceOutcome {
    /// What became of the new hold. If it is not placed, nothing has changed.
    Decided(PlaceOutcome),
    /// The earlier hold has changed since the decision: decide again. Nothing has changed.
    Conflict,
}

/// New details of a hold that its guest goes on with.
#[derive(Clone, Debug)]
pub struct NewDetails<'a> {
    /// The hold, and the version on which this was decided.
    pub booking: &'a Booking,
    /// The name of the guest, if any.
    pub name: Option<&'a str>,
    /// The caller's own pairs.
    pub metadata: &'a std::collections::BTreeMap<String, String>,
    /// The present, by the database's clock.
    pub now: DateTime<Utc>,
}

/// A question about who keeps a slot.
#[derive(Clone, Debug)]
pub struct OwnHoldQuery {
    /// The resources of the slot.
    pub resources: Vec<ResourceId>,
    /// The time that it occupies.
    pub within: Window,
    /// The guest, by the normalized e-mail address.
    pub guest: String,
    /// The client that the request came from.
    pub client: ClientId,
    /// A hold that does not count.
    pub except: Option<HoldId>,
}

impl GroupItem for OwnHoldQuery {
    type Touched = ();

    fn touch(&mut self, (): &mut ()) -> bool {
        true
    }

    fn estimate_work(&self) -> usize {
        estimate_reading(self.resources.len(), self.within)
    }
}

/// The answers to so many queries, of which those with these numbers are answered with yes.
pub(super) fn answer_each(queries: usize, yes: &[i32]) -> Vec<bool> {
    (0..).take(queries).map(|number| yes.contains(&number)).collect()
}

/// Replacing holds in the database; one method is one transaction.
#[async_trait]
pub trait Replacements {
    /// Places a hold in place of an earlier one, all or nothing, and marks the earlier one as replaced.
    async fn replace_hold(&self, replacement: &Replacement<'_>) -> Result<ReplaceOutcome, StoreError>;
    /// Writes new details of a `held` hold with a history line; `false` if the hold has changed since the decision.
    async fn update_details(&self, details: &NewDetails<'_>) -> Result<bool, StoreError>;
    /// Lists the allowances that a hold has.
    async fn list_allowances(&self, hold: HoldId) -> Result<Vec<HeldAllowance>, StoreError>;
    /// Tells whether an unpaid hold of this guest from this client keeps a part of the slot.
    async fn is_kept_by_guest(&self, query: &OwnHoldQuery) -> Result<bool, StoreError>;
}

/// Marks held hold `$1` of version `$3` as replaced by `$2`, and due for its release at `$4`.
pub(super) const MARK_KEPT: &str = "UPDATE holds SET replaced_by = $2, requested_by = 'guest',
         due_at = CASE WHEN due_at < $4 THEN due_at ELSE $4 END, version = version + 1, updated_at = $4
     WHERE id = $1 AND version = $3 AND status = 'held'";

/// Marks hold `$1`, which is over, as replaced by `$2`.
pub(super) const MARK_OVER: &str =
    "UPDATE holds SET replaced_by = $2 WHERE id = $1 AND status IN ('released', 'cancelled')";

/// Takes the number of the limit with scope `$2` and subject `$3` from hold `$1`.
pub(super) const FREE_NUMBER: &str =
    "DELETE FROM allowances WHERE hold_id = $1 AND scope = $2 AND subject = $3";

/// Lists the allowances of hold `$1`.
pub(super) const LIST_ALLOWANCES: &str = "SELECT scope, subject, number FROM allowances WHERE hold_id = $1";

/// Writes name `$3` and metadata `$4` of held hold `$1` of version `$2` at `$5`.
pub(super) const UPDATE_DETAILS: &str =
    "UPDATE holds SET guest_name = $3, metadata = $4, version = version + 1, updated_at = $5
     WHERE id = $1 AND version = $2 AND status = 'held'";

/// The transition code of the history line of new details.
pub(super) const DETAILS_CHANGED: &str = "details_changed";

/// The message of that line.
pub(super) const DETAILS_MESSAGE: &str = "the guest goes on with new details";

/// The message of the line that says that a hold has the extension of the earlier one.
pub(super) const EXTENDED_BEFORE: &str = "the hold that it replaces was extended";

/// Defines the functions that write what becomes of the earlier hold, in the caller's transaction: for the engine's connection and
/// its result. The statements and their order are the same in both engines.
macro_rules! define_earlier_writes {
    ($connection:ty, $result:ident) => {
        /// Does with the earlier hold what was decided; `false` if it has changed since.
        async fn decide_earlier(
            connection: &mut $connection,
            replacement: &Replacement<'_>,
        ) -> $result<bool> {
            let (earlier, new) = (replacement.earlier, replacement.booking.hold.id);
            if let EarlierFate::Kept { version } = &replacement.fate {
                let marked = sqlx::query(replacements::MARK_KEPT)
                    .bind(DbUuid(earlier.0))
                    .bind(DbUuid(new.0))
                    .bind(version)
                    .bind(DbTime(replacement.now))
                    .execute(&mut *connection)
                    .await?;
                return Ok(marked.rows_affected() == 1 && free_numbers(connection, replacement).await?);
            }
            if let EarlierFate::Released(change) = &replacement.fate
                && !matches!(
                    apply_in(&mut *connection, change).await?,
                    ApplyOutcome::Done { .. }
                )
            {
                return Ok(false);
            }
            let marked = sqlx::query(replacements::MARK_OVER)
                .bind(DbUuid(earlier.0))
                .bind(DbUuid(new.0));
            Ok(marked.execute(connection).await?.rows_affected() == 1)
        }

        /// Notes that the new hold has the extension of the earlier one, if it was placed.
        async fn note_extension(
            connection: &mut $connection,
            replacement: &Replacement<'_>,
            placed: PlaceOutcome,
        ) -> $result<()> {
            if replacement.is_extended && placed.is_placed() {
                let (hold, now) = (replacement.booking.hold.id, replacement.now);
                let line = insert_note!(hold, now, EXTENDED, replacements::EXTENDED_BEFORE);
                line.execute(connection).await?;
            }
            Ok(())
        }

        /// Takes from the earlier hold the numbers that the new one inherits; `false` if it does not have them any more.
        async fn free_numbers(connection: &mut $connection, replacement: &Replacement<'_>) -> $result<bool> {
            for offer in replacement.inherited {
                let freed = sqlx::query(replacements::FREE_NUMBER)
                    .bind(DbUuid(replacement.earlier.0))
                    .bind(encoding::encode_limit_scope(offer.limit.scope))
                    .bind(&offer.limit.subject)
                    .execute(&mut *connection)
                    .await?;
                if freed.rows_affected() != 1 {
                    return Ok(false);
                }
            }
            Ok(true)
        }
    };
}
pub(super) use define_earlier_writes;

/// Binds the values of [`UPDATE_DETAILS`].
macro_rules! update_details {
    ($details:expr) => {
        sqlx::query(crate::store::replacements::UPDATE_DETAILS)
            .bind(crate::store::columns::DbUuid($details.booking.hold.id.0))
            .bind($details.booking.version)
            .bind($details.name)
            .bind(sqlx::types::Json($details.metadata))
            .bind(crate::store::columns::DbTime($details.now))
    };
}
pub(super) use update_details;

/// Writes the history line of new details.
macro_rules! details_line {
    ($details:expr) => {
        crate::store::changes::insert_note!(
            $details.booking.hold.id,
            $details.now,
            crate::store::replacements::DETAILS_CHANGED,
            crate::store::replacements::DETAILS_MESSAGE
        )
    };
}
pub(super) use details_line;

#[derive(sqlx::FromRow)]
pub(super) struct HeldAllowanceRow {
    scope: String,
    subject: String,
    number: i32,
}

impl HeldAllowanceRow {
    /// All allowances, in the order of the rows.
    pub(super) fn decode_all(rows: Vec<Self>) -> Result<Vec<HeldAllowance>, StoreError> {
        let decode = |row: Self| {
            Ok(HeldAllowance {
                scope: encoding::decode_limit_scope(&row.scope)?,
                subject: row.subject,
                number: row.number.unsigned_abs(),
            })
        };
        rows.into_iter().map(decode).collect()
    }
}

impl Replacement<'_> {
    /// All numbers that the new hold is offered.
    pub(super) fn offers(&self) -> Vec<AllowanceOffer> {
        let all = self.inherited.iter().chain(&self.limits.allowances);
        all.cloned().collect()
    }
}
