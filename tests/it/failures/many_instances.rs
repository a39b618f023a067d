//! Runs several servers on one PostgreSQL: in one process, as separate processes, and with one process killed. Many
//! transactions also want the same windows in different orders (S26).

use std::collections::HashMap;

use chrono::Duration;
use futures::StreamExt;
use holdfast::sandbox::PaymentOutcome;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::{
    ApiResponse, Client, Instance, TestApp, WEBHOOK_SECRET, order, order_by, variables,
};
use crate::support::catalogue_fixtures::put_resource;
use crate::support::database::{Engine, TestDatabase};
use crate::support::process::Process;
use crate::support::race::{RaceRequest, send_simultaneously, tally};
use crate::support::wait_for::eventually;

const SLOT: &str = "2026-12-01T10:00:00Z";

/// Simulates one guest at one instance with random requests. Returns the responses.
async fn simulate_guest(app: &TestApp, instance: &Instance, mut rng: StdRng) -> Vec<ApiResponse> {
    let mut answers = Vec::new();
    for _ in 0..6 {
        let (kind, minutes) = if rng.random() {
            ("call", 30)
        } else {
            ("long-call", 45)
        };
        let start = app.clock_now() + Duration::days(7) + Duration::minutes(minutes * rng.random_range(0..8));
        let guest = format!("guest-{}@example.com", rng.random_range(0..50));
        let hold = instance
            .checkout(&order_by(
                &guest,
                kind,
                &start.format("%Y-%m-%dT%H:%M:00Z").to_string(),
            ))
            .await;
        if hold.status == 201 {
            match rng.random_range(0..4) {
                0 => answers.push(instance.cancel(&hold).await),
                1 => app.pay(&hold, PaymentOutcome::Paid),
                2 => app.pay(&hold, PaymentOutcome::Declined),
                _ => {}
            }
        }
        answers.push(hold);
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn overlapping_requests_at_two_instances_cause_no_5xx() {
    let seed = rand::random();
    eprintln!("seed {seed}");
    let app = TestApp::start(Engine::Postgres).await;
    let other = app.another_instance().await;
    let mut seeds = StdRng::seed_from_u64(seed);
    let guests: Vec<_> = (0..60)
        .map(|n| (n, StdRng::seed_from_u64(seeds.random())))
        .collect();
    let guest_runs = futures::stream::iter(guests)
        .map(|(n, rng)| simulate_guest(&app, if n % 2 == 0 { &app.instance } else { &other }, rng))
        .buffer_unordered(30);
    let stripe = async {
        for _ in 0..20 {
            app.deliver_all().await;
            app.sweep().await;
            other.sweep().await;
        }
    };
    let (answers, ()) = tokio::join!(guest_runs.collect::<Vec<_>>(), stripe);
    let mut counted: HashMap<u16, usize> = HashMap::new();
    for answer in answers.iter().flatten() {
        assert!(answer.status.as_u16() < 500, "seed {seed}: {answer:?}");
        *counted.entry(answer.status.as_u16()).or_default() += 1;
    }
    eprintln!("answers by status: {counted:?}");
    app.deliver_all().await;
    app.clock.advance(Duration::hours(1));
    app.sweep().await;
    assert_eq!(
        app.database
            .count("SELECT count(*) FROM holds WHERE status = 'held'")
            .await,
        0
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopped_instance_leaves_its_holds_to_the_other() {
    let app = TestApp::start(Engine::Postgres).await;
    let mut other = app.another_instance().await;
    let hold = other.checkout(&order("call", SLOT)).await.expect(201);
    other.stop().await;
    assert!(tokio::net::TcpStream::connect(other.address).await.is_err());
    app.cancel(&hold).await.expect(200);
}

/// Finds a free port. The simulator needs the server's port before the server starts.
fn find_free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A simulator process and two server processes on one PostgreSQL.
struct TwoServers {
    stripe: Client,
    _simulator: Process,
    servers: Vec<(Process, Client)>,
    database: TestDatabase,
    _directory: tempfile::TempDir,
}

impl TwoServers {
    async fn start() -> Self {
        let (directory, database) = (
            tempfile::tempdir().unwrap(),
            TestDatabase::new(Engine::Postgres).await,
        );
        let first = format!("127.0.0.1:{}", find_free_port());
        let webhook_url = format!("http://{first}/webhooks/stripe");
        let arguments = [
            "stripe-sandbox",
            "--listen",
            "127.0.0.1:0",
            "--webhook-url",
            &webhook_url,
            "--webhook-secret",
            WEBHOOK_SECRET,
        ];
        let mut simulator = Process::start(directory.path(), &arguments, &[]);
        let stripe = simulator.address("listens on http://").await;
        let base = format!("http://{stripe}");
        let mut servers = Vec::new();
        for listen in [first.as_str(), "127.0.0.1:0"] {
            let mut variables = variables(database.url(), &base);
            variables.push(("HOLDFAST_LISTEN", listen));
            let mut server = Process::start(directory.path(), &["serve"], &variables);
            let address = server.address("serving on http://").await;
            servers.push((server, Client::of(address)));
        }
        let call = json!({"name": "Call", "resource": "ana", "duration_minutes": 30, "amount": 5000, "currency": "eur"});
        put_resource(&servers[0].1, "ana", 1).await;
        let put = servers[0]
            .1
            .admin(Method::PUT, "/v1/admin/event-types/call", Some(call))
            .await;
        put.expect(201);
        Self {
            stripe: Client::of(stripe),
            _simulator: simulator,
            servers,
            database,
            _directory: directory,
        }
    }

    async fn sessions(&self) -> Vec<Value> {
        self.stripe.get("/sandbox/sessions").await.expect(200).body["data"]
            .as_array()
            .unwrap()
            .clone()
    }

    async fn pay(&self, hold: &Value) {
        let path = format!(
            "/sandbox/sessions/{}/pay",
            hold["checkout_session"].as_str().unwrap()
        );
        let request = self
            .stripe
            .request(Method::POST, &path)
            .json(&json!({"outcome": "paid"}));
        self.stripe.send(request).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_and_200_guests_have_one_winner_who_pays() {
    let processes = TwoServers::start().await;
    let request = |n: usize| {
        let body = order_by(&format!("guest-{n}@example.com"), "call", SLOT);
        RaceRequest::new(processes.servers[n % 2].1.address, body)
    };
    let responses = send_simultaneously((0..200).map(request).collect()).await;
    let counted = tally(&responses);
    assert_eq!((counted.won, counted.taken), (1, 199), "{:?}", counted.other);
    let sessions = processes.sessions().await;
    eprintln!("two processes: 200 guests, {} session(s)", sessions.len());
    assert!(sessions.len() <= 2, "{sessions:?}");
    let winner = &responses
        .iter()
        .find(|response| response.status == 201)
        .unwrap()
        .body;
    processes.pay(winner).await;
    let id = winner["id"].as_str().unwrap();
    for (_, server) in &processes.servers {
        eventually("confirmed at every process", async || {
            (server.hold(id).await["status"] == "confirmed").then_some(())
        })
        .await;
    }
    let open = processes
        .sessions()
        .await
        .iter()
        .filter(|session| session["status"] == "open")
        .count();
    assert_eq!(open, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn payment_arrives_after_one_process_is_killed() {
    let mut processes = TwoServers::start().await;
    let (killed, client) = processes.servers.remove(0);
    let hold = client.checkout(&order("call", SLOT)).await.expect(201);
    killed.kill().await;
    // Stripe sends its webhooks to the killed process. Only the sweep of the other one can find the payment.
    processes.pay(&hold.body).await;
    let (_, survivor) = &processes.servers[0];
    survivor
        .checkout(&order_by("bob@example.com", "call", SLOT))
        .await
        .expect_problem(409, "slot_taken");
    let id = hold.text("id");
    processes
        .database
        .execute(&format!("UPDATE holds SET due_at = created_at WHERE id = '{id}'"))
        .await;
    eventually("the survivor asks Stripe", async || {
        (survivor.hold(id).await["status"] == "confirmed").then_some(())
    })
    .await;
}
