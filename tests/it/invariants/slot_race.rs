//! Tests that of many guests who want one slot exactly one gets it (I1), whatever their numbers, keys, addresses and
//! windows; and that Stripe creates few sessions, not one per guest.

use std::collections::HashSet;

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use holdfast::sandbox::{Faults, SessionStatus};

use crate::support::app::{Instance, TestApp, order, order_by};
use crate::support::database::Engine;
use crate::support::on_both_engines;
use crate::support::race::{RaceRequest, RaceResponse, send_simultaneously, tally};

const SLOT: &str = "2026-12-01T10:00:00Z";

/// Returns the start of the slot plus this duration.
fn slot_after(by: Duration) -> String {
    let at = SLOT.parse::<DateTime<Utc>>().unwrap() + by;
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// Builds the requests of different guests for this slot, spread over the instances.
fn build_requests(instances: &[&Instance], guests: usize, starts_at: &str) -> Vec<RaceRequest> {
    let request = |n: usize| {
        let body = order_by(&format!("guest-{n}@example.com"), "call", starts_at);
        RaceRequest::new(instances[n % instances.len()].address, body)
    };
    (0..guests).map(request).collect()
}

fn count_open_sessions(app: &TestApp) -> usize {
    let sessions = app.simulator.sessions();
    sessions
        .iter()
        .filter(|session| session.status == SessionStatus::Open)
        .count()
}

/// Checks that one request won and that all others got `slot_taken`.
#[track_caller]
fn assert_one_winner(responses: &[RaceResponse]) {
    let tally = tally(responses);
    assert_eq!(
        (tally.won, tally.taken),
        (1, responses.len() - 1),
        "{:?}",
        tally.other
    );
}

/// Adds latency that lets every guest read before anyone inserts.
fn slow_stripe() -> Faults {
    Faults {
        latency_ms: 1_500,
        ..Faults::default()
    }
}

on_both_engines! {
    async fn two_guests_who_both_read_before_insert_have_one_winner(engine) {
        let app = TestApp::start(engine).await;
        let other = app.another_instance().await;
        app.simulator.set_faults(slow_stripe());
        let responses = send_simultaneously(build_requests(&[&app.instance, &other], 2, SLOT)).await;
        assert_one_winner(&responses);
        assert_eq!(app.simulator.calls().create, 2, "both create a session before either takes the slot");
        assert_eq!(count_open_sessions(&app), 1, "the loser's session is expired before the loser's response");
    }

    async fn rush_on_one_slot_has_one_winner(engine) {
        let app = TestApp::start(engine).await;
        for (day, guests) in [20, 200, 1_000].into_iter().enumerate() {
            let before = app.simulator.calls();
            let slot = slot_after(Duration::days(i64::try_from(day).unwrap()));
            let responses = send_simultaneously(build_requests(&[&app.instance], guests, &slot)).await;
            assert_one_winner(&responses);
            let asked = app.simulator.calls().create - before.create;
            eprintln!("{engine:?}: {guests} guests, {asked} session(s) asked for");
            assert_eq!(asked, 1);
        }
    }

    async fn two_hundred_slots_have_one_winner_each(engine) {
        let app = TestApp::start(engine).await;
        let slot = |n: usize| slot_after(Duration::minutes(30 * i64::try_from(n).unwrap()));
        let requests = (0..1_000).map(|n| {
            let body = order_by(&format!("guest-{n}@example.com"), "call", &slot(n % 200));
            RaceRequest::new(app.address, body)
        });
        let responses = send_simultaneously(requests.collect()).await;
        let counted = tally(&responses);
        assert_eq!((counted.won, counted.taken), (200, 800), "{:?}", counted.other);
        let sold = responses.iter().filter(|response| response.status == 201);
        let starts: HashSet<_> = sold.map(|response| response.body["starts_at"].as_str().unwrap()).collect();
        assert_eq!(starts.len(), 200);
        assert_eq!(app.simulator.calls().create, 200);
    }

    async fn different_keys_and_start_formats_have_one_winner(engine) {
        let app = TestApp::start(engine).await;
        let requests = (0..60).map(|n| RaceRequest {
            key: Some(format!("key-{n}")),
            ..RaceRequest::new(
                app.address,
                order_by(&format!("guest-{n}@example.com"), "call", &slot_after(Duration::seconds(n))),
            )
        });
        assert_one_winner(&send_simultaneously(requests.collect()).await);
        assert_eq!(count_open_sessions(&app), 1);
        let a_millisecond_later = slot_after(Duration::milliseconds(1));
        app.checkout(&order("call", &a_millisecond_later)).await.expect_problem(422, "invalid");
    }

    async fn other_email_does_not_get_taken_slot(engine) {
        let app = TestApp::start(engine).await;
        app.hold_slot("call", SLOT).await;
        for email in ["ada@example.com", "ADA@example.com", "bob@example.com"] {
            app.checkout(&order_by(email, "call", SLOT)).await.expect_problem(409, "slot_taken");
        }
    }

    async fn event_types_of_one_host_may_touch_but_not_overlap(engine) {
        let app = TestApp::start(engine).await;
        app.hold_slot("call", SLOT).await;
        for overlapping in [-59, -31, 0, 29] {
            let start = slot_after(Duration::minutes(overlapping));
            app.checkout(&order("long-call", &start)).await.expect_problem(409, "slot_taken");
        }
        app.hold_slot("long-call", &slot_after(Duration::minutes(-60))).await;
        app.hold_slot("long-call", &slot_after(Duration::minutes(30))).await;
        app.offer("bens-call", "ben", 30, 5000).await;
        app.hold_slot("bens-call", SLOT).await;
    }

    async fn race_of_overlapping_windows_has_one_winner(engine) {
        let app = TestApp::start(engine).await;
        let other = app.another_instance().await;
        let requests = (0..40).map(|n| {
            let (kind, offset) = if n % 2 == 0 { ("call", 0) } else { ("long-call", -30) };
            let at = if n % 4 < 2 { app.address } else { other.address };
            RaceRequest::new(at, order_by(&format!("guest-{n}@example.com"), kind, &slot_after(Duration::minutes(offset))))
        });
        assert_one_winner(&send_simultaneously(requests.collect()).await);
        let asked = app.simulator.calls().create;
        assert!(asked <= 4, "one session per instance and window, not {asked}");
    }

    async fn stale_view_is_refused_and_released_slot_is_free(engine) {
        let app = TestApp::start(engine).await;
        let other = app.another_instance().await;
        let hold = app.hold_slot("call", SLOT).await;
        other.checkout(&order("call", SLOT)).await.expect_problem(409, "slot_taken");
        app.cancel(&hold).await.expect(200);
        other.checkout(&order("call", SLOT)).await.expect(201);
        app.checkout(&order("call", SLOT)).await.expect_problem(409, "slot_taken");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rush_at_two_instances_has_one_winner() {
    let app = TestApp::start(Engine::Postgres).await;
    let other = app.another_instance().await;
    let responses = send_simultaneously(build_requests(&[&app.instance, &other], 1_000, SLOT)).await;
    assert_one_winner(&responses);
    let asked = app.simulator.calls().create;
    eprintln!("two instances: 1,000 guests, {asked} session(s) asked for");
    assert!(asked <= 2, "at most one session per instance, not {asked}");
}

/// Mutation: without the constraint the same race has two winners, so the races above would detect it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mutation_without_constraint_has_two_winners_postgres() {
    let app = TestApp::start(Engine::Postgres).await;
    app.without_audit("the guard is removed on purpose");
    let other = app.another_instance().await;
    app.database
        .execute("ALTER TABLE occupancy DROP CONSTRAINT occupancy_one_buyer")
        .await;
    let race = send_simultaneously(build_requests(&[&app.instance, &other], 2, SLOT));
    let responses = app.place_concurrently(2, race).await;
    assert_eq!(tally(&responses).won, 2, "{responses:?}");
    let findings = app.audit();
    assert!(
        findings
            .iter()
            .any(|finding| finding.starts_with("one slot, two buyers")),
        "{findings:?}"
    );
}

/// Mutation: SQLite has the guard twice, in the insert statement and in triggers. Without the triggers, a row that
/// does not use that statement gets in, and the auditor finds it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mutation_without_triggers_admits_overlap_sqlite() {
    const AGAIN: &str = "INSERT INTO occupancy (hold_id, resource_id, starts_at, ends_at)
        SELECT hold_id, resource_id, starts_at + 60000, ends_at FROM occupancy";
    let app = TestApp::start(Engine::Sqlite).await;
    app.without_audit("the guard is removed on purpose");
    app.hold_slot("call", SLOT).await;
    let refusal = app.database.try_execute(AGAIN).await.unwrap_err();
    assert!(refusal.contains("occupancy_one_buyer"), "{refusal}");
    app.database
        .execute("DROP TRIGGER occupancy_one_buyer_insert")
        .await;
    assert_eq!(app.database.execute(AGAIN).await, 1);
    app.checkout(&order("call", SLOT))
        .await
        .expect_problem(409, "slot_taken");
    let findings = app.audit();
    assert!(
        findings
            .iter()
            .any(|finding| finding.starts_with("one slot, two buyers")),
        "{findings:?}"
    );
}
