//! Tests that `holdfast sandbox` goes on where it ended: its payment pages, and what people changed of its catalogue.

use std::path::Path;

use holdfast::clock::SystemClock;
use holdfast::domain::time::Clock as _;
use reqwest::Method;
use serde_json::json;

use crate::support::app::{ADMIN_KEY, Client, order};
use crate::support::process::Process;
use crate::support::wait_for::eventually;

/// A running sandbox: its process, its service and its simulator.
struct Sandbox {
    process: Process,
    service: Client,
    simulator: Client,
}

impl Sandbox {
    async fn start(directory: &Path) -> Self {
        let variables = [
            ("HOLDFAST_LISTEN", "127.0.0.1:0"),
            ("HOLDFAST_ADMIN_KEY", ADMIN_KEY),
        ];
        let mut process = Process::start(directory, &["sandbox"], &variables);
        let simulator = Client::of(process.address("simulator listens on http://").await);
        let service = Client::of(process.address("open http://").await);
        eventually("the sandbox is ready", async || {
            (service.get("/readyz").await.status == 200).then_some(())
        })
        .await;
        Self {
            process,
            service,
            simulator,
        }
    }

    async fn hold(&self, day: i64) -> (String, String) {
        let at = SystemClock.now() + chrono::Duration::days(day);
        let at = at.format("%Y-%m-%dT10:00:00Z").to_string();
        let placed = self.service.checkout(&order("intro-call", &at)).await.expect(201);
        (
            placed.text("id").to_owned(),
            placed.text("checkout_session").to_owned(),
        )
    }

    /// Pays, and waits until the webhook has confirmed the hold.
    async fn pay(&self, (hold, session): &(String, String)) {
        let path = format!("/sandbox/sessions/{session}/pay");
        let payment = self.simulator.request(Method::POST, &path);
        let payment = payment.json(&json!({"outcome": "paid"}));
        self.simulator.send(payment).await.expect(200);
        eventually("the hold is confirmed", async || {
            (self.service.hold(hold).await["status"] == "confirmed").then_some(())
        })
        .await;
    }

    async fn stop(mut self) -> String {
        self.process.terminate().await;
        assert_eq!(
            self.process.ends().await.code(),
            Some(0),
            "{}",
            self.process.output()
        );
        self.process.output()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sandbox_goes_on_where_it_ended() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("holdfast-sandbox.db");
    let account = directory.path().join("holdfast-sandbox.db.stripe.json");
    let files = |age: &str| {
        [
            format!("the database is {age}: {}", database.display()),
            format!("the simulator's account is {age}: {}", account.display()),
        ]
    };
    let first = Sandbox::start(directory.path()).await;
    let (stopped, killed) = (first.hold(7).await, first.hold(8).await);
    let path = "/v1/admin/event-types/intro-call";
    let mut changed = first
        .service
        .admin(Method::GET, path, None)
        .await
        .expect(200)
        .body;
    changed["name"] = json!("My own call");
    first
        .service
        .admin(Method::PUT, path, Some(changed))
        .await
        .expect(200);
    let gone = "/v1/admin/event-types/consultation";
    first.service.admin(Method::DELETE, gone, None).await.expect(204);
    let said = first.stop().await;
    assert!(files("new").iter().all(|line| said.contains(line)), "{said}");

    let second = Sandbox::start(directory.path()).await;
    let kept = second
        .service
        .admin(Method::GET, path, None)
        .await
        .expect(200)
        .body;
    assert_eq!(kept["name"], "My own call");
    second.service.admin(Method::GET, gone, None).await.expect(200);
    second.pay(&stopped).await;
    eventually("the payment is in the file", async || {
        let written = std::fs::read_to_string(&account).unwrap();
        written.contains("\"status\":\"complete\"").then_some(())
    })
    .await;
    let said = second.process.output();
    assert!(
        files("of an earlier run").iter().all(|line| said.contains(line)),
        "{said}"
    );
    second.process.kill().await;

    let third = Sandbox::start(directory.path()).await;
    third.pay(&killed).await;
    third.stop().await;
}

/// An account without its database is of no use: its sessions belong to no hold.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_database_begins_with_a_new_account() {
    let directory = tempfile::tempdir().unwrap();
    let first = Sandbox::start(directory.path()).await;
    first.hold(7).await;
    first.stop().await;
    for ending in ["", "-wal", "-shm"] {
        let file = directory.path().join(format!("holdfast-sandbox.db{ending}"));
        let _ = std::fs::remove_file(file);
    }
    let second = Sandbox::start(directory.path()).await;
    let sessions = second.simulator.get("/sandbox/sessions").await.expect(200).body;
    assert_eq!(sessions["data"], json!([]));
    let said = second.stop().await;
    assert!(said.contains("the simulator's account is new: "), "{said}");
}
