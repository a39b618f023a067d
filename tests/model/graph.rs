//! The graph of states for the checker: one slot, and everything that may happen around it.
//!
//! At every call of a workflow to the store or to Stripe, anything else may happen first. The graph is finite: each
//! repeatable action has a budget, so no path is longer than its budgets allow.

use std::collections::BTreeMap;

use holdfast::domain::hold::Status;
use stateright::{Model, Property};

use crate::budget::Budget;
use crate::call::{Call, GUESTS, Guest, StripeEvent};
use crate::final_sweep;
use crate::money::Refund;
use crate::process::{Kind, Next, Ordered, Process};
use crate::stripe::StripeAction;
use crate::world::{Choice, Mutation, Session, SessionState, World, is_read, is_stripe_call};

/// What may happen in a graph, and how often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SlotModel {
    /// The number of guests who request the slot: one or two.
    pub(crate) guests: usize,
    /// Whether the guests are one page that sends its request twice, with one idempotency key.
    pub(crate) keyed: bool,
    /// Whether the second guest is the first one again, who changes their mind.
    pub(crate) replacing: bool,
    /// Whether a session may be paid whose URL no guest received.
    pub(crate) stray_payments: bool,
    /// The actions that guests, banks and the shop may take.
    pub(crate) stripe_actions: &'static [fn(Guest) -> StripeAction],
    pub(crate) budget: Budget,
    /// The number of processes that run at a time.
    pub(crate) max_running: usize,
    /// How often one event may be delivered.
    pub(crate) max_deliveries: u8,
    /// The bug that the checker must find, if any.
    pub(crate) mutation: Option<Mutation>,
}

/// A node of the graph: the world, the running processes, and what may still happen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) world: World,
    running: Vec<Process>,
    remaining: Budget,
    delivered: BTreeMap<StripeEvent, u8>,
    /// The number of guests who have started their checkout.
    started_guests: usize,
    /// The internal error of a workflow, if one failed.
    pub(crate) failure: Option<String>,
}

/// An edge of the graph: one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Action {
    /// A process starts, and its first call has this outcome.
    Start(Kind, Choice),
    /// A process continues, and its call has this outcome.
    Continue(Process, Choice),
    /// A process crashes before its call.
    Crash(Process),
    /// All leases end at once.
    EndLeases,
    /// An action happens at Stripe.
    Stripe(StripeAction),
}

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Start(kind, choice) => write!(f, "{:?} has the outcome {choice:?}", Process::start(*kind)),
            Self::Continue(process, choice) => write!(f, "{process:?} has the outcome {choice:?}"),
            Self::Crash(process) => write!(f, "{process:?} crashes"),
            Self::EndLeases => f.write_str("all leases end"),
            Self::Stripe(action) => write!(f, "at Stripe: {action:?}"),
        }
    }
}

impl Model for SlotModel {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            world: World::new(self.mutation),
            running: Vec::new(),
            remaining: self.budget,
            delivered: BTreeMap::new(),
            started_guests: 0,
            failure: None,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for process in &state.running {
            if let Next::Calls(call) = &*process.next() {
                let choices = state.choices(process.kind, call);
                actions.extend(
                    choices
                        .into_iter()
                        .map(|choice| Action::Continue(*process, choice)),
                );
            }
            if state.remaining.crashes > 0 {
                actions.push(Action::Crash(*process));
            }
        }
        for kind in self.startable(state) {
            if let Next::Calls(call) = &*Process::start(kind).next() {
                let choices = state.world.choices(kind, call);
                actions.extend(choices.into_iter().map(|choice| Action::Start(kind, choice)));
            }
        }
        if state.remaining.lapses > 0 && state.world.is_leased() {
            actions.push(Action::EndLeases);
        }
        if state.remaining.stripe_actions > 0 {
            let all =
                (0..self.guests).flat_map(|guest| self.stripe_actions.iter().map(move |make| make(guest)));
            // No call of a worker takes a day.
            let is_calling = state
                .running
                .iter()
                .any(|process| matches!(process.kind, Kind::Outbox { .. }));
            let possible = all.filter(|action| {
                state.world.is_possible(*action, self.stray_payments)
                    && !(is_calling && matches!(action, StripeAction::DayPasses(_)))
            });
            actions.extend(possible.map(Action::Stripe));
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Start(kind, choice) => {
                next.spend_start(kind);
                next.continue_process(Process::start(kind), choice);
            }
            Action::Continue(process, choice) => {
                next.remove_process(process);
                next.continue_process(process, choice);
            }
            Action::Crash(process) => {
                next.remove_process(process);
                next.remaining.crashes -= 1;
            }
            Action::EndLeases => {
                next.world.end_leases();
                next.remaining.lapses -= 1;
            }
            Action::Stripe(action) => {
                next.world.act(action);
                next.remaining.stripe_actions -= 1;
            }
        }
        next.running.sort_unstable();
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("I1: one slot, one buyer", |_: &Self, state: &State| {
                let live = |row: &&crate::call::Row| row.hold.status.is_live();
                state.world.store.holds.iter().flatten().filter(live).count() <= 1
            }),
            Property::always(
                "I2: Stripe is the arbiter of release",
                |_: &Self, state: &State| (0..GUESTS).all(|guest| ended_by_stripe(&state.world, guest)),
            ),
            Property::always(
                "I3, I4: sweeps alone repair everything",
                |_: &Self, state: &State| final_sweep::find_fault(&state.world).is_none(),
            ),
            Property::always("I3: an order is refunded once", |_: &Self, state: &State| {
                state.world.sessions.iter().flatten().all(is_refunded_as_ordered)
            }),
            Property::always("I4: no URL before the commit", |_: &Self, state: &State| {
                (0..GUESTS)
                    .all(|guest| !state.world.has_url[guest] || state.world.store.holds[guest].is_some())
            }),
            Property::always("I5: an event has one effect", |_: &Self, state: &State| {
                state.world.store.events.values().all(|lines| *lines <= 1)
            }),
            Property::always("no workflow fails", |_: &Self, state: &State| {
                state.failure.is_none()
            }),
        ]
    }
}

/// Whether no command made two refunds, and no more went back than was paid.
fn is_refunded_as_ordered(session: &Session) -> bool {
    let refunds = &session.refunds;
    let is_double = |refund: &Refund| {
        let same = refunds.iter().filter(|other| other.command == refund.command);
        refund.command.is_some() && same.count() > 1
    };
    session.left() >= 0 && !refunds.iter().any(is_double)
}

/// Whether a hold that ended without a payment ended after Stripe had ended its session.
fn ended_by_stripe(world: &World, guest: Guest) -> bool {
    let Some(row) = &world.store.holds[guest] else {
        return true;
    };
    let is_over = matches!(row.hold.status, Status::Released(_) | Status::Cancelled(_));
    let is_unpaid = row.hold.payments.is_empty();
    !(is_over && is_unpaid)
        || matches!(
            world.session_state(guest),
            None | Some(SessionState::Expired | SessionState::Failed)
        )
}

impl SlotModel {
    /// The workflows that may start now.
    fn startable(&self, state: &State) -> Vec<Kind> {
        if state.running.len() >= self.max_running {
            return Vec::new();
        }
        let mut kinds = Vec::new();
        // The guests are interchangeable, so they start in order.
        // Who changes their mind has the first hold's URL and token.
        let may_start = !self.replacing || state.started_guests == 0 || state.world.has_url[0];
        if state.started_guests < self.guests && may_start {
            kinds.push(self.checkout_of(state.started_guests));
        }
        if state.remaining.deliveries > 0 {
            let fresh = |event: &&StripeEvent| {
                state.delivered.get(*event).copied().unwrap_or(0) < self.max_deliveries
            };
            kinds.extend(
                state
                    .world
                    .events
                    .iter()
                    .filter(fresh)
                    .map(|event| Kind::Webhook(*event)),
            );
        }
        if state.remaining.sweeps > 0 {
            let late = |late| Kind::SweepAttempt { late };
            let outbox = Kind::Outbox {
                on_next_day: state.world.is_day_later,
            };
            kinds.extend([Kind::SweepHold, late(false), late(true), outbox]);
            kinds.extend([Kind::SweepMoney, Kind::SweepWaits]);
        }
        if state.remaining.releases > 0 {
            let with_url = (0..self.guests).filter(|guest| state.world.has_url[*guest]);
            kinds.extend(with_url.map(Kind::ReleaseByGuest));
        }
        if state.remaining.checks > 0 {
            let with_url = (0..self.guests).filter(|guest| state.world.has_url[*guest]);
            kinds.extend(with_url.map(Kind::Check));
        }
        if state.remaining.cancellations > 0 {
            let placed = (0..self.guests).filter(|guest| state.world.store.holds[*guest].is_some());
            let ordered = [Ordered::All, Ordered::Nothing, Ordered::Part];
            kinds.extend(placed.flat_map(|guest| ordered.map(|ordered| Kind::Cancel(guest, ordered))));
        }
        kinds
    }

    fn checkout_of(&self, guest: Guest) -> Kind {
        if self.keyed {
            Kind::KeyedCheckout(guest)
        } else if self.replacing && guest > 0 {
            Kind::ReplacingCheckout(guest)
        } else {
            Kind::Checkout(guest)
        }
    }
}

impl State {
    fn remove_process(&mut self, process: Process) {
        let place = self.running.iter().position(|running| *running == process);
        self.running.remove(place.unwrap());
    }

    /// Reduces the budget by the start of this workflow.
    fn spend_start(&mut self, kind: Kind) {
        match kind {
            Kind::Checkout(_) | Kind::KeyedCheckout(_) | Kind::ReplacingCheckout(_) => {
                self.started_guests += 1;
            }
            Kind::ReleaseByGuest(_) => self.remaining.releases -= 1,
            Kind::Check(_) => self.remaining.checks -= 1,
            Kind::Cancel(..) => self.remaining.cancellations -= 1,
            Kind::SweepHold
            | Kind::SweepAttempt { .. }
            | Kind::Outbox { .. }
            | Kind::SweepMoney
            | Kind::SweepWaits => {
                self.remaining.sweeps -= 1;
            }
            Kind::Webhook(event) => {
                self.remaining.deliveries -= 1;
                *self.delivered.entry(event).or_insert(0) += 1;
            }
        }
    }

    /// Carries out the call of a process, and runs it up to its next call.
    fn continue_process(&mut self, process: Process, choice: Choice) {
        let (mut process, mut choice) = (process, choice);
        while let Next::Calls(call) = &*process.next() {
            self.spend_failure(call, choice);
            process = process.with_reply(self.world.perform(process.kind, call, choice));
            match &*process.next() {
                // Reading a hold is no step of its own: decisions from it are checked against its version later.
                Next::Calls(
                    Call::FindBooking(_) | Call::FindOwner(_) | Call::FindFacts(_) | Call::IsPaymentKnown(_)
                    // A worker that ends before this leaves a command that nobody tried.
                    | Call::BeginCommand(_),
                ) => choice = Choice::Plain,
                Next::Calls(_) => return self.running.push(process),
                Next::ReturnsUrl(guest) => self.world.has_url[*guest] = true,
                Next::Fails(message) => self.failure = Some(message.clone()),
                Next::Ends => {}
            }
        }
    }

    fn spend_failure(&mut self, call: &Call, choice: Choice) {
        let is_failure = matches!(
            choice,
            Choice::DoneButLost | Choice::NotDoneAndLost | Choice::Unavailable
        );
        match (is_failure, is_stripe_call(call)) {
            (true, true) => self.remaining.lost_calls -= 1,
            (true, false) => self.remaining.lost_commits -= 1,
            (false, _) => {}
        }
    }

    fn choices(&self, kind: Kind, call: &Call) -> Vec<Choice> {
        let mut choices = self.world.choices(kind, call);
        let remaining = if is_stripe_call(call) {
            self.remaining.lost_calls
        } else {
            self.remaining.lost_commits
        };
        if remaining > 0 {
            choices.push(Choice::NotDoneAndLost);
            if !is_read(call) {
                choices.push(Choice::DoneButLost);
            }
            if is_stripe_call(call) {
                choices.push(Choice::Unavailable);
            }
        }
        choices
    }
}
