//! Runs the two clients of `docs/integration.md` as they stand there, so that the document cannot go out of date.
//!
//! Each client is the only code block of its language in the document. It runs as a process of its own against the real
//! binary; the test plays the guest, who pays on the page that the client names.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use reqwest::Method;
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::support::catalogue_fixtures::put_resource;
use crate::support::client::{ADMIN_KEY, Client};
use crate::support::process::Process;
use crate::support::wait_for::eventually;

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/integration.md");

/// A sandbox with one event type, and the clients beside it.
struct Shop {
    directory: TempDir,
    // Killed when dropped.
    _sandbox: Process,
    service: Client,
    simulator: Client,
}

/// A client of the document: the program that runs it, and its file.
struct DocumentedClient {
    program: &'static str,
    file: PathBuf,
}

/// The only code block of this language.
pub(super) fn code_block<'a>(document: &'a str, language: &str) -> &'a str {
    let fence = format!("\n```{language}\n");
    let mut blocks = document.split(&fence).skip(1);
    let block = blocks.next().unwrap_or_else(|| panic!("no block of {language}"));
    assert!(
        blocks.next().is_none(),
        "which block of {language} is the client?"
    );
    block.split("\n```").next().unwrap_or_default()
}

impl Shop {
    async fn open(rate_limit: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let variables = [
            ("HOLDFAST_LISTEN", "127.0.0.1:0"),
            ("HOLDFAST_ADMIN_KEY", ADMIN_KEY),
            ("HOLDFAST_RATE_LIMIT", rate_limit),
        ];
        let mut sandbox = Process::start(directory.path(), &["sandbox"], &variables);
        let simulator = Client::of(sandbox.address("simulator listens on http://").await);
        let service = Client::of(sandbox.address("open http://").await);
        eventually("the sandbox is ready", async || {
            (service.get("/readyz").await.status == 200).then_some(())
        })
        .await;
        // One start a day: a client that takes the first one hardly ever does so in the second in which it begins.
        let lesson = json!({
            "name": "Lesson", "resource": "ana", "duration_minutes": 60, "amount": 3000, "currency": "eur",
            "guest_cancel_until_minutes": 0,
            "schedule": {"timezone": "UTC", "step_minutes": 1440, "weekly": [
                {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": "00:00", "to": "00:00"},
            ]},
        });
        let path = "/v1/admin/event-types/lesson";
        put_resource(&service, "ana", 1).await;
        service.admin(Method::PUT, path, Some(lesson)).await.expect(201);
        Self {
            directory,
            _sandbox: sandbox,
            service,
            simulator,
        }
    }

    /// Both clients, as the document has them.
    fn clients(&self) -> [DocumentedClient; 2] {
        let document = std::fs::read_to_string(DOCUMENT).unwrap();
        let client = |language, program, name| {
            let file = self.directory.path().join(name);
            std::fs::write(&file, code_block(&document, language)).unwrap();
            DocumentedClient { program, file }
        };
        [
            client("js", "node", "client.mjs"),
            client("python", "python3", "client.py"),
        ]
    }

    /// Runs a client to its end and returns the lines that it wrote. Pays on the page that it names, if it names one.
    async fn run(&self, client: &DocumentedClient, arguments: &[&str]) -> Vec<String> {
        let mut process = client.command(self.directory.path(), &self.service.url(""), arguments);
        let mut child = process
            .spawn()
            .unwrap_or_else(|error| panic!("this test needs {} on the path: {error}", client.program));
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut lines = Vec::new();
        while let Some(line) = output.next_line().await.unwrap() {
            if let Some(page) = line.strip_prefix("pay at ") {
                self.pay(page).await;
            }
            lines.push(line);
        }
        let status = child.wait().await.unwrap();
        assert!(
            status.success(),
            "{} {arguments:?}: {status}\n{lines:#?}",
            client.program
        );
        lines
    }

    async fn pay(&self, page: &str) {
        let path = page.strip_prefix(&self.simulator.url("")).unwrap();
        assert_eq!(self.simulator.get(path).await.status, 200, "{page}");
        let session = path.rsplit('/').next().unwrap();
        let payment = self
            .simulator
            .request(Method::POST, &format!("/sandbox/sessions/{session}/pay"))
            .json(&json!({"outcome": "paid"}));
        self.simulator.send(payment).await.expect(200);
    }

    /// Spends all requests that this address may make at once.
    async fn spend_rate_limit(&self) {
        eventually("the address has no request left", async || {
            let refused = self.service.checkout(&json!({})).await;
            (refused.status == 429).then_some(())
        })
        .await;
    }
}

impl DocumentedClient {
    fn command(&self, directory: &Path, base: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.program);
        command
            .arg(&self.file)
            .args(arguments)
            .current_dir(directory)
            .env("HOLDFAST_URL", base)
            .env("NO_PROXY", "127.0.0.1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        command
    }
}

/// The rest of the last line that begins with these words.
#[track_caller]
fn after_words<'a>(lines: &'a [String], words: &str) -> &'a str {
    let found = lines.iter().rev().find_map(|line| line.strip_prefix(words));
    found.unwrap_or_else(|| panic!("no line begins with {words:?}: {lines:#?}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documented_clients_book_lose_and_cancel() {
    let shop = Shop::open("6000/min").await;
    let [node, python] = shop.clients();
    for (winner, loser) in [(&node, &python), (&python, &node)] {
        let booked = shop.run(winner, &["book", "lesson"]).await;
        let hold = after_words(&booked, "confirmed ");
        let confirmed = shop.service.hold(hold).await;
        assert_eq!(confirmed["status"], "confirmed");

        let starts_at = confirmed["starts_at"].as_str().unwrap();
        let lost = shop.run(loser, &["book", "lesson", starts_at]).await;
        let alternatives = after_words(&lost, "409 slot_taken; free nearby: ");
        assert_eq!(alternatives.split(' ').count(), 5, "{lost:#?}");
        assert!(!alternatives.contains(starts_at), "{lost:#?}");

        let (held, token) = after_words(&booked, "held ")
            .split_once(", cancel with ")
            .unwrap();
        assert_eq!(held, hold);
        let wrong = shop.run(winner, &["cancel", hold, "hft_wrong"]).await;
        assert_eq!(wrong, ["401 unauthorized"]);
        let cancelled = shop.run(winner, &["cancel", hold, token]).await;
        assert_eq!(after_words(&cancelled, "cancelled "), hold);
        assert_eq!(shop.service.state(hold).await, "cancelled/guest");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documented_clients_wait_as_retry_after_says() {
    let shop = Shop::open("6/min").await;
    for client in shop.clients() {
        shop.spend_rate_limit().await;
        let booked = shop.run(&client, &["book", "lesson"]).await;
        let wait = after_words(&booked, "429 rate_limited: waiting ");
        let seconds: u32 = wait.strip_suffix(" s").unwrap().parse().unwrap();
        assert!((1..=10).contains(&seconds), "{wait}");
        after_words(&booked, "confirmed ");
    }
}

#[test]
fn a_document_has_one_client_for_each_language() {
    let document = "Text\n```js\nlet a;\n```\n```python\nb = 1\n```\n";
    assert_eq!(code_block(document, "js"), "let a;");
    assert_eq!(code_block(document, "python"), "b = 1");
    let twice = std::panic::catch_unwind(|| code_block("\n```js\na\n```\n```js\nb\n```\n", "js"));
    assert!(twice.is_err());
}
