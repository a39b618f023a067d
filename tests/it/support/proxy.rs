//! A TCP proxy before the PostgreSQL server, that can be cut and mended: the database is away, and comes back.

use std::path::PathBuf;

use sqlx::postgres::PgConnectOptions;
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use url::Url;

/// A way to the database that the test can cut.
pub(crate) struct Proxy {
    url: String,
    open: watch::Sender<bool>,
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
        let (open, state) = watch::channel(true);
        tokio::spawn(serve(listener, server, state));
        Self {
            url: through.into(),
            open,
        }
    }

    /// The database's URL through this proxy.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Ends all connections and takes no new ones.
    pub(crate) fn cut(&self) {
        self.open.send(false).unwrap();
    }

    /// Takes new connections again.
    pub(crate) fn mend(&self) {
        self.open.send(true).unwrap();
    }
}

/// Until the proxy is dropped.
async fn serve(listener: TcpListener, server: Server, mut state: watch::Receiver<bool>) {
    loop {
        let client = tokio::select! {
            accepted = listener.accept() => accepted.unwrap().0,
            changed = state.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return,
            },
        };
        if *state.borrow() {
            tokio::spawn(carry(client, server.clone(), state.clone()));
        }
    }
}

async fn carry(mut client: TcpStream, server: Server, mut state: watch::Receiver<bool>) {
    let both_ways = async {
        match server {
            Server::Socket(path) => {
                let mut server = UnixStream::connect(path).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            }
            Server::Address(address) => {
                let mut server = TcpStream::connect(address).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            }
        }
    };
    tokio::select! {
        () = both_ways => {}
        _ = state.wait_for(|open| !open) => {}
    }
}
