//! The attacks of the benchmark: connections that do nothing, requests that arrive byte by byte, and long lists of slots.
//!
//! An attacker sends at a fixed rate. One that sends as fast as it can would measure only how the load generator and the
//! service share the processors of one machine.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use holdfast::clock::SystemClock;
use holdfast::domain::time::Clock;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep};

use crate::service_client::ServiceClient;

/// New connections per second of the flood.
const FLOOD_RATE: u64 = 1_000;
/// The most connections that the flood keeps open on its side. The service keeps fewer.
const FLOOD_CONNECTIONS: usize = 5_000;
/// The requests that drip at once: half of them drip their header, half their body.
const DRIPPING: usize = 1_000;
/// The pause between two bytes of a request that drips.
const DRIP_PAUSE: Duration = Duration::from_millis(500);
/// The addresses that request long lists, and how many requests each sends per second: its limit allows five.
const LIST_ADDRESSES: u8 = 10;
const LIST_RATE: u64 = 10;
/// How long an attack runs before the guests come.
const HEAD_START: Duration = Duration::from_secs(3);
/// The resources of a long list.
const RESOURCES: usize = 50;

/// What an attacker does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attack {
    Flood,
    Drip,
    LongLists,
    All,
}

/// An attack that runs until it is stopped.
pub(crate) struct RunningAttack {
    tasks: JoinSet<()>,
    efforts: Vec<(&'static str, Arc<AtomicU64>)>,
}

impl Attack {
    pub(crate) const ALL: [Self; 4] = [Self::Flood, Self::Drip, Self::LongLists, Self::All];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Flood => "connections that do nothing",
            Self::Drip => "headers and bodies byte by byte",
            Self::LongLists => "long lists of slots",
            Self::All => "all three",
        }
    }

    /// Starts the attack, and returns when it has run for a while.
    pub(crate) async fn start(self, address: &str) -> RunningAttack {
        let mut attack = RunningAttack {
            tasks: JoinSet::new(),
            efforts: Vec::new(),
        };
        if matches!(self, Self::Flood | Self::All) {
            let count = attack.count("connections");
            attack.tasks.spawn(flood(address.to_owned(), count));
        }
        if matches!(self, Self::Drip | Self::All) {
            let count = attack.count("slow requests");
            for number in 0..DRIPPING {
                attack
                    .tasks
                    .spawn(drip(address.to_owned(), number % 2 == 0, count.clone()));
            }
        }
        if matches!(self, Self::LongLists | Self::All) {
            let (served, refused) = (attack.count("long lists"), attack.count("refused ones"));
            for number in 1..=LIST_ADDRESSES {
                let request = list_request(number);
                let job = request_lists(address.to_owned(), request, served.clone(), refused.clone());
                attack.tasks.spawn(job);
            }
        }
        sleep(HEAD_START).await;
        attack
    }
}

impl RunningAttack {
    fn count(&mut self, what: &'static str) -> Arc<AtomicU64> {
        let count = Arc::new(AtomicU64::new(0));
        self.efforts.push((what, count.clone()));
        count
    }

    /// Stops the attack, and returns what it did, in words.
    pub(crate) async fn stop(mut self) -> String {
        self.tasks.shutdown().await;
        let efforts = self.efforts.iter();
        let words = efforts.map(|(what, count)| format!("{} {what}", count.load(Ordering::Relaxed)));
        words.collect::<Vec<_>>().join(", ")
    }
}

/// Puts an event type on sale whose two segments compete for the same fifty resources.
pub(crate) async fn create_long_lists(client: &ServiceClient) {
    let any_of: Vec<String> = (0..RESOURCES).map(|number| format!("room-{number}")).collect();
    for id in &any_of {
        let path = format!("/v1/admin/resources/{id}");
        client.create(&path, &json!({"name": id})).await;
    }
    let segment = json!({"offset_minutes": 0, "duration_minutes": 60, "any_of": any_of});
    let terms = json!({"name": "Pair", "segments": [segment, segment], "amount": 5000, "currency": "eur"});
    client.create("/v1/admin/event-types/pair", &terms).await;
}

/// Opens connections at a fixed rate and never uses them.
async fn flood(address: String, count: Arc<AtomicU64>) {
    let mut open = VecDeque::new();
    let mut ticks = interval(Duration::from_millis(10));
    loop {
        ticks.tick().await;
        for _ in 0..FLOOD_RATE / 100 {
            if let Ok(connection) = TcpStream::connect(&address).await {
                open.push_back(connection);
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
        while open.len() > FLOOD_CONNECTIONS {
            open.pop_front();
        }
    }
}

/// Sends a request byte by byte until the service ends it, and begins again.
async fn drip(address: String, is_header: bool, count: Arc<AtomicU64>) {
    let begin = if is_header {
        "GET / HTTP/1.1\r\nx: "
    } else {
        "POST /v1/holds HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 60000\r\n\r\n"
    };
    loop {
        count.fetch_add(1, Ordering::Relaxed);
        let _ = repeat_byte(&address, begin).await;
        sleep(DRIP_PAUSE).await;
    }
}

async fn repeat_byte(address: &str, begin: &str) -> std::io::Result<()> {
    let mut connection = TcpStream::connect(address).await?;
    connection.write_all(begin.as_bytes()).await?;
    loop {
        sleep(DRIP_PAUSE).await;
        connection.write_all(b"x").await?;
    }
}

/// Returns the request of an address for the longest list that there is: 62 days.
fn list_request(number: u8) -> String {
    let from = SystemClock.now() + TimeDelta::days(1);
    let format_time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    format!(
        "GET /v1/event-types/pair/slots?from={}&to={} HTTP/1.1\r\nhost: a\r\nx-forwarded-for: 192.0.2.{number}\r\n\
         connection: close\r\n\r\n",
        format_time(from),
        format_time(from + TimeDelta::days(62))
    )
}

/// Requests long lists at a fixed rate, whether the ones before are answered or not.
async fn request_lists(address: String, request: String, served: Arc<AtomicU64>, refused: Arc<AtomicU64>) {
    let mut ticks = interval(Duration::from_millis(1000 / LIST_RATE));
    let mut open = JoinSet::new();
    loop {
        ticks.tick().await;
        while open.try_join_next().is_some() {}
        let (exchange, served, refused) = (
            exchange(address.clone(), request.clone()),
            served.clone(),
            refused.clone(),
        );
        open.spawn(async move {
            match exchange.await {
                Ok(true) => served.fetch_add(1, Ordering::Relaxed),
                _ => refused.fetch_add(1, Ordering::Relaxed),
            }
        });
    }
}

/// Sends a request and reads its response. Returns whether it was served.
async fn exchange(address: String, request: String) -> std::io::Result<bool> {
    let mut connection = TcpStream::connect(address).await?;
    connection.write_all(request.as_bytes()).await?;
    let mut response = Vec::new();
    connection.read_to_end(&mut response).await?;
    Ok(response.starts_with(b"HTTP/1.1 200 "))
}
