//! The processes of an episode: started, asked, killed and started again, each with a clock of its own.
//!
//! A process that dies leaves its address behind, so that guests and webhooks go on to where nobody listens; the fleet
//! sees to it that nobody does, not even a process of another episode.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;
use tempfile::TempDir;
use tokio::net::TcpSocket;

use crate::support::client::{ADMIN_KEY, Client};
use crate::support::process::Process;

pub(crate) const WEBHOOK_SECRET: &str = "whsec_storm";
/// How long an order to stop may take: what `serve` promises, and time for the order to arrive.
const STOPS_WITHIN: Duration = Duration::from_secs(25);
/// Seconds by which a process's clock may be ahead. Webhooks are refused by a clock that is off by more than 300 s. A
/// clock that is two minutes slow asks Stripe for sessions that are too short, so it gets no further back here.
const CLOCKS: [i64; 7] = [0, 0, 0, -100, 100, 250, 600];

/// Where a process listens, or did, and how wrong its clock is.
#[derive(Clone, Copy)]
pub(crate) struct Door {
    pub(crate) address: SocketAddr,
    pub(crate) ahead: i64,
}

/// All `serve` processes of an episode.
pub(crate) struct Fleet {
    directory: TempDir,
    database_url: String,
    stripe_url: String,
    hold_ttl: String,
    client: Client,
    doors: Mutex<Vec<Door>>,
    /// One for each door; a place is empty while its process is dead.
    berths: Vec<tokio::sync::Mutex<Option<Process>>>,
    /// The addresses of the dead: bound, and nobody listens.
    graves: Mutex<Vec<TcpSocket>>,
    /// What the dead have said.
    logs: Mutex<Vec<String>>,
}

/// A clock by chance.
pub(crate) fn some_clock(chance: &mut StdRng) -> i64 {
    CLOCKS[chance.random_range(0..CLOCKS.len())]
}

impl Fleet {
    /// As many processes as there are clocks.
    pub(crate) async fn launch(database_url: &str, stripe_url: &str, hold_ttl: &str, clocks: &[i64]) -> Self {
        let nowhere = Door {
            address: ([127, 0, 0, 1], 9).into(),
            ahead: 0,
        };
        let fleet = Self {
            directory: tempfile::tempdir().unwrap(),
            database_url: database_url.to_owned(),
            stripe_url: stripe_url.to_owned(),
            hold_ttl: hold_ttl.to_owned(),
            client: Client::of(nowhere.address),
            doors: Mutex::new(vec![nowhere; clocks.len()]),
            berths: clocks.iter().map(|_| tokio::sync::Mutex::default()).collect(),
            graves: Mutex::default(),
            logs: Mutex::default(),
        };
        let starts = clocks
            .iter()
            .enumerate()
            .map(|(berth, ahead)| fleet.start(berth, *ahead));
        futures::future::join_all(starts).await;
        fleet
    }

    pub(crate) fn size(&self) -> usize {
        self.berths.len()
    }

    /// Where the process of this berth listens, or did when it last lived.
    pub(crate) fn door(&self, berth: usize) -> Door {
        self.doors.lock().unwrap()[berth]
    }

    /// By how many seconds the fastest clock is ahead.
    pub(crate) fn furthest_ahead(&self) -> i64 {
        let doors = self.doors.lock().unwrap();
        doors.iter().map(|door| door.ahead).max().unwrap_or_default()
    }

    /// Starts a process where there is none, and waits until it serves.
    pub(crate) async fn start(&self, berth: usize, ahead: i64) {
        let mut place = self.berths[berth].lock().await;
        if place.is_some() {
            return;
        }
        let offset = ahead.to_string();
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
        ];
        let mut process = Process::start(self.directory.path(), &["serve"], &variables);
        let address = process.address("serving on http://").await;
        self.doors.lock().unwrap()[berth] = Door { address, ahead };
        *place = Some(process);
    }

    /// Kills a process, as the power failing would.
    pub(crate) async fn kill(&self, berth: usize) {
        if let Some(process) = self.berths[berth].lock().await.take() {
            self.keep_log(berth, &process);
            process.kill().await;
            self.keep_address(berth);
        }
    }

    /// Orders a process to stop, and waits for its end; what was wrong with that.
    pub(crate) async fn stop(&self, berth: usize) -> Option<String> {
        let mut process = self.berths[berth].lock().await.take()?;
        process.terminate().await;
        let ended = tokio::time::timeout(STOPS_WITHIN, process.ends()).await;
        self.keep_log(berth, &process);
        self.keep_address(berth);
        match ended {
            Ok(status) if status.code() == Some(0) => None,
            Ok(status) => Some(format!("told to stop, a process ended with {status}")),
            Err(_) => Some(format!(
                "told to stop, a process was still there after {STOPS_WITHIN:?}"
            )),
        }
    }

    /// Stops all that live; what was wrong with that.
    pub(crate) async fn stop_all(&self) -> Vec<String> {
        let stops = (0..self.size()).map(|berth| self.stop(berth));
        let faults = futures::future::join_all(stops).await;
        faults.into_iter().flatten().collect()
    }

    /// Whoever comes to a dead process's door must not meet another's.
    fn keep_address(&self, berth: usize) {
        let grave = TcpSocket::new_v4().unwrap();
        // Else what is left of its connections keeps the address from us.
        grave.set_reuseaddr(true).unwrap();
        if grave.bind(self.door(berth).address).is_ok() {
            self.graves.lock().unwrap().push(grave);
        }
    }

    fn keep_log(&self, berth: usize, process: &Process) {
        let log = format!("== process {berth} ==\n{}\n", process.output());
        self.logs.lock().unwrap().push(log);
    }

    /// Adds what another fleet's processes said.
    pub(crate) fn keeps_log_of(&self, other: &Self) {
        self.logs.lock().unwrap().push(other.logs());
    }

    /// What the processes that have ended said.
    pub(crate) fn logs(&self) -> String {
        self.logs.lock().unwrap().concat()
    }

    /// Speaks with the process of this berth.
    pub(crate) fn client(&self, berth: usize) -> Client {
        self.client.at(self.door(berth).address)
    }
}
