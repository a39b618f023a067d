//! A TCP proxy in front of the PostgreSQL server. A test can cut it, stall it, drop the server's responses, restore
//! it, and redirect it to another server.

use std::path::PathBuf;

use sqlx::postgres::PgConnectOptions;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use url::Url;

/// A proxy to the database, which the test controls.
pub(crate) struct Proxy {
    url: String,
    way: watch::Sender<Way>,
}

#[derive(Clone)]
struct Way {
    server: Server,
    flow: Flow,
}

/// Says which traffic passes the proxy.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Open,
    /// Nothing passes, for now.
    Stalled,
    /// Requests reach the server, but its responses do not: the connection ends instead.
    OneWay,
    /// Nothing passes, and there are no connections.
    Cut,
}

#[derive(Clone)]
enum Server {
    Socket(PathBuf),
    Address(String),
}

impl Server {
    fn at(url: &str) -> Self {
        let options: PgConnectOptions = url.parse().unwrap();
        match options.get_socket() {
            Some(directory) => Self::Socket(directory.join(format!(".s.PGSQL.{}", options.get_port()))),
            None => Self::Address(format!("{}:{}", options.get_host(), options.get_port())),
        }
    }
}

// Each test binary that includes this file uses only a part of it.
#[allow(
    dead_code,
    reason = "only the tests redirect, and only the storm drops responses"
)]
impl Proxy {
    /// Starts a proxy to the database at this URL.
    pub(crate) async fn to(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut through = Url::parse(url).unwrap();
        through.set_query(None);
        through.set_host(Some("127.0.0.1")).unwrap();
        through
            .set_port(Some(listener.local_addr().unwrap().port()))
            .unwrap();
        let (way, state) = watch::channel(Way {
            server: Server::at(url),
            flow: Flow::Open,
        });
        tokio::spawn(serve(listener, state));
        Self {
            url: through.into(),
            way,
        }
    }

    /// Returns the database's URL through this proxy.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Ends all connections and accepts no new ones.
    pub(crate) fn cut(&self) {
        self.way.send_modify(|way| way.flow = Flow::Cut);
    }

    /// Keeps all connections and passes nothing, as a network that loses every packet.
    pub(crate) fn stall(&self) {
        self.way.send_modify(|way| way.flow = Flow::Stalled);
    }

    /// Passes requests, and ends each connection when the server responds: the client does not know the outcome.
    pub(crate) fn drop_responses(&self) {
        self.way.send_modify(|way| way.flow = Flow::OneWay);
    }

    /// Passes all traffic again.
    pub(crate) fn restore_traffic(&self) {
        self.way.send_modify(|way| way.flow = Flow::Open);
    }

    /// Redirects to another server from now on.
    pub(crate) fn redirect_to_server(&self, url: &str) {
        self.cut();
        self.way.send_modify(|way| {
            *way = Way {
                server: Server::at(url),
                flow: Flow::Open,
            };
        });
    }
}

/// Accepts connections until the proxy is dropped.
async fn serve(listener: TcpListener, mut way: watch::Receiver<Way>) {
    loop {
        let client = tokio::select! {
            accepted = listener.accept() => accepted.unwrap().0,
            changed = way.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return,
            },
        };
        let now = way.borrow().clone();
        if now.flow != Flow::Cut {
            tokio::spawn(connect_and_pass(client, now.server, way.clone()));
        }
    }
}

/// Connects to the server and passes the traffic. If the server is down, the client's connection is closed at once.
async fn connect_and_pass(client: TcpStream, server: Server, way: watch::Receiver<Way>) {
    match server {
        Server::Socket(path) => {
            if let Ok(server) = UnixStream::connect(path).await {
                pass_both_ways(client.into_split(), server.into_split(), way).await;
            }
        }
        Server::Address(address) => {
            if let Ok(server) = TcpStream::connect(address).await {
                pass_both_ways(client.into_split(), server.into_split(), way).await;
            }
        }
    }
}

/// Passes traffic until either side ends, or the proxy is cut.
async fn pass_both_ways<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    client: (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
    server: (R, W),
    way: watch::Receiver<Way>,
) {
    // A separate receiver notices a cut even if the proxy was restored before this task runs.
    let mut cuts = way.clone();
    let cut = async { while cuts.changed().await.is_ok() && cuts.borrow_and_update().flow != Flow::Cut {} };
    tokio::select! {
        () = pass(client.0, server.1, way.clone(), &[Flow::Open, Flow::OneWay]) => {}
        () = pass(server.0, client.1, way, &[Flow::Open]) => {}
        () = cut => {}
    }
}

/// Passes data while the flow is one of `open`. Waits while it is stalled, and ends at any other flow.
async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut way: watch::Receiver<Way>,
    open: &[Flow],
) {
    let mut chunk = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut chunk).await {
        let passes = match way.wait_for(|way| way.flow != Flow::Stalled).await {
            Ok(way) => open.contains(&way.flow),
            Err(_) => return,
        };
        if !passes || to.write_all(&chunk[..length]).await.is_err() {
            return;
        }
    }
}
