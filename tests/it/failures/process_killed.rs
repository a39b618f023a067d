//! Kills a `serve` process while Stripe creates or expires a session (S24), as `kill -9` or a power failure does.
//! Another process starts on the same database, and its sweep recovers the work.
//!
//! The `saga` tests try every step of every workflow, but they only abort a task. Here the process is real.

use holdfast::sandbox::{Faults, PaymentOutcome, SessionStatus};
use reqwest::{Method, RequestBuilder};
use tempfile::TempDir;

use crate::support::app::{ApiResponse, Client, TestApp, order};
use crate::support::on_both_engines;
use crate::support::process::Process;
use crate::support::wait_for::eventually;

/// Counts the attempts and commands that still need work.
const UNFINISHED: &str = "SELECT (SELECT count(*) FROM commands WHERE done_at IS NULL)
    + (SELECT count(*) FROM checkout_attempts WHERE state IN ('running', 'unsettled'))";

/// Starts a real process that sweeps every second.
async fn start_process(app: &TestApp, directory: &TempDir, hold_ttl: &str) -> (Process, Client) {
    let variables = [
        ("HOLDFAST_SWEEP_CRON", "* * * * * *"),
        ("HOLDFAST_HOLD_TTL", hold_ttl),
    ];
    app.process(directory.path(), &variables).await
}

/// Delays every answer of Stripe. Stripe completes a call even if the caller is gone.
fn slow_down_stripe(app: &TestApp) {
    app.simulator.set_faults(Faults {
        latency_ms: 1_500,
        ..Faults::default()
    });
}

fn reset_stripe_faults(app: &TestApp) {
    app.simulator.set_faults(Faults::default());
}

/// Formats a start in so many days.
fn format_start_in_days(app: &TestApp, days: i64) -> String {
    let at = app.clock_now() + chrono::Duration::days(days);
    at.format("%Y-%m-%dT10:00:00Z").to_string()
}

fn build_checkout(client: &Client, slot: &str) -> RequestBuilder {
    let request = client.request(Method::POST, "/v1/holds");
    request
        .header("Idempotency-Key", "order-17")
        .json(&order("call", slot))
}

fn session_status(app: &TestApp, hold: &ApiResponse) -> SessionStatus {
    app.simulator
        .session(hold.text("checkout_session"))
        .unwrap()
        .status
}

on_both_engines! {
    async fn process_killed_during_create_leaves_no_session(engine) {
        let (app, directory) = (TestApp::start(engine).await, tempfile::tempdir().unwrap());
        let slot = format_start_in_days(&app, 365);
        let (process, client) = start_process(&app, &directory, "30m").await;
        slow_down_stripe(&app);
        let kill = async {
            eventually("Stripe receives the call", async || (app.simulator.calls().create == 1).then_some(())).await;
            process.kill().await;
        };
        let (answer, ()) = tokio::join!(client.try_send(build_checkout(&client, &slot)), kill);
        assert!(answer.is_err(), "{answer:?}");
        eventually("Stripe creates the session", async || (app.simulator.sessions().len() == 1).then_some(())).await;
        reset_stripe_faults(&app);

        let (_process, client) = start_process(&app, &directory, "30m").await;
        // The attempt of the killed process still has its lease.
        client.send(build_checkout(&client, &slot)).await.expect_problem(409, "idempotency_in_progress");
        app.database.expire_all_leases().await;
        eventually("the attempt is over", async || (app.database.count(UNFINISHED).await == 0).then_some(())).await;
        let sessions = app.simulator.sessions();
        // Recovery repeats the call with the same idempotency key, so Stripe creates no second session.
        assert_eq!((sessions.len(), sessions[0].status), (1, SessionStatus::Expired), "one session, and it is expired");
        let hold = client.send(build_checkout(&client, &slot)).await.expect(201);
        app.pay(&hold, PaymentOutcome::Paid);
        app.deliver_all().await;
        assert_eq!(app.state_of(&hold).await, "confirmed");
    }

    async fn process_killed_during_expire_keeps_slot_until_verdict(engine) {
        let (app, directory) = (TestApp::start(engine).await, tempfile::tempdir().unwrap());
        for (days, paid, verdict) in [(365, false, "released/expired"), (366, true, "confirmed")] {
            let slot = format_start_in_days(&app, days);
            let calls_before = app.simulator.calls().expire;
            let (process, client) = start_process(&app, &directory, "1s").await;
            slow_down_stripe(&app);
            let hold = client.checkout(&order("call", &slot)).await.expect(201);
            eventually("the sweep calls Stripe", async || {
                (app.simulator.calls().expire > calls_before).then_some(())
            })
            .await;
            if paid {
                app.pay(&hold, PaymentOutcome::Paid);
            }
            process.kill().await;
            eventually("Stripe has completed the call", async || {
                (session_status(&app, &hold) != SessionStatus::Open).then_some(())
            })
            .await;
            reset_stripe_faults(&app);
            assert_eq!(app.state_of(&hold).await, "held");

            let (_process, client) = start_process(&app, &directory, "30m").await;
            app.database.expire_all_leases().await;
            eventually(verdict, async || (app.state_of(&hold).await == verdict).then_some(())).await;
            let next = client.checkout(&order("long-call", &slot)).await;
            next.expect(if paid { 409 } else { 201 });
            app.deliver_all().await;
        }
    }
}
