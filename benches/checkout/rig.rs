//! A database, a simulator and a service, each a process of its own: none shares a runtime with another or with the
//! load, so that each one's processor time can be told apart.
//!
//! PostgreSQL runs with its settings as they are out of the box, `fsync` and `synchronous_commit` on: a hold that was
//! answered is on the disk, as in production. SQLite is set by the store itself (`synchronous=FULL`).

use std::path::PathBuf;
use std::time::{Duration, Instant};

use holdfast::config::Database;
use tempfile::TempDir;

use crate::bare::Bare;
use crate::postgres;
use crate::process::{self, Process};
use crate::shop::{ADMIN_KEY, Shop, Slots, WEBHOOK_SECRET};

/// Which database.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Postgres,
    Sqlite,
}

/// All that one engine is measured on.
pub(crate) struct Rig {
    pub(crate) shop: Shop,
    pub(crate) bare: Bare,
    pub(crate) slots: std::sync::Arc<Slots>,
    /// From the start of the process to its first `200` from `/readyz`, on a database without a schema.
    pub(crate) first_start: Duration,
    service: Process,
    simulator: Process,
    directory: TempDir,
    pub(crate) url: String,
    /// Of the PostgreSQL server, where its socket and its data are.
    cluster: Option<PathBuf>,
    _server: Option<postgres::Server>,
}

/// Processor time, by who spent it.
#[derive(Clone, Copy, Default)]
pub(crate) struct Spent {
    pub(crate) service: Duration,
    pub(crate) simulator: Duration,
    pub(crate) database: Duration,
    pub(crate) load: Duration,
}

impl Rig {
    pub(crate) async fn new(engine: Engine) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let server = (engine == Engine::Postgres).then(|| postgres::Server::start("-c max_connections=100"));
        let url = match &server {
            Some(server) => {
                let mut url = server.url.clone();
                url.set_path("postgres");
                url.to_string()
            }
            None => format!("sqlite://{}/holdfast.db", directory.path().display()),
        };
        let cluster = server.as_ref().map(|server| {
            let host = server.url.query_pairs().find(|(name, _)| name == "host");
            PathBuf::from(host.unwrap().1.as_ref())
        });
        let simulator = [
            "stripe-sandbox",
            "--listen",
            "127.0.0.1:0",
            "--webhook-secret",
            WEBHOOK_SECRET,
        ];
        let simulator = Process::start(directory.path(), &simulator, &[]);
        let (service, first_start) = start(&directory, &url, &simulator).await;
        let shop = Shop::new(&service.base, &simulator.base);
        shop.open().await;
        let database = match engine {
            Engine::Postgres => Database::Postgres(url.clone().into()),
            Engine::Sqlite => Database::Sqlite(url.replace("sqlite://", "")),
        };
        Self {
            bare: Bare::open(&database).await,
            slots: Slots::new(),
            shop,
            first_start,
            service,
            simulator,
            directory,
            url,
            cluster,
            _server: server,
        }
    }

    /// From the start of another service on the same database to its first `200` from `/readyz`.
    pub(crate) async fn start_another(&self) -> Duration {
        start(&self.directory, &self.url, &self.simulator).await.1
    }

    /// The service's resident memory, in MiB.
    pub(crate) fn resident(&self) -> f64 {
        process::resident(self.service.id())
    }

    /// Processor time so far.
    pub(crate) fn spent(&self) -> Spent {
        let servers = self.cluster.iter().flat_map(|cluster| process::servers(cluster));
        Spent {
            service: process::processor_time(self.service.id()),
            simulator: process::processor_time(self.simulator.id()),
            database: servers.map(process::processor_time).sum(),
            load: process::processor_time(std::process::id()),
        }
    }
}

async fn start(directory: &TempDir, url: &str, simulator: &Process) -> (Process, Duration) {
    let variables = [
        ("DATABASE_URL", url),
        ("STRIPE_SECRET_KEY", "sk_test_benchmark"),
        ("STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET),
        ("STRIPE_API_BASE", &simulator.base),
        ("HOLDFAST_LISTEN", "127.0.0.1:0"),
        ("HOLDFAST_ADMIN_KEY", ADMIN_KEY),
        // No limit is in the way, and each guest comes from an address of their own, as through a shop's proxy.
        ("HOLDFAST_TRUSTED_PROXIES", "127.0.0.0/8"),
        ("HOLDFAST_RATE_LIMIT", "1000000/s"),
        ("HOLDFAST_MAX_LIVE_HOLDS_PER_CLIENT", "1000000"),
        ("HOLDFAST_MAX_LIVE_HOLDS_PER_GUEST", "1000000"),
    ];
    let service = Process::start(directory.path(), &["serve"], &variables);
    let shop = Shop::new(&service.base, &simulator.base);
    shop.wait_until_ready().await;
    let took = Instant::now() - service.started;
    (service, took)
}

impl Spent {
    /// What was spent since `before`.
    pub(crate) fn since(self, before: Spent) -> Spent {
        self.with(before, |now, before| now.saturating_sub(before))
    }

    pub(crate) fn plus(self, other: Spent) -> Spent {
        self.with(other, |one, other| one + other)
    }

    pub(crate) fn for_each_of(self, count: u32) -> Spent {
        self.with(self, |all, _| all / count)
    }

    fn with(self, other: Spent, both: impl Fn(Duration, Duration) -> Duration) -> Spent {
        Spent {
            service: both(self.service, other.service),
            simulator: both(self.simulator, other.simulator),
            database: both(self.database, other.database),
            load: both(self.load, other.load),
        }
    }
}
