//! Tests of blocks, times when a resource is busy for other reasons. A block admits no new hold. It keeps and lists
//! the live holds inside it, also if a checkout and a block race.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use holdfast::sandbox::{Faults, PaymentOutcome};
use rand::Rng;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use crate::support::app::{ApiResponse, TestApp, order, order_by};
use crate::support::booking_actions::COUNT_LOCK_WAITERS;
use crate::support::catalogue_fixtures::{block, put_event_type, put_resource, unblock};
use crate::support::database::Engine;
use crate::support::database_lock::Lock;
use crate::support::on_both_engines;
use crate::support::race::{RaceRequest, send_simultaneously, tally};
use crate::support::wait_for::eventually;

const SLOT: &str = "2026-12-01T10:00:00Z";

fn conflict(hold: &ApiResponse, status: &str) -> Value {
    json!({"id": hold.text("id"), "status": status, "starts_at": hold.text("starts_at"), "ends_at": hold.text("ends_at")})
}

on_both_engines! {
    async fn block_takes_all_units_and_keeps_live_holds(engine) {
        let app = TestApp::start(engine).await;
        put_resource(&app, "ana", 2).await;
        let (held, paid) = (app.hold_slot("call", SLOT).await, app.hold_slot("call", "2026-12-01T10:15:00Z").await);
        app.pay(&paid, PaymentOutcome::Paid);
        app.deliver_all().await;
        let other = app.hold_slot("call", "2026-12-01T12:00:00Z").await;
        let put = block(&app, "ana", "dentist", SLOT, "2026-12-01T11:00:00Z").await.expect(201);
        assert_eq!(put.body, json!({"id": "dentist", "resource": "ana", "starts_at": SLOT,
            "ends_at": "2026-12-01T11:00:00Z", "note": "",
            "conflicts": [conflict(&held, "held"), conflict(&paid, "confirmed")]}));
        for blocked in ["2026-12-01T09:31:00Z", "2026-12-01T10:30:00Z", "2026-12-01T10:59:00Z"] {
            let refused = app.checkout(&order("call", blocked)).await.expect_problem(409, "slot_taken");
            assert_eq!(refused.body["alternatives"].as_array().unwrap().len(), 5);
        }
        for beside in ["2026-12-01T09:30:00Z", "2026-12-01T11:00:00Z"] {
            app.checkout(&order("call", beside)).await.expect(201);
        }
        app.pay(&held, PaymentOutcome::Paid);
        app.deliver_all().await;
        for hold in [&held, &paid] {
            assert_eq!(app.state_of(hold).await, "confirmed");
        }
        assert_eq!(app.state_of(&other).await, "held");
        // The same id with another time replaces the block, so the first time is free again.
        let put = block(&app, "ana", "dentist", "2026-12-02T10:00:00Z", "2026-12-02T11:00:00Z").await.expect(200);
        assert_eq!(put.body["conflicts"], json!([]));
        app.checkout(&order("call", "2026-12-01T10:30:00Z")).await.expect(201);
        app.checkout(&order("call", "2026-12-02T10:30:00Z")).await.expect_problem(409, "slot_taken");
        unblock(&app, "ana", "dentist").await.expect(204);
        app.checkout(&order("call", "2026-12-02T10:30:00Z")).await.expect(201);
        unblock(&app, "ana", "dentist").await.expect_problem(404, "not_found");
        block(&app, "nobody", "dentist", SLOT, "2026-12-01T11:00:00Z").await.expect_problem(422, "invalid");
        block(&app, "ana", "dentist", SLOT, SLOT).await.expect_problem(422, "invalid");
        block(&app, "ana", "Den_tist", SLOT, "2026-12-01T11:00:00Z").await.expect_problem(422, "invalid");
    }

    async fn hold_moves_out_of_a_block_but_not_into_one(engine) {
        let app = TestApp::start(engine).await;
        let members = json!({"resource": "ana", "duration_minutes": 60, "guest_move_until_minutes": 60});
        put_event_type(&app, "visit", members).await.expect(201);
        let hold = app.hold_slot("visit", SLOT).await;
        block(&app, "ana", "dentist", SLOT, "2026-12-01T12:00:00Z").await.expect(201);
        app.move_to(&hold, "2026-12-01T11:00:00Z").await.expect_problem(409, "slot_taken");
        assert_eq!(app.hold(hold.text("id")).await["starts_at"], SLOT);
        app.move_to(&hold, "2026-12-01T09:00:00Z").await.expect(200);
        app.checkout(&order("visit", SLOT)).await.expect_problem(409, "slot_taken");
    }
}

/// Returns a half-hour start; different rounds use different days, so their blocks do not meet.
fn half_hour(round: i64, number: i64) -> String {
    let at = SLOT.parse::<DateTime<Utc>>().unwrap();
    let at = at + Duration::days(round) + Duration::minutes(30 * number);
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Once the block's response is sent, no new hold starts inside it, and each earlier hold is among its conflicts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn block_lists_every_hold_that_won_the_race() {
    let seed = rand::rng().random();
    eprintln!("seed {seed}");
    let app = TestApp::start(Engine::Postgres).await;
    let other = app.another_instance().await;
    app.simulator.set_faults(Faults {
        jitter_ms: 300,
        seed: Some(seed),
        ..Faults::default()
    });
    let mut refused = 0;
    for round in 0..8 {
        let requests = (0..24).map(|n| {
            let at = if n % 2 == 0 { app.address } else { other.address };
            let guest = format!("guest-{round}-{n}@example.com");
            RaceRequest::new(at, order_by(&guest, "call", &half_hour(round, n)))
        });
        let (from, to) = (half_hour(round, 0), half_hour(round, 24));
        let inside = format!("SELECT count(*) FROM occupancy WHERE during && tstzrange('{from}', '{to}')");
        let name = format!("round-{round}");
        let blocking = async {
            let enough = async || (app.database.count(&inside).await > round).then_some(());
            eventually("some checkouts are placed", enough).await;
            block(&other, "ana", &name, &from, &to).await.expect(201)
        };
        let (responses, blocked) = tokio::join!(send_simultaneously(requests.collect()), blocking);
        let counted = tally(&responses);
        assert_eq!(counted.won + counted.taken, 24, "{:?}", counted.other);
        refused += counted.taken;
        let won = responses.iter().filter(|response| response.status == 201);
        let won: BTreeSet<_> = won
            .map(|response| response.body["id"].as_str().unwrap())
            .collect();
        let conflicts = blocked.body["conflicts"].as_array().unwrap().iter();
        let conflicts: BTreeSet<_> = conflicts.map(|one| one["id"].as_str().unwrap()).collect();
        assert_eq!(won, conflicts, "round {round}");
        assert_eq!(app.database.count(&inside).await, won.len() as i64);
    }
    assert!(refused > 0, "no checkout was refused by a block");
}

/// The narrowest race: a checkout whose statement began before the block existed and ends after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn block_waits_for_checkout_that_started_before_it() {
    let app = TestApp::start(Engine::Postgres).await;
    let other = app.another_instance().await;
    let waits = async |count: i64| {
        let waiting = async || (app.database.count(COUNT_LOCK_WAITERS).await >= count).then_some(());
        eventually("the checkout and the block wait for a lock", waiting).await;
    };
    // The checkout's statement stops after it has taken its window.
    let placing = Lock::on_placing(&app.database, "%").await;
    let body = order("call", SLOT);
    let blocking = async {
        waits(1).await;
        block(&other, "ana", "dentist", SLOT, "2026-12-01T11:00:00Z")
            .await
            .expect(201)
    };
    let releasing = async {
        waits(2).await;
        placing.release_lock().await;
    };
    let (hold, blocked, ()) = tokio::join!(app.checkout(&body), blocking, releasing);
    let hold = hold.expect(201);
    assert_eq!(blocked.body["conflicts"], json!([conflict(&hold, "held")]));
    app.checkout(&order("call", "2026-12-01T10:30:00Z"))
        .await
        .expect_problem(409, "slot_taken");
}

/// A checkout of another resource is under way. The block does not wait for it, and it does not wait for the block.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn block_and_checkouts_of_others_do_not_wait() {
    let app = TestApp::start(Engine::Postgres).await;
    app.offer("bens-call", "ben", 30, 5000).await;
    let waits = async |count: i64| {
        let waiting = async || (app.database.count(COUNT_LOCK_WAITERS).await == count).then_some(());
        eventually("connections wait for a lock", waiting).await;
    };
    let placing = Lock::on_placing(&app.database, "slow%").await;
    let slow = order_by("slow@example.com", "bens-call", SLOT);
    let meanwhile = async {
        waits(1).await;
        let end = "2026-12-01T11:00:00Z";
        // Nobody is about to book Ana.
        block(&app, "ana", "dentist", SLOT, end).await.expect(201);
        // Ben's block waits for the checkout of Ben, and keeps nobody else from Ana.
        let blocking = block(&app, "ben", "dentist", SLOT, end);
        let others = async {
            waits(2).await;
            app.checkout(&order("call", end)).await.expect(201);
            placing.release_lock().await;
        };
        tokio::join!(blocking, others).0.expect(201)
    };
    let (hold, blocked) = tokio::join!(app.checkout(&slow), meanwhile);
    assert_eq!(
        blocked.body["conflicts"],
        json!([conflict(&hold.expect(201), "held")])
    );
}

/// The block is committed after a checkout's statement began, and before the checkout takes its slot.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checkout_sees_a_block_that_its_statement_missed() {
    let app = TestApp::start(Engine::Postgres).await;
    let other = app.another_instance().await;
    // Sorts before the trigger that looks for blocks, so that the statement stops there.
    for statement in [
        "CREATE FUNCTION stop_before() RETURNS trigger LANGUAGE plpgsql AS
         'BEGIN PERFORM pg_advisory_xact_lock_shared(4712); RETURN NEW; END'",
        "CREATE TRIGGER a_stop_before BEFORE INSERT ON occupancy FOR EACH ROW EXECUTE FUNCTION stop_before()",
    ] {
        app.database.execute(statement).await;
    }
    let mut stop = PgConnection::connect(app.database.url()).await.unwrap();
    let lock = sqlx::query("SELECT pg_advisory_lock(4712)");
    lock.execute(&mut stop).await.unwrap();
    let meanwhile = async {
        let waiting = async || (app.database.count(COUNT_LOCK_WAITERS).await == 1).then_some(());
        eventually("the checkout waits", waiting).await;
        let put = block(&other, "ana", "dentist", SLOT, "2026-12-01T11:00:00Z").await;
        stop.close().await.unwrap();
        put.expect(201)
    };
    let body = order("call", SLOT);
    let (refused, put) = tokio::join!(app.checkout(&body), meanwhile);
    refused.expect_problem(409, "slot_taken");
    assert_eq!(put.body["conflicts"], json!([]));
}
