//! Makes the measurements of one round on one of the compared services.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::connection::Connection;
use crate::endpoint::Endpoint;
use crate::load::{LoadResult, run_load};
use crate::peer::{Addresses, Installation, Peer, PeerKind};

/// Connections of a full load.
pub(crate) const CONNECTIONS: usize = 64;
/// Guests who request one slot at once.
pub(crate) const GUESTS: usize = 200;
/// How long Stripe takes to respond in a rush.
pub(crate) const RUSH_LATENCY_MS: u64 = 150;
/// Holds that exist before a load, so that the database's planner has statistics.
pub(crate) const EARLIER_HOLDS: u64 = 3_000;
/// Rushes of each round.
const RUSHES: usize = 3;
/// Before each measured load.
const WARM_UP: Duration = Duration::from_secs(2);

/// What one round measured on one of the services.
pub(crate) struct Round {
    /// A full load on distinct slots, from one address.
    pub(crate) full: Load,
    /// The same from different addresses, where the service looks at them.
    pub(crate) addresses: Option<Load>,
    /// A load over one connection alone.
    pub(crate) alone: Load,
    /// A full load on a slot that is taken.
    pub(crate) refusals: Load,
    pub(crate) rushes: Vec<Rush>,
    /// A full load on a database that was analysed when it was empty.
    pub(crate) fresh: Load,
    /// A full load while an endpoint takes every event, where the service sends events.
    pub(crate) listened: Option<ListenedLoad>,
}

/// The figures of one load.
pub(crate) struct Load {
    /// The number of responses per second.
    pub(crate) rate: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    /// The processor time of the service and of the PostgreSQL server for each response, in milliseconds.
    pub(crate) cpu_ms: [f64; 2],
}

/// A load while an endpoint takes every event.
pub(crate) struct ListenedLoad {
    pub(crate) load: Load,
    /// The number of events that the endpoint takes per second.
    pub(crate) events: f64,
}

/// The figures of one rush.
pub(crate) struct Rush {
    pub(crate) sessions: u64,
    pub(crate) sold: usize,
    pub(crate) p99: Duration,
}

/// What the connections of a load request, and the status that they must receive.
#[derive(Clone)]
struct Job {
    peer: Arc<Peer>,
    addresses: Addresses,
    /// The slot that all request, if it is the same.
    slot: Option<(String, DateTime<Utc>)>,
    status: u16,
}

/// Measures one service, first on a database with earlier holds, then on a fresh one.
pub(crate) async fn measure_round(installation: &Installation, kind: PeerKind, time: Duration) -> Round {
    let peer = Arc::new(installation.start(kind).await);
    let full_job = Job::on_distinct_slots(&peer, Addresses::One);
    place_earlier_holds(&full_job).await;
    peer.settle().await;
    let full = full_job.measure(CONNECTIONS, time).await;
    let addresses = match kind {
        PeerKind::ByHand => None,
        _ => {
            let job = Job::on_distinct_slots(&peer, Addresses::Different);
            Some(job.measure(CONNECTIONS, time).await)
        }
    };
    let alone = full_job.measure(1, time).await;
    let refusals = measure_refusals(&peer, time).await;
    let mut rushes = Vec::new();
    for _ in 0..RUSHES {
        rushes.push(measure_rush(&peer).await);
    }
    drop(full_job);
    stop(peer).await;
    Round {
        full,
        addresses,
        alone,
        refusals,
        rushes,
        fresh: measure_fresh(installation, kind, time).await,
        listened: match kind {
            PeerKind::ByHand => None,
            _ => Some(measure_listened(installation, kind, time).await),
        },
    }
}

async fn measure_fresh(installation: &Installation, kind: PeerKind, time: Duration) -> Load {
    let peer = Arc::new(installation.start(kind).await);
    peer.settle().await;
    let job = Job::on_distinct_slots(&peer, Addresses::One);
    let fresh = job.measure(CONNECTIONS, time).await;
    drop(job);
    stop(peer).await;
    fresh
}

/// Measures a service with earlier holds while an endpoint takes every event.
#[allow(clippy::cast_precision_loss)]
async fn measure_listened(installation: &Installation, kind: PeerKind, time: Duration) -> ListenedLoad {
    let peer = Arc::new(installation.start(kind).await);
    let job = Job::on_distinct_slots(&peer, Addresses::One);
    place_earlier_holds(&job).await;
    peer.settle().await;
    let endpoint = Endpoint::open().await;
    peer.client.create_endpoint(&endpoint.url).await;
    job.run(CONNECTIONS, WARM_UP).await;
    let (begun, taken) = (Instant::now(), endpoint.count_taken());
    assert!(taken > 0, "the endpoint gets events");
    let load = job.measure_now(CONNECTIONS, time).await;
    let events = (endpoint.count_taken() - taken) as f64 / begun.elapsed().as_secs_f64();
    drop(job);
    stop(peer).await;
    ListenedLoad { load, events }
}

async fn stop(peer: Arc<Peer>) {
    let peer = Arc::into_inner(peer).expect("no load runs");
    peer.stop().await;
}

async fn place_earlier_holds(job: &Job) {
    let job = job.clone();
    // Each opens a connection: this load is not measured.
    run_load(EARLIER_HOLDS, 32, move || {
        let job = job.clone();
        async move {
            let mut connection = Connection::open(&job.peer.address).await;
            assert_eq!(connection.exchange(&job.next_request()).await, job.status);
        }
    })
    .await;
}

async fn measure_refusals(peer: &Arc<Peer>, time: Duration) -> Load {
    let slot = peer.requests.next_slot();
    let request = peer.requests.request_slot(&slot, Addresses::One);
    let status = Connection::open(&peer.address).await.exchange(&request).await;
    assert_eq!(status, 201, "the slot is free");
    let job = Job {
        slot: Some(slot),
        status: 409,
        ..Job::on_distinct_slots(peer, Addresses::One)
    };
    job.measure(CONNECTIONS, time).await
}

/// Lets many guests request one slot at once, each over a connection that is open already.
async fn measure_rush(peer: &Arc<Peer>) -> Rush {
    peer.client.set_stripe_latency(RUSH_LATENCY_MS).await;
    let sessions = peer.client.count_session_requests().await;
    let slot = peer.requests.next_slot();
    let barrier = Arc::new(Barrier::new(GUESTS));
    let mut guests = JoinSet::new();
    for _ in 0..GUESTS {
        let mut connection = Connection::open(&peer.address).await;
        let request = peer.requests.request_slot(&slot, Addresses::One);
        let barrier = Arc::clone(&barrier);
        guests.spawn(async move {
            barrier.wait().await;
            let begun = Instant::now();
            let status = connection.exchange(&request).await;
            assert!(matches!(status, 201 | 409), "status {status} in a rush");
            (status == 201, begun.elapsed())
        });
    }
    let (sold, times): (Vec<bool>, Vec<Duration>) = guests.join_all().await.into_iter().unzip();
    let sold = sold.into_iter().filter(|is_sold| *is_sold).count();
    assert!(
        peer.kind == PeerKind::ByHand || sold == 1,
        "one slot, one buyer: {sold}"
    );
    let sessions = peer.client.count_session_requests().await - sessions;
    peer.client.set_stripe_latency(0).await;
    Rush {
        sessions,
        sold,
        p99: LoadResult::new(Duration::ZERO, times).percentile(99),
    }
}

impl Job {
    fn on_distinct_slots(peer: &Arc<Peer>, addresses: Addresses) -> Self {
        Self {
            peer: Arc::clone(peer),
            addresses,
            slot: None,
            status: 201,
        }
    }

    fn next_request(&self) -> Vec<u8> {
        let requests = &self.peer.requests;
        let slot = self.slot.clone().unwrap_or_else(|| requests.next_slot());
        requests.request_slot(&slot, self.addresses)
    }

    /// Runs the load for this time, after a warm-up.
    async fn measure(&self, connections: usize, time: Duration) -> Load {
        self.run(connections, WARM_UP).await;
        self.measure_now(connections, time).await
    }

    /// Runs the load for this time, after one that was warm-up enough.
    async fn measure_now(&self, connections: usize, time: Duration) -> Load {
        let sessions = self.peer.client.count_session_requests().await;
        let before = self.peer.cpu_time();
        let result = self.run(connections, time).await;
        let after = self.peer.cpu_time();
        let sessions = self.peer.client.count_session_requests().await - sessions;
        let expected = if self.status == 201 { result.count() } else { 0 };
        assert_eq!(
            usize::try_from(sessions),
            Ok(expected),
            "a hold has one session, a refusal none"
        );
        let cpu_ms = |process: usize| per_item_ms(after[process] - before[process], result.count());
        Load {
            rate: result.rate(),
            p50: result.percentile(50),
            p99: result.percentile(99),
            cpu_ms: [cpu_ms(0), cpu_ms(1)],
        }
    }

    /// Sends requests over so many connections, each as soon as the one before has its response.
    async fn run(&self, connections: usize, time: Duration) -> LoadResult {
        let mut workers = JoinSet::new();
        let mut open = Vec::new();
        for _ in 0..connections {
            open.push(Connection::open(&self.peer.address).await);
        }
        let started = Instant::now();
        for mut connection in open {
            let job = self.clone();
            workers.spawn(async move {
                let mut times = Vec::new();
                while started.elapsed() < time {
                    let request = job.next_request();
                    let begun = Instant::now();
                    let status = connection.exchange(&request).await;
                    times.push(begun.elapsed());
                    assert_eq!(status, job.status);
                }
                times
            });
        }
        let times = workers.join_all().await.concat();
        LoadResult::new(started.elapsed(), times)
    }
}

#[allow(clippy::cast_precision_loss)]
fn per_item_ms(time: Duration, items: usize) -> f64 {
    time.as_secs_f64() * 1000.0 / items as f64
}
