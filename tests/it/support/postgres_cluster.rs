//! Runs a PostgreSQL cluster for one test, which may stop it, start it, copy it to a standby, and fail over to the
//! standby. It is removed when the test process ends, even if it is killed.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::postgres::{HOW_TO_INSTALL, binaries, non_root_user};
use super::wait_for::eventually;

/// Creates a cluster, then executes its input line by line and prints `done` after each line; removes all of it when
/// the input ends. `$1` is the directory of the binaries, `$2` the cluster's own.
const KEEPER: &str = r#"
trap '' PIPE INT
# One of the two is usually stopped already, and its error must not keep the other running.
trap 'for c in primary standby; do "$1/pg_ctl" -D "$2/$c" -m immediate stop || :; done >/dev/null 2>&1; cd /; rm -rf "$2"' EXIT
set -e
run() { "$1/pg_ctl" -D "$2/$3" -w -l "$2/log" -o "-k '$2' -p $4 -c listen_addresses='' -c fsync=off" start >/dev/null; }
"$1/initdb" -D "$2/primary" -U postgres --auth=trust -E UTF8 --locale=C --no-sync >"$2/log"
run "$1" "$2" primary 5432
echo done
while read -r order; do
    case $order in
        stop) "$1/pg_ctl" -D "$2/primary" -m immediate stop >/dev/null ;;
        start) run "$1" "$2" primary 5432 ;;
        # A fast stop waits until the standby has received everything.
        yield) "$1/pg_ctl" -D "$2/primary" -w -m fast stop >/dev/null ;;
        copy)
            cp -R "$2/primary" "$2/standby"
            chmod 700 "$2/standby"
            rm -f "$2/standby/postmaster.pid"
            touch "$2/standby/standby.signal"
            echo "primary_conninfo = 'host=$2 user=postgres'" >>"$2/standby/postgresql.auto.conf" ;;
        follow) run "$1" "$2" standby 5433 ;;
        promote) "$1/pg_ctl" -D "$2/standby" -w promote >/dev/null ;;
    esac
    echo done
done
"#;

/// A primary, and a standby after it is copied.
pub(crate) struct Cluster {
    directory: PathBuf,
    keeper: Child,
    answers: BufReader<ChildStdout>,
}

impl Cluster {
    pub(crate) async fn start() -> Self {
        let binaries = binaries().expect(HOW_TO_INSTALL);
        // In /tmp, because the path of a socket may have no more than about 100 characters.
        let directory = PathBuf::from(format!("/tmp/holdfast-test-{}", Uuid::new_v4().simple()));
        std::fs::create_dir(&directory).unwrap();
        let mut keeper = Command::new("sh");
        keeper
            .args(["-c", KEEPER, "holdfast-test-cluster"])
            .args([&binaries, &directory])
            .current_dir(&directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0);
        if let Some((user, group)) = non_root_user() {
            keeper.uid(user).gid(group);
            std::os::unix::fs::chown(&directory, Some(user), Some(group)).unwrap();
        }
        let mut keeper = keeper.spawn().unwrap();
        let answers = BufReader::new(keeper.stdout.take().unwrap());
        let mut cluster = Self {
            directory,
            keeper,
            answers,
        };
        cluster.is_done("the start");
        let mut server = PgConnection::connect(&cluster.url_of("postgres")).await.unwrap();
        sqlx::query("CREATE DATABASE holdfast")
            .execute(&mut server)
            .await
            .unwrap();
        cluster
    }

    /// Returns the URL of the database on the primary.
    pub(crate) fn url(&self) -> String {
        self.url_of("holdfast")
    }

    fn url_of(&self, database: &str) -> String {
        let directory = self.directory.display();
        format!("postgres://postgres@localhost/{database}?host={directory}")
    }

    /// Returns the URL of the database on the standby.
    pub(crate) fn standby_url(&self) -> String {
        format!("{}&port=5433", self.url())
    }

    /// Stops the primary at once, as a crash does.
    pub(crate) fn stop(&mut self) {
        self.order("stop");
    }

    /// Starts the primary again, with a standby that was copied while it was stopped.
    pub(crate) async fn start_again_with_a_standby(&mut self) {
        self.order("copy");
        self.order("start");
        self.order("follow");
        eventually("the standby follows", async || {
            let mut primary = PgConnection::connect(&self.url_of("postgres")).await.unwrap();
            let followers = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'";
            let followers: i64 = sqlx::query_scalar(followers)
                .fetch_one(&mut primary)
                .await
                .unwrap();
            (followers == 1).then_some(())
        })
        .await;
    }

    /// Stops the primary and promotes the standby.
    pub(crate) fn fail_over(&mut self) {
        self.order("yield");
        self.order("promote");
    }

    fn order(&mut self, order: &str) {
        writeln!(self.keeper.stdin.as_mut().unwrap(), "{order}").unwrap();
        self.is_done(order);
    }

    fn is_done(&mut self, what: &str) {
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        assert_eq!(answer, "done\n", "PostgreSQL does not do this: {what}");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ended = self.keeper.wait();
    }
}
