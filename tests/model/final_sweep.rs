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

use holdfast::domain::hold::{CancelReason, Status};
use holdfast::domain::ledger::sums::Sums;
use holdfast::domain::payment::Payment;

use crate::call::{EventKind, GUESTS, Guest, StripeEvent, intent_id, price};
use crate::money::Dispute;
use crate::process::{Kind, Next, Process};
use crate::stripe::{COPY, StripeAction};
use crate::world::{AttemptState, Choice, Session, SessionState, World};

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

/// The worlds after each delayed payment has succeeded or failed, and each dispute was won or lost.
fn settle_delayed_payments(world: &World) -> Vec<World> {
    let mut ends = vec![world.clone()];
    let open = (0..GUESTS).filter_map(|guest| {
        let session = world.sessions[guest].as_ref()?;
        match (session.state, session.dispute) {
            (SessionState::Pending, _) => {
                Some([StripeAction::MoneyArrives(guest), StripeAction::MoneyFails(guest)])
            }
            (_, Some(Dispute::Open)) => Some([
                StripeAction::DisputeIsWon(guest),
                StripeAction::DisputeIsLost(guest),
            ]),
            _ => None,
        }
    });
    for outcomes in open {
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
    let mut is_reported = false;
    for _ in 0..MOST_SWEEPS {
        world.end_leases();
        let Some(kind) = next_due(&world) else {
            if let Some(fault) = fault_of_world(&world) {
                return Some(fault);
            }
            if std::mem::replace(&mut is_reported, true) {
                return None;
            }
            // Stripe repeats its events until they are accepted. Then all money must be where Stripe says.
            if !report_money(&mut world) {
                return Some("an event makes a workflow fail");
            }
            continue;
        };
        if !run_to_end(&mut world, kind) {
            return Some("a sweep fails");
        }
    }
    Some("the sweep always finds more to do")
}

/// Delivers all events about refunds and disputes; `false` if one makes a workflow fail.
fn report_money(world: &mut World) -> bool {
    let is_money =
        |event: &StripeEvent| matches!(event.kind, EventKind::RefundSeen(_) | EventKind::DisputeSeen(_));
    let events: Vec<_> = world.events.iter().copied().filter(is_money).collect();
    events
        .into_iter()
        .all(|event| run_to_end(world, Kind::Webhook(event)))
}

/// The part of the sweep that has work to do next.
fn next_due(world: &World) -> Option<Kind> {
    let late = |late| (!world.stale_attempts(late).is_empty()).then_some(Kind::SweepAttempt { late });
    late(false)
        .or_else(|| late(true))
        .or_else(|| (!world.unsettled_waits().is_empty()).then_some(Kind::SweepWaits))
        .or_else(|| (!world.unnoted().is_empty()).then_some(Kind::SweepMoney))
        .or_else(|| {
            let on_next_day = world.is_day_later;
            (!world.due_commands().is_empty()).then_some(Kind::Outbox { on_next_day })
        })
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
    let status = world.store.holds[guest].as_ref().map(|row| row.hold.status);
    let confirmed = status == Some(Status::Confirmed);
    let by_operator = status == Some(Status::Cancelled(CancelReason::Operator));
    let Some(session) = &world.sessions[guest] else {
        return confirmed.then_some("a slot without a session");
    };
    if session.state == SessionState::Open {
        return Some("an open session without a live hold");
    }
    if !session.paid {
        return confirmed.then_some("a slot without a payment");
    }
    let Some(payment) = stored_payment(world, guest) else {
        return Some("a payment that is not recorded");
    };
    let sums = payment.sums();
    let by_command = session.refunds.iter().any(|refund| refund.command.is_some());
    let is_over = !confirmed && !by_operator;
    match () {
        () if by_command && confirmed => Some("slot and refund for one payment"),
        () if is_over && sums.kept > 0 => Some("a payment without slot or refund"),
        () if sums.refund_pending > 0 => Some("a refund that was ordered is missing"),
        () if payment.clone().note() => Some("the hold has not taken notice of its money"),
        () if !is_all_reported(world, guest) => None,
        () if !sums.adds_up() => Some("the money does not add up"),
        () if !is_as_at_stripe(session, sums) => Some("the ledger has other money than Stripe"),
        () => None,
    }
}

/// Whether every refund and dispute of the guest is known: only an event reports those at the dashboard and at the bank.
fn is_all_reported(world: &World, guest: Guest) -> bool {
    let session = world.sessions[guest].as_ref().unwrap();
    let facts = &world.store.facts[guest];
    let mut refunds = session.refunds.iter().map(|refund| refund.snapshot(guest));
    let mut disputes = session.dispute.iter().map(|dispute| dispute.snapshot(guest));
    refunds.all(|refund| facts.refunds.get(&refund.id) == Some(&refund))
        && disputes.all(|dispute| facts.disputes.get(&dispute.id) == Some(&dispute))
}

fn is_as_at_stripe(session: &Session, sums: Sums) -> bool {
    let back = session.refunds.iter().filter(|refund| !refund.has_failed);
    let disputed = |state| {
        if session.dispute == Some(state) {
            price().amount
        } else {
            0
        }
    };
    sums.refunded == back.map(|refund| refund.amount).sum::<i64>()
        && sums.disputed == disputed(Dispute::Open)
        && sums.lost == disputed(Dispute::Lost)
}

/// The guest's payment as the store shows it.
fn stored_payment(world: &World, guest: Guest) -> Option<Payment> {
    let holds = world
        .store
        .holds
        .iter()
        .flatten()
        .flat_map(|row| &row.hold.payments);
    let orphans = world.store.orphans.iter().map(|orphan| &orphan.payment);
    let mut payments = holds.chain(orphans);
    let mut payment = payments
        .find(|payment| payment.intent == intent_id(guest))?
        .clone();
    world.complete(&mut payment);
    Some(payment)
}
