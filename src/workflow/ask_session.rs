//! Asks Stripe what has become of a session, and turns the answer into the fact that follows.

use super::context::Context;
use super::error::WorkflowError;
use super::unknown_session::{self, NoVerdict, StoredSession};
use crate::domain::hold::Fact;
use crate::domain::session::{SessionReport, SessionStatus};
use crate::gateway::GatewayError;

/// Expires a session at Stripe and returns the fact that follows. `None` if Stripe contradicts itself: it refuses to
/// expire the session, but says that it is open.
///
/// # Errors
/// [`NoVerdict`] if Stripe gave no answer, refuses our key, or does not know the session and is not believed.
pub(super) async fn expire_session(
    context: &Context,
    session: &StoredSession<'_>,
) -> Result<Option<Fact>, NoVerdict> {
    match context.gateway.expire_session(session.id).await {
        // The session is not open any more. Its status tells what it is; the text of the refusal is not reliable.
        Err(GatewayError::Refused(refusal)) if refusal.status == 400 => read_session(context, session).await,
        answer => judge_answer(context, session, answer).await,
    }
}

/// Reads a session at Stripe without changing it. `None` if it is open: nothing is decided yet.
///
/// # Errors
/// [`NoVerdict`] if Stripe gave no answer, refuses our key, or does not know the session and is not believed.
pub(super) async fn read_session(
    context: &Context,
    session: &StoredSession<'_>,
) -> Result<Option<Fact>, NoVerdict> {
    let answer = context.gateway.retrieve_session(session.id).await;
    judge_answer(context, session, answer).await
}

async fn judge_answer(
    context: &Context,
    session: &StoredSession<'_>,
    answer: Result<SessionReport, GatewayError>,
) -> Result<Option<Fact>, NoVerdict> {
    match answer {
        Ok(report) => {
            if let Some(hold) = session.hold.filter(|_| session.is_of_hold) {
                context.account.record_read(hold);
            }
            Ok(to_fact(report))
        }
        Err(error) if unknown_session::is_object_unknown(&error) => {
            unknown_session::judge_unknown(context, session).await?;
            Ok(Some(Fact::SessionDead))
        }
        Err(error) => Err(error.into()),
    }
}

fn to_fact(report: SessionReport) -> Option<Fact> {
    match report.status {
        SessionStatus::Expired => Some(Fact::SessionDead),
        SessionStatus::Complete(payment) => Some(Fact::SessionCompleted(payment)),
        SessionStatus::Failed => Some(Fact::AsyncFailed),
        SessionStatus::Open => None,
    }
}

/// Converts the lack of an answer. Other refusals, such as a revoked key, say nothing about the session either.
pub(super) fn to_stripe_error(error: NoVerdict) -> WorkflowError {
    match error {
        NoVerdict::Stripe(GatewayError::Unavailable { retry_after }) => WorkflowError::Stripe { retry_after },
        NoVerdict::Stripe(GatewayError::Unknown | GatewayError::Refused(_)) => {
            WorkflowError::Stripe { retry_after: None }
        }
        other => other.into(),
    }
}
