//! A TCP proxy before the PostgreSQL server, that can be cut, stalled, mended and led elsewhere: the database is away, or
//! slow, or does what it was told without anyone's hearing of it, and comes back.

use std::path::PathBuf;

use sqlx::postgres::PgConnectOptions;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use url::Url;

/// A way to the database that the test can cut.
pub(crate) struct Proxy {
    url: String,
    way: watch::Sender<Way>,
}

#[derive(Clone)]
struct Way {
    server: Server,
    flow: Flow,
}

/// What passes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Open,
    /// Nothing, for now.
    Stalled,
    /// What the server is told, but not its answers: the connection ends instead.
    OneWay,
    /// Nothing, and there are no connections.
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

// Each test binary that includes this file uses its own part of it.
#[allow(dead_code, reason = "stories lead the way elsewhere, the storm loses answers")]
impl Proxy {
    /// A proxy to the database at this URL.
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

    /// The database's URL through this proxy.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Ends all connections and takes no new ones.
    pub(crate) fn cut(&self) {
        self.way.send_modify(|way| way.flow = Flow::Cut);
    }

    /// Keeps all connections and carries nothing, as a network does that loses every packet.
    pub(crate) fn stall(&self) {
        self.way.send_modify(|way| way.flow = Flow::Stalled);
    }

    /// Lets the server hear, and ends each connection when it answers: what it did is not known.
    pub(crate) fn lose_answers(&self) {
        self.way.send_modify(|way| way.flow = Flow::OneWay);
    }

    /// All is well again.
    pub(crate) fn mend(&self) {
        self.way.send_modify(|way| way.flow = Flow::Open);
    }

    /// Leads to another server from now on.
    pub(crate) fn lead_to(&self, url: &str) {
        self.cut();
        self.way.send_modify(|way| {
            *way = Way {
                server: Server::at(url),
                flow: Flow::Open,
            };
        });
    }
}

/// Until the proxy is dropped.
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
            tokio::spawn(carry(client, now.server, way.clone()));
        }
    }
}

/// A server that is down shows as a connection that is closed at once.
async fn carry(client: TcpStream, server: Server, way: watch::Receiver<Way>) {
    match server {
        Server::Socket(path) => {
            if let Ok(server) = UnixStream::connect(path).await {
                both_ways(client.into_split(), server.into_split(), way).await;
            }
        }
        Server::Address(address) => {
            if let Ok(server) = TcpStream::connect(address).await {
                both_ways(client.into_split(), server.into_split(), way).await;
            }
        }
    }
}

/// Until either side ends, or the connection is cut.
async fn both_ways<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    client: (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
    server: (R, W),
    way: watch::Receiver<Way>,
) {
    // Seen even where the way was cut and opened again before we came to look.
    let mut cuts = way.clone();
    let cut = async { while cuts.changed().await.is_ok() && cuts.borrow_and_update().flow != Flow::Cut {} };
    tokio::select! {
        () = pass(client.0, server.1, way.clone(), &[Flow::Open, Flow::OneWay]) => {}
        () = pass(server.0, client.1, way, &[Flow::Open]) => {}
        () = cut => {}
    }
}

/// Passes on what comes while the flow is one of these; ends where it is another, but waits while it is stalled.
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
