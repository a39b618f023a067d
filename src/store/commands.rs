//! The outbox: commands that Stripe must receive, each written once, leased and finished (I7).

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::columns::{DbTime, DbUuid};
use super::lease_request::LeaseRequest;
use super::{StoreError, encoding, paging};
use crate::domain::booking::Actor;
use crate::domain::command::{Command, CommandAction, STUCK_AFTER};
use crate::domain::ids::{CommandId, HoldId, SessionId};
use crate::domain::listing::{CommandFilter, Page, PageRequest};

/// Commands in the database; one method is one transaction.
#[async_trait]
pub trait Commands {
    /// Leases commands that are due, oldest first.
    async fn lease_commands(&self, request: &LeaseRequest) -> Result<Vec<Command>, StoreError>;
    /// Leases one command, due or not. `None` if it is done or leased elsewhere.
    async fn lease_command(&self, id: CommandId, lease: Duration) -> Result<Option<Command>, StoreError>;
    /// Marks a command as done: Stripe has given its final answer, which is the same whichever worker got it. The payment of a
    /// refund without a hold takes notice; the hold of another one does not count as having noticed, whatever it has read before.
    async fn finish_command(&self, command: &Command, now: DateTime<Utc>) -> Result<(), StoreError>;
    /// Notes that the call of a command is tried now for the first time, unless that is noted already.
    async fn begin_command(&self, id: CommandId, now: DateTime<Utc>) -> Result<(), StoreError>;
    /// Records a failed try: counts it, stores the error, and returns the command until `due_at`. With a `key`, that is the
    /// idempotency key of the next call. Does nothing if another worker has leased it since: a key of its own would let both
    /// refund, and the end of its lease would let a third one in.
    async fn fail_command(
        &self,
        command: &Command,
        error: &str,
        due_at: DateTime<Utc>,
        key: Option<&str>,
    ) -> Result<(), StoreError>;
    /// Returns a leased command until `due_at`, because Stripe has answered and the answer is not final. It counts as no
    /// failure, and clears earlier ones. Does nothing if another worker has leased the command since.
    async fn defer_command(&self, command: &Command, due_at: DateTime<Utc>) -> Result<(), StoreError>;
    /// Records that a person must decide whether an earlier version carried out this command: it counts as stuck, and is
    /// looked at again at `due_at`. Does nothing if somebody has decided, or another worker has leased it since.
    async fn await_decision(
        &self,
        command: &Command,
        error: &str,
        due_at: DateTime<Utc>,
    ) -> Result<(), StoreError>;
    /// Records that `actor` ordered anew what an earlier version had ordered.
    async fn order_command(&self, id: CommandId, actor: &Actor) -> Result<(), StoreError>;
    /// Reads one command by its id.
    async fn find_command(&self, id: CommandId) -> Result<Option<Command>, StoreError>;
    /// Lists commands, newest first.
    async fn list_commands(
        &self,
        filter: CommandFilter,
        page: &PageRequest,
    ) -> Result<Page<Command>, StoreError>;
    /// Makes a pending command due now. `None` if there is no such pending command.
    async fn retry_command(&self, id: CommandId, now: DateTime<Utc>) -> Result<Option<Command>, StoreError>;
    /// Deletes at most `limit` commands that were done before `before`; returns how many. Refunds stay, because their
    /// payments do.
    async fn delete_done_commands(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError>;
}

/// The command that expires the session of a lost or abandoned attempt.
pub(super) fn expire_session(session: &SessionId) -> CommandAction {
    CommandAction::ExpireSession(session.clone())
}

#[derive(sqlx::FromRow)]
pub(super) struct CommandRow {
    id: DbUuid,
    deduplication_key: String,
    kind: String,
    hold_id: Option<DbUuid>,
    session_id: Option<String>,
    intent_id: Option<String>,
    amount: Option<i64>,
    currency: Option<String>,
    tries: i32,
    due_at: DbTime,
    leased_until: Option<DbTime>,
    last_error: Option<String>,
    created_at: DbTime,
    done_at: Option<DbTime>,
    stripe_key: Option<String>,
    first_tried_at: Option<DbTime>,
    ordered_by: Option<String>,
}

/// The columns of [`CommandRow`].
macro_rules! command_columns {
    () => {
        "id, deduplication_key, kind, hold_id, session_id, intent_id, amount, currency, tries, due_at, leased_until, last_error, \
         created_at, done_at, stripe_key, first_tried_at, ordered_by"
    };
}
pub(super) use command_columns;

/// Finds the command with id `$1`.
pub(super) const FIND: &str = concat!("SELECT ", command_columns!(), " FROM commands WHERE id = $1");

/// Notes the first try of command `$1` at `$2`.
pub(super) const BEGIN: &str =
    "UPDATE commands SET first_tried_at = coalesce(first_tried_at, $2) WHERE id = $1";

/// Stores error `$2` of command `$1`, whose lease ends at `$5`, due again at `$3`, with the key `$4` if it is not null.
pub(super) const FAIL: &str =
    "UPDATE commands SET tries = tries + 1, last_error = $2, due_at = $3, leased_until = NULL,
         stripe_key = coalesce($4, stripe_key)
     WHERE id = $1 AND done_at IS NULL AND leased_until = $5";

/// Returns command `$1`, whose lease ends at `$2`, until `$3` without a failure.
pub(super) const DEFER: &str =
    "UPDATE commands SET tries = 0, last_error = NULL, due_at = $3, leased_until = NULL
     WHERE id = $1 AND done_at IS NULL AND leased_until = $2";

/// Stores error `$2` of command `$1`, whose lease ends at `$5`, due again at `$3`, which counts as tried `$4` times at least.
/// Nobody has ordered it anew.
pub(super) const AWAIT_DECISION: &str =
    "UPDATE commands SET tries = CASE WHEN tries < $4 THEN $4 ELSE tries + 1 END, last_error = $2, due_at = $3, leased_until = NULL
     WHERE id = $1 AND done_at IS NULL AND ordered_by IS NULL AND leased_until = $5";

/// Defines the function that notes what has become of a payment without a hold, in the caller's transaction: for the engine's
/// connection and its result. The engine's `payments` and `enqueue` write it.
macro_rules! define_note_orphan {
    ($connection:ty, $result:ident) => {
        /// Notes what has become of a payment that has no hold: no decision about a hold would. Orders what is left of it if
        /// Stripe refused the order because a part had gone back by hand.
        pub(super) async fn note_orphan(
            connection: &mut $connection,
            intent: &IntentId,
            now: DateTime<Utc>,
        ) -> $result<()> {
            let Some(mut payment) = payments::find_orphan(connection, intent).await? else {
                return Ok(());
            };
            let rest = payment.order_rest();
            if payment.note() || rest.is_some() {
                payments::upsert(connection, None, &payment, now).await?;
            }
            if let Some(rest) = &rest {
                let by = Some(encoding::ORDERED_BY_HOLDFAST);
                enqueue(&mut *connection, None, rest, by, now).await?;
            }
            match payment.waits_for_hold() {
                // The hold takes notice, if it is placed.
                true => Ok(()),
                false => payments::mark_noted(connection, intent).await,
            }
        }
    };
}
pub(super) use define_note_orphan;

/// Notes that `$2` ordered pending command `$1`.
pub(super) const ORDER: &str =
    "UPDATE commands SET ordered_by = $2 WHERE id = $1 AND done_at IS NULL AND ordered_by IS NULL";

/// Marks command `$1` as done at `$2`.
pub(super) const FINISH: &str =
    "UPDATE commands SET done_at = $2, leased_until = NULL WHERE id = $1 AND done_at IS NULL";

/// Makes pending command `$1` due at `$2`.
pub(super) const RETRY: &str = concat!(
    "UPDATE commands SET due_at = $2 WHERE id = $1 AND done_at IS NULL RETURNING ",
    command_columns!()
);

/// Builds the statement that lists commands, newest first; `None` after the end of the list.
macro_rules! list_query {
    ($filter:expr, $page:expr) => {{
        let (is_done, tries) = $crate::store::commands::list_parameters($filter);
        $crate::store::paging::timed_start($page).map(|(at, id)| {
            sqlx::query_as($crate::store::commands::LIST)
                .bind(is_done)
                .bind(tries)
                .bind($crate::store::columns::DbTime(at))
                .bind($crate::store::columns::DbUuid(id))
                .bind($crate::store::paging::rows_wanted($page))
        })
    }};
}
pub(super) use list_query;

/// Lists commands before `($3, $4)`: done ones or not (`$1`), with at least `$2` tries.
pub(super) const LIST: &str = concat!(
    "SELECT ",
    command_columns!(),
    " FROM commands
     WHERE (done_at IS NOT NULL) = $1 AND tries >= $2 AND (created_at, id) < ($3, $4)
     ORDER BY created_at DESC, id DESC LIMIT $5"
);

/// What [`LIST`] is asked for, as its first two parameters.
pub(super) fn list_parameters(filter: CommandFilter) -> (bool, i64) {
    match filter {
        CommandFilter::Pending => (false, 0),
        CommandFilter::Stuck => (false, i64::from(STUCK_AFTER)),
        CommandFilter::Done => (true, 0),
    }
}

impl CommandRow {
    pub(super) fn decode(self) -> Result<Command, StoreError> {
        let money = match (self.amount, &self.currency) {
            (Some(amount), Some(currency)) => Some(encoding::decode_money(amount, currency)?),
            _ => None,
        };
        Ok(Command {
            id: CommandId(self.id.0),
            stripe_key: self.stripe_key,
            first_tried_at: self.first_tried_at.map(|at| at.0),
            ordered_by: self.ordered_by,
            hold: self.hold_id.map(|id| HoldId(id.0)),
            action: encoding::decode_command(
                &self.kind,
                &self.deduplication_key,
                self.session_id,
                self.intent_id,
                money,
            )?,
            tries: self.tries.unsigned_abs(),
            due_at: self.due_at.0,
            leased_until: self.leased_until.map(|at| at.0),
            last_error: self.last_error,
            created_at: self.created_at.0,
            done_at: self.done_at.map(|at| at.0),
        })
    }

    /// One command, if there is one.
    pub(super) fn decode_optional(row: Option<Self>) -> Result<Option<Command>, StoreError> {
        row.map(Self::decode).transpose()
    }

    /// The leased commands, oldest first: `RETURNING` guarantees no order.
    pub(super) fn decode_leased(mut rows: Vec<Self>) -> Result<Vec<Command>, StoreError> {
        rows.sort_by_key(|row| row.due_at);
        rows.into_iter().map(Self::decode).collect()
    }

    /// A page of commands, cut off rows that were read with [`LIST`].
    pub(super) fn decode_page(rows: Vec<Self>, page: &PageRequest) -> Result<Page<Command>, StoreError> {
        let rows = paging::cut_page(rows, page, |row| paging::timed(row.created_at.0, row.id.0));
        paging::decode_page(rows, Self::decode)
    }
}
