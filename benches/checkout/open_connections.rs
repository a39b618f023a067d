//! Measures the memory of a service with ten thousand open connections.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::environment::{Engine, Environment};

/// The number of connections.
pub(crate) const CONNECTIONS: usize = 10_000;
/// How many clients open them.
const CLIENTS: usize = 50;

/// Returns the resident memory in MiB without connections, and with all of them open. Each has had a response, so that it
/// has all its buffers.
pub(crate) async fn measure_memory() -> [f64; 2] {
    allow_open_files();
    let environment =
        Environment::with_variables(Engine::Sqlite, &[("HOLDFAST_MAX_CONNECTIONS", "11000")]).await;
    let address = environment.service_address();
    let before = environment.resident_memory();
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let address = address.clone();
        clients.spawn(async move {
            let mut connections = Vec::new();
            for _ in 0..CONNECTIONS / CLIENTS {
                connections.push(open_connection(&address).await);
            }
            connections
        });
    }
    let connections = clients.join_all().await;
    let with = environment.resident_memory();
    // Nothing was closed meanwhile: the service counts all of them.
    let open = count_open_connections(&address).await;
    assert!(open >= CONNECTIONS, "only {open} connections are open");
    drop(connections);
    [before, with]
}

/// Lets this process have as many open files as the system allows it.
fn allow_open_files() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, raised).unwrap();
}

async fn open_connection(address: &str) -> TcpStream {
    let connected = TcpStream::connect(address).await;
    let mut connection = connected.expect("enough open files: see ulimit -n");
    let request = b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n";
    connection.write_all(request).await.unwrap();
    let mut response = Vec::new();
    while !response.ends_with(b"}") {
        response.push(connection.read_u8().await.unwrap());
    }
    connection
}

/// Reads the service's own count from its metrics.
async fn count_open_connections(address: &str) -> usize {
    let mut connection = TcpStream::connect(address).await.unwrap();
    let request = b"GET /metrics HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    connection.write_all(request).await.unwrap();
    let mut text = String::new();
    connection.read_to_string(&mut text).await.unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("holdfast_connections "));
    line.unwrap().parse().unwrap()
}
