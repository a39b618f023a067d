//! Several hosts who can serve one event type: as many guests at one start as there are hosts, work that goes round, and
//! races that are lost for one host and won for the next inside the same request.

use std::collections::BTreeSet;

use chrono::Duration;
use holdfast::sandbox::Faults;
use serde_json::{Value, json};

use crate::support::app::{Instance, TestApp, order};
use crate::support::crowd::{Got, Wish, press_together, tally};
use crate::support::database::Engine;
use crate::support::on_both_engines;
use crate::support::shop::{after, wish_of};

const SLOT: &str = "2026-12-01T10:00:00Z";

fn hosts(many: usize) -> Vec<String> {
    (0..many).map(|n| format!("host-{n}")).collect()
}

/// A service with a 30-minute call that any of so many hosts can take.
async fn pool(engine: Engine, many: usize) -> TestApp {
    let app = TestApp::start(engine).await;
    app.sell(
        "pool",
        &json!({"segments": [{"offset_minutes": 0, "duration_minutes": 30, "any_of": hosts(many)}]}),
    )
    .await;
    app
}

fn crowd(instances: &[&Instance], guests: usize, more: &Value) -> Vec<Wish> {
    let wish = |n: usize| {
        Wish::new(
            instances[n % instances.len()].address,
            wish_of(n, "pool", SLOT, more),
        )
    };
    (0..guests).map(wish).collect()
}

/// Fails unless so many won, each with a host of their own, and the others were told that the slot is taken.
#[track_caller]
fn winners(got: &[Got], many: usize) {
    let counted = tally(got);
    assert_eq!(
        (counted.won, counted.taken),
        (many, got.len() - many),
        "{:?}",
        counted.other
    );
    let won = got.iter().filter(|got| got.status == 201);
    let hosts: BTreeSet<_> = won.map(|got| got.body["resource"].as_str().unwrap()).collect();
    assert_eq!(hosts.len(), many);
}

on_both_engines! {
    async fn s02_ten_hosts_serve_ten_guests_at_one_instant_and_not_an_eleventh(engine) {
        let app = pool(engine, 10).await;
        winners(&press_together(crowd(&[&app.instance], 10, &json!({}))).await, 10);
        assert_eq!(app.simulator.calls().create, 10);
        app.checkout(&order("pool", SLOT)).await.expect_problem(409, "slot_taken");
        app.hold_slot("pool", &after(SLOT, 30)).await;
    }

    async fn s02_eleven_at_once_for_ten_hosts_leave_one_without(engine) {
        let app = pool(engine, 10).await;
        for day in 0..5 {
            let slot = after(SLOT, day * 1440);
            let wishes = (0..11).map(|n| Wish::new(app.address, wish_of(n, "pool", &slot, &json!({}))));
            winners(&press_together(wishes.collect()).await, 10);
        }
    }

    async fn s02_two_hundred_guests_for_ten_hosts_cost_about_ten_sessions(engine) {
        let app = pool(engine, 10).await;
        winners(&press_together(crowd(&[&app.instance], 200, &json!({}))).await, 10);
        let asked = app.simulator.calls().create;
        eprintln!("{engine:?}: 200 guests for 10 hosts, {asked} session(s) asked for");
        assert!((10..=12).contains(&asked), "{asked}");
    }

    async fn s02_a_hundred_guests_for_ten_hosts_at_two_instances(engine) {
        let app = pool(engine, 10).await;
        let other = app.another_instance().await;
        winners(&press_together(crowd(&[&app.instance, &other], 100, &json!({}))).await, 10);
        let asked = app.simulator.calls().create;
        eprintln!("{engine:?}: two instances, 100 guests for 10 hosts, {asked} session(s) asked for");
        assert!((10..=22).contains(&asked), "{asked}");
    }

    async fn a_race_lost_for_one_host_is_won_for_the_next_inside_the_same_request(engine) {
        let app = pool(engine, 3).await;
        let other = app.another_instance().await;
        let slow = Faults { latency_ms: 1_500, ..Faults::default() };
        app.simulator.set_faults(slow);
        // Both look before either takes, so both go for the same host.
        winners(&press_together(crowd(&[&app.instance, &other], 2, &json!({}))).await, 2);
        assert_eq!(app.simulator.calls().create, 2, "who moves on does so with the session that they have");
    }

    async fn a_race_for_one_wanted_host_has_one_winner(engine) {
        let app = pool(engine, 3).await;
        let other = app.another_instance().await;
        let wanted = json!({"resource": "host-1"});
        let got = press_together(crowd(&[&app.instance, &other], 20, &wanted)).await;
        winners(&got, 1);
        assert!(got.iter().filter(|got| got.status == 201).all(|got| got.body["resource"] == "host-1"));
        winners(&press_together(crowd(&[&app.instance, &other], 20, &json!({}))).await, 2);
    }

    async fn work_goes_round_and_who_lost_theirs_is_next(engine) {
        let app = pool(engine, 3).await;
        let mut holds = Vec::new();
        for n in 0..6 {
            app.clock.advance(Duration::seconds(1));
            holds.push(app.hold_slot("pool", &after(SLOT, 30 * n)).await);
        }
        let served: Vec<_> = holds.iter().map(|hold| hold.text("resource")).collect();
        assert_eq!(served, ["host-0", "host-1", "host-2", "host-0", "host-1", "host-2"]);
        app.cancel(&holds[4]).await.expect(200);
        app.clock.advance(Duration::seconds(1));
        // Host 0 had one at the fourth, host 2 at the sixth; host 1 has only the second left.
        for (n, host) in [(6, "host-1"), (7, "host-0"), (8, "host-2"), (9, "host-1")] {
            app.clock.advance(Duration::seconds(1));
            let next = app.hold_slot("pool", &after(SLOT, 30 * n)).await;
            assert_eq!(next.text("resource"), host, "{n}");
        }
    }

    async fn who_is_busy_is_passed_over(engine) {
        let app = pool(engine, 2).await;
        app.clock.advance(Duration::seconds(1));
        app.offer("long", "host-0", 120, 9000).await;
        app.hold_slot("long", SLOT).await;
        for n in 0..4 {
            app.clock.advance(Duration::seconds(1));
            let hold = app.hold_slot("pool", &after(SLOT, 30 * n)).await;
            assert_eq!(hold.text("resource"), "host-1");
        }
    }

    async fn a_guest_gets_whom_they_wish_for_or_nobody(engine) {
        let app = pool(engine, 3).await;
        let wish = |wanted: &str| wish_of(1, "pool", SLOT, &json!({"resource": wanted}));
        let hold = app.checkout(&wish("host-2")).await.expect(201);
        assert_eq!(hold.text("resource"), "host-2");
        assert_eq!(hold.body["segments"][0]["resource"], "host-2");
        let refused = app.checkout(&wish("host-2")).await.expect_problem(409, "slot_taken");
        assert_eq!(refused.body["alternatives"].as_array().unwrap().len(), 5);
        for unknown in ["ana", "nobody"] {
            let refused = app.checkout(&wish(unknown)).await.expect_problem(422, "invalid");
            assert_eq!(refused.body["errors"][0]["field"], "resource", "{refused:?}");
        }
        app.checkout(&wish("host-1")).await.expect(201);
    }
}
