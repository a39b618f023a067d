//! Runs five `serve` processes on one PostgreSQL with clocks up to ten minutes off (S25). No result is wrong, no call is
//! repeated and no payment is lost.
//!
//! The background work of production is on: each process sweeps every second and runs its outbox worker. A hold lives
//! for two seconds by the database's clock. So it is overdue for all five processes at once, and they try to release it
//! while its guest pays. The simulator stands in for Stripe, and the test records every call.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use futures::StreamExt;
use holdfast::clock::SystemClock;
use holdfast::domain::time::Clock;
use holdfast::sandbox::{
    Faults, Mode, PaymentOutcome, QueuedEvent, SessionStatus, Simulator, SimulatorConfig, signature_header,
};
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};
use tokio::task::AbortHandle;

use crate::support::app::{ApiResponse, Client, WEBHOOK_SECRET, assert_audit_is_clean, order_by, variables};
use crate::support::catalogue_fixtures::offer;
use crate::support::database::{Engine, TestDatabase};
use crate::support::process::Process;
use crate::support::wait_for::eventually;

mod calls;

use calls::{Calls, serve_stripe};

/// Seconds by which the clocks are ahead of the clocks of Stripe and the database.
const CLOCK_OFFSETS: [i64; 5] = [-600, -300, 0, 300, 600];
const GUESTS: usize = 60;
/// The number of half hours that the guests compete for.
const STARTS: i64 = 24;
/// How many slots a guest asks for at most.
const MAX_SLOT_REQUESTS: usize = 6;

/// Counts the commands, attempts and holds that still need work.
const UNFINISHED: &str = "SELECT (SELECT count(*) FROM commands WHERE done_at IS NULL)
    + (SELECT count(*) FROM checkout_attempts WHERE state IN ('running', 'unsettled'))
    + (SELECT count(*) FROM holds WHERE status IN ('held', 'processing'))";

/// The processes with different clocks, their database and their simulated Stripe.
struct SkewedProcesses {
    clients: Vec<Client>,
    processes: Vec<Process>,
    simulator: Simulator,
    calls: Arc<Calls>,
    /// Seeds the random generators of all guests, so that one seed repeats a run's choices.
    seeds: Mutex<StdRng>,
    stripe: AbortHandle,
    database: TestDatabase,
    _directory: tempfile::TempDir,
}

impl SkewedProcesses {
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
        let calls: Arc<Calls> = Arc::default();
        let (stripe_url, stripe) = serve_stripe(&simulator, &calls).await;
        let (mut processes, mut clients) = (Vec::new(), Vec::new());
        for offset in CLOCK_OFFSETS {
            let mut process = start_process(directory.path(), database.url(), &stripe_url, offset);
            clients.push(Client::of(process.address("serving on http://").await));
            processes.push(process);
        }
        for (id, minutes) in [("call", 30), ("long-call", 60)] {
            offer(&clients[0], id, "ana", minutes, 5000).await;
        }
        Self {
            clients,
            processes,
            simulator,
            calls,
            seeds: Mutex::new(StdRng::seed_from_u64(seed)),
            stripe,
            database,
            _directory: directory,
        }
    }

    /// Returns a new random generator.
    fn next_rng(&self) -> StdRng {
        StdRng::seed_from_u64(self.seeds.lock().unwrap().random())
    }

    fn choose_client(&self, rng: &mut StdRng) -> &Client {
        self.clients.choose(rng).unwrap()
    }

    /// Delivers this event to one process after the other, until one accepts it. A process whose clock is ten minutes
    /// off rejects a signature of now.
    async fn deliver_event(&self, event: &QueuedEvent) {
        let mut clients: Vec<&Client> = self.clients.iter().collect();
        clients.shuffle(&mut self.next_rng());
        for client in clients {
            let now = SystemClock.now().timestamp();
            let signature = signature_header(WEBHOOK_SECRET, now, &event.payload);
            let answer = client.webhook(Some(&signature), event.payload.clone()).await;
            if answer.status == 200 {
                return;
            }
            answer.expect_problem(400, "bad_signature");
        }
        panic!("no process accepted {}", event.id);
    }

    /// Delivers all pending events, in random order and each twice. Returns whether there were any.
    async fn deliver_pending(&self) -> bool {
        let mut events = self.simulator.pending_events();
        events.shuffle(&mut self.next_rng());
        let has_events = !events.is_empty();
        let deliver = |event: QueuedEvent| async move {
            tokio::join!(self.deliver_event(&event), self.deliver_event(&event));
            self.simulator.drop_event(&event.id);
        };
        let deliveries = futures::stream::iter(events).map(deliver).buffer_unordered(8);
        deliveries.collect::<Vec<()>>().await;
        has_events
    }
}

impl Drop for SkewedProcesses {
    fn drop(&mut self) {
        self.stripe.abort();
        if std::thread::panicking() {
            for (process, offset) in self.processes.iter().zip(CLOCK_OFFSETS) {
                eprintln!("the process {offset} s ahead said:\n{}", process.output());
            }
        }
    }
}

fn start_process(directory: &std::path::Path, database: &str, stripe: &str, offset: i64) -> Process {
    let offset = offset.to_string();
    let mut variables = variables(database, stripe);
    variables.extend([
        ("HOLDFAST_HOLD_TTL", "2s"),
        ("HOLDFAST_SWEEP_CRON", "* * * * * *"),
        ("HOLDFAST_CLOCK_OFFSET", &offset),
    ]);
    Process::start(directory, &["serve"], &variables)
}

/// How a guest's hold must end, by the result that Stripe showed the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum ExpectedEnd {
    Confirmed,
    Released,
    PaymentFailed,
    /// Paid after the session expired: confirmed if the slot is still free, otherwise refunded.
    PaidLate,
}

impl ExpectedEnd {
    fn is_met_by(self, state: &str) -> bool {
        match self {
            Self::Confirmed => state == "confirmed",
            Self::Released => ["released/expired", "released/guest"].contains(&state),
            Self::PaymentFailed => state == "released/payment_failed",
            Self::PaidLate => ["confirmed", "released/late_payment_refunded"].contains(&state),
        }
    }
}

/// Simulates one guest who uses any of the processes. Returns the guest's hold and how it must end.
async fn simulate_guest(processes: &SkewedProcesses, number: usize) -> Option<(String, ExpectedEnd)> {
    let mut rng = processes.next_rng();
    let hold = book_any_slot(processes, number, &mut rng).await?;
    for _ in 0..rng.random_range(0..20) {
        processes.choose_client(&mut rng).hold(hold.text("id")).await;
    }
    let session = hold.text("checkout_session");
    let pays = |outcomes: &[PaymentOutcome]| {
        let mut outcomes = outcomes.iter();
        outcomes.all(|outcome| processes.simulator.pay(session, *outcome).is_ok())
    };
    let end = match rng.random_range(0..10) {
        0..3 if pays(&[PaymentOutcome::Paid]) => ExpectedEnd::Confirmed,
        3 if pays(&[PaymentOutcome::Declined, PaymentOutcome::Paid]) => ExpectedEnd::Confirmed,
        4 if pays(&[PaymentOutcome::Processing, PaymentOutcome::ProcessingSucceeded]) => {
            ExpectedEnd::Confirmed
        }
        5 if pays(&[PaymentOutcome::Processing, PaymentOutcome::ProcessingFailed]) => {
            ExpectedEnd::PaymentFailed
        }
        6 => {
            let answer = processes.choose_client(&mut rng).cancel(&hold).await;
            if !is_asked_to_come_back(&answer) {
                answer.expect(200);
            }
            ExpectedEnd::Released
        }
        7..9 => {
            eventually("the session is expired", async || {
                let session = processes.simulator.session(session).unwrap();
                (session.status == SessionStatus::Expired).then_some(())
            })
            .await;
            processes.simulator.pay_late(session).unwrap();
            ExpectedEnd::PaidLate
        }
        // The guest does not pay, or the session expired before the payment.
        _ => ExpectedEnd::Released,
    };
    Some((hold.text("id").to_owned(), end))
}

/// Whether the service had no time for this request within its limit, as on a machine that does much else. Such an
/// answer says that nothing was charged, held or released by it.
fn is_asked_to_come_back(answer: &ApiResponse) -> bool {
    answer.status == 503 && answer.text("code") == "stripe_unavailable"
}

async fn book_any_slot(processes: &SkewedProcesses, number: usize, rng: &mut StdRng) -> Option<ApiResponse> {
    let first: DateTime<Utc> = SystemClock.now() + TimeDelta::days(7);
    let first = first.duration_trunc(TimeDelta::days(1)).unwrap();
    let guest = format!("guest-{number}@example.com");
    for _ in 0..MAX_SLOT_REQUESTS {
        let start = first + TimeDelta::minutes(30 * rng.random_range(0..STARTS));
        let start = start.format("%Y-%m-%dT%H:%M:00Z").to_string();
        let kind = ["call", "long-call"].choose(rng).unwrap();
        let answer = processes
            .choose_client(rng)
            .checkout(&order_by(&guest, kind, &start))
            .await;
        if answer.status == 201 {
            return Some(answer);
        }
        if !is_asked_to_come_back(&answer) {
            answer.expect_problem(409, "slot_taken");
        }
    }
    None
}

/// Simulates all guests and waits until no work is left. Returns each guest's hold and how it must end.
async fn simulate_guests(processes: &SkewedProcesses) -> Vec<(String, ExpectedEnd)> {
    let visits = (0..GUESTS).map(|number| simulate_guest(processes, number));
    let mut guests = std::pin::pin!(futures::future::join_all(visits));
    let results = loop {
        tokio::select! {
            results = &mut guests => break results,
            // Stripe delivers events while the guests book and pay.
            _ = processes.deliver_pending() => tokio::task::yield_now().await,
        }
    };
    eventually("no work is left", async || {
        let has_events = processes.deliver_pending().await;
        let left = processes.database.count(UNFINISHED).await;
        (left == 0 && !has_events && processes.simulator.pending_events().is_empty()).then_some(())
    })
    .await;
    results.into_iter().flatten().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn skewed_processes_do_nothing_twice_and_lose_nothing() {
    let seed = rand::random();
    eprintln!("seed {seed}");
    let processes = SkewedProcesses::start(seed).await;
    let results = simulate_guests(&processes).await;
    assert!(!results.is_empty(), "seed {seed}: no guest got a slot");
    let mut ends: BTreeMap<ExpectedEnd, usize> = BTreeMap::new();
    for (hold, end) in &results {
        let state = processes.clients[2].state(hold).await;
        assert!(
            end.is_met_by(&state),
            "seed {seed}: {hold} should be {end:?}, and is {state}"
        );
        *ends.entry(*end).or_default() += 1;
    }
    eprintln!("{ends:?}, {:?}", processes.simulator.calls());
    assert_audit_is_clean(&processes.database, &processes.simulator);
    assert_eq!(
        find_repeated_calls(&processes),
        Vec::<String>::new(),
        "seed {seed}"
    );
    assert_store_matches_stripe(&processes).await;
}

/// Proves that the test above detects missing leases: without them, the processes repeat a call to Stripe. Stripe answers
/// the first question to expire a session only when the second one has arrived, so the outcome does not depend on timing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_leases_stripe_gets_repeated_calls() {
    let seed = rand::random();
    eprintln!("seed {seed}");
    let processes = SkewedProcesses::start(seed).await;
    for statement in [
        "CREATE FUNCTION drop_leases() RETURNS trigger LANGUAGE plpgsql AS
         'BEGIN NEW.leased_until = NULL; RETURN NEW; END'",
        "CREATE TRIGGER drop_leases BEFORE UPDATE ON holds FOR EACH ROW EXECUTE FUNCTION drop_leases()",
    ] {
        processes.database.execute(statement).await;
    }
    processes.calls.wait_for_second_expire();
    let hold = book_any_slot(&processes, 1, &mut processes.next_rng())
        .await
        .unwrap();
    let expire = format!(
        "POST /v1/checkout/sessions/{}/expire",
        hold.text("checkout_session")
    );
    eventually("the unpaid hold's session is expired", async || {
        let left = processes.database.count(UNFINISHED).await;
        processes.deliver_pending().await;
        (left == 0 && processes.simulator.pending_events().is_empty()).then_some(())
    })
    .await;
    assert!(find_repeated_calls(&processes).contains(&expire), "seed {seed}");
    assert_audit_is_clean(&processes.database, &processes.simulator);
}

/// Returns the calls that Stripe received more than once. Only calls that change something count: the lists of refunds
/// and disputes are read every day, and two processes may do so at the same time.
fn find_repeated_calls(processes: &SkewedProcesses) -> Vec<String> {
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    let calls = processes.calls.all().into_iter();
    for call in calls.filter(|call| call.starts_with("POST ")) {
        *times.entry(call).or_default() += 1;
    }
    times.retain(|_, times| *times > 1);
    times.into_keys().collect()
}

/// Checks that Stripe did exactly what the commands in the database say, and that no history contains a transition twice.
async fn assert_store_matches_stripe(processes: &SkewedProcesses) {
    let refunds = processes.simulator.refunds().len() as u64;
    assert_eq!(processes.simulator.calls().refund, refunds);
    let refund_commands = "SELECT count(*) FROM commands WHERE kind = 'refund'";
    assert_eq!(
        processes.database.count(refund_commands).await.unsigned_abs(),
        refunds
    );
    let attempts = "SELECT count(*) FROM checkout_attempts";
    let sessions = processes.simulator.sessions().len() as u64;
    assert_eq!(processes.database.count(attempts).await.unsigned_abs(), sessions);
    let repeated_transitions =
        "SELECT count(*) FROM (SELECT count(*) AS times FROM hold_history WHERE from_status IS DISTINCT FROM to_status
                 GROUP BY hold_id, to_status) AS grouped WHERE times > 1";
    assert_eq!(processes.database.count(repeated_transitions).await, 0);
}
