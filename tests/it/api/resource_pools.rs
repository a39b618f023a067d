//! Tests of event types that several hosts can serve: as many guests at one start as hosts, work spread evenly, and a
//! lost race that retries with the next host inside the same request.

use std::collections::BTreeSet;

use chrono::Duration;
use holdfast::sandbox::{Faults, PaymentOutcome};
use serde_json::{Value, json};

use crate::support::app::{Instance, TestApp, order};
use crate::support::booking_actions::{after, guest_checkout_body};
use crate::support::database::Engine;
use crate::support::on_both_engines;
use crate::support::race::{RaceRequest, RaceResponse, send_simultaneously, tally};

const SLOT: &str = "2026-12-01T10:00:00Z";

fn host_names(many: usize) -> Vec<String> {
    (0..many).map(|n| format!("host-{n}")).collect()
}

/// Starts a service with a 30-minute call that any of this many hosts can serve.
async fn start_pool(engine: Engine, many: usize) -> TestApp {
    let app = TestApp::start(engine).await;
    app.sell(
        "pool",
        &json!({"segments": [{"offset_minutes": 0, "duration_minutes": 30, "any_of": host_names(many)}]}),
    )
    .await;
    app
}

fn build_requests(instances: &[&Instance], guests: usize, more: &Value) -> Vec<RaceRequest> {
    let request = |n: usize| {
        RaceRequest::new(
            instances[n % instances.len()].address,
            guest_checkout_body(n, "pool", SLOT, more),
        )
    };
    (0..guests).map(request).collect()
}

/// Checks that this many won, each with another host, and that all others got `slot_taken`.
#[track_caller]
fn assert_winners(responses: &[RaceResponse], many: usize) {
    let counted = tally(responses);
    assert_eq!(
        (counted.won, counted.taken),
        (many, responses.len() - many),
        "{:?}",
        counted.other
    );
    let won = responses.iter().filter(|response| response.status == 201);
    let hosts: BTreeSet<_> = won
        .map(|response| response.body["resource"].as_str().unwrap())
        .collect();
    assert_eq!(hosts.len(), many);
}

on_both_engines! {
    async fn ten_hosts_serve_exactly_ten_guests_at_one_start(engine) {
        let app = start_pool(engine, 10).await;
        assert_winners(&send_simultaneously(build_requests(&[&app.instance], 10, &json!({}))).await, 10);
        assert_eq!(app.simulator.calls().create, 10);
        app.checkout(&order("pool", SLOT)).await.expect_problem(409, "slot_taken");
        app.hold_slot("pool", &after(SLOT, 30)).await;
    }

    async fn eleven_concurrent_guests_for_ten_hosts_leave_one_out(engine) {
        let app = start_pool(engine, 10).await;
        for day in 0..5 {
            let slot = after(SLOT, day * 1440);
            let requests = (0..11).map(|n| RaceRequest::new(app.address, guest_checkout_body(n, "pool", &slot, &json!({}))));
            assert_winners(&send_simultaneously(requests.collect()).await, 10);
        }
    }

    async fn rush_for_ten_hosts_creates_about_ten_sessions(engine) {
        let app = start_pool(engine, 10).await;
        assert_winners(&send_simultaneously(build_requests(&[&app.instance], 200, &json!({}))).await, 10);
        let asked = app.simulator.calls().create;
        eprintln!("{engine:?}: 200 guests for 10 hosts, {asked} session(s) asked for");
        assert!((10..=12).contains(&asked), "{asked}");
    }

    async fn two_instances_do_not_double_book_ten_hosts(engine) {
        let app = start_pool(engine, 10).await;
        let other = app.another_instance().await;
        assert_winners(&send_simultaneously(build_requests(&[&app.instance, &other], 100, &json!({}))).await, 10);
        let asked = app.simulator.calls().create;
        eprintln!("{engine:?}: two instances, 100 guests for 10 hosts, {asked} session(s) asked for");
        assert!((10..=22).contains(&asked), "{asked}");
    }

    async fn lost_race_retries_next_host_in_same_request(engine) {
        let app = start_pool(engine, 3).await;
        let other = app.another_instance().await;
        let slow = Faults { latency_ms: 1_500, ..Faults::default() };
        app.simulator.set_faults(slow);
        // Both read before either inserts, so both choose the same host.
        assert_winners(&send_simultaneously(build_requests(&[&app.instance, &other], 2, &json!({}))).await, 2);
        assert_eq!(app.simulator.calls().create, 2, "the retry with the next host reuses the session");
    }

    async fn rush_on_requested_host_has_one_winner(engine) {
        let app = start_pool(engine, 3).await;
        let other = app.another_instance().await;
        let wanted = json!({"resource": "host-1"});
        let responses = send_simultaneously(build_requests(&[&app.instance, &other], 20, &wanted)).await;
        assert_winners(&responses, 1);
        assert!(responses.iter().filter(|response| response.status == 201).all(|response| response.body["resource"] == "host-1"));
        assert_winners(&send_simultaneously(build_requests(&[&app.instance, &other], 20, &json!({}))).await, 2);
    }

    async fn least_recently_booked_host_is_next(engine) {
        let app = start_pool(engine, 3).await;
        let mut holds = Vec::new();
        for n in 0..6 {
            app.clock.advance(Duration::seconds(1));
            holds.push(app.hold_slot("pool", &after(SLOT, 30 * n)).await);
        }
        let served: Vec<_> = holds.iter().map(|hold| hold.text("resource")).collect();
        assert_eq!(served, ["host-0", "host-1", "host-2", "host-0", "host-1", "host-2"]);
        app.cancel(&holds[4]).await.expect(200);
        app.clock.advance(Duration::seconds(1));
        // Host 0 served the fourth start, host 2 the sixth; host 1 served only the second.
        for (n, host) in [(6, "host-1"), (7, "host-0"), (8, "host-2"), (9, "host-1")] {
            app.clock.advance(Duration::seconds(1));
            let next = app.hold_slot("pool", &after(SLOT, 30 * n)).await;
            assert_eq!(next.text("resource"), host, "{n}");
        }
    }

    async fn busy_host_is_skipped(engine) {
        let app = start_pool(engine, 2).await;
        app.clock.advance(Duration::seconds(1));
        app.offer("long", "host-0", 120, 9000).await;
        app.hold_slot("long", SLOT).await;
        for n in 0..4 {
            app.clock.advance(Duration::seconds(1));
            let hold = app.hold_slot("pool", &after(SLOT, 30 * n)).await;
            assert_eq!(hold.text("resource"), "host-1");
        }
    }

    async fn late_payment_gets_another_host_if_own_is_taken(engine) {
        let app = start_pool(engine, 2).await;
        let late = app.hold_slot("pool", SLOT).await;
        assert_eq!(late.text("resource"), "host-0");
        app.expire_by_false_event(&late).await;
        app.checkout(&guest_checkout_body(1, "pool", SLOT, &json!({"resource": "host-0"}))).await.expect(201);
        app.confirm(&late).await;
        assert_eq!(app.simulator.calls().refund, 0);
        let shown = app.admin_hold(late.text("id")).await;
        assert_eq!((&shown["resource"], &shown["segments"][0]["resource"]), (&json!("host-1"), &json!("host-1")));
        let history = shown["history"].as_array().unwrap();
        let message = json!("paid after the release; the slot was still free, now with host-1");
        assert!(history.iter().any(|line| line["message"] == message && line["to"] == "confirmed"), "{shown}");
        app.checkout(&guest_checkout_body(2, "pool", SLOT, &json!({}))).await.expect_problem(409, "slot_taken");
    }

    async fn late_payment_for_requested_host_is_refunded_if_taken(engine) {
        let app = start_pool(engine, 2).await;
        let wanted = json!({"resource": "host-0"});
        let late = app.checkout(&guest_checkout_body(1, "pool", SLOT, &wanted)).await.expect(201);
        app.expire_by_false_event(&late).await;
        app.checkout(&guest_checkout_body(2, "pool", SLOT, &wanted)).await.expect(201);
        app.pay(&late, PaymentOutcome::Paid);
        app.deliver_all().await;
        assert_eq!(app.state_of(&late).await, "released/late_payment_refunded");
        app.sweep().await;
        assert_eq!(app.simulator.refunds().len(), 1);
        app.checkout(&guest_checkout_body(3, "pool", SLOT, &json!({}))).await.expect(201);
    }

    async fn late_payment_after_move_keeps_requested_host(engine) {
        let app = start_pool(engine, 2).await;
        let next = after(SLOT, 60);
        for (asked, moved_to, ends) in [
            (json!({}), json!({"starts_at": next, "resource": "host-0"}), "released/late_payment_refunded"),
            (json!({"resource": "host-0"}), json!({"starts_at": next}), "confirmed"),
        ] {
            let late = app.checkout(&guest_checkout_body(1, "pool", SLOT, &asked)).await.expect(201);
            let moved = app.move_as_operator(&late, moved_to).await.expect(200);
            app.expire_by_false_event(&late).await;
            let host = json!({"resource": moved.text("resource")});
            let other = app.checkout(&guest_checkout_body(2, "pool", &next, &host)).await.expect(201);
            app.pay(&late, PaymentOutcome::Paid);
            app.deliver_all().await;
            assert_eq!(app.state_of(&late).await, ends, "{asked}");
            app.sweep().await;
            app.cancel(&other).await.expect(200);
        }
        assert_eq!(app.simulator.refunds().len(), 1);
    }

    async fn late_payment_gets_no_other_host_if_offer_changed(engine) {
        let app = start_pool(engine, 2).await;
        let late = app.hold_slot("pool", SLOT).await;
        app.expire_by_false_event(&late).await;
        app.checkout(&guest_checkout_body(1, "pool", SLOT, &json!({"resource": "host-0"}))).await.expect(201);
        let longer = json!({"segments": [{"offset_minutes": 0, "duration_minutes": 45, "any_of": host_names(2)}]});
        app.sell("pool", &longer).await;
        app.pay(&late, PaymentOutcome::Paid);
        app.deliver_all().await;
        assert_eq!(app.state_of(&late).await, "released/late_payment_refunded");
        app.sweep().await;
        assert_eq!(app.simulator.refunds().len(), 1);
    }

    /// Releases as many unpaid holds as there are hosts. All their guests pay late and at once, while others want the
    /// same hosts. No host is booked twice and nobody pays for nothing: the auditor checks it at the end.
    async fn late_payments_and_checkouts_race_for_hosts(engine) {
        const HOSTS: usize = 4;
        let app = start_pool(engine, HOSTS).await;
        let mut late = Vec::new();
        for n in 0..HOSTS {
            late.push(app.checkout(&guest_checkout_body(n, "pool", SLOT, &json!({}))).await.expect(201));
        }
        for hold in &late {
            app.expire_by_false_event(hold).await;
            app.pay(hold, PaymentOutcome::Paid);
        }
        let requests = (0..HOSTS).map(|n| RaceRequest::new(app.address, guest_checkout_body(100 + n, "pool", SLOT, &json!({}))));
        let (responses, ()) = tokio::join!(send_simultaneously(requests.collect()), app.deliver_all());
        let new = responses.iter().filter(|response| response.status == 201).count();
        let mut served = 0;
        for hold in &late {
            match app.state_of(hold).await.as_str() {
                "confirmed" => served += 1,
                other => assert_eq!(other, "released/late_payment_refunded"),
            }
        }
        assert_eq!(new + served, HOSTS, "{responses:?}");
        app.sweep().await;
        assert_eq!(app.simulator.refunds().len(), HOSTS - served);
    }

    async fn guest_gets_requested_host_or_none(engine) {
        let app = start_pool(engine, 3).await;
        let body = |wanted: &str| guest_checkout_body(1, "pool", SLOT, &json!({"resource": wanted}));
        let hold = app.checkout(&body("host-2")).await.expect(201);
        assert_eq!(hold.text("resource"), "host-2");
        assert_eq!(hold.body["segments"][0]["resource"], "host-2");
        let refused = app.checkout(&body("host-2")).await.expect_problem(409, "slot_taken");
        assert_eq!(refused.body["alternatives"].as_array().unwrap().len(), 5);
        for unknown in ["ana", "nobody"] {
            let refused = app.checkout(&body(unknown)).await.expect_problem(422, "invalid");
            assert_eq!(refused.body["errors"][0]["field"], "resource", "{refused:?}");
        }
        app.checkout(&body("host-1")).await.expect(201);
    }
}
