//! Stripe's 404 for a session that the store has: when it is believed, and what happens otherwise.
//!
//! A key of another account, or of the other mode, gets a 404 for every session of this store, also for
//! those that guests are paying right now. So a 404 is a verdict only if two things are known:
//!
//! - The session's own end is past, so that no guest can pay it any more.
//! - The key of this process belongs to the account that made the sessions of this store: it has made or read another
//!   one (`account_proof` says how).
//!
//! A key of one mode knows no session of the other, so its 404 for such a session is never believed.
//!
//! Otherwise nothing is released, no command counts as done, no attempt is repeated, and an alarm is raised. Only the
//! operator frees such a slot ([`release_unknown_session`]).

use chrono::{DateTime, Utc};

use super::context::{Context, MAX_CONFLICTS};
use super::error::WorkflowError;
use super::write_change::write_change;
use crate::domain::booking::{Actor, Booking};
use crate::domain::hold::release_unknown;
use crate::domain::ids::{HoldId, SessionId};
use crate::gateway::{GatewayError, Refusal};
use crate::store::{ApplyOutcome, FoundSession, HoldChange, SessionSearch, StateChange, StoreError};

/// Whether the key of this process belongs to the account of this store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyStatus {
    /// The key has made or read another session of this store.
    Proven,
    /// Stripe does not know the newest other session.
    Refuted,
    /// There is no other session that could prove it.
    NoOtherSession,
}

/// Finds out whether our key belongs to the account of this store, by another session than the one `in_question`.
///
/// # Errors
/// [`NoVerdict`] if Stripe or the database gave no answer.
pub(super) async fn prove_key(
    context: &Context,
    in_question: &QuestionedSession<'_>,
) -> Result<KeyStatus, NoVerdict> {
    let account = &context.account;
    if account.is_proven_for(in_question.hold) {
        return Ok(KeyStatus::Proven);
    }
    let Some(other) = find_other_session(context, in_question).await? else {
        let is_new_shop = in_question
            .id
            .is_some_and(|id| account.has_made_another(id, in_question.hold));
        return Ok(if is_new_shop {
            KeyStatus::Proven
        } else {
            KeyStatus::NoOtherSession
        });
    };
    match context.gateway.retrieve_session(&other.id).await {
        Ok(_) => {
            account.record_read(other.hold);
            Ok(KeyStatus::Proven)
        }
        Err(error) if is_object_unknown(&error) => Ok(KeyStatus::Refuted),
        Err(error) => Err(error.into()),
    }
}

/// Finds the session to try the key with: the newest one that is older than the session in question, else the newest
/// other one, and none that this process has made.
async fn find_other_session(
    context: &Context,
    in_question: &QuestionedSession<'_>,
) -> Result<Option<FoundSession>, StoreError> {
    let own = context.account.bound();
    let mut search = SessionSearch {
        livemode: context.settings.livemode,
        older_than: own.into_iter().chain(in_question.hold).min(),
        except: in_question.id.cloned(),
    };
    let older = context.store.find_newest_session(&search).await?;
    if older.is_some() || search.older_than == own {
        return Ok(older);
    }
    search.older_than = own;
    context.store.find_newest_session(&search).await
}

/// What a 404 is about: the session of a hold or an attempt.
#[derive(Default)]
pub(super) struct QuestionedSession<'a> {
    /// Stripe's id of the session; `None` if we do not know whether there is one.
    pub(super) id: Option<&'a SessionId>,
    /// The hold or attempt that the session is for, if it is known.
    pub(super) hold: Option<HoldId>,
}

/// Why the state of a session is not known.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoVerdict {
    /// Stripe gave no answer, or refuses our key.
    #[error(transparent)]
    Stripe(#[from] GatewayError),
    /// Stripe does not know the session, and that is not believed.
    #[error("Stripe does not know the session")]
    Unknown,
    /// The database gave no answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl NoVerdict {
    /// Tells whether Stripe has certainly changed nothing.
    pub(super) fn has_no_effect(&self) -> bool {
        !matches!(self, Self::Stripe(GatewayError::Unknown))
    }
}

impl From<NoVerdict> for WorkflowError {
    fn from(error: NoVerdict) -> Self {
        match error {
            NoVerdict::Stripe(error) => error.into(),
            NoVerdict::Unknown => Self::UnknownSession,
            NoVerdict::Store(error) => error.into(),
        }
    }
}

/// A session of this store about which Stripe is asked.
pub(super) struct StoredSession<'a> {
    /// Stripe's id of the session.
    pub(super) id: &'a SessionId,
    /// The hold or attempt that the session was made for.
    pub(super) hold: Option<HoldId>,
    /// Whether it is the session of a hold: then Stripe showing it proves our key. The session of an attempt may be one
    /// that this process has made itself.
    pub(super) is_of_hold: bool,
    /// When Stripe ends the session by itself, or a moment after that.
    pub(super) ends_at: DateTime<Utc>,
}

impl<'a> From<&'a Booking> for StoredSession<'a> {
    fn from(booking: &'a Booking) -> Self {
        Self {
            id: &booking.hold.session,
            hold: Some(booking.hold.id),
            is_of_hold: true,
            ends_at: booking.session_expires_at,
        }
    }
}

/// Judges a 404 for a session of this store: `Ok` if the session is gone for good.
///
/// # Errors
/// [`NoVerdict`] if the 404 is not believed.
pub(super) async fn judge_unknown(context: &Context, session: &StoredSession<'_>) -> Result<(), NoVerdict> {
    let is_over = session.ends_at <= context.database_now().await?;
    let in_question = QuestionedSession {
        id: Some(session.id),
        hold: session.hold,
    };
    // A key knows no session of the other mode.
    let is_of_our_mode = session.id.is_of_mode(context.settings.livemode);
    if is_over && is_of_our_mode && prove_key(context, &in_question).await? == KeyStatus::Proven {
        return Ok(());
    }
    raise_alarm(session.hold);
    Err(NoVerdict::Unknown)
}

/// Tells whether Stripe itself says that the object does not exist. A 404 from a proxy on the way says nothing.
pub(super) fn is_object_unknown(error: &GatewayError) -> bool {
    let is_missing =
        |refusal: &Refusal| refusal.status == 404 && refusal.code.as_deref() == Some("resource_missing");
    matches!(error, GatewayError::Refused(refusal) if is_missing(refusal))
}

/// Tells operators that Stripe does not know an object of this store.
pub(super) fn raise_alarm(hold: Option<HoldId>) {
    metrics::counter!("holdfast_sessions_unknown_total").increment(1);
    let hold = hold.map(|hold| hold.log_id().to_string());
    tracing::error!(
        hold,
        "Stripe does not know a session or payment of this store; is the key of the right account?"
    );
}

/// The result of a release without Stripe's consent.
pub(super) enum UnknownRelease {
    /// Stripe does not know the session, or the hold is over: this is the hold now.
    Over(Box<Booking>),
    /// Stripe knows the session, so Stripe decides.
    Known,
    /// The hold is live in another version than it was to be released in.
    Changed,
    /// There is no such hold.
    Missing,
}

/// Releases an unpaid hold if Stripe does not know its session, whether or not our key is proven: in this version of the hold,
/// or else in any.
///
/// # Errors
/// [`NoVerdict`] if Stripe or the database gave no answer: nothing has changed.
pub(super) async fn release_unknown_session(
    context: &Context,
    id: HoldId,
    version: Option<i64>,
    actor: Actor,
) -> Result<UnknownRelease, NoVerdict> {
    for _ in 0..MAX_CONFLICTS {
        let Some(booking) = context.store.find_booking(id).await? else {
            return Ok(UnknownRelease::Missing);
        };
        let Some(transition) = release_unknown(&booking.hold) else {
            return Ok(UnknownRelease::Over(Box::new(booking)));
        };
        if version.is_some_and(|version| version != booking.version) {
            return Ok(UnknownRelease::Changed);
        }
        match context.gateway.retrieve_session(&booking.hold.session).await {
            Ok(_) => return Ok(UnknownRelease::Known),
            Err(error) if is_object_unknown(&error) => {}
            Err(error) => return Err(error.into()),
        }
        let change = HoldChange {
            event: None,
            hold: id,
            version: booking.version,
            noted: None,
            step: Some(StateChange::Transition(transition)),
            actor: actor.clone(),
            now: context.now(),
            check_at: None,
        };
        // After both outcomes the hold is read again: it is released then, or the change is decided anew.
        if let ApplyOutcome::Done { .. } = write_change(context, booking.hold.status, &change).await? {
            tracing::warn!(hold = %id.log_id(), "hold released by the operator; Stripe does not know its session");
            context.new_commands.notify_one();
        }
    }
    Err(NoVerdict::Unknown)
}
