//! A TCP proxy before the PostgreSQL server, that can be cut, stalled, mended and led
//! elsewhere: the database is away, and comes back.

use std::path::PathBuf;

use sqlx::postgres::PgConnectOptions;
use tokio::io::{AsyncRead, AsyncWrite};
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
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// What is said goes no further, and nothing is answered.
    Stalled,
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

impl Proxy {
    /// A proxy to the database at this URL.
    pub(crate) async fn to(url: &str) -> Self {
        let server = Server::at(url);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut through = Url::parse(url).unwrap();
        through.set_query(None);
        through.set_host(Some("127.0.0.1")).unwrap();
        through
            .set_port(Some(listener.local_addr().unwrap().port()))
            .unwrap();
        let (way, state) = watch::channel(Way {
            server,
            state: State::Open,
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
        self.way.send_modify(|way| way.state = State::Cut);
    }

    /// Keeps all connections and carries nothing, as a network does that loses every packet.
    pub(crate) fn stall(&self) {
        self.way.send_modify(|way| way.state = State::Stalled);
    }

    /// Carries again, and takes new connections.
    pub(crate) fn mend(&self) {
        self.way.send_modify(|way| way.state = State::Open);
    }

    /// Leads to another server from now on.
    pub(crate) fn lead_to(&self, url: &str) {
        self.cut();
        self.way.send_modify(|way| {
            *way = Way {
                server: Server::at(url),
                state: State::Open,
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
        if now.state != State::Cut {
            tokio::spawn(carry(client, now.server, way.clone()));
        }
    }
}

async fn carry(mut client: TcpStream, server: Server, mut way: watch::Receiver<Way>) {
    // A server that is down shows as a connection that is closed at once.
    match server {
        Server::Socket(path) => {
            if let Ok(mut server) = UnixStream::connect(path).await {
                while_open(&mut client, &mut server, &mut way).await;
            }
        }
        Server::Address(address) => {
            if let Ok(mut server) = TcpStream::connect(address).await {
                while_open(&mut client, &mut server, &mut way).await;
            }
        }
    }
}

/// Carries both ways until one of the ends or the test ends it.
async fn while_open(
    client: &mut TcpStream,
    server: &mut (impl AsyncRead + AsyncWrite + Unpin),
    way: &mut watch::Receiver<Way>,
) {
    let mut both_ways = std::pin::pin!(tokio::io::copy_bidirectional(client, server));
    loop {
        let state = way.borrow_and_update().state;
        let ended = match state {
            State::Open => tokio::select! {
                _ = &mut both_ways => true,
                changed = way.changed() => changed.is_err(),
            },
            State::Stalled => way.changed().await.is_err(),
            State::Cut => true,
        };
        if ended {
            return;
        }
    }
}
