//! A `serve` process is killed in the middle of what it does (S24), as `kill -9` and the power failing do it: while Stripe
//! makes a session, while Stripe ends one. Another is started on the same books, and its sweep puts them right.
//!
//! Every step of every workflow is tried in `saga`, with processes that are killed only in thought; here they are real.

use holdfast::sandbox::{Faults, Outcome, SessionStatus};
use reqwest::{Method, RequestBuilder};
use tempfile::TempDir;

use crate::support::app::{Answer, Client, TestApp, order};
use crate::support::on_both_engines;
use crate::support::process::Process;
use crate::support::wait_for::eventually;

/// Attempts and orders that somebody still has to see to.
const UNFINISHED: &str = "SELECT (SELECT count(*) FROM commands WHERE done_at IS NULL)
    + (SELECT count(*) FROM checkout_attempts WHERE state IN ('running', 'unsettled'))";

/// A real process that sweeps every second.
async fn serve(app: &TestApp, directory: &TempDir, hold_ttl: &str) -> (Process, Client) {
    let variables = [
        ("HOLDFAST_SWEEP_CRON", "* * * * * *"),
        ("HOLDFAST_HOLD_TTL", hold_ttl),
    ];
    app.process(directory.path(), &variables).await
}

/// Stripe takes its time for every call, and does what it was told also where nobody waits for the answer any more.
fn stripe_is_slow(app: &TestApp) {
    app.simulator.set_faults(Faults {
        latency_ms: 1_500,
        ..Faults::default()
    });
}

fn stripe_is_quick(app: &TestApp) {
    app.simulator.set_faults(Faults::default());
}

/// A start in so many days.
fn in_days(app: &TestApp, days: i64) -> String {
    let at = app.clock_now() + chrono::Duration::days(days);
    at.format("%Y-%m-%dT10:00:00Z").to_string()
}

fn checkout(client: &Client, slot: &str) -> RequestBuilder {
    let request = client.request(Method::POST, "/v1/holds");
    request
        .header("Idempotency-Key", "order-17")
        .json(&order("call", slot))
}

fn session_of(app: &TestApp, hold: &Answer) -> SessionStatus {
    app.simulator
        .session(hold.text("checkout_session"))
        .unwrap()
        .status
}

on_both_engines! {
    async fn s24_a_process_killed_while_stripe_makes_the_session_leaves_none_behind(engine) {
        let (app, directory) = (TestApp::start(engine).await, tempfile::tempdir().unwrap());
        let slot = in_days(&app, 365);
        let (process, client) = serve(&app, &directory, "30m").await;
        stripe_is_slow(&app);
        let dies = async {
            eventually("Stripe is asked", async || (app.simulator.calls().create == 1).then_some(())).await;
            process.kill().await;
        };
        let (answer, ()) = tokio::join!(client.try_send(checkout(&client, &slot)), dies);
        assert!(answer.is_err(), "{answer:?}");
        eventually("Stripe makes it all the same", async || (app.simulator.sessions().len() == 1).then_some(())).await;
        stripe_is_quick(&app);

        let (_process, client) = serve(&app, &directory, "30m").await;
        client.send(checkout(&client, &slot)).await.expect_problem(409, "idempotency_in_progress");
        app.database.end_leases().await;
        eventually("it is recovered", async || (app.database.count(UNFINISHED).await == 0).then_some(())).await;
        let sessions = app.simulator.sessions();
        assert_eq!((sessions.len(), sessions[0].status), (1, SessionStatus::Expired), "the same key finds it");
        let hold = client.send(checkout(&client, &slot)).await.expect(201);
        app.pay(&hold, Outcome::Paid);
        app.deliver_all().await;
        assert_eq!(app.state_of(&hold).await, "confirmed");
    }

    async fn s24_a_process_killed_while_stripe_ends_a_session_leaves_its_slot_to_the_verdict(engine) {
        let (app, directory) = (TestApp::start(engine).await, tempfile::tempdir().unwrap());
        for (days, paid, verdict) in [(365, false, "released/expired"), (366, true, "confirmed")] {
            let slot = in_days(&app, days);
            let asked = app.simulator.calls().expire;
            let (process, client) = serve(&app, &directory, "1s").await;
            stripe_is_slow(&app);
            let hold = client.checkout(&order("call", &slot)).await.expect(201);
            eventually("the sweep asks Stripe", async || (app.simulator.calls().expire > asked).then_some(())).await;
            if paid {
                app.pay(&hold, Outcome::Paid);
            }
            process.kill().await;
            eventually("Stripe has done it", async || (session_of(&app, &hold) != SessionStatus::Open).then_some(())).await;
            stripe_is_quick(&app);
            assert_eq!(app.state_of(&hold).await, "held");

            let (_process, client) = serve(&app, &directory, "30m").await;
            app.database.end_leases().await;
            eventually(verdict, async || (app.state_of(&hold).await == verdict).then_some(())).await;
            let next = client.checkout(&order("long-call", &slot)).await;
            next.expect(if paid { 409 } else { 201 });
            app.deliver_all().await;
        }
    }
}
