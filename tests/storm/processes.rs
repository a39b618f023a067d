//! The processes of an episode: started, called, killed and started again, each with its own clock offset.
//!
//! Guests and webhooks still use the address of a dead process, and their requests fail. The address stays reserved,
//! so that no other process gets it, not even one of another episode.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;
use reqwest::Method;
use tempfile::TempDir;
use tokio::net::TcpSocket;

use crate::support::client::{ADMIN_KEY, Client};
use crate::support::process::{Process, complete};
use crate::support::wait_for::eventually;

pub(crate) const WEBHOOK_SECRET: &str = "whsec_storm";
/// The most unpaid holds of a client. No guest has so many.
pub(crate) const MOST_UNPAID_HOLDS: u32 = 5;
/// How long a process may take to stop: the limit of `serve`, and time for the signal to arrive.
const STOPS_WITHIN: Duration = Duration::from_secs(25);
/// A process refuses webhooks if its clock is off by more seconds.
const WEBHOOK_TOLERANCE: i64 = 300;
/// The offsets of clocks in seconds. A clock that is two minutes slow requests sessions that are too short for Stripe,
/// so -100 is the slowest here.
const CLOCK_OFFSETS: [i64; 7] = [0, 0, 0, -100, 100, 250, 600];

/// The address of a process, which may be dead, and the offset of its clock.
#[derive(Clone, Copy)]
pub(crate) struct ProcessAddress {
    pub(crate) address: SocketAddr,
    pub(crate) ahead: i64,
}

/// The `serve` processes of an episode.
pub(crate) struct Processes {
    directory: TempDir,
    database_url: String,
    stripe_url: String,
    hold_ttl: String,
    client: Client,
    addresses: Mutex<Vec<ProcessAddress>>,
    /// The process at each address; `None` while it is dead.
    running: Vec<tokio::sync::Mutex<Option<Process>>>,
    /// The addresses of dead processes: bound, without a listener.
    reserved: Mutex<Vec<TcpSocket>>,
    /// The output of the processes that have ended.
    logs: Mutex<Vec<String>>,
}

/// A random clock offset in seconds.
pub(crate) fn random_clock_offset(rng: &mut StdRng) -> i64 {
    CLOCK_OFFSETS[rng.random_range(0..CLOCK_OFFSETS.len())]
}

impl Processes {
    /// Starts one process for each clock offset.
    pub(crate) async fn launch(database_url: &str, stripe_url: &str, hold_ttl: &str, clocks: &[i64]) -> Self {
        let unused = ProcessAddress {
            address: ([127, 0, 0, 1], 9).into(),
            ahead: 0,
        };
        let processes = Self {
            directory: tempfile::tempdir().unwrap(),
            database_url: database_url.to_owned(),
            stripe_url: stripe_url.to_owned(),
            hold_ttl: hold_ttl.to_owned(),
            client: Client::of(unused.address),
            addresses: Mutex::new(vec![unused; clocks.len()]),
            running: clocks.iter().map(|_| tokio::sync::Mutex::default()).collect(),
            reserved: Mutex::default(),
            logs: Mutex::default(),
        };
        let starts = clocks
            .iter()
            .enumerate()
            .map(|(index, ahead)| processes.start(index, *ahead));
        futures::future::join_all(starts).await;
        processes
    }

    pub(crate) fn size(&self) -> usize {
        self.running.len()
    }

    /// The address at which this process listens, or listened before it died.
    pub(crate) fn address(&self, index: usize) -> ProcessAddress {
        self.addresses.lock().unwrap()[index]
    }

    /// A webhook address at which a process accepts events. If all clocks are too wrong for that, one process starts
    /// again with an exact one.
    pub(crate) async fn accepting_webhook_url(&self) -> String {
        let best = (0..self.size())
            .min_by_key(|index| self.address(*index).ahead.abs())
            .unwrap();
        if self.address(best).ahead.abs() > WEBHOOK_TOLERANCE {
            self.kill(best).await;
            self.start(best, 0).await;
        }
        format!("http://{}/webhooks/stripe", self.address(best).address)
    }

    /// The offset of the fastest clock in seconds.
    pub(crate) fn max_clock_offset(&self) -> i64 {
        let addresses = self.addresses.lock().unwrap();
        addresses
            .iter()
            .map(|address| address.ahead)
            .max()
            .unwrap_or_default()
    }

    /// Starts a process if it is dead, and waits until it serves.
    pub(crate) async fn start(&self, index: usize, ahead: i64) {
        let mut place = self.running[index].lock().await;
        if place.is_some() {
            return;
        }
        let (offset, most_unpaid) = (ahead.to_string(), MOST_UNPAID_HOLDS.to_string());
        let most_unpaid = most_unpaid.as_str();
        let variables = [
            ("DATABASE_URL", self.database_url.as_str()),
            ("STRIPE_SECRET_KEY", "sk_test_holdfast"),
            ("STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET),
            ("STRIPE_API_BASE", &self.stripe_url),
            ("HOLDFAST_LISTEN", "127.0.0.1:0"),
            ("HOLDFAST_ADMIN_KEY", ADMIN_KEY),
            ("HOLDFAST_HOLD_TTL", &self.hold_ttl),
            ("HOLDFAST_SWEEP_CRON", "* * * * * *"),
            ("HOLDFAST_CLOCK_OFFSET", &offset),
            ("HOLDFAST_TRUSTED_PROXIES", "127.0.0.1/32"),
            ("HOLDFAST_MAX_LIVE_HOLDS_PER_GUEST", most_unpaid),
            ("HOLDFAST_MAX_LIVE_HOLDS_PER_CLIENT", most_unpaid),
            ("HOLDFAST_LAPSE_COOLDOWN", "15m"),
            // The shop's endpoint is on this machine.
            ("HOLDFAST_CALENDAR_ALLOW_PRIVATE", "1"),
            // The slow requests of the stranger reach it.
            ("HOLDFAST_MAX_CONNECTIONS", "60"),
        ];
        let mut process = Process::start(self.directory.path(), &["serve"], &variables);
        let address = process.address("serving on http://").await;
        self.addresses.lock().unwrap()[index] = ProcessAddress { address, ahead };
        *place = Some(process);
    }

    /// Sweeps once with the key of the account at this URL, as somebody does by mistake.
    pub(crate) async fn sweep_at(&self, stripe_url: &str, ahead: i64) {
        let offset = ahead.to_string();
        let variables = [
            ("DATABASE_URL", self.database_url.as_str()),
            ("STRIPE_SECRET_KEY", "sk_test_wrong"),
            ("STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET),
            ("STRIPE_API_BASE", stripe_url),
            ("HOLDFAST_CLOCK_OFFSET", &offset),
        ];
        let ended = complete(self.directory.path(), &["sweep"], &variables).await;
        let log = format!(
            "== sweep with the wrong key: {:?} ==\n{}\n",
            ended.code, ended.stderr
        );
        self.logs.lock().unwrap().push(log);
    }

    /// Kills a process, as a power failure would.
    pub(crate) async fn kill(&self, index: usize) {
        if let Some(process) = self.running[index].lock().await.take() {
            self.keep_log(index, &process);
            process.kill().await;
            self.reserve_address(index);
        }
    }

    /// Stops a process with SIGTERM and waits for its end; returns what went wrong.
    pub(crate) async fn stop(&self, index: usize) -> Option<String> {
        let mut process = self.running[index].lock().await.take()?;
        process.terminate().await;
        let ended = tokio::time::timeout(STOPS_WITHIN, process.ends()).await;
        self.keep_log(index, &process);
        self.reserve_address(index);
        match ended {
            Ok(status) if status.code() == Some(0) => None,
            Ok(status) => Some(format!("after SIGTERM, a process ended with {status}")),
            Err(_) => Some(format!(
                "after SIGTERM, a process still ran after {STOPS_WITHIN:?}"
            )),
        }
    }

    /// Stops all running processes; returns what went wrong.
    pub(crate) async fn stop_all(&self) -> Vec<String> {
        let stops = (0..self.size()).map(|index| self.stop(index));
        let faults = futures::future::join_all(stops).await;
        faults.into_iter().flatten().collect()
    }

    /// Reserves the address of a dead process, so that no request reaches another process there.
    fn reserve_address(&self, index: usize) {
        let socket = TcpSocket::new_v4().unwrap();
        // Without it, connections of the dead process that are not yet closed block the address.
        socket.set_reuseaddr(true).unwrap();
        if socket.bind(self.address(index).address).is_ok() {
            self.reserved.lock().unwrap().push(socket);
        }
    }

    fn keep_log(&self, index: usize, process: &Process) {
        let log = format!("== process {index} ==\n{}\n", process.output());
        self.logs.lock().unwrap().push(log);
    }

    /// Adds the output of other processes to the logs.
    pub(crate) fn add_logs_of(&self, other: &Self) {
        self.logs.lock().unwrap().push(other.logs());
    }

    /// The output of the processes that have ended, in order.
    pub(crate) fn logs(&self) -> String {
        self.logs.lock().unwrap().concat()
    }

    /// A client for the process with this index.
    pub(crate) fn client(&self, index: usize) -> Client {
        self.client.at(self.address(index).address)
    }
}

/// Sweeps until no work is left; returns a finding if that takes too long.
pub(crate) async fn sweep_until_done(client: &Client, how: &str) -> Vec<String> {
    const WORK: [&str; 4] = [
        "holdfast_holds{status=\"held\"}",
        "holdfast_holds{status=\"processing\"}",
        "holdfast_commands_pending",
        "holdfast_attempts_open",
    ];
    let rest = eventually("no work left", async || {
        let sweep = client
            .request(Method::POST, "/v1/admin/sweep")
            .bearer_auth(ADMIN_KEY);
        client.send(sweep).await.expect(200);
        let metrics = client.get("/metrics").await.expect(200);
        let text = metrics.body.as_str().unwrap_or_default().to_owned();
        let left = WORK
            .iter()
            .filter(|name| !text.contains(&format!("\n{name} 0\n")));
        let left: Vec<_> = left.collect();
        left.is_empty().then_some(())
    });
    match tokio::time::timeout(Duration::from_secs(25), rest).await {
        Ok(()) => Vec::new(),
        Err(_) => vec![format!("{how}, the work does not end")],
    }
}
