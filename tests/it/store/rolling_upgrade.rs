//! Runs the version before and this version on one database, as an upgrade without a stop does. The version before is a
//! program of its own: `test.sh` builds it from the commit that `version_before` names.

use std::path::PathBuf;
use std::sync::Arc;

use chrono::Duration;
use holdfast::clock::SystemClock;
use holdfast::domain::time::Clock as _;
use holdfast::sandbox::{PaymentOutcome, Simulator};
use reqwest::Method;
use serde_json::json;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::support::app::{
    ApiResponse, Client, ManualClock, assert_audit_is_clean, order, serve_simulator, variables,
};
use crate::support::catalogue_fixtures::{offer, put_closure, set_feed};
use crate::support::database::{Engine, TestDatabase};
use crate::support::feed_server::{Feed, PRIVATE, busy};
use crate::support::on_both_engines;
use crate::support::process::{Process, complete, complete_program};
use crate::support::wait_for::eventually;

const COMMIT: &str = include_str!("version_before");

fn version_before() -> PathBuf {
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let program = target
        .with_file_name("version-before")
        .join(COMMIT.trim())
        .join("holdfast");
    assert!(
        program.exists(),
        "{} is missing: run ./test.sh, which builds it",
        program.display()
    );
    program
}

/// The version of a program that runs.
#[derive(Clone, Copy)]
enum Version {
    Before,
    This,
}

/// A database that the version before made, and one simulated Stripe for all processes.
struct Shop {
    database: TestDatabase,
    directory: TempDir,
    clock: Arc<ManualClock>,
    simulator: Simulator,
    stripe: String,
    stop: CancellationToken,
}

impl Shop {
    async fn open(engine: Engine) -> Self {
        let clock = ManualClock::starting_at("2026-11-20T08:00:00Z");
        clock.catch_up();
        let stop = CancellationToken::new();
        let (simulator, stripe) = serve_simulator(&clock, &stop).await;
        let shop = Self {
            database: TestDatabase::without_schema(engine).await,
            directory: TempDir::new().unwrap(),
            clock,
            simulator,
            stripe,
            stop,
        };
        let variables = variables(shop.database.url(), &shop.stripe);
        let done = complete_program(version_before(), shop.directory.path(), &["migrate"], &variables).await;
        assert_eq!(done.code, Some(0), "{done:?}");
        shop
    }

    async fn serve(&self, version: Version) -> (Process, Client) {
        self.clock.catch_up();
        let mut variables = variables(self.database.url(), &self.stripe);
        variables.extend(PRIVATE);
        let directory = self.directory.path();
        let mut process = match version {
            Version::Before => Process::start_program(version_before(), directory, &["serve"], &variables),
            Version::This => Process::start(directory, &["serve"], &variables),
        };
        let client = Client::of(process.address("serving on http://").await);
        (process, client)
    }

    /// Pays the hold at Stripe, whose events go to this instance.
    async fn pay(&self, hold: &ApiResponse, at: &Client) {
        self.clock.catch_up();
        self.simulator.set_webhook_url(at.url("/webhooks/stripe"));
        self.simulator
            .pay(hold.text("checkout_session"), PaymentOutcome::Paid)
            .unwrap();
        for delivery in self.simulator.deliver_all().await {
            assert!(delivery.accepted(), "{delivery:?}");
        }
    }

    /// Books the slot of this hour at this instance.
    async fn book(&self, at: &Client, hour: u8) -> ApiResponse {
        self.clock.catch_up();
        at.checkout(&order("call", &slot(hour))).await
    }

    /// Fails if an invariant is broken.
    fn close(self) {
        assert_audit_is_clean(&self.database, &self.simulator);
        self.stop.cancel();
    }
}

fn slot(hour: u8) -> String {
    slot_after(7, hour)
}

fn slot_after(days: i64, hour: u8) -> String {
    let day = SystemClock.now() + Duration::days(days);
    format!("{}T{hour:02}:00:00Z", day.format("%Y-%m-%d"))
}

/// Sets Ana's feed anew, and waits until it is read. This version shows the last reading until then.
async fn read_feed(at: &Client, feed: &Feed) {
    let read_at = async || {
        let shown = at.admin(Method::GET, "/v1/admin/resources/ana", None).await;
        shown.expect(200).body["calendar"]["read_at"].clone()
    };
    let earlier = read_at().await;
    set_feed(at, "ana", Some(&feed.url)).await.expect(200);
    eventually("the feed is read", async || {
        let last = read_at().await;
        (last.is_string() && last != earlier).then_some(())
    })
    .await;
}

async fn calendar_url(at: &Client) -> String {
    let shown = at
        .admin(Method::GET, "/v1/admin/resources/ana", None)
        .await
        .expect(200);
    shown.text("calendar_url").to_owned()
}

async fn terminate(mut process: Process) {
    process.terminate().await;
    assert!(process.ends().await.success(), "{}", process.output());
}

/// Both versions sell, confirm and cancel each other's holds while the new schema is in place.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_versions_serve_one_postgres_database() {
    let shop = Shop::open(Engine::Postgres).await;
    let (before, old) = shop.serve(Version::Before).await;
    offer(&old, "call", "ana", 30, 5000).await;
    // The version before has used its connections, with the plans that it keeps, before the schema changes.
    let first = shop.book(&old, 9).await.expect(201);
    let paid_before = shop.book(&old, 10).await.expect(201);
    shop.pay(&paid_before, &old).await;
    let (this, new) = shop.serve(Version::This).await;
    old.get("/readyz").await.expect(200);
    let second = shop.book(&old, 11).await.expect(201);
    let third = shop.book(&new, 12).await.expect(201);
    for (client, hour) in [(&old, 12), (&new, 9), (&new, 10), (&new, 11)] {
        shop.book(client, hour).await.expect_problem(409, "slot_taken");
    }
    shop.pay(&first, &new).await;
    shop.pay(&third, &old).await;
    new.cancel(&second).await.expect(200);
    for client in [&old, &new] {
        for (hold, state) in [
            (&first, "confirmed"),
            (&paid_before, "confirmed"),
            (&second, "released/guest"),
            (&third, "confirmed"),
        ] {
            assert_eq!(client.state(hold.text("id")).await, state);
        }
    }
    // Each accepts the tokens and calendar addresses that the other gives out.
    let again = shop.book(&old, 11).await.expect(201);
    new.cancel(&again).await.expect(200);
    let again = shop.book(&new, 11).await.expect(201);
    old.cancel(&again).await.expect(200);
    let url = calendar_url(&old).await;
    assert_eq!(calendar_url(&new).await, url);
    for client in [&old, &new] {
        client.get(&url).await.expect(200);
    }
    terminate(before).await;
    terminate(this).await;
    shop.close();
}

/// The version before counts a refund beside the new one. Stripe's list takes the counter's place.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counter_of_the_version_before_is_read_again() {
    let shop = Shop::open(Engine::Postgres).await;
    let (before, old) = shop.serve(Version::Before).await;
    offer(&old, "call", "ana", 30, 5000).await;
    let (this, _new) = shop.serve(Version::This).await;
    let hold = shop.book(&old, 9).await.expect(201);
    shop.pay(&hold, &old).await;
    let cancel = format!("/v1/admin/holds/{}/cancel", hold.text("id"));
    let part = Some(json!({"refund": 2000}));
    old.admin(Method::POST, &cancel, part).await.expect(200);
    eventually("the version before has counted the refund", async || {
        let shown = old.admin_hold(hold.text("id")).await;
        (shown["payments"][0]["refunded"] == 2000).then_some(())
    })
    .await;
    // An instance of the new version that is started does the same by itself.
    terminate(this).await;
    let variables = variables(shop.database.url(), &shop.stripe);
    let done = complete(shop.directory.path(), &["reconcile"], &variables).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    let rows = "SELECT status || ' ' || amount FROM refunds";
    assert_eq!(shop.database.texts(rows).await, ["succeeded 2000"], "{done:?}");
    for delivery in shop.simulator.deliver_all().await {
        assert!(delivery.accepted(), "{delivery:?}");
    }
    terminate(before).await;
    shop.close();
}

/// The new version takes over a file, and the version before goes on with it afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_versions_serve_one_sqlite_file_in_turn() {
    let shop = Shop::open(Engine::Sqlite).await;
    let (process, old) = shop.serve(Version::Before).await;
    offer(&old, "call", "ana", 30, 5000).await;
    let first = shop.book(&old, 9).await.expect(201);
    terminate(process).await;
    let (process, new) = shop.serve(Version::This).await;
    shop.pay(&first, &new).await;
    shop.book(&new, 9).await.expect_problem(409, "slot_taken");
    let second = shop.book(&new, 10).await.expect(201);
    terminate(process).await;
    let (process, old) = shop.serve(Version::Before).await;
    shop.pay(&second, &old).await;
    for hold in [&first, &second] {
        assert_eq!(old.state(hold.text("id")).await, "confirmed");
    }
    let third = shop.book(&old, 11).await.expect(201);
    old.cancel(&third).await.expect(200);
    terminate(process).await;
    shop.close();
}

on_both_engines! {
    /// A closure is blocks to the version before, also of a resource that it makes on the spot.
    async fn version_before_honours_closures(engine) {
        let shop = Shop::open(engine).await;
        let (process, new) = shop.serve(Version::This).await;
        offer(&new, "call", "ana", 30, 5000).await;
        let day = slot(0)[..10].to_owned();
        put_closure(&new, "holiday", json!({"from": day, "to": day})).await.expect(201);
        terminate(process).await;
        let (process, old) = shop.serve(Version::Before).await;
        offer(&old, "bens-call", "ben", 30, 5000).await;
        shop.clock.catch_up();
        for event_type in ["call", "bens-call"] {
            old.checkout(&order(event_type, &slot(9))).await.expect_problem(409, "slot_taken");
            old.checkout(&order(event_type, &slot_after(8, 9))).await.expect(201);
        }
        terminate(process).await;
        shop.close();
    }

    /// Each version reads a feed that the other has read. What a start far ahead is depends on the last one: the version
    /// before reads 366 days only.
    async fn both_versions_read_one_feed_in_turn(engine) {
        let shop = Shop::open(engine).await;
        let in_form = |at: &str| at.replace(['-', ':'], "");
        let feed = Feed::of(busy(&in_form(&slot_after(500, 10)), &in_form(&slot_after(500, 11)))).await;
        let (process, old) = shop.serve(Version::Before).await;
        offer(&old, "call", "ana", 30, 5000).await;
        read_feed(&old, &feed).await;
        terminate(process).await;
        let (process, new) = shop.serve(Version::This).await;
        let book = async |hour: u8| new.checkout(&order("call", &slot_after(500, hour))).await;
        book(9).await.expect_problem(409, "slot_taken");
        read_feed(&new, &feed).await;
        book(10).await.expect_problem(409, "slot_taken");
        book(9).await.expect(201);
        terminate(process).await;
        let (process, old) = shop.serve(Version::Before).await;
        read_feed(&old, &feed).await;
        terminate(process).await;
        let (process, new) = shop.serve(Version::This).await;
        for hour in [8, 10] {
            let order = order("call", &slot_after(500, hour));
            new.checkout(&order).await.expect_problem(409, "slot_taken");
        }
        terminate(process).await;
        shop.close();
    }
}
