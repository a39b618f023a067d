//! One slot, and everything that may happen around it, as a graph of states for the checker.
//!
//! Every wait of a workflow for the books or Stripe is a point where anything else may go on. The graph is finite: what
//! may be repeated has a budget, so no path is longer than its budgets allow.

use std::collections::BTreeMap;

use holdfast::domain::hold::Status;
use stateright::{Model, Property};

use crate::call::{Ask, GUESTS, Guest, Note};
use crate::process::{Kind, Next, Process};
use crate::quiet;
use crate::stripe::Happening;
use crate::world::{Choice, Fault, Life, World, is_call, is_read};

/// How much may happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Budget {
    /// Processes that die.
    pub(crate) crashes: u8,
    /// Answers of Stripe's that get lost, or calls that do not get through.
    pub(crate) lost_calls: u8,
    /// Answers of the database's that get lost, or transactions that do not get through.
    pub(crate) lost_commits: u8,
    /// Moments at which all leases run out, whoever has them.
    pub(crate) lapses: u8,
    /// Parts of sweeps that begin by themselves, on whichever instance.
    pub(crate) sweeps: u8,
    /// Deliveries of events.
    pub(crate) deliveries: u8,
    /// Things that guests, banks and the shop do at Stripe.
    pub(crate) happenings: u8,
    /// Slots given back by their guests.
    pub(crate) given_back: u8,
}

/// What may happen, and how much of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    /// Who wants the slot: one or two.
    pub(crate) guests: usize,
    /// The guests are one page that asks twice, under one key.
    pub(crate) keyed: bool,
    /// Somebody may pay sessions whose URL nobody was given.
    pub(crate) strays: bool,
    /// What guests, banks and the shop may do.
    pub(crate) happenings: &'static [fn(Guest) -> Happening],
    pub(crate) budget: Budget,
    /// How many processes run at a time.
    pub(crate) at_once: usize,
    /// How often one event may come.
    pub(crate) per_event: u8,
    /// What is broken on purpose.
    pub(crate) fault: Option<Fault>,
}

/// The world, who is at work in it, and what may still happen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) world: World,
    running: Vec<Process>,
    left: Budget,
    delivered: BTreeMap<Note, u8>,
    /// How many guests have come.
    came: usize,
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    /// Somebody begins, and has their first question answered so.
    Begins(Kind, Choice),
    /// Somebody goes on.
    GoesOn(Process, Choice),
    /// Somebody's process dies.
    Dies(Process),
    /// Leases run out.
    LeasesRunOut,
    /// At Stripe.
    AtStripe(Happening),
}

impl Model for Slot {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            world: World::new(self.fault),
            running: Vec::new(),
            left: self.budget,
            delivered: BTreeMap::new(),
            came: 0,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for process in &state.running {
            if let Next::Asks(ask) = &*process.next() {
                let choices = state.choices(process.kind, ask);
                actions.extend(choices.into_iter().map(|choice| Action::GoesOn(*process, choice)));
            }
            if state.left.crashes > 0 {
                actions.push(Action::Dies(*process));
            }
        }
        for kind in self.beginners(state) {
            if let Next::Asks(ask) = &*Process::begin(kind).next() {
                let choices = state.world.choices(kind, ask);
                actions.extend(choices.into_iter().map(|choice| Action::Begins(kind, choice)));
            }
        }
        if state.left.lapses > 0 && state.world.is_leased() {
            actions.push(Action::LeasesRunOut);
        }
        if state.left.happenings > 0 {
            let all = (0..self.guests).flat_map(|guest| self.happenings.iter().map(move |make| make(guest)));
            let can = all.filter(|happening| state.world.can(*happening, self.strays));
            actions.extend(can.map(Action::AtStripe));
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Begins(kind, choice) => {
                next.pay_for(kind);
                next.go_on(Process::begin(kind), choice);
            }
            Action::GoesOn(process, choice) => {
                next.remove(process);
                next.go_on(process, choice);
            }
            Action::Dies(process) => {
                next.remove(process);
                next.left.crashes -= 1;
            }
            Action::LeasesRunOut => {
                next.world.end_leases();
                next.left.lapses -= 1;
            }
            Action::AtStripe(happening) => {
                next.world.happen(happening);
                next.left.happenings -= 1;
            }
        }
        next.running.sort_unstable();
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("I1: one slot, one buyer", |_: &Self, state: &State| {
                let live = |row: &&crate::call::Row| row.hold.status.is_live();
                state.world.books.holds.iter().flatten().filter(live).count() <= 1
            }),
            Property::always(
                "I2: Stripe is the arbiter of release",
                |_: &Self, state: &State| (0..GUESTS).all(|guest| ended_rightly(&state.world, guest)),
            ),
            Property::always("I3, I4: sweeps alone put all right", |_: &Self, state: &State| {
                quiet::wrong(&state.world).is_none()
            }),
            Property::always("I3: money goes back once", |_: &Self, state: &State| {
                state
                    .world
                    .sessions
                    .iter()
                    .flatten()
                    .all(|session| session.refunds.len() <= 1)
            }),
            Property::always("I4: no URL before the commit", |_: &Self, state: &State| {
                (0..GUESTS).all(|guest| !state.world.given[guest] || state.world.books.holds[guest].is_some())
            }),
            Property::always("I5: an event has one effect", |_: &Self, state: &State| {
                state.world.books.events.values().all(|lines| *lines <= 1)
            }),
            Property::always("no workflow stumbles", |_: &Self, state: &State| {
                !state.world.stumbled
            }),
        ]
    }
}

/// A hold that ended without money ended on Stripe's word.
fn ended_rightly(world: &World, guest: Guest) -> bool {
    let Some(row) = &world.books.holds[guest] else {
        return true;
    };
    let over = matches!(row.hold.status, Status::Released(_) | Status::Cancelled(_));
    let unpaid = row.hold.payments.is_empty();
    !(over && unpaid) || matches!(world.life(guest), None | Some(Life::Expired | Life::Failed))
}

impl Slot {
    /// Who may begin now.
    fn beginners(&self, state: &State) -> Vec<Kind> {
        if state.running.len() >= self.at_once {
            return Vec::new();
        }
        let mut kinds = Vec::new();
        // The guests are alike, so they come in order.
        if state.came < self.guests {
            kinds.push(self.guest(state.came));
        }
        if state.left.deliveries > 0 {
            let fresh = |note: &&Note| state.delivered.get(*note).copied().unwrap_or(0) < self.per_event;
            kinds.extend(
                state
                    .world
                    .notes
                    .iter()
                    .filter(fresh)
                    .map(|note| Kind::Webhook(*note)),
            );
        }
        if state.left.sweeps > 0 {
            let late = |late| Kind::SweepAttempt { late };
            kinds.extend([Kind::SweepHold, late(false), late(true), Kind::Outbox]);
        }
        if state.left.given_back > 0 {
            let given = (0..self.guests).filter(|guest| state.world.given[*guest]);
            kinds.extend(given.map(Kind::GiveBack));
        }
        kinds
    }

    fn guest(&self, guest: Guest) -> Kind {
        if self.keyed {
            Kind::KeyedCheckout(guest)
        } else {
            Kind::Checkout(guest)
        }
    }
}

impl State {
    fn remove(&mut self, process: Process) {
        let place = self.running.iter().position(|running| *running == process);
        self.running.remove(place.unwrap());
    }

    /// Takes what it costs to begin.
    fn pay_for(&mut self, kind: Kind) {
        match kind {
            Kind::Checkout(_) | Kind::KeyedCheckout(_) => self.came += 1,
            Kind::GiveBack(_) => self.left.given_back -= 1,
            Kind::SweepHold | Kind::SweepAttempt { .. } | Kind::Outbox => self.left.sweeps -= 1,
            Kind::Webhook(note) => {
                self.left.deliveries -= 1;
                *self.delivered.entry(note).or_insert(0) += 1;
            }
        }
    }

    /// Answers a process, and lets it run up to its next question.
    fn go_on(&mut self, process: Process, choice: Choice) {
        let (mut process, mut choice) = (process, choice);
        while let Next::Asks(ask) = &*process.next() {
            self.charge(ask, choice);
            process = process.told(self.world.perform(process.kind, ask, choice));
            match &*process.next() {
                // A look at a hold changes nothing, and what is decided by it is checked against its version.
                Next::Asks(Ask::Booking(_)) => choice = Choice::Plain,
                Next::Asks(_) => return self.running.push(process),
                Next::Gives(guest) => self.world.given[*guest] = true,
                Next::Stumbles(_) => self.world.stumbled = true,
                Next::Over => {}
            }
        }
    }

    fn charge(&mut self, ask: &Ask, choice: Choice) {
        let trouble = matches!(
            choice,
            Choice::DoneButLost | Choice::NotDoneAndLost | Choice::Unavailable
        );
        match (trouble, is_call(ask)) {
            (true, true) => self.left.lost_calls -= 1,
            (true, false) => self.left.lost_commits -= 1,
            (false, _) => {}
        }
    }

    fn choices(&self, kind: Kind, ask: &Ask) -> Vec<Choice> {
        let mut choices = self.world.choices(kind, ask);
        let left = if is_call(ask) {
            self.left.lost_calls
        } else {
            self.left.lost_commits
        };
        if left > 0 {
            choices.push(Choice::NotDoneAndLost);
            if !is_read(ask) {
                choices.push(Choice::DoneButLost);
            }
            if is_call(ask) {
                choices.push(Choice::Unavailable);
            }
        }
        choices
    }
}
