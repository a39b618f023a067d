//! A TCP proxy before the PostgreSQL server, that can be cut, stalled and mended: the database is away, or slow, or
//! does what it was told without anyone's hearing of it, and comes back.

use std::path::PathBuf;

use sqlx::postgres::PgConnectOptions;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use url::Url;

/// A way to the database that the test can cut.
pub(crate) struct Proxy {
    url: String,
    flow: watch::Sender<Flow>,
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

impl Proxy {
    /// A proxy to the database at this URL.
    pub(crate) async fn to(url: &str) -> Self {
        let options: PgConnectOptions = url.parse().unwrap();
        let server = match options.get_socket() {
            Some(directory) => Server::Socket(directory.join(format!(".s.PGSQL.{}", options.get_port()))),
            None => Server::Address(format!("{}:{}", options.get_host(), options.get_port())),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut through = Url::parse(url).unwrap();
        through.set_query(None);
        through.set_host(Some("127.0.0.1")).unwrap();
        through
            .set_port(Some(listener.local_addr().unwrap().port()))
            .unwrap();
        let (flow, state) = watch::channel(Flow::Open);
        tokio::spawn(serve(listener, server, state));
        Self {
            url: through.into(),
            flow,
        }
    }

    /// The database's URL through this proxy.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Ends all connections and takes no new ones.
    pub(crate) fn cut(&self) {
        self.flow.send(Flow::Cut).unwrap();
    }

    /// Keeps all connections, and lets nothing through.
    #[allow(dead_code, reason = "the weather of the storm")]
    pub(crate) fn stall(&self) {
        self.flow.send(Flow::Stalled).unwrap();
    }

    /// Lets the server hear, and ends each connection when it answers: what it did is not known.
    #[allow(dead_code, reason = "the weather of the storm")]
    pub(crate) fn lose_answers(&self) {
        self.flow.send(Flow::OneWay).unwrap();
    }

    /// All is well again.
    pub(crate) fn mend(&self) {
        self.flow.send(Flow::Open).unwrap();
    }
}

/// Until the proxy is dropped.
async fn serve(listener: TcpListener, server: Server, mut state: watch::Receiver<Flow>) {
    loop {
        let client = tokio::select! {
            accepted = listener.accept() => accepted.unwrap().0,
            changed = state.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return,
            },
        };
        if *state.borrow() != Flow::Cut {
            tokio::spawn(carry(client, server.clone(), state.clone()));
        }
    }
}

async fn carry(client: TcpStream, server: Server, state: watch::Receiver<Flow>) {
    match server {
        Server::Socket(path) => {
            let server = UnixStream::connect(path).await.unwrap().into_split();
            both_ways(client.into_split(), server, state).await;
        }
        Server::Address(address) => {
            let server = TcpStream::connect(address).await.unwrap().into_split();
            both_ways(client.into_split(), server, state).await;
        }
    }
}

/// Until either side ends, or the connection is cut.
async fn both_ways<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    client: (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
    server: (R, W),
    mut state: watch::Receiver<Flow>,
) {
    tokio::select! {
        () = pass(client.0, server.1, state.clone(), &[Flow::Open, Flow::OneWay]) => {}
        () = pass(server.0, client.1, state.clone(), &[Flow::Open]) => {}
        _ = state.wait_for(|flow| *flow == Flow::Cut) => {}
    }
}

/// Passes on what comes while the flow is one of these; ends where it is another, but waits while it is stalled.
async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut state: watch::Receiver<Flow>,
    open: &[Flow],
) {
    let mut chunk = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut chunk).await {
        let flow = state.wait_for(|flow| *flow != Flow::Stalled).await;
        let passes = flow.is_ok_and(|flow| open.contains(&*flow));
        if !passes || to.write_all(&chunk[..length]).await.is_err() {
            return;
        }
    }
}
