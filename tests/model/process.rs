//! A workflow on its way, as a value: the shipped `async fn`, and what it has been told so far.
//!
//! A future cannot be cloned, compared or hashed, but what it does next depends on nothing but the answers that it got.
//! So a process is the list of its answers, and its next question is found by running the workflow from its beginning
//! over that list. Lists are kept once, as a tree that all states and all tests share; each is run once.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, LazyLock, Mutex, RwLock};

use holdfast::domain::hold::ReleaseRequester;
use holdfast::domain::ids::IdempotencyKey;
use holdfast::domain::session::HoldRefs;
use holdfast::domain::token::TokenKey;
use holdfast::gateway::GatewayError;
use holdfast::gateway::webhook::{Event, EventContent};
use holdfast::workflow::release_hold::release_hold;
use holdfast::workflow::start_checkout::{Checkout, CheckoutError, start_checkout};
use holdfast::workflow::{Context, Settings, WorkflowError, apply_fact, sweep};
use tokio::sync::mpsc;

use crate::call::{Answer, Ask, Guest, Note, hold_id, intent_id, session_id};
use crate::doubles::{Script, halves};
use crate::setting;

/// What runs. A sweep is its parts, which share nothing: its looks at the other parts find nothing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    /// A guest's request.
    Checkout(Guest),
    /// The same with an idempotency key, which all guests share: one page that asks twice.
    KeyedCheckout(Guest),
    /// An event is delivered.
    Webhook(Note),
    /// A guest gives the slot back.
    GiveBack(Guest),
    /// The sweep ends what is overdue, and asks about what takes long.
    SweepHold,
    /// The sweep recovers an attempt; `late` when its session can no longer be open.
    SweepAttempt { late: bool },
    /// The sweep, or the outbox worker, carries out a command.
    Outbox,
}

/// What a workflow does next.
#[derive(Clone, Debug)]
pub(crate) enum Next {
    /// It asks.
    Asks(Ask),
    /// It is over, and nobody outside learns a URL.
    Over,
    /// It is over, and somebody was given the URL of this guest's session.
    Gives(Guest),
    /// It says that something happened that should not.
    Stumbles(String),
}

/// How far a workflow has come; equal where all answers were.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Process {
    pub(crate) kind: Kind,
    place: usize,
}

impl std::fmt::Debug for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &*self.next() {
            Next::Asks(ask) => write!(f, "{:?} asks {ask:?}", self.kind),
            end => write!(f, "{:?}: {end:?}", self.kind),
        }
    }
}

#[derive(Default)]
struct Tree {
    places: HashMap<(Kind, Option<(usize, Answer)>), usize>,
    answers: Vec<Vec<Answer>>,
    next: Vec<Arc<Next>>,
}

static TREE: LazyLock<RwLock<Tree>> = LazyLock::new(RwLock::default);

impl Process {
    /// One that was told nothing yet.
    pub(crate) fn begin(kind: Kind) -> Self {
        Self::at(kind, None)
    }

    /// The same one, told this.
    pub(crate) fn told(self, answer: Answer) -> Self {
        Self::at(self.kind, Some((self.place, answer)))
    }

    pub(crate) fn next(self) -> Arc<Next> {
        TREE.read().unwrap().next[self.place].clone()
    }

    fn at(kind: Kind, step: Option<(usize, Answer)>) -> Self {
        let known = TREE.read().unwrap().places.get(&(kind, step.clone())).copied();
        if let Some(place) = known {
            return Self { kind, place };
        }
        let mut tree = TREE.write().unwrap();
        if let Some(&place) = tree.places.get(&(kind, step.clone())) {
            return Self { kind, place };
        }
        let mut answers = step
            .as_ref()
            .map_or(Vec::new(), |(before, _)| tree.answers[*before].clone());
        answers.extend(step.as_ref().map(|(_, answer)| answer.clone()));
        let next = run(kind, answers.clone());
        let place = tree.answers.len();
        tree.answers.push(answers);
        tree.next.push(Arc::new(next));
        tree.places.insert((kind, step), place);
        Self { kind, place }
    }
}

/// How many different questions the shipped workflows were brought to.
pub(crate) fn replays() -> usize {
    TREE.read().unwrap().answers.len()
}

/// Runs a workflow over these answers, up to the first question beyond them or its end.
fn run(kind: Kind, told: Vec<Answer>) -> Next {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let (asks, mut asked) = mpsc::unbounded_channel();
    let script = Arc::new(Script {
        kind,
        told: Mutex::new(VecDeque::from(told)),
        asks,
    });
    let (store, gateway) = halves(&script);
    let now = match kind {
        Kind::SweepAttempt { late: true } => setting::much_later(),
        _ => setting::start(),
    };
    let settings = Settings {
        // Nobody waits in the model: whoever finds a lease taken has waited long enough.
        wait_timeout: std::time::Duration::ZERO,
        ..Settings::default()
    };
    let clock = Arc::new(setting::Standing(now));
    let context = Context::new(store, gateway, clock, TokenKey::derive("sk_test_x"), settings);
    let next = runtime.block_on(async {
        tokio::select! {
            biased;
            Some(ask) = asked.recv() => Next::Asks(ask),
            end = perform(kind, &context) => end,
        }
    });
    let unread = script.told.lock().unwrap().len();
    assert_eq!(unread, 0, "{kind:?} took another way on its second run");
    next
}

async fn perform(kind: Kind, context: &Arc<Context>) -> Next {
    let ended = match kind {
        Kind::Checkout(guest) => return check_out(context, guest, None).await,
        Kind::KeyedCheckout(guest) => {
            let key = IdempotencyKey::parse("clicked-twice").unwrap();
            return check_out(context, guest, Some(key)).await;
        }
        Kind::Webhook(note) => apply_fact::apply_event(context, event(note), "{}")
            .await
            .map(drop),
        Kind::GiveBack(guest) => {
            let cause = holdfast::domain::booking::Actor::Guest;
            let asker = Some(ReleaseRequester::Guest);
            release_hold(context, hold_id(guest), asker, cause)
                .await
                .map(drop)
        }
        Kind::SweepHold | Kind::SweepAttempt { .. } | Kind::Outbox => {
            sweep::sweep_once(context).await.map(drop)
        }
    };
    match ended {
        Err(trouble) => in_trouble(&trouble),
        Ok(()) => Next::Over,
    }
}

async fn check_out(context: &Arc<Context>, guest: Guest, key: Option<IdempotencyKey>) -> Next {
    match start_checkout(context, setting::request(key)).await {
        Ok(Checkout::Placed(_)) => Next::Gives(guest),
        Ok(Checkout::Replayed(booking)) => {
            Next::Gives(usize::try_from(booking.hold.id.0.as_u128() - 1).unwrap())
        }
        Err(CheckoutError::Workflow(trouble)) => in_trouble(&trouble),
        Err(_) => Next::Over,
    }
}

/// A refusal of Stripe's counts as our bug or our configuration in the answer to a caller; here it is neither.
fn in_trouble(trouble: &WorkflowError) -> Next {
    match trouble {
        WorkflowError::Internal(source) if !source.is::<GatewayError>() => Next::Stumbles(source.to_string()),
        _ => Next::Over,
    }
}

fn event(note: Note) -> Event {
    let refs = HoldRefs {
        installation: Some(setting::INSTALLATION.into()),
        hold: Some(hold_id(note.guest)),
        session: note.kind.names_session().then(|| session_id(note.guest)),
        intent: Some(intent_id(note.guest)),
    };
    Event {
        id: note.id(),
        kind: format!("{:?}", note.kind),
        livemode: Settings::default().livemode,
        content: EventContent::Relevant {
            refs,
            fact: note.fact(),
            money: note.money(),
            ours: true,
        },
    }
}
