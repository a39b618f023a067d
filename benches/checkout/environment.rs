//! The environment of a benchmark: a database, a simulator and a service, each in its own process.
//!
//! None of them shares a runtime with another or with the load generator, so that the CPU time of each is known.
//! PostgreSQL has its default settings, with `fsync` and `synchronous_commit` on: a confirmed hold is on the disk, as
//! in production. The store itself configures SQLite (`synchronous=FULL`).

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use holdfast::config::Database;
use tempfile::TempDir;

use crate::postgres;
use crate::process::{self, Process};
use crate::service_client::{ADMIN_KEY, FreeSlots, ServiceClient, WEBHOOK_SECRET};
use crate::store_baseline::StoreBaseline;

/// A database engine to measure.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Postgres,
    Sqlite,
}

/// The running processes for one engine.
pub(crate) struct Environment {
    pub(crate) client: ServiceClient,
    pub(crate) store: StoreBaseline,
    pub(crate) slots: std::sync::Arc<FreeSlots>,
    /// The time from the start of the process to its first `200` from `/readyz`, on a database without a schema.
    pub(crate) first_start: Duration,
    service: Process,
    simulator: Process,
    directory: TempDir,
    pub(crate) url: String,
    changed_variables: Vec<(&'static str, &'static str)>,
    /// The directory of the PostgreSQL server with its socket and its data.
    postgres_directory: Option<PathBuf>,
    _server: Option<postgres::Server>,
}

/// The CPU time of each process.
#[derive(Clone, Copy, Default)]
pub(crate) struct CpuTime {
    pub(crate) service: Duration,
    pub(crate) simulator: Duration,
    pub(crate) database: Duration,
    pub(crate) load: Duration,
}

impl Environment {
    pub(crate) async fn new(engine: Engine) -> Self {
        Self::with_variables(engine, &[]).await
    }

    /// Starts a service with some of its variables changed.
    pub(crate) async fn with_variables(engine: Engine, changed: &[(&'static str, &'static str)]) -> Self {
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
        let postgres_directory = server.as_ref().map(find_postgres_directory);
        let simulator = start_simulator(directory.path());
        let (service, first_start) = start_service(directory.path(), &url, &simulator, changed).await;
        let client = ServiceClient::new(&service.base, &simulator.base);
        client.create_event_types().await;
        let database = match engine {
            Engine::Postgres => Database::Postgres(url.clone().into()),
            Engine::Sqlite => Database::Sqlite(url.replace("sqlite://", "")),
        };
        Self {
            store: StoreBaseline::open(&database).await,
            slots: FreeSlots::new(),
            client,
            first_start,
            service,
            simulator,
            directory,
            url,
            changed_variables: changed.to_vec(),
            postgres_directory,
            _server: server,
        }
    }

    /// Starts another service on the same database. Returns the time to its first `200` from `/readyz`.
    pub(crate) async fn start_another_service(&self) -> Duration {
        let variables = &self.changed_variables;
        start_service(self.directory.path(), &self.url, &self.simulator, variables)
            .await
            .1
    }

    /// Returns the address of the service, as `127.0.0.1:PORT`.
    pub(crate) fn service_address(&self) -> String {
        self.service.base.replace("http://", "")
    }

    /// Returns the service's resident memory, in MiB.
    pub(crate) fn resident_memory(&self) -> f64 {
        process::resident_memory(self.service.id())
    }

    /// Returns the CPU time so far.
    pub(crate) fn cpu_time(&self) -> CpuTime {
        let server = self.postgres_directory.as_deref();
        CpuTime {
            service: process::cpu_time(self.service.id()),
            simulator: process::cpu_time(self.simulator.id()),
            database: server.map_or(Duration::ZERO, process::postgres_cpu_time),
            load: process::cpu_time(std::process::id()),
        }
    }
}

/// Returns the directory of a PostgreSQL server with its socket and its data.
pub(crate) fn find_postgres_directory(server: &postgres::Server) -> PathBuf {
    let host = server.url.query_pairs().find(|(name, _)| name == "host");
    PathBuf::from(host.unwrap().1.as_ref())
}

/// Starts a Stripe simulator that responds at once and delivers no events.
pub(crate) fn start_simulator(directory: &Path) -> Process {
    let arguments = [
        "stripe-sandbox",
        "--listen",
        "127.0.0.1:0",
        "--webhook-secret",
        WEBHOOK_SECRET,
        // Nobody listens there.
        "--webhook-url",
        "http://127.0.0.1:9/",
    ];
    // One thread is enough, and leaves more of the processors to what is measured.
    Process::start(directory, &arguments, &[("TOKIO_WORKER_THREADS", "1")])
}

/// Starts a service on a database, and returns also the time to its first `200` from `/readyz`.
pub(crate) async fn start_service(
    directory: &Path,
    url: &str,
    simulator: &Process,
    changed: &[(&str, &str)],
) -> (Process, Duration) {
    let mut variables = vec![
        ("DATABASE_URL", url),
        ("STRIPE_SECRET_KEY", "sk_test_benchmark"),
        ("STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET),
        ("STRIPE_API_BASE", &simulator.base),
        ("HOLDFAST_LISTEN", "127.0.0.1:0"),
        ("HOLDFAST_ADMIN_KEY", ADMIN_KEY),
        // The limits are out of reach, and each guest has an address of its own, as behind a shop's proxy.
        ("HOLDFAST_TRUSTED_PROXIES", "127.0.0.0/8"),
        ("HOLDFAST_RATE_LIMIT", "1000000/s"),
        ("HOLDFAST_READ_LIMIT", "1000000/s"),
        ("HOLDFAST_MAX_LIVE_HOLDS_PER_CLIENT", "1000000"),
        ("HOLDFAST_MAX_LIVE_HOLDS_PER_GUEST", "1000000"),
    ];
    // A later variable replaces an earlier one of the same name.
    variables.extend_from_slice(changed);
    let service = Process::start(directory, &["serve"], &variables);
    let client = ServiceClient::new(&service.base, &simulator.base);
    client.wait_until_ready().await;
    let took = Instant::now() - service.started;
    (service, took)
}

impl CpuTime {
    /// Returns the CPU time since `before`.
    pub(crate) fn since(self, before: CpuTime) -> CpuTime {
        self.combine(before, |now, before| now.saturating_sub(before))
    }

    pub(crate) fn plus(self, other: CpuTime) -> CpuTime {
        self.combine(other, |one, other| one + other)
    }

    /// Returns the CPU time per item.
    pub(crate) fn divided_by(self, count: u32) -> CpuTime {
        self.combine(self, |all, _| all / count)
    }

    fn combine(self, other: CpuTime, operation: impl Fn(Duration, Duration) -> Duration) -> CpuTime {
        CpuTime {
            service: operation(self.service, other.service),
            simulator: operation(self.simulator, other.simulator),
            database: operation(self.database, other.database),
            load: operation(self.load, other.load),
        }
    }
}
