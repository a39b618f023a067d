//! Checks the state after the final sweep: all processes are dead, no event is delivered, and only the sweep runs.
//!
//! The check runs for every state that is reached. So it covers a crash of all processes at every point: from each
//! state, sweeps alone must lead to a state in which each payment has its slot or its refund.
//!
//! Two events are still delivered: a payment through the guest's bank that succeeded after the session had expired, and
//! the payment of a copy of the session. No read of the session reports them, so Stripe must repeat those events until
//! they are accepted.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{LazyLock, Mutex};

use holdfast::domain::hold::Status;
use holdfast::domain::payment::PaymentState;

use crate::call::{EventKind, GUESTS, Guest, StripeEvent, intent_id};
use crate::process::{Kind, Next, Process};
use crate::stripe::{COPY, StripeAction};
use crate::world::{AttemptState, Choice, SessionState, World};

/// The number of sweeps after which there must be nothing remaining to do.
const MOST_SWEEPS: usize = 24;

/// Runs the final sweep and returns what is wrong after it; `None` if nothing is.
pub(crate) fn find_fault(world: &World) -> Option<&'static str> {
    static KNOWN: LazyLock<Mutex<HashMap<u64, Option<&'static str>>>> = LazyLock::new(Mutex::default);
    let mut hasher = DefaultHasher::new();
    world.hash(&mut hasher);
    let key = hasher.finish();
    let known = KNOWN.lock().unwrap().get(&key).copied();
    known.unwrap_or_else(|| {
        let found = settle_delayed_payments(world)
            .into_iter()
            .find_map(sweep_until_done);
        KNOWN.lock().unwrap().insert(key, found);
        found
    })
}

/// The worlds after each delayed payment has succeeded or failed.
fn settle_delayed_payments(world: &World) -> Vec<World> {
    let mut ends = vec![world.clone()];
    for guest in (0..GUESTS).filter(|guest| world.session_state(*guest) == Some(SessionState::Pending)) {
        let outcomes = [StripeAction::MoneyArrives(guest), StripeAction::MoneyFails(guest)];
        ends = outcomes
            .into_iter()
            .flat_map(|outcome| {
                ends.clone().into_iter().map(move |mut end| {
                    end.act(outcome);
                    end
                })
            })
            .collect();
    }
    ends
}

fn sweep_until_done(mut world: World) -> Option<&'static str> {
    for guest in 0..GUESTS {
        let after_end = world.sessions[guest]
            .as_ref()
            .is_some_and(|session| session.after_end);
        if after_end {
            let kind = EventKind::IntentSucceeded;
            if !run_to_end(&mut world, Kind::Webhook(StripeEvent { guest, kind })) {
                return Some("an event makes a workflow fail");
            }
        }
    }
    if world.sessions[COPY]
        .as_ref()
        .is_some_and(|session| session.is_copy)
    {
        let kind = EventKind::CopyPaid;
        if !run_to_end(&mut world, Kind::Webhook(StripeEvent { guest: COPY, kind })) {
            return Some("an event makes a workflow fail");
        }
    }
    for _ in 0..MOST_SWEEPS {
        world.end_leases();
        let Some(kind) = next_due(&world) else {
            return fault_of_world(&world);
        };
        if !run_to_end(&mut world, kind) {
            return Some("a sweep fails");
        }
    }
    Some("the sweep always finds more to do")
}

/// The part of the sweep that has work to do next.
fn next_due(world: &World) -> Option<Kind> {
    let late = |late| (!world.stale_attempts(late).is_empty()).then_some(Kind::SweepAttempt { late });
    late(false)
        .or_else(|| late(true))
        .or_else(|| (!world.due_commands().is_empty()).then_some(Kind::Outbox))
        .or_else(|| (!world.due_holds().is_empty()).then_some(Kind::SweepHold))
}

/// Runs a workflow to its end without injected mutations; `false` if it fails.
fn run_to_end(world: &mut World, kind: Kind) -> bool {
    let mut process = Process::start(kind);
    loop {
        match &*process.next() {
            Next::Calls(call) => {
                let choice = world
                    .choices(kind, call)
                    .first()
                    .copied()
                    .unwrap_or(Choice::Plain);
                process = process.with_reply(world.perform(kind, call, choice));
            }
            Next::Fails(_) => return false,
            Next::Ends | Next::ReturnsUrl(_) => return true,
        }
    }
}

fn fault_of_world(world: &World) -> Option<&'static str> {
    let open = |attempt: &crate::world::Attempt| {
        matches!(attempt.state, AttemptState::Running | AttemptState::Unsettled)
    };
    if world.store.attempts.iter().flatten().any(open) {
        return Some("an attempt stays open");
    }
    if world.sessions[COPY]
        .as_ref()
        .is_some_and(|session| session.is_copy)
    {
        return fault_of_copy(world);
    }
    (0..GUESTS).find_map(|guest| fault_of_guest(world, guest))
}

/// What is wrong if the first guest has two sessions: one of the payments has the slot, and the others are refunded.
fn fault_of_copy(world: &World) -> Option<&'static str> {
    let confirmed = world.store.holds[0]
        .as_ref()
        .is_some_and(|row| row.hold.status == Status::Confirmed);
    let sessions = || world.sessions.iter().flatten();
    let kept = sessions().filter(|session| session.paid && session.refunds.is_empty());
    match (confirmed, kept.count()) {
        _ if sessions().any(|session| session.state == SessionState::Open) => {
            Some("an open session without a live hold")
        }
        (true, 0) => Some("slot and refund for one payment"),
        (true, 1) | (false, 0) => None,
        (true, _) => Some("two payments for one slot"),
        (false, _) => Some("a payment without slot or refund"),
    }
}

fn fault_of_guest(world: &World, guest: Guest) -> Option<&'static str> {
    let confirmed = world.store.holds[guest]
        .as_ref()
        .is_some_and(|row| row.hold.status == Status::Confirmed);
    let Some(session) = &world.sessions[guest] else {
        return confirmed.then_some("a slot without a session");
    };
    let refunded_by_command = !session.refunds.is_empty();
    let is_refunded = refunded_by_command || session.refunded_by_shop;
    match () {
        () if session.state == SessionState::Open => Some("an open session without a live hold"),
        () if session.paid && !is_refunded && !confirmed => Some("a payment without slot or refund"),
        () if refunded_by_command && confirmed => Some("slot and refund for one payment"),
        () if !session.paid && confirmed => Some("a slot without a payment"),
        // Only an event reports a refund at the dashboard; if it is lost, the store cannot know.
        () if session.paid
            && !session.refunded_by_shop
            && stored_state(world, guest) != Some(expected_state(is_refunded)) =>
        {
            Some("the store has a wrong payment state")
        }
        () => None,
    }
}

fn expected_state(is_refunded: bool) -> PaymentState {
    if is_refunded {
        PaymentState::Refunded
    } else {
        PaymentState::Paid
    }
}

/// The state of a guest's payment in the store.
fn stored_state(world: &World, guest: Guest) -> Option<PaymentState> {
    let holds = world
        .store
        .holds
        .iter()
        .flatten()
        .flat_map(|row| &row.hold.payments);
    let mut payments = holds.chain(&world.store.orphans);
    payments
        .find(|payment| payment.intent == intent_id(guest))
        .map(|payment| payment.state)
}
