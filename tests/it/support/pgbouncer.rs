//! Runs PgBouncer in front of a PostgreSQL server of its own. Both are removed when the test process ends, even if it is
//! killed.

use std::fmt::Write as _;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use sqlx::{Connection, PgConnection};
use url::Url;
use uuid::Uuid;

use super::postgres::{Server, non_root_user};
use super::wait_for::eventually;

const HOW_TO_INSTALL: &str =
    "these tests need PgBouncer: apt-get install pgbouncer, or brew install pgbouncer
(it needs not be running: the tests start their own)";

/// Runs PgBouncer until the input ends, which happens also if the test process is killed. `$1` is the program, `$2` its
/// directory.
const WATCHDOG: &str = r#"
trap '' PIPE INT
"$1" -q "$2/pgbouncer.ini" >"$2/log" 2>&1 &
pooler=$!
cat >/dev/null
kill "$pooler"
cd /
rm -rf "$2"
"#;

/// A pooler, and the server behind it.
pub(crate) struct PgBouncer {
    server: Server,
    directory: PathBuf,
    watchdog: Child,
}

impl PgBouncer {
    /// Starts a server with the database `holdfast`, and PgBouncer as it ships, with these settings besides.
    pub(crate) async fn start(settings: &str) -> Self {
        let server = Server::start("");
        let mut maintenance = PgConnection::connect(server.url.as_str()).await.unwrap();
        sqlx::query("CREATE DATABASE holdfast")
            .execute(&mut maintenance)
            .await
            .unwrap();
        maintenance.close().await.unwrap();
        let directory = PathBuf::from(format!("/tmp/holdfast-test-{}", Uuid::new_v4().simple()));
        std::fs::create_dir(&directory).unwrap();
        write_configuration(&directory, &server, settings);
        let watchdog = start_watchdog(&directory);
        let pooler = Self {
            server,
            directory,
            watchdog,
        };
        eventually("PgBouncer answers", async || {
            let mut connection = pooler.connect().await?;
            sqlx::raw_sql("SELECT 1").execute(&mut connection).await.ok()
        })
        .await;
        pooler
    }

    async fn connect(&self) -> Option<PgConnection> {
        let options = self.url().parse::<sqlx::postgres::PgConnectOptions>().unwrap();
        PgConnection::connect_with(&options.extra_float_digits(None))
            .await
            .ok()
    }

    /// Returns the URL of the database through the pooler.
    pub(crate) fn url(&self) -> String {
        let directory = self.directory.display();
        format!("postgres://postgres@localhost/holdfast?host={directory}&port=6432")
    }

    /// Returns the URL of the database on the server.
    pub(crate) fn server_url(&self) -> String {
        let mut url = self.server.url.clone();
        url.set_path("holdfast");
        url.into()
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        let _ended = self.watchdog.wait();
    }
}

fn write_configuration(directory: &Path, server: &Server, settings: &str) {
    let socket = socket_of(&server.url);
    let mut text = format!("[databases]\n* = host={socket}\n[pgbouncer]\n");
    let own = directory.display();
    write!(text, "listen_port = 6432\nunix_socket_dir = {own}\n").unwrap();
    write!(text, "auth_type = trust\nauth_file = {own}/users\n{settings}\n").unwrap();
    std::fs::write(directory.join("pgbouncer.ini"), text).unwrap();
    std::fs::write(directory.join("users"), "\"postgres\" \"\"\n").unwrap();
}

fn socket_of(url: &Url) -> String {
    let host = url.query_pairs().find(|(name, _)| name == "host");
    host.unwrap().1.into_owned()
}

fn start_watchdog(directory: &Path) -> Child {
    let mut watchdog = Command::new("sh");
    watchdog
        .args(["-c", WATCHDOG, "holdfast-test-pgbouncer"])
        .args([&program(), directory])
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0);
    // PgBouncer refuses to run as root.
    if let Some((user, group)) = non_root_user() {
        watchdog.uid(user).gid(group);
        for path in [
            directory,
            &directory.join("pgbouncer.ini"),
            &directory.join("users"),
        ] {
            std::os::unix::fs::chown(path, Some(user), Some(group)).unwrap();
        }
    }
    watchdog.spawn().unwrap()
}

/// Returns the path of the program. Debian installs it where only root's path has it.
fn program() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    let mut programs = places.map(|place| place.join("pgbouncer"));
    programs.find(|program| program.is_file()).expect(HOW_TO_INSTALL)
}
