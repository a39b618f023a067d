//! What operators do to a hold, with what the audit trail notes of it. The operators' API and the console both call it, so that
//! an act is the same from either.

use super::audit_trail::AuditNote;
use super::error::{Problem, ProblemCode};
use super::hold_state::HoldState;
use super::holds::require_released;
use super::server::Server;
use crate::domain::booking::{Actor, Booking};
use crate::domain::hold::{CancelError, Refund, ReleaseRequester};
use crate::domain::ids::HoldId;
use crate::workflow::cancel_hold::{self, CancelOutcome, Cancellation, SeenHold};
use crate::workflow::guest_data::{self, ErasedGuest};
use crate::workflow::move_hold::{self, MoveRequest};
use crate::workflow::release_as_seen::{SeenRelease, SeenReleaseOutcome, release_as_seen_in_task};
use crate::workflow::release_hold::{self, ReleaseOutcome};
use crate::workflow::return_money::{ReturnRequest, return_money_in_task};
use crate::workflow::{queries, refresh_hold};

/// What came of an act on a hold that the operator saw before.
pub(super) enum SeenAct {
    /// It is done, now or by the same form before.
    Done,
    /// Something else ended the hold before, so nothing was done.
    AlreadyOver,
}

impl SeenAct {
    /// Returns the problem of an act that something else came before.
    pub(super) fn already_over() -> Problem {
        Problem::new(
            ProblemCode::Conflict,
            "the hold had ended before: nothing was done",
        )
    }
}

async fn note_state_before(server: &Server, id: HoldId, note: &AuditNote) -> Result<(), Problem> {
    let before = queries::find_hold(&server.context, id).await?;
    note.set_before(before.as_ref().map(HoldState::from));
    Ok(())
}

/// Releases an unpaid hold, also one whose payment is in progress; `without_stripe` also if Stripe does not know its session.
///
/// # Errors
/// `already_paid` if the hold is paid, or turned out to be being paid.
pub(super) async fn release(
    server: &Server,
    id: HoldId,
    without_stripe: bool,
    actor: Actor,
    note: &AuditNote,
) -> Result<Booking, Problem> {
    note_state_before(server, id, note).await?;
    let released = if without_stripe {
        release_hold::release_without_stripe_in_task(&server.context, id, actor).await?
    } else {
        let requester = Some(ReleaseRequester::Operator);
        release_hold::release_hold_in_task(&server.context, id, requester, actor).await?
    };
    match released {
        ReleaseOutcome::Missing => Err(Problem::not_found("hold")),
        ReleaseOutcome::Over(booking) => {
            note.set_after(HoldState::from(&*booking).without_stripe(without_stripe));
            require_released(&booking)?;
            Ok(*booking)
        }
    }
}

/// Releases an unpaid hold as the operator has seen it.
///
/// # Errors
/// `already_paid` if the hold is paid, or turned out to be being paid; `conflict` if it has changed.
pub(super) async fn release_as_seen(
    server: &Server,
    order: SeenRelease,
    note: &AuditNote,
) -> Result<SeenAct, Problem> {
    note_state_before(server, order.hold, note).await?;
    let without_stripe = order.without_stripe;
    match release_as_seen_in_task(&server.context, order).await? {
        SeenReleaseOutcome::Missing => Err(Problem::not_found("hold")),
        SeenReleaseOutcome::Changed => Err(Problem::hold_changed()),
        SeenReleaseOutcome::AlreadyOver => Ok(SeenAct::AlreadyOver),
        SeenReleaseOutcome::Over(booking) => {
            note.set_after(HoldState::from(&*booking).without_stripe(without_stripe));
            require_released(&booking)?;
            Ok(SeenAct::Done)
        }
    }
}

/// Cancels a confirmed hold, or finds it cancelled.
///
/// # Errors
/// `not_cancellable`, `invalid` if less can go back.
pub(super) async fn cancel(
    server: &Server,
    id: HoldId,
    cancellation: Cancellation,
    actor: Actor,
    note: &AuditNote,
) -> Result<(), Problem> {
    note_state_before(server, id, note).await?;
    let Cancellation { refund, note: text } = cancellation;
    let outcome = cancel_hold::cancel_by_operator(&server.context, id, refund, text, actor).await?;
    note_cancellation(outcome, refund, note)?;
    Ok(())
}

/// Cancels a confirmed hold as the operator has seen it.
///
/// # Errors
/// `not_cancellable`, `conflict` if the hold has changed, `invalid` if less can go back.
pub(super) async fn cancel_as_seen(
    server: &Server,
    id: HoldId,
    seen: SeenHold,
    cancellation: Cancellation,
    actor: Actor,
    note: &AuditNote,
) -> Result<SeenAct, Problem> {
    note_state_before(server, id, note).await?;
    let refund = cancellation.refund;
    let outcome = cancel_hold::cancel_as_seen(&server.context, id, seen, cancellation, actor).await?;
    note_cancellation(outcome, refund, note)
}

fn note_cancellation(outcome: CancelOutcome, refund: Refund, note: &AuditNote) -> Result<SeenAct, Problem> {
    match outcome {
        CancelOutcome::Missing => Err(Problem::not_found("hold")),
        CancelOutcome::Changed => Err(Problem::hold_changed()),
        // The audit trail must not say that this refund was ordered.
        CancelOutcome::AlreadyOver => Ok(SeenAct::AlreadyOver),
        CancelOutcome::Over(booking) => {
            note.set_after(HoldState::from(&*booking).with_refund(refund));
            Ok(SeenAct::Done)
        }
        CancelOutcome::Refused(_, error) => Err(refuse_cancellation(error)),
    }
}

/// Returns the problem of a hold that cannot be cancelled so.
pub(super) fn refuse_cancellation(error: CancelError) -> Problem {
    match error {
        CancelError::TooMuch(_) | CancelError::Fraction(_) => {
            Problem::invalid_field("refund", error.to_string())
        }
        CancelError::NotConfirmed => Problem::new(ProblemCode::NotCancellable, error.to_string()),
    }
}

/// Reads a hold's session at Stripe and applies it.
///
/// # Errors
/// `stripe_unavailable` if Stripe gave no answer.
pub(super) async fn refresh(
    server: &Server,
    id: HoldId,
    actor: Actor,
    note: &AuditNote,
) -> Result<Booking, Problem> {
    note_state_before(server, id, note).await?;
    let found = refresh_hold::refresh_hold(&server.context, id, actor).await?;
    let booking = found.ok_or_else(|| Problem::not_found("hold"))?;
    note.set_after(HoldState::from(&booking));
    Ok(booking)
}

/// Returns money of a hold without cancelling it.
///
/// # Errors
/// `invalid` if less can go back, `conflict` if the hold has another version than was seen.
pub(super) async fn return_money(
    server: &Server,
    request: ReturnRequest,
    note: &AuditNote,
) -> Result<Booking, Problem> {
    note_state_before(server, request.hold, note).await?;
    let (amount, way) = (request.amount, request.way);
    let booking = return_money_in_task(&server.context, request).await?;
    note.set_after(HoldState::from(&booking).with_return(amount, way));
    Ok(booking)
}

/// Moves a hold to another start. Without a `note` it is its guest who does.
///
/// # Errors
/// `slot_taken` or `not_movable`, and then the hold is unchanged.
pub(super) async fn move_to(
    server: &Server,
    request: MoveRequest,
    note: Option<&AuditNote>,
) -> Result<Booking, Problem> {
    if let Some(note) = note {
        note_state_before(server, request.hold, note).await?;
    }
    let booking = move_hold::move_hold(&server.context, request).await?;
    if let Some(note) = note {
        note.set_after(HoldState::from(&booking));
    }
    Ok(booking)
}

/// Erases a guest from all holds.
///
/// # Errors
/// `conflict` if the guest has an unpaid hold, or a checkout that has not ended.
pub(super) async fn erase_guest(server: &Server, email: &str) -> Result<ErasedGuest, Problem> {
    let erased = guest_data::erase_guest(&server.context, email).await?;
    erased.ok_or_else(|| {
        Problem::new(
            ProblemCode::Conflict,
            "the guest has an unpaid hold, or a checkout that has not ended",
        )
    })
}
