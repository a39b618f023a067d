//! The outbox worker: carries out the durable commands to Stripe (I7).
//!
//! A command is leased, Stripe is called with no transaction open (I6), and the response finishes it. After a failure
//! it is tried again with growing delays and without a limit; an operator sees it when it is stuck. Every call has an
//! idempotency key or is harmless when repeated, so another worker can repeat the work of one that died. A session whose
//! delayed payment is not decided leaves its command undone, and Stripe is asked again until it is.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::context::Context;
use super::error::{WorkflowError, format_error_chain};
use super::refund_order::{self, OrderFailure};
use super::unknown_session::StoredSession;
use super::{apply_event, apply_fact, ask_session, earlier_order};
use crate::domain::booking::Actor;
use crate::domain::command::{Command, CommandAction, STUCK_AFTER, ask_again_after};
use crate::domain::hold::Fact;
use crate::domain::ids::{CommandId, SessionId};
use crate::domain::payment::Receipt;
use crate::domain::session::{HoldRefs, STRIPE_SESSION_LIFE, SessionPayment};
use crate::store::{LeaseRequest, StoreError};

/// How many commands are leased and carried out at the same time.
const BATCH: u32 = 8;
/// How often the worker looks for commands without being woken: for those of other instances, and for retries.
const POLL: Duration = Duration::from_secs(5);

/// How long a checkout that lost its slot waits for the expiry of its session.
const EXPIRY_WAIT: Duration = Duration::from_secs(3);

/// The results of one round of work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutboxReport {
    /// Commands that Stripe carried out.
    pub done: u64,
    /// Commands that wait until Stripe has decided a delayed payment.
    pub deferred: u64,
    /// Commands that failed and are tried again.
    pub failed: u64,
}

/// What became of a try of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TryOutcome {
    /// Stripe gave its final answer.
    Done,
    /// Stripe has not decided a delayed payment, and is asked again.
    Deferred,
    /// Stripe gave no answer, or it could not be applied; the command is tried again.
    Failed,
}

impl TryOutcome {
    /// Returns the word for the metric.
    fn label(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Deferred => "deferred",
            Self::Failed => "failed",
        }
    }
}

/// Whether Stripe's answer finishes a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Final,
    Undecided,
}

/// Carries out commands until `stop` is cancelled: at once if this process wrote one, else by polling.
pub async fn run_worker(context: Arc<Context>, stop: CancellationToken) {
    loop {
        if let Err(error) = run_due_commands(&context).await {
            tracing::warn!(%error, "commands not carried out: the database failed");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = context.new_commands.notified() => {}
            () = tokio::time::sleep(POLL) => {}
        }
    }
}

/// Carries out all commands that are due.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable; leased commands are due again when their lease ends.
pub async fn run_due_commands(context: &Context) -> Result<OutboxReport, WorkflowError> {
    let mut report = OutboxReport::default();
    while run_batch(context, &mut report).await? {}
    Ok(report)
}

/// Carries out commands that are due, and leases none after `until`.
pub(super) async fn run_due_commands_until(context: &Context, until: Instant) -> Result<(), WorkflowError> {
    let mut report = OutboxReport::default();
    while run_batch(context, &mut report).await? && Instant::now() < until {}
    Ok(())
}

/// Carries out a batch of commands side by side; `true` if more may be due.
async fn run_batch(context: &Context, report: &mut OutboxReport) -> Result<bool, WorkflowError> {
    let batch = context
        .store
        .lease_commands(&LeaseRequest::new(context.now(), context.settings.lease, BATCH))
        .await?;
    let is_full = batch.len() == BATCH as usize;
    let results: Vec<TryOutcome> = futures::stream::iter(batch)
        .map(|command| run_leased_command(context, command, Actor::Command))
        .buffer_unordered(BATCH as usize)
        .collect()
        .await;
    for outcome in results {
        match outcome {
            TryOutcome::Done => report.done += 1,
            TryOutcome::Deferred => report.deferred += 1,
            TryOutcome::Failed => report.failed += 1,
        }
    }
    Ok(is_full)
}

/// Carries out a command in a task of its own, and waits at most [`EXPIRY_WAIT`] for it, because a guest waits too.
pub(super) async fn run_command_soon(context: &Arc<Context>, id: CommandId) {
    let worker = Arc::clone(context);
    let task = context
        .sagas
        .spawn(async move { run_command_now(&worker, id, Actor::Command).await });
    // The task goes on after the timeout; if it fails, the worker tries the command again.
    let _ = tokio::time::timeout(EXPIRY_WAIT, task).await;
}

/// Carries out a command now instead of at the worker's next round. If that fails, the worker tries it again.
pub(super) async fn run_command_now(context: &Context, id: CommandId, actor: Actor) {
    match context.store.lease_command(id, context.settings.lease).await {
        Ok(Some(command)) => {
            run_leased_command(context, command, actor).await;
        }
        Ok(None) => {}
        Err(error) => tracing::warn!(command = %id, %error, "command not leased; the worker tries it later"),
    }
}

/// Carries out a leased command.
async fn run_leased_command(context: &Context, command: Command, actor: Actor) -> TryOutcome {
    let id = command.id;
    let result = match call_stripe(context, &command, actor.clone()).await {
        Ok(answer) => save_answer(context, &command, answer).await,
        Err(failure) => Err(failure),
    };
    let outcome = match result {
        Ok(outcome) => outcome,
        Err(failure) => {
            let error = &failure.error;
            tracing::warn!(command = %id, tries = command.tries + 1, %error, "command failed; it will be tried again");
            save_failure(context, &command, &failure).await;
            TryOutcome::Failed
        }
    };
    if let (TryOutcome::Done, CommandAction::Refund { intent, .. }) = (outcome, &command.action) {
        refund_order::let_hold_notice(context, intent, actor).await;
    }
    metrics::counter!("holdfast_commands_total", "outcome" => outcome.label()).increment(1);
    outcome
}

async fn save_answer(
    context: &Context,
    command: &Command,
    answer: Answer,
) -> Result<TryOutcome, OrderFailure> {
    let now = context.now();
    match answer {
        Answer::Final => {
            context.store.finish_command(command, now).await?;
            Ok(TryOutcome::Done)
        }
        Answer::Undecided => {
            let pause = ask_again_after(now - command.created_at, context.settings.ask_processing_after);
            context.store.defer_command(command, now + pause).await?;
            Ok(TryOutcome::Deferred)
        }
    }
}

async fn save_failure(context: &Context, command: &Command, failure: &OrderFailure) {
    let text = format_error_chain(&failure.error);
    if let WorkflowError::UndecidedOrder(_) = &failure.error {
        let due_at = context.retry_at(STUCK_AFTER.max(command.tries + 1));
        let saved = context.store.await_decision(command, &text, due_at);
        return log_unsaved(command, saved.await);
    }
    let due_at = context.retry_at(command.tries + 1);
    // Written before it is used: two tries with two keys could otherwise both succeed.
    let key = failure.is_refused.then(|| Uuid::new_v4().to_string());
    let saved = context.store.fail_command(command, &text, due_at, key.as_deref());
    log_unsaved(command, saved.await);
}

fn log_unsaved(command: &Command, saved: Result<(), StoreError>) {
    if let Err(error) = saved {
        tracing::warn!(command = %command.id, %error, "failure not saved; the command is due when its lease ends");
    }
}

async fn call_stripe(context: &Context, command: &Command, actor: Actor) -> Result<Answer, OrderFailure> {
    match &command.action {
        CommandAction::ExpireSession(session) => Ok(expire_session(context, command, session, actor).await?),
        CommandAction::Refund { intent, money, .. } => {
            refund_order::carry_out(context, command, intent, *money).await?;
            Ok(Answer::Final)
        }
    }
}

/// Expires a session that must take no money any more. If it is complete, what it says is applied: a payment that nobody waits
/// for is one without a slot (I3), and one that is not decided is asked about again.
async fn expire_session(
    context: &Context,
    command: &Command,
    session: &SessionId,
    actor: Actor,
) -> Result<Answer, WorkflowError> {
    let stored = StoredSession {
        id: session,
        hold: command.hold,
        is_of_hold: false,
        // The command is younger than its session.
        ends_at: command.created_at + STRIPE_SESSION_LIFE,
    };
    let Some(fact) = ask_session::expire_session(context, &stored).await? else {
        return Err(WorkflowError::Stripe { retry_after: None });
    };
    let Fact::SessionCompleted(payment) = &fact else {
        // It has ended without a payment, and none can come.
        return Ok(Answer::Final);
    };
    let by_session = HoldRefs {
        session: Some(session.clone()),
        ..HoldRefs::default()
    };
    let booking = context.store.find_booking_by_refs(&by_session).await?;
    match (booking, payment) {
        (Some(booking), _) => {
            apply_fact::apply_fact(context, booking, &fact, actor).await?;
        }
        (None, SessionPayment::Paid(receipt)) => record_orphan(context, command, session, receipt).await?,
        // Without a hold there is nothing that could be confirmed or linked.
        (None, SessionPayment::Unpaid(_) | SessionPayment::NotRequired(_)) => {}
    }
    Ok(match payment {
        SessionPayment::Unpaid(_) => Answer::Undecided,
        SessionPayment::Paid(_) | SessionPayment::NotRequired(_) => Answer::Final,
    })
}

/// Records the payment of a session whose hold was never placed.
async fn record_orphan(
    context: &Context,
    command: &Command,
    session: &SessionId,
    receipt: &Receipt,
) -> Result<(), WorkflowError> {
    let attempt = command
        .hold
        .ok_or_else(|| WorkflowError::Internal("a command to expire a session names no hold".into()))?;
    let recorded = apply_event::record_orphan_payment(context, attempt, receipt, Some(session), None).await?;
    // The attempt is closed, so its hold is never placed.
    recorded
        .map(drop)
        .ok_or_else(|| WorkflowError::Internal("the session of a placed hold was expired".into()))
}

/// What became of an operator's request to carry out a command now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RetryOutcome {
    /// It was tried, and is so now.
    Tried(Box<Command>),
    /// There is no such pending command.
    Missing,
    /// A decision was given, and there is none to take: the command is no order of an earlier version, or none of Stripe's
    /// refunds may be its own.
    NothingToDecide,
}

/// Carries out a pending command now, on behalf of `actor`. `is_carried_out` is what a person decided about an order of an
/// earlier version.
///
/// # Errors
/// [`WorkflowError`] if the database is unreachable, or Stripe does not answer about a decision.
pub async fn retry_command(
    context: &Context,
    id: CommandId,
    is_carried_out: Option<bool>,
    actor: Actor,
) -> Result<RetryOutcome, WorkflowError> {
    let Some(command) = context.store.retry_command(id, context.now()).await? else {
        return Ok(RetryOutcome::Missing);
    };
    if let Some(is_carried_out) = is_carried_out
        && !earlier_order::decide_order(context, &command, is_carried_out, &actor).await?
    {
        return Ok(RetryOutcome::NothingToDecide);
    }
    run_command_now(context, id, actor).await;
    let tried = context.store.find_command(id).await?;
    Ok(tried.map_or(RetryOutcome::Missing, |command| {
        RetryOutcome::Tried(Box::new(command))
    }))
}
