//! Starts one of the compared services with a simulator and a database of its own.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use holdfast::store::PoolOptions;
use sqlx::{AssertSqlSafe, Connection as _, Executor, PgConnection};
use tempfile::TempDir;

use crate::by_hand::Node;
use crate::environment::{find_postgres_directory, start_service, start_simulator};
use crate::postgres;
use crate::process::{self, Process};
use crate::service_client::{FreeSlots, ServiceClient};

/// The tables of the checkout by hand, and what it offers: the same as Holdfast's event types.
const SCHEMA_BY_HAND: &str = include_str!("by_hand/schema.sql");
/// What is set beside what all benchmarks set.
const SETTINGS: [(&str, &str); 4] = [
    // One address calls for all guests, so the shop counts neither the holds of its network nor what lapsed.
    ("HOLDFAST_MAX_LIVE_HOLDS_PER_NETWORK", "0"),
    ("HOLDFAST_LAPSE_COOLDOWN", "0s"),
    // The checkout by hand writes no log lines either. The address is in a line of `holdfast::app`.
    ("HOLDFAST_LOG", "warn,holdfast::app=info"),
    // The endpoint that takes the events is on this machine.
    ("HOLDFAST_CALENDAR_ALLOW_PRIVATE", "1"),
];
/// The address of a shop's own server that calls for its guests.
const SHOP_ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// One of the services that are compared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum PeerKind {
    ByHand,
    Postgres,
    Sqlite,
}

/// Whose address the requests have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Addresses {
    /// All requests have the address of the shop's server.
    One,
    /// Each guest has an address of its own.
    Different,
}

/// What all services share: the PostgreSQL server and Node.js.
pub(crate) struct Installation {
    node: Node,
    server: postgres::Server,
    databases: AtomicU32,
}

/// A service that runs, with all that it needs.
pub(crate) struct Peer {
    pub(crate) kind: PeerKind,
    pub(crate) client: ServiceClient,
    /// The service's address, as `127.0.0.1:PORT`.
    pub(crate) address: String,
    pub(crate) requests: Arc<Requests>,
    service: Process,
    database: Option<PostgresDatabase>,
    _simulator: Process,
    _directory: TempDir,
}

/// Writes requests for slots, each of another guest.
pub(crate) struct Requests {
    slots: Arc<FreeSlots>,
    guests: AtomicU32,
}

struct PostgresDatabase {
    name: String,
    url: String,
    server_url: String,
    directory: PathBuf,
}

impl Installation {
    pub(crate) fn new(node: Node) -> Self {
        Node::install_packages();
        Self {
            node,
            // The default settings: `fsync` and `synchronous_commit` are on.
            server: postgres::Server::start("-c max_connections=100"),
            databases: AtomicU32::new(0),
        }
    }

    /// Returns the versions of Node.js and of PostgreSQL, in words.
    pub(crate) async fn describe_versions(&self) -> String {
        let mut connection = connect(&self.server.url_of("postgres", "postgres")).await;
        let postgres: String = sqlx::query_scalar("SHOW server_version")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        format!("Node.js {}, PostgreSQL {postgres}", self.node.version)
    }

    async fn create_database(&self) -> PostgresDatabase {
        let name = format!("peer_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let database = PostgresDatabase {
            url: self.server.url_of("postgres", &name),
            server_url: self.server.url_of("postgres", "postgres"),
            directory: find_postgres_directory(&self.server),
            name,
        };
        execute(
            &database.server_url,
            &format!("CREATE DATABASE {}", database.name),
        )
        .await;
        database
    }

    /// Starts a service on a new database that has only what the shop offers.
    pub(crate) async fn start(&self, kind: PeerKind) -> Peer {
        let directory = tempfile::tempdir().unwrap();
        let simulator = start_simulator(directory.path());
        let database = match kind {
            PeerKind::Sqlite => None,
            _ => Some(self.create_database().await),
        };
        let url = match &database {
            Some(database) => database.url.clone(),
            None => format!("sqlite://{}/holdfast.db", directory.path().display()),
        };
        let service = if kind == PeerKind::ByHand {
            execute(&url, SCHEMA_BY_HAND).await;
            let connections = PoolOptions::default().max_connections;
            self.node.start_checkout(&url, &simulator.base, connections)
        } else {
            start_service(directory.path(), &url, &simulator, &SETTINGS)
                .await
                .0
        };
        let client = ServiceClient::new(&service.base, &simulator.base);
        if kind != PeerKind::ByHand {
            client.create_event_types().await;
        }
        Peer {
            kind,
            client,
            address: service.base.replace("http://", ""),
            requests: Arc::new(Requests {
                slots: FreeSlots::new(),
                guests: AtomicU32::new(0),
            }),
            service,
            database,
            _simulator: simulator,
            _directory: directory,
        }
    }
}

impl Peer {
    /// Updates the statistics of PostgreSQL and writes all that waits, so that a load does not pay for the one before.
    pub(crate) async fn settle(&self) {
        if let Some(database) = &self.database {
            execute(&database.url, "VACUUM ANALYZE").await;
            execute(&database.url, "CHECKPOINT").await;
        }
    }

    /// Returns the processor time of the service and of the PostgreSQL server so far.
    pub(crate) fn cpu_time(&self) -> [Duration; 2] {
        let server = self.database.as_ref().map(|database| &database.directory);
        [
            process::cpu_time(self.service.id()),
            server.map_or(Duration::ZERO, |directory| process::postgres_cpu_time(directory)),
        ]
    }

    /// Stops the service and deletes its database.
    pub(crate) async fn stop(self) {
        drop(self.service);
        if let Some(database) = self.database {
            let statement = format!("DROP DATABASE {} WITH (FORCE)", database.name);
            execute(&database.server_url, &statement).await;
        }
    }
}

impl Requests {
    /// Returns a slot that nobody has requested.
    pub(crate) fn next_slot(&self) -> (String, DateTime<Utc>) {
        self.slots.next_slot()
    }

    /// Returns the request of another guest for a slot.
    pub(crate) fn request_slot(
        &self,
        (event_type, start): &(String, DateTime<Utc>),
        addresses: Addresses,
    ) -> Vec<u8> {
        let guest = self.guests.fetch_add(1, Ordering::Relaxed);
        let address = match addresses {
            Addresses::One => SHOP_ADDRESS,
            Addresses::Different => Ipv4Addr::from_bits(Ipv4Addr::new(10, 0, 0, 0).to_bits() + guest),
        };
        let start = start.to_rfc3339_opts(SecondsFormat::Secs, true);
        let body = format!(
            r#"{{"event_type":"{event_type}","starts_at":"{start}","guest":{{"email":"guest-{guest}@example.com","name":"Ada"}}}}"#
        );
        let length = body.len();
        format!(
            "POST /v1/holds HTTP/1.1\r\nhost: shop\r\ncontent-type: application/json\r\nx-forwarded-for: {address}\r\n\
             content-length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }
}

async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.unwrap()
}

async fn execute(url: &str, statements: &str) {
    let statements = sqlx::raw_sql(AssertSqlSafe(statements.to_owned()));
    connect(url).await.execute(statements).await.unwrap();
}
