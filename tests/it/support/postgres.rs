//! Provides a PostgreSQL server for the tests: the one that `TEST_DATABASE_URL` names, else a temporary cluster. The
//! cluster is started from the installed binaries and removed when the test process ends, even if it is killed. The
//! benchmark uses it too.
//!
//! PostgreSQL is required: if it is missing, the test fails and says how to install it. It never skips.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use url::Url;
use uuid::Uuid;

pub(super) const HOW_TO_INSTALL: &str = "\
these tests need PostgreSQL 14 or newer with its contrib modules. Either install it
    Debian, Ubuntu:  apt-get install postgresql
    Fedora:          dnf install postgresql-server postgresql-contrib
    macOS:           brew install postgresql@17
(it needs not be running: the tests start a server of their own), or set TEST_DATABASE_URL to the URL of a server
and of a role that may create databases and the extension btree_gist.";

/// Creates and starts a cluster, prints `ready`, and waits until its input ends, which happens also if the test
/// process is killed. Then it stops the cluster and removes it. `$1` is the directory of the binaries, `$2` the
/// cluster's own, `$3` the server's settings.
const WATCHDOG: &str = r#"
trap '' PIPE INT
trap '"$1/pg_ctl" -D "$2/data" -m immediate stop >/dev/null 2>&1 || :; cd /; rm -rf "$2"' EXIT
set -e
"$1/initdb" -D "$2/data" -U postgres --auth=trust -E UTF8 --locale=C --no-sync >"$2/log" || { cat "$2/log" >&2; exit 1; }
"$1/pg_ctl" -D "$2/data" -w -l "$2/log" -o "-k '$2' -c listen_addresses='' $3" start >/dev/null || { cat "$2/log" >&2; exit 1; }
echo ready
cat >/dev/null
"#;

/// Allows many clients, and does not sync to disk: a test's data need not survive a crash.
const SETTINGS: &str =
    "-c max_connections=300 -c fsync=off -c synchronous_commit=off -c full_page_writes=off";

/// Returns the URL of a database of this name on the tests' server.
pub(crate) fn url_of(database: &str) -> String {
    static SERVER: OnceLock<Server> = OnceLock::new();
    let mut url = SERVER.get_or_init(Server::find_or_start).url.clone();
    url.set_path(database);
    url.into()
}

/// Returns the URL of the database that every server has from the start.
pub(crate) fn maintenance_url() -> String {
    match given() {
        Some(url) => url.into(),
        None => url_of("postgres"),
    }
}

fn given() -> Option<Url> {
    let given = std::env::var("TEST_DATABASE_URL").ok()?;
    Some(Url::parse(&given).expect("TEST_DATABASE_URL is a URL"))
}

/// A server that can be reached at `url` for as long as this value lives.
pub(crate) struct Server {
    /// Names the database that every server has from the start, and a superuser role.
    pub(crate) url: Url,
    /// Owns the watchdog's standard input, whose end stops the cluster.
    _watchdog: Option<Child>,
}

impl Server {
    fn find_or_start() -> Self {
        match given() {
            Some(url) => Self { url, _watchdog: None },
            None => Self::start(SETTINGS),
        }
    }

    /// Returns the URL of a database for a role.
    pub(crate) fn url_of(&self, role: &str, database: &str) -> String {
        let mut url = self.url.clone();
        url.set_username(role).unwrap();
        url.set_path(database);
        url.into()
    }

    /// Starts a temporary cluster with these settings, written as for `postgres`'s command line.
    pub(crate) fn start(settings: &str) -> Self {
        let binaries = binaries().expect(HOW_TO_INSTALL);
        // In /tmp, because the path of a socket may have no more than about 100 characters.
        let directory = PathBuf::from(format!("/tmp/holdfast-test-{}", Uuid::new_v4().simple()));
        std::fs::create_dir(&directory).unwrap();
        let mut watchdog = Command::new("sh");
        watchdog
            .args(["-c", WATCHDOG, "holdfast-test-postgres"])
            .args([&binaries, &directory])
            .arg(settings)
            .current_dir(&directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        if let Some((user, group)) = non_root_user() {
            watchdog.uid(user).gid(group);
            std::os::unix::fs::chown(&directory, Some(user), Some(group)).unwrap();
        }
        let mut watchdog = watchdog.spawn().unwrap();
        wait_until_ready(&mut watchdog);
        let url = format!("postgres://postgres@localhost/?host={}", directory.display());
        Self {
            url: Url::parse(&url).unwrap(),
            _watchdog: Some(watchdog),
        }
    }
}

fn wait_until_ready(watchdog: &mut Child) {
    let mut line = String::new();
    BufReader::new(watchdog.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    if line != "ready\n" {
        let mut fault = String::new();
        watchdog
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut fault)
            .unwrap();
        panic!("PostgreSQL does not start: {fault}\n{HOW_TO_INSTALL}");
    }
}

/// Returns the user and group to run PostgreSQL as, if this process is root: PostgreSQL refuses to run as root.
pub(super) fn non_root_user() -> Option<(u32, u32)> {
    let id = |arguments: &[&str]| -> Option<u32> { answer("id", arguments)?.parse().ok() };
    if id(&["-u"])? != 0 {
        return None;
    }
    let as_user = |user| Some((id(&["-u", user])?, id(&["-g", user])?));
    let user = as_user("postgres").or_else(|| as_user("nobody"));
    Some(user.expect("running as root, and there is neither a user postgres nor nobody to run PostgreSQL as"))
}

fn answer(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// Returns the directory of `initdb` and `pg_ctl`.
pub(crate) fn binaries() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<PathBuf> = std::env::split_paths(&path).collect();
    places.extend(answer("pg_config", &["--bindir"]).map(PathBuf::from));
    for (parent, prefix) in [
        ("/usr/lib/postgresql", ""),
        ("/usr", "pgsql-"),
        ("/opt/homebrew/opt", "postgresql"),
        ("/usr/local/opt", "postgresql"),
        ("/Applications/Postgres.app/Contents/Versions", ""),
    ] {
        places.extend(installations(parent, prefix));
    }
    let complete = |place: &PathBuf| ["initdb", "pg_ctl"].iter().all(|name| place.join(name).is_file());
    places.into_iter().find(complete)
}

/// Returns the `bin` directories of the versions under `parent`, the newest first.
fn installations(parent: &str, prefix: &str) -> Vec<PathBuf> {
    let mut names: Vec<_> = std::fs::read_dir(parent)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with(prefix))
        .collect();
    names.sort();
    names
        .iter()
        .rev()
        .map(|name| Path::new(parent).join(name).join("bin"))
        .collect()
}
