//! A running workflow as a value: the shipped `async fn`, and the replies that it has received so far.
//!
//! A future cannot be cloned, compared or hashed, but what it does next depends on nothing but its replies. So a
//! process is the list of its replies, and its next call is found by running the workflow from its beginning over that
//! list. Each list is kept once, in a tree that all states and all tests share, and is run once.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, LazyLock, Mutex, RwLock};

use holdfast::domain::hold::{Refund, ReleaseRequester};
use holdfast::domain::ids::IdempotencyKey;
use holdfast::domain::key_scope::{KeyScope, ScopedKey};
use holdfast::domain::session::{EventRefs, HoldClaim};
use holdfast::domain::token::ConfiguredTokenKeys;
use holdfast::gateway::webhook::{Event, EventContent};
use holdfast::workflow::check_hold::check_hold;
use holdfast::workflow::release_hold::release_hold;
use holdfast::workflow::start_checkout::{Checkout, CheckoutError, CheckoutRequest, start_checkout};
use holdfast::workflow::{Context, Settings, WorkflowError, apply_event, cancel_hold, sweep};
use tokio::sync::mpsc;

use crate::call::{Call, Guest, Reply, StripeEvent, hold_id, intent_id, session_id};
use crate::doubles::{Script, store_and_gateway};
use crate::fixture;

/// The workflow of a process. A sweep runs as its parts, which share nothing: here each finds only its own work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    /// A guest requests a checkout.
    Checkout(Guest),
    /// A guest requests a checkout with an idempotency key that all guests share: one page that sends it twice.
    KeyedCheckout(Guest),
    /// The first guest requests a second checkout, in place of the first one.
    ReplacingCheckout(Guest),
    /// Stripe delivers an event to the webhook.
    Webhook(StripeEvent),
    /// A guest releases the hold by its token.
    ReleaseByGuest(Guest),
    /// The return page of a guest asks Stripe about the hold.
    Check(Guest),
    /// The sweep releases an overdue hold, or checks a delayed payment.
    SweepHold,
    /// The sweep recovers an attempt; `late` if its session can no longer be open.
    SweepAttempt { late: bool },
    /// The sweep or the outbox worker carries out a command, on the first day or on the one after.
    Outbox { on_next_day: bool },
    /// The sweep lets a hold take notice of refunds and disputes.
    SweepMoney,
    /// The sweep settles the money that waits for a hold whose attempt has ended.
    SweepWaits,
    /// An operator cancels the hold, and refunds this much.
    Cancel(Guest, Ordered),
}

/// How much an operator orders to go back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Ordered {
    All,
    Nothing,
    Part,
}

/// The part that an operator refunds, in minor units.
pub(crate) const PART: i64 = 2000;

impl From<Ordered> for Refund {
    fn from(ordered: Ordered) -> Self {
        match ordered {
            Ordered::All => Self::Full,
            Ordered::Nothing => Self::None,
            Ordered::Part => Self::Part(PART),
        }
    }
}

/// What a workflow does next.
#[derive(Clone, Debug)]
pub(crate) enum Next {
    /// The workflow makes a call.
    Calls(Call),
    /// The workflow ends without returning a URL.
    Ends,
    /// The workflow ends and returns the URL of this guest's session.
    ReturnsUrl(Guest),
    /// The workflow fails with an internal error.
    Fails(String),
}

/// A workflow and its replies so far; two are equal if all replies are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Process {
    pub(crate) kind: Kind,
    place: usize,
}

impl std::fmt::Debug for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &*self.next() {
            Next::Calls(call) => write!(f, "{:?} calls {call:?}", self.kind),
            end => write!(f, "{:?}: {end:?}", self.kind),
        }
    }
}

#[derive(Default)]
struct Tree {
    places: HashMap<(Kind, Option<(usize, Reply)>), usize>,
    replies: Vec<Vec<Reply>>,
    next: Vec<Arc<Next>>,
}

static TREE: LazyLock<RwLock<Tree>> = LazyLock::new(RwLock::default);

impl Process {
    /// Starts a process, without any reply yet.
    pub(crate) fn start(kind: Kind) -> Self {
        Self::at(kind, None)
    }

    /// The same process after one more reply.
    pub(crate) fn with_reply(self, reply: Reply) -> Self {
        Self::at(self.kind, Some((self.place, reply)))
    }

    pub(crate) fn next(self) -> Arc<Next> {
        TREE.read().unwrap().next[self.place].clone()
    }

    fn at(kind: Kind, step: Option<(usize, Reply)>) -> Self {
        let known = TREE.read().unwrap().places.get(&(kind, step.clone())).copied();
        if let Some(place) = known {
            return Self { kind, place };
        }
        let mut tree = TREE.write().unwrap();
        if let Some(&place) = tree.places.get(&(kind, step.clone())) {
            return Self { kind, place };
        }
        let mut replies = step
            .as_ref()
            .map_or(Vec::new(), |(before, _)| tree.replies[*before].clone());
        replies.extend(step.as_ref().map(|(_, reply)| reply.clone()));
        let next = replay(kind, replies.clone());
        let place = tree.replies.len();
        tree.replies.push(replies);
        tree.next.push(Arc::new(next));
        tree.places.insert((kind, step), place);
        Self { kind, place }
    }
}

/// The number of different lists of replies that were run so far.
pub(crate) fn replays() -> usize {
    TREE.read().unwrap().replies.len()
}

/// Runs a workflow over these replies, up to the first call beyond them or its end.
fn replay(kind: Kind, replies: Vec<Reply>) -> Next {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let (calls, mut called) = mpsc::unbounded_channel();
    let script = Arc::new(Script {
        kind,
        replies: Mutex::new(VecDeque::from(replies)),
        calls,
    });
    let (store, gateway) = store_and_gateway(&script);
    let now = match kind {
        Kind::SweepAttempt { late: true } => fixture::after_all_sessions(),
        Kind::Outbox { on_next_day } => fixture::on_day(on_next_day),
        _ => fixture::start(),
    };
    let settings = Settings {
        // Time does not pass in the model, so a process that finds a lease taken does not wait.
        wait_timeout: std::time::Duration::ZERO,
        ..Settings::default()
    };
    let clock = Arc::new(fixture::FixedClock(now));
    let context = Context::new(
        store,
        gateway,
        clock,
        ConfiguredTokenKeys::new([], "sk_test_x"),
        settings,
    );
    let next = runtime.block_on(async {
        tokio::select! {
            biased;
            Some(call) = called.recv() => Next::Calls(call),
            end = run_workflow(kind, &context) => end,
        }
    });
    let unused = script.replies.lock().unwrap().len();
    assert_eq!(unused, 0, "{kind:?} made other calls on its second run");
    next
}

async fn run_workflow(kind: Kind, context: &Arc<Context>) -> Next {
    let ended = match kind {
        Kind::Checkout(guest) => return check_out(context, guest, fixture::request(None)).await,
        Kind::ReplacingCheckout(guest) => {
            let replaces = Some(hold_id(0));
            let request = CheckoutRequest {
                replaces,
                ..fixture::request(None)
            };
            return check_out(context, guest, request).await;
        }
        Kind::KeyedCheckout(guest) => {
            let key = IdempotencyKey::parse("clicked-twice").unwrap();
            let key = ScopedKey::new(key, KeyScope::Anyone);
            return check_out(context, guest, fixture::request(Some(key))).await;
        }
        Kind::Webhook(event) => apply_event::apply_event(context, parsed_event(event), "{}")
            .await
            .map(drop),
        Kind::ReleaseByGuest(guest) => {
            let actor = holdfast::domain::booking::Actor::Guest;
            let requester = Some(ReleaseRequester::Guest);
            release_hold(context, hold_id(guest), requester, actor)
                .await
                .map(drop)
        }
        Kind::Check(guest) => match context.store.find_booking(hold_id(guest)).await {
            Ok(Some(booking)) => check_hold(context, booking, || true).await.map(drop),
            Ok(None) | Err(_) => return Next::Ends,
        },
        Kind::Cancel(guest, ordered) => {
            let actor = holdfast::domain::booking::Actor::Operator(None);
            cancel_hold::cancel_by_operator(context, hold_id(guest), ordered.into(), None, actor)
                .await
                .map(drop)
        }
        Kind::SweepHold
        | Kind::SweepAttempt { .. }
        | Kind::Outbox { .. }
        | Kind::SweepMoney
        | Kind::SweepWaits => sweep::sweep_once(context).await.map(drop),
    };
    match ended {
        Err(error) => next_after_error(&error),
        Ok(()) => Next::Ends,
    }
}

async fn check_out(context: &Arc<Context>, guest: Guest, request: CheckoutRequest) -> Next {
    match start_checkout(context, request).await {
        Ok(Checkout::Placed(_)) => Next::ReturnsUrl(guest),
        Ok(Checkout::Replayed(booking)) => {
            Next::ReturnsUrl(usize::try_from(booking.hold.id.0.as_u128() - 1).unwrap())
        }
        Err(CheckoutError::Workflow(error)) => next_after_error(&error),
        Err(_) => Next::Ends,
    }
}

/// An internal error is a bug; other errors are normal outcomes.
fn next_after_error(error: &WorkflowError) -> Next {
    match error {
        WorkflowError::Internal(source) => Next::Fails(source.to_string()),
        _ => Next::Ends,
    }
}

fn parsed_event(event: StripeEvent) -> Event {
    let refs = EventRefs {
        claim: Some(HoldClaim {
            hold: hold_id(event.claimed()),
            installation: fixture::INSTALLATION.into(),
        }),
        session: event.kind.names_session().then(|| session_id(event.guest)),
        intent: Some(intent_id(event.guest)),
    };
    Event {
        id: event.id(),
        kind: format!("{:?}", event.kind),
        livemode: Settings::default().livemode,
        content: EventContent::Relevant {
            refs,
            fact: event.fact(),
            money: event.money(),
        },
        ledger: event.ledger(),
    }
}
