//! What is left when everything has come to rest: all processes are dead, no event comes any more, and nothing but the
//! sweep runs, with Stripe and the database in order.
//!
//! Asked of every state that is reached, this is a crash of everything at every point, and it is what "only delays" means:
//! wherever the world stands, sweeps alone must lead to a state without money or slot in the wrong hands.
//!
//! One event is still delivered: money that came through the guest's bank after the session had ended stands in no answer
//! of the session's, so Stripe must go on repeating that event until it is heard.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{LazyLock, Mutex};

use holdfast::domain::hold::Status;
use holdfast::domain::payment::PaymentState;

use crate::call::{GUESTS, Guest, Note, NoteKind, intent_id};
use crate::process::{Kind, Next, Process};
use crate::stripe::Happening;
use crate::world::{Choice, Life, Standing, World};

/// Sweeps find nothing after so many at the latest, or never.
const MOST_SWEEPS: usize = 24;

/// What is wrong once all is quiet; `None` where all is well.
pub(crate) fn wrong(world: &World) -> Option<&'static str> {
    static KNOWN: LazyLock<Mutex<HashMap<u64, Option<&'static str>>>> = LazyLock::new(Mutex::default);
    let mut hasher = DefaultHasher::new();
    world.hash(&mut hasher);
    let key = hasher.finish();
    let known = KNOWN.lock().unwrap().get(&key).copied();
    known.unwrap_or_else(|| {
        let found = ends(world).into_iter().find_map(|end| come_to_rest(end));
        KNOWN.lock().unwrap().insert(key, found);
        found
    })
}

/// The ways in which slow money can end.
fn ends(world: &World) -> Vec<World> {
    let mut ends = vec![world.clone()];
    for guest in (0..GUESTS).filter(|guest| world.life(*guest) == Some(Life::Pending)) {
        let verdicts = [Happening::MoneyArrives(guest), Happening::MoneyFails(guest)];
        ends = verdicts
            .into_iter()
            .flat_map(|verdict| {
                ends.clone().into_iter().map(move |mut end| {
                    end.happen(verdict);
                    end
                })
            })
            .collect();
    }
    ends
}

fn come_to_rest(mut world: World) -> Option<&'static str> {
    for guest in 0..GUESTS {
        let after_end = world.sessions[guest]
            .as_ref()
            .is_some_and(|session| session.after_end);
        if after_end {
            let kind = NoteKind::IntentSucceeded;
            run(&mut world, Kind::Webhook(Note { guest, kind }));
        }
    }
    for _ in 0..MOST_SWEEPS {
        world.end_leases();
        let Some(kind) = due(&world) else {
            return if world.stumbled {
                Some("a workflow stumbled")
            } else {
                fault_of(&world)
            };
        };
        run(&mut world, kind);
    }
    Some("the sweep never comes to an end")
}

/// A part of the sweep that has something to do.
fn due(world: &World) -> Option<Kind> {
    let late = |late| (!world.stale_attempts(late).is_empty()).then_some(Kind::SweepAttempt { late });
    late(false)
        .or_else(|| late(true))
        .or_else(|| (!world.due_commands().is_empty()).then_some(Kind::Outbox))
        .or_else(|| (!world.due_holds().is_empty()).then_some(Kind::SweepHold))
}

/// Runs a workflow to its end, without any trouble.
fn run(world: &mut World, kind: Kind) {
    let mut process = Process::begin(kind);
    loop {
        match &*process.next() {
            Next::Asks(ask) => {
                let choice = world.choices(kind, ask).first().copied().unwrap_or(Choice::Plain);
                process = process.told(world.perform(kind, ask, choice));
            }
            Next::Stumbles(_) => {
                world.stumbled = true;
                return;
            }
            Next::Over | Next::Gives(_) => return,
        }
    }
}

fn fault_of(world: &World) -> Option<&'static str> {
    let open =
        |attempt: &crate::world::Attempt| matches!(attempt.standing, Standing::Running | Standing::Unsettled);
    if world.books.attempts.iter().flatten().any(open) {
        return Some("an attempt stays open");
    }
    (0..GUESTS).find_map(|guest| fault_with(world, guest))
}

fn fault_with(world: &World, guest: Guest) -> Option<&'static str> {
    let confirmed = world.books.holds[guest]
        .as_ref()
        .is_some_and(|row| row.hold.status == Status::Confirmed);
    let Some(session) = &world.sessions[guest] else {
        return confirmed.then_some("a slot without a session");
    };
    let ordered_back = !session.refunds.is_empty();
    let back = ordered_back || session.refunded_by_shop;
    match () {
        () if session.life == Life::Open => Some("an open session without a live hold"),
        () if session.paid && !back && !confirmed => Some("money without slot or refund"),
        () if ordered_back && confirmed => Some("slot and refund for one payment"),
        () if !session.paid && confirmed => Some("a slot without money"),
        // The shop's own refund is told by an event alone; where that is lost, the books cannot know.
        () if session.paid && !session.refunded_by_shop && booked(world, guest) != Some(expected(back)) => {
            Some("the books are wrong about the money")
        }
        () => None,
    }
}

fn expected(back: bool) -> PaymentState {
    if back {
        PaymentState::Refunded
    } else {
        PaymentState::Paid
    }
}

/// What the books say of a guest's payment.
fn booked(world: &World, guest: Guest) -> Option<PaymentState> {
    let holds = world
        .books
        .holds
        .iter()
        .flatten()
        .flat_map(|row| &row.hold.payments);
    let mut payments = holds.chain(&world.books.orphans);
    payments
        .find(|payment| payment.intent == intent_id(guest))
        .map(|payment| payment.state)
}
