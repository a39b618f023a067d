//! The books: what the workflows ask of a database, and nothing about how one does it.
//!
//! One method is one transaction. Expected answers are values (`Placed | SlotTaken`, `Done | Lost | Seen`); a
//! [`StoreError`] is only for trouble. No method calls Stripe and none waits for anything but the database (I6).
//! Leases are taken and judged by the database's own clock, so that instances whose clocks differ do not take work
//! from one another; everything else that concerns time is told by the caller.
//!
//! `postgres/` and `sqlite/` have the same files; `rows.rs` is the only place where a state is spelled as text.
//! `tests/it/store_contract.rs` runs one suite over both.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::domain::availability::Availability;
use crate::domain::booking::{Actor, Booking, ClientId, HistoryLine};
use crate::domain::command::{Command, CommandAction};
use crate::domain::figures::Figures;
use crate::domain::hold::{ReleaseRequester, Transition};
use crate::domain::ids::{CommandId, EventId, HoldId, IdempotencyKey, SessionId};
use crate::domain::listing::{CommandFilter, HoldFilter, Page, PageRequest, StoredEvent};
use crate::domain::payment::Receipt;
use crate::domain::segment::Allocation;
use crate::domain::session::{HoldRefs, SessionTerms};

mod calendar_rows;
mod catalogue;
mod cursor;
mod effect;
mod placing;
pub mod postgres;
mod rehearsal;
mod rows;
pub mod sqlite;

pub use catalogue::Catalogue;
pub use cursor::is_cursor;
pub use placing::{AvailabilityQuery, HoldLimits, HoldMove, MoveOutcome, PlaceOutcome, UnpaidHoldCounts};

/// Trouble with the database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It is away, full or too busy; the same call may succeed later. Nothing is known about a commit that was under
    /// way: every method can be repeated.
    #[error("the database is unavailable")]
    Unavailable(#[source] sqlx::Error),
    /// It answered something that should not be possible: a bug, or a schema that is not ours.
    #[error("the database answered unexpectedly")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// How long an engine may take, and how much of it may be used at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolOptions {
    /// Connections at most; on SQLite those that read, beside the one that writes.
    pub max_connections: u32,
    /// How long to wait for a free connection.
    pub acquire_timeout: Duration,
    /// How long a statement may run.
    pub statement_timeout: Duration,
    /// How long a statement may wait for another's lock.
    pub lock_timeout: Duration,
}

impl Default for PoolOptions {
    /// Enough for one instance on a small server; well inside the 10 s that a caller waits.
    fn default() -> Self {
        Self {
            max_connections: 16,
            acquire_timeout: Duration::from_secs(4),
            statement_timeout: Duration::from_secs(5),
            lock_timeout: Duration::from_secs(3),
        }
    }
}

impl PoolOptions {
    /// For SQLite: no server can be away, so that who waits for a connection stands behind a crowd of this process, and
    /// may do so nearly as long as the crowd's patience lasts.
    #[must_use]
    pub fn of_one_process() -> Self {
        Self {
            acquire_timeout: Duration::from_secs(7),
            ..Self::default()
        }
    }
}

/// A checkout about to begin.
#[derive(Clone, Debug)]
pub struct NewAttempt {
    /// The session to be made, and the id of the hold to be placed.
    pub terms: SessionTerms,
    /// The caller's key.
    pub key: Option<IdempotencyKey>,
    /// SHA-256 of the request's body, in hex.
    pub fingerprint: String,
    /// The present.
    pub now: DateTime<Utc>,
    /// For how long it is its checkout's own; after that its process is taken for dead.
    pub lease: Duration,
}

/// The answer to a claim, or to a look at a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The attempt is ours: go on. (Of a look: nobody has the key, or its checkout is over.)
    Free,
    /// The first request with this key is still at it.
    Running,
    /// It has placed this hold, which is live.
    Placed(HoldId),
    /// The key was used with another body.
    Mismatch,
}

/// How an attempt ended, other than by placing a hold or losing the race for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptEnd {
    /// By its own checkout: Stripe surely made no session for it. One that the sweep has taken over stays with the
    /// sweep, which may have made a session since.
    Abandoned,
    /// By the sweep that has it: it left no session.
    NoSession,
    /// By its own checkout: Stripe may have made a session: the sweep must find out. The key is free again.
    Unsettled,
}

/// An attempt that nobody finished, leased to the caller.
#[derive(Clone, Debug)]
pub struct StaleAttempt {
    /// The session that it may have left at Stripe.
    pub terms: SessionTerms,
    /// Recoveries that failed so far.
    pub tries: u32,
}

/// The answer to a lease on a held hold.
#[derive(Clone, Debug)]
pub enum ReleaseLease {
    /// Ours until the lease runs out.
    Leased(Booking),
    /// Another has it just now.
    LeasedElsewhere,
    /// It is not `held` (any more).
    NotHeld(Booking),
    /// There is no such hold.
    Missing,
}

/// A webhook event as it is kept.
#[derive(Clone, Debug)]
pub struct EventRecord {
    /// Stripe's id of it; one is applied once.
    pub id: EventId,
    /// Its type, such as `checkout.session.completed`.
    pub kind: String,
    /// The body as it came, for a replay.
    pub payload: String,
}

/// A change to commit: event, effect, history and commands together (I5).
#[derive(Clone, Debug)]
pub struct HoldChange {
    /// The event that brought it, if one did.
    pub event: Option<EventRecord>,
    /// Which hold, and the version it was decided on.
    pub hold: HoldId,
    /// Compare-and-swap: applied only where the row still has this version.
    pub version: i64,
    /// What happens; `None` where only the event is to be remembered.
    pub step: Option<StateChange>,
    /// By whom.
    pub cause: Actor,
    /// The present.
    pub now: DateTime<Utc>,
    /// When the sweep should next ask Stripe about it, where the step changes that: for `processing`.
    /// A hold that is neither `held` nor `processing` afterwards is never due.
    pub check_at: Option<DateTime<Utc>>,
}

/// What happens to a hold.
#[derive(Clone, Debug)]
pub enum StateChange {
    /// This. It takes no slot that the hold does not have.
    Transition(Transition),
    /// The hold gets its slot back, and these are its segments from now on.
    Reclaim {
        /// What happens with it.
        transition: Transition,
        /// What it takes.
        units: Vec<Allocation>,
    },
}

/// The answer to a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApplyOutcome {
    /// Committed.
    Done {
        /// How many commands were written, which are to be run.
        orders: usize,
    },
    /// The hold has changed meanwhile, or someone else has a part of what it was to take back: decide again.
    Conflict,
    /// This event was applied before.
    Duplicate,
}

/// What the workflows ask of a database.
#[async_trait]
pub trait Store: Catalogue + Send + Sync + 'static {
    /// Applies the migrations that are missing, under a lock.
    async fn migrate(&self) -> Result<(), StoreError>;
    /// Whether the database answers and its schema is the one this program was built with.
    async fn is_ready(&self) -> Result<bool, StoreError>;
    /// The id of this installation, as the first migration made it.
    async fn installation_id(&self) -> Result<String, StoreError>;
    /// Plays a checkout through in a transaction that is rolled back: a placed hold, one that wants the same slot, an
    /// event with a payment, an order. Proves that this program's statements and this schema fit, that we may write,
    /// and that an overlap is refused (I1); not that a commit reaches the disk.
    async fn dry_run_checkout(&self, now: DateTime<Utc>) -> Result<(), StoreError>;
    /// Counts for metrics and `doctor`.
    async fn count_figures(&self, now: DateTime<Utc>) -> Result<Figures, StoreError>;

    /// Who has this key, without claiming it. A `placed` attempt whose hold is no longer live answers `Free`.
    async fn find_claim(&self, key: &IdempotencyKey, fingerprint: &str) -> Result<Claim, StoreError>;
    /// Writes the attempt as `running`, leased to its checkout. Where the key belongs to an attempt that is over (lost, abandoned, unsettled,
    /// or its hold no longer live), it is moved to the new one in the same transaction, whatever the fingerprint:
    /// the key is free then. Else nothing is written, and the answer says why.
    async fn claim_attempt(&self, attempt: &NewAttempt) -> Result<Claim, StoreError>;
    /// Ends an attempt without a hold; a checkout can end a `running` one only, the sweep an unsettled one only.
    async fn end_attempt(&self, hold: HoldId, end: AttemptEnd, now: DateTime<Utc>) -> Result<(), StoreError>;
    /// Leases attempts to be recovered: unsettled ones that are due, and those still `running` whose checkout's lease
    /// is over. Such a `running` one becomes unsettled, so that its own task can no longer place it.
    async fn lease_stale_attempts(
        &self,
        now: DateTime<Utc>,
        lease: Duration,
        limit: u32,
    ) -> Result<Vec<StaleAttempt>, StoreError>;
    /// Gives a leased attempt back, to be tried again at `due_at`; counts the try.
    async fn defer_attempt(&self, hold: HoldId, due_at: DateTime<Utc>) -> Result<(), StoreError>;
    /// A session turned up for an attempt that is not to be placed: closes it as abandoned and writes the command to
    /// expire the session, in one transaction.
    async fn abandon_attempt(
        &self,
        hold: HoldId,
        session: &SessionId,
        now: DateTime<Utc>,
    ) -> Result<CommandId, StoreError>;
    /// Deletes attempts that ended before `before`, at most `limit`; answers how many.
    async fn delete_old_attempts(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError>;

    /// What keeps resources busy, blocks included, and how they stand.
    async fn load_availability(&self, question: &AvailabilityQuery<'_>) -> Result<Availability, StoreError>;
    /// Places the hold with these units of its segments, first history line and attempt, all or nothing: the one place
    /// where it is decided who gets a slot (I1), and whether a guest has too many.
    async fn place_hold(
        &self,
        booking: &Booking,
        units: &[Allocation],
        limits: &HoldLimits,
    ) -> Result<PlaceOutcome, StoreError>;
    /// Closes a running attempt as `lost` and writes the command to expire its session, in one transaction; the
    /// command. `None` where someone else has closed it.
    async fn close_lost_attempt(
        &self,
        hold: HoldId,
        session: &SessionId,
        now: DateTime<Utc>,
    ) -> Result<Option<CommandId>, StoreError>;
    /// Moves a hold, all or nothing; may overlap its own old windows.
    async fn move_hold(&self, order: &HoldMove) -> Result<MoveOutcome, StoreError>;
    /// How many holds a person has `held`, and how that address has behaved.
    async fn count_unpaid_holds(
        &self,
        guest: &str,
        client: Option<&ClientId>,
    ) -> Result<UnpaidHoldCounts, StoreError>;
    /// Reads one.
    async fn find_booking(&self, id: HoldId) -> Result<Option<Booking>, StoreError>;
    /// The hold that Stripe means: by our id, else by session, else by intent (linked, or of a payment).
    async fn find_booking_by_refs(&self, refs: &HoldRefs) -> Result<Option<Booking>, StoreError>;
    /// Reads many.
    async fn list_bookings(
        &self,
        filter: &HoldFilter,
        page: &PageRequest,
    ) -> Result<Page<Booking>, StoreError>;
    /// A hold's history, oldest first.
    async fn list_history(&self, id: HoldId) -> Result<Vec<HistoryLine>, StoreError>;

    /// Leases one `held` hold for its release and notes who asked. An asker makes a new version, so that whoever decided
    /// without knowing decides again.
    async fn lease_release(
        &self,
        id: HoldId,
        asker: Option<ReleaseRequester>,
        lease: Duration,
    ) -> Result<ReleaseLease, StoreError>;
    /// Leases `held` and `processing` holds whose `due_at` has come, the oldest first.
    async fn lease_due_holds(
        &self,
        now: DateTime<Utc>,
        lease: Duration,
        limit: u32,
    ) -> Result<Vec<Booking>, StoreError>;
    /// Gives a leased hold back without a change, to be asked about at `due_at`; counts the try.
    /// `forget_requester` where it is certain that Stripe did nothing.
    async fn defer_hold(
        &self,
        id: HoldId,
        due_at: DateTime<Utc>,
        forget_requester: bool,
    ) -> Result<(), StoreError>;
    /// Commits a change, and clears the hold's tries. Whoever has the hold leased keeps it while its state is the same:
    /// news of a payment under way must not send a second one to ask Stripe.
    async fn apply_change(&self, change: &HoldChange) -> Result<ApplyOutcome, StoreError>;
    /// Money that carries our metadata but has no hold: writes the event, the payment as `refund due` and the refund
    /// command. `Seen` where the event or the payment is known.
    async fn record_orphan_payment(
        &self,
        event: Option<&EventRecord>,
        claimed: Option<HoldId>,
        receipt: &Receipt,
        now: DateTime<Utc>,
    ) -> Result<ApplyOutcome, StoreError>;

    /// Reads many applied events, newest first; of one hold, or all.
    async fn list_events(
        &self,
        hold: Option<HoldId>,
        page: &PageRequest,
    ) -> Result<Page<StoredEvent>, StoreError>;
    /// The body of an applied event; `None` where it is unknown or forgotten.
    async fn find_event_payload(&self, id: &EventId) -> Result<Option<String>, StoreError>;
    /// Empties the bodies of events that were applied before `before`, at most `limit`; answers how many.
    async fn clear_event_payloads(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError>;
    /// Deletes events without a body that were applied before `before`, at most `limit`; answers how many.
    async fn delete_old_events(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError>;
    /// Empties names and addresses of the guests of released and cancelled holds that last changed before `before`, at
    /// most `limit`; answers how many. A hold's version stays: nothing is decided by its guest.
    async fn erase_guests(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError>;

    /// Deletes what is known of client addresses that have no `held` hold and last changed before `before`, at most
    /// `limit`; answers how many.
    async fn delete_idle_clients(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError>;

    /// Leases commands that are due, the oldest first.
    async fn lease_commands(
        &self,
        now: DateTime<Utc>,
        lease: Duration,
        limit: u32,
    ) -> Result<Vec<Command>, StoreError>;
    /// Leases one, due or not; `None` where it is done or another has it.
    async fn lease_command(&self, id: CommandId, lease: Duration) -> Result<Option<Command>, StoreError>;
    /// Stripe has answered for good. A refund without a hold also settles its payment.
    async fn finish_command(&self, command: &Command, now: DateTime<Utc>) -> Result<(), StoreError>;
    /// It failed: counts the try, notes the error, and gives it back.
    async fn fail_command(&self, id: CommandId, error: &str, due_at: DateTime<Utc>)
    -> Result<(), StoreError>;
    /// Reads one.
    async fn find_command(&self, id: CommandId) -> Result<Option<Command>, StoreError>;
    /// Reads many.
    async fn list_commands(
        &self,
        filter: CommandFilter,
        page: &PageRequest,
    ) -> Result<Page<Command>, StoreError>;
    /// Makes a pending one due now; the command, or `None` where there is no such pending one.
    async fn retry_command(&self, id: CommandId, now: DateTime<Utc>) -> Result<Option<Command>, StoreError>;
}

/// The order that ends the session of a lost or abandoned attempt.
fn expire_order(session: &SessionId) -> CommandAction {
    CommandAction::ExpireSession(session.clone())
}
