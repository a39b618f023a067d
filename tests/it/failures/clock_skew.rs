//! Five `serve` processes on one PostgreSQL whose clocks are up to ten minutes off (S25): a wrong clock asks too early or
//! too late, and changes no answer; nothing is done twice, nothing is lost.
//!
//! All that is by itself in production is on: each process sweeps every second and has its outbox worker. A hold lives
//! for two seconds by the clock of whoever placed it, so it is over for the faster ones as soon as it is there, and all
//! five are after it while its guest pays. Stripe is the simulator, with every call to it written down.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::extract::Request;
use axum::middleware;
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use futures::StreamExt;
use holdfast::clock::SystemClock;
use holdfast::domain::time::Clock;
use holdfast::sandbox::{
    Faults, Mode, Outcome, QueuedEvent, SessionStatus, Simulator, SimulatorConfig, signature_header,
};
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};
use reqwest::Method;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::support::app::{Answer, Client, WEBHOOK_SECRET, order_by, variables};
use crate::support::audit::{Audit, PATIENCE};
use crate::support::database::{Engine, TestDatabase};
use crate::support::process::Process;
use crate::support::wait_for::eventually;

/// Seconds by which the clocks are ahead of Stripe's and the database's.
const CLOCKS: [i64; 5] = [-600, -300, 0, 300, 600];
const GUESTS: usize = 60;
/// Half hours that they fight for.
const STARTS: i64 = 24;
/// How often a guest who finds a slot taken asks for another.
const WISHES: usize = 6;

/// What somebody still has to do.
const UNFINISHED: &str = "SELECT (SELECT count(*) FROM commands WHERE done_at IS NULL)
    + (SELECT count(*) FROM checkout_attempts WHERE state IN ('running', 'unsettled'))
    + (SELECT count(*) FROM holds WHERE status IN ('held', 'processing'))";

/// Five processes, their books, and their Stripe.
struct Five {
    clients: Vec<Client>,
    _processes: Vec<Process>,
    simulator: Simulator,
    /// Each call to Stripe: what it was about, and under which key where it makes something.
    calls: Arc<Mutex<Vec<String>>>,
    /// What everybody's chances come from.
    chance: Mutex<StdRng>,
    stripe: AbortHandle,
    database: TestDatabase,
    _directory: tempfile::TempDir,
}

impl Five {
    async fn start(seed: u64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let database = TestDatabase::new(Engine::Postgres).await;
        let simulator = Simulator::new(SimulatorConfig {
            webhook_url: None,
            webhook_secret: WEBHOOK_SECRET.to_owned(),
            mode: Mode::Explicit,
            now: Arc::new(|| SystemClock.now()),
        });
        simulator.set_faults(Faults {
            latency_ms: 20,
            jitter_ms: 100,
            seed: Some(seed),
            ..Faults::default()
        });
        let calls = Arc::default();
        let (stripe_url, stripe) = open_stripe(&simulator, &calls).await;
        let (mut processes, mut clients) = (Vec::new(), Vec::new());
        for ahead in CLOCKS {
            let mut process = serve(directory.path(), database.url(), &stripe_url, ahead);
            clients.push(Client::of(process.address("serving on http://").await));
            processes.push(process);
        }
        for (id, minutes) in [("call", 30), ("long-call", 60)] {
            let body = json!({"name": id, "resource": "ana", "duration_minutes": minutes, "amount": 5000, "currency": "eur"});
            let path = format!("/v1/admin/event-types/{id}");
            clients[0].admin(Method::PUT, &path, Some(body)).await.expect(201);
        }
        Self {
            clients,
            _processes: processes,
            simulator,
            calls,
            chance: Mutex::new(StdRng::seed_from_u64(seed)),
            stripe,
            database,
            _directory: directory,
        }
    }

    /// A chance of its own for somebody.
    fn chance(&self) -> StdRng {
        StdRng::seed_from_u64(self.chance.lock().unwrap().random())
    }

    fn any(&self, chance: &mut StdRng) -> &Client {
        self.clients.choose(chance).unwrap()
    }

    /// Brings this event to one of the five after the other, until it is taken: for a clock that is ten minutes off no
    /// signature is of now.
    async fn brings(&self, event: &QueuedEvent) {
        let mut doors: Vec<&Client> = self.clients.iter().collect();
        doors.shuffle(&mut self.chance());
        for door in doors {
            let now = SystemClock.now().timestamp();
            let signature = signature_header(WEBHOOK_SECRET, now, &event.payload);
            let answer = door.webhook(Some(&signature), event.payload.clone()).await;
            if answer.status == 200 {
                return;
            }
            answer.expect_problem(400, "bad_signature");
        }
        panic!("nobody took {}", event.id);
    }

    /// All that Stripe has to tell, in any order and each event twice; whether there was anything.
    async fn tells(&self) -> bool {
        let mut events = self.simulator.pending_events();
        events.shuffle(&mut self.chance());
        let told = !events.is_empty();
        let tell = |event: QueuedEvent| async move {
            tokio::join!(self.brings(&event), self.brings(&event));
            self.simulator.drop_event(&event.id);
        };
        let telling = futures::stream::iter(events).map(tell).buffer_unordered(8);
        telling.collect::<Vec<()>>().await;
        told
    }
}

impl Drop for Five {
    fn drop(&mut self) {
        self.stripe.abort();
    }
}

/// The simulator behind a notebook; its URL.
async fn open_stripe(simulator: &Simulator, calls: &Arc<Mutex<Vec<String>>>) -> (String, AbortHandle) {
    let calls = Arc::clone(calls);
    let stripe = simulator.router().layer(middleware::from_fn(
        move |request: Request, next: middleware::Next| {
            calls.lock().unwrap().push(noted(&request));
            next.run(request)
        },
    ));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move { axum::serve(listener, stripe).await.unwrap() });
    (url, serving.abort_handle())
}

/// A session is ended by its id; sessions and refunds are made under a key.
fn noted(request: &Request) -> String {
    let (method, path) = (request.method(), request.uri().path());
    let key = request.headers().get("idempotency-key");
    match key.filter(|_| !path.ends_with("/expire")) {
        Some(key) => format!("{method} {path} {}", key.to_str().unwrap()),
        None => format!("{method} {path}"),
    }
}

fn serve(directory: &std::path::Path, database: &str, stripe: &str, ahead: i64) -> Process {
    let ahead = ahead.to_string();
    let mut variables = variables(database, stripe);
    variables.extend([
        ("HOLDFAST_HOLD_TTL", "2s"),
        ("HOLDFAST_SWEEP_CRON", "* * * * * *"),
        ("HOLDFAST_CLOCK_OFFSET", &ahead),
    ]);
    Process::start(directory, &["serve"], &variables)
}

/// How a guest's story must end, by what Stripe told the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Confirmed,
    Released,
    PaymentFailed,
    /// Money for a session that was over: the slot if it is free, else the money back.
    PaidLate,
}

impl End {
    fn is(self, state: &str) -> bool {
        match self {
            Self::Confirmed => state == "confirmed",
            Self::Released => ["released/expired", "released/guest"].contains(&state),
            Self::PaymentFailed => state == "released/payment_failed",
            Self::PaidLate => ["confirmed", "released/late_payment_refunded"].contains(&state),
        }
    }
}

/// One guest, at any of the five: the hold that it got, and how that must end.
async fn visits(five: &Five, number: usize) -> Option<(String, End)> {
    let mut chance = five.chance();
    let hold = asks_for_slots(five, number, &mut chance).await?;
    for _ in 0..chance.random_range(0..20) {
        five.any(&mut chance).hold(hold.text("id")).await;
    }
    let session = hold.text("checkout_session");
    let pays = |outcomes: &[Outcome]| {
        let mut outcomes = outcomes.iter();
        outcomes.all(|outcome| five.simulator.pay(session, *outcome).is_ok())
    };
    let end = match chance.random_range(0..10) {
        0..3 if pays(&[Outcome::Paid]) => End::Confirmed,
        3 if pays(&[Outcome::Declined, Outcome::Paid]) => End::Confirmed,
        4 if pays(&[Outcome::Processing, Outcome::ProcessingSucceeded]) => End::Confirmed,
        5 if pays(&[Outcome::Processing, Outcome::ProcessingFailed]) => End::PaymentFailed,
        6 => {
            five.any(&mut chance).cancel(&hold).await.expect(200);
            End::Released
        }
        7..9 => {
            eventually("the session is over", async || {
                let session = five.simulator.session(session).unwrap();
                (session.status == SessionStatus::Expired).then_some(())
            })
            .await;
            five.simulator.pay_late(session).unwrap();
            End::PaidLate
        }
        // Walks away, or was too slow.
        _ => End::Released,
    };
    Some((hold.text("id").to_owned(), end))
}

async fn asks_for_slots(five: &Five, number: usize, chance: &mut StdRng) -> Option<Answer> {
    let first: DateTime<Utc> = SystemClock.now() + TimeDelta::days(7);
    let first = first.duration_trunc(TimeDelta::days(1)).unwrap();
    let guest = format!("guest-{number}@example.com");
    for _ in 0..WISHES {
        let start = first + TimeDelta::minutes(30 * chance.random_range(0..STARTS));
        let start = start.format("%Y-%m-%dT%H:%M:00Z").to_string();
        let kind = ["call", "long-call"].choose(chance).unwrap();
        let answer = five.any(chance).checkout(&order_by(&guest, kind, &start)).await;
        if answer.status == 201 {
            return Some(answer);
        }
        answer.expect_problem(409, "slot_taken");
    }
    None
}

/// All of it, until nothing is left to do: each guest's hold, and how that must end.
async fn play(five: &Five) -> Vec<(String, End)> {
    let visits = (0..GUESTS).map(|number| visits(five, number));
    let mut guests = std::pin::pin!(futures::future::join_all(visits));
    let stories = loop {
        tokio::select! {
            stories = &mut guests => break stories,
            // Stripe tells while they come and go.
            _ = five.tells() => tokio::task::yield_now().await,
        }
    };
    eventually("nothing is left to do", async || {
        let told = five.tells().await;
        let left = five.database.count(UNFINISHED).await;
        (left == 0 && !told && five.simulator.pending_events().is_empty()).then_some(())
    })
    .await;
    stories.into_iter().flatten().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s25_five_processes_with_skewed_clocks_do_nothing_twice_and_lose_nothing() {
    let seed = rand::random();
    eprintln!("seed {seed}");
    let five = Five::start(seed).await;
    let stories = play(&five).await;
    let mut ends: BTreeMap<End, usize> = BTreeMap::new();
    for (hold, end) in &stories {
        let state = five.clients[2].state(hold).await;
        assert!(
            end.is(&state),
            "seed {seed}: {hold} should be {end:?}, and is {state}"
        );
        *ends.entry(*end).or_default() += 1;
    }
    eprintln!("{ends:?}, {:?}", five.simulator.calls());
    nothing_lost(&five);
    assert_eq!(told_twice(&five), Vec::<String>::new(), "seed {seed}");
    books_are_of_one_mind_with_stripe(&five).await;
}

/// The control: were leases not kept, this would see it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_leases_stripe_is_told_things_twice() {
    let five = Five::start(rand::random()).await;
    for statement in [
        "CREATE FUNCTION planted() RETURNS trigger LANGUAGE plpgsql AS
         'BEGIN NEW.leased_until = NULL; RETURN NEW; END'",
        "CREATE TRIGGER planted BEFORE UPDATE ON holds FOR EACH ROW EXECUTE FUNCTION planted()",
    ] {
        five.database.execute(statement).await;
    }
    play(&five).await;
    let twice = told_twice(&five);
    eprintln!("without leases: {} calls twice", twice.len());
    assert!(!twice.is_empty());
    nothing_lost(&five);
}

/// The auditor of all promises finds nothing.
fn nothing_lost(five: &Five) {
    let audit = Audit {
        engine: Engine::Postgres,
        url: five.database.url().to_owned(),
        simulator: five.simulator.clone(),
        wait_timeout: PATIENCE,
    };
    let findings = audit.findings();
    assert!(findings.is_empty(), "{findings:#?}");
}

/// What Stripe was told more than once.
fn told_twice(five: &Five) -> Vec<String> {
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for call in five.calls.lock().unwrap().iter() {
        *times.entry(call.clone()).or_default() += 1;
    }
    times.retain(|_, times| *times > 1);
    times.into_keys().collect()
}

/// Stripe did what the books order and nothing else, and no step is in a history twice.
async fn books_are_of_one_mind_with_stripe(five: &Five) {
    let refunds = five.simulator.refunds().len() as u64;
    assert_eq!(five.simulator.calls().refund, refunds);
    let ordered = "SELECT count(*) FROM commands WHERE kind = 'refund'";
    assert_eq!(five.database.count(ordered).await.unsigned_abs(), refunds);
    let attempts = "SELECT count(*) FROM checkout_attempts";
    let sessions = five.simulator.sessions().len() as u64;
    assert_eq!(five.database.count(attempts).await.unsigned_abs(), sessions);
    let twice =
        "SELECT count(*) FROM (SELECT 1 FROM hold_history WHERE from_status IS DISTINCT FROM to_status
                 GROUP BY hold_id, to_status HAVING count(*) > 1) AS twice";
    assert_eq!(five.database.count(twice).await, 0);
}
