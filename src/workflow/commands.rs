//! The outbox worker: carries out the durable orders to Stripe (I7).
//!
//! A command is leased, Stripe is called with no transaction open (I6), and the answer settles it. Without a good answer
//! it comes back with growing pauses, for ever; an operator sees it when it is stuck. The calls are keyed or harmless
//! when repeated, so a worker that died half-way is simply followed by another.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tokio_util::sync::CancellationToken;

use super::{Context, WorkflowError, one_line, release, settle, spread};
use crate::domain::booking::Actor;
use crate::domain::command::{Command, CommandAction, backoff};
use crate::domain::hold::Fact;
use crate::domain::ids::{CommandId, IntentId, SessionId};
use crate::domain::money::Money;
use crate::domain::payment::Receipt;
use crate::domain::session::{HoldRefs, SessionPayment};

/// How many are leased and carried out at a time.
const BATCH: u32 = 8;
/// How often the worker looks without being told: for commands of other instances, and for retries.
const POLL: Duration = Duration::from_secs(5);

/// How long whoever lost a slot waits for the end of the session that was made for nothing.
const COURTESY: Duration = Duration::from_secs(3);

/// What a round of work came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutboxReport {
    /// Answered by Stripe for good.
    pub done: u64,
    /// To be tried again.
    pub failed: u64,
}

/// Works until told to stop: at once when a command was written here, and now and then.
pub async fn work(context: Arc<Context>, stop: CancellationToken) {
    loop {
        if let Err(error) = run_due(&context).await {
            tracing::warn!(%error, "commands wait for the database");
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
/// [`WorkflowError::Store`] where the database is away; what is leased comes back when the lease ends.
pub async fn run_due(context: &Context) -> Result<OutboxReport, WorkflowError> {
    let mut report = OutboxReport::default();
    loop {
        let batch = context
            .store
            .lease_commands(context.now(), context.settings.lease, BATCH)
            .await?;
        let full = batch.len() == BATCH as usize;
        let results: Vec<bool> = futures::stream::iter(batch)
            .map(|command| carry_out(context, command, Actor::Command))
            .buffer_unordered(BATCH as usize)
            .collect()
            .await;
        for done in results {
            if done {
                report.done += 1
            } else {
                report.failed += 1
            }
        }
        if !full {
            return Ok(report);
        }
    }
}

/// Carries one out in a task of its own, and waits for it, but not for long: a guest waits too.
pub(super) async fn run_soon(context: &Arc<Context>, id: CommandId) {
    let worker = Arc::clone(context);
    let task = context
        .sagas
        .spawn(async move { run_now(&worker, id, Actor::Command).await });
    // Late or not, the task goes on, and what it cannot do the outbox worker has.
    let _ = tokio::time::timeout(COURTESY, task).await;
}

/// Carries one out now, as a favour to whoever waits; where that fails or takes long, the worker has it anyway.
pub(super) async fn run_now(context: &Context, id: CommandId, cause: Actor) {
    match context.store.lease_command(id, context.settings.lease).await {
        Ok(Some(command)) => {
            carry_out(context, command, cause).await;
        }
        Ok(None) => {}
        Err(error) => tracing::warn!(command = %id, %error, "command left to the worker"),
    }
}

/// Carries out a leased command; whether it is done.
async fn carry_out(context: &Context, command: Command, cause: Actor) -> bool {
    let id = command.id;
    let result = match call(context, &command, cause).await {
        Ok(()) => context
            .store
            .finish_command(&command, context.now())
            .await
            .map_err(WorkflowError::from),
        Err(error) => Err(error),
    };
    let done = result.is_ok();
    if let Err(error) = result {
        tracing::warn!(command = %id, tries = command.tries + 1, %error, "command failed; it will be tried again");
        note_failure(context, &command, &error).await;
    }
    let outcome = if done { "done" } else { "failed" };
    metrics::counter!("holdfast_commands_total", "outcome" => outcome).increment(1);
    done
}

async fn note_failure(context: &Context, command: &Command, error: &WorkflowError) {
    let due_at = context.now() + backoff(command.tries + 1, spread());
    let text = one_line(error);
    if let Err(error) = context.store.fail_command(command.id, &text, due_at).await {
        tracing::warn!(command = %command.id, %error, "the lease has to run out by itself");
    }
}

async fn call(context: &Context, command: &Command, cause: Actor) -> Result<(), WorkflowError> {
    match &command.order {
        CommandAction::ExpireSession(session) => expire(context, session, cause).await,
        CommandAction::Refund { intent, money } => refund(context, command, intent, *money, cause).await,
    }
}

/// Ends a session that belongs to no live hold. One that was paid all the same is a payment without a slot (I3).
async fn expire(context: &Context, session: &SessionId, cause: Actor) -> Result<(), WorkflowError> {
    let Some(fact) = release::verdict(context, session).await? else {
        return Err(WorkflowError::Stripe { retry_after: None });
    };
    let Fact::SessionCompleted(SessionPayment::Paid(receipt)) = &fact else {
        return Ok(());
    };
    let by_session = HoldRefs {
        session: Some(session.clone()),
        ..HoldRefs::default()
    };
    match context.store.find_booking_by_refs(&by_session).await? {
        Some(booking) => settle::apply_fact(context, booking, &fact, cause).await.map(drop),
        None => {
            let report = context.gateway.session(session).await?;
            let refs = HoldRefs {
                hold: report.hold,
                ..by_session
            };
            settle::stray(context, &refs, Some(receipt), None).await.map(drop)
        }
    }
}

async fn refund(
    context: &Context,
    command: &Command,
    intent: &IntentId,
    money: Money,
    cause: Actor,
) -> Result<(), WorkflowError> {
    context
        .gateway
        .refund(intent, money, &command.id.to_string())
        .await?;
    let Some(hold) = command.hold else { return Ok(()) };
    let Some(booking) = context.store.find_booking(hold).await? else {
        return Ok(());
    };
    let Some(payment) = booking.hold.payment(intent) else {
        return Ok(());
    };
    let paid = Receipt {
        intent: intent.clone(),
        money: payment.money,
    };
    let back = (payment.refunded + money.amount).min(payment.money.amount);
    let fact = Fact::Refunded { paid, back };
    settle::apply_fact(context, booking, &fact, cause).await.map(drop)
}

/// Makes a command due now and carries it out, for an operator; `None` where there is no such pending one.
///
/// # Errors
/// [`WorkflowError::Store`].
pub async fn retry(context: &Context, id: CommandId) -> Result<Option<Command>, WorkflowError> {
    if context.store.retry_command(id, context.now()).await?.is_none() {
        return Ok(None);
    }
    run_now(context, id, Actor::Operator).await;
    Ok(context.store.find_command(id).await?)
}
