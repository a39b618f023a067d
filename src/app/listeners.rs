//! The addresses that the service listens on, and the open files that its connections need.
//!
//! There is the public address, and the operators' own if they have one.

use std::net::SocketAddr;
use std::sync::Arc;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::http::{self, Server};

/// The most connections that the operators' own listener serves at once: Prometheus, and the operators themselves.
const ADMIN_CONNECTIONS: u32 = 100;

/// An address that is taken, or does not belong to this machine.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct BindError {
    /// The address from `HOLDFAST_LISTEN` or `HOLDFAST_ADMIN_LISTEN`.
    pub address: SocketAddr,
    /// The error of the operating system.
    #[source]
    pub error: std::io::Error,
}

/// Listeners that are bound, but do not serve yet.
pub(super) struct Listeners {
    public: Listener,
    admin: Option<Listener>,
    max_connections: u32,
}

struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

impl Listeners {
    pub(super) async fn bind(config: &Config) -> Result<Self, BindError> {
        Ok(Self {
            public: Listener::bind(config.listen).await?,
            admin: match config.admin_listen {
                Some(address) => Some(Listener::bind(address).await?),
                None => None,
            },
            max_connections: config.max_connections,
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.public.address
    }

    pub(super) fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(|admin| admin.address)
    }

    /// Serves until `stop` is cancelled; `more` routes are on the public address. Each task ends when its last request has
    /// been answered.
    pub(super) fn serve(
        self,
        server: Arc<Server>,
        more: axum::Router,
        stop: &CancellationToken,
    ) -> Vec<JoinHandle<()>> {
        let max_connections = self.max_connections;
        let Some(admin) = self.admin else {
            let all = http::router(server).merge(more);
            return vec![self.public.serve(all, max_connections, stop)];
        };
        let (public, operators) = http::split_routers(server);
        vec![
            self.public.serve(public.merge(more), max_connections, stop),
            admin.serve(operators, ADMIN_CONNECTIONS, stop),
        ]
    }
}

impl Listener {
    async fn bind(address: SocketAddr) -> Result<Self, BindError> {
        let bound = TcpListener::bind(address).await;
        let bound = bound.and_then(|socket| {
            let address = socket.local_addr()?;
            Ok(Self { socket, address })
        });
        bound.map_err(|error| BindError { address, error })
    }

    fn serve(self, router: axum::Router, max_connections: u32, stop: &CancellationToken) -> JoinHandle<()> {
        let serving = http::serve_connections(self.socket, router, max_connections, stop.clone());
        tokio::spawn(serving)
    }
}

/// The files that the process opens beside its connections to guests: those of the database, Stripe, the log and the
/// operators.
const OTHER_FILES: u64 = 200;

/// Lets this process open as many files as the system allows it. Many systems start a process with 1,024, and each
/// connection is one.
pub fn raise_file_limit(max_connections: u32) {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    // What it then allows decides, whether the call failed or not.
    let _ = setrlimit(Resource::Nofile, raised);
    let allowed = getrlimit(Resource::Nofile).current;
    if let Some(allowed) = allowed.filter(|allowed| *allowed < u64::from(max_connections) + OTHER_FILES) {
        tracing::warn!(
            allowed,
            max_connections,
            "the system allows too few open files for so many connections"
        );
    }
}
